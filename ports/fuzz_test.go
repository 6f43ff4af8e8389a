package ports

import (
	"testing"

	"ofswitch/packet"
)

// FuzzCapsTakes: any bytes with any offload state are judged without a panic,
// and what is taken has its headers inside the frame. The same state survives
// the virtio-net header.
func FuzzCapsTakes(f *testing.F) {
	for _, s := range []gsoSpec{
		{segs: 2, size: 10}, {v6: true, ext: 2, segs: 2, size: 10}, {udp: true, segs: 2, size: 10},
		{tags: []uint16{packet.TypeQinQ, packet.TypeVLAN}, v6: true, udp: true, segs: 2, size: 10},
	} {
		fr := s.frame()
		o := fr.Offload
		f.Add(fr.Bytes(), o.NeedsCsum, o.GSOType, o.CsumStart, o.CsumOffset, o.HdrLen, o.GSOSize, uint16(1500))
	}
	f.Fuzz(func(t *testing.T, b []byte, needs bool, typ uint8, start, off, hdrLen, size, mtu uint16) {
		fr := packet.FromBytes(b)
		fr.Offload = packet.Offload{NeedsCsum: needs, GSOType: typ, CsumStart: start, CsumOffset: off, HdrLen: hdrLen, GSOSize: size}
		taken := allCaps.Takes(fr, int(mtu))
		if taken && fr.Offload.IsGSO() && int(start)+int(off)+2 > len(b) {
			t.Errorf("taken with its checksum at %d+%d of %d bytes", start, off, len(b))
		}
		var h [vnetLen]byte
		putVnet(h[:], fr)
		var o packet.Offload
		getVnet(h[:], &o)
		if o.NeedsCsum != needs || int(o.HdrLen) > len(b) {
			t.Errorf("header of %+v reads %+v", fr.Offload, o)
		}
		if taken && fr.Offload.IsGSO() && (o.GSOType != typ || o.GSOSize != size || o.CsumStart != start || o.CsumOffset != off) {
			t.Errorf("header of %+v reads %+v", fr.Offload, o)
		}
	})
}
