package ofconn

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// entry is a flow entry of the tests, named by its cookie: key is its priority.
func entry(key uint16, cookie uint64, out ofp.PortNo) ofp.FlowUpdate {
	u := ofp.FlowUpdate{Priority: key, Cookie: cookie}
	u.Instructions.Has, u.Instructions.Order[0] = 1<<ofp.InstrApplyActions, ofp.InstrApplyActions
	u.Instructions.Apply = []ofp.Action{ofp.Output{Port: out}}
	return u
}

// tell publishes a version with changes, and tells m of them if that is asked for.
func (s *fakeSwitch) tell(m *Manager, list ...FlowChange) {
	s.feed.Lock()
	defer s.feed.Unlock()
	s.version++
	if s.watched {
		m.FlowsChanged(s.version, list)
	}
}

// monitorRequest sets up monitors.
func monitorRequest(form uint32, list ...ofp.FlowMonitor) ofp.Message {
	for i := range list {
		if list[i].OutPort == 0 {
			list[i].OutPort = ofp.PortAny
		}
	}
	return &ofp.MultipartRequest{Kind: ofp.MultipartExperimenter, Body: &ofp.FlowMonitors{Experimenter: form, Monitors: list}}
}

// updates gives what a message tells, a word or two for each update.
func (p *peer) updates(h ofp.Header, m ofp.Message) (words []string) {
	p.t.Helper()
	switch m := m.(type) {
	case *ofp.MultipartReply:
		bodies, err := m.Parse()
		if err != nil {
			p.t.Fatal(err)
		}
		for _, b := range bodies {
			for _, u := range b.(*ofp.FlowUpdates).Updates {
				words = append(words, word(&u))
			}
		}
	case *ofp.Experimenter:
		words = append(words, m.Name())
	case *ofp.ErrorMsg:
		words = append(words, m.ErrCode().String())
	default:
		p.t.Fatalf("%v %v", h, m)
	}
	return words
}

func word(u *ofp.FlowUpdate) string {
	switch u.Event {
	case ofp.FlowEventAbbrev:
		return fmt.Sprintf("abbrev %d", u.XID)
	case ofp.FlowEventDeleted:
		return fmt.Sprintf("deleted %d by %d %s", u.Cookie, u.Reason, ports(u))
	case ofp.FlowEventModified:
		return fmt.Sprintf("modified %d %s", u.Cookie, ports(u))
	}
	return fmt.Sprintf("added %d %s", u.Cookie, ports(u))
}

func ports(u *ofp.FlowUpdate) string {
	if len(u.Instructions.Apply) == 0 {
		return "-"
	}
	return fmt.Sprint(u.Instructions.Apply[0].(ofp.Output).Port)
}

// until gives the updates that come before the reply to a barrier.
func (p *peer) until(xid uint32) (words []string) {
	p.t.Helper()
	for {
		h, m := p.recv()
		if _, end := m.(*ofp.BarrierReply); end && h.XID == xid {
			return words
		}
		words = append(words, p.updates(h, m)...)
	}
}

const (
	allEvents  = ofp.FlowMonitorAdd | ofp.FlowMonitorDelete | ofp.FlowMonitorModify
	everything = ofp.FlowMonitorInitial | allEvents | ofp.FlowMonitorActions
)

