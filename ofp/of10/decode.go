package of10

import (
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// shape says how long a body may be: min bytes, and with more any number above.
type shape struct {
	min  int
	more bool
}

func (s shape) check(what string, n int) error {
	if n == s.min || s.more && n > s.min {
		return nil
	}
	least := ""
	if s.more {
		least = "at least "
	}
	return ofp.BadRequestBadLen.Errorf("%s of %d bytes, want %s%d", what, ofp.HeaderLen+n, least, ofp.HeaderLen+s.min)
}

// decoders has, by type, what a controller may send.
var decoders = map[ofp.Type]struct {
	shape  shape
	decode func(c *Codec, b []byte) (ofp.Message, error)
}{
	ofp.TypeHello:             {shape{0, true}, func(*Codec, []byte) (ofp.Message, error) { return &ofp.Hello{}, nil }},
	ofp.TypeError:             {shape{4, true}, decodeError},
	ofp.TypeEchoRequest:       {shape{0, true}, func(_ *Codec, b []byte) (ofp.Message, error) { return &ofp.EchoRequest{Data: octets.Clone(b)}, nil }},
	ofp.TypeEchoReply:         {shape{0, true}, func(_ *Codec, b []byte) (ofp.Message, error) { return &ofp.EchoReply{Data: octets.Clone(b)}, nil }},
	typeVendor:                {shape{4, true}, decodeVendor},
	ofp.TypeFeaturesRequest:   {shape{}, func(*Codec, []byte) (ofp.Message, error) { return &ofp.FeaturesRequest{}, nil }},
	ofp.TypeGetConfigRequest:  {shape{}, func(*Codec, []byte) (ofp.Message, error) { return &ofp.GetConfigRequest{}, nil }},
	ofp.TypeSetConfig:         {shape{4, false}, decodeSetConfig},
	typePacketOut:             {shape{8, true}, decodePacketOut},
	typeFlowMod:               {shape{matchLen + 24, true}, decodeFlowMod},
	typePortMod:               {shape{24, false}, decodePortMod},
	typeStatsRequest:          {shape{4, true}, decodeStats},
	typeBarrierRequest:        {shape{}, func(*Codec, []byte) (ofp.Message, error) { return &ofp.BarrierRequest{}, nil }},
	typeQueueGetConfigRequest: {shape{4, false}, decodeQueueGetConfig},
}

// Decode reads the body of a message, of which h is the header as it stands on
// the wire. Messages that only a switch sends are refused with BAD_TYPE.
func (c *Codec) Decode(h ofp.Header, body []byte) (ofp.Message, error) {
	d, ok := decoders[h.Type]
	if !ok {
		return nil, ofp.BadRequestBadType.Errorf("message type %d of OpenFlow 1.0 is not for a switch to receive", uint8(h.Type))
	}
	if err := d.shape.check(toType[h.Type].String(), len(body)); err != nil {
		return nil, err
	}
	return d.decode(c, body)
}

func decodeError(_ *Codec, b []byte) (ofp.Message, error) {
	return &ofp.ErrorMsg{ErrType: ofp.ErrorType(be.Uint16(b)), Code: be.Uint16(b[2:]), Data: octets.Clone(b[4:])}, nil
}

func decodeSetConfig(_ *Codec, b []byte) (ofp.Message, error) {
	return &ofp.SetConfig{Flags: be.Uint16(b), MissSendLen: be.Uint16(b[2:])}, nil
}

func decodePacketOut(_ *Codec, b []byte) (ofp.Message, error) {
	n := int(be.Uint16(b[6:]))
	if n > len(b)-8 {
		return nil, ofp.BadRequestBadLen.Errorf("packet-out says %d bytes of actions, %d bytes follow", n, len(b)-8)
	}
	ins, err := decodeActions(b[8:8+n], nil)
	if err != nil {
		return nil, err
	}
	return &ofp.PacketOut{
		Legacy:   true,
		BufferID: be.Uint32(b),
		InPort:   portIn(be.Uint16(b[4:])),
		Actions:  ins.Apply,
		Data:     octets.Clone(b[8+n:]),
	}, nil
}

// Flow-mod flags (OpenFlow 1.0.0 §5.3.3). Two are those of OpenFlow 1.3.
const flagEmergency = 1 << 2

// flowMod is what a flow-mod has besides match and actions: 24 bytes, in the
// Nicira extension 32.
func (c *Codec) flowMod(b []byte) (*ofp.FlowMod, error) {
	m := &ofp.FlowMod{
		Legacy:      true,
		NewCookie:   be.Uint64(b),
		Table:       ofp.TableAll,
		IdleTimeout: be.Uint16(b[10:]),
		HardTimeout: be.Uint16(b[12:]),
		Priority:    be.Uint16(b[14:]),
		BufferID:    be.Uint32(b[16:]),
		OutPort:     portIn(be.Uint16(b[20:])),
		OutGroup:    ofp.GroupAny,
	}
	command := be.Uint16(b[8:])
	if c.tableID {
		m.Table = ofp.TableID(command >> 8)
		command &= 0xff
	}
	if command > ofp.FlowDeleteStrict {
		return nil, ofp.FlowModFailedBadCommand.Errorf("flow-mod command %d, want 0 to 4", command)
	}
	m.Command = uint8(command)
	flags := be.Uint16(b[22:])
	if flags&flagEmergency != 0 {
		// There is no cache of entries for emergencies; OpenFlow 1.0.0 has this
		// code for one that is full.
		return nil, ofp.FlowModFailedTableFull.Errorf("flow-mod flags %#x: emergency entries are not supported", flags)
	}
	m.Flags = ofp.FlowFlags(flags)
	if m.Flags&^(ofp.FlowSendFlowRem|ofp.FlowCheckOverlap) != 0 {
		return nil, ofp.FlowModFailedBadFlags.Errorf("flow-mod flags %#x do not exist in OpenFlow 1.0", flags)
	}
	if m.Command == ofp.FlowAdd {
		m.Cookie = m.NewCookie
		if m.Table == ofp.TableAll {
			m.Table = 0
		}
		// The counters of an entry that is replaced begin anew (OpenFlow 1.0.0 §4.6).
		m.Flags |= ofp.FlowResetCounts
	}
	return m, nil
}

// actions reads a flow-mod's actions, which deletions do not look at.
func (c *Codec) actions(m *ofp.FlowMod, b []byte) (err error) {
	if m.Command == ofp.FlowDelete || m.Command == ofp.FlowDeleteStrict {
		return nil
	}
	m.Instructions, err = decodeActions(b, &m.Match)
	return err
}

func decodeFlowMod(c *Codec, b []byte) (ofp.Message, error) {
	m, err := c.flowMod(b[matchLen:])
	if err != nil {
		return nil, err
	}
	m.Match = decodeMatch(b)
	if err := c.actions(m, b[matchLen+24:]); err != nil {
		return nil, err
	}
	return m, nil
}

func decodePortMod(_ *Codec, b []byte) (ofp.Message, error) {
	m := &ofp.PortMod{Port: portIn(be.Uint16(b)), HWAddr: [6]byte(b[2:8])}
	config, mask := be.Uint32(b[8:]), be.Uint32(b[12:])
	if bad := (config | mask) &^ portConfigAll; bad != 0 {
		return nil, ofp.PortModFailedBadConfig.Errorf("port-mod: unknown configuration bits %#x", bad)
	}
	// Spanning tree is not ours: its two bits are accepted and mean nothing, as
	// with Open vSwitch.
	m.Config = ofp.PortConfig(config) & ofp.PortConfigAll
	m.Mask = ofp.PortConfig(mask) & ofp.PortConfigAll
	m.SetNoFlood, m.NoFlood = mask&portNoFlood != 0, config&portNoFlood != 0
	m.Advertise = featuresIn(be.Uint32(b[16:]))
	return m, nil
}

func decodeQueueGetConfig(_ *Codec, b []byte) (ofp.Message, error) {
	return &ofp.QueueGetConfigRequest{Port: portIn(be.Uint16(b))}, nil
}

// decodeVendor reads a message of a vendor: Nicira's that are known here, others
// as package ofp does.
func decodeVendor(c *Codec, b []byte) (ofp.Message, error) {
	if len(b) < vendorHeaderLen {
		if id := be.Uint32(b); id != ofp.ExperimenterNicira && id != ofp.ExperimenterONF {
			return nil, ofp.BadRequestBadExperimenter.Errorf("message of vendor %#x is not known", id)
		}
		return nil, shape{vendorHeaderLen, true}.check("vendor message", len(b))
	}
	id, subtype, body := be.Uint32(b), be.Uint32(b[4:]), b[vendorHeaderLen:]
	if id != ofp.ExperimenterNicira {
		return &ofp.Experimenter{Experimenter: id, ExpType: subtype, Data: octets.Clone(body)}, nil
	}
	length := func(n int, more bool) error {
		if err := (shape{n, more}).check("message of Nicira", len(body)); err != nil {
			return ofp.BadRequestBadLen.Errorf("message %d of Nicira has %d bytes, want %d behind its type", subtype, len(body), n)
		}
		return nil
	}
	switch subtype {
	case nxtSetFlowFormat:
		if err := length(4, false); err != nil {
			return nil, err
		}
		return &SetFlowFormat{Format: be.Uint32(body)}, nil
	case nxtFlowModTableID:
		if err := length(8, false); err != nil {
			return nil, err
		}
		return &FlowModTableID{On: body[0] != 0}, nil
	case nxtSetControllerID:
		if err := length(8, false); err != nil {
			return nil, err
		}
		return &SetControllerID{ID: be.Uint16(body[6:])}, nil
	case nxtFlowAge:
		if err := length(0, false); err != nil {
			return nil, err
		}
		return &FlowAge{}, nil
	case nxtSetPacketInFormat:
		if err := length(4, false); err != nil {
			return nil, err
		}
		return &ofp.SetPacketInFormat{Format: be.Uint32(body)}, nil
	case nxtRoleRequest:
		if err := length(4, false); err != nil {
			return nil, err
		}
		// Other, master, slave; without a generation.
		role := be.Uint32(body)
		if role > 2 {
			return nil, ofp.RoleRequestFailedBadRole.Errorf("role %d does not exist", role)
		}
		return &ofp.RoleRequest{Role: ofp.Role(role + 1), NoGeneration: true}, nil
	case nxtSetAsyncConfig:
		if err := length(24, false); err != nil {
			return nil, err
		}
		return decodeAsync(body), nil
	case nxtSetAsyncConfig2:
		return decodeAsync2(body)
	case nxtFlowMod:
		return c.decodeNXFlowMod(body)
	case nxtGroupMod:
		return decodeGroupMod(body)
	}
	return &ofp.Experimenter{Experimenter: id, ExpType: subtype, Data: octets.Clone(body)}, nil
}

func decodeAsync(b []byte) *ofp.SetAsync {
	pair := func(at int) [2]uint32 { return [2]uint32{be.Uint32(b[at:]), be.Uint32(b[at+4:])} }
	return &ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{PacketIn: pair(0), PortStatus: pair(8), FlowRemoved: pair(16)}}
}

