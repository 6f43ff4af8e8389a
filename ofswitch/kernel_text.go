package ofswitch

import (
	"cmp"
	"slices"
)

// KernelPort says whether the kernel may forward frames from and to a port by itself.
type KernelPort struct {
	Bridge, Name string
	// Why it may not, in a word or a few; empty: it may.
	Why string
	// Flows are those that come in by the port and are with the kernel, Active those of which it
	// forwards the frames already.
	Flows, Active int
}

// SetKernelPath says whether the kernel may forward frames by itself, as it does from the start on if
// Options name a table. When it returns, and is off, the kernel forwards none.
func (d *Datapath) SetKernelPath(on bool) { d.kernel.set(on) }

// KernelPorts lists the ports with a device, by bridge and name.
func (d *Datapath) KernelPorts() []KernelPort {
	byPort := map[*port]*KernelPort{}
	var list []*KernelPort
	for _, p := range d.devices() {
		kp := &KernelPort{Bridge: p.bridge.name, Name: p.name, Why: d.kernel.why(p)}
		byPort[p] = kp
		list = append(list, kp)
	}
	d.kernel.mu.Lock()
	for _, f := range d.kernel.live {
		if kp := byPort[f.prog.in]; kp != nil {
			kp.Flows++
			if f.active() {
				kp.Active++
			}
		}
	}
	d.kernel.mu.Unlock()
	slices.SortFunc(list, func(a, b *KernelPort) int {
		return cmp.Or(cmp.Compare(a.Bridge, b.Bridge), cmp.Compare(a.Name, b.Name))
	})
	out := make([]KernelPort, len(list))
	for i, kp := range list {
		out[i] = *kp
	}
	return out
}

// why says what keeps the kernel from forwarding from or to p, in a word or a few; empty: nothing does.
func (k *kernelFlows) why(p *port) string {
	switch _, why := p.kernelPath(); {
	case !k.wanted.Load():
		return "off"
	case why != "":
		return why
	case p.policing.Load() != nil:
		return "policing"
	case p.qos.Load() != nil:
		return "qos"
	case !p.kernelSuits():
		return "down"
	}
	return ""
}

// cached lists the flows that are with the kernel as cached flows. The caller holds foldMu and has
// folded.
func (k *kernelFlows) cached(now int64, byNum map[uint32]DatapathPort) (list []CachedFlow) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, f := range k.live {
		p := f.prog
		c := CachedFlow{Worker: -1, Offloaded: f.active(), InPort: byNum[p.in.num], Packets: p.foldedCount, Bytes: p.foldedBytes, Age: -1, ID: p.hash, key: p.key, prog: p}
		if c.Packets > 0 {
			c.Age = max(0, now-p.foldedUsed)
		}
		list = append(list, c)
	}
	return list
}