// TestFlowMonitorSelects: each flag and each filter, and what several monitors of a
// connection make of one change.
func TestFlowMonitorSelects(t *testing.T) {
	arp, err := flow.ParseMatch("arp")
	if err != nil {
		t.Fatal(err)
	}
	there := entry(1, 1, 1)
	old := entry(2, 2, 7).Instructions
	changes := func() []FlowChange {
		add, mod, del := entry(2, 2, 2), entry(2, 3, 3), entry(2, 4, 4)
		mod.Event, del.Event, del.Reason = ofp.FlowEventModified, ofp.FlowEventDeleted, ofp.RemovedHard
		table := entry(9, 9, 9)
		table.Table = 3
		narrow := entry(10, 10, 10)
		narrow.Match = arp
		return []FlowChange{{Update: add}, {Update: mod, Old: &old}, {Update: del}, {Update: table}, {Update: narrow}}
	}
	for _, tt := range []struct {
		name     string
		monitors []ofp.FlowMonitor
		want     []string
	}{
		{"all", []ofp.FlowMonitor{{Flags: everything, Table: ofp.TableAll}},
			[]string{"added 1 1", "added 2 2", "modified 3 3", "deleted 4 by 1 4", "added 9 9", "added 10 10"}},
		{"no actions, nothing initial", []ofp.FlowMonitor{{Flags: allEvents, Table: ofp.TableAll}},
			[]string{"added 2 -", "modified 3 -", "deleted 4 by 1 -", "added 9 -", "added 10 -"}},
		{"initial and deletions", []ofp.FlowMonitor{{Flags: ofp.FlowMonitorInitial | ofp.FlowMonitorDelete, Table: ofp.TableAll}}, []string{"added 1 -", "deleted 4 by 1 -"}},
		{"changes of instructions", []ofp.FlowMonitor{{Flags: ofp.FlowMonitorModify, Table: ofp.TableAll}}, []string{"modified 3 -"}},
		{"a table", []ofp.FlowMonitor{{Flags: everything, Table: 3}}, []string{"added 9 9"}},
		{"a match", []ofp.FlowMonitor{{Flags: everything, Table: ofp.TableAll, Match: arp}}, []string{"added 10 10"}},
		{"a port, now or before", []ofp.FlowMonitor{{Flags: everything, Table: ofp.TableAll, OutPort: 7}}, []string{"modified 3 3"}},
		{"several tell of a change once", []ofp.FlowMonitor{{Flags: allEvents, Table: 0}, {ID: 1, Flags: ofp.FlowMonitorAdd | ofp.FlowMonitorActions, Table: ofp.TableAll}},
			[]string{"added 2 2", "modified 3 -", "deleted 4 by 1 -", "added 9 9", "added 10 10"}},
	} {
		for _, form := range monitorForms {
			t.Run(fmt.Sprintf("%s %x", tt.name, form), func(t *testing.T) {
				sw := &fakeSwitch{version: 5, entries: []fakeEntry{{update: there, made: 3, added: 3}}}
				m := newManager(t, sw, Options{})
				p := connected(t, m, connOptions{})
				p.send(10, monitorRequest(form, slices.Clone(tt.monitors)...))
				h, r := p.recv()
				got := p.updates(h, r)
				if h.XID != 10 {
					t.Errorf("answer %v", h)
				}
				go func() {
					sw.tell(m, changes()...)
					p.send(11, &ofp.BarrierRequest{})
				}()
				if got = append(got, p.until(11)...); !slices.Equal(got, tt.want) {
					t.Errorf("told %q, want %q", got, tt.want)
				}
			})
		}
	}
}

// TestFlowMonitorAbbreviates: what a flow-mod of the connection itself does is told
// by its transaction id, once, unless the monitor wants it whole; that of another
// one is told whole.
func TestFlowMonitorAbbreviates(t *testing.T) {
	for _, tt := range []struct {
		flags ofp.FlowMonitorFlags
		want  []string
	}{
		{everything, []string{"abbrev 21", "added 3 3"}},
		{everything | ofp.FlowMonitorOwn, []string{"added 1 1", "added 2 2", "added 3 3"}},
	} {
		sw := &fakeSwitch{}
		m := newManager(t, sw, Options{})
		p := connected(t, m, connOptions{})
		p.send(20, monitorRequest(ofp.ExperimenterONF, ofp.FlowMonitor{Flags: tt.flags, Table: ofp.TableAll}))
		p.recv()
		sw.hook = func(method string) {
			if method != "FlowMod" {
				return
			}
			p.c.monitors.mu.Lock()
			var mine ofp.Message
			for m := range p.c.monitors.own.xids {
				mine = m
			}
			p.c.monitors.mu.Unlock()
			sw.tell(m, FlowChange{Update: entry(1, 1, 1), Cause: mine}, FlowChange{Update: entry(2, 2, 2), Cause: mine}, FlowChange{Update: entry(3, 3, 3), Cause: cookie(0)})
		}
		p.send(21, cookie(1))
		go p.send(22, &ofp.BarrierRequest{})
		if got := p.until(22); !slices.Equal(got, tt.want) {
			t.Errorf("told %q, want %q", got, tt.want)
		}
	}
}