// nxFlowModLen is the length of nx_flow_mod behind its type, without match.
const nxFlowModLen = 32

func (c *Codec) decodeNXFlowMod(b []byte) (ofp.Message, error) {
	if len(b) < nxFlowModLen {
		return nil, ofp.BadRequestBadLen.Errorf("flow-mod of Nicira has %d bytes, want at least %d behind its type", len(b), nxFlowModLen)
	}
	m, err := c.flowMod(b)
	if err != nil {
		return nil, err
	}
	nm, rest, err := decodeNXMatch(b[nxFlowModLen:], int(be.Uint16(b[24:])))
	if err != nil {
		return nil, err
	}
	m.Match = nm.match
	if nm.cookieMask != 0 {
		if m.Command == ofp.FlowAdd {
			return nil, ofp.BadMatchBadField.Errorf("a cookie in the match of a flow-mod that adds")
		}
		m.Cookie, m.CookieMask = nm.cookie, nm.cookieMask
	}
	if err := c.actions(m, rest); err != nil {
		return nil, err
	}
	return m, nil
}

// decodeStats reads a statistics request.
func decodeStats(c *Codec, b []byte) (ofp.Message, error) {
	m := &ofp.MultipartRequest{Kind: be.Uint16(b), Flags: be.Uint16(b[2:])}
	b = b[4:]
	want := func(n int) error { return shape{4 + n, false}.check(ofp.MultipartName(m.Kind)+" request", 4+len(b)) }
	stats := formStandard
	switch m.Kind {
	case ofp.MultipartDesc, ofp.MultipartTable:
		if err := want(0); err != nil {
			return nil, err
		}
	case ofp.MultipartPortDesc: // of later versions, and Open vSwitch's here
	case ofp.MultipartFlow, ofp.MultipartAggregate:
		if err := want(matchLen + 4); err != nil {
			return nil, err
		}
		m.Body = &ofp.FlowStatsRequest{
			Match:    decodeMatch(b),
			Table:    ofp.TableID(b[40]),
			OutPort:  portIn(be.Uint16(b[42:])),
			OutGroup: ofp.GroupAny,
		}
	case ofp.MultipartPortStats:
		if err := want(8); err != nil {
			return nil, err
		}
		m.Body = &ofp.PortStatsRequest{Port: portIn(be.Uint16(b))}
	case ofp.MultipartQueue:
		if err := want(8); err != nil {
			return nil, err
		}
		port := portIn(be.Uint16(b))
		if port == ofp.PortAll {
			port = ofp.PortAny // OpenFlow 1.0.0 §5.3.5 writes all ports so
		}
		m.Body = &ofp.QueueStatsRequest{Port: port, QueueID: be.Uint32(b[4:])}
	case ofp.MultipartExperimenter:
		body, kind, err := decodeNicirastats(b)
		if err != nil {
			return nil, err
		}
		if kind != ofp.MultipartExperimenter {
			stats = formNXM
		}
		m.Kind, m.Body = kind, body
	default:
		return nil, ofp.BadRequestBadMultipart.Errorf("statistics type %d does not exist in OpenFlow 1.0", m.Kind)
	}
	c.stats = stats
	return m, nil
}

