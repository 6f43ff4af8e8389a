package kernelpath

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Bounds of a table.
const (
	MaxFlows = 2048 // flows at once
	MaxMasks = 4    // different masks of the flows of one port
)

// Table is the kernel's flow table, with the programs that look frames up in it: one for
// a process. Its methods may be called from any goroutine.
type Table struct {
	mu     sync.Mutex
	progs  *programs
	m      *shared
	mem    []byte
	ports  map[*Port]struct{}
	flows  [MaxFlows]*Flow // by slot, those that were removed and not waited for as well
	free   []uint16        // slots
	gone   []*Flow         // removed since the last wait
	stuck  [cpuEntries]uint64
	closed bool

	backlogs backlogs

	opened time.Time // when the last port was
	early  []*Port   // TAPs that are to be made ready ahead, in their order
	ahead  int       // how many are
}

// Open makes the table. The error wraps ErrUnavailable and says why there is none: the
// kernel, a capability.
func Open() (*Table, error) {
	t, err := open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return t, nil
}

func open() (*Table, error) {
	if realtime() {
		return nil, errors.New("a real-time kernel interrupts frames by others")
	}
	if n, err := processors(); err != nil || n > cpuEntries {
		return nil, fmt.Errorf("%d processors, at most %d are known to work: %w", n, cpuEntries, errors.Join(err, unix.E2BIG))
	}
	progs, err := openPrograms()
	if err != nil {
		return nil, explain(err)
	}
	if _, err := link.QueryPrograms(link.QueryOptions{Target: 1, Attach: ebpf.AttachTCXIngress}); err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, errors.Join(fmt.Errorf("no TCX, which is there since Linux 6.6: %w", explain(err)), progs.close())
	}
	t := &Table{progs: progs, ports: make(map[*Port]struct{})}
	if _, err := progs.get(progFilter); err != nil {
		return nil, errors.Join(explain(err), progs.close())
	}
	if t.m, t.mem, err = mapShared(progs.table.FD()); err != nil {
		return nil, errors.Join(fmt.Errorf("mapping the table: %w", err), progs.close())
	}
	for i := range MaxFlows {
		t.free = append(t.free, uint16(MaxFlows-1-i))
	}
	t.backlogs.open()
	return t, nil
}

// explain adds what a refusal for want of permission takes.
func explain(err error) error {
	if errors.Is(err, unix.EPERM) { // what the library says of it is for kernels before 5.11
		return fmt.Errorf("needs CAP_BPF and CAP_NET_ADMIN: %w", unix.EPERM)
	}
	if errors.Is(err, unix.EACCES) {
		return fmt.Errorf("needs CAP_BPF and CAP_NET_ADMIN: %w", err)
	}
	return err
}

// processors is one more than the highest number of a processor that this machine may
// have.
func processors() (int, error) {
	b, err := os.ReadFile("/sys/devices/system/cpu/possible")
	if err != nil {
		return 0, err
	}
	list := strings.FieldsFunc(strings.TrimSpace(string(b)), func(r rune) bool { return r == ',' || r == '-' })
	if len(list) == 0 {
		return 0, fmt.Errorf("the list of possible processors is %q", b)
	}
	last, err := strconv.Atoi(list[len(list)-1])
	return last + 1, err
}

// Close removes all flows, takes the programs off the ports and frees the table. The ports
// must not be used any more.
func (t *Table) Close() error {
	var errs []error
	for {
		t.mu.Lock()
		var p *Port
		for p = range t.ports {
			break
		}
		if p == nil {
			break // with the lock held
		}
		t.mu.Unlock()
		errs = append(errs, p.Close())
	}
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.reclaimLocked()
	t.closed = true
	errs = append(errs, unix.Munmap(t.mem), t.progs.close(), t.backlogs.close())
	t.m, t.mem = nil, nil
	return errors.Join(errs...)
}

// Flow is an entry of the table.
type Flow struct {
	t       *Table
	in      *Port
	outs    []*Port // where there is one twice the flow sends it two
	slot    *slotEntry
	at      uint16
	mask    int // number among the port's masks
	bucket  *atomic.Uint32
	removed bool // under Table.mu
	final   atomic.Pointer[counts]
}

// counts are a flow's when no frame will add to them.
type counts struct {
	packets, bytes uint64
	used           int64
	active         bool
}

// Count is what the flow has forwarded so far, GSO frames as their segments as
// packet.Frame.Segments counts them, and when it last did, in nanoseconds of CLOCK_MONOTONIC,
// with the resolution of the kernel's tick; 0: never. After
// Remove and Wait it stays as it is.
func (f *Flow) Count() (packets, bytes uint64, used int64) {
	c := f.counts()
	return c.packets, c.bytes, c.used
}

// Active says that the kernel forwards the flow's frames. Until then it lets them go to the
// switch, as long as earlier frames of the flow may be there.
func (f *Flow) Active() bool { return f.counts().active }

func (f *Flow) counts() counts {
	f.t.mu.Lock()
	defer f.t.mu.Unlock()
	if c := f.final.Load(); c != nil {
		return *c
	}
	return f.slot.counts()
}

func (s *slotEntry) counts() counts {
	return counts{s.packets.Load(), s.bytes.Load(), s.used.Load(), s.state.Load()&flowActive != 0}
}

