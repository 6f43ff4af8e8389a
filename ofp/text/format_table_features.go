package text

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// fieldSet is a set of match fields: bits by their place in featureFields.
type fieldSet uint64

// featureFields are the fields as ovs-ofctl names them in features, in its order.
// Those at the end it does not know.
var featureFields = [...]struct {
	id   flow.ID
	name string
}{
	{flow.TunnelID, "tun_id"}, {flow.Metadata, "metadata"}, {flow.InPort, "in_port_oxm"},
	{flow.EthSrc, "eth_src"}, {flow.EthDst, "eth_dst"}, {flow.EthType, "eth_type"},
	{flow.VLANVID, "vlan_vid"}, {flow.VLANPCP, "vlan_pcp"},
	{flow.MPLSLabel, "mpls_label"}, {flow.MPLSTC, "mpls_tc"}, {flow.MPLSBOS, "mpls_bos"},
	{flow.IPv4Src, "ip_src"}, {flow.IPv4Dst, "ip_dst"}, {flow.IPv6Src, "ipv6_src"}, {flow.IPv6Dst, "ipv6_dst"}, {flow.IPv6Flabel, "ipv6_label"},
	{flow.IPProto, "nw_proto"}, {flow.IPDSCP, "ip_dscp"}, {flow.IPECN, "nw_ecn"},
	{flow.ARPOp, "arp_op"}, {flow.ARPSpa, "arp_spa"}, {flow.ARPTpa, "arp_tpa"}, {flow.ARPSha, "arp_sha"}, {flow.ARPTha, "arp_tha"},
	{flow.TCPSrc, "tcp_src"}, {flow.TCPDst, "tcp_dst"}, {flow.UDPSrc, "udp_src"}, {flow.UDPDst, "udp_dst"}, {flow.SCTPSrc, "sctp_src"}, {flow.SCTPDst, "sctp_dst"},
	{flow.ICMPv4Type, "icmp_type"}, {flow.ICMPv4Code, "icmp_code"}, {flow.ICMPv6Type, "icmpv6_type"}, {flow.ICMPv6Code, "icmpv6_code"},
	{flow.IPv6NDTarget, "nd_target"}, {flow.IPv6NDSll, "nd_sll"}, {flow.IPv6NDTll, "nd_tll"},
	{flow.InPhyPort, "in_phy_port"}, {flow.PBBISID, "pbb_isid"}, {flow.IPv6Exthdr, "ipv6_exthdr"},
}

// featureBit is each field's bit in a fieldSet.
var featureBit = func() (of [flow.NumFields]fieldSet) {
	for i, f := range featureFields {
		of[f.id] = 1 << i
	}
	return of
}()

// String joins the names of the fields. Neighbours that begin alike stand in
// braces: "eth_{src,dst}".
func (s fieldSet) String() string {
	var names, tails []string
	head := ""
	flush := func() {
		switch len(tails) {
		case 0:
		case 1:
			names = append(names, head+tails[0])
		default:
			names = append(names, head+"{"+strings.Join(tails, ",")+"}")
		}
		tails = nil
	}
	for i, f := range featureFields {
		if s&(1<<i) == 0 {
			continue
		}
		n := strings.IndexByte(f.name, '_') + 1
		if f.name[:n] != head || n == 0 {
			flush()
		}
		head, tails = f.name[:n], append(tails, f.name[n:])
	}
	flush()
	return strings.Join(names, " ")
}

// actionFeatures are what Write-Actions or Apply-Actions can do.
type actionFeatures struct {
	actions   uint32 // bits 1<<ofp.ActionOutput...
	setFields fieldSet
}

// instructionFeatures are what flows, or table misses, can do.
type instructionFeatures struct {
	next         [4]uint64 // bits by table
	instructions uint32    // bits 1<<ofp.InstrGotoTable...
	write, apply actionFeatures
}

// tableFeatures is ofp.TableFeatures in a form that can be compared.
type tableFeatures struct {
	metadataMatch, metadataWrite uint64
	maxEntries                   uint32
	flows, miss                  instructionFeatures
	match, mask, wildcard        fieldSet
}

