package netlab

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Namespace is an anonymous network namespace and the one thread that lives in
// it. Its methods may be called from any goroutine.
type Namespace struct {
	Handle netns.NsHandle
	work   chan func()
	ended  chan struct{}
}

// NewNamespace makes a namespace with its loopback device up. It needs root.
func NewNamespace() (*Namespace, error) {
	n := &Namespace{work: make(chan func()), ended: make(chan struct{})}
	ready := make(chan error)
	go n.live(ready)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("a network namespace cannot be made: %w", err)
	}
	return n, nil
}

// live is the thread. It is never unlocked: it ends with the goroutine and
// takes its place in the namespace with it.
func (n *Namespace) live(ready chan<- error) {
	defer close(n.ended)
	runtime.LockOSThread()
	h, err := netns.New()
	n.Handle = h
	if err == nil {
		var lo netlink.Link
		if lo, err = netlink.LinkByName("lo"); err == nil {
			err = netlink.LinkSetUp(lo)
		}
	}
	ready <- err
	if err != nil {
		return
	}
	for fn := range n.work {
		fn()
	}
}

// Do runs fn on the namespace's thread and waits for it. Sockets that fn opens
// and processes that it starts belong to the namespace; goroutines that it
// starts do not.
func (n *Namespace) Do(fn func() error) error {
	done := make(chan error)
	n.work <- func() { done <- fn() }
	return <-done
}

// Start starts cmd in the namespace. The kernel kills the process when this
// program ends, whatever happens.
func (n *Namespace) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return n.Do(cmd.Start)
}

// Run runs a program in the namespace to its end and returns what it printed.
func (n *Namespace) Run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var out safeBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := n.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	return out.String(), err
}

// Links lists the names of the devices in the namespace.
func (n *Namespace) Links() ([]string, error) {
	var names []string
	err := n.Do(func() error {
		links, err := netlink.LinkList()
		for _, l := range links {
			names = append(names, l.Attrs().Name)
		}
		return err
	})
	return names, err
}

// Close ends the thread; the namespace goes when its last process has.
func (n *Namespace) Close() error {
	close(n.work)
	<-n.ended
	if err := n.Handle.Close(); err != nil && !errors.Is(err, syscall.EBADF) {
		return err
	}
	return nil
}
