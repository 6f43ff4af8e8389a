package netlab

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is an anonymous network namespace. Its methods may be called from
// any goroutine.
type Namespace struct {
	// Netlink configures the namespace's devices from wherever the caller is.
	Netlink *netlink.Handle
	// Handle names the namespace, to move devices there. Close closes it.
	Handle netns.NsHandle

	start chan func() // for the thread that starts processes
	ended chan struct{}
}

// NewNamespace makes a namespace with its loopback device up. It needs root.
func NewNamespace() (*Namespace, error) {
	n := &Namespace{Handle: netns.None(), start: make(chan func()), ended: make(chan struct{})}
	ready := make(chan error)
	go n.live(ready)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("a network namespace cannot be made: %w", errors.Join(err, n.Close()))
	}
	return n, nil
}

// live is the namespace's own thread. The parent of a process is the thread
// that started it, and the kernel kills the process when that thread ends: so
// it is this one, which ends in Close. It is never unlocked, and so takes its
// place in the namespace with it.
func (n *Namespace) live(ready chan<- error) {
	defer close(n.ended)
	runtime.LockOSThread()
	ready <- n.open()
	for fn := range n.start {
		fn()
	}
}

// open makes the namespace and moves the calling thread there.
func (n *Namespace) open() (err error) {
	if n.Handle, err = netns.New(); err != nil {
		return err
	}
	if n.Netlink, err = netlink.NewHandleAt(n.Handle, unix.NETLINK_ROUTE); err != nil {
		return err
	}
	return n.Up("lo")
}

// Do runs fn on the calling goroutine with its thread in the namespace. Sockets
// and devices that fn opens belong to the namespace; goroutines that it starts
// do not. fn may call Do, of this or another namespace, and runtime.Goexit.
// Processes are started by Start.
func (n *Namespace) Do(fn func() error) (err error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err == nil {
		if err = netns.Set(n.Handle); err != nil {
			err = errors.Join(err, home.Close())
		}
	}
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("entering the network namespace: %w", err)
	}
	defer func() {
		back := netns.Set(home)
		if back == nil {
			runtime.UnlockOSThread()
		} else {
			// A thread that cannot go home stays locked, and ends with its goroutine.
			back = fmt.Errorf("leaving the network namespace: %w", back)
		}
		err = errors.Join(err, back, home.Close())
	}()
	return fn()
}

// Start starts cmd in the namespace. The kernel kills the process when the
// namespace is closed or this program ends, whatever happens.
func (n *Namespace) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	done := make(chan error)
	n.start <- func() { done <- cmd.Start() }
	return <-done
}

// Run runs a program in the namespace to its end and returns what it printed.
func (n *Namespace) Run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := n.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	return out.String(), err
}

// Links lists the names of the devices in the namespace.
func (n *Namespace) Links() ([]string, error) {
	links, err := n.Netlink.LinkList()
	var names []string
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return names, err
}

// Up brings a device up.
func (n *Namespace) Up(device string) error {
	link, err := n.Netlink.LinkByName(device)
	if err != nil {
		return err
	}
	return n.Netlink.LinkSetUp(link)
}

// Close ends the thread, and with it the processes that Start started. The
// namespace goes with the last socket in it.
func (n *Namespace) Close() error {
	close(n.start)
	<-n.ended
	if n.Netlink != nil {
		n.Netlink.Close()
	}
	if !n.Handle.IsOpen() {
		return nil
	}
	return n.Handle.Close()
}
