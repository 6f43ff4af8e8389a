package main

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// flowKey is what tells flows apart (OpenFlow 1.3.5 §5.2).
type flowKey struct {
	table    ofp.TableID
	priority uint16
	match    flow.Match
}

// flowSet is a set of flows.
type flowSet map[flowKey]*ofp.FlowMod

func (s flowSet) add(fm *ofp.FlowMod) {
	s[flowKey{fm.Table, fm.Priority, fm.Match}] = fm
}

// keysOf lists the keys of both sets: by table, falling priority and match.
func keysOf(a, b flowSet) []flowKey {
	type named struct {
		flowKey
		name string // the match as text: a hash of a key costs more than a comparison of names
	}
	list := make([]named, 0, max(len(a), len(b)))
	for k := range a {
		list = append(list, named{k, k.match.String()})
	}
	for k := range b {
		if a[k] == nil {
			list = append(list, named{k, k.match.String()})
		}
	}
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(b.priority, a.priority), strings.Compare(a.name, b.name))
	})
	keys := make([]flowKey, len(list))
	for i, n := range list {
		keys[i] = n.flowKey
	}
	return keys
}

// sameFlow says whether two flows with the same key are alike: cookie, timeouts
// and instructions. Flags do not count, as with ovs-ofctl: a switch need not give
// back all of them.
func sameFlow(a, b *ofp.FlowMod) bool {
	return a.Cookie == b.Cookie && a.IdleTimeout == b.IdleTimeout && a.HardTimeout == b.HardTimeout &&
		text.FormatInstructions(&a.Instructions, text.Options{}) == text.FormatInstructions(&b.Instructions, text.Options{})
}

// fileFlows reads a file of flows to be added.
func (e *env) fileFlows(name string, ports text.Resolver, tables text.TableResolver) (flowSet, error) {
	lines, err := readFlows(e.in, name, text.ParseOptions{Command: ofp.FlowAdd, Ports: ports, Tables: tables})
	if err != nil {
		return nil, err
	}
	set := make(flowSet, len(lines))
	for _, l := range lines {
		set.add(l.fm)
	}
	return set, nil
}

// switchFlows asks a switch for all its flows.
func (s *session) switchFlows() (flowSet, error) {
	set := make(flowSet)
	all := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	err := s.eachFlow(all, func(f *ofp.FlowStats) error {
		set.add(&ofp.FlowMod{
			Command: ofp.FlowAdd, Table: f.Table, Priority: f.Priority, Match: f.Match, Cookie: f.Cookie,
			IdleTimeout: f.IdleTimeout, HardTimeout: f.HardTimeout, Flags: f.Flags, Instructions: f.Instructions,
			BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
		})
		return nil
	})
	return set, err
}

// isFile says whether a source of flows is a file: what begins with "/" or "."
// is one, what holds ":" is not, and "-" is the standard input; else, if there is one.
func isFile(name string) (bool, error) {
	switch {
	case name == "-" || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "."):
		return true, nil
	case strings.Contains(name, ":"):
		return false, nil
	}
	_, err := os.Stat(name)
	if err == nil {
		return true, nil
	}
	if os.IsNotExist(err) {
		return false, nil
	}
	return false, fmt.Errorf("%s: %w", name, err.(*fs.PathError).Err)
}
