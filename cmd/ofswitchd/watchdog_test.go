package main

import (
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWatchdogInterval(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
		ok        bool
	}{
		{"", "", 0, true},
		{"60000000", "", time.Minute, true},
		{"60000000", "77", time.Minute, true},
		{"60000000", "78", 0, true}, // another process
		{"soon", "", 0, false},
		{"0", "", 0, false},
		{"-1", "77", 0, false},
		{"9223372036854775807", "", 0, false},
	} {
		env := map[string]string{"WATCHDOG_USEC": c.usec, "WATCHDOG_PID": c.pid}
		got, err := watchdogInterval(func(name string) string { return env[name] }, 77)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("WATCHDOG_USEC=%q WATCHDOG_PID=%q: %v, %v; want %v", c.usec, c.pid, got, err, c.want)
		}
	}
}

// Systemd hears of a switch that is alive, once each time that it is found so,
// and nothing of one that is not.
func TestWatchdog(t *testing.T) {
	systemd := notified(t)
	alive := make(chan struct{})
	stop := startWatchdog(slog.New(slog.DiscardHandler), func() { <-alive })
	const times = 3
	for range times {
		alive <- struct{}{}
	}
	close(alive) // so that stop finds the goroutine; it may say so once more, or often
	stop()
	heard := 0
	for _, got := range received(t, systemd) {
		heard++
		if got != "WATCHDOG=1" {
			t.Errorf("systemd hears %q", got)
		}
	}
	if heard < times {
		t.Errorf("systemd heard %d times of %d", heard, times)
	}
}

// notified is a socket that is systemd's, which wants to hear every 3 ms.
func notified(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "3000")
	return c
}

// received is what lies in the socket, without waiting for more.
func received(t *testing.T, c *net.UnixConn) (list []string) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for buf := make([]byte, 64); ; {
		n := -1
		if err := raw.Control(func(fd uintptr) { n, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT) }); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			return list
		}
		list = append(list, string(buf[:n]))
	}
}

// A blocked switch: systemd hears nothing.
func TestWatchdogBlocked(t *testing.T) {
	systemd := notified(t)
	asked, release := make(chan struct{}), make(chan struct{})
	stop := startWatchdog(slog.New(slog.DiscardHandler), func() {
		asked <- struct{}{}
		<-release
	})
	<-asked
	if heard := received(t, systemd); len(heard) != 0 {
		t.Errorf("systemd heard %q of a switch that is not alive", heard)
	}
	ended := make(chan struct{})
	go func() {
		stop()
		close(ended)
	}()
	for {
		select {
		case release <- struct{}{}:
		case <-asked:
		case <-ended:
			return
		}
	}
}
