package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/ofswitch/process"
)

// gapCommand is the argument that makes this program a switch with ports in memory
// that is given flows.
const gapCommand = "gap-switch"

// Settings of the line gap.
const (
	collectorOn  = "collector on"
	collectorOff = "collector off"
)

func gapLines() []line {
	return []line{{
		name: "gap", unit: "ms", less: true, rounds: 3, beside: 9 * second, bare: true,
		about:      "the worst gap between batches of a worker while a million flows are added, ports in memory",
		contenders: []contender{{name: collectorOn}, {name: collectorOff}}, measure: measureGap,
	}}
}

// measureGap runs the switch in a process of its own, which has its priority and
// its memory for itself.
func measureGap(s *setup, _ time.Duration) (m measured, err error) {
	exe, err := os.Executable()
	if err != nil {
		return m, err
	}
	cmd := exec.CommandContext(s.ctx, exe, gapCommand, s.contender.name, strconv.Itoa(s.opt.scaled(millionFlows)))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("a switch in memory: %w", err)
	}
	var seconds float64
	if _, err := fmt.Sscan(string(out), &m.value, &seconds); err != nil {
		return m, fmt.Errorf("a switch in memory says %q: %w", strings.TrimSpace(string(out)), err)
	}
	m.more = map[string]float64{"seconds to add them": seconds}
	return m, nil
}

// playGap is that process: it prints the worst gap in milliseconds, and how long
// the flows took in seconds.
func playGap(setting, count string) (err error) {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	// As ofswitchd does; without the right to, the figures are worse.
	if err := process.Raise(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	process.HeapFloor(process.DefaultHeapFloor)
	if setting == collectorOff {
		debug.SetGCPercent(-1)
	}
	dp, err := ofswitch.NewDatapath(ofswitch.Options{Workers: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer dp.Close()
	of, err := dp.AddBridge("br0", ofswitch.BridgeOptions{DatapathID: 1})
	if err != nil {
		return err
	}
	src, err := newSource()
	if err != nil {
		return err
	}
	dst := &sink{}
	if err := errors.Join(of.AddPort(1, src), of.AddPort(2, dst)); err != nil {
		return errors.Join(err, src.Close())
	}
	defer func() { err = errors.Join(err, dp.RemoveBridge("br0"), src.Close()) }()
	if err := errors.Join(addFlows(of), src.start(0)); err != nil {
		return err
	}
	err = retry(func() error {
		if dst.frames.Load() == 0 {
			return errors.New("no frame comes out of the switch")
		}
		return nil
	})
	if err != nil {
		return err
	}
	fm, err := fiveFields(ofp.FlowAdd, 2)
	if err != nil {
		return err
	}
	dst.reset.Store(true)
	began := time.Now()
	for i := range n {
		// Each entry has instructions of its own, as one that comes in a message.
		m := *fm
		m.Table, m.Instructions = 8, outputTo(2)
		m.Match.Value[flow.WIPv4] = 20<<56 | uint64(i)
		if err := of.FlowMod(&m); err != nil {
			return err
		}
	}
	took := time.Since(began)
	if lost := dst.lost.Load(); lost != 0 {
		return fmt.Errorf("%d frames vanished within the switch", lost)
	}
	_, err = fmt.Println(time.Duration(dst.worst.Load()).Seconds()*1e3, took.Seconds())
	return errors.Join(err, src.start(-1))
}
