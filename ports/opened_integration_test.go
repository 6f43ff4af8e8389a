package ports

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/ports/isolate"
)

// A device that is brought up says nothing of the host's: isolation is in force before.
// The first is opened to see that TCX works; the second is isolated in another way.
func TestIntegrationRaisedInSilence(t *testing.T) {
	host, sw := testutil.NewNS(t), testutil.NewNS(t)
	host.NoIPv6()
	hear := map[string]int{}
	for _, n := range []string{"0", "1", "2"} {
		host.AddVeth("a"+n, "p"+n, sw)
		sw.Down("p" + n)
		hear["p"+n] = host.PacketSocket("a" + n)
	}
	sw.Up("p2")
	if !spoke(t, sw, "p2", hear["p2"]) {
		t.Fatal("positive control: a host with IPv6 says nothing as its device comes up")
	}
	for _, dev := range []string{"p0", "p1"} {
		talk(t, sw, dev)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), openEnv+"=raised p0 p1")
	startHelper(t, sw, cmd)
	defer endHelper(t, cmd)
	for _, dev := range []string{"p0", "p1"} {
		if spoke(t, sw, dev, hear[dev]) {
			t.Errorf("the host has sent through %s", dev)
		}
	}
}

// talk has the host send through a device, without pause, from when it is up.
func talk(t *testing.T, sw *testutil.NS, dev string) {
	fd := sw.PacketSocket(dev)
	frame := append(bytes.Repeat([]byte{0xff}, 6), sw.MAC(dev)...)
	frame = append(frame, make([]byte, 48)...)
	var quiet atomic.Bool
	var talking sync.WaitGroup
	talking.Go(func() {
		for !quiet.Load() {
			// Refused while the device is down, and then again by isolation.
			if _, err := unix.Write(fd, frame); err != nil {
				runtime.Gosched()
			}
		}
	})
	t.Cleanup(func() {
		quiet.Store(true)
		talking.Wait()
	})
}

// spoke says whether frames have left a device until the end of duplicate address
// detection, which is the last that a host says by itself; fd hears its other end.
func spoke(t *testing.T, sw *testutil.NS, dev string, fd int) bool {
	t.Helper()
	testutil.Wait(t, "the end of duplicate address detection on "+dev, func() bool {
		list, err := sw.Netlink.AddrList(sw.Link(dev), unix.AF_INET6)
		if err != nil {
			t.Fatal(err)
		}
		return len(list) > 0 && list[0].Flags&unix.IFA_F_TENTATIVE == 0
	})
	mac := sw.MAC(dev)
	out := sw.PacketSocket(dev)
	if err := unix.SetsockoptInt(out, unix.SOL_SOCKET, unix.SO_MARK, int(isolate.Mark)); err != nil {
		t.Fatal(err)
	}
	fence := append(append(bytes.Repeat([]byte{0xff}, 6), mac...), append([]byte{0x88, 0xb5}, make([]byte, 46)...)...)
	if _, err := unix.Write(out, fence); err != nil {
		t.Fatal(err)
	}
	for buf := make([]byte, 2048); ; {
		got, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN): // it was down
		case err != nil:
			t.Fatalf("%s: the frame that must come did not: %v", dev, err)
		case bytes.Equal(buf[:got], fence):
			return false
		case got >= 12 && bytes.Equal(buf[6:12], mac):
			return true
		}
	}
}

// What isolation comes to after the port was opened is told.
func TestIntegrationIsolatedOtherwise(t *testing.T) {
	_, sw := veth(t)
	var log strings.Builder
	changed := 0
	p := openSystem(t, sw, "p0", SystemOptions{
		Isolation: isolate.NFT, Changed: func() { changed++ }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	p.isolatedOtherwise(p.iso, nil)
	p.isolatedOtherwise(nil, errors.New("a late refusal"))
	if s := log.String(); changed != 2 || !strings.Contains(s, "isolation=nft") || !strings.Contains(s, "WARN") || !strings.Contains(s, "a late refusal") {
		t.Errorf("told %d times, the log says %s", changed, s)
	}
}
