package ofconn

import (
	"bytes"
	"sync"
	"time"

	"ofswitch/ofp"
)

// bundles are those that a connection has open (ONF extension 230; OpenFlow 1.4
// §6.9). The mutex is there for the timers: all else comes from the connection's
// reader.
type bundles struct {
	mu    sync.Mutex
	open  map[uint32]*bundle
	bytes int // of all their messages
}

// bundle is what one bundle id stands for. Its messages were found to be
// well-formed.
type bundle struct {
	request []byte // what opened it
	flags   ofp.BundleFlags
	closed  bool
	adds    bundleStore // the messages that put something in
	bytes   int         // that adds take, and bundleOverhead
	used    time.Time
	timer   *time.Timer
}

// handleBundleControl follows Open vSwitch: a request that a bundle cannot be asked
// for ends it, so that nothing half-done is ever committed.
func (c *conn) handleBundleControl(h ofp.Header, msg []byte, m *ofp.BundleControl) error {
	err := c.bundleControl(h, msg, m)
	if err != nil {
		return c.refuse(h, msg, err)
	}
	return c.reply(h.XID, &ofp.BundleControl{BundleID: m.BundleID, Op: m.Op + 1})
}

func (c *conn) bundleControl(h ofp.Header, msg []byte, m *ofp.BundleControl) error {
	switch m.Op {
	case ofp.BundleOpenRequest:
		if c.takeBundle(m.BundleID) != nil {
			return ofp.BundleFailedBadID.Errorf("bundle %#x was open, and is discarded", m.BundleID)
		}
		_, err := c.openBundle(m.BundleID, m.Flags, msg)
		return err
	case ofp.BundleCloseRequest:
		c.bundles.mu.Lock()
		defer c.bundles.mu.Unlock()
		b, err := c.bundleFor(m.BundleID, m.Flags)
		if err == nil && b.closed {
			err = ofp.BundleFailedBundleClosed.Errorf("bundle %#x was closed before, and is discarded", m.BundleID)
		}
		if err != nil {
			c.dropLocked(m.BundleID)
			return err
		}
		b.closed, b.used = true, time.Now()
		return nil
	case ofp.BundleDiscardRequest:
		if c.takeBundle(m.BundleID) == nil {
			return noBundle(m.BundleID)
		}
		return nil
	case ofp.BundleCommitRequest:
		b := c.takeBundle(m.BundleID)
		switch {
		case b == nil:
			return noBundle(m.BundleID)
		case b.flags != m.Flags:
			return b.otherFlags(m.BundleID, m.Flags)
		}
		return c.commit(m.BundleID, b)
	}
	return ofp.BundleFailedBadType.Errorf("bundle %#x: %v is not for a switch to receive", m.BundleID, m.Op)
}

func noBundle(id uint32) error { return ofp.BundleFailedBadID.Errorf("there is no bundle %#x", id) }

func (b *bundle) otherFlags(id uint32, flags ofp.BundleFlags) error {
	return ofp.BundleFailedBadFlags.Errorf("bundle %#x has the flags %v, not %v; it is discarded", id, b.flags, flags)
}

// bundleFor finds an open bundle. The mutex is held.
func (c *conn) bundleFor(id uint32, flags ofp.BundleFlags) (*bundle, error) {
	b := c.bundles.open[id]
	if b == nil {
		return nil, noBundle(id)
	}
	if b.flags != flags {
		return b, b.otherFlags(id, flags)
	}
	return b, nil
}

// openBundle makes a bundle, whose id is free.
func (c *conn) openBundle(id uint32, flags ofp.BundleFlags, request []byte) (*bundle, error) {
	c.bundles.mu.Lock()
	defer c.bundles.mu.Unlock()
	if len(c.bundles.open) >= maxBundles {
		return nil, ofp.BundleFailedOutOfBundles.Errorf("bundle %#x: %d are open on this connection already", id, maxBundles)
	}
	b := &bundle{request: bytes.Clone(request[:min(len(request), ofp.ErrorDataMax)]), flags: flags, used: time.Now()}
	b.timer = time.AfterFunc(bundleTimeout, func() { c.bundleTimeout(id, b) })
	if c.bundles.open == nil {
		c.bundles.open = make(map[uint32]*bundle)
	}
	c.bundles.open[id] = b
	return b, nil
}

