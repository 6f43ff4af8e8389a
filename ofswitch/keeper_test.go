package ofswitch

import (
	"fmt"
	"slices"
	"testing"

	"ofswitch/packet"
	"ofswitch/ports"
)

// keeper is a transmit queue that keeps the memory of frames where it may, as AF_XDP does.
type keeper struct {
	sent []string
	kept int
}

func (k *keeper) Caps() ports.Caps { return ports.Caps{} }
func (k *keeper) Close() error     { return nil }

func (k *keeper) Tx(frames []*packet.Frame) int {
	for _, f := range frames {
		k.sent = append(k.sent, string(f.Bytes()))
		if slot := f.Slot(); slot != 0 {
			k.kept++
			f.Exchange(make([]byte, 64), slot+100)
		}
	}
	return len(frames)
}

// A frame for several ports is whole at each, also where the first would keep its
// memory; one for a single port gives it away.
func TestQueuesThatKeepMemory(t *testing.T) {
	const write = -1 // among ports: the frame is cut
	for _, c := range []struct {
		to   []int
		kept int
	}{
		{to: []int{0}, kept: 3},
		{to: []int{0, 1}},
		{to: []int{0, 1, 2}},
		{to: []int{1, 1}},
		{to: []int{0, write, 1}, kept: 0},
		{to: []int{write, 2}, kept: 3},
	} {
		t.Run(fmt.Sprint(c.to), func(t *testing.T) {
			var queues [3]keeper
			var batches [3]txBatch
			for i := range queues {
				batches[i] = txBatch{q: &queues[i]}
			}
			p, written := &program{}, false
			var want [3][]string
			var b packet.Batch
			names := []string{"one frame", "two frames", "three frames"}
			for i, name := range names {
				buf := make([]byte, packet.Headroom+len(name))
				copy(buf[packet.Headroom:], name)
				b.Frames[i].Lend(buf, packet.Headroom, len(buf), uint32(i+1))
			}
			for _, port := range c.to {
				if port == write {
					p.ops = append(p.ops, op{kind: opTruncate, arg: 3})
					written = true
					continue
				}
				p.ops = append(p.ops, op{kind: opOutput, tx: &batches[port]})
				for _, name := range names {
					if written {
						name = name[:3]
					}
					want[port] = append(want[port], name)
				}
			}
			p.settle(1)
			w := &worker{pools: packet.NewPools()}
			w.execute(p, []*packet.Frame{&b.Frames[0], &b.Frames[1], &b.Frames[2]})
			w.transmit()
			kept := 0
			for i, q := range queues {
				kept += q.kept
				slices.Sort(q.sent)
				slices.Sort(want[i])
				if !slices.Equal(q.sent, want[i]) {
					t.Errorf("port %d: %q, want %q", i, q.sent, want[i])
				}
			}
			if kept != c.kept {
				t.Errorf("%d frames gave their memory away, want %d", kept, c.kept)
			}
		})
	}
}
