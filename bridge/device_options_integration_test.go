package bridge

import (
	"slices"
	"strings"
	"testing"
)

// An open port that is asked for options that cannot be goes on as it is, and tells; the TAP of an
// internal port stays the same device. What can be is taken, and what is taken back leaves no trace.
func TestIntegrationWrongOptionsOfOpenPort(t *testing.T) {
	l := newLab(t)
	with := func(name, value string) error {
		options := func(typ string) map[string]string {
			if slices.Contains(optionNames[typ], name) {
				return map[string]string{name: value}
			}
			return nil
		}
		return l.apply(secure("br0", Port{Name: "v1", Options: options(TypeSystem)}, Port{Name: "vm0", Type: TypeInternal, Options: options(TypeInternal)}))
	}
	status := func(name string) PortStatus {
		t.Helper()
		for _, st := range l.s.Ports() {
			if st.Name == name {
				return st
			}
		}
		t.Fatalf("no port %s", name)
		return PortStatus{}
	}
	index := func() (v1 any, vm0 int) {
		link, err := l.ns.Netlink.LinkByName("vm0")
		if err != nil {
			t.Fatal(err)
		}
		return l.s.bridges["br0"].ports[1].port, link.Attrs().Index
	}
	if err := with("", ""); err != nil {
		t.Fatal(err)
	}
	port, tap := index()
	for _, bad := range [][2]string{
		{"n_rxq", "0"}, {"n_rxq", "65"}, {"n_rxq", "x"}, {"n_rxq_desc", "-1"}, {"n_txq_desc", "16385"}, {"packet-ring", "perhaps"}, {"coalesce", "perhaps"},
		{"qdisc-bypass", "2"}, {"io", "turbo"}, {"xdp-mode", "fast"}, {"stack-isolation", "no"},
	} {
		err := with(bad[0], bad[1])
		if err == nil || !strings.Contains(err.Error(), "options:"+bad[0]) || !strings.Contains(err.Error(), bad[1]) {
			t.Errorf("%v: %v", bad, err)
		}
		if st := status("v1"); !st.Open || !strings.Contains(st.Error, "goes on with the options that it had") {
			t.Errorf("%v: %+v", bad, st)
		}
		if p, i := index(); p != port || i != tap {
			t.Errorf("%v: another port, or device %d instead of %d", bad, i, tap)
		}
	}
	if err := with("", ""); err != nil {
		t.Fatal(err)
	}
	if st := status("v1"); st.Error != "" || !st.Open {
		t.Errorf("options taken back: %+v", st)
	}
	if p, i := index(); p != port || i != tap {
		t.Error("opened anew without need")
	}
	if err := with("n_rxq", "2"); err != nil {
		t.Fatal(err)
	}
	if p, i := index(); p == port || i == tap {
		t.Error("two queues, and no new device")
	}
	// A port that was never open cannot go on.
	if err := l.apply(); err != nil {
		t.Fatal(err)
	}
	if err := with("n_rxq", "0"); err == nil || strings.Contains(err.Error(), "goes on") || status("v1").Open {
		t.Errorf("never open: %v", err)
	}
}
