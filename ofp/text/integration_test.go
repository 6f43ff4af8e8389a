package text

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// ovsOfctl runs the installed ovs-ofctl and returns what it prints, also when it
// fails.
func ovsOfctl(t *testing.T, args ...string) string {
	t.Helper()
	path := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	var out, errs bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("ovs-ofctl %v: %v\n%s", args, err, &errs)
	}
	return out.String()
}

// printAll lets ovs-ofctl print messages.
func printAll(t *testing.T, msgs []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(file, msgs, 0o600); err != nil {
		t.Fatal(err)
	}
	return ovsOfctl(t, "ofp-parse", file)
}

// differences lists the first lines that differ.
func differences(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	shown := 0
	for i := range max(len(g), len(w)) {
		line := func(s []string) string {
			if i < len(s) {
				return s[i]
			}
			return "(no line)"
		}
		if line(g) != line(w) {
			t.Errorf("line %d\n got %q\nwant %q", i+1, line(g), line(w))
			if shown++; shown == 10 {
				t.Fatal("and so on")
			}
		}
	}
}

// TestIntegrationOvsOfctlPrint compares what we print of messages, and what we
// hold ovs-ofctl to print in the table, with what it prints.
func TestIntegrationOvsOfctlPrint(t *testing.T) {
	var msgs []byte
	want := ""
	for _, c := range printedMessages {
		msgs = ofp.AppendMessage(msgs, 5, c.m)
		want += c.want
	}
	differences(t, want, printAll(t, msgs))
}

// TestIntegrationOvsOfctlPackets compares the lines of each frame and of all that
// is left of it when its end is cut off. A later fragment
// has no layer 4 header; what ovs-ofctl prints as its checksum is payload.
func TestIntegrationOvsOfctlPackets(t *testing.T) {
	names := make([]string, 0, len(frames))
	for name := range frames {
		if name != "later" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var msgs []byte
	got := ""
	for _, name := range names {
		in := packetIn(name, ofp.NoBuffer, 1)
		for whole := in.Data; ; in.Data = whole[:len(in.Data)-1] {
			msg := ofp.Encode(5, in)
			got += FormatBytes(msg, Options{})
			msgs = append(msgs, msg...)
			if len(in.Data) == 0 {
				break
			}
		}
	}
	differences(t, got, printAll(t, msgs))
}

// TestIntegrationOvsOfctlFlows compares random flows, as flow-mods and as flow
// statistics. What Open vSwitch does not have is left out.
func TestIntegrationOvsOfctlFlows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var msgs []byte
	got := ""
	for n := 0; n < 2000; {
		fm := randomFlow(r, true) // Open vSwitch checks action sets against the match, too
		if !ovsHas(fm) {
			continue
		}
		n++
		fs := flowStats(fm)
		fs.DurationSec, fs.DurationNsec = r.Uint32()>>r.IntN(32), uint32(r.IntN(1000))*1000000
		fs.PacketCount, fs.ByteCount = r.Uint64()>>r.IntN(64), math.MaxUint64
		for _, m := range []ofp.Message{fm, reply(ofp.MultipartFlow, 0, fs)} {
			msg := ofp.Encode(uint32(n), m)
			got += FormatBytes(msg, Options{})
			msgs = append(msgs, msg...)
		}
	}
	differences(t, got, printAll(t, msgs))
}

// ovsHas says whether Open vSwitch 3.1 takes all of a flow.
func ovsHas(fm *ofp.FlowMod) bool {
	if _, _, ok := fm.Match.Get(flow.PBBISID); ok {
		return false
	}
	if fm.Instructions.Meter > 0xffff0000 {
		return false
	}
	for _, a := range append(fm.Instructions.Apply[:len(fm.Instructions.Apply):len(fm.Instructions.Apply)], fm.Instructions.Write...) {
		switch a := a.(type) {
		case ofp.CopyTTLIn, ofp.CopyTTLOut, ofp.PushPBB, ofp.PopPBB:
			return false
		case ofp.Output:
			if a.Port >= 0xff00 && a.Port <= ofp.PortMax {
				return false // its ports have 16 bits
			}
		case ofp.SetField:
			switch a.Field {
			case flow.EthType, flow.IPProto, flow.MPLSBOS, flow.PBBISID, flow.ARPOp:
				return false // not to be set there; ARP_OP has 8 bits
			}
		}
	}
	return true
}

// TestIntegrationOvsOfctlParse compares how flows are read: the flow-mods made of
// the same text are printed by ovs-ofctl, which made one of them.
func TestIntegrationOvsOfctlParse(t *testing.T) {
	var file, want, msgs bytes.Buffer
	n := uint32(0)
	for _, c := range printedFlows {
		fm, err := ParseFlow(c.in, ParseOptions{})
		if err != nil {
			t.Fatalf("%s: %v", c.in, err)
		}
		n++
		file.WriteString(c.in + "\n")
		msgs.Write(ofp.Encode(n, fm))
		want.WriteString(FormatBytes(ofp.Encode(n, fm), Options{}))
	}
	path := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got := ovsOfctl(t, "-O", "OpenFlow13", "parse-flows", path)
	i := strings.Index(got, "OFPT_FLOW_MOD")
	if i < 0 {
		t.Fatalf("ovs-ofctl parse-flows printed %q", got)
	}
	differences(t, want.String(), got[i:])
	differences(t, printAll(t, msgs.Bytes()), got[i:])
}
