package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
	"ofswitch/unixctl"
)

// errUnknownBridge is Open vSwitch's answer of the bridge family.
var errUnknownBridge = answer("Unknown bridge")

// registerFlows adds what is asked of whole bridges.
func (s *Switch) registerFlows(srv *unixctl.Server) {
	srv.Register("ofproto/list", "", 0, 0, func([]string) (string, error) {
		return strings.Join(s.Bridges(), "\n"), nil
	})
	srv.Register("bridge/dump-flows", "[--offload-stats] bridge", 1, 2, func(args []string) (string, error) {
		offload := takeOption(&args, "--offload-stats")
		if len(args) != 1 {
			return "", errors.New("bridge/dump-flows [--offload-stats] bridge: one bridge is wanted")
		}
		return s.dumpFlows(args[0], offload)
	})
	srv.Register("bridge/reconnect", "[bridge]", 0, 1, func(args []string) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		names := args
		if len(names) == 0 {
			names = sortedKeys(s.bridges)
		}
		for _, name := range names {
			lb := s.bridges[name]
			if lb == nil {
				return "", errUnknownBridge
			}
			lb.conn.Reconnect()
		}
		return "", nil
	})
}

// dumpFlows prints all entries of a bridge, the switch's own among them.
func (s *Switch) dumpFlows(name string, offload bool) (string, error) {
	of, err := s.bridge(name)
	if err != nil {
		return "", errUnknownBridge
	}
	type entry struct {
		stats    *ofp.FlowStats
		priority int32
	}
	var list []entry
	err = of.AllFlows(func(fs *ofp.FlowStats, priority int32) { list = append(list, entry{fs, priority}) })
	if err != nil {
		return "", err
	}
	slices.SortStableFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.stats.Table, b.stats.Table), cmp.Compare(b.priority, a.priority))
	})
	var b strings.Builder
	for _, e := range list {
		fs := e.stats
		if fs.Table != 0 {
			fmt.Fprintf(&b, "table_id=%d, ", fs.Table)
		}
		fmt.Fprintf(&b, "duration=%ds, n_packets=%d, n_bytes=%d, ", fs.DurationSec, fs.PacketCount, fs.ByteCount)
		if offload {
			b.WriteString("n_offload_packets=0, n_offload_bytes=0, ")
		}
		fmt.Fprintf(&b, "priority=%d,", e.priority)
		if m := text.FormatMatch(&fs.Match, text.Options{}); m != "" {
			b.WriteString(m + ",")
		}
		fmt.Fprintf(&b, "actions=%s\n", text.FormatInstructions(&fs.Instructions, text.Options{}))
	}
	return b.String(), nil
}
