package ofconn

import (
	"errors"
	"sync"
	"sync/atomic"

	"ofswitch/ofp"
)

// flowMonitors are those of one connection. While there are any, what changes in the
// flow tables is told as updates, which are written like replies. When more of them
// wait than monitorPause the monitors pause: but for deletions of entries that the
// peer knows nothing is told, until all has been written. Then what is new since is
// looked up in the tables, and they resume. The deletions, and what the pause came in the
// middle of, are kept as they were given to us, the same memory for all connections, and
// made messages as the peer reads: so that a hundred monitors of a table that is emptied
// take no more than one. A peer that reads slowly costs no more than this, for which
// there is a bound, too: over it the connection ends.
type flowMonitors struct {
	c *conn

	// some says whether list has any.
	some atomic.Bool

	mu   sync.Mutex
	list []flowMonitor
	// paused: changes after the version pausedAt were left out.
	paused   bool
	pausedAt uint64
	// later is what is to be told during a pause, of so many changes.
	later        []laterChanges
	laterChanges int
	// unannounced: the pause is to be announced when what it came in the middle of
	// has been told.
	unannounced bool
	// held: what stood in the tables at some version is being written; changes since
	// wait in behind, of so many bytes, for the end of it.
	held        bool
	behind      [][]byte
	behindBytes int
	// resuming: a goroutine will end the pause. resumed is closed at its end.
	resuming bool
	resumed  chan struct{}
	// own are the messages of the peer that are being carried out; nil: none.
	own *ownMessages

	goroutines sync.WaitGroup
}

// ownMessages are messages of the peer, with their transaction ids, whose changes are
// told in short. abbreviated is the last one whose changes were told, by form.
type ownMessages struct {
	xids        map[ofp.Message]uint32
	abbreviated [len(monitorForms)]ofp.Message
}

// laterChanges are changes that are told as the peer reads.
type laterChanges struct {
	list []FlowChange
	own  *ownMessages
	// all: not deletions alone, since the pause came in the middle of them.
	all bool
}

// flowMonitor is one of them, in the form of its experimenter.
type flowMonitor struct {
	ofp.FlowMonitor
	experimenter uint32
}

// monitorForms are the two forms of flow monitors' messages.
var monitorForms = [...]uint32{ofp.ExperimenterONF, ofp.ExperimenterNicira}

// selects says whether the monitor is about an entry that has ins and, before, had
// old (nil: it was not there).
func (m *flowMonitor) selects(u *ofp.FlowUpdate, old *ofp.Instructions) bool {
	return (m.Table == ofp.TableAll || m.Table == u.Table) &&
		(m.OutPort == ofp.PortAny || outputs(&u.Instructions, m.OutPort) || old != nil && outputs(old, m.OutPort)) &&
		m.Match.Covers(&u.Match)
}

// outputs says whether instructions send to a port.
func outputs(ins *ofp.Instructions, port ofp.PortNo) bool {
	for _, list := range [...][]ofp.Action{ins.Apply, ins.Write} {
		for _, a := range list {
			switch a := a.(type) {
			case ofp.Output:
				if a.Port == port {
					return true
				}
			case ofp.Enqueue:
				if a.Port == port {
					return true
				}
			}
		}
	}
	return false
}

// eventFlags has the flag that asks for each event.
var eventFlags = [...]ofp.FlowMonitorFlags{
	ofp.FlowEventAdded:    ofp.FlowMonitorAdd,
	ofp.FlowEventDeleted:  ofp.FlowMonitorDelete,
	ofp.FlowEventModified: ofp.FlowMonitorModify,
}

// wanted are the flags of the monitors of a form that want to be told. mu is held.
func (f *flowMonitors) wanted(experimenter uint32, ch *FlowChange) (flags ofp.FlowMonitorFlags) {
	for i := range f.list {
		m := &f.list[i]
		if m.experimenter == experimenter && m.Flags&eventFlags[ch.Update.Event] != 0 && m.selects(&ch.Update, ch.Old) {
			flags |= m.Flags
		}
	}
	return flags
}

// doing notes a message of the peer that is about to be carried out: what it changes
// is told in short. done forgets all that were noted.
func (f *flowMonitors) doing(m ofp.Message, xid uint32) {
	if !f.some.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return
	}
	if f.own == nil {
		f.own = &ownMessages{xids: make(map[ofp.Message]uint32)}
	}
	f.own.xids[m] = xid
}

