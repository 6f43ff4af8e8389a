package ports

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"ofswitch/internal/testutil"
	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// Verdicts of a TCX program.
const (
	verdictNext = -1
	verdictPass = 0
	verdictDrop = 2
)

// foreign attaches a program of somebody else that says the same of each frame. The function it returns takes it off.
func foreign(t *testing.T, ns *testutil.NS, dev string, at ebpf.AttachType, where link.Anchor, verdict int32) (detach func()) {
	t.Helper()
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "foreign", Type: ebpf.SchedCLS, License: "Apache-2.0",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, verdict), asm.Return()},
	})
	if err != nil {
		t.Fatal(err)
	}
	var l link.Link
	ns.Do(func() {
		l, err = link.AttachTCX(link.TCXOptions{Interface: ns.Link(dev).Attrs().Index, Program: prog, Attach: at, Anchor: where})
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(l.Close(), prog.Close()); err != nil {
			t.Error(err)
		}
	}
}

// awaitWhy waits until the port says why it has no kernel path; empty: until it has one.
func awaitWhy(t *testing.T, p KernelPath, want string) {
	t.Helper()
	testutil.Eventually(t, fmt.Sprintf("the reason %q", want), func() error {
		if k, why := p.KernelPath(); why != want || (k == nil) != (want != "") {
			return fmt.Errorf("kernel path %v, %q", k, why)
		}
		return nil
	})
}

// A program of somebody else in front of ours at ingress keeps what a flow takes: it takes nothing any more from
// the next frame on, until that program is gone.
func TestIntegrationKernelPathOthersInFront(t *testing.T) {
	const one = 0x88b5
	host, sw := veth(t)
	other := testutil.NewNS(t)
	other.NoIPv6()
	other.AddVeth("b0", "p1", sw)
	other.WaitCarrier("b0")
	table := openKernel(t)
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	p0, p1 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o)
	in, out := prepared(t, table, p0), path(t, p1)
	s := &steps{t: t, from: socketAt{host, "a0"}.open(), to: other.PacketSocket("b0"), rx: p0.RxQueues()[0], table: table}
	f := byType(t, table, in, out, one)
	// forwarded sends frames until the kernel forwards them, and lends those before to nobody.
	forwarded := func() {
		t.Helper()
		testutil.Wait(t, "the kernel forwards", func() bool {
			before, _, _ := f.Count()
			s.send(one)
			if n, _, _ := f.Count(); n == before+1 {
				s.arrives()
				return true
			}
			s.read(1)
			s.release()
			path(t, p0)
			return false
		})
	}
	forwarded()
	for _, verdict := range []int32{verdictPass, verdictDrop} {
		detach := foreign(t, sw, "p0", ebpf.AttachTCXIngress, link.Head(), verdict)
		before, _, _ := f.Count()
		s.send(one) // one frame on each processor may be taken, and is lost
		s.send(one)
		lost, _, _ := f.Count()
		const more = 10
		for range more {
			s.send(one)
		}
		n, _, _ := f.Count()
		processors := uint64(ebpf.MustPossibleCPU())
		if n-before > processors || n-before < 1 {
			t.Errorf("verdict %d: %d frames taken that another program keeps", verdict, n-before)
		}
		s.read(2 + more - int(n-before))
		s.release()
		awaitWhy(t, p0, othersPrograms)
		detach()
		awaitWhy(t, p0, "")
		forwarded()
		t.Logf("verdict %d: %d frames lost, %d of them at once", verdict, n-before, lost-before)
	}
	// One that hands on what it gets, and may have changed.
	detach := foreign(t, sw, "p0", ebpf.AttachTCXIngress, link.Head(), verdictNext)
	awaitWhy(t, p0, othersPrograms)
	detach()
	awaitWhy(t, p0, "")
	// Those behind ours do no harm: isolation has always kept frames from them.
	detach = foreign(t, sw, "p0", ebpf.AttachTCXIngress, link.Tail(), verdictDrop)
	forwarded()
	if _, why := p0.KernelPath(); why != "" {
		t.Errorf("no kernel path: %s", why)
	}
	detach()
}

