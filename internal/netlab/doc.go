// Package netlab makes small networks on one machine: anonymous network
// namespaces, hosts in them, cables between them. The demonstration, the
// benchmark and, by way of testutil.NS, the integration tests are built on it.
//
// A [Namespace] has no name in the file system: it and every device and process
// started in it are gone when it is closed or the program ends, however it
// ends.
package netlab
