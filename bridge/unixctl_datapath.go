package bridge

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ofswitch/ofp"
	"ofswitch/ports"
	"ofswitch/unixctl"
)

// registerDatapath adds the commands about the datapath: its ports, caches and
// threads.
func (s *Switch) registerDatapath(srv *unixctl.Server) {
	srv.Register("dpctl/dump-dps", "", 0, 0, func([]string) (string, error) { return datapathName, nil })
	srv.Register("dpctl/show", "[-s] [dp...]", 0, 8, func(args []string) (string, error) {
		stats := takeOption(&args, "-s", "--statistics")
		for _, a := range args {
			if !isDatapath(a) {
				return "", noDatapath(a)
			}
		}
		return s.showDatapath(stats), nil
	})
	srv.Register("dpctl/dump-flows", "[-m] [--names] [dp] [type=TYPE]", 0, 5, func(args []string) (string, error) {
		d, err := readDump(&args)
		if err != nil {
			return "", err
		}
		if len(args) > 1 || len(args) == 1 && !isDatapath(args[0]) {
			return "", noDatapath(args[0])
		}
		return s.dumpCache(d, ""), nil
	})
	srv.Register("dpctl/del-flows", "[dp]", 0, 1, func(args []string) (string, error) {
		if len(args) == 1 && !isDatapath(args[0]) {
			return "", noDatapath(args[0])
		}
		s.dp.FlushFlows()
		return "", nil
	})
	srv.Register("dpif/show", "", 0, 0, func([]string) (string, error) { return s.showBridges(), nil })
	srv.Register("dpif/dump-dps", "", 0, 0, func([]string) (string, error) {
		var b strings.Builder
		for _, name := range s.Bridges() {
			fmt.Fprintf(&b, "netdev@%s\n", name)
		}
		return b.String(), nil
	})
	srv.Register("dpif/dump-flows", "[-m] [--names | --no-names] bridge", 1, 4, func(args []string) (string, error) {
		d, err := readDump(&args)
		if err != nil {
			return "", err
		}
		if len(args) != 1 {
			return "", errors.New("dpif/dump-flows [-m] [--names | --no-names] bridge: one bridge is wanted")
		}
		if _, err := s.bridge(args[0]); err != nil {
			return "", errNoBridge
		}
		return s.dumpCache(d, args[0]), nil
	})
	srv.Register("upcall/show", "", 0, 0, func([]string) (string, error) {
		var b strings.Builder
		flows := 0
		workers := s.dp.Workers()
		for i, w := range workers {
			flows += w.Flows
			fmt.Fprintf(&b, "  %d: (keys %d)\n", i, w.Flows)
		}
		return fmt.Sprintf("%s:\n  flows         : (current %d) (limit %d)\n\n%s", datapathName, flows, s.dp.CacheSize(), b.String()), nil
	})
	srv.Register("memory/show", "", 0, 0, func([]string) (string, error) {
		m := s.dp.Memory()
		if n := ports.RingMemory(); n != 0 {
			m["packet ring KiB"] = n >> 10
		}
		var words []string
		for _, name := range sortedKeys(m) {
			words = append(words, fmt.Sprintf("%s:%d", name, m[name]))
		}
		return strings.Join(words, " "), nil
	})
}

// noDatapath is Open vSwitch's answer to a name that no datapath has.
func noDatapath(name string) error {
	return fmt.Errorf("opening datapath %.200q failed: there is only %s", name, datapathName)
}

// hits splits the lookups of all threads.
func (s *Switch) hits() (hit, missed uint64, flows int) {
	l := s.dp.Lookups()
	return l.Packets - min(l.Packets, l.Misses), l.Misses, l.Flows
}

// netdevType is the type as Open vSwitch's userspace datapath calls it: what
// the database calls internal is a TAP device.
func netdevType(t string) string {
	if t == TypeInternal {
		return "tap"
	}
	return typeName(t)
}

func (s *Switch) showDatapath(stats bool) string {
	var b strings.Builder
	hit, missed, flows := s.hits()
	fmt.Fprintf(&b, "%s:\n  lookups: hit:%d missed:%d lost:0\n  flows: %d\n", datapathName, hit, missed, flows)
	for _, p := range s.dp.Ports() {
		fmt.Fprintf(&b, "  port %d: %s", p.Number, p.Name)
		if t := netdevType(p.Type); t != "system" {
			fmt.Fprintf(&b, " (%s)", t)
		}
		b.WriteByte('\n')
		if stats {
			b.WriteString(portStatsText(&p.Stats))
		}
	}
	return b.String()
}