// What stands at a TAP for the host to look at, or to keep, what it sends would not see what the kernel path takes.
func TestIntegrationKernelPathOthersAtTap(t *testing.T) {
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	table := openKernel(t)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	detach := foreign(t, sw, "br0", ebpf.AttachTCXEgress, link.Tail(), verdictNext)
	awaitWhy(t, tap, othersPrograms) // before ours is there
	detach()
	awaitWhy(t, tap, "")
	prepared(t, table, tap)
	for _, where := range []link.Anchor{link.Head(), link.Tail()} {
		detach := foreign(t, sw, "br0", ebpf.AttachTCXEgress, where, verdictNext)
		awaitWhy(t, tap, othersPrograms)
		detach()
		awaitWhy(t, tap, "")
	}
	sw.Run("tc", "qdisc", "add", "dev", "br0", "clsact")
	awaitWhy(t, tap, "qdisc clsact")
	sw.Run("tc", "qdisc", "del", "dev", "br0", "clsact")
	awaitWhy(t, tap, "")
}

// Frames that a program at the TAP's hook has let past ours, which so has not counted them, do not keep flows from
// becoming active for ever.
func TestIntegrationKernelPathOthersHidFrames(t *testing.T) {
	const one = 0x88b5
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	table := openKernel(t)
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	k := prepared(t, table, tap)
	s := &steps{t: t, from: socketAt{sw, "br0"}.open(), rx: tap.RxQueues()[0], table: table}
	detach := foreign(t, sw, "br0", ebpf.AttachTCXEgress, link.Head(), verdictPass)
	for range 3 {
		s.send(one)
		s.read(1)
		s.release()
	}
	if n := k.Missing(); n != 3 {
		t.Errorf("%d frames differ, want 3", n)
	}
	detach()
	awaitWhy(t, tap, "")
	testutil.Wait(t, "it is known again", func() bool { return path(t, tap).Missing() == 0 })
	var key, mask kernelpath.Key
	key.SetClass(kernelpath.ClassL2)
	f, err := table.Add(k, []*kernelpath.Port{k}, &key, &mask)
	if err != nil {
		t.Fatal(err)
	}
	s.send(one)
	if !f.Active() {
		t.Error("the flow does not become active")
	}
}

// nftables at the egress hook of a device does not meet what a TC program redirects there.
func TestIntegrationKernelPathEgressChains(t *testing.T) {
	testutil.NeedProgram(t, "nft", "nftables")
	_, sw := veth(t)
	p0 := openSystem(t, sw, "p0", SystemOptions{KernelPath: openKernel(t), Isolation: isolate.TCX})
	awaitWhy(t, p0, "")
	sw.Run("nft", "add table netdev z; add chain netdev z c { type filter hook egress device p0 priority 0; policy accept; }")
	awaitWhy(t, p0, "nftables")
	sw.Run("nft", "delete table netdev z")
	awaitWhy(t, p0, "")
}

// What a queueing discipline that shapes drops of what the kernel path has sent would not be counted at the port; where the
// switch sends, it learns of each.
func TestIntegrationKernelPathShaped(t *testing.T) {
	_, sw := veth(t)
	p0 := openSystem(t, sw, "p0", SystemOptions{KernelPath: openKernel(t), Isolation: isolate.TCX})
	awaitWhy(t, p0, "")
	for _, c := range []struct{ what, why string }{
		{"replace dev p0 root tbf rate 1mbit burst 10k latency 50ms", "qdisc tbf"},
		{"delete dev p0 root", ""},
		{"add dev p0 root pfifo limit 10", "qdisc pfifo"},
		{"replace dev p0 root pfifo_fast", ""},
	} {
		sw.Run("tc", append([]string{"qdisc"}, strings.Fields(c.what)...)...)
		awaitWhy(t, p0, c.why)
	}
}
