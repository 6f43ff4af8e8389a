package bridge

import "ofswitch/ofp"

// bufferRefusals are about buffers of a switch that has some.
func bufferRefusals(r *refusalRig) []refusal {
	id := r.usedBuffer()
	out := &ofp.PacketOut{BufferID: id, InPort: 1}
	mod := flowOf("add actions=output:1")
	mod.BufferID = id
	never := &ofp.PacketOut{BufferID: id ^ 1<<31, InPort: 1}
	return []refusal{
		{ofp.BadRequestBufferEmpty, "packet-out of a used buffer", nil, encoded(out), nil},
		{ofp.BadRequestBufferEmpty, "flow-mod of a used buffer", nil, encoded(mod), nil},
		{ofp.BadRequestBufferUnknown, "packet-out of a cookie never given", nil, encoded(never), nil},
	}
}

// usedBuffer gives the rig buffers, uses one of them and returns its id. A rig that
// is no switch, for the names of the rows alone, has none.
func (r *refusalRig) usedBuffer() uint32 {
	if r.sw == nil {
		return 0
	}
	r.t.Helper()
	r.sw.bridges["br0"].of.SetPacketBuffers(4)
	c := r.dial()
	defer c.nc.Close()
	c.must(&ofp.SetConfig{MissSendLen: 128}, flowOf("add actions=CONTROLLER:10"))
	if r.devices[0].InjectBytes(unhex(udpHex)) != 1 {
		r.t.Fatal("port 1 takes no frame")
	}
	var in *ofp.PacketIn
	for in == nil {
		h, msg := c.read()
		m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
		if err != nil {
			r.t.Fatal(err)
		}
		in, _ = m.(*ofp.PacketIn)
	}
	c.must(&ofp.PacketOut{BufferID: in.BufferID, InPort: 1})
	r.clean()
	return in.BufferID
}