// readTableFeatures gathers the properties. One about misses that is left out is
// as the one about flows.
func readTableFeatures(t *ofp.TableFeatures) (f tableFeatures) {
	f.metadataMatch, f.metadataWrite, f.maxEntries = t.MetadataMatch, t.MetadataWrite, t.MaxEntries
	property := func(is ofp.TablePropertyType) *ofp.TableProperty {
		p := t.Property(is)
		if p == nil && is&1 != 0 {
			p = t.Property(is - 1)
		}
		if p == nil {
			p = new(ofp.TableProperty)
		}
		return p
	}
	for i, in := range []*instructionFeatures{&f.flows, &f.miss} {
		miss := ofp.TablePropertyType(i)
		in.instructions = idBits(property(ofp.TableInstructions + miss))
		for _, n := range property(ofp.TableNextTables + miss).Tables {
			in.next[n/64] |= 1 << (n % 64)
		}
		in.write = actionFeatures{idBits(property(ofp.TableWriteActions + miss)), fieldBits(property(ofp.TableWriteSetField+miss), nil)}
		in.apply = actionFeatures{idBits(property(ofp.TableApplyActions + miss)), fieldBits(property(ofp.TableApplySetField+miss), nil)}
	}
	f.match = fieldBits(property(ofp.TableMatch), &f.mask)
	f.wildcard = (fieldBits(property(ofp.TableWildcards), nil) | f.mask) & f.match
	return f
}

// like says whether table can do the same as the one before it, of which f is. As in
// ovs-ofctl, which fields can be masked or left out does not count, nor that no
// table goes to itself.
func (f *tableFeatures) like(g *tableFeatures, table ofp.TableID) bool {
	h, e := *g, *f
	h.mask, h.wildcard = e.mask, e.wildcard
	for _, in := range []*instructionFeatures{&e.flows, &e.miss, &h.flows, &h.miss} {
		in.next[table/64] &^= 1 << (table % 64)
	}
	return e == h
}

// idBits are the bits of the types of actions or instructions; an experimenter's
// have none.
func idBits(p *ofp.TableProperty) (set uint32) {
	for _, id := range p.IDs {
		if id.Type < 32 {
			set |= 1 << id.Type
		}
	}
	return set
}

// fieldBits are the bits of the fields, and in mask of those that can be masked.
func fieldBits(p *ofp.TableProperty, mask *fieldSet) (set fieldSet) {
	for _, id := range p.Fields {
		f := id.Field()
		if f == nil {
			continue
		}
		set |= featureBit[f.ID]
		if id.HasMask && mask != nil {
			*mask |= featureBit[f.ID]
		}
	}
	return set
}

// TableFeaturesPrinter prints the features of tables one after the other, and of
// tables that are as the one before only that. The zero value is ready for use.
type TableFeaturesPrinter struct {
	prev        *tableFeatures
	first, last ofp.TableID // the run of equal tables without names not printed yet
	pending     bool
}

// Add takes the next table and gives the text that is ready to be printed. It
// begins with a newline, and has none at the end after a "ditto".
func (p *TableFeaturesPrinter) Add(t *ofp.TableFeatures) string {
	f := readTableFeatures(t)
	same := p.prev != nil && p.prev.like(&f, t.Table)
	before := p.prev
	p.prev = &f
	if same && t.Name == "" {
		if !p.pending {
			p.first = t.Table
		}
		p.last, p.pending = t.Table, true
		return ""
	}
	var b strings.Builder
	b.WriteString(p.Flush())
	fmt.Fprintf(&b, "\n  table %d", t.Table)
	if t.Name != "" {
		fmt.Fprintf(&b, " (\"%s\")", printable(t.Name))
	}
	b.WriteByte(':')
	if same {
		return b.String() + " ditto"
	}
	b.WriteByte('\n')
	f.format(&b, before)
	return b.String()
}

// Flush gives the text of a run that has ended.
func (p *TableFeaturesPrinter) Flush() string {
	if !p.pending {
		return ""
	}
	p.pending = false
	if p.first == p.last {
		return fmt.Sprintf("\n  table %d: ditto\n", p.first)
	}
	return fmt.Sprintf("\n  tables %d...%d: ditto\n", p.first, p.last)
}

