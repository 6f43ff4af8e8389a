package kernelpath

import (
	"structs"
	"sync/atomic"
)

// The memory that the programs and the switch share, as bpf/kernelpath.c has it.

const (
	// portEntries, direct-mapped by ifindex: more than there are ports, for cables with both ends in one namespace have two
	// indices each, and those of a host where devices come and go lie anywhere.
	portEntries = 4096
	cpuEntries  = 256
	buckets     = 2048
	ways        = 8
	// MaxOutputs is how many ports a flow may leave by.
	MaxOutputs = 8
)

// Bits of slotEntry.state.
const (
	flowActive = 1 << 63
	flowHeld   = 1 << 62 // not to become active
)

// portEntry is a port.
type portEntry struct {
	_       structs.HostLayout
	ifindex atomic.Uint32 // 0: none
	epochs  atomic.Uint32 // 1: frames are counted in and out at cpuEntry
	order   atomic.Uint32 // of the masks to look at: a byte for each, its number + 1
	// swallowed is set by the filter when a frame has not come to ingress: then none is taken. Others clears it.
	swallowed atomic.Uint32
	_         [48]byte
	passed    atomic.Uint64 // frames that went on to the switch
	_         [56]byte
	done      atomic.Uint64 // frames that the switch is done with
	dropped   atomic.Uint64 // frames that the kernel dropped behind the programs, as far as known
	_         [48]byte
	masks     [MaxMasks]Key
}

// cpuEntry is a processor.
type cpuEntry struct {
	_       structs.HostLayout
	epoch   atomic.Uint64 // odd while a frame is between the look and where it goes
	scratch atomic.Uint64
	armed   [MaxMasks]uint32
	_       [32]byte
}

// toHost is the bit of slotEntry.more that says that the device is a TAP.
const toHost = 1 << 31

// slotEntry is a flow.
type slotEntry struct {
	_       structs.HostLayout
	key     Key
	state   atomic.Uint64
	last    atomic.Uint64
	out     uint32 // ifindex; 0: drop
	flags   uint32
	mark    uint32
	most    uint32                 // bytes of a frame without its tag; 0: any
	marks   uint32                 // of copies, but for those to TAPs
	more    [MaxOutputs - 1]uint32 // ifindices where copies go; 0: no more
	packets atomic.Uint64
	bytes   atomic.Uint64
	used    atomic.Int64
	_       [40]byte
}

// shared is all of it.
type shared struct {
	_     structs.HostLayout
	ports [portEntries]portEntry
	cpus  [cpuEntries]cpuEntry
	slots [MaxFlows]slotEntry
	index [buckets][ways]atomic.Uint32 // upper half of a hash, number of the slot + 1
}

// hash of a masked key; hash in bpf/kernelpath.c is the same.
func hash(k *Key) uint64 {
	h := (k[0] + 0x9e3779b97f4a7c15) * (k[1] + 0xbf58476d1ce4e5b9)
	h ^= (k[2] + 0x94d049bb133111eb) * (k[3] + 0xd6e8feb86659fd93)
	h ^= h >> 32
	h += (k[4] + 0xc2b2ae3d27d4eb4f) * (k[5] + 0x165667b19e3779f9)
	h ^= (k[6] + 0x27d4eb2f165667c5) * (k[7] + 0x85ebca77c2b2ae63)
	h ^= h >> 29
	h *= 0xff51afd7ed558ccd
	return h ^ h>>32
}