// decodeNicirastats reads a vendor's statistics request: the flow and aggregate
// ones of Nicira become those that they stand for.
func decodeNicirastats(b []byte) (ofp.MultipartBody, uint16, error) {
	if len(b) < 4 {
		return nil, 0, ofp.BadRequestBadLen.Errorf("vendor's statistics request of %d bytes, want at least %d", statsHeaderLen+len(b), statsHeaderLen+4)
	}
	if id := be.Uint32(b); id != ofp.ExperimenterNicira {
		return nil, 0, ofp.BadRequestBadExperimenter.Errorf("statistics of vendor %#x are not known", id)
	}
	if len(b) < niciraStatsLen {
		return nil, 0, ofp.BadRequestBadLen.Errorf("Nicira's statistics request of %d bytes, want at least %d", statsHeaderLen+len(b), statsHeaderLen+niciraStatsLen)
	}
	kind := uint16(ofp.MultipartFlow)
	switch t := be.Uint32(b[4:]); t {
	case nxstFlowMonitor:
		body, err := decodeFlowMonitors(b[niciraStatsLen:])
		return body, ofp.MultipartExperimenter, err
	case nxstGroup, nxstGroupDesc, nxstGroupFeatures:
		return decodeGroupStats(t, b[niciraStatsLen:])
	case nxstFlow:
	case nxstAggregate:
		kind = ofp.MultipartAggregate
	default:
		return nil, 0, ofp.BadRequestBadExpType.Errorf("statistics %d of Nicira are not known", t)
	}
	b = b[niciraStatsLen:]
	if len(b) < 8 {
		return nil, 0, ofp.BadRequestBadLen.Errorf("Nicira's flow statistics request has %d bytes behind its type, want at least 8", len(b))
	}
	nm, rest, err := decodeNXMatch(b[8:], int(be.Uint16(b[2:])))
	if err != nil {
		return nil, 0, err
	}
	if len(rest) != 0 {
		return nil, 0, ofp.BadRequestBadLen.Errorf("Nicira's flow statistics request has %d bytes after its match", len(rest))
	}
	return &ofp.FlowStatsRequest{
		Table:      ofp.TableID(b[4]),
		OutPort:    portIn(be.Uint16(b)),
		OutGroup:   ofp.GroupAny,
		Cookie:     nm.cookie,
		CookieMask: nm.cookieMask,
		Match:      nm.match,
	}, kind, nil
}

