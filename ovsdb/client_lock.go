package ovsdb

import (
	"encoding/json"
	"errors"

	"ofswitch/jsonrpc"
)

// lockReply takes the reply to "lock" (RFC 7047 §4.1.8).
func (s *clientSession) lockReply(reply json.RawMessage) error {
	var r struct {
		Locked *bool `json:"locked"`
	}
	if err := json.Unmarshal(reply, &r); err != nil || r.Locked == nil {
		return errors.New("the reply does not say whether we hold it")
	}
	s.c.setLock(*r.Locked)
	return nil
}

// lockChanged takes a "locked" or "stolen" notification (RFC 7047 §4.1.9,
// §4.1.10).
func (s *clientSession) lockChanged(m *jsonrpc.Message) error {
	var names []string
	if err := json.Unmarshal(m.Params, &names); err != nil || len(names) != 1 {
		return errors.New("its parameters are not the name of a lock")
	}
	if s.c.o.Lock == "" || names[0] != s.c.o.Lock {
		return errors.New("it is of a lock that was not asked for")
	}
	if m.Method == "stolen" {
		s.c.log.Warn("another client of the database has stolen the lock", "lock", names[0])
	}
	s.c.setLock(m.Method == "locked")
	return nil
}

// setLock takes note of who holds the lock. That another does is logged once.
func (c *Client) setLock(ours bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !ours && !c.waits:
		c.log.Warn("another client of the database holds the lock; waiting for it", "lock", c.o.Lock, "target", c.status.Target)
	case ours && c.waits:
		c.log.Info("the lock of the database is ours now", "lock", c.o.Lock, "target", c.status.Target)
	}
	c.waits = !ours
	c.status.HasLock = ours
	c.tell()
}
