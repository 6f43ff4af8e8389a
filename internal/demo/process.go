package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// readyTimeout bounds how long the switch may take to start; it takes
// milliseconds, so this is for a machine that stands still.
const readyTimeout = 30 * time.Second

// switchProcess is ofswitchd, running in the switch's namespace.
type switchProcess struct {
	cmd  *exec.Cmd
	done chan error // receives the end of the process, once
	over bool
}

// startSwitch starts ofswitchd and returns when it says that it is ready.
func (d *demo) startSwitch(args ...string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(d.bin, "ofswitchd"), args...)
	cmd.Stderr = w
	// A group of its own: an interrupt at the terminal is for us to handle.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = d.lab.Switch.Start(cmd)
	w.Close()
	if err != nil {
		r.Close()
		return err
	}
	d.sw = &switchProcess{cmd: cmd, done: make(chan error, 1)}
	ready := make(chan bool, 1)
	go relayLog(r, ready)
	go func() { d.sw.done <- cmd.Wait() }()
	select {
	case ok := <-ready:
		if !ok {
			return errors.New("ofswitchd ended before it was ready; its log is above")
		}
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	case <-time.After(readyTimeout):
		return fmt.Errorf("ofswitchd is not ready after %s; its log is above", readyTimeout)
	}
}

// relayLog prints the switch's log and tells when the line "ready" came, or
// that the log ended without.
func relayLog(r io.ReadCloser, ready chan<- bool) {
	defer r.Close()
	said := false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fmt.Println("   |", lines.Text())
		if !said && strings.Contains(lines.Text(), "msg=ready") {
			said = true
			ready <- true
		}
	}
	if !said {
		ready <- false
	}
}

// stop asks the switch to end and waits for it.
func (p *switchProcess) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.done:
		p.over = true
		return err
	case <-time.After(readyTimeout):
		return fmt.Errorf("ofswitchd has not ended %s after SIGTERM", readyTimeout)
	}
}

// kill ends the switch if it still runs: first as asked for, then by force.
func (p *switchProcess) kill() error {
	if p.over {
		return nil
	}
	if err := p.stop(); err != nil {
		p.over = true
		return errors.Join(err, p.cmd.Process.Kill())
	}
	return nil
}

// ofctl runs the command line tool against the demo's switch, shows the
// command and what it printed, and returns the latter.
func (d *demo) ofctl(args ...string) (string, error) {
	fmt.Println("   $ ofctl", strings.Join(args, " "))
	cmd := exec.CommandContext(d.ctx, filepath.Join(d.bin, "ofctl"), args...)
	cmd.Env = append(os.Environ(), "OFSWITCH_RUNDIR="+d.dir)
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		fmt.Print("   ", line)
	}
	if err != nil {
		return "", fmt.Errorf("ofctl %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