// decodeGroupStats reads a request about groups: all of them or, but for their
// features, one.
func decodeGroupStats(t uint32, b []byte) (ofp.MultipartBody, uint16, error) {
	want, kind := 8, uint16(ofp.MultipartGroup)
	switch t {
	case nxstGroupDesc:
		kind = ofp.MultipartGroupDesc
	case nxstGroupFeatures:
		want, kind = 0, ofp.MultipartGroupFeatures
	}
	if len(b) != want {
		return nil, 0, ofp.BadRequestBadLen.Errorf("Nicira's request %d about groups has %d bytes behind its type, want %d", t, len(b), want)
	}
	if want == 0 {
		return nil, kind, nil
	}
	return &ofp.GroupStatsRequest{GroupID: be.Uint32(b)}, kind, nil
}

// Port configuration bits of OpenFlow 1.0 (§5.2.1) that are not in 1.3.
const (
	portNoSTP     = 1 << 1
	portNoRecvSTP = 1 << 3
	portNoFlood   = 1 << 4
	portConfigAll = uint32(ofp.PortConfigAll) | portNoSTP | portNoRecvSTP | portNoFlood
)

// featuresIn and featuresOut turn OFPPF_* around: the speeds up to 10 Gbit/s are
// the same bits, what stands above them moved.
func featuresIn(f uint32) uint32  { return f&0x7f | f&0xf80<<4 }
func featuresOut(f uint32) uint32 { return f&0x7f | f>>4&0xf80 }