// takeBundle takes a bundle out, nil if there is none.
func (c *conn) takeBundle(id uint32) *bundle {
	c.bundles.mu.Lock()
	defer c.bundles.mu.Unlock()
	return c.dropLocked(id)
}

// dropLocked forgets a bundle and gives what it was. The mutex is held.
func (c *conn) dropLocked(id uint32) *bundle {
	b := c.bundles.open[id]
	if b != nil {
		b.timer.Stop()
		delete(c.bundles.open, id)
		c.bundles.bytes -= b.bytes
		c.m.bundleBytes.Add(int64(-b.bytes))
	}
	return b
}

// dropBundles forgets all of them: bundles go with their connection.
func (c *conn) dropBundles() {
	c.bundles.mu.Lock()
	defer c.bundles.mu.Unlock()
	for id := range c.bundles.open {
		c.dropLocked(id)
	}
}

// bundleTimeout runs when b may have been idle for too long. The request that
// opened it is answered once more, by an error, as Open vSwitch does.
func (c *conn) bundleTimeout(id uint32, b *bundle) {
	c.bundles.mu.Lock()
	defer c.bundles.mu.Unlock()
	if c.bundles.open[id] != b {
		return // it ended meanwhile
	}
	if left := bundleTimeout - time.Since(b.used); left > 0 {
		b.timer.Reset(left)
		return
	}
	c.dropLocked(id)
	err := ofp.BundleFailedTimeout.Errorf("bundle %#x was idle for %v, and is discarded", id, bundleTimeout)
	h, _ := ofp.ParseHeader(b.request) // it was parsed when it came
	c.log.Debug("bundle discarded", "reason", err)
	// There is one such error for each bundle, which a request has opened: the
	// queue stays bounded.
	c.out.putNow(ofp.Encode(h.XID, ofp.ErrorFor(err, b.request)))
}

// handleBundleAdd puts a message into a bundle, which it opens if it is not. A
// message that is malformed leaves the bundle as it is.
func (c *conn) handleBundleAdd(h ofp.Header, msg []byte, m *ofp.BundleAdd) error {
	if err := c.checkAdd(m); err != nil {
		return c.refuse(h, msg, err)
	}
	return c.result(h, msg, c.bundleAdd(msg, m))
}

// checkAdd looks at the message that is added.
func (c *conn) checkAdd(m *ofp.BundleAdd) error {
	h := m.Header()
	switch h.Type {
	case ofp.TypeFlowMod, ofp.TypeGroupMod, ofp.TypeMeterMod, ofp.TypePortMod, ofp.TypePacketOut:
	default:
		return ofp.BundleFailedMsgUnsup.Errorf("bundle %#x: a bundle cannot hold a message %v", m.BundleID, h.Type)
	}
	inner, err := decode(h, m.Message)
	if err != nil {
		return err
	}
	switch inner := inner.(type) {
	case *ofp.FlowMod:
		if inner.Command <= ofp.FlowModifyStrict && inner.BufferID != ofp.NoBuffer {
			return ofp.BadRequestBufferUnknown.Errorf("bundle %#x: buffer %#x: a bundle sends no buffered packets", m.BundleID, inner.BufferID)
		}
	case *ofp.PacketOut:
		if inner.BufferID != ofp.NoBuffer {
			return ofp.BadRequestBufferUnknown.Errorf("bundle %#x: buffer %#x: a bundle sends no buffered packets", m.BundleID, inner.BufferID)
		}
	}
	return c.m.sw.CheckBundled(inner)
}

