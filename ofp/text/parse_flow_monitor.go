package text

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// monitorWords are what a flow monitor can leave out.
var monitorWords = []struct {
	word string
	flag ofp.FlowMonitorFlags
}{
	{"!initial", ofp.FlowMonitorInitial},
	{"!add", ofp.FlowMonitorAdd},
	{"!delete", ofp.FlowMonitorDelete},
	{"!modify", ofp.FlowMonitorModify},
	{"!actions", ofp.FlowMonitorActions},
	{"!own", ofp.FlowMonitorOwn},
}

// ParseFlowMonitor reads what stands behind "watch:" in the monitor verb: a match,
// table=N, out_port=PORT, and what is not wanted: "!initial", "!add", "!delete",
// "!modify", "!actions", "!own". The empty text is a monitor of all flows. The
// error is a *flow.ParseError.
func ParseFlowMonitor(s string, ports Resolver) (*ofp.FlowMonitor, error) {
	const events = ofp.FlowMonitorAdd | ofp.FlowMonitorDelete | ofp.FlowMonitorModify
	m := &ofp.FlowMonitor{Table: ofp.TableAll, OutPort: ofp.PortAny}
	for _, w := range monitorWords {
		m.Flags |= w.flag
	}
	var match []string
	for {
		kv, rest, ok, err := nextPair(s)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		s = rest
		switch {
		case strings.HasPrefix(kv.key, "!"):
			flag := monitorFlag(kv)
			if flag == 0 {
				return nil, &flow.ParseError{Field: "watch", Value: kv.text(), Want: "!initial, !add, !delete, !modify, !actions or !own"}
			}
			m.Flags &^= flag
		case kv.key == "table":
			n, err := field(kv.key, kv.value, 0, 254)
			if err != nil {
				return nil, err
			}
			m.Table = ofp.TableID(n)
		case kv.key == "out_port":
			if m.OutPort, err = portValue(kv.key, kv.value, ports); err != nil {
				return nil, err
			}
		case kv.key == "out_group":
			return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "out_port: a flow monitor knows groups from OpenFlow 1.4 on"}
		default:
			match = append(match, kv.text())
		}
	}
	if m.Flags&events == 0 {
		return nil, &flow.ParseError{Field: "watch", Value: fmt.Sprint(m.Flags), Want: "one of add, delete and modify at least"}
	}
	var err error
	m.Match, err = flow.ParseMatchPorts(strings.Join(match, ","), ports)
	return m, err
}

func monitorFlag(kv pair) ofp.FlowMonitorFlags {
	for _, w := range monitorWords {
		if kv.key == w.word && kv.sep == 0 {
			return w.flag
		}
	}
	return 0
}
