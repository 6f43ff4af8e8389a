package bridge

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"ofswitch/ofp/text"
	"ofswitch/ofswitch"
	"ofswitch/packet"
	"ofswitch/unixctl"
)

// datapathName is the datapath as Open vSwitch's userspace datapath is called.
const datapathName = "netdev@ovs-netdev"

// isDatapath says whether a command's argument names the datapath.
func isDatapath(s string) bool { return s == datapathName || "netdev@"+s == datapathName }

// traceUsage is Open vSwitch's.
const traceUsage = "{[dp_name] odp_flow | bridge br_flow} [OPTIONS...] [-generate|packet]"

// registerTrace adds ofproto/trace and its kin.
func (s *Switch) registerTrace(srv *unixctl.Server) {
	srv.Register("ofproto/trace", traceUsage, 1, 9, func(args []string) (string, error) { return s.trace(args, false) })
	srv.Register("ofproto/trace-packet-out", traceUsage+" actions", 2, 9, func(args []string) (string, error) { return s.trace(args, true) })
}

// traceArgs are the arguments of ofproto/trace.
type traceArgs struct {
	words []string // [bridge or datapath], flow
	query ofswitch.TraceQuery
}

// parseTraceArgs reads them. The actions of a packet-out stand last.
func parseTraceArgs(args []string, packetOut bool) (*traceArgs, string, error) {
	t := &traceArgs{}
	actions := ""
	if packetOut {
		actions = args[len(args)-1]
		args = args[:len(args)-1]
		t.query.PacketOut = true
	}
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-generate" || a == "--generate":
			t.query.Generate = true
		case a == "--names":
			t.query.Names = true
		case a == "--no-names":
			t.query.Names = false
		case a == "-consistent" || a == "--consistent":
			if !packetOut {
				return nil, "", fmt.Errorf("%s: unknown option", a)
			}
			// The tables of one version are always used.
		case a == "--ct-next" || a == "--l7-len" || a == "--l7":
			// Connections are not tracked, and payloads not looked at.
			i++
		case strings.HasPrefix(a, "--ct-next="), strings.HasPrefix(a, "--l7"):
		case strings.HasPrefix(a, "-"):
			return nil, "", fmt.Errorf("%s: unknown option", a)
		default:
			t.words = append(t.words, a)
		}
	}
	// A packet is all that may follow two words, or a datapath flow.
	if n := len(t.words); n == 3 || n == 2 && strings.Contains(t.words[0], "(") {
		data, err := parseHex(t.words[n-1])
		if err != nil {
			return nil, "", err
		}
		t.query.Packet, t.words = data, t.words[:n-1]
	}
	switch {
	case len(t.words) > 2:
		return nil, "", errors.New("too many arguments")
	case len(t.words) == 0:
		return nil, "", answer("which flow? %s", traceUsage)
	}
	t.query.Flow = t.words[len(t.words)-1]
	return t, actions, nil
}

// parseHex reads a frame in hexadecimal, in which white space does not count.
func parseHex(s string) ([]byte, error) {
	digits := strings.Join(strings.Fields(s), "")
	if len(digits) > 2*packet.MaxFrame {
		return nil, answer("Packet data too long: %d hexadecimal digits, a frame has %d bytes at most", len(digits), packet.MaxFrame)
	}
	data, err := hex.DecodeString(digits)
	if err != nil {
		return nil, answer("Trailing garbage in packet data: want pairs of hexadecimal digits")
	}
	return data, nil
}

func (s *Switch) trace(args []string, packetOut bool) (string, error) {
	t, actions, err := parseTraceArgs(args, packetOut)
	if err != nil {
		return "", err
	}
	of := (*ofswitch.Bridge)(nil)
	odp := strings.Contains(t.query.Flow, "(")
	switch {
	case len(t.words) == 1 && !odp:
		return "", fmt.Errorf("syntax error at %.200s (or the bridge name was omitted)", t.query.Flow)
	case len(t.words) == 2 && !isDatapath(t.words[0]):
		if of, err = s.bridge(t.words[0]); err != nil {
			return "", fmt.Errorf("%.200s: unknown bridge", t.words[0])
		}
	case !odp:
		return "", fmt.Errorf("%.200s: a flow for a datapath is written in_port(N),eth(...)", t.query.Flow)
	}
	if packetOut {
		if of == nil {
			return "", errors.New("the actions of a packet-out are a bridge's: name the bridge, and the flow as in_port=N")
		}
		names := portNames(of)
		list, err := text.ParseActions(actions, func(name string) (uint32, bool) {
			no, ok := of.FindPort(name)
			return uint32(no), ok && names(uint32(no)) == name
		})
		if err != nil {
			return "", err
		}
		t.query.Actions = list
	}
	var result *ofswitch.Trace
	if of != nil {
		result, err = of.Trace(t.query)
	} else {
		result, err = s.dp.TraceDatapath(t.query)
	}
	if err != nil {
		return "", err
	}
	return result.String(), nil
}
