package l2

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// withPorts gives the bridge its ports.
func (r *Request) withPorts(list []Port) {
	r.Ports = func() []Port { return list }
	r.Port = func(no uint32) (Port, bool) {
		i := slices.IndexFunc(list, func(p Port) bool { return p.No == no })
		if i < 0 {
			return Port{}, false
		}
		return list[i], true
	}
}

func TestNormal(t *testing.T) {
	fdb := NewFDB(0, time.Hour)
	here, _ := fdb.Learn(0, 0x0a, 1, 0)
	there, _ := fdb.Learn(0, 0x0b, 2, 0)
	tagged, _ := fdb.Learn(5, 0x0b, 3, 0)
	silent, _ := fdb.Learn(0, 0x0c, 4, 0)
	quiet, _ := fdb.Learn(0, 0x0d, 5, 0)
	gone, _ := fdb.Learn(0, 0x0e, 99, 0)
	mirrored, _ := fdb.Learn(0, 0x0f, 6, 0)
	ports := []Port{{No: 3}, {No: 1}, {No: 2}, {No: 4, NoFwd: true}, {No: 5, NoFlood: true}, {No: 6, Mirror: true}, {No: 7, VLAN: &VLAN{Mode: Access, Tag: 7}}, {No: 0xfffffffe}}
	tests := []struct {
		name    string
		r       Request
		verdict Verdict
		reason  Reason
		out     []uint32
		asked   bool
		entry   *Entry
	}{
		{"known", Request{Dst: 0x0b, InPort: 1}, Output, 0, []uint32{2}, true, there},
		{"known in another VLAN", Request{Dst: 0x0b, Tags: Tags{{VID: 5}}, InPort: 1}, Output, 0, []uint32{3}, true, tagged},
		{"unknown in this VLAN", Request{Dst: 0x0a, Tags: Tags{{VID: 5}}, InPort: 1}, Flood, 0, []uint32{3, 2, 0xfffffffe}, true, nil},
		{"never back", Request{Dst: 0x0a, InPort: 1}, Drop, ReasonInPort, nil, true, here},
		{"unknown", Request{Dst: 0x77, InPort: 2}, Flood, 0, []uint32{3, 1, 0xfffffffe}, true, nil},
		{"broadcast", Request{Dst: Broadcast, InPort: 3}, Flood, 0, []uint32{1, 2, 0xfffffffe}, false, nil},
		{"multicast", Request{Dst: 0x01005e000001, InPort: 3}, Flood, 0, []uint32{1, 2, 0xfffffffe}, false, nil},
		{"from a controller", Request{Dst: Broadcast}, Flood, 0, []uint32{3, 1, 2, 0xfffffffe}, false, nil},
		{"port forwards nothing", Request{Dst: 0x0c, InPort: 1}, Drop, ReasonNoFwd, nil, true, silent},
		{"no-flood port, known", Request{Dst: 0x0d, InPort: 1}, Output, 0, []uint32{5}, true, quiet},
		{"port is gone", Request{Dst: 0x0e, InPort: 1}, Flood, 0, []uint32{3, 2, 0xfffffffe}, true, gone},
		{"reserved", Request{Dst: 0x0180c2000000, InPort: 1}, Drop, ReasonReserved, nil, false, nil},
		{"LLDP", Request{Dst: 0x0180c200000e, InPort: 1}, Drop, ReasonReserved, nil, false, nil},
		{"behind the reserved", Request{Dst: 0x0180c2000010, InPort: 1}, Flood, 0, []uint32{3, 2, 0xfffffffe}, false, nil},
		{"reserved, from a controller", Request{Dst: 0x0180c2000000}, Flood, 0, []uint32{3, 1, 2, 0xfffffffe}, false, nil},
		{"known in a VLAN that is flooded", Request{Dst: 0x0b, FloodVLAN: true, InPort: 1}, Flood, 0, []uint32{3, 2, 0xfffffffe}, false, nil},
		{"known at the output of a mirror", Request{Dst: 0x0f, InPort: 1}, Drop, ReasonMirror, nil, true, mirrored},
		{"VLAN of an access port", Request{Dst: Broadcast, Tags: Tags{{VID: 7}}, InPort: 1}, Flood, 0, []uint32{3, 2, 7, 0xfffffffe}, false, nil},
		{"reserved, but told to", Request{Dst: 0x0180c2000000, InPort: 1, ForwardBPDU: true}, Flood, 0, []uint32{3, 2, 0xfffffffe}, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.withPorts(ports)
			got := Normal(&tt.r, fdb.Lookup, nil)
			if got.Verdict != tt.verdict || got.Reason != tt.reason || !slices.Equal(got.Ports, tt.out) || got.Asked != tt.asked || got.Entry != tt.entry {
				t.Errorf("got %+v, want %+v", got, tt)
			}
			// What was in out stays.
			if got := Normal(&tt.r, fdb.Lookup, []uint32{42}); !slices.Equal(got.Ports, append([]uint32{42}, tt.out...)) {
				t.Errorf("appended: %v", got.Ports)
			}
		})
	}
	alone := Request{Dst: Broadcast, InPort: 1}
	alone.withPorts([]Port{{No: 1}, {No: 2, NoFwd: true}})
	if got := Normal(&alone, fdb.Lookup, nil); got.Verdict != Drop || got.Reason != ReasonNoPorts {
		t.Errorf("nobody to flood to: %+v", got)
	}
	for r := ReasonNone; r <= ReasonMirror; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no text", r)
		}
	}
}