func (f *flowMonitors) done() {
	if !f.some.Load() {
		return // the last monitor's end has forgotten them
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.own = nil
}

// tell makes the updates for what a version has brought, or keeps it for later. It
// does not wait.
func (f *flowMonitors) tell(version uint64, list []FlowChange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return
	}
	if f.paused {
		if hasDeletion(list) {
			f.keepLocked(laterChanges{list: list}) // in full, also the peer's own
		}
		return
	}
	told, waiting := f.write(laterChanges{list: list, own: f.own, all: true}, monitorPause)
	switch {
	case waiting > monitorPause && f.c.m.monitorBytes.Load() > monitorBudget:
		f.c.close(errMonitorOverrun)
	case waiting > monitorPause:
		f.paused, f.pausedAt = true, version
		if told < len(list) {
			f.keepLocked(laterChanges{list: list[told:], own: f.own, all: true})
		}
		if !f.held {
			f.announcePause()
		}
	}
}

// hasDeletion says whether list has one. Deletions stand last.
func hasDeletion(list []FlowChange) bool {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].Update.Event == ofp.FlowEventDeleted {
			return true
		}
	}
	return false
}

// keepLocked leaves changes to resume. mu is held.
func (f *flowMonitors) keepLocked(l laterChanges) {
	f.later = append(f.later, l)
	if f.laterChanges += len(l.list); f.laterChanges > maxLaterChanges {
		f.c.close(errMonitorOverrun)
	}
}

// write makes updates of changes, one after the other until more than most bytes wait. It
// gives how many it has told and, if the last of them has been queued since, how many
// bytes wait. mu is held.
func (f *flowMonitors) write(l laterChanges, most int) (told, waiting int) {
	var writers [len(monitorForms)]updateWriter
	for told < len(l.list) && waiting <= most {
		ch := &l.list[told]
		told++
		if !l.all && (ch.Update.Event != ofp.FlowEventDeleted || ch.Since > f.pausedAt) {
			continue // not known yet, or found in the tables later
		}
		for n, form := range monitorForms {
			u := f.update(n, ch, l.own)
			if u == nil {
				continue
			}
			if writers[n] == nil {
				writers[n] = f.c.updates(form, asyncXID, func(b []byte) error {
					waiting = f.queue(b)
					return nil
				})
			}
			if err := writers[n].Add(u); err != nil {
				f.c.log.Warn("a flow update is too long to be sent", "table", u.Table, "error", err)
			}
		}
	}
	for _, w := range writers {
		if w != nil {
			_ = w.Close() // queue does not fail
		}
	}
	return told, waiting
}

// update is what is told of a change in the form of monitorForms, nil for nothing. own
// are the peer's own messages at the time. mu is held.
func (f *flowMonitors) update(form int, ch *FlowChange, own *ownMessages) *ofp.FlowUpdate {
	flags := f.wanted(monitorForms[form], ch)
	if flags == 0 {
		return nil
	}
	if own != nil && flags&ofp.FlowMonitorOwn == 0 {
		if xid, its := own.xids[ch.Cause]; its && ch.Cause.Type() == ofp.TypeFlowMod {
			if own.abbreviated[form] == ch.Cause {
				return nil // one for all that a message did
			}
			own.abbreviated[form] = ch.Cause
			return &ofp.FlowUpdate{Event: ofp.FlowEventAbbrev, XID: xid}
		}
	}
	u := ch.Update
	if flags&ofp.FlowMonitorActions == 0 {
		u.Instructions = ofp.Instructions{}
	}
	return &u
}

// queue has a message written, or keeps it until what is being written is done. It
// gives the bytes that wait. mu is held.
func (f *flowMonitors) queue(b []byte) int {
	if f.held {
		f.behind = append(f.behind, b)
		f.behindBytes += len(b)
		f.c.m.monitorBytes.Add(int64(len(b)))
		return f.behindBytes
	}
	return f.c.out.putMonitor(b)
}

// announcePause tells of the pause, after what it came in the middle of, and sees to its
// end. mu is held.
func (f *flowMonitors) announcePause() {
	if f.unannounced = true; len(f.later) == 0 || !f.later[0].all {
		f.announceNow()
	}
	if !f.resuming {
		f.resuming = true
		f.resumed = make(chan struct{})
		f.goroutines.Add(1)
		go f.resume()
	}
}

