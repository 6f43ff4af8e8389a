package bridge

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// TestDumpOfClientThatStops: who asks for all flow entries and then stops reading costs
// little memory and nobody's time: frames are forwarded, and another client's echoes,
// flow-mods and barriers answered. When it reads on it gets each entry once, though all have
// been modified since.
func TestDumpOfClientThatStops(t *testing.T) {
	flows := 20_000
	if raceEnabled {
		flows = 5_000 // it is to be over before the client counts as one that never reads
	}
	r := newRig(t, 1)
	actions := make([]ofp.Action, 10)
	for i := range actions {
		actions[i] = ofp.Output{Port: 2}
	}
	m := r.flowMod(50, 7, "eth_dst=02:00:00:00:00:00", apply(actions...))
	for i := range flows {
		m.Cookie = uint64(i + 1)
		m.Match.Set(flow.EthDst, flow.Value{Lo: 0x020000000000 + uint64(i)})
		r.must(r.of.FlowMod(m))
	}
	dial := func() (net.Conn, *bufio.Reader) {
		nc, err := net.Dial("unix", r.path("mgmt"))
		r.must(err)
		t.Cleanup(func() { nc.Close() })
		r.must(nc.SetDeadline(time.Now().Add(patience)))
		_, err = nc.Write(ofp.Encode(1, &ofp.Hello{}))
		r.must(err)
		return nc, bufio.NewReader(nc)
	}
	// pass waits until some frames more have passed.
	pass := func() {
		was := r.streams[0].passed.Load()
		testutil.Eventually(t, "frames pass", func() error {
			if n := r.streams[0].passed.Load() - was; n < 1000 {
				return fmt.Errorf("%d have", n)
			}
			return nil
		})
	}
	r.streams[0].start()
	pass()
	before := takeVitals(t).heap
	slow, slowReader := dial()
	all := &ofp.FlowStatsRequest{Table: 50, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	_, err := slow.Write(ofp.Encode(2, &ofp.MultipartRequest{Kind: ofp.MultipartFlow, Body: all}))
	r.must(err)
	entries := map[uint64]int{}
	var buf []byte
	// part reads until a part of the answer has come.
	part := func() (more bool) {
		for {
			h, msg, err := ofp.ReadMessage(slowReader, buf)
			r.must(err)
			buf = msg
			decoded, err := ofp.Decode(h, msg[ofp.HeaderLen:])
			r.must(err)
			reply, ok := decoded.(*ofp.MultipartReply)
			if !ok {
				continue
			}
			for _, e := range reply.Entries {
				entries[e.(*ofp.FlowStats).Cookie]++
			}
			return reply.Flags&ofp.MultipartMore != 0
		}
	}
	if !part() {
		t.Fatal("the answer has one part")
	}

	nc, reader := dial()
	ask := func(xid uint32, msgs ...ofp.Message) {
		var b []byte
		for _, m := range msgs {
			b = ofp.AppendMessage(b, xid, m)
		}
		_, err := nc.Write(b)
		r.must(err)
		for {
			h, msg, err := ofp.ReadMessage(reader, nil)
			r.must(err)
			if h.Type == ofp.TypeError {
				t.Fatalf("refused: %x", msg)
			}
			if h.XID == xid && (h.Type == ofp.TypeEchoReply || h.Type == ofp.TypeBarrierReply) {
				return
			}
		}
	}
	for i := range 20 {
		ask(uint32(10+i), &ofp.EchoRequest{})
		ask(uint32(1000+i), r.flowMod(60, uint16(i), "ip", apply(ofp.Output{Port: 2})), &ofp.BarrierRequest{})
	}
	if grown := int64(takeVitals(t).heap) - int64(before); grown > 1<<20 {
		t.Errorf("the answer, which is of %d MB, takes %d kB of memory", flows*220>>20, grown>>10)
	}
	for range 4 {
		part() // or the client would count as one that never reads, on a busy machine
	}
	// All change now, and what they were is no part of the table any more.
	modify := r.flowMod(50, 0, "", apply(ofp.Output{Port: 3}))
	modify.Command = ofp.FlowModify
	ask(5000, modify, &ofp.BarrierRequest{})
	pass()
	if len(entries) >= flows {
		t.Error("the answer was written before the client read it")
	}

	for part() {
	}
	for i := range flows {
		if n := entries[uint64(i+1)]; n != 1 {
			t.Fatalf("entry %d stands there %d times", i+1, n)
		}
	}
	if len(entries) != flows {
		t.Errorf("%d entries, want %d", len(entries), flows)
	}
	if err := r.streams[0].halt(); err != nil {
		t.Error(err)
	}
}
