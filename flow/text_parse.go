package flow

import (
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"

	"ofswitch/packet"
)

// ParseMatch reads a match in the syntax of ovs-ofctl: "tcp,in_port=1,
// nw_src=10.0.0.0/8,tp_dst=80". Fields are separated by commas or white space
// and may stand in any order; see ovs-fields(7) for their names. Errors are
// *ParseError.
//
// It is stricter than ovs-ofctl, which drops or overrides with no more than a
// warning: a field given twice, a value out of range and a field without its
// prerequisite are errors.
func ParseMatch(s string) (Match, error) { return ParseMatchPorts(s, nil) }

// ParseMatchPorts is ParseMatch for text with port names, which resolve turns
// into numbers.
func ParseMatchPorts(s string, resolve func(name string) (uint32, bool)) (Match, error) {
	p := parser{resolve: resolve}
	for tok := range Tokens(s) {
		if err := p.token(tok); err != nil {
			return Match{}, err
		}
	}
	if err := p.finish(); err != nil {
		return Match{}, err
	}
	return p.m, nil
}

const separators = ", \t\r\n"

// Tokens gives the fields of a match one by one, as they are written.
func Tokens(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := strings.TrimLeft(s, separators); s != ""; s = strings.TrimLeft(s, separators) {
			n := tokenLen(s)
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// tokenLen is the length of the first field of s, which may hold a quoted name.
func tokenLen(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case quoted && s[i] == '\\':
			i++
		case !quoted && strings.IndexByte(separators, s[i]) >= 0:
			return i
		}
	}
	return len(s)
}

// parser collects what the text says; names whose meaning depends on the
// protocol (tp_src) wait for the end.
type parser struct {
	m       Match
	resolve func(string) (uint32, bool)
	given   [NumFields]string // the key that set the field
	late    []pair
}

type pair struct{ key, val string }

func (p *parser) token(tok string) error {
	key, val, hasVal := strings.Cut(tok, "=")
	if !hasVal {
		return p.word(key)
	}
	switch key {
	case "":
		return &ParseError{Field: tok, Want: "a field name before the equals sign"}
	case "tp_src", "tp_dst", "icmp_type", "icmp_code", "nw_src", "nw_dst", "nw_proto":
		for _, l := range p.late {
			if l.key == key {
				return duplicate(key, key)
			}
		}
		p.late = append(p.late, pair{key, val})
		return nil
	case "dl_vlan":
		return p.dlVLAN(key, val)
	case "vlan_tci":
		return p.vlanTCI(key, val)
	case "nw_tos":
		v, err := parseUint(val)
		if err != nil || v > 255 {
			return &ParseError{key, val, "0 to 255; the two low bits are ignored (nw_ecn matches them)"}
		}
		return p.set(key, IPDSCP.Field(), Value{Lo: v >> 2}, IPDSCP.Field().Full())
	}
	f := textName(key)
	if f == nil {
		return unknownField(key)
	}
	return p.value(key, f, val)
}

// textName is ByName, but case counts, as in ovs-ofctl, and OXM names do not.
func textName(key string) *Field {
	if key != strings.ToLower(key) || strings.HasPrefix(key, "oxm_of_") {
		return nil
	}
	return ByName(key)
}

func (p *parser) word(key string) error {
	if key == "eth" { // every frame that we see is one
		return nil
	}
	for _, s := range shorthands {
		if s.name != key {
			continue
		}
		if err := p.imply(key, EthType, uint64(s.etype)); err != nil || s.proto < 0 {
			return err
		}
		return p.imply(key, IPProto, uint64(s.proto))
	}
	if f := textName(key); f != nil || key == "dl_vlan" || key == "vlan_tci" || key == "nw_tos" {
		return &ParseError{Field: key, Want: "a value after an equals sign"}
	}
	return unknownField(key)
}

// imply sets what a shorthand says; saying the same twice is no error.
func (p *parser) imply(key string, id ID, v uint64) error {
	if old, ok := p.m.exact(id); ok {
		if old == v {
			return nil
		}
		return &ParseError{Field: key, Want: fmt.Sprintf("it to agree with %s; a match is for one protocol", p.given[id])}
	}
	return p.set(key, id.Field(), Value{Lo: v}, id.Field().Full())
}

