package bridge

import (
	"slices"
	"testing"

	"ofswitch/flow"
	"ofswitch/flowtable"
)

func TestParseSubfield(t *testing.T) {
	for text, want := range map[string][]flowtable.Subfield{
		"NXM_OF_IN_PORT[]":        {{Field: flow.InPort, Bits: 32}},
		"in_port[]":               {{Field: flow.InPort, Bits: 32}},
		"OXM_OF_IPV4_SRC[8..31]":  {{Field: flow.IPv4Src, Start: 8, Bits: 24}},
		"NXM_OF_IP_SRC[8..31]":    {{Field: flow.IPv4Src, Start: 8, Bits: 24}},
		"NXM_NX_IPV6_DST[64]":     {{Field: flow.IPv6Dst, Start: 64, Bits: 1}},
		"NXM_OF_VLAN_TCI[0..11]":  {{Field: flow.VLANVID, Bits: 12}},
		"NXM_OF_VLAN_TCI[]":       {{Field: flow.VLANVID, Bits: 13}, {Field: flow.VLANPCP, Bits: 3}},
		"NXM_OF_VLAN_TCI[14..15]": {{Field: flow.VLANPCP, Start: 1, Bits: 2}},
		"NXM_OF_ETH_SRC[]":        {{Field: flow.EthSrc, Bits: 48}},
		"dl_src[]":                {{Field: flow.EthSrc, Bits: 48}},
		"NXM_OF_IN_PORT":          nil,
		"NXM_OF_IN_PORT[":         nil,
		"NXM_OF_IN_PORT[32]":      nil,
		"NXM_OF_IN_PORT[5..4]":    nil,
		"NXM_OF_IN_PORT[-1..4]":   nil,
		"NXM_OF_VLAN_TCI[16]":     nil,
		"NXM_OF_COLOUR[]":         nil,
		"":                        nil,
	} {
		if got := parseSubfield(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// The burst of packet-ins is a quarter of the rate, unless it is given.
func TestControllerBurst(t *testing.T) {
	for c, want := range map[Controller]int{
		{}:                                0,
		{RateLimit: 400}:                  100,
		{RateLimit: 400, BurstLimit: 25}:  25,
		{RateLimit: 100, BurstLimit: 900}: 900,
	} {
		if got := c.burst(); got != want {
			t.Errorf("%+v: %d, want %d", c, got, want)
		}
	}
}
