package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"time"

	"ofswitch/internal/netlab"
)

// setup is one switch between hosts.
type setup struct {
	ctx       context.Context
	opt       *options
	contender contender
	lab       *netlab.Lab
	dir       string
	mgmt      string // the bridge's management socket; empty: the kernel forwards
	procs     []*exec.Cmd
}

// starter starts a switch with bridge br0 and a port a host in s, and returns
// when it forwards.
type starter func(s *setup) error

// startTimeout bounds how long a switch may take to be there.
const startTimeout = 30 * time.Second

// spawn starts a process of the switch in its namespace.
func (s *setup) spawn(name string, env []string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = &tail{}
	if err := s.lab.Switch.Start(cmd); err != nil {
		return err
	}
	s.procs = append(s.procs, cmd)
	return nil
}

func (s *setup) close() error {
	for i := len(s.procs) - 1; i >= 0; i-- {
		s.procs[i].Process.Kill() // it may have ended by itself
		s.procs[i].Wait()         // killed: how it ended says nothing
	}
	return errors.Join(s.lab.Close(), os.RemoveAll(s.dir))
}

// retry calls fn until it has no error, within startTimeout.
func retry(fn func() error) error {
	var err error
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = fn(); err == nil {
			return nil
		}
	}
	return err
}

// tail keeps the end of what is written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	t.b = t.b[max(0, len(t.b)-4096):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
