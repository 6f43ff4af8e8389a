package main

import (
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// notifyReady tells whoever waits for the switch: systemd, and the process
// that --detach left in the foreground.
func notifyReady(log *slog.Logger) {
	notifySystemd(log, "READY=1")
	fd, err := strconv.Atoi(os.Getenv(readyFD))
	if err != nil {
		return // nobody waits
	}
	pipe := os.NewFile(uintptr(fd), "ready")
	if _, err := pipe.WriteString("ready\n"); err != nil {
		log.Error("the process that waits for us cannot be told", "err", err)
	}
	pipe.Close()
	// Whoever reads our standard error, a shell's $(...) for example, shall
	// not wait for a daemon.
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err == nil {
		err = unix.Dup3(int(null.Fd()), int(os.Stderr.Fd()), 0)
		null.Close()
	}
	if err != nil {
		log.Error("standard error cannot be closed", "err", err)
	}
}

func notifyStopping(log *slog.Logger) { notifySystemd(log, "STOPPING=1") }

// notifySystemd sends one state line as sd_notify(3) does; without systemd
// there is no socket and nothing to do.
func notifySystemd(log *slog.Logger, state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err == nil {
		_, err = conn.Write([]byte(state))
		conn.Close()
	}
	if err != nil {
		log.Error("systemd cannot be told", "state", state, "err", err)
	}
}

// readyFD names the environment variable with the descriptor that waits for
// one line; its presence also says that we are the detached process.
const readyFD = "OFSWITCHD_READY_FD"

func isDetached() bool {
	_, ok := syscall.Getenv(readyFD)
	return ok
}
