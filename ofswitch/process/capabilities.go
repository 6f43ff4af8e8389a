package process

import (
	"context"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// capability is one that a switch takes, and what is missing without it.
type capability struct {
	bit     int
	instead int // another that the kernel takes for it; -1: none
	level   slog.Level
	without string // one line, after "no CAP_X: "
	name    string
}

// capabilities(7). CAP_SYS_NICE is not here: Raise says what it takes.
var capabilities = []capability{
	{unix.CAP_NET_ADMIN, -1, slog.LevelError, "internal ports cannot be made, devices cannot be set up nor kept from the host's stack; run the switch as root, by its systemd unit, or in a container with --cap-add NET_ADMIN", "CAP_NET_ADMIN"},
	{unix.CAP_NET_RAW, -1, slog.LevelError, "network devices cannot be ports; run the switch as root, by its systemd unit, or in a container with --cap-add NET_RAW", "CAP_NET_RAW"},
	{unix.CAP_BPF, unix.CAP_SYS_ADMIN, slog.LevelInfo, withoutBPF, "CAP_BPF"},
}

const withoutBPF = "ports are kept from the host's stack by nftables instead of TCX programs, frames go through AF_PACKET"

// ReportCapabilities logs one line for each capability that the calling thread
// lacks, with what follows from it. With all of them it says nothing.
func ReportCapabilities(log *slog.Logger) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		log.Debug("capabilities of this process cannot be read", "err", err)
		return
	}
	idMap, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		idMap = []byte(initialIDMap) // no /proc, and so nothing that says otherwise
	}
	reportMissing(log, func(bit int) bool { return data[bit/32].Effective&(1<<(bit%32)) != 0 }, string(idMap))
}

// initialIDMap is the uid_map of the initial user namespace, blanks apart
// (user_namespaces(7)).
const initialIDMap = "0 0 4294967295"

func reportMissing(log *slog.Logger, has func(bit int) bool, idMap string) {
	for _, c := range capabilities {
		switch {
		case !has(c.bit) && (c.instead < 0 || !has(c.instead)):
			log.Log(context.Background(), c.level, "no "+c.name+": "+c.without)
		case c.bit == unix.CAP_BPF && strings.Join(strings.Fields(idMap), " ") != initialIDMap:
			// The kernel wants this one of the machine, not of the namespace.
			log.Log(context.Background(), c.level, "CAP_BPF has no effect in a user namespace: "+c.without)
		}
	}
}
