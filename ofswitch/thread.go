package ofswitch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// thread is what the system knows of a worker's thread.
type thread struct {
	id  atomic.Int64 // of the thread; 0: it has not begun
	cpu atomic.Int64 // that it is bound to, and one more; 0: to none
}

// begins is the first thing that the thread does.
func (w *worker) begins() {
	w.thread.id.Store(int64(unix.Gettid()))
	w.pin(w.d.cpus.Load())
	w.last = w.d.clock()
}

// inherited are the processors that the process may use, as it was started. Workers are
// bound to some of them, never to others: a container may have been given a few.
func inherited() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return nil, fmt.Errorf("processors of this process: %w", err)
	}
	return cpusOf(&set), nil
}

func cpusOf(set *unix.CPUSet) (list []int) {
	for i := range len(set) * strconv.IntSize {
		if set.IsSet(i) {
			list = append(list, i)
		}
	}
	return list
}

// Processors are those that the process may use.
func (d *Datapath) Processors() []int { return slices.Clone(d.mayUse) }

// BindWorkers binds forwarding threads to processors, in turn: thread 0 to the first of
// cpus, and so on, round again where there are more threads. Nil: to none, the system moves
// them between all that the process may use. Errors: none of cpus is one of those; then
// nothing has changed. Those of cpus that the process may not use are left out.
func (d *Datapath) BindWorkers(cpus []int) error {
	may := d.mayUse
	list := []int(nil)
	if cpus != nil {
		list = slices.DeleteFunc(slices.Clone(cpus), func(c int) bool { return !slices.Contains(may, c) })
		if len(list) == 0 {
			return fmt.Errorf("none of the processors %s is there for this process, which may use %s", joinInts(cpus), joinInts(may))
		}
	}
	d.teamMu.Lock()
	defer d.teamMu.Unlock()
	if old := d.cpus.Load(); old != nil && slices.Equal(*old, list) {
		return nil
	}
	d.cpus.Store(&list)
	for _, w := range d.workers() {
		w.pin(&list)
	}
	if d.affinity.pins == 0 {
		return nil
	}
	return d.settleAffinityLocked()
}

// pin binds the worker's thread, once it has begun.
func (w *worker) pin(cpus *[]int) {
	id := int(w.thread.id.Load())
	if id == 0 || cpus == nil {
		return
	}
	var set unix.CPUSet
	bound := int64(0)
	if n := len(*cpus); n > 0 {
		c := (*cpus)[w.index%n]
		set.Set(c)
		bound = int64(c) + 1
	} else {
		for _, c := range w.d.mayUse {
			set.Set(c)
		}
	}
	if err := unix.SchedSetaffinity(id, &set); err != nil {
		w.d.log.Warn("binding a forwarding thread to a processor", "thread", w.index, "processor", bound-1, "err", err)
		return
	}
	w.thread.cpu.Store(bound)
}

// processor is where the thread runs: what it is bound to, or where it ran last.
func (t *thread) processor() (cpu int, bound bool) {
	if c := t.cpu.Load(); c > 0 {
		return int(c) - 1, true
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", t.id.Load()))
	if err != nil {
		return 0, false
	}
	// The name in brackets may have blanks; "processor" is the 37th field behind it
	// (proc(5)).
	_, rest, _ := strings.Cut(string(b), ") ")
	if fields := strings.Fields(rest); len(fields) > 36 {
		cpu, _ = strconv.Atoi(fields[36]) // a number, says the kernel
	}
	return cpu, false
}

// cpuTime is how long the thread has run on processors, in ns.
func (t *thread) cpuTime() int64 {
	// The clock of a thread's processor time is made of its number (linux/posix-timers.h).
	const cpuClockSched, cpuClockPerThread = 2, 4
	clock := int32(^t.id.Load()<<3 | cpuClockSched | cpuClockPerThread)
	var ts unix.Timespec
	if t.id.Load() == 0 || unix.ClockGettime(clock, &ts) != nil {
		return 0
	}
	return ts.Nano()
}

func joinInts(list []int) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ",")
}

// nodeOf is the NUMA node of a processor; 0 where the machine does not say.
func nodeOf(cpu int) int {
	links, err := filepath.Glob(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/node*", cpu))
	if err != nil || len(links) == 0 {
		return 0
	}
	node, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(links[0]), "node"))
	if err != nil {
		return 0
	}
	return node
}
