package ports

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

// statisticsAnswer is an answer of the kernel: each counter has its place as its value,
// behind an attribute that nobody asked for.
func statisticsAnswer() []byte {
	b := make([]byte, unix.SizeofNlMsghdr+ifStatsMsgLen)
	native.PutUint16(b[4:], unix.RTM_NEWSTATS)
	b = append(b, 7, 0, 99, 0, 1, 2, 3, 0)
	b = native.AppendUint16(b, unix.SizeofRtAttr+25*8)
	b = native.AppendUint16(b, statsLink64)
	for i := range uint64(25) {
		b = native.AppendUint64(b, i)
	}
	return b
}

func TestParseStatistics(t *testing.T) {
	good := statisticsAnswer()
	s, err := parseStatistics(good)
	if err != nil || s.TxDropped != 7 || s.Collisions != 9 || s.RxOverErrors != 11 || s.RxCrcErrors != 12 || s.RxFrameErrors != 13 {
		t.Errorf("%+v, %v", s, err)
	}
	for n := range len(good) { // cut off
		if s, err := parseStatistics(good[:n]); !errors.Is(err, errNoStatistics) {
			t.Errorf("%d bytes: %+v, %v", n, s, err)
		}
	}
	refused := make([]byte, 36)
	native.PutUint16(refused[4:], unix.NLMSG_ERROR)
	errno := -int32(unix.ENODEV)
	native.PutUint32(refused[16:], uint32(errno))
	if _, err := parseStatistics(refused); !errors.Is(err, unix.ENODEV) {
		t.Errorf("refused: %v", err)
	}
}

func FuzzParseStatistics(f *testing.F) {
	f.Add(statisticsAnswer())
	f.Add(statisticsAnswer()[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseStatistics(b); (s == nil) == (err == nil) {
			t.Errorf("%v, %v", s, err)
		}
	})
}

// What RTM_GETSTATS tells of a device is what all else tells of it.
func TestIntegrationStatistics(t *testing.T) {
	ns := testutil.NewNS(t)
	ns.Do(func() {
		p, err := OpenInternal("t0", TapOptions{})
		if err != nil {
			t.Fatal(err)
		}
		tap := p.(*Tap)
		// More than the queue of the device holds, and nobody reads.
		fd := ns.PacketSocket("t0")
		for range 2000 {
			if _, err := unix.Write(fd, frame(nil, 60)); err != nil && !errors.Is(err, unix.ENOBUFS) {
				t.Fatal(err)
			}
		}
		want := ns.Link("t0").Attrs().Statistics
		s := tap.dev.statistics()
		if s == nil || s.TxDropped == 0 || s.TxDropped != want.TxDropped {
			t.Fatalf("%+v, want %+v", s, want)
		}
		if got := tap.Stats().RxDropped; got != want.TxDropped {
			t.Errorf("the port tells of %d frames dropped, the device of %d", got, want.TxDropped)
		}
		if s, err := readStatistics(tap.dev.ctl, 1<<30); !errors.Is(err, unix.ENODEV) {
			t.Errorf("a device that is not there: %+v, %v", s, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if got := tap.Stats().RxDropped; got != want.TxDropped {
			t.Errorf("the closed port tells of %d frames dropped, not of %d", got, want.TxDropped)
		}
	})
}
