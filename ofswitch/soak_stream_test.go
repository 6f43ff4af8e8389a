package ofswitch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// The bridge of the soak whose frames never stop. What they meet changes all the
// time, so nobody can say where each goes; but each is counted by one entry of table 0,
// and cookies say what the entries with them do with their frames, whatever has been
// modified: so all counters add up. A cookie is the table, times 256, plus a kind of
// frames, by destination address, whose last three bits are its role in table 0; those
// that go on to table 1 have one there by the three before.
const (
	soakKinds   = 64
	soakPorts   = 5 // 1 and 2 receive, the others send
	soakLimit0  = 150
	soakLimit1  = 200
	soakGroups  = 3
	soakMeters  = 3
	missCookie  = 0xff00
	soakVariant = 15 // entries that differ, of a table and a kind
)

// Roles of kinds. What is no role of these sends its frames out of one port.
const (
	roleGoto  = 0 // in table 0: on to table 1
	roleGroup = 4 // by a group that sends one copy
	roleMeter = 5 // past a meter
	roleDrop  = 6
	rolePin   = 7 // to controllers
)

type soakStream struct {
	b    *Bridge
	m    *ofconn.Manager
	path string
	ears *soakEars
	mems [soakPorts + 1]*ports.Mem

	sent, bytes [3]atomic.Uint64 // by port

	listener *soakListener
	ledger   *soakLedger
}

// soakLedger adds up what removed entries had counted.
type soakLedger struct {
	counts map[uint64][2]uint64 // by cookie
	mirror *soakMirror
}

func newSoakStream(s *soak) (*soakStream, error) {
	st := &soakStream{ears: &soakEars{}}
	var err error
	if st.b, err = s.d.AddBridge("stream", BridgeOptions{Controllers: st.ears}); err != nil {
		return nil, err
	}
	for no := 1; no <= soakPorts; no++ {
		st.mems[no] = ports.NewMemWith(fmt.Sprint("stream", no), ports.MemOptions{Ring: 1024, Capture: -1})
		if err := st.b.AddPort(ofp.PortNo(no), st.mems[no]); err != nil {
			return nil, err
		}
	}
	st.b.SetTableConfig(map[ofp.TableID]flowtable.TableConfig{0: {Limit: soakLimit0, Evict: true}, 1: {Limit: soakLimit1}})
	for table := range ofp.TableID(2) {
		miss := &ofp.FlowMod{Table: table, Cookie: missCookie | uint64(table), BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		if err := st.b.FlowMod(miss); err != nil {
			return nil, err
		}
	}
	st.m, st.path = s.channel(st.b, st.ears)
	if err := st.m.SetListeners([]ofconn.Listener{{Target: "punix:" + st.path, Management: true, MaxConns: 40}}); err != nil {
		return nil, err
	}
	st.ledger = &soakLedger{counts: map[uint64][2]uint64{}, mirror: &soakMirror{entries: map[string]uint64{}}}
	monitor := &ofp.MultipartRequest{Kind: ofp.MultipartExperimenter, Body: &ofp.FlowMonitors{Experimenter: ofp.ExperimenterONF, Monitors: []ofp.FlowMonitor{{
		ID: 1, Table: ofp.TableAll, OutPort: ofp.PortAny,
		Flags: ofp.FlowMonitorInitial | ofp.FlowMonitorAdd | ofp.FlowMonitorDelete | ofp.FlowMonitorModify,
	}}}}
	st.listener, err = soakListen(st.path, st.ledger.hear, soakAsync, monitor)
	return st, err
}

func (l *soakLedger) hear(h ofp.Header, m ofp.Message) {
	if r, ok := m.(*ofp.FlowRemoved); ok {
		l.mirror.mu.Lock()
		c := l.counts[r.Cookie]
		l.counts[r.Cookie] = [2]uint64{c[0] + r.PacketCount, c[1] + r.ByteCount}
		l.mirror.mu.Unlock()
		return
	}
	l.mirror.hear(h, m)
}

// feed has frames of all kinds come to a port until stop, in bursts.
func (st *soakStream) feed(no int, seed uint64, stop func() bool) {
	rng := rand.New(rand.NewPCG(seed, uint64(no)))
	frames := make([][]byte, 2048)
	for i := range frames {
		f := udp(byte(rng.IntN(200)), 0, uint16(rng.IntN(60_000)), uint16(rng.IntN(4)))
		ip := packet.IPv4(f[14:])
		ip.SetDst(10<<24 | uint32(rng.IntN(soakKinds))<<8 | uint32(rng.IntN(4)))
		ip.UpdateChecksum()
		f[40], f[41] = 0, 0 // no checksum of UDP
		frames[i] = append(f, make([]byte, rng.IntN(1400))...)
	}
	for !stop() {
		for range 64 {
			f := frames[rng.IntN(len(frames))]
			if st.mems[no].InjectBytes(f) != 1 {
				break
			}
			st.sent[no].Add(1)
			st.bytes[no].Add(uint64(len(f)))
		}
		time.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond)
	}
}

