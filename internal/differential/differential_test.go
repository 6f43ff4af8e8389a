package differential

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

var (
	seed     = flag.Uint64("seed", 1, "of the random messages")
	messages = flag.Int("messages", 100_000, "how many to compare")
)

const (
	batchLen = 40 // messages between two looks at the state
	worldLen = 25 // batches between two emptyings

	maxRevivals = 50 // of Open vSwitch
)

// sample is one message as it goes to both switches.
type sample struct {
	tree   *node
	damage string // "" for a valid one
}

func (s *sample) wire(xid uint32) []byte { return s.tree.wire(xid) }

// deletesAllGroups says whether it is a group-mod that does so, if it is in order.
func (s *sample) deletesAllGroups() bool {
	b := s.wire(0)
	return ofp.Type(b[1]) == ofp.TypeGroupMod && len(b) >= 16 && be.Uint32(b[12:]) == ofp.GroupAll
}

// finding is a difference that no row of the table explains.
type finding struct {
	what    string
	count   int
	sample  string
	damages string
}

// run is the state of one comparison.
type run struct {
	t        *testing.T
	p        *pair
	make     *maker
	story    []sample // since both were emptied
	compared int
	refused  int              // by both
	codes    map[ofp.Code]int // that Open vSwitch gave
	explains map[string]int   // uses of the rows of the table
	findings map[string]*finding
	removed  [2]map[string]int // flow-removed messages of this world, ours and theirs
	revived  int               // how often Open vSwitch was started again
	narrowed int               // how often narrow was called
	told     int               // flow-removed messages compared, where filters stayed as they were
	// In this world there were such messages.
	hadRole, hadSetAsync, hadMeterDelete bool
}

// TestIntegrationDifferential sends at least 100,000 messages to this switch and
// to Open vSwitch and compares answers and states. Another seed and more
// messages: go test ./internal/differential -args -seed 7 -messages 1000000
func TestIntegrationDifferential(t *testing.T) {
	p := startPair(t)
	t.Logf("seed %d", *seed)
	r := &run{t: t, p: p, codes: map[ofp.Code]int{}, explains: map[string]int{}, findings: map[string]*finding{},
		make: &maker{Rand: rand.New(rand.NewPCG(*seed, 0)), macs: p.macs, seen: map[string]int{}}}
	for batch := 0; r.compared < *messages && len(r.findings) < 200; batch++ {
		if batch%worldLen == 0 {
			r.checkRemoved(nil)
			r.reset()
			r.make.calm = batch/worldLen%5 == 0
		}
		r.batch(batch%10 == 0)
	}
	r.report()
	r.checkReached()
}

// prelude is what every world begins with.
func (r *run) prelude() (msgs []ofp.Message) {
	group := func(s string) {
		m, err := text.ParseGroup(s, text.GroupOptions{})
		if err != nil {
			r.t.Fatal(err)
		}
		msgs = append(msgs, m)
	}
	flow := func(s string) {
		m, err := text.ParseFlow(s, text.ParseOptions{})
		if err != nil {
			r.t.Fatal(err)
		}
		msgs = append(msgs, m)
	}
	for i := 1; i <= 3; i++ {
		m, err := text.ParseMeter(fmt.Sprintf("meter=%d,kbps,band=type=drop,rate=1000", i), ofp.MeterAdd)
		if err != nil {
			r.t.Fatal(err)
		}
		msgs = append(msgs, m)
	}
	group("group_id=1,type=all,bucket=actions=output:1,bucket=actions=output:2")
	group("group_id=2,type=indirect,bucket=actions=group:1")
	group("group_id=3,type=select,bucket=weight:1,actions=output:1,bucket=weight:3,actions=output:2")
	group("group_id=4,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_port:2,actions=output:2")
	flow("priority=0,actions=CONTROLLER:65535")
	flow("priority=100,ip,actions=dec_ttl,group:3")
	flow("table=1,priority=100,tcp,tp_dst=1,actions=meter:2,write_actions(output:2),goto_table:2")
	flow("table=2,priority=0,cookie=1,actions=output:1")
	return msgs
}

// reset empties both switches and fills them a little.
func (r *run) reset() {
	r.t.Helper()
	r.story = nil
	r.make.world++
	r.removed = [2]map[string]int{{}, {}}
	r.hadRole, r.hadSetAsync, r.hadMeterDelete = false, false, false
	msgs := append(emptying(r.p.macs), r.prelude()...)
	r.p.ours.must(msgs...)
	for {
		_, err := r.p.theirs.try(msgs...)
		if err == nil {
			return
		}
		if r.revived++; r.revived > maxRevivals {
			r.t.Fatal(err)
		}
		r.p.revive(r.t)
	}
}

