// Package configuration holds a test that asks Open vSwitch's own database and
// switch, and ours, the same by every command of ovs-vsctl(8) and every call of
// ovsdb-client(1), and compares what is printed, how the programs exit, and what
// the databases hold after each step; and then the same with ofctl in place of
// ovs-vsctl. So it does with what runs until it is ended, and is told of what
// others change (scenes_test.go). What may differ, and why, is a table (differences_test.go), which
// docs/ovs-vsctl.md repeats.
package configuration
