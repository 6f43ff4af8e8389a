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
// looked up in the tables, and they resume. So a peer that reads slowly costs no
// more than this and the deletions, for which there is a bound, too: over it the
// connection ends.
type flowMonitors struct {
	c *conn

	// some says whether list has any.
	some atomic.Bool

	mu   sync.Mutex
	list []flowMonitor
	// paused: changes after the version pausedAt were left out.
	paused   bool
	pausedAt uint64
	// held: what stood in the tables at some version is being written; changes since
	// wait in behind, of so many bytes, for the end of it.
	held        bool
	behind      [][]byte
	behindBytes int
	// resuming: a goroutine will end the pause. resumed is closed at its end.
	resuming bool
	resumed  chan struct{}
	// own are the messages of the peer that are being carried out, with their
	// transaction ids. abbreviated is the last one whose changes were told, by form.
	own         map[ofp.Message]uint32
	abbreviated [len(monitorForms)]ofp.Message

	goroutines sync.WaitGroup
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
		f.own = make(map[ofp.Message]uint32)
	}
	f.own[m] = xid
}

func (f *flowMonitors) done() {
	if !f.some.Load() {
		return // the last monitor's end has forgotten them
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.own = nil
	clear(f.abbreviated[:])
}

// tell makes the updates for what a version has brought. It does not wait.
func (f *flowMonitors) tell(version uint64, list []FlowChange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.list) == 0 {
		return
	}
	waiting := 0
	for n, form := range monitorForms {
		w := f.c.updates(form, asyncXID, func(b []byte) error {
			waiting = f.queue(b)
			return nil
		})
		some := false
		for i := range list {
			ch := &list[i]
			if f.paused && (ch.Update.Event != ofp.FlowEventDeleted || ch.Since > f.pausedAt) {
				continue // not known yet, or found in the tables later
			}
			u := f.update(n, ch)
			if u == nil {
				continue
			}
			some = true
			if err := w.Add(u); err != nil {
				f.c.log.Warn("a flow update is too long to be sent", "table", u.Table, "error", err)
			}
		}
		if some {
			_ = w.Close() // queue does not fail
		}
	}
	switch {
	case waiting > asyncBudget, waiting > monitorPause && f.c.m.monitorBytes.Load() > monitorBudget:
		f.c.close(errMonitorOverrun)
	case waiting > monitorPause && !f.paused:
		f.paused, f.pausedAt = true, version
		if !f.held {
			f.announcePause()
		}
	}
}

// update is what is told of a change in the form of monitorForms, nil for nothing. mu
// is held.
func (f *flowMonitors) update(form int, ch *FlowChange) *ofp.FlowUpdate {
	flags := f.wanted(monitorForms[form], ch)
	if flags == 0 {
		return nil
	}
	if xid, own := f.own[ch.Cause]; own && flags&ofp.FlowMonitorOwn == 0 && ch.Cause.Type() == ofp.TypeFlowMod {
		if f.abbreviated[form] == ch.Cause {
			return nil // one for all that a message did
		}
		f.abbreviated[form] = ch.Cause
		return &ofp.FlowUpdate{Event: ofp.FlowEventAbbrev, XID: xid}
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

// announcePause tells of the pause and sees to its end. mu is held.
func (f *flowMonitors) announcePause() {
	f.announce(func(form uint32) ofp.Message { return &ofp.FlowMonitorPaused{Experimenter: form} })
	if !f.resuming {
		f.resuming = true
		f.resumed = make(chan struct{})
		f.goroutines.Add(1)
		go f.resume()
	}
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
		if !c.out.awaitMonitor(0, c.done) {
			return
		}
		var from, to uint64
		c.m.watchFlows(func(version uint64) {
			f.mu.Lock()
			defer f.mu.Unlock()
			from, to = f.pausedAt, version
			f.paused, f.held = false, true
		})
		if err := f.writeNews(from, to); err != nil {
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

// writeNews writes what came and changed between two versions, as fast as the peer
// reads it.
func (f *flowMonitors) writeNews(from, to uint64) error {
	send := func(b []byte) error {
		if !f.c.out.awaitMonitor(monitorPause, f.c.done) {
			return errStopped
		}
		f.c.out.putMonitor(b)
		return nil
	}
	var writers [len(monitorForms)]updateWriter
	err := f.c.m.sw.FlowsSince(from, to, func(told *ofp.FlowUpdate) error {
		ch := FlowChange{Update: *told}
		for i, form := range monitorForms {
			f.mu.Lock()
			u := f.update(i, &ch)
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