// sample makes one message; half of them are damaged.
func (r *run) sample() sample {
	s := sample{tree: r.make.any()}
	if !r.make.calm && r.make.in(2) {
		s.damage = damage(r.make.Rand, s.tree)
	}
	return s
}

// batch sends some messages to both. In a slow one the state is asked for after
// every message: what is refused must have changed nothing.
func (r *run) batch(slow bool) {
	r.t.Helper()
	list := make([]sample, batchLen)
	for i := range list {
		if list[i] = r.sample(); list[i].deletesAllGroups() {
			// Open vSwitch 3.1 ends in an assertion when two of the groups are in one
			// flow: the flows have to go first.
			list[max(i-1, 0)] = sample{tree: r.make.deleteFlows()}
			if i == 0 {
				list[i] = list[0]
			}
		}
	}
	each := 1
	if slow {
		each += len(stateRequests)
	}
	n := each*batchLen + len(stateRequests)
	wire := func(i int, xid uint32) []byte {
		switch j := i % each; {
		case i >= each*batchLen:
			return ofp.Encode(xid, stateRequests[i-each*batchLen])
		case j == 0:
			return list[i/each].wire(xid)
		default:
			return ofp.Encode(xid, stateRequests[j-1])
		}
	}
	r.foresee(list)
	a, b, ok := r.both(n, wire, list)
	if !ok {
		return
	}

	before := ""
	for i := range list {
		r.story = append(r.story, list[i])
		r.compared++
		x, y := normalAll(a.to[i*each]), normalAll(b.to[i*each])
		for _, reply := range b.to[i*each] {
			if ofp.Type(reply[1]) == ofp.TypeError {
				r.codes[errorCode(reply)]++
			}
		}
		if slow {
			state := normalState(a.to[i*each+1 : (i+1)*each])
			if strings.HasPrefix(x, "error") && before != "" && state != before {
				r.find(&list[i], "the refused message has changed this switch", before, state)
			}
			before = state
		}
		if x == y {
			if strings.HasPrefix(x, "error") {
				r.refused++
			}
			continue
		}
		msg := list[i].wire(uint32(i))
		if d := explain(msg, a.to[i*each], b.to[i*each]); d != nil {
			r.explains[d.name]++
		} else if strings.HasPrefix(x, "OFP") && strings.HasPrefix(y, "OFP") {
			if d := explainCulprit(msg); d != nil {
				r.explains[d.name]++
			} else {
				r.checkRemoved(&b)
				r.narrow(x, y) // an earlier message has made them differ
			}
		} else {
			r.find(&list[i], "", x, y)
		}
		if !strings.HasPrefix(x, "error") || !strings.HasPrefix(y, "error") {
			r.checkRemoved(&b)
			r.reset() // one did something, the other not: from here on they differ
			return
		}
	}
	last := each * batchLen
	if x, y := normalState(a.to[last:]), normalState(b.to[last:]); x != y {
		r.checkRemoved(&b)
		if d := r.explainState(x, y); d != nil {
			r.explains[d.name]++
			r.reset()
			return
		}
		r.narrow(x, y)
		r.reset()
		return
	}
	r.gather(0, &a)
	r.gather(1, &b)
}

// both asks both switches at once. If this switch hangs up the test ends. If Open
// vSwitch does it is started again, and the answers do not count: version 3.1 has
// assertions that fail now and then when groups are deleted that flows use.
func (r *run) both(n int, wire func(i int, xid uint32) []byte, list []sample) (ours, theirs answers, ok bool) {
	r.t.Helper()
	type result struct {
		a   answers
		err error
	}
	c := make(chan result, 1)
	go func() {
		a, err := r.p.theirs.ask(n, wire)
		c <- result{a, err}
	}()
	ours, err := r.p.ours.ask(n, wire)
	other := <-c
	if r.revived++; err == nil && other.err != nil && r.revived <= maxRevivals {
		r.p.revive(r.t)
		r.reset()
		return ours, theirs, false
	}
	r.revived--
	if err := errors.Join(err, other.err); err != nil {
		for i := range list {
			r.t.Logf("%x", list[i].wire(uint32(i)))
		}
		r.t.Fatalf("%v, after the messages above", err)
	}
	return ours, other.a, true
}

