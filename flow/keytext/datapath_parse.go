package keytext

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ofswitch/flow"
)

// maxNesting bounds how deep a flow may nest encap().
const maxNesting = 4

// keyParser reads what Datapath writes, and what Open vSwitch's datapaths do, as far
// as a frame can have it.
type keyParser struct {
	m      flow.Match
	inPort string
	tags   int // VLAN tags so far
}

// ParseDatapath reads a flow in the syntax of datapaths. in is what stands in in_port().
func ParseDatapath(s string) (m flow.Match, in string, err error) {
	p := keyParser{}
	if err := p.list(s, 0); err != nil {
		return m, "", err
	}
	if p.inPort == "" {
		return m, "", errors.New("in_port() is missing")
	}
	return p.m, p.inPort, nil
}

// list reads NAME(BODY) pairs with commas between them.
func (p *keyParser) list(s string, depth int) error {
	if depth > maxNesting {
		return errors.New("encap() is nested too deep")
	}
	for {
		s = strings.TrimLeft(s, ", \t\r\n")
		if s == "" {
			return nil
		}
		open := strings.IndexByte(s, '(')
		if open <= 0 {
			return fmt.Errorf("%s: want NAME(...)", Shorten(s))
		}
		end := closing(s[open:])
		if end < 0 {
			return fmt.Errorf("%s: the parenthesis is not closed", Shorten(s))
		}
		name, body := s[:open], s[open+1:open+end]
		s = s[open+end+1:]
		if name == "encap" {
			if err := p.list(body, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := p.part(name, body); err != nil {
			return fmt.Errorf("%s(): %w", Shorten(name), err)
		}
	}
}

// closing is where the parenthesis that s begins with is closed; -1: nowhere.
func closing(s string) int {
	open := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				return i
			}
		}
	}
	return -1
}

// keyFields are the fields of each header that have a row in the field table.
var keyFields = map[string]map[string]flow.ID{
	"eth":    {"src": flow.EthSrc, "dst": flow.EthDst},
	"mpls":   {"label": flow.MPLSLabel, "tc": flow.MPLSTC, "bos": flow.MPLSBOS},
	"pbb":    {"isid": flow.PBBISID},
	"arp":    {"sip": flow.ARPSpa, "tip": flow.ARPTpa, "op": flow.ARPOp, "sha": flow.ARPSha, "tha": flow.ARPTha},
	"ipv4":   {"src": flow.IPv4Src, "dst": flow.IPv4Dst, "proto": flow.IPProto},
	"ipv6":   {"src": flow.IPv6Src, "dst": flow.IPv6Dst, "proto": flow.IPProto, "label": flow.IPv6Flabel},
	"tcp":    {"src": flow.TCPSrc, "dst": flow.TCPDst},
	"udp":    {"src": flow.UDPSrc, "dst": flow.UDPDst},
	"sctp":   {"src": flow.SCTPSrc, "dst": flow.SCTPDst},
	"icmp":   {"type": flow.ICMPv4Type, "code": flow.ICMPv4Code},
	"icmpv6": {"type": flow.ICMPv6Type, "code": flow.ICMPv6Code},
	"nd":     {"target": flow.IPv6NDTarget, "sll": flow.IPv6NDSll, "tll": flow.IPv6NDTll},
}

// keyBits are the parts of words that have none: word, shift, width.
var keyBits = map[string][3]int{
	"mpls.ttl": {flow.WMPLS, flow.MPLSTTLShift, 8},
	"ipv4.tos": {flow.WIP, 16, 8}, "ipv4.ttl": {flow.WIP, flow.TTLShift, 8},
	"ipv6.tclass": {flow.WIP, 16, 8}, "ipv6.hlimit": {flow.WIP, flow.TTLShift, 8},
	"tunnel.tun_id": {flow.WTunnel, 0, 64},
}

// zeroParts are what no frame that comes in has; only 0 is taken.
var zeroParts = []string{"recirc_id", "skb_priority", "skb_mark", "ct_state", "ct_zone", "ct_mark", "ct_label", "dp_hash"}

