package isolate

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// Verdicts of TCX programs (linux/bpf.h).
const (
	tcxNext = -1 // the next program of the hook decides
	tcxDrop = 2
)

// Offset of mark in struct __sk_buff (linux/bpf.h), the context of TC programs.
const skbMark = 8

// dropProgram drops every frame.
func dropProgram() *ebpf.ProgramSpec {
	return &ebpf.ProgramSpec{
		Name: "ofs_in", Type: ebpf.SchedCLS, License: "Apache-2.0", AttachType: ebpf.AttachTCXIngress,
		Instructions: asm.Instructions{
			asm.Mov.Imm(asm.R0, tcxDrop),
			asm.Return(),
		},
	}
}

// markProgram lets frames with our mark on to the next program, and drops the
// others.
func markProgram() *ebpf.ProgramSpec {
	return &ebpf.ProgramSpec{
		Name: "ofs_out", Type: ebpf.SchedCLS, License: "Apache-2.0", AttachType: ebpf.AttachTCXEgress,
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, skbMark, asm.Word),
			asm.LoadImm(asm.R3, int64(Mark), asm.DWord),
			asm.Mov.Imm(asm.R0, tcxNext),
			asm.JEq.Reg(asm.R2, asm.R3, "out"),
			asm.Mov.Imm(asm.R0, tcxDrop),
			asm.Return().WithSymbol("out"),
		},
	}
}

// programs are shared by all devices of the process and live while any uses
// them.
var programs struct {
	sync.Mutex
	users   int
	in, out *ebpf.Program
}

func takePrograms() (in, out *ebpf.Program, err error) {
	p := &programs
	p.Lock()
	defer p.Unlock()
	if p.users == 0 {
		if p.in, err = ebpf.NewProgram(dropProgram()); err != nil {
			return nil, nil, fmt.Errorf("ingress program: %w", err)
		}
		if p.out, err = ebpf.NewProgram(markProgram()); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("egress program: %w", err), p.in.Close())
		}
	}
	p.users++
	return p.in, p.out, nil
}

func dropPrograms() error {
	p := &programs
	p.Lock()
	defer p.Unlock()
	if p.users--; p.users > 0 {
		return nil
	}
	return errors.Join(p.in.Close(), p.out.Close())
}

// attachTCX attaches both programs in front of whatever stands at the hooks, and
// calls silenced between the two: the kernel takes some 10 ms for each.
func attachTCX(ifindex int, silenced func()) (*Isolation, error) {
	in, out, err := takePrograms()
	if err != nil {
		return nil, err
	}
	egress, err := attachOne(ifindex, out, ebpf.AttachTCXEgress)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("egress: %w", err), dropPrograms())
	}
	silenced()
	ingress, err := attachOne(ifindex, in, ebpf.AttachTCXIngress)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ingress: %w", err), egress.Close(), dropPrograms())
	}
	return &Isolation{method: string(TCX), close: func() error {
		return errors.Join(egress.Close(), ingress.Close(), dropPrograms())
	}}, nil
}

// attachOne attaches p and makes sure that the kernel lists it at the hook.
func attachOne(ifindex int, p *ebpf.Program, at ebpf.AttachType) (link.Link, error) {
	l, err := link.AttachTCX(link.TCXOptions{Interface: ifindex, Program: p, Attach: at, Anchor: link.Head()})
	if err != nil {
		return nil, err
	}
	if err := verify(ifindex, p, at); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func verify(ifindex int, p *ebpf.Program, at ebpf.AttachType) error {
	info, err := p.Info()
	if err != nil {
		return fmt.Errorf("reading the program: %w", err)
	}
	id, ok := info.ID()
	if !ok {
		return errors.New("the kernel gives programs no ids")
	}
	res, err := link.QueryPrograms(link.QueryOptions{Target: ifindex, Attach: at})
	if err != nil {
		return fmt.Errorf("listing the hook's programs: %w", err)
	}
	for _, a := range res.Programs {
		if a.ID == id {
			return nil
		}
	}
	return errors.New("the kernel took the program but does not list it at the hook")
}
