// Package kernelpath has the kernel forward frames itself where the switch has settled
// what becomes of them: eBPF programs look each frame up in a table of flows that the
// switch fills, count it, and send it on without copying it to the process.
package kernelpath
