package flowtable

import (
	"math/rand/v2"
	"testing"

	"ofswitch/flow"
	"ofswitch/packet"
)

// A match that follows one that was found good is judged as it would be alone.
func TestCheckMatchRemembers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	types := []uint64{packet.TypeIPv4, packet.TypeIPv6, packet.TypeARP, packet.TypeMPLS}
	protos := []uint64{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP, packet.ProtoICMPv6}
	good, bad := 0, 0
	for range 20000 {
		var m flow.Match
		if r.IntN(8) > 0 {
			m.Set(flow.EthType, flow.Value{Lo: types[r.IntN(len(types))]})
		}
		if r.IntN(8) > 0 {
			m.Set(flow.IPProto, flow.Value{Lo: protos[r.IntN(len(protos))]})
		}
		if r.IntN(4) == 0 {
			m.Set(flow.VLANVID, flow.Value{Lo: uint64(r.IntN(2))*flow.VIDPresent | uint64(r.IntN(3))})
			if r.IntN(2) == 0 {
				m.Set(flow.VLANPCP, flow.Value{Lo: uint64(r.IntN(8))})
			}
		}
		for range r.IntN(3) {
			id := []flow.ID{flow.IPv4Src, flow.IPv6Dst, flow.ARPOp, flow.MPLSLabel, flow.TCPSrc, flow.UDPDst, flow.ICMPv6Type, flow.IPv6NDTarget, flow.InPort, flow.InPhyPort}[r.IntN(10)]
			v := flow.Value{Lo: uint64(134 + r.IntN(4))}
			m.Set(id, v)
		}
		switch r.IntN(8) {
		case 0: // bits that the mask lacks
			m.SetMasked(flow.EthSrc, flow.Value{}, flow.Value{Lo: 0xff00})
			m.Value[flow.WEthSrc] |= uint64(r.IntN(2)) << flow.EthSrc.Field().Shift
		case 1: // neighbour discovery hangs on the type of ICMPv6
			m = flow.Match{}
			m.Set(flow.EthType, flow.Value{Lo: packet.TypeIPv6})
			m.Set(flow.IPProto, flow.Value{Lo: packet.ProtoICMPv6})
			m.Set(flow.ICMPv6Type, flow.Value{Lo: uint64(134 + r.IntN(4))})
			m.Set(flow.IPv6NDTarget, flow.Value{Lo: 1})
		}
		err := checkMatch(&m)
		kinds := kindsOf(&m)
		known := goodOf(&kinds).Swap(nil)
		alone := checkMatch(&m)
		goodOf(&kinds).Store(known)
		if (err == nil) != (alone == nil) {
			t.Fatalf("%+v: %v, alone %v", m, err, alone)
		}
		if good++; alone != nil {
			good, bad = good-1, bad+1
		}
	}
	if good < 1000 || bad < 1000 {
		t.Errorf("%d good matches and %d bad ones, want some of each", good, bad)
	}
}
