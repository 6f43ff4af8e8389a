package ofswitch

import (
	"bytes"
	"fmt"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ports/kernelpath"
)

// TestKernelOutputs: a flow that leaves by several ports is the kernel's as one that leaves by one: each port has
// its copies, in the counters too, and changes of any of them end it.
func TestKernelOutputs(t *testing.T) {
	const n = 20
	all := []ofp.Action{ofp.Output{Port: ofp.PortAll}}
	to := func(list ...ofp.PortNo) (actions []ofp.Action) {
		for _, no := range list {
			actions = append(actions, ofp.Output{Port: no})
		}
		return actions
	}
	most := make([]ofp.PortNo, kernelpath.MaxOutputs)
	for i := range most {
		most[i] = ofp.PortNo(2 + i%2)
	}
	for _, tt := range []struct {
		name    string
		actions []ofp.Action
		taken   bool
		copies  map[ofp.PortNo]int
	}{
		{"two", to(2, 3), true, map[ofp.PortNo]int{2: 1, 3: 1}},
		{"one of them twice", to(2, 3, 2), true, map[ofp.PortNo]int{2: 2, 3: 1}},
		{"all", all, true, map[ofp.PortNo]int{2: 1, 3: 1, 4: 1}},
		{"a group of type all", []ofp.Action{ofp.Group{GroupID: 7}}, true, map[ofp.PortNo]int{2: 1, 4: 1}},
		{"as many as there may be", to(most...), true, map[ofp.PortNo]int{2: kernelpath.MaxOutputs / 2, 3: kernelpath.MaxOutputs / 2}},
		{"one more", to(append(most, 4)...), false, map[ofp.PortNo]int{2: kernelpath.MaxOutputs / 2, 3: kernelpath.MaxOutputs / 2, 4: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newKernelLab(t, 4)
			err := l.b.GroupMod(&ofp.GroupMod{Command: ofp.GroupAdd, GroupID: 7, GroupType: ofp.GroupTypeAll, Buckets: []ofp.Bucket{
				{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: to(2)},
				{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: to(4)},
			}})
			if err != nil {
				t.Fatal(err)
			}
			l.add(flowMod(t, 0, 10, "", apply(tt.actions...)))
			frame := udp(1, 2, 3, 4)
			hits := 0
			for range n {
				hits += l.in(1, frame)
			}
			want := 0
			if tt.taken {
				want = n - 1
			}
			if hits != want {
				t.Errorf("the kernel has taken %d of %d frames, want %d", hits, n, want)
			}
			for no := ofp.PortNo(2); no <= 4; no++ {
				sent := l.sent(int(no))
				for _, b := range sent {
					if !bytes.Equal(b, frame) {
						t.Fatalf("port %d sent % x, want % x", no, b, frame)
					}
				}
				if want := n * tt.copies[no]; len(sent) != want {
					t.Errorf("port %d sent %d frames, want %d", no, len(sent), want)
				}
				err := l.b.PortStats(no, func(s *ofp.PortStats) error {
					if want := uint64(n * tt.copies[no]); s.TxPackets != want || s.TxBytes != want*uint64(len(frame)) {
						return fmt.Errorf("port %d: counted %d frames of %d bytes, want %d", no, s.TxPackets, s.TxBytes, want)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
			if st := counts(t, l.b); st[0][0] != n {
				t.Errorf("the entry has counted %d frames, want %d", st[0][0], n)
			}
			if !tt.taken {
				return
			}
			last := ofp.PortNo(2)
			for no := range tt.copies {
				last = max(last, no)
			}
			l.portMod(t, last, ofp.PortConfigNoFwd)
			if slots := l.k.taking(l.paths[0], frame); len(slots) > 0 {
				t.Errorf("the kernel still has the flow, where port %d must not send", last)
			}
		})
	}
}

// TestKernelOutputsSuit: each of the ports must be such that the kernel may send by it.
func TestKernelOutputsSuit(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, l *kernelLab){
		"a smaller MTU": func(t *testing.T, l *kernelLab) {
			st := l.paths[2].Status()
			st.MTU = 1400
			l.b.PortChanged(3, st)
		},
		"the link": func(t *testing.T, l *kernelLab) {
			st := l.paths[2].Status()
			st.LinkUp = false
			l.b.PortChanged(3, st)
		},
		"queues": func(t *testing.T, l *kernelLab) {
			if err := l.b.SetQoS(3, &QoS{MaxRate: 1e9}); err != nil {
				t.Fatal(err)
			}
		},
		"no path": func(t *testing.T, l *kernelLab) {
			l.paths[2].why = "moved"
			l.b.PortChanged(3, l.paths[2].Status())
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newKernelLab(t, 3)
			l.add(flowMod(t, 0, 10, "", apply(output(2), output(3))))
			frame := udp(1, 2, 3, 4)
			if !l.taken(1, frame) {
				t.Fatal("the kernel has not taken the flow")
			}
			change(t, l)
			if l.taken(1, frame) {
				t.Error("the kernel forwards to a port by which it must not")
			}
		})
	}
}