// TestFlowMonitorOwnInPause: while the monitors pause, what a flow-mod of the connection
// itself deletes is told whole, as Open vSwitch does: the peer is to know of each entry
// that it knew before. What the pause came in the middle of is told in short.
func TestFlowMonitorOwnInPause(t *testing.T) {
	for _, form := range monitorForms {
		sw := &fakeSwitch{}
		m := newManager(t, sw, Options{stall: time.Hour})
		p := connected(t, m, connOptions{})
		p.send(20, monitorRequest(form, ofp.FlowMonitor{Flags: everything, Table: ofp.TableAll}))
		p.recv()
		mine := [2]ofp.Message{&ofp.FlowMod{Cookie: 1}, &ofp.FlowMod{Cookie: 2}}
		gone := func(key uint16, cause ofp.Message) FlowChange {
			ch := FlowChange{Update: entry(key, uint64(key), 1), Cause: cause}
			ch.Update.Event = ofp.FlowEventDeleted
			return ch
		}
		var list []FlowChange // another's, and more than is told before a pause
		for range 2 * monitorPause / 32 {
			list = append(list, gone(9, nil))
		}
		list = append(list, gone(8, mine[0]), gone(7, mine[0]))
		for i, cause := range mine {
			p.c.monitors.doing(cause, uint32(21+i))
		}
		sw.tell(m, list...)
		sw.tell(m, gone(6, mine[1]), gone(5, mine[1]))
		p.c.monitors.done()
		var got []string
		for ended := false; !ended; {
			h, msg := p.recv()
			for _, w := range p.updates(h, msg) {
				if w = strings.TrimPrefix(strings.TrimPrefix(w, "ONFT_"), "NXT_"); w != "deleted 9 by 0 1" {
					got = append(got, w)
				}
				ended = ended || strings.Contains(w, "RESUMED")
			}
		}
		want := []string{"abbrev 21", "FLOW_MONITOR_PAUSED", "deleted 6 by 0 1", "deleted 5 by 0 1", "FLOW_MONITOR_RESUMED"}
		if !slices.Equal(got, want) {
			t.Errorf("form %#x: told %q, want %q", form, got, want)
		}
	}
}

// TestFlowMonitorIDs: an id names one monitor of its connection, until it is
// cancelled; a request is carried out whole or not at all; without monitors the
// switch is not asked to tell anything.
func TestFlowMonitorIDs(t *testing.T) {
	sw := &fakeSwitch{}
	m := newManager(t, sw, Options{})
	p := connected(t, m, connOptions{})
	mon := func(id uint32) ofp.FlowMonitor {
		return ofp.FlowMonitor{ID: id, Flags: ofp.FlowMonitorAdd, Table: ofp.TableAll}
	}
	watched := func() bool {
		sw.feed.Lock()
		defer sw.feed.Unlock()
		return sw.watched
	}
	cancel := func(id uint32) ofp.Message {
		return &ofp.FlowMonitorCancel{Experimenter: ofp.ExperimenterONF, ID: id}
	}
	tooMany := make([]ofp.FlowMonitor, maxMonitors+1)
	for i := range tooMany {
		tooMany[i] = mon(uint32(i))
	}
	for i, tt := range []struct {
		msg     ofp.Message
		want    string
		watched bool
	}{
		{monitorRequest(ofp.ExperimenterONF), "", false},
		{monitorRequest(ofp.ExperimenterONF, mon(1)), "", true},
		{monitorRequest(ofp.ExperimenterONF, mon(2), mon(1)), "OFPMOFC_MONITOR_EXISTS", true},
		{monitorRequest(ofp.ExperimenterONF, mon(2), mon(2)), "OFPMOFC_MONITOR_EXISTS", true},
		{monitorRequest(ofp.ExperimenterNicira, mon(2)), "", true},
		{monitorRequest(ofp.ExperimenterONF, ofp.FlowMonitor{ID: 5, Flags: ofp.FlowMonitorInitial}), "OFPMOFC_BAD_FLAGS", true},
		{monitorRequest(ofp.ExperimenterONF, ofp.FlowMonitor{ID: 5, Flags: 0x42}), "OFPMOFC_BAD_FLAGS", true},
		{cancel(2), "", true},
		{cancel(2), "OFPMOFC_UNKNOWN_MONITOR", true},
		{cancel(1), "", false},
		{cancel(1), "OFPMOFC_UNKNOWN_MONITOR", false},
		{monitorRequest(ofp.ExperimenterONF, mon(1), mon(2)), "", true},
	} {
		p.send(uint32(30+i), tt.msg)
		go p.send(99, &ofp.BarrierRequest{})
		got := ""
		for _, w := range p.until(99) {
			got += w
		}
		if got != tt.want || watched() != tt.watched {
			t.Errorf("step %d: %q, watched: %v; want %q, %v", i, got, watched(), tt.want, tt.watched)
		}
	}
	if err := p.c.monitors.check(&ofp.FlowMonitors{Monitors: tooMany}); err == nil {
		t.Errorf("%d monitors are taken", len(tooMany))
	}
	_ = p.nc.Close()
	<-p.over
	if watched() {
		t.Error("the switch tells of flows when the last connection with monitors is gone")
	}
}

