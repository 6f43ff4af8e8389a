package ofswitch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// TestTraceForetells holds that what a trace says of a frame is what the data path
// then does with it: ports, order and bytes, and with Generate packet-ins too; and
// that a trace without it changes nothing.
func TestTraceForetells(t *testing.T) {
	rounds, frames := 40, 100
	if testing.Short() || raceEnabled {
		rounds = 3
	}
	seed := rand.Uint64()
	compared, sent, ins, skipped := 0, 0, 0, 0
	for i := range rounds {
		seed := seed + uint64(i)
		c, err := newContest(seed, &tally{actions: map[ofp.ActionType]int{}, outputs: map[ofp.PortNo]int{}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.pair = true // what the twin makes of a packet-out is none of this test's business
		for range 200 {
			if err := c.change(); err != nil {
				t.Fatalf("seed %#x: %v", seed, err)
			}
		}
		c.takeSent()
		c.rec.takeIns()
		for range frames {
			n, k, told, err := c.foretell()
			if err != nil {
				t.Fatalf("seed %#x: %v", seed, err)
			}
			if !told {
				skipped++
				continue
			}
			compared++
			sent += n
			ins += k
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d frames compared, %d left out; %d frames and %d packet-ins foretold", compared, skipped, sent, ins)
	if rounds < 40 { // a few sets of rules may have no packet-in in them
		return
	}
	if compared < 2*skipped || sent < compared/4 || ins == 0 {
		t.Errorf("seed %#x: %d frames compared, %d left out; %d frames and %d packet-ins foretold: the generator is wrong", seed, compared, skipped, sent, ins)
	}
}

// takeSent is what has come out of each port.
func (c *contest) takeSent() map[string][]string {
	all := map[string][]string{}
	for at, m := range c.mems {
		for _, f := range m.Sent() {
			all[at] = append(all[at], string(f.Bytes()))
		}
	}
	return all
}

// foretell traces a frame, lets it in, and compares. told: the trace knew all, as
// there was no meter and no fragment to be kept.
func (c *contest) foretell() (sent, ins int, told bool, err error) {
	name, no := "a", pick[ofp.PortNo](c.gen, 1, 2, 3, ofp.PortLocal)
	if c.chance(25) {
		name, no = "b", pick[ofp.PortNo](c.gen, 1, 2)
	}
	f := c.traffic()
	if len(f) < packet.EthernetLen {
		return 0, 0, false, nil
	}
	q := TraceQuery{Flow: "in_port=" + no.String(), Packet: f, Generate: c.chance(50)}
	what := fmt.Sprintf("%s/%d %x, generate %v", name, no, f, q.Generate)
	if q.Generate { // what the trace teaches must not change what the frame does
		c.flushMACs()
	}
	before := c.macs()
	tr, err := c.real[name].Trace(q)
	if err != nil {
		return 0, 0, false, fmt.Errorf("%s: %w", what, err)
	}
	c.d.upcalls.drain()
	text := tr.String()
	want := map[string][]string{}
	for _, o := range tr.Outputs {
		at := fmt.Sprintf("%s/%d", o.Bridge, o.Port)
		want[at] = append(want[at], string(o.Data))
	}
	var wantIns []string
	for _, in := range c.rec.takeIns() {
		wantIns = append(wantIns, c.text(in))
	}
	if got := c.takeSent(); len(got) > 0 {
		return 0, 0, false, fmt.Errorf("%s: the trace sent %x", what, got)
	}
	if !q.Generate && (len(wantIns) > 0 || !slices.Equal(before, c.macs())) {
		return 0, 0, false, fmt.Errorf("%s: the trace did something: packet-ins %q, MAC table %v, was %v", what, wantIns, c.macs(), before)
	}
	taught := c.macs()
	if q.Generate {
		c.flushMACs()
	}
	c.mems[fmt.Sprintf("%s/%d", name, no)].InjectBytes(f)
	for c.d.Poll() > 0 {
	}
	got := c.takeSent()
	var gotIns []string
	for _, in := range c.rec.takeIns() {
		gotIns = append(gotIns, c.text(in))
	}
	if strings.Contains(text, "meter(") || strings.Contains(text, "reassemble") {
		return 0, 0, false, nil
	}
	for at := range c.mems {
		if !slices.Equal(got[at], want[at]) {
			return 0, 0, false, fmt.Errorf("%s: port %s sent\n%x, the trace said\n%x\n%s", what, at, got[at], want[at], text)
		}
		sent += len(got[at])
	}
	if q.Generate && !slices.Equal(taught, c.macs()) {
		return 0, 0, false, fmt.Errorf("%s: MAC table %v, the trace made it %v\n%s", what, c.macs(), taught, text)
	}
	if q.Generate && !slices.Equal(gotIns, wantIns) {
		return 0, 0, false, fmt.Errorf("%s: packet-ins\n%q, of the trace\n%q\n%s", what, gotIns, wantIns, text)
	}
	return sent, len(gotIns), true, nil
}

func (c *contest) flushMACs() {
	for _, b := range c.real {
		b.FlushMACs()
	}
}

// macs are the MAC tables, without ages.
func (c *contest) macs() (list []string) {
	for _, name := range []string{"a", "b"} {
		rows := c.real[name].fdb.List(0)
		slices.SortFunc(rows, func(x, y l2.Row) int { return strings.Compare(fmt.Sprint(x.VLAN, x.MAC), fmt.Sprint(y.VLAN, y.MAC)) })
		for _, r := range rows {
			list = append(list, fmt.Sprint(name, r.VLAN, r.MAC, r.Port))
		}
	}
	return list
}
