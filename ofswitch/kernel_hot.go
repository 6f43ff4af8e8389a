package ofswitch

import "time"

// hotPrograms are programs whose frames came lately, a sample of them: one of each batch. It belongs to a
// worker.
type hotPrograms struct {
	always bool // tests: each program that the kernel can carry out is hot
	list   [64]*program
	n      int
	frames uint64 // received since the list was looked at
	at     int64  // when that was
	soon   int64  // when it was last looked at for those with very many
}

// note takes one of the programs found for a batch.
func (h *hotPrograms) note(found []*program) {
	if len(found) == 0 {
		return
	}
	if p := found[h.n%len(found)]; p != nil {
		h.list[h.n%len(h.list)] = p
	}
	h.n++
}

// due says whether it is time to look.
func (h *hotPrograms) due(frames uint64, now int64) bool {
	h.frames += frames
	return h.always || h.frames >= hotFrames && now-h.soon >= hotSoon
}

// offerHot offers the hot ones among the sampled programs to the kernel.
func (w *worker) offerHot(now int64) {
	h, k := &w.hot, &w.d.kernel
	if h.soon = now; now-h.at < hotEvery && !h.always {
		w.offerSoon(now)
		return
	}
	before := h.at
	h.frames, h.at = 0, now
	if h.n = 0; h.always {
		w.offerAll(now)
	} else if k.on.Load() {
		for _, p := range h.list {
			if p != nil && p.hot(before, now) {
				w.offer(p, now)
			}
		}
	}
	clear(h.list[:])
}

// offerSoon is offerHot for those that have very many frames.
func (w *worker) offerSoon(now int64) {
	if !w.d.kernel.on.Load() {
		return
	}
	for _, p := range w.hot.list {
		if p != nil && p.hotNow(now) {
			w.offer(p, now)
		}
	}
}

// hotNow says whether the program has had very many frames since the worker last said that it was hot, or looked
// whether it was, within the last second.
func (p *program) hotNow(now int64) bool {
	packets, _, _ := p.cell.load()
	return packets-p.hotCount >= hotMany && (p.hotAt == 0 || now-p.hotAt < hotWithin)
}

// hot says whether the program has had many frames within the last second, but not those of which it has
// said so before. The worker last looked at the time before.
func (p *program) hot(before, now int64) bool {
	packets, _, _ := p.cell.load()
	if p.hotAt == 0 {
		p.hotAt = before
	}
	lately, many := now-p.hotAt < hotWithin, packets-p.hotCount >= hotFrames
	if many || !lately {
		p.hotAt, p.hotCount = now, packets
	}
	return many && lately
}

// offer offers a program to the kernel, unless it has it or has refused it lately.
func (w *worker) offer(p *program, now int64) {
	if p.stamp != w.stamp {
		return
	}
	if f := p.kernel; f != nil && (!f.over.Load() || now < f.after.Load() && !w.hot.always) {
		return
	}
	f := newKernelFlow(w, p)
	if f == nil {
		p.kernel = &kernelNever
		return
	}
	p.kernel = f
	w.d.kernel.offer(f)
}

// offer leaves the flow to the goroutine that puts flows into the kernel.
func (k *kernelFlows) offer(f *kernelFlow) {
	if k.d.manual {
		k.install(f)
		return
	}
	k.offerMu.Lock()
	k.offered = append(k.offered, f)
	k.offerMu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// loop puts offered flows into the kernel until the datapath stops, and helps them to become active.
func (k *kernelFlows) loop() {
	var arming drains
	timer := time.NewTimer(0)
	for {
		select {
		case <-k.wake:
		case <-timer.C:
		case <-k.d.stop:
			timer.Stop()
			return
		}
		k.offerMu.Lock()
		list := k.offered
		k.offered = nil
		k.offerMu.Unlock()
		for _, f := range list {
			k.install(f)
			arming.add(f)
		}
		if again := arming.run(k); again > 0 {
			timer.Reset(again)
		}
	}
}

// offerAll offers every program.
func (w *worker) offerAll(now int64) {
	var all []*program
	w.d.foldMu.Lock()
	for p := w.programs.head.Load(); p != nil; p = p.next {
		all = append(all, p)
	}
	w.d.foldMu.Unlock()
	for _, p := range all {
		if p.cached.Load() {
			w.offer(p, now)
		}
	}
}
