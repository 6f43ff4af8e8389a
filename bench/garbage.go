package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"ofswitch/internal/garbage"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/ofswitch/process"
)

// garbageLine compares the switch with itself: frames through ports in memory,
// once with nobody at its OpenFlow channel and once under the attack of hostile
// peers. These are another process, as controllers are, and play to a socket of
// their own in the third setting, the decoy: what their work costs this machine
// by itself.
const garbageLine = "garbage"

// setting is what goes on while frames are measured.
type setting struct {
	name   string
	attack bool // the peers play ...
	decoy  bool // ... to nobody
}

var settings = []setting{{name: "quiet"}, {name: "decoy", attack: true, decoy: true}, {name: "attacked", attack: true}}

// garbageResult is the outcome of one measure in all settings.
type garbageResult struct {
	Line     string    `json:"line"`
	Unit     string    `json:"unit"`
	Quiet    []float64 `json:"quiet"`
	Decoy    []float64 `json:"decoy"`
	Attacked []float64 `json:"attacked"`
	// Ratio is attacked to quiet, RatioDecoy attacked to decoy, of medians;
	// 0 where there is none to divide by.
	Ratio      float64 `json:"ratio_of_medians"`
	RatioDecoy float64 `json:"ratio_of_medians_to_decoy"`
}

// runGarbage measures all settings, one after the other in each round.
func runGarbage(ctx context.Context, testdata string, rounds, seconds int) ([]garbageResult, error) {
	results := []garbageResult{
		{Line: "garbage-rate", Unit: "Mframes/s"},
		{Line: "garbage-worst-gap", Unit: "ms"},
		{Line: "garbage-lost", Unit: fmt.Sprintf("of %d frames", pacedRate*seconds)},
		{Line: "garbage-paced-worst-gap", Unit: "ms"},
		{Line: "garbage-echoes", Unit: "answers/s"},
		{Line: "garbage-received", Unit: "MB"},
	}
	for round := range rounds {
		for i, set := range settings {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			fmt.Fprintf(os.Stderr, "\r\033[K[garbage] round %d/%d, %s", round+1, rounds, set.name)
			values, err := measureGarbage(ctx, set, testdata, time.Duration(seconds)*time.Second)
			if err != nil {
				return nil, fmt.Errorf("garbage, %s: %w", set.name, err)
			}
			for j, v := range values {
				r := &results[j]
				into := []*[]float64{&r.Quiet, &r.Decoy, &r.Attacked}[i]
				*into = append(*into, v)
			}
		}
	}
	fmt.Fprint(os.Stderr, "\r\033[K")
	for i := range results {
		r := &results[i]
		r.Ratio = ratio(median(r.Attacked), median(r.Quiet))
		r.RatioDecoy = ratio(median(r.Attacked), median(r.Decoy))
	}
	return results, nil
}

