// Package kernelpath has the kernel forward frames itself where the switch has settled
// what becomes of them: eBPF programs look each frame up in a table of flows that the
// switch fills, count it, and send it on without copying it to the process.
//
// # How a frame goes
//
// A packet socket gets its copy of a frame before the program at the TCX hook does, on the same
// processor and in the same softirq. So a port with a ring has two programs. The filter at the ring's
// socket (SO_ATTACH_BPF, set before the socket is bound) looks the frame up. If a flow takes it, it is
// counted there, the socket does not get it, and the flow's number stays in a word of this
// processor. The program at ingress, in front of the one that isolates the
// device (package isolate), finds the number and redirects the frame. Otherwise it goes to
// the socket, and isolation drops it as ever. There is one decision a frame: none goes both
// ways, or neither. What the host sends through a TAP meets one program, at the
// TAP's egress hook, that does both.
//
// A flow has up to MaxOutputs outputs: copies go to all but the first, and the frame itself there. They share what they
// can, and each has headers of its own.
//
// Towards a device the frame leaves with the mark that isolation lets through, by the
// device's queueing discipline; towards a TAP the host's stack receives it. GSO
// packets, partial checksums and the tag beside a frame stay as they are.
//
// # The table
//
// is one value of a mappable array, which the programs address directly and the switch has mapped: ports
// (direct-mapped by ifindex; a second device with the same place has no kernel path), a
// word of the epoch and one for the number above for each processor, and flows, in buckets of
// eight, found by a hash of what a mask leaves of the key (Key, Class). Nothing is
// allocated or freed by the kernel, and adding or removing a flow is a few stores. Each port
// looks at up to MaxMasks masks.
//
// # Order
//
// When a flow comes, frames of it may lie before the switch. The programs count the frames that go
// on to the switch (passed); the port tells of those that it has sent or dropped, by batches when
// all of one is sent, and of those that the kernel lost for want of room (Done, Dropped). A flow begins
// as armed: its frames go on to the switch, and each notes that it did. It becomes active,
// for ever, with a frame that finds either that all that passed is done, or, behind a ring,
// that as many are done as had come when the program at ingress saw the flow's last frame, which lies
// in the ring by then. (The count from before the ring would not do: on another processor a
// frame with a higher number may get there first.) A frame that may come by several flows
// goes by one that is active, if any is, and is noted at all of them otherwise. A new flow
// is held back until no frame is on its way that has looked before it was there.
//
// A flow can be held (Hold): its frames go to the switch, and when it is released it becomes active as
// a new one does. The switch does so to make a sender wait whose frames never cease to lie before it.
//
// When a flow is removed or held, its next frame goes to the switch. What the kernel has sent before has
// been handed to the device by then; but a veth, or the way to a TAP's host, hands frames on by a queue of the
// processor (its backlog). A sender whose packets the kernel segments puts dozens of frames there at once, and those that are
// sent on come behind them: so the switch, on another processor, would overtake them. Of 60 datagrams segmented at the
// sender's device the 10 that the kernel had sent came late in 99 removals of 100 (TestIntegrationKernelPathLeft). So
// the switch forwards nothing that comes by the flow's port from before it is removed until Drain returns: until each processor has
// handled what lay in its backlog, as /proc/net/softnet_stat tells, or 5 ms have gone by.
// Where it cannot be read, Drain waits for a grace period of the kernel, some 10 ms. A pair of veth devices
// keeps the order of such senders, and so does a bridge: of 2.8 and 1.4 million datagrams none came late, the sender bound to
// a processor or not. Late datagrams of a sender that sends one at a time, 151 and 78 in two of seven streams while the
// kernel's part was turned off and on, were not seen again: in some 60 streams without this wait, and in four with it. So it is not
// known whether they had the same cause.
//
// Not waited for is what lies in the transmit queues of a network card, of which it may use another for what the switch sends; and
// what RPS at the receiver puts in the backlog of another processor before a flow becomes active. And a flow that leaves by
// itself, since somebody has put a program in front of the one at ingress or a frame is longer than the output takes, is not waited
// for at all.
//
// Fragments, packets with options and others without a class are never noted: they may
// change places with the flow's other frames.
//
// # Removing, and counts
//
// Each processor's epoch is odd while a frame is between the look and where it goes. Remove takes a
// flow out of the index, and Wait waits until each processor has been somewhere else: then nothing uses
// the flow, its counts are final, and its slot and mask may be used again.
// A GSO packet counts as its segments, as packet.Frame.Segments counts them; a UDP packet to be fragmented and
// a tunnel's GSO packet, which the programs cannot tell from segments of UDP, count as such.
//
// # What it takes
//
//	Linux   what
//	5.8     CAP_BPF, bpf_ktime_get_ns and its kin for programs of any licence
//	5.12    atomic operations that give the old value
//	6.6     TCX, and isolation by it
//
// None of the helper functions is for GPL programs alone; the programs are under the Apache License 2.0 as all
// of this is. On kernels with PREEMPT_RT softirqs interrupt each other, so that another frame may come between
// the two programs: Open refuses them. Nothing is pinned: links, programs and table go with the process.
//
// Attaching to a hook takes the kernel some 10 ms, with its lock on the configuration of devices held: a port's
// program comes with its first flow, or when no ports are being opened (Prepare). A frame on a port that
// never had a flow costs less than 30 ns in the filter, one past four masks that are not its own some 140, one
// that hits by the first some 110 (BenchmarkIntegrationFilter, which includes the loop of the kernel's test runs).
//
// A TAP that is moved to another network namespace keeps its program until the switch has seen that (Leave): what
// it sends before may go to a device of that namespace.
// A queueing discipline on the TAP itself does not see what the kernel forwards: a TAP that somebody
// has given one that shapes has no kernel path. Nor does tcpdump: a TAP that is promiscuous has none either.
//
// A program of somebody else in front of the one at ingress may keep, or change, frames that a flow has taken. The filter sees
// that with the next frame on the processor, and takes none from then on; Others tells of such programs, and at TAPs
// of those that stand behind. nftables at the egress hook of a device does not meet what is redirected there: a port with such
// a chain has no kernel path. What is sent is counted when it is handed to the device: what a program or a queueing discipline
// there, or the other end of a veth, drops is counted as sent, where the switch itself would be told of it.
//
// # Building
//
// bpf/kernelpath.c is compiled by "make kernelpath", with clang 14 or later; the object is in the repository
// and embedded, so that building the switch takes no compiler but Go's. A test holds that it was made of
// this source.
package kernelpath
