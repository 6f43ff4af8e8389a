package ofswitch

import (
	"cmp"
	"fmt"
	"slices"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flow/keytext"
	"ofswitch/flowtable"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// The methods of this file are what persons ask of a running datapath. All that they
// count is exact as of the call.

// CachedFlow is a flow in the caches of one worker, and what is done to its frames: a
// megaflow, or, where its port has as many masks as it may, an exact key.
type CachedFlow struct {
	Worker         int          // -1: the flow is with the kernel
	Offloaded      bool         // which forwards its frames
	InPort         DatapathPort // Number 0: the port has gone
	Packets, Bytes uint64
	Age            int64 // ns since its last frame; -1: it has had none
	ID             uint32

	key  flow.Key
	prog *program
}

// Text is the flow as `ovs-appctl dpctl/dump-flows` prints it: key and counters, then
// actions. names: of ports instead of numbers.
func (f *CachedFlow) Text(names bool) string {
	in := fmt.Sprint(uint32(f.key.W[flow.WInPort]))
	if names && f.InPort.Number != 0 {
		in = f.InPort.Name
	}
	used := "never"
	if f.Age >= 0 {
		used = fmt.Sprintf("%d.%03ds", f.Age/1e9, f.Age/1e6%1000)
	}
	where := ""
	if f.Worker < 0 {
		where = " offloaded:no, dp:tcx,"
		if f.Offloaded {
			where = " offloaded:yes, dp:tcx,"
		}
	}
	return fmt.Sprintf("%s, packets:%d, bytes:%d, used:%s,%s actions:%s", keytext.Datapath(&f.key, &f.prog.mask, in), f.Packets, f.Bytes, used, where, f.prog.maskedActionsText(names))
}

// CachedFlows lists the flows that are with the kernel, then the cached flows of all workers, by worker; of
// each those used last come first.
func (d *Datapath) CachedFlows() []CachedFlow {
	d.Sync()
	now := d.clock()
	byNum := map[uint32]DatapathPort{}
	for _, p := range d.Ports() {
		byNum[p.Number] = p
	}
	d.foldMu.Lock()
	defer d.foldMu.Unlock()
	d.kernel.fold()
	list := d.kernel.cached(now, byNum)
	for i, w := range d.workers() {
		for p := w.programs.head.Load(); p != nil; p = p.next {
			if !p.cached.Load() {
				continue
			}
			p.foldInto(w)
			f := CachedFlow{Worker: i, InPort: byNum[uint32(p.key.W[flow.WInPort])], Packets: p.foldedCount, Bytes: p.foldedBytes, Age: -1, ID: p.hash, key: p.key, prog: p}
			if f.Packets > 0 {
				f.Age = max(0, now-p.foldedUsed)
			}
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b CachedFlow) int {
		return cmp.Or(cmp.Compare(a.Worker, b.Worker), cmp.Compare(uint64(a.Age), uint64(b.Age)))
	})
	return list
}

// FlushFlows empties the caches of all workers: frames that come are translated
// anew. When it returns that is done, or the datapath is closed.
func (d *Datapath) FlushFlows() {
	for _, w := range d.workers() {
		d.visit(w, w.forgetAll)
	}
	d.kernel.clear()
}

// visit has fn run by a worker between two batches and waits for that. It says no where the
// worker ends, and its caches with it; then fn may still be running.
func (d *Datapath) visit(w *worker, fn func()) bool {
	if d.manual {
		fn()
		return true
	}
	done := make(chan struct{})
	if !w.post(func() {
		fn()
		close(done)
	}) {
		return false
	}
	select {
	case <-done:
		return true
	case <-d.stop:
		return false
	}
}

// DatapathPort is a port as the datapath knows it. Patch ports are not among them.
type DatapathPort struct {
	Number uint32
	Name   string
	Bridge string
	No     ofp.PortNo // in its bridge
	Type   string     // "system", "internal", ...
	Stats  ports.Stats
	Queues []int // worker of each receive queue
}

// Ports lists the ports with a device, by number.
func (d *Datapath) Ports() []DatapathPort {
	d.foldExact()
	d.mu.Lock()
	all := slices.Clone(d.ports)
	queues := map[*port][]int{}
	for i, w := range d.workers() {
		for _, q := range w.rx.Load().list {
			queues[q.port] = append(queues[q.port], i)
		}
	}
	d.mu.Unlock()
	var list []DatapathPort
	for _, p := range all {
		if p != nil && p.dev != nil {
			list = append(list, DatapathPort{Number: p.num, Name: p.name, Bridge: p.bridge.name, No: p.no, Type: p.dev.Type(), Stats: p.deviceStats(), Queues: queues[p]})
		}
	}
	return list
}

// WorkerStats is what a forwarding thread has done.
type WorkerStats struct {
	Packets uint64 // lookups: received, and come again by recirculation
	Misses  uint64 // of them translated
	Flows   int    // in its caches: megaflows, and exact keys without one
}

// Workers gives the statistics of each forwarding thread.
func (d *Datapath) Workers() []WorkerStats {
	d.foldExact()
	d.foldMu.Lock()
	defer d.foldMu.Unlock()
	list := make([]WorkerStats, len(d.workers()))
	for i, w := range d.workers() {
		list[i] = WorkerStats{Packets: w.folded, Misses: w.counts.read().Misses}
		for p := w.programs.head.Load(); p != nil; p = p.next {
			if p.cached.Load() {
				list[i].Flows++
			}
		}
	}
	return list
}

// Lookups sums up what all forwarding threads have done, also those that have ended, and the kernel by
// itself: each of its frames is a lookup, as it would be one without it.
func (d *Datapath) Lookups() (s WorkerStats) {
	d.teamMu.RLock() // no thread ends meanwhile
	defer d.teamMu.RUnlock()
	for _, w := range d.Workers() {
		s.Packets += w.Packets
		s.Misses += w.Misses
		s.Flows += w.Flows
	}
	d.foldMu.Lock()
	defer d.foldMu.Unlock()
	s.Packets += d.past.Packets + d.kernel.forwarded
	s.Misses += d.past.Misses
	return s
}

// CacheSize is how many megaflows fit, over all workers.
func (d *Datapath) CacheSize() int {
	n := 0
	for _, w := range d.workers() {
		n += w.mega.Cap()
	}
	return n
}

// Memory counts what the datapath holds, by the words of `ovs-appctl memory/show`.
func (d *Datapath) Memory() map[string]int {
	m := map[string]int{"handlers": len(d.workers())}
	for _, b := range d.bridgeList() {
		m["ports"] += len(b.conf.Load().list)
		b.tables.TableStats(func(s *ofp.TableStats) bool {
			m["rules"] += int(s.ActiveCount)
			return true
		})
	}
	for _, w := range d.Workers() {
		m["udpif keys"] += w.Flows
	}
	return m
}

// Events counts what has happened since the start, by name, for coverage.
func (d *Datapath) Events() map[string]uint64 {
	m := map[string]uint64{
		"rev_tables":       d.version.Load() - 1,
		"rev_mac_learning": d.macGen.Load(),
	}
	for name, n := range d.Drops() {
		m["drop_"+name] = n
	}
	lookups := d.Lookups()
	m["xlate_actions"], m["flow_lookup"] = lookups.Misses, lookups.Packets
	for _, b := range d.bridgeList() {
		s := b.fdb.Stats()
		m["mac_learning_learned"] += s.Learnt
		m["mac_learning_moved"] += s.Moved
		m["mac_learning_expired"] += s.Expired
		m["mac_learning_evicted"] += s.Evicted
	}
	return m
}

// AllFlows calls fn for each of the bridge's entries, also the switch's own, whose
// priority may be above all that a message can have.
func (b *Bridge) AllFlows(fn func(s *ofp.FlowStats, priority int32)) error {
	b.d.foldExact()
	now := b.d.clock()
	req := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	b.tables.EachHidden(b.d.Version(), func(e *flowtable.Entry) bool {
		fn(e.Stats(now), e.Priority)
		return true
	})
	return b.listing(b.d.Version, func(v classifier.Version) error {
		return b.tables.Each(req, v, func(e *flowtable.Entry) bool {
			fn(e.Stats(now), e.Priority)
			return true
		})
	})
}

// FindPort is the number of the port with this name, or written as this number.
func (b *Bridge) FindPort(s string) (ofp.PortNo, bool) {
	conf := b.conf.Load()
	for _, p := range conf.list {
		if p.name == s {
			return p.no, true
		}
	}
	no, ok := flow.ParsePort(s, nil)
	return ofp.PortNo(no), ok && conf.ports[ofp.PortNo(no)] != nil
}

// TraceDatapath is Bridge.Trace for a flow in the syntax of datapaths:
// "in_port(1),eth(src=...,dst=...),eth_type(0x0800),ipv4(...)". Its in_port says which
// bridge it is for.
func (d *Datapath) TraceDatapath(q TraceQuery) (*Trace, error) {
	m, in, err := keytext.ParseDatapath(q.Flow)
	if err != nil {
		return nil, refuseTrace("Bad datapath flow syntax: %s: %.500s", keytext.Shorten(q.Flow), err)
	}
	p := d.findPort(in)
	if p == nil {
		return nil, fmt.Errorf("no OpenFlow port for datapath port %s", keytext.Shorten(in))
	}
	f := &tracedFrame{in: p, inPort: p.no}
	if err := f.make(&q, &m); err != nil {
		return nil, err
	}
	return p.bridge.trace(&q, f)
}

// findPort finds a port with a device by its number or name; nil: there is none.
func (d *Datapath) findPort(s string) *port {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.ports {
		if p != nil && p.dev != nil && (fmt.Sprint(p.num) == s || p.name == s) {
			return p
		}
	}
	return nil
}