func printGarbage(results []garbageResult) {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\tunit\tquiet\t(min..max)\tdecoy\t(min..max)\tattacked\t(min..max)\tto quiet\tto decoy")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s", r.Line, r.Unit)
		for _, v := range [][]float64{r.Quiet, r.Decoy, r.Attacked} {
			fmt.Fprintf(w, "\t%.2f\t(%.2f..%.2f)", median(v), slices.Min(v), slices.Max(v))
		}
		for _, v := range []float64{r.Ratio, r.RatioDecoy} {
			if v == 0 {
				fmt.Fprint(w, "\t-")
			} else {
				fmt.Fprintf(w, "\t%.2f", v)
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// garbageSwitch is a switch in this process between source and sink, with a channel for
// peers and a well-behaved one that asks all the time.
type garbageSwitch struct {
	src    *source
	dst    *sink
	socket string
	asker  *asker

	undo []func() error // what close does, last to first
}

func newGarbageSwitch() (s *garbageSwitch, err error) {
	s = &garbageSwitch{dst: &sink{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	dir, err := os.MkdirTemp("", "ofswitch-bench-")
	if err != nil {
		return nil, err
	}
	s.undo = append(s.undo, func() error { return os.RemoveAll(dir) })
	s.socket = filepath.Join(dir, "s")
	log := slog.New(slog.DiscardHandler)
	// As ofswitchd does; without the right to, the figures are worse.
	if err := process.Raise(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	process.HeapFloor(process.DefaultHeapFloor)
	dp, err := ofswitch.NewDatapath(ofswitch.Options{Workers: 1, Logger: log})
	if err != nil {
		return nil, err
	}
	s.undo = append(s.undo, func() error { dp.Close(); return nil })
	tell := &events{}
	of, err := dp.AddBridge("br0", ofswitch.BridgeOptions{DatapathID: 1, Controllers: tell})
	if err != nil {
		return nil, err
	}
	if s.src, err = newSource(); err != nil {
		return nil, err
	}
	s.undo = append(s.undo, s.src.Close, func() error { return dp.RemoveBridge("br0") })
	if err := errors.Join(of.AddPort(1, s.src), of.AddPort(2, s.dst)); err != nil {
		return nil, err
	}
	if err := addFlows(of); err != nil {
		return nil, err
	}
	channel := ofconn.NewManager(of, ofconn.Options{Logger: log, FailMode: ofconn.FailSecure})
	tell.m = channel
	s.undo = append(s.undo, channel.Close)
	if err := channel.SetListeners([]ofconn.Listener{{Target: "punix:" + s.socket, Management: true}}); err != nil {
		return nil, err
	}
	if s.asker, err = startAsker(s.socket); err != nil {
		return nil, err
	}
	s.undo = append(s.undo, s.asker.nc.Close)
	return s, nil
}

func (s *garbageSwitch) close() (err error) {
	for _, f := range slices.Backward(s.undo) {
		err = errors.Join(err, f())
	}
	return err
}

// measureGarbage measures one setting on a fresh switch: values in the order of
// runGarbage's results.
func measureGarbage(ctx context.Context, set setting, testdata string, length time.Duration) (values []float64, err error) {
	s, err := newGarbageSwitch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	received := func() float64 { return 0 }
	if set.attack {
		target := s.socket
		if set.decoy {
			target = ""
		}
		peers, err := startPeers(ctx, target, testdata)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, peers.stop()) }()
		received = peers.received
	}
	// A moment for caches, memory and the scheduler.
	if err := s.src.start(0); err != nil {
		return nil, err
	}
	err = retry(func() error {
		if s.dst.frames.Load() == 0 {
			return errors.New("no frame comes out of the switch")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.dst.measure(length / 4)
	answers, bytes, began := s.asker.answers.Load(), received(), time.Now()
	flatOut := s.dst.measure(length)
	if err := s.src.start(pacedRate); err != nil {
		return nil, err
	}
	s.dst.measure(length / 20)
	late := s.src.lost.Load()
	paced := s.dst.measure(length)
	late = s.src.lost.Load() - late
	if err := s.src.start(-1); err != nil {
		return nil, err
	}
	took := time.Since(began).Seconds()
	if err := s.asker.failed(); err != nil {
		return nil, err
	}
	if lost := flatOut.lost + paced.lost; lost != 0 {
		return nil, fmt.Errorf("%d frames of %d vanished within the switch", lost, flatOut.frames+paced.frames)
	}
	return []float64{
		float64(flatOut.frames) / flatOut.took.Seconds() / 1e6,
		flatOut.worst.Seconds() * 1e3,
		float64(late),
		paced.worst.Seconds() * 1e3,
		float64(s.asker.answers.Load()-answers) / took,
		(received() - bytes) / 1e6,
	}, nil
}

// events joins the data path to its controllers.
type events struct{ m *ofconn.Manager }

func (e *events) PacketIns(list []ofswitch.PacketIn)         { e.m.PacketIns(list) }
func (e *events) FlowRemoved(m *ofp.FlowRemoved)             { e.m.FlowRemoved(m) }
func (e *events) FlowsChanged(uint64, []ofswitch.FlowChange) {}

func (e *events) PortStatus(m *ofp.PortStatus) {
	if e.m != nil { // ports are added before
		e.m.PortStatus(m)
	}
}

// peersCommand is the argument that makes this program the hostile peers.
const peersCommand = "garbage-peers"

// peerProcess is this program again, as the peers.
type peerProcess struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string
	last  float64
}

// startPeers starts the peers of the switch at socket, of a decoy if that is
// empty, and returns when the first of them have played.
func startPeers(ctx context.Context, socket, testdata string) (*peerProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &peerProcess{cmd: exec.CommandContext(ctx, exe, peersCommand, socket, testdata), lines: make(chan string, 1)}
	p.cmd.Stderr = os.Stderr
	// One processor at most, so that there is one for the switch.
	p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	if _, ok := <-p.lines; !ok {
		return nil, errors.Join(errors.New("the hostile peers did not start"), p.stop())
	}
	return p, nil
}

// received asks how many bytes were taken from the peers so far.
func (p *peerProcess) received() float64 {
	if _, err := fmt.Fprintln(p.stdin); err == nil {
		// A process that has ended says so when it is stopped.
		_, _ = fmt.Sscan(<-p.lines, &p.last)
	}
	return p.last
}

func (p *peerProcess) stop() error {
	err := p.stdin.Close() // they end with it
	for range p.lines {
	}
	if werr := p.cmd.Wait(); werr != nil {
		return fmt.Errorf("the hostile peers: %w", werr)
	}
	return err
}

// holdTime is how long connections stay that are made to be held.
const holdTime = 200 * time.Millisecond

// playPeers is the process of the peers: all kinds, again and again, two at a
// time, until standard input ends. Each line there is answered by the bytes
// taken so far.
func playPeers(socket, testdata string) error {
	if err := process.Reset(); err != nil {
		return err
	}
	seeds, err := garbage.Seeds(filepath.Join(testdata, "ofp"))
	if err != nil {
		return err
	}
	if socket == "" {
		l, err := net.Listen("unix", "") // a name that the kernel chooses
		if err != nil {
			return err
		}
		defer l.Close()
		socket = l.Addr().String()
		go swallow(l)
	}
	dial := func() (net.Conn, error) { return net.Dial("unix", socket) }
	seed := uint64(0)
	total := int64(0)
	var playing []*garbage.Peers
	played := make(chan *garbage.Peers)
	kinds := garbage.Kinds()
	start := func() {
		kind, p := kinds[seed%uint64(len(kinds))], garbage.New(dial, seeds, seed)
		seed++
		playing = append(playing, p)
		go func() {
			// A switch with all the connections that it takes closes more at
			// once, which may be an error of dialling's.
			_ = kind.Send(p)
			if p.Conns() > 0 {
				time.Sleep(holdTime)
			}
			played <- p
		}()
	}
	asked := make(chan bool)
	go func() {
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			asked <- true
		}
		close(asked)
	}()
	start()
	start()
	fmt.Println("playing")
	for {
		select {
		case p := <-played:
			start()
			p.Close()
			total += p.Bytes()
			playing = slices.DeleteFunc(playing, func(q *garbage.Peers) bool { return p == q })
		case _, ok := <-asked:
			if !ok {
				return nil // what is open ends with the process
			}
			n := total
			for _, p := range playing {
				n += p.Bytes()
			}
			fmt.Println(n)
		}
	}
}

// swallow takes connections and reads what comes, answering nothing.
func swallow(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(io.Discard, c) // until it ends, however it does
			c.Close()
		}()
	}
}

// takesGarbage splits the names of lines into ours and others.
func takesGarbage(names []string) (ours bool, others []string) {
	for _, n := range names {
		if n == garbageLine || strings.HasPrefix(n, garbageLine+"-") {
			ours = true
		} else {
			others = append(others, n)
		}
	}
	return ours, others
}
