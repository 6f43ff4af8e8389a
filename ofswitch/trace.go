package ofswitch

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// TraceQuery asks what would become of a frame.
type TraceQuery struct {
	// Flow describes the frame and its ingress port, in the syntax of matches
	// ("in_port=1,tcp,nw_dst=10.0.0.1"), with names for ports where there are such. What
	// it leaves out is zero. With Packet only in_port and tun_id count.
	Flow string
	// Packet is the frame itself; nil: one is made from Flow.
	Packet []byte
	// Generate has the trace do what a frame that came in would do besides being
	// forwarded: addresses are learnt, controllers get packet-ins. Nothing is sent to
	// a port, and no counter and no meter moves, with it or without.
	Generate bool
	// PacketOut traces a packet-out with Actions instead of a frame that came in.
	PacketOut bool
	Actions   []ofp.Action
	// Names prints names of ports where there are such.
	Names bool
}

// TraceOutput is a frame as it would leave.
type TraceOutput struct {
	Bridge string
	Port   ofp.PortNo
	Name   string // of the port
	Queue  uint32 // of the port; 0: the default queue, or none
	Data   []byte
}

// Trace is what would become of a frame.
type Trace struct {
	// Outputs are the frames that would leave, in their order; meters are taken to let
	// all pass.
	Outputs []TraceOutput

	names    bool
	sections []*traceSection
}

// errTrace keeps a mistake of ours in a trace from ending the switch.
var errTrace = errors.New("the trace failed for a fault of the switch, which the log tells")

// Trace follows a frame through the bridge. It is the translation and the execution
// that forward which do it: only what execution would hand to ports is kept from
// them. Errors: the text is wrong, or there can be no such frame.
func (b *Bridge) Trace(q TraceQuery) (*Trace, error) {
	f, err := b.traceFrame(&q)
	if err != nil {
		return nil, err
	}
	return b.trace(&q, f)
}

// tracedFrame is a frame that somebody asks about.
type tracedFrame struct {
	data   []byte
	in     *port // nil: there is no such port, or the controller
	inPort ofp.PortNo
	tunnel uint64
}

// trace runs a frame through a control executor of its own, whose programs nobody
// counts.
func (b *Bridge) trace(q *TraceQuery, tf *tracedFrame) (result *Trace, err error) {
	d := b.d
	rec := &traceRecorder{effects: q.Generate, names: q.Names, inPort: tf.inPort, made: q.Packet == nil}
	d.lockControl()
	defer d.ctlMu.Unlock()
	d.ctl.epoch.enter()
	defer d.ctl.epoch.leave()
	w := newControlExecutor(d, d.ctl.index)
	w.tr.rec = rec
	defer func() {
		if r := recover(); r != nil {
			if d.manual {
				panic(r)
			}
			d.log.Error("tracing failed", "bridge", b.name, "flow", q.Flow, "panic", r)
			rec.collect(w)
			result, err = nil, errTrace
		}
	}()
	w.begin()
	f := packet.FromBytes(slices.Clone(tf.data))
	var k flow.Key
	num := uint32(0)
	if tf.in != nil {
		if tf.in.gone.Load() {
			return nil, fmt.Errorf("port %d has gone", tf.inPort)
		}
		num = tf.in.num
	}
	f.InPort = num
	flow.Extract(f, num, &k)
	if tf.tunnel != 0 {
		k.W[flow.WTunnel] = tf.tunnel
		k.Bits |= 1 << flow.WTunnel
	}
	var p *program
	if q.PacketOut {
		p = w.tr.packetOut(&k, b, tf.in, tf.inPort, q.Actions)
	} else {
		p = w.tr.ingressOnly(&k, b, tf.in, tf.inPort)
	}
	one := [1]*packet.Frame{f}
	w.execute(p, one[:])
	w.tellUpcalls()
	rec.collect(w)
	return &Trace{Outputs: rec.sent, names: q.Names, sections: rec.sections}, nil
}

// ingressOnly is translate for a frame that need not have come in by a port that
// there is.
func (t *translator) ingressOnly(k *flow.Key, b *Bridge, in *port, no ofp.PortNo) *program {
	t.start(k, in)
	t.ingress(b, in, no)
	return t.finish()
}

// String is the trace as `ovs-appctl ofproto/trace` prints it.
func (t *Trace) String() string {
	var b strings.Builder
	for i, s := range t.sections {
		if i > 0 {
			line := strings.Repeat("=", 79)
			fmt.Fprintf(&b, "\n%s\nrecirc(%#x)\n%s\n\n", line, s.recirc, line)
		}
		s.append(&b, t.names)
	}
	return b.String()
}

func (s *traceSection) append(b *strings.Builder, names bool) {
	fmt.Fprintf(b, "Flow: %s\n", s.flowText(&s.start, names))
	printNodes(b, s.root.subs, 0)
	b.WriteByte('\n')
	if s.failed {
		b.WriteString("Translation failed (too much work for one frame), packet is dropped.\n")
	}
	if final := s.flowText(&s.end, names); final == s.flowText(&s.start, names) {
		b.WriteString("Final flow: unchanged\n")
	} else {
		fmt.Fprintf(b, "Final flow: %s\n", final)
	}
	fmt.Fprintf(b, "Megaflow: %s\n", s.megaflowText(names))
	fmt.Fprintf(b, "Datapath actions: %s\n", s.prog.actionsText(names))
	for _, n := range s.notes {
		fmt.Fprintf(b, "Note: %s\n", n)
	}
}

// printNodes prints lines as Open vSwitch indents them: what stands last in its
// list, and may lead on, is not indented any further.
func printNodes(b *strings.Builder, nodes []*traceNode, level int) {
	for i, n := range nodes {
		deeper := level
		switch {
		case n.kind != traceBridge && n.kind != traceTable, i < len(nodes)-1:
			deeper++
		}
		indent := strings.Repeat("    ", deeper)
		switch n.kind {
		case traceBridge:
			fmt.Fprintf(b, "\n%s%s\n%s%s\n", indent, n.text, indent, strings.Repeat("-", len(n.text)))
		case traceDetail:
			fmt.Fprintf(b, "%s -> %s\n", indent, n.text)
		case traceWarn:
			fmt.Fprintf(b, "%s >> %s\n", indent, n.text)
		case traceError:
			fmt.Fprintf(b, "%s >>>> %s <<<<\n", indent, n.text)
		default:
			fmt.Fprintf(b, "%s%s\n", indent, n.text)
		}
		printNodes(b, n.subs, level+2*(deeper-level))
	}
}
