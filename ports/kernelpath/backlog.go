package kernelpath

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A veth, and the way from a TAP to its host, hands frames on by a queue of the processor that sends them: its
// backlog. A sender whose packets the kernel segments, TCP that answers, or a queueing discipline of the
// sender's put dozens of frames there at once. The filter then decides of one while those that the kernel path has
// taken before it still wait behind it.

// backlogPatience is how long what waits in a backlog is waited for: a thousand frames, all that have room there.
const backlogPatience = 5 * time.Millisecond

// backlogs are those of all processors, as /proc/net/softnet_stat tells of them.
type backlogs struct {
	mu   sync.Mutex
	file *os.File // nil: there is none
	buf  []byte
}

// backlog is one processor's.
type backlog struct {
	processed uint32 // frames that it has begun to handle, of its backlog and others
	waiting   uint32 // frames in its backlog
}

// softnetPath tells a line of hexadecimal numbers for each processor.
const softnetPath = "/proc/net/softnet_stat"

// Columns of it.
const (
	softnetProcessed = 0
	softnetWaiting   = 11
	softnetProcessor = 12
)

func (b *backlogs) open() {
	b.file, _ = os.Open(softnetPath) // without it drain takes longer
	b.buf = make([]byte, 4096)
}

func (b *backlogs) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == nil {
		return nil
	}
	err := b.file.Close()
	b.file = nil
	return err
}

// read is what the kernel tells, by the number of the processor.
func (b *backlogs) read() (map[uint64]backlog, error) {
	if b.file == nil {
		return nil, os.ErrNotExist
	}
	n := 0
	for {
		if n == len(b.buf) {
			b.buf = append(b.buf, make([]byte, len(b.buf))...)
		}
		got, err := unix.Pread(int(b.file.Fd()), b.buf[n:], int64(n))
		if err != nil {
			return nil, err
		}
		if got == 0 {
			return parseBacklogs(string(b.buf[:n]))
		}
		n += got
	}
}

func parseBacklogs(text string) (map[uint64]backlog, error) {
	all := make(map[uint64]backlog)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) <= softnetProcessor {
			return nil, fmt.Errorf("%s: the line %q has no column for the backlog", softnetPath, line)
		}
		var v [softnetProcessor + 1]uint64
		for _, i := range []int{softnetProcessed, softnetWaiting, softnetProcessor} {
			var err error
			if v[i], err = strconv.ParseUint(f[i], 16, 32); err != nil {
				return nil, fmt.Errorf("%s: %w", softnetPath, err)
			}
		}
		all[v[softnetProcessor]] = backlog{uint32(v[softnetProcessed]), uint32(v[softnetWaiting])}
	}
	return all, nil
}

// drain returns when the processors have handled what waited in their backlogs when it was called, or patience is over.
// read is b.read but for tests.
func drain(read func() (map[uint64]backlog, error), patience time.Duration) error {
	began, err := read()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for tries := 0; ; tries++ {
		now := began
		if tries > 0 {
			if now, err = read(); err != nil {
				return err
			}
		}
		for cpu, was := range began {
			// What comes last has been handled when the one after it is begun, or when there is none.
			if is := now[cpu]; is.waiting == 0 || is.processed-was.processed > was.waiting {
				delete(began, cpu)
			}
		}
		switch {
		case len(began) == 0 || time.Now().After(deadline):
			return nil
		case tries < 100:
			runtime.Gosched()
		default:
			time.Sleep(20 * time.Microsecond)
		}
	}
}

func (b *backlogs) drain() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if drain(b.read, backlogPatience) != nil {
		// Then until each processor has ended what it does: some 10 ms. It fails where the kernel lacks it,
		// and there is no other way left.
		_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0)
	}
}

// membarrierGlobal is MEMBARRIER_CMD_GLOBAL (linux/membarrier.h).
const membarrierGlobal = 1

// Drain returns when what flows have sent that were removed or held before the call is past the backlogs of the processors:
// what the switch sends from then on does not overtake it. It takes microseconds, if no processor is held up.
func (t *Table) Drain() {
	t.Wait()
	t.backlogs.drain()
}