// role is what the entries with a cookie do.
func role(cookie uint64) uint64 { return cookie >> (3 * (cookie >> 8)) & 7 }

// match is one of soakVariant matches of a kind's frames.
func soakMatch(kind uint64, variant int) (m flow.Match) {
	m.Set(flow.EthType, flow.Value{Lo: packet.TypeIPv4})
	m.Set(flow.IPProto, flow.Value{Lo: packet.ProtoUDP})
	if in := variant % 3; in > 0 {
		m.Set(flow.InPort, flow.Value{Lo: uint64(in)})
	}
	ip := 10<<24 | kind<<8
	if x := uint64(variant / 3); x < 4 {
		m.Set(flow.IPv4Dst, flow.Value{Lo: ip | x})
	} else {
		m.SetMasked(flow.IPv4Dst, flow.Value{Lo: ip}, flow.Value{Lo: 0xffffff00})
	}
	return m
}

// soakRules makes random changes of the stream's bridge.
type soakRules struct{ *rand.Rand }

func (r soakRules) flowMod() *ofp.FlowMod {
	table, kind := ofp.TableID(r.IntN(2)), uint64(r.IntN(soakKinds))
	if table == 1 {
		kind &^= 7
	}
	m := &ofp.FlowMod{
		Table: table, Cookie: uint64(table)<<8 | kind, Flags: ofp.FlowSendFlowRem, Priority: uint16(1 + r.IntN(3)),
		BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
		Match: soakMatch(kind, r.IntN(soakVariant)), Instructions: r.instructions(table, kind),
	}
	if r.IntN(2) == 0 {
		m.IdleTimeout, m.HardTimeout = uint16(r.IntN(3)), uint16(r.IntN(4))
	}
	if r.IntN(20) == 0 {
		m.Flags |= ofp.FlowCheckOverlap
	}
	switch n := r.IntN(100); {
	case n < 55:
	case n < 65:
		m.Command = ofp.FlowModifyStrict
	case n < 72: // all of the kind, whatever their matches are
		m.Command, m.CookieMask, m.Match = ofp.FlowModify, ^uint64(0), flow.Match{}
	case n < 90:
		m.Command = ofp.FlowDeleteStrict
	default:
		r.many(m)
	}
	return m
}

// many makes m delete several entries, never those of table-misses.
func (r soakRules) many(m *ofp.FlowMod) {
	m.Command, m.Match = ofp.FlowDelete, flow.Match{}
	m.Match.Set(flow.EthType, flow.Value{Lo: packet.TypeIPv4})
	switch r.IntN(6) {
	case 0:
		m.CookieMask = 0xff
	case 1:
		m.Table, m.CookieMask = ofp.TableAll, 0x3f
	case 2:
		m.OutPort = ofp.PortNo(3 + r.IntN(3))
	case 3:
		m.OutGroup = uint32(1 + r.IntN(soakGroups))
	case 4:
		m.Match.SetMasked(flow.IPv4Dst, flow.Value{Lo: 10<<24 | uint64(r.IntN(soakKinds))<<8}, flow.Value{Lo: 0xfffffc00 << r.IntN(3) & 0xffffffff})
	default:
		if m.Table = ofp.TableAll; r.IntN(20) > 0 {
			m.Match.Set(flow.InPort, flow.Value{Lo: uint64(1 + r.IntN(2))})
		}
	}
}

func (r soakRules) out() ofp.Action { return output(ofp.PortNo(3 + r.IntN(3))) }

func (r soakRules) instructions(table ofp.TableID, kind uint64) ofp.Instructions {
	switch role(uint64(table)<<8 | kind) {
	case roleGoto:
		if table == 0 {
			return then(ofp.Instructions{}, 1)
		}
	case roleGroup:
		return write(ofp.Group{GroupID: uint32(1 + r.IntN(soakGroups))})
	case roleMeter:
		in := apply(r.out())
		in.Has |= 1 << ofp.InstrMeter
		in.Meter = uint32(1 + r.IntN(soakMeters))
		return in
	case roleDrop:
		return ofp.Instructions{}
	case rolePin:
		return apply(ofp.Output{Port: ofp.PortController, MaxLen: uint16(r.IntN(200))})
	}
	if r.IntN(2) == 0 {
		return write(r.out())
	}
	return apply(set(flow.IPDSCP, uint64(r.IntN(64))), r.out())
}