func (c *conn) bundleAdd(msg []byte, m *ofp.BundleAdd) error {
	c.bundles.mu.Lock()
	b := c.bundles.open[m.BundleID]
	c.bundles.mu.Unlock()
	if b == nil {
		var err error
		if b, err = c.openBundle(m.BundleID, m.Flags, msg); err != nil {
			return err
		}
	}
	c.bundles.mu.Lock()
	defer c.bundles.mu.Unlock()
	if c.bundles.open[m.BundleID] != b {
		return noBundle(m.BundleID) // its time was over in this moment
	}
	size := b.adds.grows(msg)
	if b.adds.n == 0 {
		size += bundleOverhead
	}
	var err error
	switch {
	case b.closed:
		err = ofp.BundleFailedBundleClosed.Errorf("bundle %#x is closed; it is discarded", m.BundleID)
	case b.flags != m.Flags:
		err = b.otherFlags(m.BundleID, m.Flags)
	case b.adds.n >= maxBundleMessages:
		err = ofp.BundleFailedMsgTooMany.Errorf("bundle %#x has %d messages, more than it may; it is discarded", m.BundleID, b.adds.n+1)
	case c.bundles.bytes+size > connBundleBudget:
		err = ofp.BundleFailedMsgTooMany.Errorf("bundle %#x: the bundles of this connection take more than %d bytes; it is discarded", m.BundleID, connBundleBudget)
	case c.m.bundleBytes.Add(int64(size)) > bundleBudget:
		c.m.bundleBytes.Add(int64(-size))
		err = ofp.BundleFailedMsgTooMany.Errorf("bundle %#x: the bundles of all connections take more than %d bytes; it is discarded", m.BundleID, bundleBudget)
	}
	if err != nil {
		c.dropLocked(m.BundleID)
		return err
	}
	b.adds.add(msg)
	b.bytes += size
	c.bundles.bytes += size
	b.used = time.Now()
	return nil
}

// commit carries out a bundle. A message that is refused is named by an error of
// its own, with its transaction id, before the one that is returned.
func (c *conn) commit(id uint32, b *bundle) error {
	if b.flags&ofp.BundleAtomic != 0 {
		for i := range b.adds.n {
			if ofp.Type(added(b.adds.message(i))[1]) == ofp.TypePortMod {
				return c.bundleFailed(id, b, i, ofp.BundleFailedMsgFailed.Errorf("bundle %#x: a port-mod is not seen together with the other changes by every frame: take it into a bundle that is not atomic", id))
			}
		}
	}
	defer c.monitors.done()
	i, err := c.m.sw.Bundle(b.adds.n, func(i int) (ofp.Message, error) {
		msg := added(b.adds.message(i))
		h, err := ofp.ParseHeader(msg)
		if err != nil {
			return nil, err
		}
		m, err := decode(h, msg)
		if err == nil {
			c.monitors.doing(m, h.XID)
		}
		return m, err
	})
	if err != nil {
		return c.bundleFailed(id, b, i, err)
	}
	return nil
}

// bundleFailed tells which message failed, and gives the refusal of the commit.
func (c *conn) bundleFailed(id uint32, b *bundle, i int, err error) error {
	if i >= 0 && i < b.adds.n {
		add := b.adds.message(i)
		h, _ := ofp.ParseHeader(add) // it was parsed when it came
		if serr := c.refuse(h, add, err); serr != nil {
			c.log.Debug("the peer is gone before it hears which message of its bundle failed", "reason", serr)
		}
	}
	return ofp.BundleFailedMsgFailed.Errorf("bundle %#x: message %d of %d failed, and nothing was changed", id, i+1, b.adds.n)
}

// added is the message in one that puts it into a bundle.
func added(add []byte) []byte {
	msg := add[bundleAddHeaderLen:]
	h, _ := ofp.ParseHeader(msg) // it was parsed when it came
	return msg[:h.Length]
}

// bundleAddHeaderLen is what stands before the message that is added: the header,
// the experimenter's, and the bundle's.
const bundleAddHeaderLen = ofp.HeaderLen + 8 + 8
