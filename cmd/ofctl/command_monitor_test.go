package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// TestMonitor: messages are printed as they come, echo requests are answered, and
// an interrupt ends it without an error.
func TestMonitor(t *testing.T) {
	f := newFakeSwitch(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	echoed := make(chan struct{})
	f.after = func(nc net.Conn, m ofp.Message) {
		switch m := m.(type) {
		case *ofp.SetConfig:
			f.write(nc, 0, &ofp.PortStatus{Reason: ofp.PortModify, Desc: f.ports[0]})
			f.write(nc, 0, &ofp.PacketIn{BufferID: ofp.NoBuffer, Match: match(t, "in_port=2"), Data: []byte("abc"), TotalLen: 3})
			f.write(nc, 77, &ofp.EchoRequest{Data: []byte("still there?")})
		case *ofp.EchoReply:
			if string(m.Data) != "still there?" {
				t.Errorf("echo reply with %q", m.Data)
			}
			close(echoed)
			cancel()
		}
	}
	var out testutil.Output
	o := monitorOptions{common: common{RunDir: f.dir, Timeout: 5 * time.Second, Names: true}, Switch: "br0", MissLen: 128, InvalidTTL: true, More: true}
	if err := monitor(ctx, &out, o); err != nil {
		t.Error(err)
	}
	<-echoed
	got := out.String()
	for _, want := range []string{
		"OFPT_PORT_STATUS (OF1.3) (xid=0x0): MOD: 1(p1): addr:02:00:00:00:00:01\n",
		"OFPT_PACKET_IN (OF1.3) (xid=0x0): cookie=0x0 total_len=3 in_port=p2 (via no_match) data_len=3 (unbuffered)\n",
		"00000000  61 62 63\n",
		"OFPT_ECHO_REQUEST (OF1.3) (xid=0x4d): 12 bytes of payload\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("printed %q, want %q in it", got, want)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var config *ofp.SetConfig
	var async *ofp.SetAsync
	for _, m := range f.got {
		switch m := m.(type) {
		case *ofp.SetConfig:
			config = m
		case *ofp.SetAsync:
			async = m
		}
	}
	if config == nil || config.MissSendLen != 128 {
		t.Errorf("set-config %+v, want miss_send_len 128", config)
	}
	if async == nil || async.PacketIn != [2]uint32{7, 0} {
		t.Errorf("set-async %+v, want packet-in reasons 7", async)
	}
}

// TestMonitorHangup: the switch's end is an error.
func TestMonitorHangup(t *testing.T) {
	f := newFakeSwitch(t)
	f.after = func(nc net.Conn, m ofp.Message) {
		if m.Type() == ofp.TypeSetConfig {
			nc.Close()
		}
	}
	f.fails([]string{"monitor", "br0", "10"}, "br0: ")
	f.fails([]string{"monitor", "br0", "65534"}, "65534: want a number", "65535 for whole frames")
}

// TestMonitorWatch: the answer to a flow monitor is printed, and what comes after
// it.
func TestMonitorWatch(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok("table=1,cookie=5,in_port=1,actions=2", "add-flows", "br0", "-")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := &stopWriter{stop: cancel, at: "DELETED"}
	o := monitorOptions{common: common{RunDir: f.dir, Timeout: 5 * time.Second, Names: true}, Switch: "br0", Watch: []string{"!own,in_port=p1", "table=3"}}
	if err := monitor(ctx, out, o); err != nil {
		t.Error(err)
	}
	const want = "ONFST_FLOW_MONITOR reply (OF1.3) (xid=0x3):\n event=ADDED table=1 cookie=0x5 in_port=p1 actions=output:p2\n" +
		"ONFST_FLOW_MONITOR reply (OF1.3) (xid=0x0):\n event=DELETED reason=idle table=7 cookie=0\n"
	if got := out.b.String(); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	body, err := f.got[len(f.got)-1].(*ofp.MultipartRequest).Parse()
	if err != nil {
		t.Fatal(err)
	}
	m, ok := body.(*ofp.FlowMonitors)
	if !ok || len(m.Monitors) != 2 || m.Monitors[0].Match != match(t, "in_port=1") || m.Monitors[0].Flags&ofp.FlowMonitorOwn != 0 || m.Monitors[1].ID != 1 || m.Monitors[1].Table != 3 {
		t.Errorf("sent %+v", body)
	}
	f.fails([]string{"monitor", "br0", "watch:!bar"}, "watch=!bar", "!initial")
	f.fails([]string{"monitor", "br0", "watch:foo=1"}, "foo")
}

// stopWriter calls stop once a text has been written.
type stopWriter struct {
	b    bytes.Buffer
	at   string
	stop func()
}

func (w *stopWriter) Write(p []byte) (int, error) {
	w.b.Write(p)
	if strings.Contains(string(p), w.at) {
		w.stop()
	}
	return len(p), nil
}
