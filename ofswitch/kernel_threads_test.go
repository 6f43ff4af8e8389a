package ofswitch

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// TestKernelThreads: frames come at all ports while tables, policing, MAC tables and the number of threads
// change, and the kernel path goes on and off. Each frame is counted once by the entry that forwards it, by the
// table and by its port.
func TestKernelThreads(t *testing.T) {
	k := newFakeKernel()
	d, err := NewDatapath(Options{Workers: 2, kernel: k, kernelAlways: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := d.AddBridge("br0", BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3
	var paths [n]*kernelMem
	for i := range paths {
		paths[i] = k.device(ports.NewMemWith(fmt.Sprintf("t%d", i+1), ports.MemOptions{Capture: -1}))
		if err := b.AddPort(ofp.PortNo(i+1), paths[i]); err != nil {
			t.Fatal(err)
		}
		defer paths[i].Close()
	}
	defer func() {
		if err := d.RemoveBridge("br0"); err != nil {
			t.Error(err)
		}
	}()
	if err := b.FlowMod(flowMod(t, 0, 1, "", apply(output(ofp.PortNormal)))); err != nil {
		t.Fatal(err)
	}
	// Frames come until the kernel has forwarded so many; a change comes after some hundred of them.
	const wanted, between = 3000, 300
	var taken, given atomic.Uint64
	var sent [n]uint64
	var senders, changers sync.WaitGroup
	stop := make(chan struct{})
	for i, p := range paths {
		senders.Go(func() {
			end := time.Now().Add(testutil.Patience)
			for j := 0; taken.Load() < wanted && time.Now().Before(end); j++ {
				f := udp(byte(1+i), byte(1+(i+1+j/64%2)%n), 1, uint16(j/512%4))
				for {
					if k.forward(p, f) {
						taken.Add(1)
						break
					}
					if p.InjectBytes(f) == 1 {
						break
					}
					testutil.Wait(t, "room", func() bool { return p.Pending() < 64 })
				}
				sent[i]++
				given.Add(1)
			}
		})
	}
	for i, change := range []func(r *rand.Rand) error{
		func(r *rand.Rand) error {
			m := flowMod(t, 0, uint16(2+r.IntN(3)), fmt.Sprintf("udp,tp_dst=%d", r.IntN(5)), apply(output(ofp.PortNormal)))
			m.Cookie = 1
			if r.IntN(2) == 0 {
				m.Command = ofp.FlowModifyStrict
			}
			return b.FlowMod(m)
		},
		func(r *rand.Rand) error {
			b.FlushMACs()
			conf := Policing{}
			if r.IntN(4) == 0 {
				conf = Policing{Packets: 1e12, PktBurst: 1e12} // bounds that nothing comes near
			}
			return b.SetPolicing(ofp.PortNo(1+r.IntN(n)), conf)
		},
		func(r *rand.Rand) error {
			d.SetKernelPath(r.IntN(4) > 0)
			d.Collect()
			return d.SetWorkers(1 + r.IntN(3))
		},
		func(*rand.Rand) error { _, _ = d.KernelPorts(), d.CachedFlows(); d.foldExact(); return nil },
	} {
		changers.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for next := uint64(0); ; next = given.Load() + between {
				for given.Load() < next {
					select {
					case <-stop:
						return
					default:
						runtime.Gosched()
					}
				}
				if err := change(r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
	testutil.Wait(t, "the rings to be empty", func() bool {
		for _, p := range paths {
			if p.Pending() > 0 {
				return false
			}
		}
		return true
	})
	close(stop)
	changers.Wait()
	all, sum := sent[0]+sent[1]+sent[2], uint64(0)
	err = b.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error {
		sum += s.PacketCount
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum != all {
		t.Errorf("the entries counted %d frames, want %d", sum, all)
	}
	err = b.TableStats(func(s *ofp.TableStats) error {
		if s.Table == 0 && s.LookupCount != all {
			return fmt.Errorf("%d lookups, want %d", s.LookupCount, all)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	err = b.PortStats(ofp.PortAny, func(s *ofp.PortStats) error {
		if want := sent[s.Port-1]; s.RxPackets != want {
			return fmt.Errorf("port %d received %d, want %d", s.Port, s.RxPackets, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d of %d frames forwarded by the kernel, %d flows", k.hits, all, k.adds)
	if taken.Load() < wanted {
		t.Error("too few to have tested anything")
	}
}