// world is a flow table that changes, and what a peer knows of it.
type world struct {
	sw    *fakeSwitch
	m     *Manager
	since map[uint16]uint64
	rng   *rand.Rand
	n     uint64
}

// step changes the table: it adds, replaces, modifies or deletes one entry.
func (w *world) step() {
	w.sw.feed.Lock()
	defer w.sw.feed.Unlock()
	s := w.sw
	s.version++
	w.n++
	key := uint16(w.rng.IntN(200))
	u := entry(key, w.n, 1)
	at := slices.IndexFunc(s.entries, func(e fakeEntry) bool { return e.update.Priority == key })
	ch, added := FlowChange{Since: s.version}, s.version
	if at >= 0 {
		ch.Since = w.since[key]
		old := s.entries[at]
		ch.Old = &old.update.Instructions
		s.entries = slices.Delete(s.entries, at, at+1)
		switch w.rng.IntN(3) {
		case 0:
			u = old.update
			u.Event = ofp.FlowEventDeleted
		case 1:
			u.Event, added = ofp.FlowEventModified, old.added
		}
	}
	w.since[key] = ch.Since
	if u.Event != ofp.FlowEventDeleted {
		e := fakeEntry{update: u, made: s.version, added: added}
		e.update.Event = ofp.FlowEventAdded
		s.entries = append(s.entries, e)
	}
	ch.Update = u
	if s.watched {
		w.m.FlowsChanged(s.version, []FlowChange{ch})
	}
}

