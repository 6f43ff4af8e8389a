// Command demo shows the switch at work on a machine that has nothing else:
// three hosts in network namespaces, ofswitchd between them, ofctl to look and
// to change. `make demo` runs it, as root.
//
// Namespaces are anonymous: they, the devices in them and the switch are gone
// when the program ends, however it ends. A temporary directory holds the
// switch's sockets and is removed on every way out but SIGKILL.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"ofswitch/internal/netlab"
)

func main() {
	// SIGPIPE: our output goes to a program that has ended.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	err := run(ctx)
	interrupted := ctx.Err() != nil // stop ends the context too
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "demo: interrupted; everything is cleaned up")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo: FAILED:", err)
		os.Exit(1)
	}
}

// demo is one run: its hosts, its switch, the step counter.
type demo struct {
	ctx   context.Context
	bin   string // where ofswitchd and ofctl are
	dir   string // the switch's run directory
	lab   *netlab.Lab
	sw    *switchProcess
	count int
}

func run(ctx context.Context) (err error) {
	if os.Getuid() != 0 {
		return errors.New("network namespaces need root: run sudo make demo")
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	d := &demo{ctx: ctx, bin: filepath.Dir(exe)}
	if d.dir, err = os.MkdirTemp("", "ofswitch-demo-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	defer func() {
		if d.sw != nil {
			err = errors.Join(err, d.sw.kill())
		}
		if d.lab != nil {
			err = errors.Join(err, d.lab.Close())
		}
	}()
	start := time.Now()
	for _, step := range []struct {
		title, why string
		run        func() error
	}{
		{"Three hosts", "Each is a network namespace with one veth device: its own TCP/IP stack, as a machine would have.", d.hosts},
		{"The switch", "ofswitchd opens the other ends of the cables as raw sockets. No controller is configured, so it learns.", d.start},
		{"Ping between all", "The first frame to an unknown address is flooded, the answer teaches the switch where it lives.", d.pings},
		{"What it learnt", "ofctl asks the running switch, as ovs-appctl would: one line a MAC address, Age in seconds.", d.macs},
		{"TCP, with the hosts' offloads as they are", "Frames of up to 64 KiB with unfinished checksums pass whole; nobody ran ethtool.", d.tcp},
		{"A flow entry", "Priority 100 beats the learning entry of priority 0: ICMP from h1 to h3 is dropped from now on.", d.flow},
		{"Flow entries and their counters", "n_packets and n_bytes are exact: what the hosts sent above is what stands here.", d.flows},
		{"Port counters", "A frame of 64 KiB counts as the frames that it stands for on the wire.", d.ports},
		{"Shut down", "The switch takes its device, its sockets and its isolation of the ports with it.", d.stop},
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		d.count++
		fmt.Printf("\n== %d. %s\n   %s\n\n", d.count, step.title, step.why)
		if err := step.run(); err != nil {
			return fmt.Errorf("step %d, %s: %w", d.count, step.title, err)
		}
	}
	fmt.Printf("\nAll %d steps did what they say, in %.1f s.\n", d.count, time.Since(start).Seconds())
	return nil
}
