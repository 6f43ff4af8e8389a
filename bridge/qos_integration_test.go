package bridge

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ofswitch/ofp"
)

// queues are a bridge's queues as controllers see them: port, id and rates, and
// whether they are as old as the ones of the call before.
func (l *lab) queues(bridge string) (list []string, seconds []uint64) {
	l.t.Helper()
	of, err := l.s.bridge(bridge)
	if err != nil {
		l.t.Fatal(err)
	}
	all, err := of.QueueConfigs(ofp.PortAny)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, q := range all {
		s := fmt.Sprintf("%v/%d", q.Port, q.QueueID)
		for _, p := range q.Properties {
			s += fmt.Sprintf(" %v=%d", p.Type, p.Rate)
		}
		list = append(list, s)
	}
	err = of.QueueStats(&ofp.QueueStatsRequest{Port: ofp.PortAny, QueueID: ofp.QueueAll}, func(s *ofp.QueueStats) error {
		seconds = append(seconds, uint64(s.DurationSec)*1e9+uint64(s.DurationNsec))
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return list, seconds
}

// Queues come, change and go by difference, and a QoS that cannot be leaves the
// port with the queues that it had.
func TestIntegrationApplyQoS(t *testing.T) {
	l := newLab(t)
	with := func(max string, queues map[uint32]string) Port {
		q := &QoS{OtherConfig: map[string]string{"max-rate": max}, Queues: map[uint32]Queue{}}
		for id, c := range queues {
			k, v, _ := strings.Cut(c, "=")
			q.Queues[id] = Queue{OtherConfig: map[string]string{k: v}}
		}
		return Port{Name: "v1", QoS: q}
	}
	check := func(want ...string) []uint64 {
		t.Helper()
		got, ages := l.queues("br0")
		if !slices.Equal(got, want) {
			t.Errorf("queues\n %q\nwant\n %q", got, want)
		}
		return ages
	}
	l.mustApply(secure("br0", Port{Name: "v1"}, Port{Name: "v2"}))
	check()
	l.mustApply(secure("br0", with("1000000000", map[uint32]string{1: "min-rate=100000000"}), Port{Name: "v2"}))
	before := check("1/0", "1/1 min_rate=10") // of 10 Gbit/s
	l.mustApply(secure("br0", with("1000000000", map[uint32]string{1: "max-rate=200000000", 2: "max-rate=300000000"}), Port{Name: "v2"}))
	after := check("1/0", "1/1 max_rate=20", "1/2 max_rate=30")
	if len(after) == 3 && (after[1] <= before[1] || after[2] >= after[1]) {
		t.Errorf("ages %v, then %v: the queue was made anew", before, after)
	}
	err := l.apply(secure("br0", with("fast", map[uint32]string{1: "max-rate=5"}), Port{Name: "v2"}))
	refusedBy(t, err, "port v1: QoS: max-rate=fast")
	check("1/0", "1/1 max_rate=20", "1/2 max_rate=30")
	l.want("br0/br0@LOCAL", "br0/v1@1", "br0/v2@2")
	l.mustApply(secure("br0", with("1000000000", map[uint32]string{2: "max-rate=300000000"}), Port{Name: "v2"}))
	check("1/0", "1/2 max_rate=30")
	l.mustApply(secure("br0", Port{Name: "v1"}, Port{Name: "v2"}))
	check()
	// The bridge's own port, and one that is opened later.
	l.mustApply(secure("br0", with("1000000000", nil), Port{Name: "br0", Type: TypeInternal, QoS: &QoS{Type: QoSHTB, Queues: map[uint32]Queue{7: {}}}}))
	check("1/0", "LOCAL/0", "LOCAL/7")
	err = l.apply(secure("br0", Port{Name: "p0", Type: TypePatch, Options: map[string]string{"peer": "p1"}, QoS: &QoS{}}),
		secure("br1", patch("p1", "p0")))
	refusedBy(t, err, "port p0: a patch port has no queues")
}