// announceNow tells of the pause, if nobody has yet. mu is held.
func (f *flowMonitors) announceNow() {
	if f.unannounced {
		f.unannounced = false
		f.announce(func(form uint32) ofp.Message { return &ofp.FlowMonitorPaused{Experimenter: form} })
	}
}

// tellLater tells what was kept for later, as the peer reads, and returns when all of it has
// been written; with false when it will not be.
func (f *flowMonitors) tellLater() bool {
	for more := true; more; {
		if !f.c.out.awaitMonitor(monitorPause/2, f.c.done) {
			return false
		}
		more = f.tellPart()
	}
	return f.c.out.awaitMonitor(0, f.c.done)
}

// tellPart tells a part of what was kept for later, and says whether there is more.
func (f *flowMonitors) tellPart() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.later) == 0 {
		return false
	}
	l := &f.later[0]
	part := *l
	part.list = l.list[:min(len(l.list), laterPart)]
	told, _ := f.write(part, monitorPause)
	f.laterChanges -= told
	if l.list = l.list[told:]; len(l.list) > 0 {
		return true
	}
	f.later[0] = laterChanges{}
	if f.later = f.later[1:]; len(f.later) == 0 {
		f.later = nil
	}
	f.announceNow()
	return len(f.later) > 0
}

// announce sends a message in each form that is in use. mu is held.
func (f *flowMonitors) announce(message func(form uint32) ofp.Message) {
	for _, form := range monitorForms {
		for i := range f.list {
			if f.list[i].experimenter == form {
				f.c.out.putMonitor(f.c.encode(asyncXID, message(form)))
				break
			}
		}
	}
}

// resume is a goroutine that ends a pause, or the one after it, and so on: each
// time that all updates are written it looks up what is new in the tables.
func (f *flowMonitors) resume() {
	defer f.goroutines.Done()
	defer close(f.resumed)
	c := f.c
	for {
		if !f.tellLater() {
			return
		}
		var from uint64
		list := c.m.listFlows(func(uint64) (all bool) {
			f.mu.Lock()
			defer f.mu.Unlock()
			if all = len(f.later) == 0; all {
				from = f.pausedAt
				f.paused, f.held = false, true
			}
			return all
		})
		if list == nil {
			continue
		}
		if err := f.writeNews(list, from); err != nil {
			if !errors.Is(err, errStopped) {
				c.log.Error("flow monitors cannot resume", "error", err)
				c.close(errMonitorOverrun)
			}
			return
		}
		over := false
		c.m.watchFlows(func(uint64) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.release()
			if over = !f.paused; over {
				f.announce(func(form uint32) ofp.Message { return &ofp.FlowMonitorResumed{Experimenter: form} })
				f.resuming = false
			}
		})
		if over {
			return
		}
	}
}

// release has written what was kept behind. mu is held.
func (f *flowMonitors) release() {
	f.held = false
	for _, b := range f.behind {
		f.c.out.putMonitor(b)
	}
	f.forgetBehind()
}

// forgetBehind takes what is kept behind out of the accounts. mu is held.
func (f *flowMonitors) forgetBehind() {
	f.c.m.monitorBytes.Add(int64(-f.behindBytes))
	f.behind, f.behindBytes = nil, 0
}

// writeNews writes what came and changed after a version, as fast as the peer
// reads it.
func (f *flowMonitors) writeNews(list ofp.FlowList, from uint64) error {
	send := func(b []byte) error {
		if !f.c.out.awaitMonitor(monitorPause, f.c.done) {
			return errStopped
		}
		f.c.out.putMonitor(b)
		return nil
	}
	var writers [len(monitorForms)]updateWriter
	err := list(from, func(told *ofp.FlowUpdate) error {
		ch := FlowChange{Update: *told}
		for i, form := range monitorForms {
			f.mu.Lock()
			u := f.update(i, &ch, nil)
			f.mu.Unlock()
			if u == nil {
				continue
			}
			if writers[i] == nil {
				writers[i] = f.c.updates(form, asyncXID, send)
			}
			if err := writers[i].Add(u); err != nil {
				return err
			}
		}
		return nil
	})
	for _, w := range writers {
		if w != nil && err == nil {
			err = w.Close()
		}
	}
	return err
}
