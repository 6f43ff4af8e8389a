// Package vlog is the log of a daemon: a slog.Handler whose levels are set by
// module and destination while it runs, as `ovs-appctl vlog/set` does.
//
// A module is the package that logs, known by the program counter of each record: no
// caller says which it is. Destinations are the console (standard error), a file, which
// can be closed and opened again for logrotate, and syslog, which is dialled when a
// level is first set for it. Lines are slog's text form in all three.
//
// All methods may be called from any goroutine. What is logged below every level in
// force costs one atomic load.
package vlog
