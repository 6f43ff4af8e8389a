package l2

import "testing"

func TestVLANs(t *testing.T) {
	some := NewVLANs([]uint16{0, 63, 64, 4095, 4096})
	for _, id := range []uint16{0, 1, 62, 63, 64, 65, 4094, 4095} {
		want := id == 0 || id == 63 || id == 64 || id == 4095
		if some.Has(id) != want {
			t.Errorf("%d: %v, want %v", id, some.Has(id), want)
		}
		if !(*VLANs)(nil).Has(id) {
			t.Errorf("%d is not among all", id)
		}
	}
	if NewVLANs(nil) != nil || !some.Equal(NewVLANs([]uint16{4095, 64, 63, 0})) || some.Equal(nil) || (*VLANs)(nil).Equal(some) || some.Equal(NewVLANs([]uint16{1})) {
		t.Error("sets are compared wrongly")
	}
}

// TestVLANModes: what each mode does with frames; the rest is compared with Open vSwitch
// in internal/differential.
func TestVLANModes(t *testing.T) {
	const q, ad = 0x8100, 0x88a8
	tests := []struct {
		name    string
		in, out VLAN
		frame   Tags
		admits  bool
		vlan    uint16
		carries bool
		want    Tags
		n       int
	}{
		{"trunk to trunk", VLAN{}, VLAN{}, Tags{{q, 5, 3}}, true, 5, true, Tags{{q, 5, 3}}, 1},
		{"trunk without the VLAN", VLAN{Trunks: NewVLANs([]uint16{6})}, VLAN{}, Tags{{q, 5, 0}}, false, 0, false, Tags{}, 0},
		{"access to trunk", VLAN{Mode: Access, Tag: 5}, VLAN{}, Tags{}, true, 5, true, Tags{{q, 5, 0}}, 1},
		{"access takes no tag", VLAN{Mode: Access, Tag: 5}, VLAN{}, Tags{{q, 5, 0}}, false, 0, false, Tags{}, 0},
		{"priority tag at an access port", VLAN{Mode: Access, Tag: 5}, VLAN{}, Tags{{q, 0, 7}}, true, 5, true, Tags{{q, 5, 7}}, 1},
		{"trunk to access", VLAN{}, VLAN{Mode: Access, Tag: 5}, Tags{{q, 5, 3}}, true, 5, true, Tags{}, 0},
		{"trunk to access, with priority", VLAN{}, VLAN{Mode: Access, Tag: 5, Priority: PriorityIfNonzero}, Tags{{q, 5, 3}}, true, 5, true, Tags{{q, 0, 3}}, 1},
		{"priority 0 needs no tag", VLAN{}, VLAN{Mode: Access, Tag: 5, Priority: PriorityIfNonzero}, Tags{{q, 5, 0}}, true, 5, true, Tags{}, 0},
		{"access takes no second tag", VLAN{}, VLAN{Mode: Access, Tag: 5}, Tags{{ad, 5, 0}, {q, 6, 0}}, true, 5, false, Tags{}, 0},
		{"native, untagged, leaves tagged", VLAN{Mode: NativeUntagged, Tag: 5}, VLAN{Mode: NativeTagged, Tag: 5}, Tags{}, true, 5, true, Tags{{q, 5, 0}}, 1},
		{"native, tagged, leaves untagged", VLAN{Mode: NativeTagged, Tag: 5}, VLAN{Mode: NativeUntagged, Tag: 5}, Tags{{q, 5, 2}}, true, 5, true, Tags{}, 0},
		{"native carries its VLAN whatever the trunks", VLAN{}, VLAN{Mode: NativeTagged, Tag: 5, Trunks: NewVLANs([]uint16{6})}, Tags{{q, 5, 0}}, true, 5, true, Tags{{q, 5, 0}}, 1},
		{"tunnel to trunk", VLAN{Mode: Tunnel, Tag: 9, TPID: ad}, VLAN{}, Tags{{q, 5, 3}}, true, 9, true, Tags{{ad, 9, 0}, {q, 5, 3}}, 2},
		{"two customers' tags in a tunnel", VLAN{Mode: Tunnel, Tag: 9, TPID: ad}, VLAN{}, Tags{{q, 5, 3}, {q, 6, 0}}, true, 9, true, Tags{{ad, 9, 0}, {q, 5, 3}, {q, 6, 0}}, 3},
		{"trunk to tunnel", VLAN{}, VLAN{Mode: Tunnel, Tag: 9, TPID: ad}, Tags{{ad, 9, 0}, {q, 5, 3}}, true, 9, true, Tags{{q, 5, 3}}, 1},
		{"tunnel of other customers", VLAN{Mode: Tunnel, Tag: 9, CVLANs: NewVLANs([]uint16{6})}, VLAN{}, Tags{{q, 5, 3}}, false, 0, false, Tags{}, 0},
		{"trunk to a tunnel of other customers", VLAN{}, VLAN{Mode: Tunnel, Tag: 9, CVLANs: NewVLANs([]uint16{6})}, Tags{{ad, 9, 0}, {q, 5, 3}}, true, 9, false, Tags{}, 0},
		{"empty tag goes", VLAN{}, VLAN{}, Tags{{q, 0, 0}}, true, 0, true, Tags{}, 0},
		{"empty tag stays", VLAN{}, VLAN{Priority: PriorityAlways}, Tags{{q, 0, 0}}, true, 0, true, Tags{{q, 0, 0}}, 1},
	}
	for _, tt := range tests {
		in, out := tt.in.Normalised(), tt.out.Normalised()
		if got := in.Admits(tt.frame[0].VID); got != tt.admits {
			t.Errorf("%s: admitted %v, want %v", tt.name, got, tt.admits)
		}
		if !tt.admits {
			continue
		}
		tags := in.Input(tt.frame)
		if tags[0].VID != tt.vlan {
			t.Errorf("%s: VLAN %d, want %d", tt.name, tags[0].VID, tt.vlan)
		}
		if got := out.Carries(&tags); got != tt.carries {
			t.Errorf("%s: carried %v, want %v", tt.name, got, tt.carries)
		}
		if !tt.carries {
			continue
		}
		if got, n := out.Output(tags, tt.frame); got != tt.want || n != tt.n {
			t.Errorf("%s: leaves with %v (%d), want %v (%d)", tt.name, got, n, tt.want, tt.n)
		}
	}
	if Tunnel.String() != "dot1q-tunnel" || Mode(9).String() != "mode 9" {
		t.Error("names of modes")
	}
}

// TestGARPLock: a gratuitous ARP that comes back by a bond moves nothing for a while.
func TestGARPLock(t *testing.T) {
	fdb := NewFDB(0, 0)
	const mac = MAC(0x020000000001)
	e, changed, locked := fdb.LearnGARP(0, mac, 1, false, 0)
	if e == nil || !changed || locked {
		t.Fatalf("not learnt: %v %v %v", e, changed, locked)
	}
	if _, changed, locked := fdb.LearnGARP(0, mac, 2, true, garpLockTime-1); changed || !locked || e.Port() != 1 {
		t.Errorf("a copy that came back by a bond moved the address: %v %v %d", changed, locked, e.Port())
	}
	if _, changed, locked := fdb.LearnGARP(0, mac, 2, true, garpLockTime); !changed || locked || e.Port() != 2 {
		t.Errorf("still locked when the time is over: %v %v %d", changed, locked, e.Port())
	}
	if _, changed, _ := fdb.LearnGARP(0, mac, 3, false, garpLockTime+1); !changed || !e.Locked(garpLockTime+2) {
		t.Error("a port that is no bond is not believed")
	}
}
