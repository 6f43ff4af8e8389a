package traffic

import (
	"errors"
	"fmt"
	"net"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"ofswitch/internal/netlab"
)

// Counts is what a sink saw.
type Counts struct {
	Frames      uint64 // our frames; a GSO packet counts as its segments
	Bytes       uint64 // of these, on the wire without FCS
	Reordered   uint64 // of these, numbered no higher than the one before in their flow
	BadChecksum uint64 // of these, with a wrong IPv4 or UDP checksum
	Foreign     uint64 // frames of others: the hosts' own
	Packets     uint64 // our frames as they came: a GSO packet is one
}

// Sub is what was seen since earlier counts.
func (c Counts) Sub(e Counts) Counts {
	return Counts{c.Frames - e.Frames, c.Bytes - e.Bytes, c.Reordered - e.Reordered, c.BadChecksum - e.BadChecksum, c.Foreign - e.Foreign, c.Packets - e.Packets}
}

// Sink counts and drops what arrives at a device.
type Sink struct {
	counters, lasts *ebpf.Map
	prog            *ebpf.Program
	link            link.Link
}

// NewSink counts the frames of a load that arrive at a device of a namespace. It
// needs root and Linux 6.6.
func NewSink(ns *netlab.Namespace, device string, l Load) (s *Sink, err error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	s = &Sink{}
	defer func() {
		if err != nil {
			err = fmt.Errorf("traffic: counting at %s: %w", device, errors.Join(err, s.Close()))
			s = nil
		}
	}()
	if s.counters, err = ebpf.NewMap(&ebpf.MapSpec{Name: "bench_counters", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * cntSlots, MaxEntries: 1}); err != nil {
		return s, err
	}
	if s.lasts, err = ebpf.NewMap(&ebpf.MapSpec{Name: "bench_flows", Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: l.flows()}); err != nil {
		return s, err
	}
	if s.prog, err = ebpf.NewProgram(sinkProgram(s.counters, s.lasts)); err != nil {
		return s, err
	}
	err = ns.Do(func() error {
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		s.link, err = link.AttachTCX(link.TCXOptions{Interface: ifi.Index, Program: s.prog, Attach: ebpf.AttachTCXIngress, Anchor: link.Head()})
		return err
	})
	return s, err
}

// Counts are the frames since the sink was made.
func (s *Sink) Counts() (Counts, error) {
	var perCPU [][cntSlots]uint64
	if err := s.counters.Lookup(uint32(0), &perCPU); err != nil {
		return Counts{}, fmt.Errorf("traffic: reading counters: %w", err)
	}
	var t [cntSlots]uint64
	for _, c := range perCPU {
		for i, v := range c {
			t[i] += v
		}
	}
	return Counts{Frames: t[cntFrames], Bytes: t[cntBytes], Reordered: t[cntReordered], BadChecksum: t[cntBadSum], Foreign: t[cntForeign], Packets: t[cntPackets]}, nil
}

// Close detaches the sink.
func (s *Sink) Close() error {
	var errs []error
	if s.link != nil {
		errs = append(errs, s.link.Close())
	}
	if s.prog != nil {
		errs = append(errs, s.prog.Close())
	}
	for _, m := range []*ebpf.Map{s.counters, s.lasts} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}
