package ofp

import (
	"reflect"
	"testing"
)

func TestHelloElements(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []uint32
	}{
		{"no element", ``, nil},
		{"1.3", `0001 0008 00000010`, []uint32{0x10}},
		{"unknown element first", `0007 0006 abcd 0000  0001 0008 00000012`, []uint32{0x12}},
		{"unknown element last", `0001 0008 00000012  7fff 0004 00000000`, []uint32{0x12}},
		{"first bitmap counts", `0001 0008 00000010  0001 0008 00000002`, []uint32{0x10}},
		{"bitmap without words", `0001 0004 00000000`, nil},
		{"half a word is no word", `0001 000a 00000010 ffff 00*6`, []uint32{0x10}},
		{"last padding left out", `0001 000c 00000010 00000001`, []uint32{0x10, 1}},
		{"garbage", `de ad`, nil},
		{"garbage after the bitmap", `0001 0008 00000010 deadbeef01`, []uint32{0x10}},
		{"element shorter than its header", `0001 0003 00000010`, nil},
		{"element without end", `0001 0010 00000010`, nil},
		{"zeros", `00*64`, nil},
	} {
		m, err := Decode(Header{Version: 4, Type: TypeHello}, wire(t, tt.body))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got := m.(*Hello).Versions; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: versions %x, want %x", tt.name, got, tt.want)
		}
	}
}

func TestVersionBitmap(t *testing.T) {
	for _, tt := range []struct {
		versions []uint8
		want     []uint32
	}{
		{nil, nil},
		{[]uint8{4}, []uint32{0x10}},
		{[]uint8{1, 4}, []uint32{0x12}},
		{[]uint8{33, 4}, []uint32{0x10, 2}},
	} {
		if got := VersionBitmap(tt.versions...); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %x, want %x", tt.versions, got, tt.want)
		}
	}
}

func TestNegotiate(t *testing.T) {
	v13, v10and13 := VersionBitmap(4), VersionBitmap(1, 4)
	for _, tt := range []struct {
		name   string
		own    []uint32
		header uint8
		peer   []uint32
		want   uint8 // 0: none
	}{
		{"both 1.3 by header", v13, 4, nil, 4},
		{"both 1.3 by bitmap", v13, 4, v13, 4},
		{"peer newer, no bitmap", v13, 6, nil, 4},
		{"peer newer, bitmap has 1.3 (Floodlight)", v13, 6, VersionBitmap(1, 2, 3, 4, 5, 6), 4},
		{"peer newer, bitmap without 1.3", v13, 6, VersionBitmap(5, 6), 0},
		{"bitmap {1.0, 1.3, 1.4, 1.5} (ONOS)", v13, 4, []uint32{0x72}, 4},
		{"peer 1.0 without bitmap", v13, 1, nil, 0},
		{"peer 1.0 without bitmap, we have it", v10and13, 1, nil, 1},
		{"peer 1.1 without bitmap, we have 1.0", v10and13, 2, nil, 0},
		{"common 1.0 only", v10and13, 3, VersionBitmap(1, 3), 1},
		{"highest common", v10and13, 4, v10and13, 4},
		{"empty bitmap of the peer counts as none", v13, 4, []uint32{}, 4},
		{"bitmap of zeros has nothing in common", v13, 4, []uint32{0}, 0},
		{"second word", VersionBitmap(4, 40), 40, VersionBitmap(40), 40},
		{"own empty", nil, 4, nil, 0},
		{"header 0", v13, 0, nil, 0},
		{"header 255", v13, 255, nil, 4},
		{"more than 256 versions", make([]uint32, 9), 4, make([]uint32, 9), 0},
	} {
		got, ok := Negotiate(tt.own, tt.header, tt.peer)
		if ok != (tt.want != 0) || got != tt.want {
			t.Errorf("%s: %d, %v, want %d", tt.name, got, ok, tt.want)
		}
	}
}
