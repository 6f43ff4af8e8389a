package ofconn

import (
	"testing"
	"testing/synctest"
	"time"

	"ofswitch/ofp"
)

// entryLen is the wire length of the fake switch's flow entries with this many
// actions.
func entryLen(actions int) int { return 56 + 8 + 16*actions }

// dump reads a whole flow multipart reply and checks its parts.
func (p *peer) dump(xid uint32) (entries, parts int) {
	p.t.Helper()
	for {
		h, m := p.recv()
		r, ok := m.(*ofp.MultipartReply)
		if !ok || h.XID != xid {
			p.t.Fatalf("got %v in a dump", h)
		}
		if h.Length > ofp.MultipartMaxLen {
			p.t.Errorf("a part of %d bytes", h.Length)
		}
		for _, e := range r.Entries {
			if f := e.(*ofp.FlowStats); f.Cookie != uint64(entries) {
				p.t.Fatalf("entry %d stands in place of %d", f.Cookie, entries)
			}
			entries++
		}
		parts++
		if r.Flags&ofp.MultipartMore == 0 {
			return entries, parts
		}
		if len(r.Entries) == 0 {
			p.t.Error("an empty part that is not the last")
		}
	}
}

func TestLongReplyIsSplit(t *testing.T) {
	const n = 20000
	sw := &fakeSwitch{flows: n, actions: 3}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	p.send(0xabcd, multipart(ofp.MultipartFlow, flowRequest()))
	entries, parts := p.dump(0xabcd)
	if entries != n {
		t.Errorf("%d entries, want %d", entries, n)
	}
	perPart := (ofp.MultipartMaxLen - 16) / entryLen(3)
	if want := (n + perPart - 1) / perPart; parts != want {
		t.Errorf("%d parts, want %d", parts, want)
	}
	p.alive()
}

// TestDumpIsNotBuffered: a peer that does not read stops the dump after a
// little, and may then read it all.
func TestDumpIsNotBuffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 100_000
		sw := &fakeSwitch{flows: n, actions: 10}
		p := connected(t, newManager(t, sw, Options{}), connOptions{})
		p.send(1, multipart(ofp.MultipartFlow, flowRequest()))
		synctest.Wait() // all goroutines have come to wait
		sw.mu.Lock()
		held := sw.produced * entryLen(10)
		sw.mu.Unlock()
		// What waits, what is in the making, and what a write has taken.
		if most := replyBudget + ofp.MaxLen + writeChunk; held > most {
			t.Errorf("%d bytes of the dump are in memory, want %d at most", held, most)
		}
		if held == 0 {
			t.Error("nothing was produced")
		}
		time.Sleep(stallTimeout / 2) // slow, but not too slow
		if entries, _ := p.dump(1); entries != n {
			t.Errorf("%d entries, want %d", entries, n)
		}
		p.alive()
	})
}

// TestPeerThatNeverReads costs its own connection, in the end, and nothing
// else.
func TestPeerThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := &fakeSwitch{flows: 100_000, actions: 10}
		m := newManager(t, sw, Options{})
		bad := connected(t, m, connOptions{})
		good := connected(t, m, connOptions{})
		bad.send(1, multipart(ofp.MultipartFlow, flowRequest()))
		for range 20_000 {
			m.FlowRemoved(&ofp.FlowRemoved{})
			m.PacketIns([]PacketIn{{Msg: ofp.PacketIn{Data: make([]byte, 1500)}, InPort: 1}})
		}
		synctest.Wait()
		bad.c.out.mu.Lock()
		if o := bad.c.out; o.replyBytes > replyBudget+ofp.MaxLen || o.asyncBytes > asyncBudget || o.pins.total > pinPerPort {
			t.Errorf("%d bytes of replies, %d of others, %d packet-ins wait", o.replyBytes, o.asyncBytes, o.pins.total)
		}
		bad.c.out.mu.Unlock()
		got := make(map[ofp.Type]int)
		good.settle(func(m ofp.Message) { got[m.Type()]++ })
		if got[ofp.TypeFlowRemoved] != 20_000 || got[ofp.TypePacketIn] < pinPerPort {
			t.Errorf("the other connection got %v", got)
		}
		for range 10 {
			good.alive()
		}
		start := time.Now()
		<-bad.over
		if took := time.Since(start); took > stallTimeout {
			t.Errorf("closed after %v, want %v at most", took, stallTimeout)
		}
		if bad.err != errStalled {
			t.Errorf("closed because: %v", bad.err)
		}
		good.alive()
		if n := len(m.established()); n != 1 {
			t.Errorf("%d connections are left, want 1", n)
		}
	})
}

// TestEntryTooLongForAReply: one entry that no message can hold does not take
// the others with it.
func TestEntryTooLongForAReply(t *testing.T) {
	sw := &fakeSwitch{flows: 3, actions: (ofp.MaxLen - 60) / 16}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	p.send(1, multipart(ofp.MultipartFlow, flowRequest()))
	if r := p.want(1, ofp.TypeMultipartReply).(*ofp.MultipartReply); len(r.Entries) != 0 {
		t.Errorf("%d entries of %d bytes in a message", len(r.Entries), entryLen(sw.actions))
	}
	p.alive()
}
