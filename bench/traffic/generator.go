package traffic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
)

const (
	// liveFrames has BPF_PROG_TEST_RUN send what it makes (BPF_F_TEST_XDP_LIVE_FRAMES).
	liveFrames = 1 << 1
	// floodChunk is the number of frames a system call. Some 20 ms pass between
	// two, so that one should last for most measurements; once it is to stop, what
	// remains of it takes less than half a second.
	floodChunk = 4 << 20
	// liveBatch is how many frames the kernel makes before it hands them over: as
	// many as the veth driver takes in one poll.
	liveBatch = 64
	// pacedSleep is the length of the pauses of a paced generator.
	pacedSleep = 100 * time.Microsecond
)

// Generator sends the frames of a load from a device. Its methods are for one
// goroutine, but for Stop.
type Generator struct {
	ns    *netlab.Namespace
	load  Load
	frame []byte
	cpu   int
	state *ebpf.Map
	prog  *ebpf.Program
	fd    int // a packet socket, for frames at a rate
	send  *sendVector
	stop  atomic.Bool
	err   error // of Stop
}

// NewGenerator makes a generator on a veth device of a namespace, whose frames
// go from one address to another, and which works on a processor of its own. The
// peer of the device must have NAPI: GRO or an XDP program (see NAPI). It needs
// root and Linux 5.18.
func NewGenerator(ns *netlab.Namespace, device string, src, dst net.HardwareAddr, l Load, cpu int) (g *Generator, err error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	g = &Generator{ns: ns, load: l, frame: template(src, dst), cpu: cpu, fd: -1}
	defer func() {
		if err != nil {
			err = fmt.Errorf("traffic: a generator at %s: %w", device, errors.Join(err, g.Close()))
			g = nil
		}
	}()
	var ifindex int
	if g.fd, ifindex, err = packetSocket(ns, device); err != nil {
		return g, err
	}
	g.send = newSendVector(g.frame)
	if g.state, err = ebpf.NewMap(&ebpf.MapSpec{Name: "bench_state", Type: ebpf.Array, KeySize: 4, ValueSize: stateLen, MaxEntries: 1}); err != nil {
		return g, err
	}
	g.prog, err = ebpf.NewProgram(generatorProgram(l, g.state, ifindex))
	return g, err
}

// Stop ends Flood or Paced from another goroutine.
func (g *Generator) Stop() {
	g.stop.Store(true)
	g.err = g.hold(1)
}

// hold sets whether the program throws frames away. The number in the same value
// may fall when the program writes at the same time: so who goes on from it, goes
// on far above.
func (g *Generator) hold(stop uint64) error {
	var st state
	if err := g.state.Lookup(uint32(0), &st); err != nil {
		return fmt.Errorf("traffic: the generator's state: %w", err)
	}
	if st.Stop = stop; stop == 0 {
		st.Seq += 1 << 32
	}
	if err := g.state.Put(uint32(0), &st); err != nil {
		return fmt.Errorf("traffic: the generator's state: %w", err)
	}
	return nil
}

// packetSocket opens a socket that sends from a device, past its queue.
func packetSocket(ns *netlab.Namespace, device string) (fd, ifindex int, err error) {
	fd = -1
	err = ns.Do(func() error {
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		ifindex = ifi.Index
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return errors.Join(unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1),
			unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifindex}))
	})
	if err != nil && fd >= 0 {
		err = errors.Join(err, unix.Close(fd))
		fd = -1
	}
	return fd, ifindex, err
}

// work runs fn on a thread in the generator's namespace and on its processor.
func (g *Generator) work(fn func() error) error {
	g.stop.Store(false)
	return onProcessor(g.ns, g.cpu, fn)
}

// onProcessor runs fn on a thread in a namespace and on a processor.
func onProcessor(ns *netlab.Namespace, cpu int, fn func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var was, now unix.CPUSet
	if err := unix.SchedGetaffinity(0, &was); err != nil {
		return err
	}
	now.Set(cpu)
	if err := unix.SchedSetaffinity(0, &now); err != nil {
		return fmt.Errorf("traffic: going to processor %d: %w", cpu, err)
	}
	err := ns.Do(fn)
	return errors.Join(err, unix.SchedSetaffinity(0, &was))
}

// Flood sends as fast as it can until Stop. What the port's queue does not take
// is lost before it comes to the port, and counted by nobody.
func (g *Generator) Flood() error {
	if err := g.hold(0); err != nil {
		return err
	}
	err := g.work(func() error {
		for !g.stop.Load() {
			if _, err := g.prog.Run(&ebpf.RunOptions{Data: g.frame, Repeat: floodChunk, Flags: liveFrames, BatchSize: liveBatch}); err != nil && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("traffic: live frames (Linux 5.18 is needed): %w", err)
			}
		}
		return nil
	})
	return errors.Join(err, g.err)
}

// Paced sends at a rate, in frames per second, evenly, for so long or until
// Stop. It returns the number sent, which is less where it cannot keep up.
func (g *Generator) Paced(rate float64, length time.Duration) (sent uint64, err error) {
	var st state
	if err := g.state.Lookup(uint32(0), &st); err != nil {
		return 0, fmt.Errorf("traffic: the generator's state: %w", err)
	}
	st.Seq += 1 << 32 // see hold
	err = g.work(func() error {
		for begin := time.Now(); !g.stop.Load(); time.Sleep(pacedSleep) {
			now := time.Since(begin)
			for due := uint64(min(now, length).Seconds() * rate); sent < due && !g.stop.Load(); {
				n, err := g.burst(int(min(due-sent, sendBatch)), st.Seq)
				sent, st.Seq = sent+uint64(n), st.Seq+uint64(n)
				if err != nil {
					return err
				}
				if time.Since(begin) > length {
					return nil
				}
			}
			if now >= length {
				return nil
			}
		}
		return nil
	})
	return sent, errors.Join(err, g.state.Put(uint32(0), &st))
}

// burst sends n frames by the socket.
func (g *Generator) burst(n int, seq uint64) (int, error) {
	for i := range n {
		flow := uint32(seq+uint64(i)) % g.load.flows()
		if g.load.Random {
			flow = rand.Uint32N(g.load.flows())
		}
		g.load.fill(g.send.frames[i], flow, seq+uint64(i))
	}
	sent, errno := g.send.send(g.fd, n)
	if errno != 0 && errno != unix.ENOBUFS && errno != unix.EINTR {
		return sent, fmt.Errorf("traffic: sending: %w", errno)
	}
	return sent, nil
}

// Close frees the generator.
func (g *Generator) Close() error {
	var errs []error
	if g.fd >= 0 {
		errs = append(errs, unix.Close(g.fd))
	}
	if g.prog != nil {
		errs = append(errs, g.prog.Close())
	}
	if g.state != nil {
		errs = append(errs, g.state.Close())
	}
	return errors.Join(errs...)
}

// NAPI has a veth device receive as other devices' drivers do, so that a
// generator can hand frames to it.
func NAPI(ns *netlab.Namespace, device string) error {
	if out, err := ns.Run("ethtool", "-K", device, "gro", "on"); err != nil {
		return fmt.Errorf("traffic: ethtool -K %s gro on: %w: %s", device, err, out)
	}
	return nil
}
