package ofconn

import (
	"errors"

	"ofswitch/ofp"
)

// handleFlowMonitors sets up the monitors that a request asks for, all of them or
// none, and answers with the entries that are there. What changes meanwhile is told
// behind the answer.
func (c *conn) handleFlowMonitors(h ofp.Header, msg []byte, req *ofp.MultipartRequest) error {
	body, err := guarded(h, req.Parse)
	if err != nil {
		return c.refuse(h, msg, err)
	}
	r, ok := body.(*ofp.FlowMonitors)
	if !ok {
		return c.refuse(h, msg, ofp.BadRequestBadExpType.Errorf("this multipart of an experimenter is not supported"))
	}
	f := &c.monitors
	if err := f.check(r); err != nil {
		return c.refuse(h, msg, err)
	}
	added := make([]flowMonitor, len(r.Monitors))
	initial := false
	for i, m := range r.Monitors {
		added[i] = flowMonitor{m, r.Experimenter}
		initial = initial || m.Flags&ofp.FlowMonitorInitial != 0
	}
	var list ofp.FlowList
	for ok := false; !ok; {
		if !f.awaitResumed() {
			return nil // the connection is at its end
		}
		list, ok = c.addMonitors(added, initial)
	}
	w := c.updates(r.Experimenter, h.XID, c.send)
	if initial {
		err = list(0, func(u *ofp.FlowUpdate) error { return addInitial(w, added, u) })
	}
	if err == nil {
		err = w.Close()
	}
	c.m.watchFlows(func(uint64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.release()
		if f.paused {
			f.announcePause()
		}
	})
	if errors.Is(err, errUnwritable) {
		return nil
	}
	return err
}

// addInitial tells of an entry that was there when monitors were set up, if one of
// them wants to know.
func addInitial(w updateWriter, monitors []flowMonitor, told *ofp.FlowUpdate) error {
	var flags ofp.FlowMonitorFlags
	for i := range monitors {
		if m := &monitors[i]; m.Flags&ofp.FlowMonitorInitial != 0 && m.selects(told, nil) {
			flags |= m.Flags
		}
	}
	if flags == 0 {
		return nil
	}
	u := *told
	u.Event = ofp.FlowEventAdded
	if flags&ofp.FlowMonitorActions == 0 {
		u.Instructions = ofp.Instructions{}
	}
	return w.Add(&u)
}

// awaitResumed returns when no pause is being ended, or with false at the end of the
// connection. Who reads what he is told keeps it short.
func (f *flowMonitors) awaitResumed() bool {
	f.mu.Lock()
	resuming, resumed := f.resuming, f.resumed
	f.mu.Unlock()
	if !resuming {
		return true
	}
	select {
	case <-resumed:
		return true
	case <-f.c.done:
		return false
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// check refuses monitors whose ids are taken, and too many.
func (f *flowMonitors) check(r *ofp.FlowMonitors) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make(map[uint32]bool, len(f.list)+len(r.Monitors))
	for i := range f.list {
		ids[f.list[i].ID] = true
	}
	for i := range r.Monitors {
		id := r.Monitors[i].ID
		if ids[id] {
			return ofp.FlowMonitorFailedMonitorExists.Errorf("flow monitor %d exists on this connection", id)
		}
		ids[id] = true
	}
	if len(ids) > maxMonitors {
		return ofp.BadRequestEPerm.Errorf("%d flow monitors on one connection; it may have %d", len(ids), maxMonitors)
	}
	return nil
}

// addMonitors begins to watch, and gives the list of what is there before the first change that is told, if
// initial. Changes are kept until the answer is written. It gives false, and has done nothing,
// if a pause has begun that somebody is about to end: what he writes and the answer
// would get mixed.
func (c *conn) addMonitors(added []flowMonitor, initial bool) (list ofp.FlowList, ok bool) {
	f := &c.monitors
	c.m.watchMu.Lock()
	defer c.m.watchMu.Unlock()
	f.mu.Lock()
	first := len(f.list) == 0 && len(added) > 0
	f.mu.Unlock()
	if first {
		c.m.watchers++
	}
	list = c.m.sw.WatchAndList(c.m.watchers > 0, func(uint64) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.resuming && !closed(f.resumed) {
			return false
		}
		f.list = append(f.list, added...)
		f.some.Store(len(f.list) > 0)
		f.held = true
		ok = true
		return initial
	})
	if first && !ok {
		c.unwatchLocked()
	}
	return list, ok
}

// cancelMonitor ends one.
func (c *conn) cancelMonitor(id uint32) error {
	f := &c.monitors
	c.m.watchMu.Lock()
	defer c.m.watchMu.Unlock()
	f.mu.Lock()
	at := -1
	for i := range f.list {
		if f.list[i].ID == id {
			at = i
		}
	}
	if at >= 0 {
		f.list = append(f.list[:at:at], f.list[at+1:]...)
		f.some.Store(len(f.list) > 0)
	}
	last := at >= 0 && len(f.list) == 0
	f.mu.Unlock()
	if at < 0 {
		return ofp.FlowMonitorFailedUnknownMonitor.Errorf("there is no flow monitor %d on this connection", id)
	}
	if last {
		c.unwatchLocked()
	}
	return nil
}

// endMonitors ends all of them, with the connection.
func (c *conn) endMonitors() {
	c.m.watchMu.Lock()
	defer c.m.watchMu.Unlock()
	f := &c.monitors
	f.mu.Lock()
	some := len(f.list) > 0
	f.list = nil
	f.some.Store(false)
	f.forgetBehind()
	f.later, f.laterChanges = nil, 0
	f.mu.Unlock()
	if some {
		c.unwatchLocked()
	}
}

// unwatchLocked: a connection has no monitors any more. Manager.watchMu is held.
func (c *conn) unwatchLocked() {
	c.m.watchers--
	c.m.sw.WatchFlows(c.m.watchers > 0, func(uint64) {})
}

// watchFlows has the switch call fn between two changes.
func (m *Manager) watchFlows(fn func(version uint64)) {
	m.watchMu.Lock()
	defer m.watchMu.Unlock()
	m.sw.WatchFlows(m.watchers > 0, fn)
}

// listFlows is watchFlows with a list, if fn says true.
func (m *Manager) listFlows(fn func(version uint64) (list bool)) ofp.FlowList {
	m.watchMu.Lock()
	defer m.watchMu.Unlock()
	return m.sw.WatchAndList(m.watchers > 0, fn)
}
