package traffic

import (
	"encoding/binary"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"ofswitch/packet"
)

// Verdicts of XDP and TCX programs, and where the fields of their contexts xdp_md and
// __sk_buff are (linux/bpf.h).
const (
	xdpAborted = 0
	xdpDrop    = 1
	xdpPass    = 2
	tcxNext    = -1
	tcxDrop    = 2

	xdpData, xdpDataEnd       = 0, 4
	skbLen, skbSegs, skbGSize = 0, 164, 176
)

// state is the value of the generator's map.
type state struct {
	Seq  uint64 // of the next frame
	Stop uint64 // not 0: frames are thrown away
}

// stateLen is its length.
const stateLen = 16

// generatorProgram writes flow, number and checksums into each frame and sends
// it to a device; 0: leaves it to the caller, for tests.
func generatorProgram(l Load, stateMap *ebpf.Map, ifindex int) *ebpf.ProgramSpec {
	ipSum, udpSum := constantSums()
	r, n := int32(l.rules()), int32(l.flows())
	const (
		frame, flow, seq           = asm.R6, asm.R7, asm.R8
		sum, word, tmp, pre, ports = asm.R9, asm.R2, asm.R3, asm.R4, asm.R5
	)
	ins := asm.Instructions{
		asm.LoadMem(frame, asm.R1, xdpData, asm.Word),
		asm.LoadMem(word, asm.R1, xdpDataEnd, asm.Word),
		asm.Mov.Reg(tmp, frame), asm.Add.Imm(tmp, FrameLen),
		asm.JGT.Reg(tmp, word, "abort"),
		// The number.
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, stateMap.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "abort"),
		asm.LoadMem(tmp, asm.R0, 8, asm.DWord),
		asm.JNE.Imm(tmp, 0, "stopped"),
		asm.LoadMem(seq, asm.R0, 0, asm.DWord),
		asm.Mov.Reg(tmp, seq), asm.Add.Imm(tmp, 1),
		asm.StoreMem(asm.R0, 0, tmp, asm.DWord),
	}
	// The flow.
	if l.Random {
		ins = append(ins, asm.FnGetPrandomU32.Call(), asm.Mov.Reg(flow, asm.R0))
	} else {
		ins = append(ins, asm.Mov.Reg(flow, seq))
	}
	// store writes a register in network byte order; it spoils tmp.
	store := func(off int16, v asm.Register, size asm.Size) asm.Instructions {
		return asm.Instructions{asm.Mov.Reg(tmp, v), asm.HostTo(asm.BE, tmp, size), asm.StoreMem(frame, off, tmp, size)}
	}
	// add adds the 16-bit words of a register's lower 32 bits to sum; spoils tmp.
	add := func(to, v asm.Register) asm.Instructions {
		return asm.Instructions{
			asm.Mov.Reg(tmp, v), asm.And.Imm(tmp, 0xffff), asm.Add.Reg(to, tmp),
			asm.Mov.Reg(tmp, v), asm.LSh.Imm(tmp, 32), asm.RSh.Imm(tmp, 48), asm.Add.Reg(to, tmp),
		}
	}
	fold := func(v asm.Register) asm.Instructions {
		var out asm.Instructions
		for range 2 {
			out = append(out, asm.Mov.Reg(tmp, v), asm.RSh.Imm(tmp, 16), asm.And.Imm(v, 0xffff), asm.Add.Reg(v, tmp))
		}
		return out
	}
	ins = append(ins,
		asm.Mod.Imm(flow, n),
		asm.Mov.Reg(pre, flow), asm.Mod.Imm(pre, r), // the rule
		asm.Mov.Reg(ports, flow), asm.Div.Imm(ports, r), // which flow of the rule
		// Source address; its words are those of both sums.
		asm.Mov.Reg(word, pre), asm.LSh.Imm(word, 8),
		asm.Mov.Reg(tmp, ports), asm.And.Imm(tmp, 0xff), asm.Or.Reg(word, tmp),
		asm.LoadImm(tmp, srcNet, asm.DWord), asm.Or.Reg(word, tmp),
		asm.Mov.Imm(sum, 0),
	)
	ins = append(ins, store(offSrc, word, asm.Word)...)
	ins = append(ins, add(sum, word)...)
	ins = append(ins, asm.LoadImm(word, dstNet, asm.DWord), asm.Or.Reg(word, pre))
	ins = append(ins, store(offDst, word, asm.Word)...)
	ins = append(ins, add(sum, word)...)
	// Ports, as one word: source in the upper half.
	ins = append(ins,
		asm.RSh.Imm(ports, 8), asm.Add.Imm(ports, basePort), asm.LSh.Imm(ports, 16),
		asm.Add.Imm(pre, basePort), asm.Or.Reg(ports, pre),
	)
	ins = append(ins, store(offUDP, ports, asm.Word)...)
	ins = append(ins, store(offFlow, flow, asm.Word)...)
	ins = append(ins, store(offSeq, seq, asm.DWord)...)
	// IPv4's sum.
	ins = append(ins, asm.Mov.Reg(word, sum), asm.Add.Imm(word, int32(ipSum)))
	ins = append(ins, fold(word)...)
	ins = append(ins, asm.Xor.Imm(word, 0xffff))
	ins = append(ins, store(offIPSum, word, asm.Half)...)
	// UDP's sum. Zero would mean none.
	ins = append(ins, asm.Add.Imm(sum, int32(udpSum)))
	ins = append(ins, add(sum, ports)...)
	ins = append(ins, add(sum, flow)...)
	ins = append(ins, add(sum, seq)...)
	ins = append(ins, asm.RSh.Imm(seq, 32))
	ins = append(ins, add(sum, seq)...)
	ins = append(ins, fold(sum)...)
	ins = append(ins, asm.Xor.Imm(sum, 0xffff), asm.JNE.Imm(sum, 0, "sum"), asm.Mov.Imm(sum, 0xffff))
	last := store(offUDPSum, sum, asm.Half)
	last[0] = last[0].WithSymbol("sum")
	ins = append(ins, last...)
	if ifindex == 0 {
		ins = append(ins, asm.Mov.Imm(asm.R0, xdpPass), asm.Return())
	} else {
		ins = append(ins, asm.Mov.Imm(asm.R1, int32(ifindex)), asm.Mov.Imm(asm.R2, 0), asm.FnRedirect.Call(), asm.Return())
	}
	ins = append(ins,
		asm.Mov.Imm(asm.R0, xdpAborted).WithSymbol("abort"), asm.Return(),
		asm.Mov.Imm(asm.R0, xdpDrop).WithSymbol("stopped"), asm.Return(),
	)
	return &ebpf.ProgramSpec{Name: "bench_gen", Type: ebpf.XDP, License: "Apache-2.0", Instructions: ins}
}

