// Command bench compares ofswitchd with Open vSwitch's userspace datapath and,
// where that says something, with the kernel's bridge, on this machine: each in
// turn in fresh network namespaces, A B A B, with the same generator and sink
// (package traffic) on the same processor. It prints medians, spread and ratios,
// and which of the goals (goals.go) are met.
//
//	bench [FLAG]... [LINE]...
//	bench -list
//
// It needs root, ofswitchd and ofctl in -bin, and the Debian packages that
// scripts/install-peers installs; what is not there is said and left out.
//
// # What the figures of a forwarding line are
//
// The generator offers several times what any switch takes; the value is what
// arrived at the sink a second. CPU is the switch's, from /proc, with what the
// kernel does while it sends: on a veth pair, everything up to the sink. What the
// kernel does to bring frames to the switch's port is done on the generator's
// processor and not in it. Then the generator offers half of that rate, at most
// 250,000 frames/s, and everything must arrive; what does not, what is out of
// order within its flow, and what has a wrong checksum is counted, and the line is
// marked wrong. Frames lost are excused, and told, where the kernel says that the
// switch was waiting for a processor for as long as they took to come: other
// programs had it.
//
// # Lines that must be named
//
// The lines curve-* (curves.go) measure over a number of rules, masks or flows; their
// medians are drawn as curves, and stand in a document between marks of their own.
// classbench-frames sends the frames of ClassBench traces, and is about the sets in -rules; -locality
// says how often a frame of a trace comes in a row.
//
// # To compare two builds
//
//	make build && cp -r bin /tmp/base && (change something) && make build
//	bench -base /tmp/base -rounds 5 frames-1
//
// measures both beside Open vSwitch, in turn.
package main
