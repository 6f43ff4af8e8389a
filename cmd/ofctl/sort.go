package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// sortKey is one field to sort by.
type sortKey struct {
	down  bool
	value func(*ofp.FlowStats) (v flow.Value, ok bool) // ok: the flow has the field
}

// flowNumbers are what a flow can be sorted by besides its match.
var flowNumbers = map[string]func(*ofp.FlowStats) uint64{
	"priority":     func(f *ofp.FlowStats) uint64 { return uint64(f.Priority) },
	"table":        func(f *ofp.FlowStats) uint64 { return uint64(f.Table) },
	"cookie":       func(f *ofp.FlowStats) uint64 { return f.Cookie },
	"duration":     func(f *ofp.FlowStats) uint64 { return uint64(f.DurationSec)<<32 | uint64(f.DurationNsec) },
	"n_packets":    func(f *ofp.FlowStats) uint64 { return f.PacketCount },
	"n_bytes":      func(f *ofp.FlowStats) uint64 { return f.ByteCount },
	"idle_timeout": func(f *ofp.FlowStats) uint64 { return uint64(f.IdleTimeout) },
	"hard_timeout": func(f *ofp.FlowStats) uint64 { return uint64(f.HardTimeout) },
}

// sharedNames are field names that mean another field for each protocol.
var sharedNames = map[string][]flow.ID{
	"tp_src":    {flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc},
	"tp_dst":    {flow.TCPDst, flow.UDPDst, flow.SCTPDst},
	"icmp_type": {flow.ICMPv4Type, flow.ICMPv6Type},
	"icmp_code": {flow.ICMPv4Code, flow.ICMPv6Code},
	"dl_vlan":   {flow.VLANVID},
	"vlan_tci":  {flow.VLANVID},
	"nw_tos":    {flow.IPDSCP},
}

// parseSort reads the words that arrange makes of --sort and --rsort: "+FIELD"
// and "-FIELD". A last pass sorts by falling priority, as ovs-ofctl's does.
func parseSort(words []string) ([]sortKey, error) {
	var keys []sortKey
	for _, w := range words {
		down := strings.HasPrefix(w, "-")
		name := strings.TrimLeft(w, "+-")
		value, err := sortValue(name)
		if err != nil {
			return nil, err
		}
		keys = append(keys, sortKey{down, value})
	}
	if len(keys) > 0 {
		value, err := sortValue("priority")
		if err != nil {
			return nil, err
		}
		keys = append(keys, sortKey{true, value})
	}
	return keys, nil
}

func sortValue(name string) (func(*ofp.FlowStats) (flow.Value, bool), error) {
	if fn, ok := flowNumbers[name]; ok {
		return func(f *ofp.FlowStats) (flow.Value, bool) { return flow.Value{Lo: fn(f)}, true }, nil
	}
	ids := sharedNames[name]
	if ids == nil {
		f := flow.ByName(name)
		if f == nil {
			return nil, fmt.Errorf("--sort=%s: want priority, table, cookie, duration, n_packets, n_bytes, idle_timeout, hard_timeout or a match field such as in_port", name)
		}
		ids = []flow.ID{f.ID}
	}
	return func(f *ofp.FlowStats) (flow.Value, bool) {
		for _, id := range ids {
			if v, _, ok := f.Match.Get(id); ok {
				return v, true
			}
		}
		return flow.Value{}, false
	}, nil
}

// sortFlows sorts by the first key, flows equal there by the second and so on.
// Flows without a field come last, upwards and downwards.
func sortFlows(flows []*ofp.FlowStats, keys []sortKey) {
	slices.SortStableFunc(flows, func(a, b *ofp.FlowStats) int {
		for _, k := range keys {
			va, oka := k.value(a)
			vb, okb := k.value(b)
			if oka != okb {
				if oka {
					return -1
				}
				return 1
			}
			c := cmp.Or(cmp.Compare(va.Hi, vb.Hi), cmp.Compare(va.Lo, vb.Lo))
			if c != 0 && k.down {
				return -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}
