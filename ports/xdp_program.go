package ports

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

const (
	xdpDrop         = 1  // XDP_DROP (linux/bpf.h)
	xdpMDQueueIndex = 16 // offset of rx_queue_index in struct xdp_md
)

// xdpProgram is what stands at a device's XDP hook: it redirects every frame to
// the socket of its queue. It is held by descriptors alone, so it is gone with
// the process.
type xdpProgram struct {
	sockets *ebpf.Map // AF_XDP sockets by queue
	prog    *ebpf.Program
	link    link.Link // nil: not attached
}

// loadXDPProgram makes a program for n queues. A frame of a queue without a
// socket is dropped: the host's stack must not see it either.
func loadXDPProgram(n int) (*xdpProgram, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "ofs_xsk", Type: ebpf.XSKMap, KeySize: 4, ValueSize: 4, MaxEntries: uint32(n)})
	if err != nil {
		return nil, xdpRefused("map of sockets", err)
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "ofs_xdp", Type: ebpf.XDP, License: "Apache-2.0",
		Instructions: asm.Instructions{
			asm.LoadMem(asm.R2, asm.R1, xdpMDQueueIndex, asm.Word),
			asm.LoadMapPtr(asm.R1, m.FD()),
			asm.Mov.Imm(asm.R3, xdpDrop),
			asm.FnRedirectMap.Call(),
			asm.Return(),
		},
	})
	if err != nil {
		return nil, errors.Join(xdpRefused("XDP program", err), m.Close())
	}
	return &xdpProgram{sockets: m, prog: prog}, nil
}

// xdpRefused says why the kernel did not make a map or a program. What the library adds to a
// refusal for want of permission is for kernels before 5.11.
func xdpRefused(what string, err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: it takes CAP_BPF and CAP_NET_ADMIN", ErrPermission)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// attach puts the program at the device's hook, in the driver or, generic, in
// the kernel's stack behind it.
func (x *xdpProgram) attach(ifindex int, generic bool) (err error) {
	flags := link.XDPDriverMode
	if generic {
		flags = link.XDPGenericMode
	}
	x.link, err = link.AttachXDP(link.XDPOptions{Program: x.prog, Interface: ifindex, Flags: flags})
	return err
}

func (x *xdpProgram) close() error {
	var errs []error
	if x.link != nil {
		errs = append(errs, x.link.Close())
	}
	return errors.Join(append(errs, x.prog.Close(), x.sockets.Close())...)
}
