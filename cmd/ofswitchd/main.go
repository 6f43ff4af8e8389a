// Command ofswitchd is the switch: one datapath, its bridges, and the sockets
// through which controllers and tools reach them.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"ofswitch/bridge"
	"ofswitch/ofswitch/process"
	"ofswitch/unixctl"
	"ofswitch/vlog"
)

// version is set by the Makefile.
var version = "devel"

// program is the name under which ovs-appctl -t finds the daemon.
const program = "ofswitchd"

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run is the whole program. Exit status: 0 after a clean end, 1 when it could
// not start, 2 for wrong use.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseArgs(args, stdout)
	switch {
	case errors.Is(err, errDone):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "ofswitchd: %v\n", err)
		return 2
	}
	if o.detach && !isDetached() {
		return detach(args, stderr)
	}
	logs, err := vlog.New(vlog.Options{Console: stderr, File: o.logFile, Level: o.logLevel})
	if err != nil {
		fmt.Fprintf(stderr, "ofswitchd: --log-file: %v\n", err)
		return 1
	}
	defer logs.Close()
	log := slog.New(logs.Handler())
	slog.SetDefault(log)
	if err := serve(o, log, logs); err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(stderr, "ofswitchd: %s\n", strings.TrimSpace(line))
		}
		return 1
	}
	return 0
}

// serve runs the switch until a signal or the exit command. Parts are built in
// order and closed in reverse.
func serve(o *options, log *slog.Logger, logs *vlog.Log) (err error) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup sets it
		signal.Notify(signals, syscall.SIGHUP)
	}
	defer signal.Stop(signals)
	// Whoever read the log may end; the switch goes on.
	signal.Ignore(syscall.SIGPIPE)

	if err := process.Raise(); err != nil {
		log.Debug("priority", "err", err)
	}
	process.HeapFloor(process.DefaultHeapFloor)
	process.ReportCapabilities(log)

	if _, there := os.Stat(o.runDir); errors.Is(there, os.ErrNotExist) {
		defer func() {
			if err != nil {
				_ = os.Remove(o.runDir) // unless somebody else has come to use it
			}
		}()
	}
	ctl, err := unixctl.NewServer(o.runDir, program)
	if err != nil {
		return err
	}
	defer func() {
		if err := ctl.Close(); err != nil {
			log.Error("control socket not closed cleanly", "err", err)
		}
	}()
	ctl.SetVersion(program + " " + version)
	changed := make(changes, 1)
	sw, err := bridge.New(bridge.Options{Version: version, RunDir: o.runDir, Threads: o.threads, NoKernelPath: o.noKernelPath, Logger: log, OnChange: changed.tell})
	if err != nil {
		return err
	}
	defer sw.Close()

	exit := make(chan struct{}, 1)
	ctl.Register("exit", "[--cleanup]", 0, 1, func(args []string) (string, error) {
		if len(args) == 1 && args[0] != "--cleanup" {
			return "", fmt.Errorf("%.200q: unknown option; there is --cleanup, which changes nothing: all is always taken down", args[0])
		}
		select {
		case exit <- struct{}{}:
		default: // already asked
		}
		<-ctl.Released()
		return "", nil
	})
	sw.RegisterCommands(ctl)
	registerLog(ctl, logs)

	var begun <-chan struct{}
	if !o.db.none() {
		link, err := startDatabase(o, sw, changed, log)
		if err != nil {
			return err
		}
		defer link.stop()
		if link.embedded != nil {
			link.embedded.RegisterCommands(ctl)
		}
		begun = link.r.Ready()
	} else if err := sw.Apply(o.config); err != nil {
		if len(sw.Bridges()) == 0 {
			return err
		}
		for line := range strings.Lines(err.Error()) {
			log.Error(strings.TrimSpace(line))
		}
	}
	if !o.db.none() && !await(begun, signals, exit, log) {
		return nil
	}
	open, waiting, refused := count(sw.Ports())
	log.Info("ready", "ports", open, "waiting", waiting, "refused", refused)
	notifyReady(log)
	defer startWatchdog(log, sw.Alive)()

	await(nil, signals, exit, log)
	notifyStopping(log)
	return nil
}

// await waits for begun, true, or for what ends the switch.
func await(begun <-chan struct{}, signals <-chan os.Signal, exit <-chan struct{}, log *slog.Logger) bool {
	select {
	case <-begun:
		return true
	case sig := <-signals:
		log.Info("stopping", "signal", sig.String())
	case <-exit:
		log.Info("stopping", "command", "exit")
	}
	return false
}

// count sums up ports for the ready line.
func count(list []bridge.PortStatus) (open, waiting, refused int) {
	for _, p := range list {
		switch {
		case p.Open:
			open++
		case p.Waiting:
			waiting++
		default:
			refused++
		}
	}
	return open, waiting, refused
}