func (r soakRules) groupMod() *ofp.GroupMod {
	m := &ofp.GroupMod{
		GroupID: uint32(1 + r.IntN(soakGroups)), GroupType: ofp.GroupType(r.IntN(4)),
		Command: []uint16{ofp.GroupAdd, ofp.GroupAdd, ofp.GroupModify, ofp.GroupModify, ofp.GroupDelete}[r.IntN(5)],
	}
	n := 1
	if m.GroupType == ofp.GroupTypeSelect || m.GroupType == ofp.GroupTypeFastFailover {
		n += r.IntN(3)
	}
	for range n {
		k := ofp.Bucket{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: []ofp.Action{r.out()}}
		switch m.GroupType {
		case ofp.GroupTypeSelect:
			k.Weight = uint16(1 + r.IntN(9))
		case ofp.GroupTypeFastFailover:
			k.WatchPort = ofp.PortNo(3 + r.IntN(3))
		}
		m.Buckets = append(m.Buckets, k)
	}
	return m
}

func (r soakRules) meterMod() *ofp.MeterMod {
	return &ofp.MeterMod{
		MeterID: uint32(1 + r.IntN(soakMeters)), Flags: ofp.MeterFlagPKTPS | ofp.MeterFlagBurst | ofp.MeterFlagStats,
		Command: []uint16{ofp.MeterAdd, ofp.MeterAdd, ofp.MeterModify, ofp.MeterDelete}[r.IntN(4)],
		Bands:   []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: uint32(1 + r.IntN(5000)), BurstSize: uint32(1 + r.IntN(100))}},
	}
}

func (r soakRules) message() ofp.Message {
	switch n := r.IntN(20); n {
	case 0:
		return r.groupMod()
	case 1:
		return r.meterMod()
	}
	return r.flowMod()
}

// churn changes the bridge until stop, by single messages, by many at once, and by
// bundles that are committed, discarded or left behind.
func (st *soakStream) churn(s *soak, seed uint64, stop func() bool) error {
	r := soakRules{rand.New(rand.NewPCG(seed, 7))}
	p, err := soakDial(st.path, false, nil)
	if err != nil {
		return err
	}
	defer func() { _ = p.nc.Close() }()
	for bundle := uint32(1); !stop(); {
		var list []ofp.Message
		n := 1 + r.IntN(5)
		if r.IntN(50) == 0 {
			n = 300
		}
		inBundle, flags := r.IntN(4) == 0, []ofp.BundleFlags{0, ofp.BundleAtomic, ofp.BundleOrdered, ofp.BundleAtomic | ofp.BundleOrdered}[r.IntN(4)]
		if inBundle {
			bundle++
			list = append(list, &ofp.BundleControl{BundleID: bundle, Op: ofp.BundleOpenRequest, Flags: flags})
		}
		for range n {
			m := r.message()
			if inBundle {
				// A message in a bundle has the transaction id of the message that brings it.
				m = ofp.NewBundleAdd(bundle, flags, p.xid+uint32(len(list))+1, m)
			}
			list = append(list, m)
		}
		if end := r.IntN(10); inBundle && end > 0 {
			op := ofp.BundleCommitRequest
			if end < 4 {
				op = ofp.BundleDiscardRequest
			} else {
				s.bundles.Add(1)
			}
			list = append(list, &ofp.BundleControl{BundleID: bundle, Op: op, Flags: flags})
		} else if inBundle { // with the connection
			if err := p.nc.Close(); err != nil {
				return err
			}
			if p, err = soakDial(st.path, false, nil); err != nil {
				return err
			}
			continue
		}
		if _, _, err := p.ask(list...); err != nil {
			return fmt.Errorf("flow-mods: %w", err)
		}
		s.changes.Add(uint64(n))
		time.Sleep(time.Duration(r.IntN(400)) * time.Microsecond)
	}
	return nil
}

