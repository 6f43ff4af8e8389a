package ofp

import (
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"ofswitch/flow"
)

// someInstructions are few enough to come again, and many of each are nearly another.
func someInstructions(r *rand.Rand) Instructions {
	var in Instructions
	actions := func() (list []Action) {
		for range r.IntN(3) {
			switch r.IntN(7) {
			case 0:
				list = append(list, Output{Port: PortNo(r.IntN(2) + 1), MaxLen: uint16(r.IntN(2))})
			case 1:
				list = append(list, Group{GroupID: uint32(r.IntN(2))})
			case 2:
				list = append(list, SetField{Field: flow.VLANVID, Value: flow.Value{Lo: 0x1000 + uint64(r.IntN(2))}})
			case 3:
				list = append(list, SetVLANVID{VID: uint16(r.IntN(2)), Tagged: r.IntN(2) == 0})
			case 4:
				list = append(list, SetNwTTL{TTL: uint8(r.IntN(2))})
			case 5:
				list = append(list, Enqueue{Port: 1, QueueID: uint32(r.IntN(2))})
			default:
				list = append(list, DecNwTTL{})
			}
		}
		return list
	}
	if r.IntN(2) == 0 {
		in.Has |= 1 << InstrApplyActions
		in.Apply = actions()
	}
	if r.IntN(2) == 0 {
		in.Has |= 1 << InstrWriteActions
		in.Write = actions()
	}
	if r.IntN(4) == 0 {
		in.Has |= 1 << InstrGotoTable
		in.Goto = TableID(r.IntN(2) + 1)
	}
	if r.IntN(4) == 0 {
		in.Has |= 1 << InstrMeter
		in.Meter = uint32(r.IntN(2) + 1)
	}
	if r.IntN(4) == 0 {
		in.Has |= 1 << InstrWriteMetadata
		in.Metadata, in.MetadataMask = uint64(r.IntN(2)), uint64(r.IntN(2))
	}
	order, n := in.wireOrder()
	r.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	in.Order = order
	return in
}

// What is shared says the same as what it was asked for, from several goroutines.
func TestShare(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			for range 20000 {
				in := someInstructions(r)
				want := in
				if got := in.Share(); !reflect.DeepEqual(*got, want) {
					t.Errorf("shared %+v, want %+v", *got, want)
					return
				}
			}
		})
	}
	wg.Wait()
	a, b := Instructions{Has: 1 << InstrApplyActions, Apply: []Action{Output{Port: 7}}}, Instructions{Has: 1 << InstrApplyActions, Apply: []Action{Output{Port: 7}}}
	if s := a.Share(); s != b.Share() {
		t.Error("equal instructions are not shared")
	}
	long := Instructions{Has: 1 << InstrApplyActions}
	for range sharedLen/outputLen + 1 {
		long.Apply = append(long.Apply, Output{Port: 7})
	}
	if s := long.Share(); s == long.Share() {
		t.Error("a long list is kept for others")
	}
}

// Instructions that were decoded before are what decoding gives, and a refusal comes
// each time.
func TestDecodeShared(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	again := 0
	for range 20000 {
		in := someInstructions(r)
		b := AppendInstructions(nil, &in)
		if r.IntN(4) == 0 && len(b) > 0 {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		want, wantErr := DecodeInstructions(b)
		got, err := decodeShared(b)
		if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%x: decoded as %+v, %v; want %+v, %v", b, got, err, want, wantErr)
		}
		if second, err := decodeShared(b); err == nil && len(got.Apply) > 0 && &second.Apply[0] == &got.Apply[0] {
			again++
		}
		clear(b) // nothing of the caller's memory is kept
	}
	if again == 0 {
		t.Error("nothing was decoded once for two messages")
	}
}

// A flow-mod decoded into memory that held another is the one that Decode gives.
func TestDecodeFlowModAgain(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	m := &FlowMod{Legacy: true, NewCookie: 5}
	for range 5000 {
		sent := &FlowMod{
			Cookie: r.Uint64(), CookieMask: r.Uint64(), Table: TableID(r.IntN(254)), Command: uint8(r.IntN(6)), IdleTimeout: uint16(r.Uint32()),
			HardTimeout: uint16(r.Uint32()), Priority: uint16(r.Uint32()), BufferID: r.Uint32(), OutPort: PortNo(r.Uint32()), OutGroup: r.Uint32(),
			Flags: FlowFlags(r.IntN(40)), Instructions: someInstructions(r),
		}
		if r.IntN(2) == 0 {
			sent.Match.Set(flow.EthType, flow.Value{Lo: 0x800})
			sent.Match.Set(flow.IPv4Dst, flow.Value{Lo: uint64(r.Uint32())})
		}
		msg := Encode(1, sent)
		h, err := ParseHeader(msg)
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := Decode(h, msg[HeaderLen:])
		err = DecodeFlowMod(h, msg[HeaderLen:], m)
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() || err == nil && !reflect.DeepEqual(m, want) {
			t.Fatalf("decoded as %+v, %v; want %+v, %v", m, err, want, wantErr)
		}
	}
	for _, h := range []Header{{Version: 1, Type: TypeFlowMod}, {Version: Version, Type: TypeFlowMod}} {
		if err := DecodeFlowMod(h, make([]byte, 47), m); err == nil {
			t.Errorf("47 bytes of version %d are taken", h.Version)
		}
	}
}