// narrow finds the message after which the states differ, by telling both the
// story again, message by message.
func (r *run) narrow(x, y string) {
	r.t.Helper()
	story := slices.Clone(r.story)
	if r.narrowed++; r.narrowed > 100 {
		r.find(nil, "the states differ, after the same answers", x, y)
		return
	}
	r.reset()
	for i := range story {
		a, b, ok := r.both(1+len(stateRequests), func(j int, xid uint32) []byte {
			if j == 0 {
				return story[i].wire(xid)
			}
			return ofp.Encode(xid, stateRequests[j-1])
		}, story[i:i+1])
		if !ok {
			return
		}
		if x, y := normalState(a.to[1:]), normalState(b.to[1:]); x != y {
			if d := explainCulprit(story[i].wire(0)); d != nil {
				r.explains[d.name]++
				return
			}
			if d := explainEarlier(story[:i+1]); d != nil {
				r.explains[d.name]++
				return
			}
			r.find(&story[i], "the states differ after this message, to which the answers are equal", x, y)
			return
		}
	}
	r.find(nil, "the states differed, and do not when it is told again", x, y)
}

// gather notes the flow-removed messages of this world.
func (r *run) gather(side int, a *answers) {
	for _, b := range a.unasked {
		if ofp.Type(b[1]) == ofp.TypeFlowRemoved && be.Uint32(b[ofp.HeaderLen:]) == r.make.world {
			r.removed[side][normal(b)]++
		}
	}
}

// foresee notes what the messages may change of which flow-removed messages come.
// Open vSwitch tells of them when it comes to it, behind barriers too, if the role
// and the filter of that time let it: what came until now is compared before.
func (r *run) foresee(list []sample) {
	r.t.Helper()
	for i := range list {
		role, async, meter := false, false, false
		switch msg := list[i].wire(0); ofp.Type(msg[1]) {
		case ofp.TypeRoleRequest:
			role = true
		case ofp.TypeSetAsync:
			async = true
		case ofp.TypeMeterMod:
			meter = len(msg) >= 16 && be.Uint16(msg[8:]) == ofp.MeterDelete
		}
		if (role || async || meter) && !r.hadRole && !r.hadSetAsync && !r.hadMeterDelete {
			r.checkRemoved(nil)
			r.removed = [2]map[string]int{{}, {}}
		}
		r.hadRole, r.hadSetAsync, r.hadMeterDelete = r.hadRole || role, r.hadSetAsync || async, r.hadMeterDelete || meter
	}
}

// checkRemoved holds that both have told of the same removals in this world, where
// nothing has changed which are told of. If the world ends since both came to differ
// in the batch that theirs answers, nil otherwise, that batch counts only for what
// Open vSwitch still had to tell.
func (r *run) checkRemoved(theirs *answers) {
	r.t.Helper()
	if r.make.world == 0 || r.hadRole || r.hadSetAsync {
		return
	}
	for k, n := range r.removed[1] {
		if m := r.removed[0][k]; m < n {
			r.find(nil, "flow-removed messages", fmt.Sprintf("%d times", m), fmt.Sprintf("%d times %s", n, k))
		}
	}
	missing := func() (n int) {
		for k, m := range r.removed[0] {
			n += max(m-r.removed[1][k], 0)
		}
		return n
	}
	late := func(a *answers) {
		for _, b := range a.unasked {
			if k := normal(b); r.removed[1][k] < r.removed[0][k] {
				r.removed[1][k]++
			}
		}
	}
	if theirs != nil {
		late(theirs)
	}
	for end := time.Now().Add(2 * time.Second); !r.hadMeterDelete && missing() > 0 && time.Now().Before(end); {
		a, err := r.p.theirs.try(&ofp.BarrierRequest{})
		if err != nil {
			return // it has ended, and is started again when both are emptied
		}
		late(&a)
		time.Sleep(time.Millisecond)
	}
	for k, n := range r.removed[0] {
		if m := r.removed[1][k]; m != n && !r.hadMeterDelete {
			r.find(nil, "flow-removed messages", fmt.Sprintf("%d times %s", n, k), fmt.Sprintf("%d times", m))
		}
		r.told += n
	}
	r.removed = [2]map[string]int{{}, {}}
}

// errorCode is the code of an error message.
func errorCode(b []byte) ofp.Code { return ofp.Code(be.Uint32(b[ofp.HeaderLen:])) }

