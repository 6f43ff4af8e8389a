package bridge

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"ofswitch/ofswitch"
)

// Threads says how many threads forward, and where. The zero Threads: as Options say, or
// one, anywhere, asleep while nothing is to be done.
type Threads struct {
	// Workers is their number, 1 to ofswitch.MaxWorkers; 0: as many as there are CPUs or,
	// without those, Options.Threads.Workers (other_config:n-workers of table
	// Open_vSwitch).
	Workers int
	// CPUs are the processors to which they are bound, in turn; those that the process may
	// not use are left out. Nil: none (other_config:pmd-cpu-mask).
	CPUs []int
	// BusyPoll: they never sleep (other_config:pmd-busy-poll).
	BusyPoll bool
	// Shared: threads with queues of Port.RxAffinity poll others, too
	// (other_config:pmd-rxq-isolate=false).
	Shared bool
}

// ParseCPUMask reads a mask of processors, hexadecimal with or without 0x, as "pmd-cpu-mask"
// has it: the lowest bit is processor 0.
func ParseCPUMask(mask string) ([]int, error) {
	digits := strings.TrimPrefix(strings.TrimPrefix(mask, "0x"), "0X")
	n, ok := new(big.Int), false
	if len(digits) <= maxCPUs/4 && !strings.ContainsAny(digits, "+-_") {
		n, ok = n.SetString(digits, 16)
	}
	if !ok || n.Sign() == 0 {
		return nil, fmt.Errorf("%.40q is no mask of processors: want hexadecimal digits, as 0x3 for processors 0 and 1", mask)
	}
	var cpus []int
	for i := range n.BitLen() {
		if n.Bit(i) != 0 {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// numberOption is an option from 1 to most; 0: it is not given.
func (p *Port) numberOption(name string, most int) (int, error) {
	value, ok := p.Options[name]
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("port %s: options:%s=%.40s is not understood; use a number from 1 to %d", p.Name, name, value, most)
	}
	return n, nil
}

// maxCPUs is how many processors Linux's affinity masks have at most here.
const maxCPUs = 1024

// applyThreads makes c.Threads true, filled up by Options.Threads.
func (s *Switch) applyThreads(c *Config) error {
	want, byDefault := c.Threads, s.opts.Threads
	if want.CPUs == nil && want.Workers == 0 {
		want.Workers = byDefault.Workers
	}
	if want.CPUs == nil {
		want.CPUs = byDefault.CPUs
	}
	may := s.dp.Processors()
	cpus := slices.DeleteFunc(slices.Clone(want.CPUs), func(c int) bool { return !slices.Contains(may, c) })
	if want.Workers == 0 {
		want.Workers = min(max(len(cpus), 1), ofswitch.MaxWorkers)
	}
	err := s.dp.SetWorkers(want.Workers)
	if err == nil && want.CPUs == nil {
		err = s.dp.BindWorkers(nil)
	} else if err == nil {
		err = s.dp.BindWorkers(want.CPUs)
	}
	s.dp.SetBusyPoll(want.BusyPoll || byDefault.BusyPoll)
	if err == nil {
		err = s.dp.SetRxIsolation(!want.Shared)
	}
	if err != nil {
		return errors.New("forwarding threads: " + err.Error())
	}
	return nil
}