// check adds up what all have counted since the beginning. Nothing comes or changes meanwhile
// but timeouts.
func (st *soakStream) check(s *soak, p *soakPeer) error {
	s.d.Collect()
	replies, refused, err := p.ask(allFlows(ofp.MultipartFlow), &ofp.MultipartRequest{Kind: ofp.MultipartTable},
		&ofp.MultipartRequest{Kind: ofp.MultipartPortStats, Body: &ofp.PortStatsRequest{Port: ofp.PortAny}}, allFlows(ofp.MultipartAggregate))
	if err != nil || refused != nil {
		return errors.Join(err, refused)
	}
	var tables [2]ofp.TableStats
	var rx, tx [soakPorts + 1][2]uint64
	counts, entries := map[uint64][2]uint64{}, map[string]uint64{}
	var sum, aggregate [3]uint64
	for _, m := range replies {
		for _, e := range m.(*ofp.MultipartReply).Entries {
			switch e := e.(type) {
			case *ofp.FlowStats:
				c := counts[e.Cookie]
				counts[e.Cookie] = [2]uint64{c[0] + e.PacketCount, c[1] + e.ByteCount}
				sum[0], sum[1], sum[2] = sum[0]+1, sum[1]+e.PacketCount, sum[2]+e.ByteCount
				entries[entryKey(e.Table, e.Priority, &e.Match)] = e.Cookie
			case *ofp.AggregateStats:
				aggregate = [3]uint64{uint64(e.FlowCount), e.PacketCount, e.ByteCount}
			case *ofp.TableStats:
				if e.Table < 2 {
					tables[e.Table] = *e
				}
			case *ofp.PortStats:
				if e.Port <= soakPorts {
					rx[e.Port], tx[e.Port] = [2]uint64{e.RxPackets, e.RxBytes}, [2]uint64{e.TxPackets, e.TxBytes}
				}
			}
		}
	}
	if aggregate != sum {
		return fmt.Errorf("the aggregate of all flows is %d, their sum %d", aggregate, sum)
	}
	st.ledger.mirror.mu.Lock()
	for cookie, c := range st.ledger.counts {
		l := counts[cookie]
		counts[cookie] = [2]uint64{l[0] + c[0], l[1] + c[1]}
	}
	err = st.ledger.mirror.compare(entries)
	st.ledger.mirror.mu.Unlock()
	if err != nil {
		return err
	}
	if got, want := st.listener.removed.Load(), st.ears.removed.Load(); got != want {
		return fmt.Errorf("a controller heard of %d removed flows, of %d", got, want)
	}
	var sent, bytes, looked, out uint64
	var counted, matched [2][2]uint64
	var pins uint64
	for no := 1; no <= 2; no++ {
		sent, bytes = sent+st.sent[no].Load(), bytes+st.bytes[no].Load()
		if want := [2]uint64{st.sent[no].Load(), st.bytes[no].Load()}; rx[no] != want {
			return fmt.Errorf("port %d received %d packets and bytes by its statistics, %d came", no, rx[no], want)
		}
	}
	for cookie, c := range counts {
		t := cookie >> 8
		if cookie >= missCookie {
			t = cookie & 1
			counted[t] = [2]uint64{counted[t][0] + c[0], counted[t][1] + c[1]}
			continue
		}
		counted[t] = [2]uint64{counted[t][0] + c[0], counted[t][1] + c[1]}
		matched[t][0] += c[0]
		switch r := role(cookie); {
		case t == 0 && r == roleGoto:
			looked += c[0]
		case r == roleDrop:
		case r == rolePin:
			pins += c[0]
		default:
			out += c[0]
		}
	}
	if want := [2]uint64{sent, bytes}; counted[0] != want {
		return fmt.Errorf("entries of table 0, removed ones included, counted %d packets and bytes, %d came", counted[0], want)
	}
	if counted[1][0] != looked {
		return fmt.Errorf("entries of table 1, removed ones included, counted %d packets, %d were sent to it", counted[1][0], looked)
	}
	for t, want := range []uint64{sent, looked} {
		if tables[t].LookupCount != want {
			return fmt.Errorf("table %d counted %d lookups of %d", t, tables[t].LookupCount, want)
		}
		if n := tables[t].MatchedCount; n != want && n != matched[t][0] {
			return fmt.Errorf("table %d counted %d hits; %d packets came, %d of them to entries", t, n, want, matched[t][0])
		}
	}
	drops := s.d.Drops()
	var passed uint64
	for no := 3; no <= soakPorts; no++ {
		passed += tx[no][0]
		if m := st.mems[no].Stats(); m.TxPackets != tx[no][0] || m.TxBytes != tx[no][1] {
			return fmt.Errorf("port %d sent %d packets and bytes by its statistics, %d, %d by its device", no, tx[no], m.TxPackets, m.TxBytes)
		}
	}
	if passed+drops["meter"] != out {
		return fmt.Errorf("ports sent %d packets, meters dropped %d, flows counted %d", passed, drops["meter"], out)
	}
	// Loops of contests drop some, too.
	told, lost := st.ears.pins.Load(), drops["packet_in_queue_full"]+drops["packet_in_memory_full"]
	if told > pins || told+lost < pins || told+lost > pins && s.wild() == 0 {
		return fmt.Errorf("%d packet-ins, %d dropped, flows counted %d", told, lost, pins)
	}
	if n := drops["internal_error"]; n != 0 {
		return fmt.Errorf("%d frames dropped by failures of the switch", n)
	}
	if max0 := uint32(soakLimit0); tables[0].ActiveCount > max0 || tables[1].ActiveCount > soakLimit1 {
		return fmt.Errorf("tables of %d and %d entries have %d and %d", soakLimit0, soakLimit1, tables[0].ActiveCount, tables[1].ActiveCount)
	}
	return nil
}