// normalState is the answers to stateRequests.
func normalState(to [][][]byte) string {
	var list []string
	for _, replies := range to {
		list = append(list, normalAll(replies))
	}
	return strings.Join(list, "\n    ")
}

// find notes a difference that is not explained.
func (r *run) find(s *sample, what, ours, theirs string) {
	key := what
	if what != "" {
		key += " " + difference(ours, theirs)
	}
	if s != nil {
		key += fmt.Sprintf(" %v: %s / %s", ofp.Type(s.tree.head[1]), firstLine(ours), firstLine(theirs))
	}
	f := r.findings[key]
	if f == nil {
		f = &finding{what: key}
		if s != nil {
			f.sample = printable(s.wire(1))
		} else {
			f.sample = difference(ours, theirs) + "\n"
			for i := range r.story[max(0, len(r.story)-batchLen):] {
				f.sample += fmt.Sprintf("    %x\n", r.story[len(r.story)-min(batchLen, len(r.story))+i].wire(1))
			}
		}
		f.sample += "\n  ours:   " + ours + "\n  theirs: " + theirs
		if what != "" {
			f.sample += "\n  " + difference(ours, theirs)
		}
		r.findings[key] = f
	}
	f.count++
	if s != nil && f.count < 6 {
		f.damages += " (" + s.damage + ")"
	}
}

func firstLine(s string) string { s, _, _ = strings.Cut(s, "\n"); return s }

// difference is the first line in which two texts differ.
func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return "ours " + as[i] + "\n  theirs " + bs[i]
		}
	}
	return fmt.Sprintf("%d lines and %d", len(as), len(bs))
}

// checkReached holds that nothing was left out: every field, action, instruction,
// command and multipart was sent, and every code that Open vSwitch 3.1 gives was
// given.
func (r *run) checkReached() {
	r.t.Helper()
	if r.compared < 100_000 {
		return
	}
	var all []string
	for i := range flow.Table {
		f := &flow.Table[i]
		all = append(all, "match "+f.Name)
		if f.Writable {
			all = append(all, "set-field "+f.Name)
		}
	}
	for t := ofp.ActionType(0); t < ofp.ActionSetField; t++ {
		if s := t.String(); strings.HasPrefix(s, "OFPAT_") {
			all = append(all, s)
		}
	}
	all = append(all, ofp.ActionPushPBB.String(), ofp.ActionPopPBB.String(), "packet-out", "port-mod", "table-mod", "set-config", "set-async", "role")
	for i := range 5 {
		all = append(all, fmt.Sprintf("flow-mod %d", i))
	}
	for i := 1; i <= 6; i++ {
		all = append(all, fmt.Sprintf("instruction %d", i))
	}
	for i := range 3 {
		all = append(all, fmt.Sprintf("group-mod %d", i), fmt.Sprintf("meter-mod %d", i))
	}
	for i := range 4 {
		all = append(all, "group "+ofp.GroupType(i).String())
	}
	all = append(all, "band drop", "band dscp_remark")
	for i := range uint16(14) {
		if i != ofp.MultipartTableFeatures { // 1.2 MB of Open vSwitch
			all = append(all, "multipart "+ofp.MultipartName(i))
		}
	}
	for _, what := range all {
		if r.make.seen[what] == 0 {
			r.t.Errorf("%s was not sent", what)
		}
	}
	for _, c := range theirCodes {
		if r.codes[c] == 0 {
			r.t.Errorf("Open vSwitch has not given %v", c)
		}
	}
}

func (r *run) report() {
	r.t.Helper()
	r.t.Logf("%d flow-removed messages compared", r.told)
	if r.compared >= 100_000 && r.told < 100 {
		r.t.Errorf("only %d flow-removed messages compared", r.told)
	}
	r.t.Logf("%d messages compared, %d refused by both, Open vSwitch started again %d times; differences explained: %v", r.compared, r.refused, r.revived, r.explains)
	codes := slices.Sorted(maps.Keys(r.codes))
	var names []string
	for _, c := range codes {
		names = append(names, fmt.Sprintf("%v %d", c, r.codes[c]))
	}
	r.t.Logf("%d codes of Open vSwitch: %s", len(codes), strings.Join(names, ", "))
	for _, k := range slices.Sorted(maps.Keys(r.findings)) {
		f := r.findings[k]
		r.t.Errorf("%d times: %s\n  %s", f.count, f.what+f.damages, f.sample)
	}
}