func (p *keyParser) part(name, body string) error {
	for _, zero := range zeroParts {
		if name == zero {
			if v, _, _ := strings.Cut(body, "/"); v != "0" && v != "0x0" {
				return fmt.Errorf("a frame that comes in has 0, not %s", Shorten(body))
			}
			return nil
		}
	}
	switch name {
	case "in_port":
		p.inPort = body
		return nil
	case "packet_type":
		if body != "ns=0,id=0" {
			return errors.New("only Ethernet is known: ns=0,id=0")
		}
		return nil
	case "eth_type":
		v, err := strconv.ParseUint(body, 0, 16)
		if err != nil {
			return fmt.Errorf("%s is no EtherType", Shorten(body))
		}
		if v != 0x8100 && v != 0x88a8 {
			p.m.Set(flow.EthType, flow.Value{Lo: v})
		} else if p.tags < 2 {
			p.bits(flow.WVLAN, 48-32*p.tags, 16, v)
		}
		return nil
	case "tcp_flags":
		v, err := parseTCPFlags(body)
		p.bits(flow.WL4, flow.TCPFlagsShift, 12, v)
		return err
	case "vlan":
		return p.vlan(body)
	}
	return p.fields(name, body)
}

// bits sets a part of a word.
func (p *keyParser) bits(word, shift, width int, v uint64) {
	mask := ^uint64(0) >> (64 - width)
	p.m.Value[word] = p.m.Value[word]&^(mask<<shift) | v&mask<<shift
	p.m.Mask[word] |= mask << shift
}

// vlan reads a tag.
func (p *keyParser) vlan(body string) error {
	if p.tags == 2 {
		return errors.New("more tags than two")
	}
	shift := 32 - 32*p.tags
	p.tags++
	p.bits(flow.WVLAN, shift, 13, flow.VIDPresent)
	return pairs(body, func(key, val string) error {
		width, at := 12, shift
		switch key {
		case "vid":
		case "pcp":
			width, at = 3, shift+13
		case "cfi":
			if val != "1" {
				return errors.New("cfi=0 is no tag")
			}
			return nil
		default:
			return fmt.Errorf("%s is not known", Shorten(key))
		}
		v, err := strconv.ParseUint(val, 0, width)
		if err != nil {
			return fmt.Errorf("%s=%s: want a number of %d bits", key, Shorten(val), width)
		}
		p.bits(flow.WVLAN, at, width, v)
		return nil
	})
}

// pairs calls fn for each KEY=VALUE of body.
func pairs(body string, fn func(key, val string) error) error {
	for kv := range strings.SplitSeq(body, ",") {
		if kv = strings.TrimSpace(kv); kv == "" {
			continue
		}
		key, val, ok := strings.Cut(kv, "=")
		if !ok {
			return fmt.Errorf("%s: want KEY=VALUE", Shorten(kv))
		}
		if err := fn(key, val); err != nil {
			return err
		}
	}
	return nil
}

// fields reads the fields of a header.
func (p *keyParser) fields(header, body string) error {
	known := keyFields[header]
	if known == nil && header != "tunnel" {
		return errors.New("not known")
	}
	return pairs(body, func(key, val string) error {
		if key == "frag" && (header == "ipv4" || header == "ipv6") {
			v, ok := fragBits[val]
			if !ok {
				return fmt.Errorf("frag=%s: want no, first or later", Shorten(val))
			}
			p.bits(flow.WIP, 0, 2, v)
			return nil
		}
		if at, ok := keyBits[header+"."+key]; ok {
			v, err := strconv.ParseUint(val, 0, at[2])
			if err != nil {
				return fmt.Errorf("%s=%s: want a number of %d bits", key, Shorten(val), at[2])
			}
			p.bits(at[0], at[1], at[2], v)
			return nil
		}
		id, ok := known[key]
		if !ok {
			return fmt.Errorf("%s is not known", Shorten(key))
		}
		v, mask, err := flow.ParseValue(id.Field(), val)
		if err != nil {
			return err
		}
		if mask != id.Field().Full() {
			return fmt.Errorf("%s=%s: wildcards not allowed here", key, Shorten(val))
		}
		p.m.Set(id, v)
		return nil
	})
}
