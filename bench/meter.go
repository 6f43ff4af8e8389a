package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
)

// meterLine measures how near to its rate a meter is, with ofswitchd as it is
// started by users and frames that come by a veth pair: twice the rate is
// offered for five seconds at least, and what left is compared with the rate.
const meterLine = "meter"

// meterLoad is a rate and the frames that are offered to it.
type meterLoad struct {
	packets bool // the rate is in packets/s, not in kbit/s
	rate    int
	frame   string // of meterFrames
}

var meterLoads = []meterLoad{
	{true, 100, "64"}, {true, 100, "1500"}, {true, 1000, "64"}, {true, 1000, "1500"}, {true, 1000, "gso"},
	{true, 20_000, "64"}, {true, 20_000, "1500"}, {true, 20_000, "gso"},
	{false, 1000, "64"}, {false, 1000, "1500"}, {false, 10_000, "64"}, {false, 10_000, "1500"}, {false, 10_000, "gso"},
	{false, 100_000, "1500"}, {false, 100_000, "gso"}, {false, 1_000_000, "1500"}, {false, 1_000_000, "gso"},
}

// gsoSegment and gsoSegments are those of the frames "gso": TCP segments.
const (
	gsoSegment  = 1448
	gsoSegments = 44
)

// meterFrame is a frame as it is written to a packet socket with virtio-net
// headers, and what it counts for.
type meterFrame struct {
	bytes          []byte
	packets, count int // count: bytes on the wire
}

// meterFrames makes the frames from one address to another.
func meterFrames(src, dst net.HardwareAddr) map[string]meterFrame {
	plain := func(n int) meterFrame {
		return meterFrame{append(make([]byte, vnetLen), udpFrame(src, dst, n)...), 1, n}
	}
	const header = 14 + 20 + 20
	gso := tcpFrame(src, dst, gsoSegments*gsoSegment)
	h := make([]byte, vnetLen)
	h[0], h[1] = unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, unix.VIRTIO_NET_HDR_GSO_TCPV4
	binary.NativeEndian.PutUint16(h[2:], header)
	binary.NativeEndian.PutUint16(h[4:], gsoSegment)
	binary.NativeEndian.PutUint16(h[6:], 34)
	binary.NativeEndian.PutUint16(h[8:], 16)
	return map[string]meterFrame{
		"64": plain(64), "1500": plain(1500),
		"gso": {append(h, gso...), gsoSegments, gsoSegments * (gsoSegment + header)},
	}
}

// vnetLen is the length of struct virtio_net_hdr.
const vnetLen = 10

// ethernetIPv4 is the beginning of a frame of n bytes in all.
func ethernetIPv4(src, dst net.HardwareAddr, proto byte, n int) []byte {
	b := make([]byte, n)
	copy(b, dst)
	copy(b[6:], src)
	b[12] = 8
	ip := b[14:34]
	ip[0], ip[8], ip[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(ip[2:], uint16(n-14))
	copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(ip[10:], ^internetSum(ip, 0))
	return b
}

// internetSum adds 16-bit words in one's complement.
func internetSum(b []byte, s uint32) uint16 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// udpFrame has no checksum of its own.
func udpFrame(src, dst net.HardwareAddr, n int) []byte {
	b := ethernetIPv4(src, dst, unix.IPPROTO_UDP, n)
	copy(b[34:], []byte{0, 9, 0, 9}) // discard
	binary.BigEndian.PutUint16(b[38:], uint16(n-34))
	return b
}

// tcpFrame has the sum of the pseudo header for a checksum, for others to finish.
func tcpFrame(src, dst net.HardwareAddr, payload int) []byte {
	b := ethernetIPv4(src, dst, unix.IPPROTO_TCP, 54+payload)
	copy(b[34:], []byte{0, 9, 0, 9})
	b[46], b[47] = 5<<4, 0x10
	binary.BigEndian.PutUint16(b[50:], internetSum(b[26:34], uint32(unix.IPPROTO_TCP+20+payload)))
	return b
}

// meterResult is what came of one load, a value a round.
type meterResult struct {
	Line    string    `json:"line"`
	Unit    string    `json:"unit"`
	Rate    int       `json:"rate"`
	Offered []float64 `json:"offered"` // a second, as the meter counted it
	Passed  []float64 `json:"passed"`  // a second, as the flow behind the meter counted it
	Off     []float64 `json:"percent_off"`
}

// runMeter measures all loads, one after the other in each round.
func runMeter(ctx context.Context, bin string, rounds, seconds int) ([]meterResult, error) {
	seconds = max(seconds, 5)
	results := make([]meterResult, len(meterLoads))
	for round := range rounds {
		for i, load := range meterLoads {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			r := &results[i]
			r.Rate, r.Unit = load.rate, "kbit/s"
			if load.packets {
				r.Unit = "packets/s"
			}
			r.Line = fmt.Sprintf("%s-%d-%s-%s", meterLine, load.rate, strings.TrimSuffix(r.Unit, "/s"), load.frame)
			fmt.Fprintf(os.Stderr, "\r\033[K[%s] round %d/%d", r.Line, round+1, rounds)
			offered, passed, err := measureMeter(bin, load, seconds)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.Line, err)
			}
			r.Offered = append(r.Offered, offered)
			r.Passed = append(r.Passed, passed)
			r.Off = append(r.Off, 100*(passed/float64(load.rate)-1))
		}
	}
	fmt.Fprint(os.Stderr, "\r\033[K")
	return results, nil
}

