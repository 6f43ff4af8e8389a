package ports

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// copies reads what has come to a packet socket, and gives how many of the frames are b: once there
// are want, only what is there already.
func copies(t *testing.T, fd int, b []byte, want int) (n int) {
	t.Helper()
	buf := make([]byte, 2048)
	for end := time.Now().Add(testutil.Patience); time.Now().Before(end); {
		flags := 0
		if n >= want {
			flags = unix.MSG_DONTWAIT
		}
		got, at, err := unix.Recvfrom(fd, buf, flags)
		if errors.Is(err, unix.EAGAIN) && n >= want {
			return n
		}
		if err != nil {
			t.Fatalf("%d of %d frames have come: %v", n, want, err)
		}
		if ll, ok := at.(*unix.SockaddrLinklayer); ok && ll.Pkttype != unix.PACKET_OUTGOING && bytes.Equal(buf[:got], b) {
			n++
		}
	}
	return n
}

// A flow with several outputs sends its frames to each, as often as it is among them, past isolation and into the
// host's stack; one from a TAP, too.
func TestIntegrationKernelPathCopies(t *testing.T) {
	host, sw := veth(t)
	others := [2]*testutil.NS{testutil.NewNS(t), testutil.NewNS(t)}
	for i, ns := range others {
		ns.NoIPv6()
		ns.AddVeth("b0", []string{"p1", "p2"}[i], sw)
		ns.WaitCarrier("b0")
	}
	table := openKernel(t)
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	tap := openTapIn(t, sw, OpenInternal, "br0", TapOptions{KernelPath: table})
	p0, p1, p2 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o), openSystem(t, sw, "p2", o)
	k0, kt := prepared(t, table, p0), prepared(t, table, tap)
	k1, k2 := path(t, p1), path(t, p2)
	at := map[*kernelpath.Port]int{k0: host.PacketSocket("a0"), k1: others[0].PacketSocket("b0"), k2: others[1].PacketSocket("b0"), kt: sw.PacketSocket("br0")}
	for _, c := range []struct {
		name string
		in   *kernelpath.Port
		rx   RxQueue
		from int
		outs []*kernelpath.Port
	}{
		{"ring", k0, p0.RxQueues()[0], socketAt{host, "a0"}.open(), []*kernelpath.Port{k1, kt, k2, k1}},
		{"ring, TAP first", k0, p0.RxQueues()[0], socketAt{host, "a0"}.open(), []*kernelpath.Port{kt, k2}},
		{"ring, back too", k0, p0.RxQueues()[0], socketAt{host, "a0"}.open(), []*kernelpath.Port{k1, k0, k1, k1, k1, k1, k1, k1}},
		{"TAP", kt, tap.RxQueues()[0], socketAt{sw, "br0"}.open(), []*kernelpath.Port{k1, k2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var key, mask kernelpath.Key
			key.SetClass(kernelpath.ClassL2)
			f, err := table.Add(c.in, c.outs, &key, &mask)
			if err != nil {
				t.Fatal(err)
			}
			s := &steps{t: t, from: c.from, rx: c.rx, table: table}
			s.send(0x88b5) // may be the first to be forwarded
			for !f.Active() {
				s.read(1)
				s.release()
				s.send(0x88b5)
			}
			before, _, _ := f.Count()
			for range 3 {
				s.send(0x88b6)
			}
			if n, _, _ := f.Count(); n != before+3 {
				t.Errorf("counted %d, of 3 frames", n-before)
			}
			last := frame(nil, 100)
			copy(last[12:], []byte{0x88, 0xb6})
			binary.BigEndian.PutUint32(last[40:], uint32(s.sent))
			for out, fd := range at {
				want := 0
				for _, o := range c.outs {
					if o == out {
						want++
					}
				}
				if want == 0 && out == c.in {
					continue // hears itself
				}
				if got := copies(t, fd, last, want); got != want {
					t.Errorf("%d copies at a port that is %d times among the outputs", got, want)
				}
			}
			table.Remove(f)
			table.Wait()
		})
	}
	var key, mask kernelpath.Key
	if _, err := table.Add(k0, []*kernelpath.Port{k1, k1, k1, k1, k1, k1, k1, k1, k1}, &key, &mask); !errors.Is(err, kernelpath.ErrUnavailable) {
		t.Errorf("nine outputs: %v", err)
	}
}

// TCP passes as a copy: GSO packets and partial checksums are the same for all outputs.
func TestIntegrationKernelPathCopiesTCP(t *testing.T) {
	a, sw, b := twoHosts(t)
	third := testutil.NewNS(t)
	third.NoIPv6()
	third.AddVeth("c0", "p2", sw)
	third.WaitCarrier("c0")
	table := openKernel(t)
	o := SystemOptions{KernelPath: table, Isolation: isolate.TCX}
	p0, p1, p2 := openSystem(t, sw, "p0", o), openSystem(t, sw, "p1", o), openSystem(t, sw, "p2", o)
	forward(t, p0, p1)
	k0, k1, k2 := path(t, p0), path(t, p1), path(t, p2)
	for _, outs := range [][]*kernelpath.Port{{k1, k2}, {k2, k1}} {
		var key, mask kernelpath.Key
		key.SetClass(kernelpath.ClassTCPv4)
		there, err := table.Add(k0, outs, &key, &mask)
		if err != nil {
			t.Fatal(err)
		}
		back := byClass(t, table, k1, k0, kernelpath.ClassTCPv4)
		before := third.Link("c0").Attrs().Statistics.RxBytes
		transfer(t, a, b, "10.0.0.2", transferSize/4)
		_, bytes, _ := there.Count()
		got := third.Link("c0").Attrs().Statistics.RxBytes - before
		if !there.Active() || bytes < transferSize/4*9/10 || got < transferSize/4*8/10 {
			t.Errorf("active %v, %d bytes counted, %d at the third host", there.Active(), bytes, got)
		}
		table.Remove(there, back)
		table.Wait()
	}
}
