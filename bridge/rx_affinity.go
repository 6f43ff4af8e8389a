package bridge

import (
	"fmt"
	"strconv"
	"strings"
)

// maxQueues is more than the receive queues of any device.
const maxQueues = 4096

// ParseRxAffinity reads which receive queues belong to which processors, as
// "pmd-rxq-affinity" has it: QUEUE:PROCESSOR, with commas between. The result is processors
// by queue, nil for an empty text.
func ParseRxAffinity(text string) (map[int]int, error) {
	var m map[int]int
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		q, c, _ := strings.Cut(pair, ":")
		queue, ok := smallNumber(q, maxQueues)
		cpu, isCPU := smallNumber(c, maxCPUs)
		if !ok || !isCPU {
			return nil, fmt.Errorf("%.40q is no queue with its processor: want QUEUE:PROCESSOR, as 0:3, queues below %d and processors below %d", pair, maxQueues, maxCPUs)
		}
		if _, twice := m[queue]; twice {
			return nil, fmt.Errorf("queue %d is named twice", queue)
		}
		if m == nil {
			m = map[int]int{}
		}
		m[queue] = cpu
	}
	return m, nil
}

// smallNumber reads a number from 0 to limit-1, in digits alone.
func smallNumber(s string, limit int) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil && int(n) < limit
}

// applyRxAffinity makes the open port's receive queues belong to the processors of its
// configuration.
func (p *livePort) applyRxAffinity() {
	p.affinityErr = nil
	if p.open {
		p.affinityErr = p.bridge.of.SetRxAffinity(p.no, p.conf.RxAffinity)
	}
}
