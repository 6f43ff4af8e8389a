package main

import (
	"fmt"

	"ofswitch/ofp"
)

// bundleFlags are what ovs-ofctl asks for: all at once, in order.
const bundleFlags = ofp.BundleAtomic | ofp.BundleOrdered

// bundle sends messages as one bundle (ONF extension 230), which the switch
// carries out whole or not at all. It returns which messages were refused; with
// none of them, err is about the bundle.
func (c *client) bundle(msgs []ofp.Message) ([]refusal, error) {
	for _, m := range msgs {
		if err := ofp.Check(m); err != nil {
			return nil, err
		}
	}
	if err := c.bundleControl(ofp.BundleOpenRequest); err != nil {
		return nil, err
	}
	first := c.xid + 1
	adds := make([]ofp.Message, len(msgs))
	for i, m := range msgs {
		adds[i] = ofp.NewBundleAdd(0, bundleFlags, transactXID(first, i), m)
	}
	refused, err := c.transact(adds)
	if err != nil || len(refused) > 0 {
		return refused, err // the end of the connection discards the bundle
	}
	xid, err := c.send(&ofp.BundleControl{Op: ofp.BundleCommitRequest, Flags: bundleFlags})
	if err != nil {
		return nil, err
	}
	return c.untilCommit(first, len(msgs), xid)
}

// bundleControl sends a request and reads its answer.
func (c *client) bundleControl(op ofp.BundleOp) error {
	h, m, err := c.request(&ofp.BundleControl{Op: op, Flags: bundleFlags})
	if err != nil {
		return err
	}
	return c.checkBundleReply(h, m, op+1)
}

// checkBundleReply says whether an answer is the one that is wanted.
func (c *client) checkBundleReply(h ofp.Header, m ofp.Message, want ofp.BundleOp) error {
	if e, ok := m.(*ofp.Experimenter); ok {
		parsed, err := e.Parse(h.XID)
		if err != nil {
			return fmt.Errorf("%s: cannot read the answer: %w", c.name, err)
		}
		if r, ok := parsed.(*ofp.BundleControl); ok && r.Op == want {
			return nil
		}
	}
	return fmt.Errorf("%s: the answer to a bundle's request is a %v, want %v", c.name, m.Type(), want)
}

// untilCommit reads until the answer to the commit. Errors before it are about
// messages of the bundle.
func (c *client) untilCommit(first uint32, n int, commit uint32) ([]refusal, error) {
	var refused []refusal
	for {
		h, msg, err := c.receive()
		if err != nil {
			return refused, err
		}
		i := transactIndex(h.XID - first)
		if h.XID != commit && i >= n {
			continue
		}
		m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
		if err != nil {
			return refused, fmt.Errorf("%s: cannot read the answer: %w", c.name, err)
		}
		e, isError := m.(*ofp.ErrorMsg)
		switch {
		case h.XID == commit && isError && len(refused) > 0:
			return refused, nil // what was refused says why
		case h.XID == commit && isError:
			return nil, e
		case h.XID == commit:
			return refused, c.checkBundleReply(h, m, ofp.BundleCommitReply)
		case isError:
			refused = append(refused, refusal{i, e})
		}
	}
}
