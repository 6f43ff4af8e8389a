package kernelpath

import (
	"errors"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Programs of others at a port's hooks. Who attaches one to ingress in front of ofs_ingress has every frame
// first, and may keep it, or change it: the ring has its copy before that, but what a flow takes is in nobody's ring. The filter
// sees it with the next frame, and takes none any more. At a TAP's egress hook it is the other way round: programs behind ofs_tap
// would not see what that one takes.

// othersEvery is how long the answer of Others holds.
const othersEvery = 200 * time.Millisecond

// others is such an answer.
type others struct {
	some bool
	at   time.Time
}

// Others says whether programs of others stand where they would meet the port's frames only if the kernel path takes
// none, or keep from it what it takes. An error is that they cannot be listed. It may be called often, and waits for nothing.
func (p *Port) Others() (some bool, err error) {
	if p.within == nil || !p.attaching.TryLock() { // it comes to the front
		return false, nil
	}
	defer p.attaching.Unlock()
	if p.entry.swallowed.Load() == 0 && time.Since(p.others.at) < othersEvery {
		return p.others.some, nil
	}
	if some, err = p.lookForOthers(); err == nil {
		p.others.some, p.others.at = some, time.Now()
	}
	return some, err
}

// lookForOthers is called with attaching held.
func (p *Port) lookForOthers() (some bool, err error) {
	own := len(p.links) > 0
	if p.ring && !own {
		return false, nil
	}
	swallowed := p.entry.swallowed.Load()
	list, err := p.attached()
	switch {
	case err != nil:
		return false, err
	case p.ring:
		first, err := p.t.progs.id(progIngress)
		if err != nil || len(list) == 0 || list[0] != first {
			return true, err
		}
		if swallowed != 0 {
			p.entry.swallowed.Store(0)
		}
		return false, nil
	case !own:
		return len(list) > 0, nil
	}
	ours, err := p.t.progs.id(progTap)
	return slices.ContainsFunc(list, func(id ebpf.ProgramID) bool { return id != ours }), err
}

// attached are the programs at the hook where the port's own is.
func (p *Port) attached() (list []ebpf.ProgramID, err error) {
	at := ebpf.AttachTCXEgress
	if p.ring {
		at = ebpf.AttachTCXIngress
	}
	err = p.within(func() error {
		res, err := link.QueryPrograms(link.QueryOptions{Target: p.ifindex, Attach: at})
		if errors.Is(err, unix.ENOENT) { // there never was one
			return nil
		}
		if err == nil {
			for _, a := range res.Programs {
				list = append(list, a.ID)
			}
		}
		return err
	})
	return list, err
}

// id is by what the kernel lists the program.
func (p *programs) id(name string) (ebpf.ProgramID, error) {
	prog, err := p.get(name)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, ok := p.ids[name]; ok {
		return id, nil
	}
	info, err := prog.Info()
	if err != nil {
		return 0, err
	}
	id, ok := info.ID()
	if !ok {
		return 0, errors.New("the kernel gives programs no ids")
	}
	p.ids[name] = id
	return id, nil
}