func printMeter(results []meterResult) {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\tunit\trate\toffered\tpassed\t(min..max)\tworst, % of the rate")
	for _, r := range results {
		worst := slices.MaxFunc(r.Off, func(a, b float64) int {
			switch {
			case math.Abs(a) < math.Abs(b):
				return -1
			case math.Abs(a) > math.Abs(b):
				return 1
			}
			return 0
		})
		off := fmt.Sprintf("%+.2f", worst)
		if slices.Min(r.Offered) < 1.9*float64(r.Rate) {
			off += " (this machine is too busy, or too slow, to offer twice the rate)"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%.0f\t%.0f\t(%.0f..%.0f)\t%s\n", r.Line, r.Unit, r.Rate, median(r.Offered), median(r.Passed), slices.Min(r.Passed), slices.Max(r.Passed), off)
	}
	w.Flush()
}

// measureMeter offers one load to a fresh switch, and says how much of its unit
// came to the meter and left it, a second.
func measureMeter(bin string, load meterLoad, seconds int) (offered, passed float64, err error) {
	lab, err := netlab.New(2)
	if err != nil {
		return 0, 0, err
	}
	s := &setup{lab: lab}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.dir, err = os.MkdirTemp("", "ofswitch-bench-"); err != nil {
		return 0, 0, err
	}
	err = s.spawn(filepath.Join(bin, "ofswitchd"), nil, "--run-dir", s.dir, "--db", "none", "--log-file", filepath.Join(s.dir, "log"),
		"--bridge", "br0", "--fail-mode", "secure", "--port", lab.Hosts[0].Port, "--port", lab.Hosts[1].Port)
	if err != nil {
		return 0, 0, err
	}
	ctl := func(args ...string) (string, error) {
		cmd := exec.Command(filepath.Join(bin, "ofctl"), args...)
		cmd.Env = append(os.Environ(), "OFSWITCH_RUNDIR="+s.dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("ofctl %v: %w\n%s", args, err, out)
		}
		return string(out), err
	}
	unit := "kbps"
	if load.packets {
		unit = "pktps"
	}
	if err := retry(func() error {
		if out, err := ctl("dump-ports-desc", "br0"); err != nil || !strings.Contains(out, lab.Hosts[1].Port) {
			return fmt.Errorf("the switch is not ready: %s, %w", out, err)
		}
		return nil
	}); err != nil {
		return 0, 0, err
	}
	proto := "udp"
	if load.frame == "gso" {
		proto = "tcp"
	}
	for _, args := range [][]string{
		{"add-meter", "br0", fmt.Sprintf("meter=1,%s,stats,bands=type=drop,rate=%d", unit, load.rate)},
		{"add-flow", "br0", "in_port=1," + proto + ",actions=meter:1,goto_table:1"},
		{"add-flow", "br0", "table=1,cookie=1,actions=output:2"},
	} {
		if _, err := ctl(args...); err != nil {
			return 0, 0, err
		}
	}
	frame := meterFrames(lab.Hosts[0].MAC, lab.Hosts[1].MAC)[load.frame]
	each := float64(frame.packets)
	if !load.packets {
		each = float64(frame.count) * 8 / 1000
	}
	elapsed, err := sendPaced(lab.Hosts[0].Namespace, frame.bytes, 2*float64(load.rate)/each, time.Duration(seconds)*time.Second)
	if err != nil {
		return 0, 0, err
	}
	stats, err := ctl("meter-stats", "br0", "meter=1")
	if err != nil {
		return 0, 0, err
	}
	flows, err := ctl("dump-flows", "br0", "cookie=1/1")
	if err != nil {
		return 0, 0, err
	}
	name := "byte"
	scale := 8 / 1000.0
	if load.packets {
		name, scale = "packet", 1
	}
	in, err := number(stats, name+`_in_count:(\d+)`)
	if err != nil {
		return 0, 0, err
	}
	out, err := number(flows, "n_"+name+`s=(\d+)`)
	if err != nil {
		return 0, 0, err
	}
	return in * scale / elapsed.Seconds(), out * scale / elapsed.Seconds(), nil
}

// number finds a number in the output of a tool.
func number(text, pattern string) (float64, error) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("no %s in %q", pattern, text)
	}
	return strconv.ParseFloat(m[1], 64)
}

// sendPaced sends a frame so many times a second from eth0, and returns how long
// that took. What it could not send in time it sends as soon as it can.
func sendPaced(ns *netlab.Namespace, frame []byte, perSecond float64, length time.Duration) (elapsed time.Duration, err error) {
	fd := -1
	err = ns.Do(func() error {
		var err error
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return errors.Join(unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1),
			unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index}))
	})
	if fd >= 0 {
		defer func() { err = errors.Join(err, unix.Close(fd)) }()
	}
	if err != nil {
		return 0, err
	}
	done := make(chan error)
	go func() {
		// A thread of its own, which ends with its priority: what the frames are for
		// has one like it.
		runtime.LockOSThread()
		err := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -15)
		if err == nil {
			elapsed, err = pace(fd, frame, perSecond, length)
		}
		done <- err
	}()
	err = <-done
	return elapsed, err
}

// pace writes a frame to fd so many times a second.
func pace(fd int, frame []byte, perSecond float64, length time.Duration) (elapsed time.Duration, err error) {
	begin := time.Now()
	for sent := 0.0; ; {
		now := time.Since(begin)
		for due := min(now, length).Seconds() * perSecond; sent < due; sent++ {
			if _, err := unix.Write(fd, frame); err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				return 0, err
			}
		}
		if now >= length {
			return max(length, time.Since(begin)), nil
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// takesMeter splits the names of lines into ours and others.
func takesMeter(names []string) (ours bool, others []string) {
	for _, n := range names {
		if n == meterLine || strings.HasPrefix(n, meterLine+"-") {
			ours = true
		} else {
			others = append(others, n)
		}
	}
	return ours, others
}
