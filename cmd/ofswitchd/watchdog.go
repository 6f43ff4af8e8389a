package main

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"
)

// watchdogInterval is how often systemd, which started us with WatchdogSec=,
// wants to hear of us (sd_watchdog_enabled(3)); 0: not at all.
func watchdogInterval(getenv func(string) string, pid int) (time.Duration, error) {
	usec, who := getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID")
	if usec == "" || who != "" && who != strconv.Itoa(pid) {
		return 0, nil
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(1<<62)/1000 {
		return 0, fmt.Errorf("WATCHDOG_USEC=%s is no number of microseconds", usec)
	}
	return time.Duration(n) * time.Microsecond, nil
}

// startWatchdog tells systemd three times in each of its intervals that the
// switch is alive: alive returns when it is, and blocks while it is not. The
// end is to be waited for with the function that it returns.
func startWatchdog(log *slog.Logger, alive func()) (stop func()) {
	interval, err := watchdogInterval(os.Getenv, os.Getpid())
	if err != nil {
		log.Error("systemd's watchdog", "err", err)
	}
	if interval == 0 {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(interval / 3)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			alive()
			notifySystemd(log, "WATCHDOG=1")
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}