// TestFlowMonitorPause: whatever a peer reads, and when, it ends up with what is in
// the table; it was told of each pause and of its end; and no more waits for it
// than may.
func TestFlowMonitorPause(t *testing.T) {
	for _, form := range monitorForms {
		w := &world{sw: &fakeSwitch{}, since: map[uint16]uint64{}, rng: rand.New(rand.NewPCG(1, uint64(form)))}
		w.m = newManager(t, w.sw, Options{stall: time.Hour})
		p := connected(t, w.m, connOptions{})
		for range 300 {
			w.step()
		}
		p.send(1, monitorRequest(form, ofp.FlowMonitor{Flags: everything, Table: ofp.TableAll}))
		known := map[uint16]uint64{}
		pauses, resumes := 0, 0
		read := func() (more bool) {
			h, m := p.recv()
			switch m := m.(type) {
			case *ofp.MultipartReply:
				bodies, err := m.Parse()
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range bodies {
					for _, u := range b.(*ofp.FlowUpdates).Updates {
						if u.Event == ofp.FlowEventDeleted {
							delete(known, u.Priority)
						} else {
							known[u.Priority] = u.Cookie
						}
					}
				}
			case *ofp.Experimenter:
				switch parsed, _ := m.Parse(h.XID); parsed.(type) {
				case *ofp.FlowMonitorPaused:
					pauses++
				case *ofp.FlowMonitorResumed:
					resumes++
				}
			case *ofp.BarrierReply:
				return false
			}
			return true
		}
		for range 4 {
			for range 2500 {
				w.step()
			}
			p.c.out.mu.Lock()
			waiting := p.c.out.monitorBytes
			p.c.out.mu.Unlock()
			if waiting > monitorPause+5000*100 {
				t.Fatalf("%d bytes wait", waiting)
			}
			if w.rng.IntN(3) > 0 {
				// In the meantime the table goes on changing.
				changed := make(chan struct{})
				go func() {
					defer close(changed)
					for range 1500 {
						w.step()
					}
				}()
				go p.send(9, &ofp.BarrierRequest{})
				for read() {
				}
				<-changed
			}
		}
		// Until all is told: each barrier's reply stands behind what was queued.
		for {
			go p.send(9, &ofp.BarrierRequest{})
			for read() {
			}
			p.c.monitors.mu.Lock()
			quiet := !p.c.monitors.resuming
			p.c.monitors.mu.Unlock()
			if quiet {
				break
			}
		}
		go p.send(9, &ofp.BarrierRequest{})
		for read() {
		}
		if pauses == 0 || pauses != resumes {
			t.Errorf("%d pauses, %d ends of one", pauses, resumes)
		}
		want := map[uint16]uint64{}
		for _, e := range w.sw.entries {
			want[e.update.Priority] = e.update.Cookie
		}
		for k, c := range want {
			if known[k] != c {
				t.Errorf("entry %d is %d, the peer knows %d", k, c, known[k])
			}
		}
		if len(known) != len(want) {
			t.Errorf("the peer knows %d entries, there are %d", len(known), len(want))
		}
	}
}

// TestFlowMonitorOverrun: a peer that reads nothing is closed before the deletions
// that it must be told take more than their bound.
func TestFlowMonitorOverrun(t *testing.T) {
	sw := &fakeSwitch{}
	m := newManager(t, sw, Options{stall: time.Hour})
	p := connected(t, m, connOptions{})
	p.send(1, monitorRequest(ofp.ExperimenterONF, ofp.FlowMonitor{Flags: everything, Table: ofp.TableAll}))
	p.recv()
	list := make([]FlowChange, 1000)
	for i := range list {
		list[i].Update = entry(uint16(i), 1, 1)
		list[i].Update.Event = ofp.FlowEventDeleted
	}
	for range maxLaterChanges/len(list) + monitorPause/len(list)/32 + 10 {
		sw.tell(m, list...)
	}
	<-p.over
	if p.err != errMonitorOverrun {
		t.Errorf("the connection ended by %v", p.err)
	}
}

// TestFlowMonitorsTogether: what waits for all peers that read nothing is bounded,
// too; and is nothing when they are gone.
func TestFlowMonitorsTogether(t *testing.T) {
	sw := &fakeSwitch{}
	m := newManager(t, sw, Options{stall: time.Hour})
	var peers []*peer
	for range 2 {
		p := connected(t, m, connOptions{})
		p.send(1, monitorRequest(ofp.ExperimenterONF, ofp.FlowMonitor{Flags: everything, Table: ofp.TableAll}))
		p.recv()
		peers = append(peers, p)
	}
	m.monitorBytes.Store(monitorBudget - monitorPause) // others'
	list := make([]FlowChange, 1000)
	for i := range list {
		list[i].Update = entry(uint16(i), 1, 1)
		list[i].Update.Event = ofp.FlowEventDeleted
	}
	for range 2*monitorPause/len(list)/32 + 10 {
		sw.tell(m, list...)
	}
	for _, p := range peers {
		if <-p.over; p.err != errMonitorOverrun {
			t.Errorf("the connection ended by %v", p.err)
		}
	}
	if n := m.monitorBytes.Load(); n != monitorBudget-monitorPause {
		t.Errorf("%d bytes are counted of nothing", n-monitorBudget+monitorPause)
	}
}

