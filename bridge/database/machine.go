package database

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/ovsdb"
)

// system is column statistics of Open_vSwitch, if other_config:enable-statistics
// asks for it. What the machine does not tell is left out.
func (r *Reconciler) system(d *desired) ovsdb.Datum {
	if !d.sysStats {
		return noValue()
	}
	m := map[string]string{"cpu": strconv.Itoa(runtime.NumCPU())}
	for key, value := range map[string]string{
		"load_average": loadAverage(), "memory": memory(), "process_ofswitchd": process(), "file_systems": fileSystems(),
	} {
		if value != "" {
			m[key] = value
		}
	}
	return ovsdb.Map(m)
}

// loadAverage is the load of the last 1, 5 and 15 minutes.
func loadAverage() string {
	b, err := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	if err != nil || len(f) < 3 {
		return ""
	}
	return strings.Join(f[:3], ",")
}

// memory is, in KiB: all, used, used as cache, swap, used swap.
func memory() string {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	kib := map[string]int64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok {
			kib[k], _ = strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64) // 0 if it is none
		}
	}
	return fmt.Sprintf("%d,%d,%d,%d,%d", kib["MemTotal"], kib["MemTotal"]-kib["MemFree"], kib["Buffers"]+kib["Cached"],
		kib["SwapTotal"], kib["SwapTotal"]-kib["SwapFree"])
}

var startedAt = time.Now()

// process is, of this program: virtual size and resident set in KiB, processor time
// in ms, crashes, and twice for how long it has run, in ms.
func process() string {
	b, err := os.ReadFile("/proc/self/statm")
	f := strings.Fields(string(b))
	var use unix.Rusage
	if err != nil || len(f) < 2 || unix.Getrusage(unix.RUSAGE_SELF, &use) != nil {
		return ""
	}
	kib := func(pages string) int64 {
		n, _ := strconv.ParseInt(pages, 10, 64) // the kernel writes numbers
		return n * int64(os.Getpagesize()) / 1024
	}
	cpu := time.Duration(use.Utime.Nano() + use.Stime.Nano())
	up := time.Since(startedAt).Milliseconds()
	return fmt.Sprintf("%d,%d,%d,0,%d,%d", kib(f[0]), kib(f[1]), cpu.Milliseconds(), up, up)
}

// fileSystems are "DIRECTORY,TOTAL,USED" in KiB of those on devices, each device
// once.
func fileSystems() string {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return ""
	}
	defer f.Close()
	var list, devices []string
	for s := bufio.NewScanner(f); s.Scan(); {
		w := strings.Fields(s.Text())
		if len(w) < 2 || !strings.HasPrefix(w[0], "/") || slices.Contains(devices, w[0]) {
			continue
		}
		var st unix.Statfs_t
		if unix.Statfs(w[1], &st) != nil || st.Blocks == 0 {
			continue
		}
		devices = append(devices, w[0])
		kib := func(blocks uint64) uint64 { return blocks * uint64(st.Bsize) / 1024 }
		list = append(list, fmt.Sprintf("%s,%d,%d", w[1], kib(st.Blocks), kib(st.Blocks-st.Bfree)))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}
