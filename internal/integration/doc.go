// Package integration tests the programs as users run them: ofswitchd and
// ofctl between hosts in network namespaces, with clients and controllers that
// we did not write. It holds tests only; all need root.
package integration