// TestFlowMonitorsOfOneGone: who asks for more monitors during a pause, reads
// nothing and goes keeps nobody waiting.
func TestFlowMonitorsOfOneGone(t *testing.T) {
	sw := &fakeSwitch{}
	m := newManager(t, sw, Options{stall: time.Hour})
	p := connected(t, m, connOptions{})
	p.send(1, monitorRequest(ofp.ExperimenterONF, ofp.FlowMonitor{Flags: everything, Table: ofp.TableAll}))
	p.recv()
	list := make([]FlowChange, 2*monitorPause/32)
	for i := range list {
		list[i].Update = entry(uint16(i), 1, 1)
	}
	sw.tell(m, list...)
	p.send(2, monitorRequest(ofp.ExperimenterONF, ofp.FlowMonitor{ID: 2, Flags: everything, Table: ofp.TableAll}))
	_ = p.nc.Close()
	<-p.over
	if n := m.monitorBytes.Load(); n != 0 {
		t.Errorf("%d bytes are counted of nothing", n)
	}
}

// TestFlowMonitorsDuringPause: no monitors begin while somebody is about to end a
// pause that has begun since the request was looked at.
func TestFlowMonitorsDuringPause(t *testing.T) {
	sw := &fakeSwitch{}
	m := newManager(t, sw, Options{})
	p := connected(t, m, connOptions{})
	f := &p.c.monitors
	f.resuming, f.resumed = true, make(chan struct{})
	if _, ok := p.c.addMonitors(make([]flowMonitor, 1), false); ok || len(f.list) != 0 || f.held || m.watchers != 0 || sw.watched {
		t.Errorf("added %v: %d monitors, held %v, watchers %d", ok, len(f.list), f.held, m.watchers)
	}
	close(f.resumed)
	if _, ok := p.c.addMonitors(make([]flowMonitor, 1), false); !ok || len(f.list) != 1 || m.watchers != 1 {
		t.Errorf("added %v: %d monitors, watchers %d", ok, len(f.list), m.watchers)
	}
}

// TestFlowMonitorDeletions: a table that is emptied at once is told whole, to whoever reads,
// however long it takes; what waits meanwhile is little, and who is told the rest has
// been told of the pause before.
func TestFlowMonitorDeletions(t *testing.T) {
	const n = 40_000
	for _, form := range monitorForms {
		for _, added := range []int{0, n / 2} { // in the same change
			sw := &fakeSwitch{}
			m := newManager(t, sw, Options{stall: time.Hour})
			p := connected(t, m, connOptions{})
			p.send(1, monitorRequest(form, ofp.FlowMonitor{Flags: everything, Table: ofp.TableAll}))
			p.recv()
			list := make([]FlowChange, n)
			for i := range list {
				list[i].Update = entry(uint16(i), uint64(i), 1)
				list[i].Update.Event = ofp.FlowEventDeleted
				if i < added {
					list[i].Update.Event = ofp.FlowEventAdded
				}
			}
			told := make(chan struct{})
			go func() {
				defer close(told)
				sw.tell(m, list...)
				sw.tell(m, list[n-1]) // another, in the pause
			}()
			<-told // nobody waits for the peer
			p.c.out.mu.Lock()
			if waiting := p.c.out.monitorBytes; waiting == 0 || waiting > monitorPause+2*ofp.MaxLen {
				t.Errorf("%d bytes wait", waiting)
			}
			p.c.out.mu.Unlock()
			next, paused, resumed := 0, -1, false
			for !resumed {
				h, msg := p.recv()
				switch msg := msg.(type) {
				case *ofp.MultipartReply:
					bodies, err := msg.Parse()
					if err != nil {
						t.Fatal(err)
					}
					for _, b := range bodies {
						for _, u := range b.(*ofp.FlowUpdates).Updates {
							if want := uint64(min(next, n-1)); u.Cookie != want || u.Event != list[want].Update.Event {
								t.Fatalf("update %d is event %d of entry %d", next, u.Event, u.Cookie)
							}
							next++
						}
					}
				case *ofp.Experimenter:
					switch parsed, _ := msg.Parse(h.XID); parsed.(type) {
					case *ofp.FlowMonitorPaused:
						paused = next
					case *ofp.FlowMonitorResumed:
						resumed = true
					}
				}
			}
			if next != n+1 || paused != n {
				t.Errorf("%d updates, the pause after %d of them; want %d and %d", next, paused, n+1, n)
			}
			p.alive()
		}
	}
}
