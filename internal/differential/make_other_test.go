package differential

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

// any is a message of any kind.
func (r *maker) any() *node {
	n := r.IntN(100)
	if r.calm && n >= 92 && n < 97 {
		n = 0 // roles and filters decide who hears of removals, in Open vSwitch not at once
	}
	switch {
	case n < 42:
		return r.flowMod()
	case n < 54:
		return r.groupMod()
	case n < 63:
		return r.meterMod()
	case n < 83:
		return r.multipart()
	case n < 87:
		return r.packetOut()
	case n < 90:
		return r.portMod()
	case n < 92:
		r.note("table-mod")
		return message(ofp.TypeTableMod, []byte{pick(r.Rand, []byte{0, 1, 253, 255, 254}), 0, 0, 0, 0, 0, 0, byte(r.IntN(4))})
	case n < 94:
		r.note("set-config")
		return message(ofp.TypeSetConfig, be.AppendUint16([]byte{0, byte(r.IntN(2))}, pick(r.Rand, []uint16{0, 128, 0xffff, 0xffe5})))
	case n < 96:
		return r.role()
	case n < 97:
		r.note("set-async")
		m := &ofp.SetAsync{}
		for i := range 2 {
			m.PacketIn[i], m.PortStatus[i], m.FlowRemoved[i] = r.Uint32()&7, r.Uint32()&7, r.Uint32()&15
		}
		return message(ofp.TypeSetAsync, m.Append(nil))
	}
	t := pick(r.Rand, []ofp.Type{ofp.TypeHello, ofp.TypeError, ofp.TypeEchoRequest, ofp.TypeEchoReply, ofp.TypeExperimenter, ofp.TypeFeaturesRequest,
		ofp.TypeGetConfigRequest, ofp.TypeBarrierRequest, ofp.TypeQueueGetConfigRequest, ofp.TypeGetAsyncRequest, ofp.TypeEchoRequest, ofp.TypeQueueGetConfigRequest})
	var body []byte
	switch t {
	case ofp.TypeError:
		body = []byte{0, 1, 0, 2, 1, 2, 3, 4}
	case ofp.TypeEchoRequest, ofp.TypeEchoReply:
		body = make([]byte, r.IntN(20))
	case ofp.TypeExperimenter:
		// An unknown experimenter, and Nicira and ONF with types that they do not have.
		body = be.AppendUint32(nil, pick(r.Rand, []uint32{0x00abcdef, ofp.ExperimenterNicira, ofp.ExperimenterONF}))
		body = be.AppendUint32(body, 9000+uint32(r.IntN(1000)))
	case ofp.TypeQueueGetConfigRequest:
		body = be.AppendUint32(nil, pick(r.Rand, []uint32{1, 2, 99, any32}))
		body = append(body, 0, 0, 0, 0)
	}
	r.note(t.String())
	return message(t, body)
}

func (r *maker) role() *node {
	r.note("role")
	m := &ofp.RoleRequest{Role: pick(r.Rand, []ofp.Role{0, 0, 1, 1, 2, 3}), GenerationID: 1 << 40}
	if r.in(8) {
		m.GenerationID = pick(r.Rand, []uint64{0, 1<<40 - 1, 1<<64 - 1})
	}
	return message(ofp.TypeRoleRequest, m.Append(nil))
}

func (r *maker) portMod() *node {
	r.note("port-mod")
	no := r.IntN(3)
	m := &ofp.PortMod{Port: ofp.PortNo(no + 1), HWAddr: r.macs[no], Mask: pick(r.Rand, []ofp.PortConfig{0, 1 << 2, 1 << 5, 1 << 6, 0x64})}
	m.Config = m.Mask
	if r.in(2) {
		m.Config = 0
	}
	return message(ofp.TypePortMod, m.Append(nil))
}

// udp is a frame.
var udp = []byte{2, 0, 0, 0, 0, 0x72, 2, 0, 0, 0, 0, 0x71, 8, 0,
	0x45, 0, 0, 0x20, 0, 0, 0, 0, 64, 17, 0x66, 0xcb, 10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 7, 0xd0, 0, 12, 0, 0, 1, 2, 3, 4}

func (r *maker) packetOut() *node {
	r.note("packet-out")
	b := be.AppendUint32(nil, ofp.NoBuffer)
	b = be.AppendUint32(b, pick(r.Rand, []uint32{1, 2, uint32(ofp.PortController), uint32(ofp.PortController), uint32(ofp.PortLocal)}))
	n := message(ofp.TypePacketOut, append(b, 0, 0, 0, 0, 0, 0, 0, 0))
	list := leaf("list", nil)
	if !r.in(6) {
		list.kids = r.actions(known{flow.EthType: 0x800, flow.IPProto: 17})
	}
	n.kids = []*node{list, leaf("frame", udp)}
	list.before = 8
	return n
}

// multipart is a request of any kind.
func (r *maker) multipart() *node {
	kind := pick(r.Rand, []uint16{0, 1, 1, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 9, 9, 10, 10, 11, 13})
	r.note("multipart " + ofp.MultipartName(kind))
	n := message(ofp.TypeMultipartRequest, be.AppendUint16(nil, kind))
	n.head = append(n.head, 0, 0, 0, 0, 0, 0)
	add := func(v uint32) { n.head = be.AppendUint32(n.head, v) }
	switch kind {
	case ofp.MultipartFlow, ofp.MultipartAggregate:
		n.head = append(n.head, pick(r.Rand, []byte{0, 1, 253, 255, 255, 255}), 0, 0, 0)
		port, group := uint32(any32), uint32(any32)
		if r.in(4) {
			port = pick(r.Rand, outPorts)
		}
		if r.in(4) {
			group = uint32(r.IntN(6) + 1)
		}
		add(port)
		add(group)
		add(0)
		cookie, mask := uint64(0), uint64(0)
		if r.in(4) {
			cookie, mask = uint64(r.world)<<32|uint64(r.IntN(4)), 3
		}
		n.head = be.AppendUint64(be.AppendUint64(n.head, cookie), mask)
		m, _ := r.match()
		n.kids = []*node{m}
	case ofp.MultipartPortStats:
		add(pick(r.Rand, []uint32{1, 2, 3, any32, uint32(ofp.PortLocal)}))
		add(0)
	case ofp.MultipartQueue:
		add(pick(r.Rand, []uint32{1, 2, 99, any32}))
		add(any32)
	case ofp.MultipartGroup:
		add(pick(r.Rand, []uint32{1, 2, 3, 99, ofp.GroupAll}))
		add(0)
	case ofp.MultipartMeter, ofp.MultipartMeterConfig:
		add(pick(r.Rand, []uint32{1, 2, 3, 99, ofp.MeterAll}))
		add(0)
	}
	return n
}
