package ofswitch

import (
	"fmt"

	"ofswitch/flow"
)

// flip takes a random cached program, changes bits of its key that are not in
// its mask, and translates again: the operations must be the same.
func (c *contest) flip() error {
	for _, w := range c.d.workers() {
		var progs []*program
		w.begin()
		w.cache.Each(func(_ *flow.Key, p *program) bool {
			// Fresh ones only: translating another would learn.
			if p.stamp == w.stamp && p.key.W[flow.WRecirc] == 0 {
				progs = append(progs, p)
			}
			return true
		})
		if len(progs) == 0 {
			continue
		}
		// Made anew: that p is fresh says that it is right for its own key,
		// not that its mask is what it would be today.
		old := pick(c.flips, progs...)
		p := w.tr.translate(&old.key, old.in, nil)
		k := p.key
		for i := range k.W {
			if k.Bits>>i&1 != 0 {
				k.W[i] ^= c.flips.Uint64() & c.flips.Uint64() &^ p.mask[i]
			}
		}
		// Translation learns addresses; all it looked at is the same, so it
		// learns nothing new.
		q := w.tr.translate(&k, p.in, nil)
		if same, other := opsText(p), opsText(q); same != other {
			return fmt.Errorf("program of %x\nmask %x\n%s\nprogram of %x\nmask %x\n%s", p.key.W, p.mask, same, k.W, q.mask, other)
		}
	}
	return nil
}

// dump prints what the switch knows, to find what went wrong.
func (c *contest) dump() {
	for name, tb := range c.twin.bridges {
		for _, e := range tb.entries {
			var m flow.Match
			for _, t := range e.terms {
				m.SetMasked(t.id, t.value, t.mask)
			}
			fmt.Printf("%s table %d priority %d cookie %#x %v %+v\n", name, e.table, e.priority, e.cookie, m.String(), e.ins)
		}
		for no, p := range tb.ports {
			fmt.Printf("%s port %d config %d\n", name, no, p.config)
		}
		fmt.Println(tb.macs)
	}
	for _, w := range c.d.workers() {
		w.cache.Each(func(_ *flow.Key, p *program) bool {
			fmt.Printf("program %x\n%s\n", p.key.W, opsText(p))
			return true
		})
	}
}

// opsText writes operations so that equal texts mean equal operations.
func opsText(p *program) (s string) {
	for i := range p.ops {
		o := &p.ops[i]
		s += fmt.Sprint(o.kind, o.share, o.field, o.arg, o.value)
		if o.port != nil {
			s += " port " + o.port.name
		}
		if o.in != nil {
			s += fmt.Sprint(" in ", o.in.bridge.name, o.in.inPort, o.in.maxLen, o.in.reason, o.in.table, o.in.cookie, o.in.match)
		}
		if f := o.frozen; f != nil {
			s += fmt.Sprint(" frozen ", f.walk.bridge.name, f.walk.table, f.walk.cookie, f.rest, f.tunnel, f.meta)
		}
		s += "\n"
	}
	return s + fmt.Sprint(len(p.credits))
}
