package kernelpath

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// TestFrame is a frame for Test.
type TestFrame struct {
	Bytes   []byte // from the Ethernet header on, without the tag that lies beside it
	TPID    uint16 // of the tag beside the frame; 0: there is none
	TCI     uint16 // of that tag
	GSOSize uint16 // payload bytes of a segment; 0: not a GSO frame
}

// skbContext is struct __sk_buff (linux/bpf.h).
type skbContext struct {
	Len, PktType, Mark, QueueMapping, Protocol, VLANPresent, VLANTCI, VLANProto uint32
	Priority, IngressIfindex, Ifindex, TCIndex                                  uint32
	CB                                                                          [5]uint32
	Hash, TCClassid, Data, DataEnd, NapiID, Family, RemoteIP4, LocalIP4         uint32
	RemoteIP6, LocalIP6                                                         [4]uint32
	RemotePort, LocalPort, DataMeta                                             uint32
	FlowKeys, TStamp                                                            uint64
	WireLen, GSOSegs                                                            uint32
	Sk                                                                          uint64
	GSOSize                                                                     uint32
	TStampType                                                                  uint8
	_                                                                           [3]uint8
	HwTStamp                                                                    uint64
}

// Test has the kernel treat f as if it had come from the test port p, without sending it anywhere. It
// returns the flow that took it; nil: it would go to the switch.
func (t *Table) Test(p *Port, f *TestFrame) (*Flow, error) {
	prog, err := t.progs.get(progTest)
	if err != nil {
		return nil, err
	}
	ctx := skbContext{GSOSize: uint32(f.GSOSize)}
	ctx.CB = [5]uint32{uint32(p.ifindex), uint32(f.TPID>>8 | f.TPID<<8), uint32(f.TCI)}
	at, err := prog.Run(&ebpf.RunOptions{Data: f.Bytes, Context: &ctx})
	if err != nil {
		return nil, fmt.Errorf("a frame of %d bytes: %w", len(f.Bytes), err)
	}
	if at == 0 {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.flows[at-1], nil
}