func (p *parser) value(key string, f *Field, val string) error {
	v, mask, err := parseValue(key, f, val, p.resolve)
	if err != nil {
		return err
	}
	switch f.ID {
	case EthType, IPProto:
		if p.given[f.ID] != "" && isShorthand(p.given[f.ID]) && mask != (Value{}) {
			return p.imply(key, f.ID, v.Lo)
		}
	case VLANPCP:
		// As in ovs-ofctl, a priority alone asks for any tag.
		if present := (Value{Lo: VIDPresent}); p.given[VLANVID] == "" && mask != (Value{}) {
			p.m.SetMasked(VLANVID, present, present)
		}
	}
	return p.set(key, f, v, mask)
}

func isShorthand(key string) bool {
	for _, s := range shorthands {
		if s.name == key {
			return true
		}
	}
	return false
}

func (p *parser) set(key string, f *Field, v, mask Value) error {
	if old := p.given[f.ID]; old != "" {
		return duplicate(key, old)
	}
	p.given[f.ID] = key
	p.m.SetMasked(f.ID, v, mask)
	return nil
}

func duplicate(key, old string) error {
	if key == old {
		return &ParseError{Field: key, Want: "it only once"}
	}
	return &ParseError{Field: key, Want: fmt.Sprintf("either it or %s: both set the same field", old)}
}

func unknownField(key string) error {
	e := &ParseError{Field: key, Want: "a match field that exists; this name is unknown (ovs-fields(7) has the names)"}
	if isExtension(key) {
		e.Want = "a match field of OpenFlow 1.3; this one is an extension of Open vSwitch that this switch does not have"
	}
	return e
}

