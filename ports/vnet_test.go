package ports

import (
	"bytes"
	"testing"

	"ofswitch/packet"
)

func TestVnetRoundTrip(t *testing.T) {
	for _, f := range []*packet.Frame{
		gsoTCP4(t, 3, 1000),
		gsoSpec{v6: true, segs: 2, size: 500, gsoType: packet.GSOTCPv6 | packet.GSOECN}.frame(),
		gsoSpec{udp: true, segs: 2, size: 500}.frame(),
		packet.FromBytes(make([]byte, 60)),
	} {
		var h [vnetLen]byte
		for i := range h {
			h[i] = 0xee
		}
		putVnet(h[:], f)
		o := packet.Offload{CsumStart: 0xffff, GSOSize: 1}
		getVnet(h[:], &o)
		if o != f.Offload {
			t.Errorf("got %+v, want %+v", o, f.Offload)
		}
	}
}

func TestVnetHeader(t *testing.T) {
	for _, tc := range []struct {
		name string
		o    packet.Offload
		n    int
		want packet.Offload // as the kernel would read it
	}{
		{"checksum only", packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 6}, 60,
			packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 6}},
		{"checked on reception: not promised to others", packet.Offload{CsumValid: true}, 60, packet.Offload{}},
		{"header length of the whole linear part", packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 16, GSOType: 1, GSOSize: 100, HdrLen: 4000}, 5000,
			packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 16, GSOType: 1, GSOSize: 100, HdrLen: maxHdrLen}},
		{"header length missing", packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 16, GSOType: 1, GSOSize: 100}, 5000,
			packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 16, GSOType: 1, GSOSize: 100, HdrLen: 54}},
		{"header length beyond the frame", packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 16, GSOType: 1, GSOSize: 10, HdrLen: 90}, 70,
			packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 16, GSOType: 1, GSOSize: 10, HdrLen: 70}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := packet.FromBytes(make([]byte, tc.n))
			f.Offload = tc.o
			var h [vnetLen]byte
			putVnet(h[:], f)
			var o packet.Offload
			getVnet(h[:], &o)
			if o != tc.want {
				t.Errorf("got %+v, want %+v", o, tc.want)
			}
		})
	}
}

func TestRestoreVLAN(t *testing.T) {
	f := gsoTCP4(t, 2, 100)
	tagged := gsoSpec{tags: []uint16{packet.TypeQinQ}, segs: 2, size: 100}.frame()
	buf := make([]byte, slotFrame+f.Len())
	copy(buf[slotFrame:], f.Bytes())
	o := f.Offload
	start := restoreVLAN(buf, slotFrame, &o, packet.TypeQinQ, 100)
	if start != packet.Headroom {
		t.Errorf("frame starts at %d, want %d of headroom", start, packet.Headroom)
	}
	got := buf[start:]
	if n := tagged.Bytes()[18:]; !bytes.Equal(got[:18], tagged.Bytes()[:18]) || len(got) != tagged.Len() || !bytes.Equal(got[18:], n) {
		t.Errorf("got % x\nwant % x", got[:18], tagged.Bytes()[:18])
	}
	if o != tagged.Offload {
		t.Errorf("offload %+v, want %+v", o, tagged.Offload)
	}
}

func TestParseRelease(t *testing.T) {
	for s, want := range map[string][2]int{
		"6.18.44-fc": {6, 18}, "5.15.0-91-generic": {5, 15}, "6.2": {6, 2}, "6.1-rc3": {6, 1}, "": {}, "linux": {}, "7": {},
	} {
		if got := parseRelease(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, ok := range map[string]bool{
		"eth0": true, "123456789012345": true, "br-lan.5": true, "1234567890123456": false, "": false, ".": false, "..": false,
		"a b": false, "a/b": false, "a:1": false, "a\x00b": false,
	} {
		if err := validName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
