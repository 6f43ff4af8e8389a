// Package process prepares a process that forwards frames: the priority of its
// threads, and a collector of garbage that seldom runs while there is little to
// collect. Everything here is best effort: without it the switch works, and
// frames wait longer while others keep the machine busy.
package process
