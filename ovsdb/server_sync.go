package ovsdb

import (
	"bytes"
	"encoding/json"
)

// unsynced is the answer to a client that wants its commit on disk.
type unsynced struct {
	to    *session
	id    []byte
	reply json.RawMessage
}

// answer replies to a transaction: at once, or when what it committed is on disk
// if its client asked for that. What is committed while the disk is busy shares
// the next wait for it. The server is locked.
func (s *Server) answer(c *session, id []byte, res Result) {
	if s.o.Log == nil || res.Changes == nil || !res.Changes.Durable {
		c.reply(id, res.Reply)
		return
	}
	s.unsynced = append(s.unsynced, unsynced{c, id, res.Reply})
	if !s.syncing {
		s.syncing = true
		s.done.Go(s.sync)
	}
}

// sync answers until nobody waits for the disk.
func (s *Server) sync() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.unsynced) > 0 {
		list := s.unsynced
		s.unsynced = nil
		wait := s.o.Log.syncer()
		s.mu.Unlock()
		err := wait()
		s.mu.Lock()
		if err != nil {
			err = s.rescue(err)
		}
		for _, u := range list {
			u.to.reply(u.id, withError(u.reply, err))
		}
	}
	s.syncing = false
}

// rescue is called where the disk did not take what others see already: after
// that nobody knows what the file holds. A new one with all of it is as good.
func (s *Server) rescue(why error) error {
	s.log.Warn("the database's file is written anew, since what was committed did not come to disk", "err", why)
	for _, h := range s.dbs {
		if h.readOnly {
			continue
		}
		if err := s.o.Log.Compact(h.Database); err != nil {
			s.log.Error("what was committed to the database may be lost with the next loss of power", "err", err)
			return why
		}
	}
	return nil
}

// withError is a transaction's reply with why it is not on disk, if it is not.
func withError(reply json.RawMessage, err error) json.RawMessage {
	if err == nil {
		return reply
	}
	b, merr := json.Marshal(errorf(ErrIO, "%v", err))
	if merr != nil {
		b = []byte(`{"error":"` + ErrIO + `"}`)
	}
	before, _ := bytes.CutSuffix(reply, []byte("]"))
	return append(append(append(bytes.Clone(before), ','), b...), ']')
}