// isExtension knows the fields that Open vSwitch has beyond OpenFlow 1.3.
func isExtension(key string) bool {
	switch key {
	case "nw_ttl", "ip_frag", "nw_frag", "tcp_flags", "mpls_ttl", "pkt_mark", "conj_id", "skb_priority", "recirc_id",
		"dp_hash", "actset_output", "packet_type", "nd_reserved", "nd_options_type", "igmp", "nsh":
		return true
	}
	for _, prefix := range []string{"reg", "xreg", "xxreg", "ct_", "tun_", "nsh_", "igmp_", "dl_vlan1", "vlan_tci1"} {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// dlVLAN reads OpenFlow 1.0's VLAN id: 0xffff is no tag, others ask for one.
func (p *parser) dlVLAN(key, val string) error {
	f := VLANVID.Field()
	if val == "*" {
		return p.set(key, f, Value{}, Value{})
	}
	v, err := parseUint(val)
	switch {
	case err == nil && v <= 0xfff:
		return p.set(key, f, Value{Lo: v | VIDPresent}, f.Full())
	case err == nil && v == 0xffff:
		return p.set(key, f, Value{}, f.Full())
	}
	return &ParseError{key, val, "a VLAN id, 0 to 4095, or 0xffff for frames without a tag"}
}

// vlanTCI reads the form that shows bits: OFPVID_PRESENT in the place of the
// DEI bit. Without a mask it asks for all 16, save that 0 is no tag.
func (p *parser) vlanTCI(key, val string) error {
	vs, ms, masked := strings.Cut(val, "/")
	v, err := parseUint(vs)
	mask := uint64(0xffff)
	if masked && err == nil {
		mask, err = parseUint(ms)
	} else if v == 0 {
		mask = 0x1fff
	}
	if err != nil || v > 0xffff || mask > 0xffff {
		return &ParseError{key, val, "16 bits, perhaps with a mask: 0x1005/0x1fff"}
	}
	vid, vidMask := Value{Lo: v & 0x1fff}, Value{Lo: mask & 0x1fff}
	if mask>>13 == 0 {
		return p.set(key, VLANVID.Field(), vid, vidMask)
	}
	if mask>>13 != 7 {
		return &ParseError{key, val, "a mask that has all or none of the priority bits 0xe000: OpenFlow 1.3 does not mask them"}
	}
	if v&mask&VIDPresent == 0 {
		return &ParseError{key, val, "0x1000 in value and mask where the priority is matched: only frames with a tag have one"}
	}
	if err := p.set(key, VLANVID.Field(), vid, vidMask); err != nil {
		return err
	}
	return p.set(key, VLANPCP.Field(), Value{Lo: v >> 13}, VLANPCP.Field().Full())
}

// finish gives the names that wait their meaning, then checks prerequisites.
func (p *parser) finish() error {
	for pass := range 2 { // nw_proto first: the ports depend on it
		for _, l := range p.late {
			if (l.key == "nw_proto") != (pass == 0) {
				continue
			}
			if err := p.value(l.key, p.lateField(l.key), l.val); err != nil {
				return err
			}
		}
	}
	for id, key := range p.given {
		f := &Table[id]
		if key == "" || f.Get((*Wide)(&p.m.Mask)) == (Value{}) || p.m.prereq(f.Prereq) {
			continue
		}
		return p.missing(key, f)
	}
	return nil
}

// missing says what to add so that f may stand in the match.
func (p *parser) missing(key string, f *Field) error {
	v, mask := f.Get(&p.m.Value), f.Get((*Wide)(&p.m.Mask))
	need := needs[f.Prereq]
	switch key {
	case "tp_src", "tp_dst":
		need = "tcp, udp or sctp (or their IPv6 forms tcp6, udp6, sctp6)"
	case "icmp_type", "icmp_code":
		need = "icmp or icmp6"
	case "nw_src", "nw_dst":
		need = "ip (or arp)"
	}
	return &ParseError{key, FormatValue(f, v, mask), need + " in the match as well, which this field depends on"}
}

// String says in the words of the text what the prerequisite asks for.
func (p Prereq) String() string { return needs[p] }

var needs = [...]string{
	PrereqInPort:    "in_port",
	PrereqVLAN:      "a VLAN tag (dl_vlan, or vlan_vid with 0x1000)",
	PrereqIP:        "ip or ipv6",
	PrereqIPv4:      "ip",
	PrereqIPv6:      "ipv6",
	PrereqARP:       "arp or rarp",
	PrereqMPLS:      "mpls or mplsm",
	PrereqPBB:       "dl_type=0x88e7",
	PrereqTCP:       "tcp or tcp6",
	PrereqUDP:       "udp or udp6",
	PrereqSCTP:      "sctp or sctp6",
	PrereqICMPv4:    "icmp",
	PrereqICMPv6:    "icmp6",
	PrereqND:        "icmp6 and icmp_type=135 or 136",
	PrereqNDSolicit: "icmp6 and icmp_type=135",
	PrereqNDAdvert:  "icmp6 and icmp_type=136",
}

// lateField resolves a name whose meaning depends on the protocol.
func (p *parser) lateField(key string) *Field {
	etype, _ := p.m.exact(EthType)
	proto, _ := p.m.exact(IPProto)
	arp := etype == packet.TypeARP || etype == packet.TypeRARP
	pick := func(cond bool, yes, no ID) *Field {
		if cond {
			return yes.Field()
		}
		return no.Field()
	}
	switch key {
	case "nw_proto":
		return pick(arp, ARPOp, IPProto)
	case "nw_src":
		return pick(arp, ARPSpa, IPv4Src)
	case "nw_dst":
		return pick(arp, ARPTpa, IPv4Dst)
	case "icmp_type":
		return pick(etype == packet.TypeIPv6, ICMPv6Type, ICMPv4Type)
	case "icmp_code":
		return pick(etype == packet.TypeIPv6, ICMPv6Code, ICMPv4Code)
	}
	src, dst := TCPSrc, TCPDst
	switch proto {
	case packet.ProtoUDP:
		src, dst = UDPSrc, UDPDst
	case packet.ProtoSCTP:
		src, dst = SCTPSrc, SCTPDst
	}
	return pick(key == "tp_src", src, dst)
}

// ParseValue reads a value of the field, perhaps with a mask behind a slash:
// what FormatValue writes and more. Without a mask, mask is full; "*" is the
// zero mask. Errors are *ParseError.
func ParseValue(f *Field, s string) (v, mask Value, err error) {
	return parseValue(f.Text, f, s, nil)
}

func parseValue(key string, f *Field, s string, resolve func(string) (uint32, bool)) (v, mask Value, err error) {
	if s == "*" {
		return Value{}, Value{}, nil
	}
	fail := func(want string) (Value, Value, error) { return Value{}, Value{}, &ParseError{key, s, want} }
	if f.Format == FormatPort {
		port, ok := ParsePort(s, resolve)
		if !ok {
			return fail("a port number, a reserved port like LOCAL, or the name of a port of this switch")
		}
		return Value{Lo: uint64(port)}, f.Full(), nil
	}
	if f.Format == FormatExthdr && !strings.Contains(s, "/") {
		if v, mask, ok := parseExthdr(s); ok {
			return Value{Lo: v}, Value{Lo: mask}, nil
		}
	}
	vs, ms, masked := strings.Cut(s, "/")
	v, ok := parseOne(f, vs)
	if !ok {
		return fail(wants[f.Format])
	}
	if f.CheckValue(v) != nil {
		return fail("at most " + hexValue(f.Full()))
	}
	mask = f.Full()
	if masked {
		if mask, ok = parseMask(f, ms); !ok {
			return fail("a mask after the slash like " + maskExamples[f.Format])
		}
		if f.CheckValue(mask) != nil {
			return fail("a mask of at most " + hexValue(f.Full()))
		}
		if !f.OVSMask && mask != f.Full() && mask != (Value{}) {
			return fail("a value without mask: OpenFlow does not mask this field")
		}
	}
	return Value{v.Hi & mask.Hi, v.Lo & mask.Lo}, mask, nil
}

var wants = [...]string{
	FormatDecimal: "a number",
	FormatHex:     "a number",
	FormatPort:    "a port",
	FormatMAC:     "an Ethernet address like 02:00:00:00:00:01",
	FormatIPv4:    "an IPv4 address like 10.0.0.1 or 10.0.0.0/8",
	FormatIPv6:    "an IPv6 address like fd00::1 or fd00::/8",
	FormatVLAN:    "a number",
	FormatExthdr:  "header names like hop|frag, +hop-frag, or a number",
}

var maskExamples = [...]string{
	FormatDecimal: "0xfff0",
	FormatHex:     "0xff",
	FormatPort:    "none",
	FormatMAC:     "ff:ff:ff:00:00:00",
	FormatIPv4:    "24 or 255.255.255.0",
	FormatIPv6:    "64 or ffff:ffff::",
	FormatVLAN:    "0x1000",
	FormatExthdr:  "0x40",
}

func parseOne(f *Field, s string) (Value, bool) {
	switch f.Format {
	case FormatMAC:
		v, ok := parseMAC(s)
		return Value{Lo: v}, ok
	case FormatIPv4:
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is4() {
			return Value{}, false
		}
		b := a.As4()
		return Value{Lo: uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])}, true
	case FormatIPv6:
		a, err := netip.ParseAddr(s)
		if err != nil || a.Is4() || a.Zone() != "" {
			return Value{}, false
		}
		var v Value
		for i, c := range a.As16() {
			if i < 8 {
				v.Hi = v.Hi<<8 | uint64(c)
			} else {
				v.Lo = v.Lo<<8 | uint64(c)
			}
		}
		return v, true
	}
	v, err := parseUint(s)
	return Value{Lo: v}, err == nil
}

func parseMask(f *Field, s string) (Value, bool) {
	if f.Format == FormatIPv4 || f.Format == FormatIPv6 {
		if n, err := strconv.ParseUint(s, 10, 8); err == nil {
			if int(n) > f.Bits {
				return Value{}, false
			}
			p := prefix(int(n))
			if f.Bits == 32 {
				p = Value{Lo: p.Hi >> 32}
			}
			return p, true
		}
	}
	return parseOne(f, s)
}

func parseMAC(s string) (v uint64, ok bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 6 {
		return 0, false
	}
	for _, part := range parts {
		b, err := strconv.ParseUint(part, 16, 8)
		if err != nil || len(part) > 2 {
			return 0, false
		}
		v = v<<8 | b
	}
	return v, true
}

var errNumber = errors.New("not a number")

// parseUint reads a decimal number or a hexadecimal one with 0x. Leading zeros
// are refused: C reads them as octal, people do not.
func parseUint(s string) (uint64, error) {
	if h, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		return strconv.ParseUint(h, 16, 64)
	}
	if len(s) > 1 && s[0] == '0' || s != "" && s[0] == '+' {
		return 0, errNumber
	}
	return strconv.ParseUint(s, 10, 64)
}
