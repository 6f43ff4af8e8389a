// Package netlab makes small networks on one machine: anonymous network
// namespaces, hosts in them, cables between them. The demonstration and the
// integration tests are built on it.
//
// A [Namespace] is one goroutine locked to one thread; it and every device and
// process group in it are gone when it is closed or the program ends, however
// it ends: nothing has a name in the file system.
package netlab
