package ports

import (
	"log/slog"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// udpWithVnet is what a guest writes to its TAP: a virtio-net header of this GSO
// type and a UDP packet of n bytes.
func udpWithVnet(gso byte, n int) []byte {
	h := make([]byte, vnetLen)
	if gso != 0 {
		h[0], h[1] = vnetNeedsCsum, gso
		native.PutUint16(h[2:], 42)
		native.PutUint16(h[4:], 1000)
		native.PutUint16(h[6:], 34)
		native.PutUint16(h[8:], 6)
	}
	b := make([]byte, n)
	copy(b, []byte{
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, byte((n - 14) >> 8), byte(n - 14), 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
		0, 1, 0, 2, byte((n - 34) >> 8), byte(n - 34),
	})
	return append(h, b...)
}

// A GSO packet for which the kernel has no virtio-net header ends the ring: the port
// notices, has it made anew, and receives again.
func TestIntegrationRingRevives(t *testing.T) {
	defer func(d time.Duration) { ringWatchEvery = d }(ringWatchEvery)
	ringWatchEvery = 5 * time.Millisecond
	const ufo = 3 // VIRTIO_NET_HDR_GSO_UDP
	sw := testutil.NewNS(t)
	sw.NoIPv6()
	var fd int
	sw.Do(func() {
		var err error
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Close(fd); err != nil {
				t.Error(err)
			}
		})
		ifr, err := unix.NewIfreq("t0")
		if err != nil {
			t.Fatal(err)
		}
		ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
			t.Fatal(err)
		}
	})
	sw.Run("ip", "link", "set", "t0", "up")
	write := func(b []byte) {
		t.Helper()
		if _, err := unix.Write(fd, b); err != nil {
			t.Fatal(err)
		}
	}
	var log testutil.Output
	p := openSystem(t, sw, "t0", SystemOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	q := p.RxQueues()[0].(*ringRx)
	var b packet.Batch
	for round := range 3 {
		write(udpWithVnet(0, 60))
		if f := next(t, q); f.Len() != 60 {
			t.Fatalf("%d bytes", f.Len())
		}
		write(udpWithVnet(packet.GSOUDPL4, 3000))
		if f := next(t, q); f.Len() != 3000 || !f.Offload.IsGSO() {
			t.Fatalf("%d bytes, %+v", f.Len(), f.Offload)
		}
		write(udpWithVnet(ufo, 3000))
		// As a worker does: nothing but what the descriptor says wakes it.
		deadline := time.Now().Add(time.Minute)
		for got := 0; got == 0; {
			if time.Now().After(deadline) {
				t.Fatalf("round %d: nothing is received any more; log:\n%s", round, log.String())
			}
			write(udpWithVnet(0, 61))
			for canRead(t, q.FD()) {
				n, err := q.Rx(&b)
				if err != nil {
					t.Fatal(err)
				}
				if n != 0 && b.Frames[0].Len() != 61 {
					t.Fatalf("%d bytes", b.Frames[0].Len())
				}
				got += n
				b.Release()
			}
		}
	}
	if s := p.Stats(); s.RxDropped < 3 {
		t.Errorf("stats %+v", s)
	}
	if n := log.Count("made anew"); n != 1 {
		t.Errorf("log: %s", log.String())
	}
}
