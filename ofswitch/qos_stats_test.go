package ofswitch

import (
	"errors"
	"reflect"
	"testing"

	"ofswitch/ofp"
)

func TestQueueConfigs(t *testing.T) {
	l := newQueueLab(t, nil)
	l.addPort(l.b, ofp.PortLocal)
	if q, err := l.b.QueueConfigs(ofp.PortAny); err != nil || len(q) != 0 {
		t.Errorf("no queues: %v, %v", q, err)
	}
	props := func(min, max uint16) (p []ofp.QueueProperty) {
		if min != 0 {
			p = append(p, ofp.QueueProperty{Type: ofp.QueueMinRate, Rate: min})
		}
		if max != 0 {
			p = append(p, ofp.QueueProperty{Type: ofp.QueueMaxRate, Rate: max})
		}
		return p
	}
	// The ports' speed is 10 Gbit/s.
	l.setQoS(&QoS{MaxRate: 5e9, Queues: map[uint32]QueueConfig{
		5: {MinRate: 1e9, MaxRate: 2.5e9}, 1: {MinRate: 1}, 9: {MinRate: 20e9, MaxRate: 30e9}, 3: {MaxRate: 1006e7 / 2},
	}})
	want := []ofp.PacketQueue{
		{QueueID: 0, Port: 2},
		{QueueID: 1, Port: 2, Properties: props(1, 0)},
		{QueueID: 3, Port: 2, Properties: props(0, 503)},
		{QueueID: 5, Port: 2, Properties: props(100, 250)},
		{QueueID: 9, Port: 2, Properties: props(1000, 0)},
	}
	for _, no := range []ofp.PortNo{2, ofp.PortAny} {
		if got, err := l.b.QueueConfigs(no); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("port %v: %+v, %v", no, got, err)
		}
	}
	if got, err := l.b.QueueConfigs(1); err != nil || len(got) != 0 {
		t.Errorf("port without queues: %v, %v", got, err)
	}
	// A device that does not know its speed: parts of what the queues share.
	st := l.ports[1].Status()
	st.SpeedMbps = 0
	l.b.PortChanged(2, st)
	if got, err := l.b.QueueConfigs(2); err != nil || !reflect.DeepEqual(got[3].Properties, props(200, 500)) {
		t.Errorf("without speed: %+v, %v", got, err)
	}
	for _, no := range []ofp.PortNo{0, 77, ofp.PortLocal, ofp.PortController, ofp.PortAll} {
		_, err := l.b.QueueConfigs(no)
		refusedWith(t, err, ofp.QueueOpFailedBadPort)
	}
	if err := l.b.SetQoS(ofp.PortLocal, &QoS{}); err != nil {
		t.Fatal(err)
	}
	if got, err := l.b.QueueConfigs(ofp.PortAny); err != nil || len(got) != 6 || got[5].Port != ofp.PortLocal {
		t.Errorf("with LOCAL: %+v, %v", got, err)
	}
	// What does not fit one message is refused as a whole.
	many := map[uint32]QueueConfig{}
	for id := range uint32(maxQueues) {
		many[id] = QueueConfig{MinRate: 1e9, MaxRate: 1e9}
	}
	for _, no := range []ofp.PortNo{1, 2} {
		if err := l.b.SetQoS(no, &QoS{Queues: many}); err != nil {
			t.Fatal(err)
		}
		if got, err := l.b.QueueConfigs(no); err != nil || len(got) != maxQueues {
			t.Errorf("%d queues of a port: %d, %v", maxQueues, len(got), err)
		}
	}
	_, err := l.b.QueueConfigs(ofp.PortAny)
	refusedWith(t, err, ofp.QueueOpFailedBadPort)
}

func refusedWith(t *testing.T, err error, want ofp.Code) {
	t.Helper()
	var e *ofp.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestQueueStats(t *testing.T) {
	l := newQueueLab(t, &QoS{Queues: map[uint32]QueueConfig{1: {MaxRate: 1e6, Burst: 1}, 2: {}}})
	for i := range uint32(200) {
		l.send(1, sized(1000, 1, i), sized(500, 2, i), sized(100, 8, i))
	}
	l.now.Add(3e9 + 7)
	got := map[uint32]ofp.QueueStats{}
	err := l.b.QueueStats(&ofp.QueueStatsRequest{Port: 2, QueueID: ofp.QueueAll}, func(s *ofp.QueueStats) error {
		got[s.QueueID] = *s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	left := map[uint16]uint64{}
	for _, b := range l.sent(2) {
		id, _ := frameQueue(b)
		left[id]++
	}
	base := ofp.QueueStats{Port: 2, DurationSec: 3, DurationNsec: 7}
	for id, want := range map[uint32]ofp.QueueStats{
		0: {TxPackets: 200, TxBytes: 20000},
		1: {TxPackets: left[1], TxBytes: 1000 * left[1], TxErrors: 200 - left[1] - uint64(l.queue(1).n)},
		2: {TxPackets: 200, TxBytes: 100000},
	} {
		want.Port, want.QueueID, want.DurationSec, want.DurationNsec = base.Port, id, base.DurationSec, base.DurationNsec
		if got[id] != want {
			t.Errorf("queue %d: %+v, want %+v", id, got[id], want)
		}
	}
	if left[1] == 200 || got[1].TxErrors == 0 {
		t.Errorf("queue 1: %d frames left, %d lost; the test wants some of both", left[1], got[1].TxErrors)
	}
	for _, tt := range []struct {
		port  ofp.PortNo
		queue uint32
		n     int
		code  ofp.Code
	}{
		{ofp.PortAny, ofp.QueueAll, 3, 0xffffffff}, {ofp.PortAny, 1, 1, 0xffffffff}, {2, 2, 1, 0xffffffff},
		{1, ofp.QueueAll, 0, 0xffffffff},
		{1, 1, 0, ofp.QueueOpFailedBadQueue}, {2, 77, 0, ofp.QueueOpFailedBadQueue}, {ofp.PortAny, 77, 0, ofp.QueueOpFailedBadQueue},
		{77, ofp.QueueAll, 0, ofp.QueueOpFailedBadPort}, {ofp.PortLocal, 1, 0, ofp.QueueOpFailedBadPort}, {ofp.PortAll, 1, 0, ofp.QueueOpFailedBadPort},
	} {
		n := 0
		err := l.b.QueueStats(&ofp.QueueStatsRequest{Port: tt.port, QueueID: tt.queue}, func(*ofp.QueueStats) error { n++; return nil })
		if n != tt.n {
			t.Errorf("port %v, queue %#x: %d entries, want %d", tt.port, tt.queue, n, tt.n)
		}
		if tt.code != 0xffffffff {
			refusedWith(t, err, tt.code)
		} else if err != nil {
			t.Errorf("port %v, queue %#x: %v", tt.port, tt.queue, err)
		}
	}
	stop := errors.New("stop")
	if err := l.b.QueueStats(&ofp.QueueStatsRequest{Port: 2, QueueID: ofp.QueueAll}, func(*ofp.QueueStats) error { return stop }); err != stop {
		t.Errorf("got %v, want the function's own error", err)
	}
}
