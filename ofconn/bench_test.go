package ofconn

import (
	"bufio"
	"io"
	"net"
	"testing"

	"ofswitch/ofp"
)

// socket gives a connection to m over a Unix socket, past its hello.
func socket(b testing.TB, m *Manager) *peer {
	b.Helper()
	path := socketDir(b) + "/s"
	if err := m.SetListeners([]Listener{{Target: "punix:" + path, InactivityProbe: -1}}); err != nil {
		b.Fatal(err)
	}
	nc, err := net.Dial("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = nc.Close() })
	p := newPeer(b, nc)
	p.shake()
	p.alive()
	return p
}

// nothing is a switch that does nothing, at once.
type nothing struct{ fakeSwitch }

func (*nothing) FlowMod(*ofp.FlowMod) error                              { return nil }
func (*nothing) FlowMods([]*ofp.FlowMod, []error)                        {}
func (*nothing) Barrier()                                                {}
func (*nothing) WatchFlows(bool, func(uint64))                           {}
func (*nothing) WatchAndList(bool, func(uint64) bool) ofp.FlowList       { return nil }
func (*nothing) CheckBundled(ofp.Message) error                          { return nil }
func (*nothing) Bundle(int, func(int) (ofp.Message, error)) (int, error) { return -1, nil }
func (*nothing) FlowStats(_ *ofp.FlowStatsRequest, fn func(*ofp.FlowStats) error) error {
	f := ofp.FlowStats{Instructions: ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Order: [6]uint8{ofp.InstrApplyActions}, Apply: []ofp.Action{ofp.Output{Port: 1}}}}
	for range 1000 {
		if err := fn(&f); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkFlowMod is the channel's share of a flow-mod, a barrier behind every
// hundred.
func BenchmarkFlowMod(b *testing.B) {
	p := socket(b, newManager(b, &nothing{}, Options{}))
	const batch = 100
	var msgs []byte
	for i := range uint32(batch) {
		msgs = ofp.AppendMessage(msgs, i, missEntry())
	}
	msgs = ofp.AppendMessage(msgs, batch, &ofp.BarrierRequest{})
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		p.raw(msgs)
		p.want(batch, ofp.TypeBarrierReply)
		n += batch
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "flow-mods/s")
}

// BenchmarkDump is the channel's share of a flow dump.
func BenchmarkDump(b *testing.B) {
	p := socket(b, newManager(b, &nothing{}, Options{}))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		p.send(1, multipart(ofp.MultipartFlow, flowRequest()))
		for more := true; more; n += 1000 {
			_, msg, err := p.recvRaw()
			if err != nil {
				b.Fatal(err)
			}
			more = msg[ofp.HeaderLen+3]&ofp.MultipartMore != 0
			if more {
				n -= 1000 // the last part counts for all
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkPacketIn is what it costs the data path to hand over a frame of 1500
// bytes, which may be dropped, while a controller reads as fast as it can.
func BenchmarkPacketIn(b *testing.B) {
	m := newManager(b, &nothing{}, Options{})
	p := socket(b, m)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, bufio.NewReaderSize(p.nc, 1<<20)) // until it is closed
	}()
	data := make([]byte, 1500)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		m.PacketIns([]PacketIn{{Msg: ofp.PacketIn{BufferID: ofp.NoBuffer, TotalLen: 1500, Data: data}, InPort: ofp.PortNo(n & 7)}})
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "frames/s")
	b.ReportMetric(float64(m.Status()[0].PacketIns.Sent)/b.Elapsed().Seconds(), "sent/s")
	_ = p.nc.Close()
	<-done
}
