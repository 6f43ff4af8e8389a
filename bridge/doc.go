// Package bridge turns desired state into a switch and tells what came of it.
//
// A [Config] is plain desired state: bridges, their ports, controllers and
// listeners. [Switch.Apply] makes it true by difference: what did not change is
// not touched. The command line's flags build a Config, and package bridge/database
// builds one from the rows of the configuration database. There is no other way in.
//
// What cannot be had is no failure of the whole: a port whose device is absent
// keeps its OpenFlow number and is opened when the device appears; a port that
// is refused (no permission, a name given twice, a device with the default
// route) gets an error of one line in its [PortStatus], and the rest goes on.
//
// # Where things are
//
//	config*.go other_config.go                what may be desired
//	switch.go apply.go state.go alive.go      the switch: what is made of it, and how it fares
//	ports.go port_io.go device_options.go     ports: open or not, numbers, addresses, MTUs
//	link_event.go numbers.go mac.go mtu.go
//	l2.go qos.go flow_tables.go inband.go     what Apply does of one kind
//	threads.go rx_affinity.go kernel_path.go
//	tls.go events.go                          controllers
//	unixctl*.go                               commands of ovs-appctl's protocol
//
// # Goroutines
//
// One Switch owns one goroutine, the link watcher, which ends with Close; others live
// for a moment: for ports that are refused for now, for lost devices, for samples of events,
// and within Apply for the controllers of several bridges (docs/goroutines.md). All state is
// guarded by Switch.mu; Apply, link events, timers and unixctl commands take it in turn.
// Close waits for the watcher.
package bridge