// portStatsText prints counters as `dpctl/show -s` does; "?" for what nobody counts.
func portStatsText(st *ports.Stats) string {
	n := func(v uint64) string {
		if v == ports.Uncounted {
			return "?"
		}
		return fmt.Sprint(v)
	}
	return fmt.Sprintf(`    RX packets:%s errors:%s dropped:%s overruns:%s frame:%s
    TX packets:%s errors:%s dropped:%s aborted:? carrier:?
    collisions:%s
    RX bytes:%s%s  TX bytes:%s%s
`, n(st.RxPackets), n(st.RxErrors), n(st.RxDropped), n(st.RxOverErr), n(st.RxFrameErr),
		n(st.TxPackets), n(st.TxErrors), n(st.TxDropped), n(st.Collisions),
		n(st.RxBytes), humanSize(st.RxBytes), n(st.TxBytes), humanSize(st.TxBytes))
}

// humanSize adds " (1.5 KiB)" to a number of bytes that is not small.
func humanSize(v uint64) string {
	units := []string{"", "KiB", "MiB", "GiB", "TiB"}
	if v == ports.Uncounted || v < 1024 {
		return ""
	}
	f, i := float64(v), 0
	for ; f >= 1024 && i < len(units)-1; i++ {
		f /= 1024
	}
	return fmt.Sprintf(" (%.1f %s)", f, units[i])
}

func (s *Switch) showBridges() string {
	var b strings.Builder
	hit, missed, _ := s.hits()
	fmt.Fprintf(&b, "%s: hit:%d missed:%d\n", datapathName, hit, missed)
	numbers := map[string]uint32{}
	for _, p := range s.dp.Ports() {
		numbers[p.Bridge+" "+p.Name] = p.Number
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range sortedKeys(s.bridges) {
		fmt.Fprintf(&b, "  %s:\n", name)
		list := slices.Clone(s.bridges[name].ports)
		slices.SortFunc(list, func(x, y *livePort) int { return strings.Compare(x.conf.Name, y.conf.Name) })
		for _, p := range list {
			if !p.open {
				continue
			}
			no := uint32(p.no)
			if p.no == ofp.PortLocal {
				no = 65534
			}
			number, kind := "none", netdevType(p.conf.Type)
			if n, ok := numbers[name+" "+p.conf.Name]; ok {
				number = fmt.Sprint(n)
			}
			if p.conf.Type == TypePatch {
				kind += ": peer=" + p.conf.Options["peer"]
			}
			kind += ioText(p.ioChoice())
			fmt.Fprintf(&b, "    %s %d/%s: (%s)\n", p.conf.Name, no, number, kind)
		}
	}
	return b.String()
}

// dump says how cached flows are to be printed.
type dump struct {
	more, names bool
	kernel      bool // those of the kernel
	threads     bool // those of forwarding threads
}

// flowTypes are those that type= of dump-flows takes, and what they leave in.
var flowTypes = map[string]dump{
	"all": {kernel: true, threads: true}, "": {kernel: true, threads: true},
	"offloaded": {kernel: true}, "tcx": {kernel: true},
	"non-offloaded": {threads: true}, "ovs": {threads: true},
}

func readDump(args *[]string) (d dump, err error) {
	for _, a := range *args {
		if strings.HasPrefix(a, "filter=") || strings.HasPrefix(a, "pmd=") {
			return d, fmt.Errorf("%.100s: cached flows are not selected by match or thread here; type=TYPE selects, and each stands below its thread", a)
		}
	}
	word := ""
	*args = slices.DeleteFunc(slices.Clone(*args), func(a string) bool {
		t, is := strings.CutPrefix(a, "type=")
		if is {
			word = t
		}
		return is
	})
	d, known := flowTypes[word]
	if !known {
		return d, fmt.Errorf("type=%.100s: no flows are of this type; use %s", word, strings.Join(sortedKeys(flowTypes)[1:], ", "))
	}
	d.more = takeOption(args, "-m", "--more")
	d.names = takeOption(args, "--names") || d.more
	if takeOption(args, "--no-names") {
		d.names = false
	}
	return d, nil
}

// dumpCache prints the microflows, of one bridge or of all ("").
func (s *Switch) dumpCache(d dump, bridge string) string {
	var b strings.Builder
	worker := -2
	for _, f := range s.dp.CachedFlows() {
		if bridge != "" && f.InPort.Bridge != bridge || f.Worker < 0 && !d.kernel || f.Worker >= 0 && !d.threads {
			continue
		}
		if bridge == "" && f.Worker != worker {
			if worker = f.Worker; worker >= 0 {
				fmt.Fprintf(&b, "flow-dump from forwarding thread %d:\n", worker)
			} else {
				b.WriteString("flow-dump from the kernel:\n")
			}
		}
		if d.more {
			fmt.Fprintf(&b, "ufid:%08x-0000-0000-0000-%012x, ", f.ID, f.Worker&0xff)
		}
		b.WriteString(f.Text(d.names))
		b.WriteByte('\n')
	}
	return b.String()
}
