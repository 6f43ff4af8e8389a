package ofswitch

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
	"ofswitch/packet"
)

// A traceKind says how a line of a trace is printed.
type traceKind uint8

const (
	traceBridge traceKind = iota // with a line below it
	traceTable
	traceAction
	traceDetail // " -> text"
	traceWarn   // " >> text"
	traceError  // " >>>> text <<<<"
	traceBucket
)

// traceNode is one line of a trace, with the lines that belong to it.
type traceNode struct {
	kind traceKind
	text string
	subs []*traceNode
}

// traceSection is one translation: the first, or that of a frame that came again.
type traceSection struct {
	recirc uint32 // 0: the first
	start  frameState
	end    frameState
	inPort ofp.PortNo
	root   traceNode // its subs are the lines
	prog   *program
	failed bool     // too much work: the program does nothing
	notes  []string // what happened in execution, after the actions
}

// traceRecorder writes down what translation does. Translation has one only
// while somebody traces; nil costs forwarding one comparison on a miss.
type traceRecorder struct {
	effects  bool // learn and send packet-ins, as for a frame that came in
	names    bool // of ports instead of numbers
	inPort   ofp.PortNo
	sections []*traceSection
	at       *traceNode // lines are added here
	first    *traceNode // that of the walk's first table: the action set is beside what it leads to
	told     bool       // the reason of the drop that comes has been told
	sent     []TraceOutput
	// learnt is what the frame would have taught each bridge so far, without effects.
	learnt map[*Bridge]*l2.FDB
	// made: from a text, in which an address that is left out is 0, and nobody's.
	made bool
}

// now is the section in work.
func (r *traceRecorder) now() *traceSection { return r.sections[len(r.sections)-1] }

func (r *traceRecorder) add(kind traceKind, format string, args ...any) *traceNode {
	n := &traceNode{kind: kind, text: fmt.Sprintf(format, args...)}
	r.at.subs = append(r.at.subs, n)
	return n
}

func (r *traceRecorder) action(format string, args ...any) { r.add(traceAction, format, args...) }
func (r *traceRecorder) detail(format string, args ...any) { r.add(traceDetail, format, args...) }
func (r *traceRecorder) warn(format string, args ...any)   { r.add(traceWarn, format, args...) }

// begin starts the section of a translation.
func (r *traceRecorder) begin(t *translator, k *flow.Key) {
	s := &traceSection{start: t.frameState, inPort: r.inPort, recirc: uint32(k.W[flow.WRecirc] >> 32)}
	r.sections = append(r.sections, s)
	r.at = &s.root
}

// end closes it.
func (r *traceRecorder) end(t *translator) {
	s := r.now()
	s.end, s.prog, s.failed = t.frameState, t.prog, t.complex
	r.at = &s.root
}

// bridge begins the lines of a bridge.
func (r *traceRecorder) bridge(wk *walk) {
	r.at, r.first = r.add(traceBridge, "bridge(%q)", wk.bridge.name), nil
}

// options are how texts of wk's bridge are written.
func (r *traceRecorder) options(wk *walk) text.Options {
	if !r.names {
		return text.Options{}
	}
	return text.Options{Names: func(no uint32) string {
		if p := wk.conf.ports[ofp.PortNo(no)]; p != nil {
			return p.name
		}
		return ""
	}}
}

// table notes what a lookup found. The lines that follow belong to it.
func (r *traceRecorder) table(wk *walk, e *flowtable.Entry) {
	if e == nil {
		if wk.conf.missPacketIn {
			r.lookup("%2d. No match, and a \"packet-in\" is called for.", wk.table)
			return
		}
		r.lookup("%2d. No match.", wk.table)
		r.action("drop")
		return
	}
	m := e.Match()
	s := text.FormatMatch(&m, r.options(wk))
	if s != "" {
		s += ", "
	}
	s += fmt.Sprintf("priority %d", e.Priority)
	if e.Cookie != 0 {
		s += fmt.Sprintf(", cookie %#x", e.Cookie)
	}
	r.lookup("%2d. %s", wk.table, s)
	if text.FormatInstructions(e.Instructions, text.Options{}) == "drop" {
		r.action("drop")
	}
}

// lookup begins the lines of a table.
func (r *traceRecorder) lookup(format string, args ...any) {
	r.at = r.add(traceTable, format, args...)
	if r.first == nil {
		r.first = r.at
	}
}

// executesSet begins the lines of the action set.
func (r *traceRecorder) executesSet() {
	if r.first != nil {
		r.at = r.first
	}
	r.at = r.add(traceTable, "--. Executing action set:")
}

// normal notes what NORMAL has decided.
func (r *traceRecorder) normal(d *l2.Decision) {
	switch {
	case d.Verdict == l2.Flood:
		r.detail("no learned MAC for destination, flooding")
	case d.Verdict == l2.Output:
		r.detail("forwarding to learned port")
	case d.Reason == l2.ReasonReserved:
		r.detail("packet has reserved destination MAC, dropping")
	case d.Reason == l2.ReasonInPort:
		r.detail("learned port is input port, dropping")
	default:
		r.detail("%s, dropping", d.Reason)
	}
	r.told = d.Verdict == l2.Drop
}

// learn is what a trace without effects learns: for itself.
func (r *traceRecorder) learn(b *Bridge, in *l2PortConf, vlan uint16, src l2.MAC, garp bool, now int64) {
	if r.made && src == 0 {
		return
	}
	if e := b.fdb.Lookup(vlan, src); e != nil && (e.Static() || garp && in.bond != nil && e.Port() != uint32(in.no) && e.Locked(now)) {
		return
	}
	if r.learnt == nil {
		r.learnt = map[*Bridge]*l2.FDB{}
	}
	if r.learnt[b] == nil {
		r.learnt[b] = l2.NewFDB(0, 0)
	}
	r.learnt[b].Learn(vlan, src, uint32(in.no), now)
}

