// Package ofconn is the OpenFlow channel of one bridge: it dials controllers and
// listens for them, negotiates the version, keeps connections alive, hands
// each message to the switch (interface Switch) and brings replies, errors and
// asynchronous messages back.
//
// # What it promises
//
//   - Messages of one connection are processed strictly in the order in which
//     they came, each completely before the next one is looked at. Its errors
//     and replies go out in that order too, so an ERROR stands before the reply
//     to a barrier that was sent after the refused message.
//   - Replies go to the connection that asked, errors carry the request's xid
//     and its first bytes.
//   - A message that is refused changes nothing.
//   - Nothing that a peer sends, or leaves unread, costs more than its own
//     connection: all queues are bounded, and who does not read is closed.
//   - What the switch tells controllers (PacketIn, FlowRemoved, PortStatus) never
//     blocks the switch.
//
// # The parts
//
//	Manager                  the set of controllers and listeners; roles; fail mode
//	  dialer                 one controller that we connect to, with backoff
//	    auxDialers           its auxiliary connections, while the main one lives
//	  listener               one address where controllers and tools connect
//	    conn                 one connection, of either
//	      reader             cuts the stream into messages; inactivity probe
//	      dispatch           message -> Switch -> replies
//	      outbox             what waits to be written
//	        pinsched         packet-ins, one queue per in-port, round robin
//
// # Where things are
//
//	manager.go params.go switch.go        the set of controllers, and what it calls
//	status.go failmode.go
//	dial.go reconnect.go auxiliary.go     connections: how they come and end
//	listen.go target.go tls.go
//	conn.go channel.go handshake.go       a connection
//	reader.go versions.go errors.go
//	dispatch.go experimenter.go           messages that come
//	openflow10.go flow_mods.go groups.go
//	queue_config.go role.go
//	multipart*.go                         multipart requests and their replies
//	bundle*.go                            bundles
//	monitor*.go flow_change.go            flow monitors
//	outbox.go answer.go pinsched.go       what goes out, and in which order
//	packet_in*.go async.go                messages that nobody has asked for
//	role_status.go
//	snoop.go                              those who listen to a conversation
//
// # Sending
//
// An outbox has three classes. Replies are bounded by making the one who
// produces them wait: a dump of a million flows holds two messages in memory
// when the peer reads slowly, and reading from that peer stops meanwhile.
// Flow-removed and port-status share the first-in-first-out queue with the
// replies, since their order against these matters, and are bounded by a
// budget: over it flow-removed messages are dropped and counted, and a
// port-status closes the connection, whose controller then learns the ports
// anew. Packet-ins have their own queues: a few per port, fairly drawn, and
// dropped and counted when there are too many. Where nothing else waits they are
// written by who brings them, all of a batch in one piece (packet_in_write.go).
//
// # Auxiliary connections
//
// A channel is what the connections of one controller share: role,
// asynchronous configuration, miss_send_len (OpenFlow 1.3.5 §6.3.5). Answers go
// where the request came; barriers are a connection's own. What the switch says
// by itself goes over the main connection, but packet-ins, which go over the
// auxiliary ones while there are any: all of a flow over the same one. So packet-ins
// of a flow keep their order, except for those under way when an auxiliary
// connection comes or goes.
//
// They are for controllers that we dial, over the same transport, to the same
// address and from the same address as the main connection. A listener
// cannot have any: the specification lets only the switch open them, and one that
// waits for controllers does not know where to. Each accepted connection is a main
// one, with auxiliary id 0. There are none over UDP or DTLS.
//
// # Packet-outs
//
// Controllers answer many packet-ins in one piece. A packet-out that has another, or a flow
// entry to be added, behind it in the buffer is carried out at once, and what it sends leaves with
// the next (Switch.DeferPacketOut, at most maxUnsent in a row): a system call for all of them. Flow-mods and
// packet-outs in turns are gone through as two lists where that changes nothing (flow_mods.go).
// Nothing is left over when the reader waits, or writes an answer.
//
// # Bundles, flow monitors, snooping
//
// A connection keeps the messages of its open bundles as they came, checked; the
// commit hands them to Switch.Bundle one after the other. What is refused, and what
// that does to the bundle, is as in Open vSwitch.
//
// Flow monitors hear of changes by Manager.FlowsChanged and make updates of them at
// once, into the outbox, until too much waits there: then they pause, and deletions, which
// are told in a pause too, wait as they came and are made updates as the peer reads. What
// is in the tables when they begin, and what is new when
// a pause ends, is read from the switch at one version and written as the peer reads
// it; changes since wait behind that.
//
// Snoop copies the messages of controllers to who connects to its socket.
//
// # Goroutines
//
//   - Manager.watch, one per Manager: fail mode and OnConnected. Started by
//     NewManager; stopped and waited for by Close.
//
//   - dialer.run, one per controller: dials, then reads and dispatches its
//     connection. Started by SetControllers; stopped and waited for by
//     SetControllers (when the controller is no longer wanted) or Close.
//
//   - dialer.run again, one per auxiliary connection. Started when its main
//     connection's setup is complete, or by SetControllers; stopped by the end of
//     the main connection or SetControllers; waited for by the main one's dialer.
//
//   - listener.accept, one per listener; and one per accepted connection, which
//     reads and dispatches it. Started by SetListeners and by accept; stopped
//     and waited for by SetListeners or Close.
//
//   - conn.write, one per connection: empties the outbox. Started and waited for
//     by the goroutine that reads the connection; it ends when the connection is
//     closed.
//
//   - flowMonitors.resume, for a connection whose flow monitors pause: ends the
//     pause. Stopped by the end of the connection, waited for by its reader.
//
//   - a bundle's timer, for a moment. Stopped by the end of the bundle.
//
//   - Snoop.accept, and Snoop.read and Snoop.write for each who snoops. Started by
//     Listen and accept; stopped and waited for by Close.
//
// # Locks
//
// Manager.configMu (held over SetControllers, SetListeners, Close), then
// Manager.mu, then a dialer's or a connection's own, then outbox.mu. Manager.watchMu
// is held while Switch.WatchFlows is called, which calls back with the switch's own
// lock held; flowMonitors.mu comes after that. No other lock is
// held while a method of Switch or a function of Options is called, but
// configMu may be: these must not call SetControllers, SetListeners or Close.
//
// # Requests in parts
//
// Multipart requests in several messages are put together by the reader
// (partsTable), without goroutines or timers: the time limit of the next part is
// a deadline of the next read. Each request has one answer, and is bounded in
// bytes, number and time.
//
// # Versions
//
// A connection speaks OpenFlow 1.3 or 1.0, by the list of SetProtocols and the
// hellos. One of 1.0 has a codec (package of10) that reads its messages as those
// of 1.3 and writes what is said to it; openflow10.go has its dispatch, which
// shares the handlers but for a few. While there is one that takes packet-ins the
// switch is told to send frames that no entry matches (Options.OnMissPacketIn).
package ofconn
