package text

import (
	"encoding/hex"
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// ParsePacketOut reads a packet-out in one text:
// "in_port=1,packet=0011...,actions=2". Without in_port it comes from the
// controller; without actions the frame is dropped.
func ParsePacketOut(s string, ports Resolver) (*ofp.PacketOut, error) {
	inPort, data, actions := "CONTROLLER", "", ""
	have := false
	for {
		if rest, ok := actionsText(s); ok {
			actions = rest
			break
		}
		kv, rest, ok, err := nextPair(s)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		s = rest
		switch kv.key {
		case "in_port":
			inPort = kv.value
		case "packet":
			data, have = kv.value, true
		default:
			return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "in_port, packet or actions: an OpenFlow 1.3 packet-out has nothing else"}
		}
	}
	if !have {
		return nil, &flow.ParseError{Field: "packet", Want: "packet=HEX, which is missing; write the frame in hexadecimal, and the actions last"}
	}
	return PacketOut(inPort, actions, data, ports)
}

// PacketOut makes a packet-out of its three parts: the port that the frame is
// said to come from, actions, and the frame in hexadecimal, in which white space
// does not count.
//
// Actions whose meaning depends on the frame (mod_tp_src, mod_vlan_vid) are read
// with this frame in mind.
func PacketOut(inPort, actions, data string, ports Resolver) (*ofp.PacketOut, error) {
	port, err := portValue("in_port", inPort, ports)
	if err != nil {
		return nil, err
	}
	frame, err := parseFrame(data)
	if err != nil {
		return nil, err
	}
	p := actionParser{ports: ports, state: frameMatch(frame)}
	list, err := p.list("actions", actions)
	if err != nil {
		return nil, err
	}
	return &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: port, Actions: list, Data: frame}, nil
}

func parseFrame(s string) ([]byte, error) {
	frame, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		return nil, &flow.ParseError{Field: "packet", Value: s, Want: "pairs of hexadecimal digits"}
	}
	if len(frame) < packet.EthernetLen {
		return nil, &flow.ParseError{Field: "packet", Value: s, Want: fmt.Sprintf("an Ethernet frame: at least %d bytes, these are %d", packet.EthernetLen, len(frame))}
	}
	return frame, nil
}

// frameMatch is the match of the frame's kind: tag, EtherType and IP protocol.
func frameMatch(frame []byte) flow.Match {
	h := readHeaders(frame)
	var m flow.Match
	if len(h.tags) > 0 {
		m.Set(flow.VLANVID, flow.Value{Lo: uint64(h.tags[0])&0xfff | flow.VIDPresent})
	}
	m.Set(flow.EthType, flow.Value{Lo: uint64(h.etype)})
	m.Set(flow.IPProto, flow.Value{Lo: uint64(h.proto)})
	return m
}