// Add has the kernel forward frames of in with this key, as far as mask looks at it, to
// each of outs, at most MaxOutputs; none: it drops them, which a TAP cannot. It copies all three. The flow counts from then on, but
// may only become active later: see Flow.Active. The first flow of a port takes the kernel some
// 10 ms and more. Errors wrap ErrFull, ErrMasks, ErrExists, ErrElsewhere, ErrClosed,
// ErrUnavailable.
func (t *Table) Add(in *Port, outs []*Port, key, mask *Key) (*Flow, error) {
	if in.t != t || slices.ContainsFunc(outs, func(p *Port) bool { return p.t != t }) {
		return nil, ErrClosed
	}
	if slices.ContainsFunc(outs, func(p *Port) bool { return p.namespace != in.namespace }) {
		return nil, ErrElsewhere
	}
	if len(outs) > MaxOutputs {
		return nil, fmt.Errorf("%w: %d outputs, of at most %d", ErrUnavailable, len(outs), MaxOutputs)
	}
	if len(outs) == 0 && in.redirect == redirectIngress {
		return nil, fmt.Errorf("%w: a sender at the TAP would be told of the drop", ErrUnavailable)
	}
	if err := in.begin(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || in.closed || slices.ContainsFunc(outs, func(p *Port) bool { return p.closed }) {
		return nil, ErrClosed
	}
	k, m := *key, *mask
	k.setPort(uint16(in.ifindex & (portEntries - 1)))
	m.setPort(0xffff)
	m.SetClass(0xffff)
	number, isNew, err := in.maskLocked(&m)
	if err != nil {
		return nil, err
	}
	for i := range k {
		k[i] &= m[i]
	}
	k[3] |= uint64(number + 1)
	f := &Flow{t: t, in: in, outs: slices.Clone(outs), mask: number}
	entry, err := t.placeLocked(f, &k)
	if err != nil {
		return nil, err
	}
	s := f.slot
	s.key = k
	s.last.Store(0)
	s.packets.Store(0)
	s.bytes.Store(0)
	s.used.Store(0)
	s.leadTo(outs)
	s.state.Store(flowHeld)
	f.bucket.Store(entry)
	if isNew {
		in.maskIs[number] = m
		in.entry.masks[number] = m
		in.orderLocked(number, true)
	}
	in.maskUsers[number]++
	t.flows[f.at] = f
	in.flows[f] = struct{}{}
	for _, out := range outs {
		out.flows[f] = struct{}{}
	}
	// Frames that looked before it was there are in the ring when it may become active.
	t.waitLocked()
	s.state.And(^uint64(flowHeld))
	return f, nil
}

// leadTo has the slot's frames go to outs. Nothing finds it yet.
func (s *slotEntry) leadTo(outs []*Port) {
	s.out, s.flags, s.mark, s.most, s.marks = 0, 0, 0, 0, 0
	clear(s.more[:])
	for i, p := range outs {
		if most := p.most.Load(); most != 0 && (s.most == 0 || most < s.most) {
			s.most = most
		}
		switch {
		case i == 0:
			s.out, s.flags, s.mark = uint32(p.ifindex), p.redirect, p.mark
		case p.redirect == redirectIngress:
			s.more[i-1] = uint32(p.ifindex) | toHost
		default:
			s.more[i-1], s.marks = uint32(p.ifindex), p.mark
		}
	}
}

// placeLocked finds a slot and a place in the index for the key, and gives them to f. entry
// is what the place is to hold.
func (t *Table) placeLocked(f *Flow, k *Key) (entry uint32, err error) {
	if len(t.free) == 0 {
		t.reclaimLocked()
	}
	if len(t.free) == 0 {
		return 0, ErrFull
	}
	h := hash(k)
	tag := uint32(h>>16) & 0xffff
	bucket := &t.m.index[h%buckets]
	var place *atomic.Uint32
	for i := range bucket {
		e := bucket[i].Load()
		switch {
		case e == 0 && place == nil:
			place = &bucket[i]
		case e == 0 || e>>16 != tag:
		case t.m.slots[e&0xffff-1].key == *k:
			return 0, ErrExists
		default:
			return 0, ErrFull // the programs look at one slot of a tag
		}
	}
	if place == nil {
		return 0, ErrFull
	}
	f.at = t.free[len(t.free)-1]
	t.free = t.free[:len(t.free)-1]
	f.slot, f.bucket = &t.m.slots[f.at], place
	return tag<<16 | uint32(f.at) + 1, nil
}

// Remove takes flows out: a frame that comes after it returns does not find them. One that is
// on its way may still be counted and sent: see Wait. Flows that are removed already do no
// harm.
func (t *Table) Remove(flows ...*Flow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeLocked(flows)
}

func (t *Table) removeLocked(flows []*Flow) {
	for _, f := range flows {
		if f.removed {
			continue
		}
		f.removed = true
		f.bucket.Store(0)
		p := f.in
		if p.maskUsers[f.mask]--; p.maskUsers[f.mask] == 0 {
			p.orderLocked(f.mask, false)
		}
		delete(p.flows, f)
		for _, out := range f.outs {
			delete(out.flows, f)
		}
		t.gone = append(t.gone, f)
	}
}

// Wait returns when no frame is on its way by a flow that was removed before the call:
// the counters of those are final. It takes microseconds, and nothing where nothing was
// removed.
func (t *Table) Wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reclaimLocked()
}

// reclaimLocked waits for what was removed and makes its slots free.
func (t *Table) reclaimLocked() {
	if len(t.gone) == 0 {
		return
	}
	t.waitLocked()
	for _, f := range t.gone {
		c := f.slot.counts()
		f.final.Store(&c)
		t.flows[f.at] = nil
		t.free = append(t.free, f.at)
		f.slot, f.bucket = nil, nil
	}
	t.gone = t.gone[:0]
}
