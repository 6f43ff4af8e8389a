// Package ofswitch is the heart of the switch: one Datapath of forwarding
// threads, caches and ports, and any number of Bridges, each an OpenFlow 1.3
// switch with tables, a MAC table and controllers.
//
// # What
//
// A frame comes from a port's receive queue, gets a flow.Key, and the key a
// program from the cache of its worker. The first frame of a key has no
// program yet: translation walks the flow tables and writes one. Execution
// runs programs and gathers the frames into one transmit batch per port.
//
// # Goals
//
//   - Per frame no lock, channel, allocation, log, clock read or atomic
//     read-modify-write on the path of cached flows.
//   - Every frame sees all of a change or nothing of it, over all tables.
//   - Counters are exact: what a flow counted is what it forwarded.
//   - A change costs only the flows that it concerns.
//
// # Basic design
//
// Worker (worker.go): one locked thread that runs to completion. It owns
// receive queues, a cache, programs, frame memory and one transmit handle per
// port. In a batch its epoch (epoch.go) is odd; the version of all tables is
// loaded once per batch. Workers come and go while frames are forwarded (team.go), and
// receive queues move between them (rx_moves.go): the former owner gives a queue up, Sync, the
// next one polls it. Which worker gets which queue is a pure function (rx_spread.go) of what
// each queue cost (rx_load.go).
//
// Program (program.go): plain data. Operations on the frame, credits to count
// on, effects to carry out once a second, and dependencies that tell whether a
// change concerns it. Its cell (cell.go) counts frames with plain stores by
// one thread; folding moves what is new in a cell to the credits.
//
// Stamp: a worker's stamp rises when the version of the tables or a MAC table
// has changed since its last batch. A program whose stamp is the worker's is
// fresh, which is one comparison. Otherwise its dependencies are asked once,
// and if none says "changed" it is stamped again. The dependencies are asked
// for all keys that the program is for: each lookup in a table has a region (translate_region.go),
// the bits of the words looked up that all these keys share, and a change of the table
// concerns the program if it concerns any frame of the region. A program that may be
// concerned is translated again, and kept if it comes out the same (program.adopt).
//
// Caches (caches.go): exact keys, and behind them wildcarded ones, each with as many bits as
// translation looked at. Both lead to the same programs. A batch is gone over twice, first to
// extract and look up, then to execute, so that loads from memory of several frames overlap.
// What a megaflow's frames may differ in, although they have one program:
//
//	output, set, push, pop, TTL     act on the frame as it is; that the header is there was looked
//	                                at, or is in the words in use, which all frames of a
//	                                megaflow share (so truncated frames have others)
//	decrement TTL                   that it is above 1 was looked at, by its highest bit
//	learning an address             source address, VLAN and port were looked at
//	select group                    all that goes into the hash was looked at
//	packet-in                       carries the frame itself; its match has tunnel and metadata,
//	                                looked at, or written by entries
//	meter                           judges each frame; then the frame comes again
//	recirculation, reassembly       the frame is extracted again; what is frozen of it (tunnel,
//	                                tags of a fragment) was looked at; the recirculation id, which
//	                                is in every mask, is the program's own
//	outputs by a bond               the source address and VLAN that choose were looked at
//	queue, mirror, truncation       follow from entries and configuration
//	GSO frames                      are segmented where an operation asks for it, one by one
//
// Translation (translate*.go) keeps the frame's fields as they are after the
// actions so far in a flow.Wide. Where actions change which headers the frame
// has (a third tag, another EtherType), the program ends with a recirculation:
// the frame is extracted again, and the rest of the walk, frozen, goes on from
// there. Translation records every bit of the key that it looked at.
//
// Groups are resolved in translation: the bucket of a select group by a hash
// whose bits are recorded (or, where too many flows come, frame by frame: translate_select.go),
// that of a fast failover group by what lives. A program
// hangs on the edition of each group that it asked for and, for ports, on the
// bridge's configuration, which a change of a port's liveness renews. A meter
// ends a program: what it lets pass goes on by recirculation, so that what stands
// behind counts and sees that alone.
// The virtual meters (virtual_meter.go) belong to no flow: CONTROLLER stands before
// the queue of packet-ins, SLOWPATH before translation. A meter locks itself for
// each frame, since workers share its tokens: the one lock on the path of frames.
//
// A port may have queues (qos_config.go): its shaper (qos_shaper.go) decides which
// frame leaves when. Operations point to the transmit batch of a queue; what may
// not leave at once waits as a copy (qos_enqueue.go) for the worker that owns the shaper.
//
// Packet-out runs through the control executor: a worker without thread, queues
// and cache, driven by its callers, one at a time. What one of several that follow each
// other sends may leave with the next (DeferPacketOut), at the latest by Sync.
//
// # Where things are
//
//	worker.go forward.go polling.go epoch.go cell.go  a worker, its batch, how it waits
//	caches.go sweep.go hull.go                        the way to a program, and out of the caches
//	program*.go params.go drop.go                     programs and their text, bounds, reasons of drops
//	translate*.go                                     flow tables to a program; NORMAL, mirrors, groups
//	exec*.go transmit.go coalesce.go reassemble.go    a program over frames, and what leaves
//	virtual_meter.go upcall.go packet_out.go          frames to controllers, and from them
//	buffer.go
//	rx_*.go                                           receive queues: who polls which, policing
//	qos_*.go tokens.go                                queues of ports
//	team.go thread*.go worker_counts.go               forwarding threads, and what they do
//	epoll_unsafe.go
//	kernel_*.go                                       programs that the kernel carries out
//	datapath.go ports.go collector.go fold.go         the datapath, its ports, its housekeeping
//	trim.go unlink.go listing.go gather.go
//	bridge.go control.go flow_mods.go bundle.go       a bridge, and what its controllers ask for
//	group.go table_config.go table_features.go
//	limits.go stats.go feed.go version.go
//	l2_config.go bond.go macs.go failmode.go          a bridge as a learning switch
//	inband.go
//	inspect.go trace*.go                              what persons ask: flows, threads, traces
//	plant.go                                          bugs that tests put in
//
// # Order of frames
//
// A batch is executed in the order of its frames: neighbours with the same
// program run together, others never overtake each other. So frames that leave
// through one port leave in the order in which they arrived, also where frames
// of one connection have different keys (TCP flags, fragments).
//
// # Thread-safety
//
// Methods of Datapath and Bridge may be called from any goroutine. Locks, from
// the outermost: Bridge.portMu, Datapath.gatherMu, flowFeed.mu, Datapath.reapMu, Datapath.teamMu, Datapath.ctlMu, Datapath.mu
// (the writer lock), Datapath.foldMu, kernelFlows.mu; then leaf locks that are never held
// together (upcalls.mu, worker.mailMu, Datapath.pendMu, remains.mu, shaper.mu, FDB, buffers.mu,
// Reassembler). Sync is never called with the writer lock held. Workers take a lock on a cache miss,
// at the queues of a port and for fragments to be reassembled, and only leaf locks. What a worker reads without a lock is
// behind atomic pointers and immutable (bridgeConf, rxSet), versioned
// (flowtable), or atomic itself.
package ofswitch
