package classbench

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"ofswitch/flow"
	"ofswitch/packet"
)

// Rule is one line of a set: prefixes, inclusive port ranges, protocol. The TCP
// flags that a line may hold are left out: OpenFlow 1.3 has no such field.
type Rule struct {
	Src, Dst         uint32 // addresses
	SrcLen, DstLen   uint8  // prefix lengths
	SrcPort, DstPort Range
	Proto            uint8
	AnyProto         bool
}

// Range is an inclusive range of ports.
type Range struct{ Lo, Hi uint16 }

func (r Range) any() bool { return r.Lo == 0 && r.Hi == 0xffff }

// Open reads the set in a file, packed by gzip if its name ends in ".gz".
func Open(path string) (rules []Rule, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if rules, err = Parse(r); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return rules, err
}

// Parse reads a set. Errors name the line.
func Parse(r io.Reader) ([]Rule, error) {
	var rules []Rule
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" {
			continue
		}
		rule, err := parseRule(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		rules = append(rules, rule)
	}
	return rules, s.Err()
}

func parseRule(line string) (r Rule, err error) {
	f := strings.Split(strings.TrimPrefix(line, "@"), "\t")
	if len(f) < 5 {
		return r, fmt.Errorf("%d columns, want 5 or more, separated by tabs", len(f))
	}
	var errs [5]error
	r.Src, r.SrcLen, errs[0] = parsePrefix(f[0])
	r.Dst, r.DstLen, errs[1] = parsePrefix(f[1])
	r.SrcPort, errs[2] = parseRange(f[2])
	r.DstPort, errs[3] = parseRange(f[3])
	r.Proto, r.AnyProto, errs[4] = parseProto(f[4])
	return r, errors.Join(errs[:]...)
}

func parsePrefix(s string) (addr uint32, length uint8, err error) {
	a, l, _ := strings.Cut(s, "/")
	b := strings.Split(a, ".")
	n, err := strconv.ParseUint(l, 10, 8)
	if err != nil || n > 32 || len(b) != 4 {
		return 0, 0, fmt.Errorf("%q is not a prefix like 10.0.0.0/8", s)
	}
	for _, x := range b {
		v, err := strconv.ParseUint(x, 10, 8)
		if err != nil {
			return 0, 0, fmt.Errorf("%q is not a prefix like 10.0.0.0/8", s)
		}
		addr = addr<<8 | uint32(v)
	}
	return addr & uint32(^uint64(0)<<(32-n)), uint8(n), nil
}

func parseRange(s string) (Range, error) {
	a, b, _ := strings.Cut(s, ":")
	lo, err1 := strconv.ParseUint(strings.TrimSpace(a), 10, 16)
	hi, err2 := strconv.ParseUint(strings.TrimSpace(b), 10, 16)
	if err1 != nil || err2 != nil || lo > hi {
		return Range{}, fmt.Errorf("%q is not a range of ports like 0 : 1023", s)
	}
	return Range{uint16(lo), uint16(hi)}, nil
}

func parseProto(s string) (proto uint8, wild bool, err error) {
	a, b, _ := strings.Cut(strings.TrimSpace(s), "/")
	v, err1 := strconv.ParseUint(a, 0, 8)
	m, err2 := strconv.ParseUint(b, 0, 8)
	if err1 != nil || err2 != nil || m != 0 && m != 0xff {
		return 0, false, fmt.Errorf("%q is not a protocol like 0x06/0xFF", s)
	}
	return uint8(v), m == 0, nil
}

// prefix is a value and mask of 16 bits.
type prefix struct{ value, mask uint16 }

// prefixes is the fewest prefixes that together are r.
func (r Range) prefixes() (out []prefix) {
	for lo, hi := uint32(r.Lo), uint32(r.Hi); lo <= hi; {
		size := uint32(1)
		for lo&(2*size-1) == 0 && size < 1<<16 && lo+2*size-1 <= hi {
			size *= 2
		}
		out = append(out, prefix{uint16(lo), ^uint16(size - 1)})
		lo += size
	}
	return out
}

// Matches is the rule as OpenFlow can say it: port ranges as prefixes, every
// combination a match, and where ports are asked for but no protocol, one each
// for TCP and for UDP.
func (r *Rule) Matches() (out []flow.Match) {
	var m flow.Match
	m.Set(flow.EthType, flow.Value{Lo: packet.TypeIPv4})
	mask := func(n uint8) flow.Value { return flow.Value{Lo: ^uint64(0) << (32 - n) & 0xffffffff} }
	m.SetMasked(flow.IPv4Src, flow.Value{Lo: uint64(r.Src)}, mask(r.SrcLen))
	m.SetMasked(flow.IPv4Dst, flow.Value{Lo: uint64(r.Dst)}, mask(r.DstLen))
	protos := []uint8{r.Proto}
	switch {
	case r.AnyProto && r.SrcPort.any() && r.DstPort.any():
		return []flow.Match{m}
	case r.AnyProto:
		protos = []uint8{packet.ProtoTCP, packet.ProtoUDP}
	}
	for _, proto := range protos {
		m.Set(flow.IPProto, flow.Value{Lo: uint64(proto)})
		for _, s := range r.SrcPort.prefixes() {
			m.SetMasked(flow.TCPSrc, flow.Value{Lo: uint64(s.value)}, flow.Value{Lo: uint64(s.mask)})
			for _, d := range r.DstPort.prefixes() {
				m.SetMasked(flow.TCPDst, flow.Value{Lo: uint64(d.value)}, flow.Value{Lo: uint64(d.mask)})
				out = append(out, m)
			}
		}
	}
	return out
}
