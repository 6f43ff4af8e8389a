package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/ports"
	"ofswitch/ports/kernelpath"
	"ofswitch/stream"
	"ofswitch/unixctl"
)

// Options are what does not change in the life of a Switch.
type Options struct {
	// Version is what controllers are told as the version of the software; empty: that of the module.
	Version string
	// RunDir holds the management sockets; it is created if missing.
	RunDir string
	// Threads that forward, where a Config says nothing else.
	Threads Threads
	// NoKernelPath: the kernel forwards no frames by itself, whatever a Config says.
	NoKernelPath bool
	Logger       *slog.Logger
	// OnChange is called after State has changed by itself: a device has come,
	// changed or gone, a controller has connected, changed its role or is lost.
	// Statistics change without. It comes from any goroutine, with locks held, and
	// must neither block nor call the Switch. Nil: nobody wants to know.
	OnChange func()
}

// Switch is one datapath with its bridges, as Apply last made them.
type Switch struct {
	opts Options
	log  *slog.Logger
	dp   *ofswitch.Datapath
	tls  *stream.Credentials // of all bridges
	// kernel is the kernel's table of flows; nil: there is none.
	kernel *kernelpath.Table

	stopWatch context.CancelFunc
	watchDone chan struct{}

	// mu is the outermost lock: nothing below bridge calls back with a lock
	// of its own held.
	mu      sync.Mutex
	bridges map[string]*liveBridge
	byName  map[string]*livePort // of ports with a device, open or not
	closed  bool
	// vlanLimit is Config.VLANLimit.
	vlanLimit int
	onLost    func()      // lostDevices, but in tests
	retry     *time.Timer // tries refused ports again; nil: there are none
}

// New starts a switch without bridges. Errors: the run directory cannot be
// made, the datapath's threads cannot be had.
func New(o Options) (*Switch, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := unixctl.MakeRunDir(o.RunDir); err != nil {
		return nil, err
	}
	s := &Switch{opts: o, log: o.Logger, tls: stream.NewCredentials(o.Logger), bridges: map[string]*liveBridge{}, watchDone: make(chan struct{})}
	s.onLost = s.lostDevices
	var err error
	s.openKernelPath()
	s.dp, err = ofswitch.NewDatapath(ofswitch.Options{Version: o.Version, Workers: o.Threads.Workers, Logger: o.Logger, KernelPath: s.kernel, OnGone: func() {
		time.AfterFunc(0, func() { s.onLost() })
	}})
	if err != nil {
		s.closeKernelPath()
		return nil, fmt.Errorf("datapath: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stopWatch = cancel
	go s.watch(ctx)
	return s, nil
}

// MgmtPath is the management socket of a bridge.
func (s *Switch) MgmtPath(bridge string) string {
	return filepath.Join(s.opts.RunDir, bridge+".mgmt")
}

// SnoopPath is the socket where a bridge shows what it and its controllers say to
// each other.
func (s *Switch) SnoopPath(bridge string) string {
	return filepath.Join(s.opts.RunDir, bridge+".snoop")
}

// watch follows the devices of the network namespace until ctx ends.
func (s *Switch) watch(ctx context.Context) {
	defer close(s.watchDone)
	err := ports.Watch(ctx, s.linkEvent)
	if err != nil && ctx.Err() == nil {
		s.log.Error("devices are no longer watched: ports that come and go are not noticed", "err", err)
	}
}

// Close takes everything down: controllers, ports, devices that the switch
// made, threads. It leaves nothing behind.
func (s *Switch) Close() {
	s.stopWatch()
	<-s.watchDone
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if s.retry != nil {
		s.retry.Stop()
	}
	var gone []*livePort
	for name := range s.bridges {
		gone = append(gone, s.removeBridgeLocked(name)...)
	}
	closeAll(gone)
	s.dp.Close()
	s.closeKernelPath()
}

// Bridges lists the names of the bridges that exist.
func (s *Switch) Bridges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortedKeys(s.bridges)
}

// PortStatus is what became of one desired port.
type PortStatus struct {
	Bridge string
	Name   string
	OFPort ofp.PortNo // its number; 0: refused, it has none
	Open   bool
	// Waiting says that the device does not exist yet, or is gone for now.
	Waiting bool
	Error   string // why it is not open, one line; "" while it is
	// Isolation is how the host's stack is kept out of the device: "tcx",
	// "nft", "off", "none" where it cannot be; "" for ports without one.
	Isolation string
	// IO is how the port's frames are moved, of open ports with a device.
	IO ports.IOChoice
}

// Ports lists every desired port and its state, by bridge in the order given;
// those that the configuration itself rules out come last.
func (s *Switch) Ports() []PortStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []PortStatus
	for _, name := range sortedKeys(s.bridges) {
		for _, p := range s.bridges[name].ports {
			out = append(out, p.status())
		}
		out = append(out, s.bridges[name].refused...)
	}
	return out
}
