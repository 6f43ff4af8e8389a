package flow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

func ovsOfctl(t *testing.T, args ...string) string {
	t.Helper()
	path := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	var stderr bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ovs-ofctl %s: %v\n%s", args[0], err, &stderr)
	}
	return string(out)
}

// flowMod is an OpenFlow 1.3 flow-mod with the match and no instruction, made
// from nothing but the field table's numbers.
func flowMod(m *Match) []byte {
	oxm := make([]byte, 4)
	binary.BigEndian.PutUint16(oxm, 1) // OFPMT_OXM
	put := func(f *Field, v Value) {
		b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, v.Hi), v.Lo)
		oxm = append(oxm, b[16-f.Len():]...)
	}
	m.Fields(func(f *Field, v, mask Value) bool {
		masked := mask != f.Full()
		n, hm := f.Len(), byte(0)
		if masked {
			n, hm = 2*n, 1
		}
		oxm = append(oxm, 0x80, 0x00, byte(f.ID)<<1|hm, byte(n))
		put(f, v)
		if masked {
			put(f, mask)
		}
		return true
	})
	binary.BigEndian.PutUint16(oxm[2:], uint16(len(oxm)))
	for len(oxm)%8 != 0 {
		oxm = append(oxm, 0)
	}
	b := make([]byte, 48)
	b[0], b[1] = 4, 14
	binary.BigEndian.PutUint16(b[30:], 0x8000) // default priority: not printed
	binary.BigEndian.PutUint32(b[32:], 0xffffffff)
	binary.BigEndian.PutUint32(b[36:], 0xffffffff)
	binary.BigEndian.PutUint32(b[40:], 0xffffffff)
	b = append(b, oxm...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// matchIn finds the match in a line that ovs-ofctl prints of a flow-mod.
func matchIn(line string) (string, bool) {
	_, s, ok := strings.Cut(line, "ADD ")
	if !ok {
		return "", false
	}
	s, _, ok = strings.Cut(s, "actions=")
	return strings.TrimSpace(s), ok
}

// What we print of a match is what ovs-ofctl prints when it gets the match
// over the wire.
func TestIntegrationOvsOfctlPrintsSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var want []string
	for range 5000 {
		m := randomMatch(r, true)
		stream = append(stream, flowMod(&m)...)
		want = append(want, m.String())
	}
	file := filepath.Join(t.TempDir(), "flowmods")
	if err := os.WriteFile(file, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(ovsOfctl(t, "ofp-parse", file), "\n") {
		if s, ok := matchIn(line); ok {
			got = append(got, s)
		} else if line != "" {
			t.Errorf("unexpected line %q after %d", line, len(got))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("ovs-ofctl printed %d matches of %d", len(got), len(want))
	}
	bad := 0
	for i := range want {
		if got[i] != want[i] {
			if bad++; bad < 20 {
				t.Errorf("match %d:\n ours %s\n  ovs %s", i, want[i], got[i])
			}
		}
	}
}

var digitMask = regexp.MustCompile(`(ipv6_src|ipv6_dst|nd_target)=[^,/]*/[0-9][0-9a-f]*:`)

// What we print, ovs-ofctl reads and prints again unchanged; so text from
// either program can be fed to the other.
func TestIntegrationOvsOfctlReadsOurs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var text bytes.Buffer
	var want []string
	for len(want) < 3000 {
		m := randomMatch(r, true)
		// ovs-ofctl 3.1 takes the digits at the start of an IPv6 mask for a
		// prefix length and then stumbles over the colon.
		if s := m.String(); s == "" || digitMask.MatchString(s) {
			continue
		}
		want = append(want, m.String())
		fmt.Fprintf(&text, "%s,actions=drop\n", &m)
	}
	file := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range strings.Split(ovsOfctl(t, "-O", "OpenFlow13", "parse-flows", file), "\n") {
		if s, ok := matchIn(line); ok {
			got = append(got, s)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("ovs-ofctl printed %d matches of %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("flow %d:\n ours %s\n  ovs %s", i, want[i], got[i])
		}
	}
}

// nxFlowMod is the flow-mod of the Nicira extension to OpenFlow 1.0, with the
// match in NXM numbers. ok is false when a field has none.
func nxFlowMod(m *Match) (b []byte, ok bool) {
	var nxm []byte
	ok = true
	m.Fields(func(f *Field, v, mask Value) bool {
		if f.NXMNumber < 0 {
			ok = false
			return false
		}
		put := func(v Value) {
			b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, v.Hi), v.Lo)
			nxm = append(nxm, b[16-f.Len():]...)
		}
		n, hm := f.Len(), byte(0)
		if mask != f.Full() {
			n, hm = 2*n, 1
		}
		nxm = append(nxm, byte(f.NXMClass>>8), byte(f.NXMClass), byte(f.NXMNumber)<<1|hm, byte(n))
		put(v)
		if hm != 0 {
			put(mask)
		}
		return true
	})
	b = make([]byte, 48)
	b[0], b[1] = 1, 4
	binary.BigEndian.PutUint32(b[8:], 0x2320)
	binary.BigEndian.PutUint32(b[12:], 13)
	binary.BigEndian.PutUint16(b[30:], 0x8000)
	binary.BigEndian.PutUint32(b[32:], 0xffffffff)
	binary.BigEndian.PutUint16(b[36:], 0xffff)
	binary.BigEndian.PutUint16(b[40:], uint16(len(nxm)))
	b = append(b, nxm...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b, ok
}

// The NXM numbers name the fields that ovs-ofctl knows by them.
func TestIntegrationOvsOfctlNXM(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	var stream []byte
	var want []string
	seen := map[ID]bool{}
	for len(want) < 2000 {
		m := randomMatch(r, true)
		msg, ok := nxFlowMod(&m)
		if !ok {
			continue
		}
		m.Fields(func(f *Field, _, _ Value) bool { seen[f.ID] = true; return true })
		stream = append(stream, msg...)
		want = append(want, m.String())
	}
	for id := range Table {
		if Table[id].NXMNumber >= 0 && !seen[ID(id)] {
			t.Errorf("%s has an NXM number that was not tried", ID(id))
		}
	}
	file := filepath.Join(t.TempDir(), "flowmods")
	if err := os.WriteFile(file, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(ovsOfctl(t, "ofp-parse", file)), "\n")
	if len(got) != len(want) {
		t.Fatalf("ovs-ofctl printed %d lines for %d matches, the first %q", len(got), len(want), got[0])
	}
	for i := range want {
		if s, ok := matchIn(got[i]); !ok || s != want[i] {
			t.Fatalf("match %d:\n ours %s\n  ovs %s", i, want[i], got[i])
		}
	}
}
