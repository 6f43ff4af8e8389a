// Package bridge turns desired state into a switch and tells what came of it.
//
// A [Config] is plain desired state: bridges, their ports, controllers and
// listeners. [Switch.Apply] makes it true by difference: what did not change is
// not touched. The command line's flags build a Config; the configuration
// database will build the same one from its rows. There is no other way in.
//
// What cannot be had is no failure of the whole: a port whose device is absent
// keeps its OpenFlow number and is opened when the device appears; a port that
// is refused (no permission, a name given twice, a device with the default
// route) gets an error of one line in its [PortStatus], and the rest goes on.
//
// # Goroutines
//
// One Switch owns one goroutine, the link watcher, which ends with Close, and a
// timer while a port is refused for the default route. All state is guarded by
// Switch.mu; Apply, link events, the timer and unixctl commands take it in turn.
// Close waits for the watcher.
package bridge
