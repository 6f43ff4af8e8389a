package differential

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/internal/testutil"
	"ofswitch/unixctl"
)

// recordFields are those compared with Open vSwitch's megaflows. It always records where
// a frame came from, its Ethernet type, and whether it is a fragment.
var recordFields = []flow.ID{flow.EthSrc, flow.EthDst, flow.IPv4Src, flow.IPv4Dst, flow.IPProto, flow.TCPSrc, flow.TCPDst}

func countFields(m *flow.Mask) (n int) {
	for _, id := range recordFields {
		v := id.Field().Get((*flow.Wide)(m))
		n += bits.OnesCount64(v.Lo)
	}
	return n
}

// aclRule is a random rule as access lists have them.
func aclRule(r *rand.Rand) string {
	s := "ip"
	if r.IntN(3) > 0 {
		s = []string{"tcp", "udp"}[r.IntN(2)]
	}
	addr := func() string {
		a := []uint32{0x0a000000, 0x0a010000, 0x0a010200, 0x0a010203, 0xc0a80000, 0xc0a80101}[r.IntN(6)]
		if r.IntN(3) == 0 {
			a ^= 1 << r.IntN(32)
		}
		n := []int{8, 16, 24, 32, 1 + r.IntN(32)}[r.IntN(5)]
		a &= ^uint32(0) << (32 - n)
		return fmt.Sprintf("%d.%d.%d.%d/%d", a>>24, a>>16&255, a>>8&255, a&255, n)
	}
	if r.IntN(10) == 0 {
		s += fmt.Sprintf(",dl_src=00:00:00:00:00:%02x", r.IntN(4))
	}
	if r.IntN(2) == 0 {
		s += ",nw_src=" + addr()
	}
	if r.IntN(2) == 0 {
		s += ",nw_dst=" + addr()
	}
	if s[:2] != "ip" {
		for _, f := range []string{"tp_src", "tp_dst"} {
			switch r.IntN(4) {
			case 0:
				s += fmt.Sprintf(",%s=%d", f, []int{22, 80, 443, 1024}[r.IntN(4)])
			case 1:
				m := 0xffff << r.IntN(12) & 0xffff
				s += fmt.Sprintf(",%s=%#x/%#x", f, r.IntN(1<<16)&m, m)
			}
		}
	}
	return s
}

// The records of the classifier are smaller than the megaflows that Open vSwitch makes for
// the same rules and frames, all of them together (three quarters of the bits and less); one
// in ten may be longer, as both take the first reasons that will do.
func TestIntegrationRecordsAgainstOpenVSwitch(t *testing.T) {
	testutil.NeedRoot(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	dir := shortDir(t)
	ovs := startOpenVSwitch(t, ns, dir)
	ovs.start()
	ovs.run("ovs-vsctl", ovs.db, "--timeout=60", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure",
		"--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "type=dummy", "ofport_request=1")
	ctl, err := unixctl.Dial(ovs.at("vswitchd.ctl"))
	if err != nil {
		t.Fatal(err)
	}
	defer ctl.Close()
	ours, theirs, cases, longer := 0, 0, 0, 0
	for range 25 {
		c := classifier.New[int]()
		var flows strings.Builder
		var matches []flow.Match
		for i := range 1 + r.IntN(60) {
			text := aclRule(r)
			m, err := flow.ParseMatch(text)
			if err != nil {
				t.Fatal(err)
			}
			priority := 1 + i // no two alike: whose rule is hit does not depend on the switch
			c.Insert(classifier.NewRule(&m, int32(priority), priority), 1)
			fmt.Fprintf(&flows, "priority=%d,%s,actions=drop\n", priority, text)
			matches = append(matches, m)
		}
		file := filepath.Join(dir, "flows")
		if err := os.WriteFile(file, []byte(flows.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		ovs.run("ovs-ofctl", "replace-flows", "br0", file)
		for range 20 {
			m := matches[r.IntN(len(matches))]
			w := m.Value
			for _, id := range recordFields { // what the rule leaves open
				f := id.Field()
				mask := f.Get((*flow.Wide)(&m.Mask))
				v := f.Get(&w)
				v.Lo |= r.Uint64() &^ mask.Lo & f.Full().Lo
				if id == flow.IPProto && mask.Lo == 0 {
					v.Lo = 6
				}
				f.Set(&w, v)
			}
			o := matches[r.IntN(len(matches))] // and half of what another asks for
			if f := flow.IPv4Dst.Field(); r.IntN(2) == 0 {
				f.Set(&w, f.Get(&o.Value))
			}
			var exact flow.Match
			flow.InPort.Field().Set(&w, flow.Value{Lo: 1})
			for _, id := range append([]flow.ID{flow.InPort, flow.EthType}, recordFields...) {
				exact.Set(id, id.Field().Get(&w))
			}
			text := exact.String()
			if strings.HasPrefix(text, "udp") { // the trace takes tp_src for TCP's
				text = strings.ReplaceAll(text, "tp_", "udp_")
			}
			out, err := ctl.Call("ofproto/trace", "br0", text)
			if err != nil {
				t.Fatal(err)
			}
			_, line, ok := strings.Cut(out, "Megaflow: ")
			if !ok {
				t.Fatalf("no megaflow in\n%s", out)
			}
			line, _, _ = strings.Cut(line, "\n")
			line = strings.NewReplacer("recirc_id=0,", "", "eth,", "", ",nw_frag=no", "").Replace(line)
			mega, err := flow.ParseMatch(line)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			var wc flow.Mask
			hit := c.Lookup(&w, 1, &wc)
			want := 0
			if _, after, ok := strings.Cut(out, "priority "); ok {
				if _, err := fmt.Sscanf(after, "%d", &want); err != nil {
					t.Fatal(err)
				}
			}
			if hit == nil && want != 0 || hit != nil && int(hit.Priority()) != want {
				t.Fatalf("%s: rule %d is hit, with us %v\n%s", exact, want, hit, out)
			}
			a, b := countFields(&wc), countFields(&mega.Mask)
			ours, theirs, cases = ours+a, theirs+b, cases+1
			if a > b {
				longer++
			}
		}
	}
	t.Logf("%d lookups: %d bits, Open vSwitch %d; longer in %d", cases, ours, theirs, longer)
	if ours > theirs || longer*3 > cases {
		t.Errorf("%d bits, Open vSwitch %d, longer in %d of %d, want fewer", ours, theirs, longer, cases)
	}
}
