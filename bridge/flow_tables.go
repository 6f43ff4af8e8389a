package bridge

import (
	"strconv"
	"strings"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// applyFlowTables sets the limits and names of the flow tables.
func (lb *liveBridge) applyFlowTables() {
	if len(lb.conf.FlowTables) == 0 && !lb.limited {
		return
	}
	tables := map[ofp.TableID]flowtable.TableConfig{}
	for id, t := range lb.conf.FlowTables {
		c := flowtable.TableConfig{Name: t.Name, Limit: int(t.Limit), Limited: t.Limited, Evict: t.Evict}
		if len(c.Name) > maxTableName {
			c.Name = c.Name[:maxTableName]
		}
		for _, g := range t.Groups {
			c.Groups = append(c.Groups, parseSubfield(g)...)
		}
		tables[ofp.TableID(id)] = c
	}
	lb.limited = len(tables) > 0
	lb.of.SetTableConfig(tables)
}

// maxTableName is how much of a table's name fits into its features (OpenFlow 1.3.5
// §7.3.5.5.2), in bytes.
const maxTableName = 31

// nxmNames are the fields whose names in NXM are not those of OXM, and not TCI, which is
// two fields here.
var nxmNames = map[string]flow.ID{
	"IP_TOS": flow.IPDSCP, "IP_SRC": flow.IPv4Src, "IP_DST": flow.IPv4Dst,
	"ICMP_TYPE": flow.ICMPv4Type, "ICMP_CODE": flow.ICMPv4Code, "TUN_ID": flow.TunnelID,
	"IPV6_LABEL": flow.IPv6Flabel, "ND_TARGET": flow.IPv6NDTarget, "ND_SLL": flow.IPv6NDSll, "ND_TLL": flow.IPv6NDTll,
	"MPLS_LABEL": flow.MPLSLabel,
}

// parseSubfield reads "FIELD[]", "FIELD[BIT]" or "FIELD[START..END]", where FIELD is a
// name of NXM, OXM or flow syntax. What it does not know gives nothing, as in Open
// vSwitch (ovs-vswitchd.conf.db(5), table Flow_Table, groups).
func parseSubfield(text string) []flowtable.Subfield {
	name, bits, ok := strings.Cut(text, "[")
	bits, closed := strings.CutSuffix(bits, "]")
	if !ok || !closed {
		return nil
	}
	if name == "NXM_OF_VLAN_TCI" || name == "vlan_tci" {
		return vlanTCI(bits)
	}
	id, ok := fieldNamed(name)
	if !ok {
		return nil
	}
	f := id.Field()
	start, end, ok := parseBits(bits, f.Bits)
	if !ok {
		return nil
	}
	return []flowtable.Subfield{{Field: id, Start: start, Bits: end - start + 1}}
}

// vlanTCI are the parts of VLAN id and priority that bits of a tag's TCI are.
func vlanTCI(bits string) (list []flowtable.Subfield) {
	start, end, ok := parseBits(bits, 16)
	if !ok {
		return nil
	}
	if start <= 12 {
		list = append(list, flowtable.Subfield{Field: flow.VLANVID, Start: start, Bits: min(end, 12) - start + 1})
	}
	if end >= 13 {
		from := max(start, 13)
		list = append(list, flowtable.Subfield{Field: flow.VLANPCP, Start: from - 13, Bits: end - from + 1})
	}
	return list
}

// parseBits reads "", "BIT" or "START..END" of a field of width bits.
func parseBits(bits string, width int) (start, end int, ok bool) {
	if bits == "" {
		return 0, width - 1, true
	}
	first, last, isRange := strings.Cut(bits, "..")
	if !isRange {
		last = first
	}
	start, err := strconv.Atoi(first)
	end, err2 := strconv.Atoi(last)
	return start, end, err == nil && err2 == nil && 0 <= start && start <= end && end < width
}

func fieldNamed(name string) (flow.ID, bool) {
	for _, prefix := range []string{"NXM_OF_", "NXM_NX_", "OXM_OF_"} {
		if short, ok := strings.CutPrefix(name, prefix); ok {
			if id, ok := nxmNames[short]; ok && prefix != "OXM_OF_" {
				return id, true
			}
			for i := range flow.Table {
				if flow.Table[i].Name == short {
					return flow.Table[i].ID, true
				}
			}
		}
	}
	for i := range flow.Table {
		if f := &flow.Table[i]; f.Text == name || f.SetText == name {
			return f.ID, true
		}
	}
	return 0, false
}
