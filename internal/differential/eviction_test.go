package differential

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
)

// evictee is a flow of a table that evicts, as the test knows it.
type evictee struct {
	group   int
	timeout int // seconds; 0: it is permanent
}

// evictees are those that are there, by cookie.
type evictees map[uint64]evictee

// sizes are the numbers of flows with timeouts in each group.
func (e evictees) sizes() map[int]int {
	n := map[int]int{}
	for _, x := range e {
		if x.timeout != 0 {
			n[x.group]++
		}
	}
	return n
}

// largest is the group of most such flows, alone: where others have as many Open vSwitch draws
// lots.
func (e evictees) largest() (group int, alone bool) {
	most := 0
	for g, n := range e.sizes() {
		switch {
		case n > most:
			group, most, alone = g, n, true
		case n == most:
			alone = false
		}
	}
	return group, alone
}

// victim is the flow that goes next, 0: none can.
func (e evictees) victim() (cookie uint64) {
	group, _ := e.largest()
	for c, x := range e {
		if x.timeout != 0 && x.group == group && (cookie == 0 || x.timeout < e[cookie].timeout) {
			cookie = c
		}
	}
	return cookie
}

// Both switches, given the same flows for tables that evict, keep the same ones: of the
// largest group those that expire soonest go, permanent ones never, and what finds no room is
// refused. So it is when the limit is lowered.
func TestIntegrationEviction(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	ovs := startOpenVSwitch(t, ns, shortDir(t))
	ovs.start()
	l, err := net.Listen("unix", ovs.at("ctl"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const limit = 40
	grouped := []string{`groups="NXM_OF_ETH_TYPE[]","NXM_OF_IP_SRC[24..31]"`}
	config := func(id int, more ...string) []string {
		return append([]string{"--", fmt.Sprintf("--id=@t%d", id), "create", "Flow_Table", fmt.Sprintf("name=t%d", id), fmt.Sprintf("flow_limit=%d", limit), "overflow_policy=evict"}, more...)
	}
	args := []string{ovs.db, "--timeout=60", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure",
		"protocols=OpenFlow13", "other-config:disable-in-band=true", "flow_tables:0=@t0", "flow_tables:1=@t1",
		"--", "set-controller", "br0", "unix:" + ovs.at("ctl"), "--", "set", "controller", "br0", "inactivity_probe=0"}
	ovs.run("ovs-vsctl", slices.Concat(args, config(0, grouped...), config(1))...)
	theirs := accept(t, "Open vSwitch", l)

	d, err := ofswitch.NewDatapath(ofswitch.Options{Manual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ours, err := d.AddBridge("br0", ofswitch.BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	groups := []flowtable.Subfield{{Field: flow.EthType, Bits: 16}, {Field: flow.IPv4Src, Start: 24, Bits: 8}}
	tables := map[ofp.TableID]flowtable.TableConfig{
		0: {Name: "t0", Limit: limit, Limited: true, Evict: true, Groups: groups},
		1: {Name: "t1", Limit: limit, Limited: true, Evict: true},
	}
	ours.SetTableConfig(tables)

	// Timeouts are half a minute apart, so that it does not matter which second it is.
	timeouts := r.Perm(2000)
	serial := 0
	add := func(table ofp.TableID, x *evictee) *ofp.FlowMod {
		serial++
		m := &ofp.FlowMod{Table: table, Priority: 7, Cookie: uint64(serial), BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		m.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
		m.Match.Set(flow.IPv4Src, flow.Value{Lo: uint64(x.group)<<24 | uint64(serial)})
		if x.timeout != 0 {
			x.timeout = 600 + 30*timeouts[serial]
			m.IdleTimeout, m.HardTimeout = uint16(x.timeout), uint16(min(x.timeout+r.IntN(5000), 0xffff))
			switch r.IntN(3) {
			case 0:
				m.IdleTimeout, m.HardTimeout = m.HardTimeout, m.IdleTimeout
			case 1:
				m.HardTimeout = 0
			}
		}
		return m
	}
	for table := range ofp.TableID(2) {
		want := evictees{}
		evicted, refused := 0, 0
		for range 400 {
			x := evictee{group: r.IntN(6)}
			// Permanent ones add up in table 1, until nothing can go.
			if r.IntN(4) > 0 {
				x.timeout = 1
			}
			if table == 1 {
				x.group = 0
			}
			full := len(want) == limit
			victim := uint64(0)
			if full {
				victim = want.victim()
			}
			next := maps.Clone(want)
			delete(next, victim)
			if !full || victim != 0 {
				// The largest group is to be one alone: a flow goes to one of them.
				for next[^uint64(0)] = x; ; next[^uint64(0)] = x {
					if _, alone := next.largest(); alone || len(next.sizes()) == 0 {
						break
					}
					x.timeout = 1
					x.group, _ = next.without(^uint64(0)).largest()
				}
				delete(next, ^uint64(0))
			}
			m := add(table, &x)
			answers, err := theirs.ask(1, func(_ int, xid uint32) []byte { return ofp.Encode(xid, m) })
			if err != nil {
				t.Fatal(err)
			}
			var e *ofp.Error
			if err := ours.FlowMod(m); err != nil && !errors.As(err, &e) {
				t.Fatal(err)
			}
			if full && victim == 0 {
				refused++
				if a := answers.to[0]; len(a) != 1 || ofp.Type(a[0][1]) != ofp.TypeError || ofp.Code(be.Uint32(a[0][ofp.HeaderLen:])) != ofp.FlowModFailedTableFull ||
					e == nil || e.Code != ofp.FlowModFailedTableFull {
					t.Fatalf("table %d is full of permanent flows: they answer %x, this switch %v", table, a, e)
				}
				continue
			}
			if len(answers.to[0]) != 0 || e != nil {
				t.Fatalf("adding a flow to table %d: they answer %q, this switch %v", table, answers.to[0], e)
			}
			if victim != 0 {
				evicted++
			}
			want = next
			want[m.Cookie] = x
		}
		// Of several groups one is kept the largest by flows that can go.
		if evicted < 50 || table == 1 && refused < 10 {
			t.Errorf("table %d: %d flows were evicted, %d refused: this tests little", table, evicted, refused)
		}
		compareCookies(t, fmt.Sprintf("table %d", table), theirs, ours, table, slices.Sorted(maps.Keys(want)))
		if table == 1 {
			const less = limit / 2
			ovs.run("ovs-vsctl", ovs.db, "--timeout=60", "set", "Flow_Table", "t1", fmt.Sprintf("flow_limit=%d", less))
			tables = maps.Clone(tables)
			c := tables[1]
			c.Limit = less
			tables[1] = c
			ours.SetTableConfig(tables)
			for v := want.victim(); len(want) > less && v != 0; v = want.victim() {
				delete(want, v)
			}
			compareCookies(t, "with a lower limit", theirs, ours, table, slices.Sorted(maps.Keys(want)))
		}
	}
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "diff") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (e evictees) without(cookie uint64) evictees {
	e = maps.Clone(e)
	delete(e, cookie)
	return e
}

// compareCookies holds that both have the flows with these cookies in a table.
func compareCookies(t *testing.T, when string, theirs *peer, ours *ofswitch.Bridge, table ofp.TableID, want []uint64) {
	t.Helper()
	req := &ofp.FlowStatsRequest{Table: table, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	var got []uint64
	err := ours.FlowStats(req, func(s *ofp.FlowStats) error { got = append(got, s.Cookie); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%s: this switch has kept %d, want %d", when, got, want)
	}
	got = nil
	for _, e := range theirs.entries(&ofp.MultipartRequest{Kind: ofp.MultipartFlow, Body: req}) {
		got = append(got, e.(*ofp.FlowStats).Cookie)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%s: Open vSwitch has kept %d, want %d", when, got, want)
	}
}