// TestNormalSeq: the decision carries the sequence number that makes it stale.
func TestNormalSeq(t *testing.T) {
	fdb := NewFDB(0, time.Hour)
	fdb.Learn(0, 7, 2, 0)
	r := Request{Dst: 7, InPort: 1}
	r.withPorts([]Port{{No: 1}, {No: 2}, {No: 3}})
	d := Normal(&r, fdb.Lookup, nil)
	fdb.Learn(0, 7, 2, 1)
	if d.Seq != d.Entry.Seq() {
		t.Error("stale though nothing changed")
	}
	fdb.Learn(0, 7, 3, 2)
	if d.Seq == d.Entry.Seq() {
		t.Error("not stale though the station moved")
	}
}

// TestNormalRandom holds what is true of every decision.
func TestNormalRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 20000 {
		fdb := NewFDB(8, time.Hour)
		for range r.IntN(6) {
			fdb.Learn(uint16(r.IntN(2)), MAC(r.IntN(6)), uint32(1+r.IntN(5)), 0)
		}
		var ports []Port
		for no := range uint32(r.IntN(6)) {
			v := VLAN{Mode: Mode(r.IntN(2)), Tag: uint16(r.IntN(2))}
			ports = append(ports, Port{no + 1, r.IntN(4) == 0, r.IntN(4) == 0, r.IntN(6) == 0, &v})
		}
		q := Request{Tags: Tags{{VID: uint16(r.IntN(2))}}, Dst: MAC(r.IntN(6)), InPort: uint32(r.IntN(6))}
		q.withPorts(ports)
		if r.IntN(6) == 0 {
			q.Dst |= 1 << 40
		}
		d := Normal(&q, fdb.Lookup, nil)
		fail := func(what string) { t.Fatalf("%s: %+v -> %+v", what, q, d) }
		seen := map[uint32]bool{}
		for _, no := range d.Ports {
			i := slices.IndexFunc(ports, func(p Port) bool { return p.No == no })
			switch {
			case no == q.InPort:
				fail("back to the in-port")
			case i < 0:
				fail("to a port that is not there")
			case ports[i].NoFwd:
				fail("to a port that forwards nothing")
			case ports[i].Mirror:
				fail("to the output of a mirror")
			case d.Verdict == Flood && !ports[i].VLAN.Carries(&q.Tags):
				fail("flood to a port of another VLAN")
			case ports[i].NoFlood && d.Verdict == Flood:
				fail("flood to a no-flood port")
			case seen[no]:
				fail("twice to one port")
			}
			seen[no] = true
		}
		switch d.Verdict {
		case Drop:
			if len(d.Ports) != 0 || d.Reason == ReasonNone {
				fail("drop")
			}
		case Output:
			if len(d.Ports) != 1 || d.Entry == nil || d.Entry.Port() != d.Ports[0] {
				fail("output")
			}
		case Flood:
			for _, p := range ports {
				if !p.NoFwd && !p.NoFlood && !p.Mirror && p.VLAN.Carries(&q.Tags) && p.No != q.InPort && !seen[p.No] {
					fail("flood leaves out a port")
				}
			}
		}
	}
}

func TestMAC(t *testing.T) {
	if got := MAC(0x0180c200000e).String(); got != "01:80:c2:00:00:0e" {
		t.Error(got)
	}
	if got := Broadcast.String(); got != "ff:ff:ff:ff:ff:ff" {
		t.Error(got)
	}
	tests := []struct {
		mac       MAC
		multicast bool
		reserved  bool
	}{
		{0, false, false},
		{0x020000000001, false, false},
		{Broadcast, true, false},
		{0x0180c2000000, true, true},
		{0x0180c200000f, true, true},
		{0x0180c2000010, true, false},
		{0x0180c1ffffff, true, false},
		{0x01000ccccccc, true, true},
		{0x01000cccccc0, true, true},
		{0x01000cccccd0, true, false},
		{0x01000ccdcdcd, true, true},
		{0x01000c000000, true, true},
		{0x00e02b000000, false, true},
		{0x00e02b000001, false, false},
		{0x00e02b000004, false, true},
		{0x00e02b000006, false, true},
	}
	for _, tt := range tests {
		if tt.mac.IsMulticast() != tt.multicast || tt.mac.IsReserved() != tt.reserved {
			t.Errorf("%v: multicast %v, reserved %v", tt.mac, tt.mac.IsMulticast(), tt.mac.IsReserved())
		}
	}
}
