// Package unixctl is the protocol of ovs-appctl: a running program takes
// commands, each a word with text arguments, over a Unix socket, and answers
// with text.
//
// A program named PROG makes two files in its run directory, by which stock
// ovs-appctl -t PROG finds it:
//
//   - PROG.pid holds its process id, and a POSIX write lock of the process for
//     as long as it lives. Who reads the file asks for the lock's holder
//     (F_GETLK) and so never takes a stale id for a live one.
//   - PROG.PID.ctl is the socket. Requests on it are JSON-RPC 1.0,
//     {"id":0,"method":COMMAND,"params":[ARGUMENT...]}; the result or error of
//     the reply is a string.
//
// # The lock
//
// A POSIX lock belongs to the process and is lost when the process closes any
// descriptor of the file, not only the one that it locked. So the pid file is
// opened once, its descriptor is kept until Server.Close, and everything here
// that reads pid files (ReadPID, Dial) knows the files of its own process
// without opening them.
//
// # Goroutines
//
// NewServer starts one that accepts, which starts one per connection, at most
// MaxConnections. Server.Close stops and waits for all of them; a command in
// progress is given a moment to be answered, so that the command that ends the
// program gets its reply out. Commands run in the goroutine of their
// connection, one at a time over all connections.
package unixctl
