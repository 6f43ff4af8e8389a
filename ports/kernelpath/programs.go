package kernelpath

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// object is bpf/kernelpath.c, compiled.
//
//go:embed bpf/kernelpath.o
var object []byte

// Names of the programs, and of the map.
const (
	progFilter  = "ofs_filter"
	progIngress = "ofs_ingress"
	progTap     = "ofs_tap"
	progTest    = "ofs_test"
	mapTable    = ".bss"
)

// programs are loaded when they are first wanted.
type programs struct {
	spec  *ebpf.CollectionSpec
	table *ebpf.Map

	mu   sync.Mutex
	have map[string]*ebpf.Program
	ids  map[string]ebpf.ProgramID
}

// openPrograms makes the map.
func openPrograms() (*programs, error) {
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("reading the programs: %w", err)
	}
	for _, name := range []string{progIngress, progTap} {
		spec.Programs[name].Type = ebpf.SchedCLS
	}
	m := spec.Maps[mapTable]
	m.Name, m.Flags = "ofs_table", unix.BPF_F_MMAPABLE
	p := &programs{spec: spec, have: make(map[string]*ebpf.Program), ids: make(map[string]ebpf.ProgramID)}
	if p.table, err = ebpf.NewMap(m); err != nil && errors.Is(err, unix.EPERM) {
		// Kernels before 5.11 count a map against the limit on locked memory.
		if rlimit.RemoveMemlock() == nil {
			p.table, err = ebpf.NewMap(m)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("making the table: %w", err)
	}
	return p, nil
}

// get loads a program.
func (p *programs) get(name string) (*ebpf.Program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if have := p.have[name]; have != nil {
		return have, nil
	}
	one := &ebpf.CollectionSpec{Maps: p.spec.Maps, Programs: map[string]*ebpf.ProgramSpec{name: p.spec.Programs[name]}, ByteOrder: p.spec.ByteOrder}
	c, err := ebpf.NewCollectionWithOptions(one, ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{mapTable: p.table}})
	if err != nil {
		return nil, fmt.Errorf("loading the program %s: %w", name, err)
	}
	prog := c.DetachProgram(name)
	c.Close()
	p.have[name] = prog
	return prog, nil
}

func (p *programs) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := []error{p.table.Close()}
	for _, prog := range p.have {
		errs = append(errs, prog.Close())
	}
	return errors.Join(errs...)
}

// attach puts a program at the head of a device's hook, in this thread's network namespace.
func attach(prog *ebpf.Program, ifindex int, at ebpf.AttachType) (link.Link, error) {
	return link.AttachTCX(link.TCXOptions{Interface: ifindex, Program: prog, Attach: at, Anchor: link.Head()})
}

// realtime says that the kernel is one where a frame may be interrupted between the
// filter and ingress by another (PREEMPT_RT).
func realtime() bool {
	if b, err := os.ReadFile("/sys/kernel/realtime"); err == nil && strings.TrimSpace(string(b)) == "1" {
		return true
	}
	var u unix.Utsname
	return unix.Uname(&u) != nil || strings.Contains(unix.ByteSliceToString(u.Version[:]), "PREEMPT_RT")
}