// Slots of the sink's counters.
const (
	cntFrames = iota
	cntBytes
	cntReordered
	cntBadSum
	cntForeign
	cntPackets // as they came: a GSO packet is one
	cntSlots
)

// maxSegments is the most that one GSO packet may be: UDP_MAX_SEGMENTS (linux/udp.h).
const maxSegments = 128

// sinkProgram counts our frames and drops them; others go on to the host.
func sinkProgram(counters, lasts *ebpf.Map) *ebpf.ProgramSpec {
	const (
		skb, count, left, size = asm.R6, asm.R7, asm.R8, asm.R9
		copied                 = 52       // of the frame from IPv4 on, and two zeros: a multiple of four
		buf                    = -64      // on the stack, 8-aligned
		key                    = -8       // u32
		at                     = -80      // where the segment's payload begins
		seg                    = -72 - 24 // magic, flow, number of a segment
	)
	// bump adds a register or a constant to a counter.
	bump := func(slot int, by asm.Instruction) asm.Instructions {
		return asm.Instructions{
			asm.LoadMem(asm.R1, count, int16(8*slot), asm.DWord), by,
			asm.StoreMem(count, int16(8*slot), asm.R1, asm.DWord),
		}
	}
	one := asm.Add.Imm(asm.R1, 1)
	ins := asm.Instructions{
		asm.Mov.Reg(skb, asm.R1),
		asm.StoreImm(asm.RFP, key, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, counters.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, key),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Mov.Reg(count, asm.R0),
		// IPv4 header, UDP header and payload of the first segment.
		asm.StoreImm(asm.RFP, buf+copied-4, 0, asm.Word),
		asm.Mov.Reg(asm.R1, skb), asm.Mov.Imm(asm.R2, offIP),
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, buf),
		asm.Mov.Imm(asm.R4, ipLen),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, "foreign"),
		asm.LoadMem(asm.R1, asm.RFP, buf+offMagic-offIP, asm.Word),
		asm.HostTo(asm.BE, asm.R1, asm.Word),
		asm.JNE.Imm(asm.R1, magic, "foreign"),
	}
	ins = append(ins, bump(cntPackets, one)...)
	ins = append(ins,
		asm.LoadMem(left, skb, skbSegs, asm.Word),
		asm.LoadMem(size, skb, skbGSize, asm.Word),
		asm.JGT.Imm(left, 1, "segments"), // their checksums are made when they are taken apart
		asm.Mov.Imm(left, 1),
	)
	// csum sums bytes of buf on top of seed and folds to 16 bits, in R0.
	csum := func(from, n int32) asm.Instructions {
		out := asm.Instructions{
			asm.Mov.Imm(asm.R1, 0), asm.Mov.Imm(asm.R2, 0),
			asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, buf+from),
			asm.Mov.Imm(asm.R4, n),
			asm.FnCsumDiff.Call(),
			asm.LSh.Imm(asm.R0, 32), asm.RSh.Imm(asm.R0, 32),
		}
		for range 2 {
			out = append(out, asm.Mov.Reg(asm.R1, asm.R0), asm.RSh.Imm(asm.R1, 16), asm.And.Imm(asm.R0, 0xffff), asm.Add.Reg(asm.R0, asm.R1))
		}
		return out
	}
	ins = append(ins, asm.Mov.Imm(asm.R5, 0))
	ins = append(ins, csum(0, offUDP-offIP)...)
	ins = append(ins, asm.JNE.Imm(asm.R0, 0xffff, "bad"))
	// The pseudo header is the addresses, which stand before UDP's header, and
	// these two words, whose sum is small.
	pseudo := binary.NativeEndian.Uint16([]byte{0, packet.ProtoUDP + udpLen})
	ins = append(ins, asm.Mov.Imm(asm.R5, int32(pseudo)))
	ins = append(ins, csum(offSrc-offIP, copied-(offSrc-offIP))...)
	ins = append(ins, asm.JEq.Imm(asm.R0, 0xffff, "segments"))
	bad := bump(cntBadSum, one)
	bad[0] = bad[0].WithSymbol("bad")
	ins = append(ins, bad...)
	ins = append(ins,
		asm.Mov.Imm(asm.R1, offPayload).WithSymbol("segments"),
		asm.StoreMem(asm.RFP, at, asm.R1, asm.DWord),
		asm.JLE.Imm(left, maxSegments, "next"),
		asm.Mov.Imm(left, maxSegments),
		// One segment: its payload from at on.
		asm.Mov.Reg(asm.R1, skb).WithSymbol("next"),
		asm.LoadMem(asm.R2, asm.RFP, at, asm.DWord),
		asm.Mov.Reg(asm.R3, asm.RFP), asm.Add.Imm(asm.R3, seg),
		asm.Mov.Imm(asm.R4, 16),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, "drop"),
	)
	ins = append(ins, bump(cntFrames, one)...)
	ins = append(ins, bump(cntBytes, asm.Add.Imm(asm.R1, FrameLen))...)
	ins = append(ins,
		asm.LoadMem(asm.R1, asm.RFP, seg+4, asm.Word),
		asm.HostTo(asm.BE, asm.R1, asm.Word),
		asm.StoreMem(asm.RFP, key, asm.R1, asm.Word),
		asm.LoadMapPtr(asm.R1, lasts.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP), asm.Add.Imm(asm.R2, key),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "late"), // a flow that was never sent
		asm.LoadMem(asm.R1, asm.RFP, seg+8, asm.DWord),
		asm.HostTo(asm.BE, asm.R1, asm.DWord),
		asm.Add.Imm(asm.R1, 1), // the first number is 0
		asm.LoadMem(asm.R2, asm.R0, 0, asm.DWord),
		asm.JLE.Reg(asm.R1, asm.R2, "late"),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
		asm.Ja.Label("more"),
	)
	late := bump(cntReordered, one)
	late[0] = late[0].WithSymbol("late")
	ins = append(ins, late...)
	ins = append(ins,
		asm.LoadMem(asm.R1, asm.RFP, at, asm.DWord).WithSymbol("more"),
		asm.Add.Reg(asm.R1, size),
		asm.StoreMem(asm.RFP, at, asm.R1, asm.DWord),
		asm.Add.Imm(left, -1),
		asm.JNE.Imm(left, 0, "next"),
		asm.Mov.Imm(asm.R0, tcxDrop).WithSymbol("drop"), asm.Return(),
	)
	foreign := bump(cntForeign, one)
	foreign[0] = foreign[0].WithSymbol("foreign")
	ins = append(ins, foreign...)
	ins = append(ins, asm.Mov.Imm(asm.R0, tcxNext).WithSymbol("pass"), asm.Return())
	return &ebpf.ProgramSpec{
		Name: "bench_sink", Type: ebpf.SchedCLS, License: "Apache-2.0", AttachType: ebpf.AttachTCXIngress, Instructions: ins,
	}
}