// format prints what is not as in prev, which may be nil.
func (f *tableFeatures) format(b *strings.Builder, prev *tableFeatures) {
	if f.metadataMatch != 0 || f.metadataWrite != 0 {
		fmt.Fprintf(b, "    metadata: match=%s write=%s\n", altHex(f.metadataMatch), altHex(f.metadataWrite))
	}
	if f.maxEntries != 0 {
		fmt.Fprintf(b, "    max_entries=%d\n", f.maxEntries)
	}
	var prevFlows, prevMiss *instructionFeatures
	if prev != nil {
		prevFlows, prevMiss = &prev.flows, &prev.miss
	}
	switch {
	case prev != nil && f.flows == prev.flows && f.miss == prev.miss:
		if f.flows != (instructionFeatures{}) {
			b.WriteString("    (same instructions)\n")
		}
	case f.flows != f.miss:
		b.WriteString("    instructions (other than table miss):\n")
		f.flows.format(b, prevFlows)
		b.WriteString("    instructions (table miss):\n")
		f.miss.format(b, prevMiss)
	case f.flows != (instructionFeatures{}):
		b.WriteString("    instructions (table miss and others):\n")
		f.flows.format(b, prevFlows)
	}
	if f.match == 0 {
		return
	}
	if prev != nil && f.match == prev.match {
		b.WriteString("    (same matching)\n")
		return
	}
	b.WriteString("    matching:\n")
	for _, part := range []struct {
		how    string
		fields fieldSet
	}{
		{"arbitrary mask", f.mask},
		{"exact match or wildcard", f.wildcard &^ f.mask},
		{"must exact match", f.match &^ f.wildcard &^ f.mask},
	} {
		if part.fields != 0 {
			fmt.Fprintf(b, "      %s: %v\n", part.how, part.fields)
		}
	}
}

// format prints what is not as in prev, which may be nil.
func (in *instructionFeatures) format(b *strings.Builder, prev *instructionFeatures) {
	if in.next != [4]uint64{} {
		b.WriteString("      next tables: " + tableRanges(in.next) + "\n")
	}
	if in.instructions != 0 {
		if prev != nil && in.instructions == prev.instructions {
			b.WriteString("      (same instructions)\n")
		} else {
			b.WriteString("      instructions: " + instructionNames(in.instructions) + "\n")
		}
	}
	switch {
	case prev != nil && in.write == prev.write && in.apply == prev.apply && in.write.setFields != 0:
		b.WriteString("      (same actions)\n")
	case in.write != in.apply:
		b.WriteString("      Write-Actions features:\n")
		in.write.format(b)
		b.WriteString("      Apply-Actions features:\n")
		in.apply.format(b)
	case in.write != (actionFeatures{}):
		b.WriteString("      Write-Actions and Apply-Actions features:\n")
		in.write.format(b)
	}
}

func (a *actionFeatures) format(b *strings.Builder) {
	if a.actions != 0 {
		b.WriteString("        actions: " + actionNames(a.actions) + "\n")
	}
	if a.setFields != 0 {
		fmt.Fprintf(b, "        supported on Set-Field: %v\n", a.setFields)
	}
}

// tableRanges lists the tables whose bits are set: "1-3,5".
func tableRanges(set [4]uint64) string {
	has := func(n int) bool { return n < 256 && set[n/64]&(1<<(n%64)) != 0 }
	var parts []string
	for n := 0; n < 256; n++ {
		if !has(n) {
			continue
		}
		last := n
		for has(last + 1) {
			last++
		}
		if last == n {
			parts = append(parts, fmt.Sprint(n))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", n, last))
		}
		n = last
	}
	return strings.Join(parts, ",")
}

// instructionNames lists the types of instructions whose bits are set, in the
// order of their execution.
func instructionNames(set uint32) string {
	var names []string
	for _, in := range instructionOrder {
		if set&(1<<in.typ) != 0 {
			names = append(names, in.name)
			set &^= 1 << in.typ
		}
	}
	return strings.Join(names, " ")
}