// stations looks up what b knows, and what the frame would have taught it.
func (r *traceRecorder) stations(b *Bridge) func(vlan uint16, mac l2.MAC) *l2.Entry {
	own := r.learnt[b]
	if own == nil {
		return b.fdb.Lookup
	}
	return func(vlan uint16, mac l2.MAC) *l2.Entry {
		if e := own.Lookup(vlan, mac); e != nil {
			return e
		}
		return b.fdb.Lookup(vlan, mac)
	}
}

// did notes an action that is about to be carried out.
func (r *traceRecorder) did(wk *walk, a ofp.Action) {
	r.add(traceAction, "%s", actionText(a, r.options(wk)))
}

// actionText is FormatAction, also for the actions of OpenFlow 1.0, which name
// themselves. Of those the port of enqueue alone may have a name.
func actionText(a ofp.Action, o text.Options) string {
	switch a := a.(type) {
	case ofp.StripVLAN, ofp.SetVLANVID, ofp.SetVLANPCP, ofp.SetTransport:
		return fmt.Sprint(a)
	case ofp.Enqueue:
		return fmt.Sprintf("enqueue:%s:%d", text.FormatPortNo(a.Port, o.Names), a.QueueID)
	}
	return text.FormatAction(a, o)
}

// instruction notes the instruction of this type, which is about to be carried out.
func (r *traceRecorder) instruction(wk *walk, typ int, ins *ofp.Instructions) {
	only := *ins
	only.Has = 1 << typ
	r.add(traceAction, "%s", text.FormatInstructions(&only, r.options(wk)))
}

// actionSetIs notes what the action set was or is.
func (r *traceRecorder) actionSetIs(wk *walk, verb string) {
	list := wk.set.list()
	if wk.set.has == 0 && len(wk.set.fields) == 0 && len(wk.set.legacy) == 0 {
		r.detail("action set %s empty", verb)
		return
	}
	if list == nil {
		// Nothing leaves, so it is not executed; show what is in it all the same.
		set := wk.set
		set.has |= 1 << ofp.ActionOutput
		list = set.list()
		list = list[:len(list)-1]
	}
	o := r.options(wk)
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = actionText(a, o)
	}
	r.detail("action set %s: %s", verb, strings.Join(words, ","))
}

// chosen notes which bucket a group gives the frame to; below 0: to none.
func (r *traceRecorder) chosen(g *flowtable.Group, bucket int) {
	switch {
	case len(g.Buckets) == 0:
		r.detail("the group has no buckets")
	case bucket < 0:
		r.detail("no live bucket")
	case g.Type == ofp.GroupTypeSelect || g.Type == ofp.GroupTypeFastFailover:
		r.detail("using bucket %d", bucket)
	}
}

// intoLast has the lines that follow belong to the line before.
func (r *traceRecorder) intoLast() { r.at = r.at.subs[len(r.at.subs)-1] }

// nested runs fn, whose lines may belong to others, and goes on where it was.
func (r *traceRecorder) nested(fn func()) {
	at, first := r.at, r.first
	r.first = nil
	fn()
	r.at, r.first = at, first
}

// dropTexts say why a frame, or a copy of it, goes nowhere. Where one reason has
// several causes, or is told at its place, there is none.
var dropTexts = [numDropReasons]string{
	dropNoPort:    "Nonexistent output port",
	dropInPort:    "skipping output to input port",
	dropFragment:  "Packets are IP fragments and the fragment handling mode is \"drop\".",
	dropPatch:     "Nonexistent patch port peer",
	dropLoop:      "over max translation depth: more patch ports, groups or TABLE actions than a frame may pass",
	dropTruncated: "no whole Ethernet header, dropping",
}

// dropped notes a drop.
func (r *traceRecorder) dropped(reason dropReason) {
	if s := dropTexts[reason]; s != "" && !r.told {
		r.warn("%s", s)
	}
	r.told = false
}

// lacks notes that an action asks for a field that the frame does not have.
func (r *traceRecorder) lacks(id flow.ID) {
	r.detail("the frame has no %s: nothing to do", id.Field().SetText)
}

// thaw notes that a frame goes on where an earlier translation has stopped.
func (r *traceRecorder) thaw(fz *frozen) {
	wk := fz.walk
	r.bridge(&wk)
	n := r.add(traceTable, "thaw")
	n.subs = []*traceNode{{kind: traceTable, text: fmt.Sprintf("Resuming from table %d", wk.table)}}
}

// ttlExhausted notes that a TTL cannot be decremented.
func (r *traceRecorder) ttlExhausted(t *translator) {
	v := 4
	if t.bits&(1<<flow.WIPv6Src) != 0 {
		v = 6
	}
	r.warn("IPv%d decrement TTL exception", v)
}

// output collects what execution has sent, instead of sending it.
func (r *traceRecorder) collect(w *worker) {
	for _, b := range w.dirty {
		for _, f := range b.frames {
			r.sent = append(r.sent, TraceOutput{Bridge: b.port.bridge.name, Port: b.port.no, Name: b.port.name, Queue: b.queueID(), Data: append([]byte(nil), f.Bytes()...)})
		}
		b.clear()
	}
	w.dirty = w.dirty[:0]
}

// queueID is the queue of the port that the batch is for; 0 also where there are none.
func (t *txBatch) queueID() uint32 {
	if t.queue == nil {
		return 0
	}
	return t.queue.id
}

// held notes that execution keeps a frame.
func (r *traceRecorder) held(f *packet.Frame) {
	r.now().notes = append(r.now().notes, fmt.Sprintf("the fragment of %d bytes waits for the others of its packet", f.Len()))
}
