package ofconn

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"

	"ofswitch/ofp"
)

// A multipart request may come in several messages with the same transaction id
// and type, all but the last with OFPMPF_REQ_MORE (OpenFlow 1.3.5 §7.3.5); any
// of them may have an empty body, and messages of other requests may stand
// between. partsTable puts such requests together.
//
// Each request gets one answer: one that was refused in the middle is
// remembered, without its bytes, until its last part has come. Or its last part
// would pass for a request of its own, and a TABLE_FEATURES request would
// remove the tables that the refused parts named. For that reason a TABLE_FEATURES
// request is remembered also when it was given up; parts that come late are
// refused like the others.
//
// It belongs to the goroutine that reads the connection.
type partsTable struct {
	requests []*partialRequest // in the order in which their last parts came
	bytes    int               // of bodies held
	total    *atomic.Int64     // the same of all connections
}

// partialRequest is a request that more parts are to come of.
type partialRequest struct {
	xid  uint32
	kind uint16
	dead bool // it was refused: what still comes of it is dropped ...
	late bool // ... or refused again, since nobody was waiting any more
	body []byte
	last time.Time // when its last part came
	// h and head are the header and the first bytes of its first part that has a
	// body, or of its first: what errors about the whole quote.
	h    ofp.Header
	head []byte
}

const multipartLen = ofp.HeaderLen + 8 // the headers of a multipart message

// partOf says whether msg is a multipart request that is not all in one
// message.
func (c *conn) partOf(h ofp.Header, msg []byte) bool {
	if h.Type != ofp.TypeMultipartRequest || len(msg) < multipartLen {
		return false
	}
	return binary.BigEndian.Uint16(msg[10:])&ofp.MultipartMore != 0 || c.parts.find(h.XID) != nil
}

// setsTables says whether msg is a request for other table features, or part of
// one: what has a body changes the switch, what has none asks.
func setsTables(h ofp.Header, msg []byte) bool {
	return h.Type == ofp.TypeMultipartRequest && len(msg) > multipartLen &&
		binary.BigEndian.Uint16(msg[ofp.HeaderLen:]) == ofp.MultipartTableFeatures
}

// handlePart takes a part, and with the last one handles the request. Its error
// ends the connection.
func (c *conn) handlePart(h ofp.Header, msg []byte) error {
	kind, flags, body := binary.BigEndian.Uint16(msg[ofp.HeaderLen:]), binary.BigEndian.Uint16(msg[10:]), msg[multipartLen:]
	more := flags&ofp.MultipartMore != 0
	c.parts.forget()
	p := c.parts.find(h.XID)
	if p == nil {
		p = &partialRequest{xid: h.XID, kind: kind}
		if len(c.parts.requests) >= maxPartialRequests {
			// Not even that one was refused could be remembered.
			refusal := ofp.BadRequestMultipartBufferOverflow.Errorf("%d multipart requests are unfinished", len(c.parts.requests))
			if err := c.refuse(h, msg, refusal); err != nil {
				return err
			}
			return refuse(errGarbage, "%v", refusal)
		}
	}
	c.parts.drop(p)
	if p.dead {
		if more {
			c.parts.keep(p)
		}
		if p.late {
			return c.refuse(h, msg, givenUp(kind))
		}
		return nil
	}
	refusal := c.checkPart(p, h, msg, kind, body)
	if refusal == nil && more {
		p.add(h, msg)
		c.parts.keep(p)
		return nil
	}
	if refusal == nil {
		p.add(h, msg)
		m, err := decodeWhole(h, kind, flags, p.body)
		if err != nil {
			return c.refuse(p.h, p.head, err)
		}
		return c.handleMultipart(p.h, p.head, m)
	}
	if more {
		p.dead, p.body = true, nil
		c.parts.keep(p)
	}
	return c.refuse(h, msg, refusal)
}

// checkPart refuses a part as soon as it can be seen that its request cannot be
// carried out.
func (c *conn) checkPart(p *partialRequest, h ofp.Header, msg []byte, kind uint16, body []byte) error {
	switch {
	case kind != p.kind:
		return ofp.BadRequestBadMultipart.Errorf("a %s request goes on as one of %s", ofp.MultipartName(p.kind), ofp.MultipartName(kind))
	case p.head == nil && c.parts.alive() >= maxOpenRequests:
		return ofp.BadRequestMultipartBufferOverflow.Errorf("%d multipart requests are unfinished", maxOpenRequests)
	case c.parts.bytes+len(p.body)+len(body) > maxRequestBytes:
		return ofp.BadRequestMultipartBufferOverflow.Errorf("%s request in parts: more than %d bytes on this connection", ofp.MultipartName(kind), maxRequestBytes)
	}
	if c.parts.total.Load()+int64(len(p.body)+len(body)) > requestBudget {
		return ofp.BadRequestMultipartBufferOverflow.Errorf("%s request in parts: more than %d bytes on all connections", ofp.MultipartName(kind), requestBudget)
	}
	if err := c.slaveMay(!setsTables(h, msg), h); err != nil {
		return err
	}
	if len(body) == 0 && ofp.IsMultipart(kind) {
		return nil // the request's length is looked at when it is complete
	}
	_, err := decode(h, msg) // no entry is divided between parts
	return err
}

// decodeWhole decodes a request of which all parts have come.
func decodeWhole(h ofp.Header, kind, flags uint16, body []byte) (ofp.Message, error) {
	whole := make([]byte, multipartLen, multipartLen+len(body))
	binary.BigEndian.PutUint16(whole[ofp.HeaderLen:], kind)
	binary.BigEndian.PutUint16(whole[10:], flags)
	return decode(h, append(whole, body...)) // the header's length is not looked at
}

// find is the unfinished request with this transaction id, nil if there is none.
func (t *partsTable) find(xid uint32) *partialRequest {
	for _, p := range t.requests {
		if p.xid == xid {
			return p
		}
	}
	return nil
}

// alive is the number of requests that were not refused.
func (t *partsTable) alive() (n int) {
	for _, p := range t.requests {
		if !p.dead {
			n++
		}
	}
	return n
}

// drop takes p out, if it is in.
func (t *partsTable) drop(p *partialRequest) {
	if i := slices.Index(t.requests, p); i >= 0 {
		t.requests = slices.Delete(t.requests, i, i+1)
		t.hold(-len(p.body))
	}
	if len(t.requests) == 0 {
		t.requests = nil
	}
}

// add adds a part.
func (p *partialRequest) add(h ofp.Header, msg []byte) {
	if len(p.body) == 0 && (p.head == nil || len(msg) > multipartLen) {
		p.h, p.head = h, append([]byte(nil), msg[:min(len(msg), ofp.ErrorDataMax)]...)
	}
	p.body = append(p.body, msg[multipartLen:]...)
}

// keep puts p in, of which a part has just come.
func (t *partsTable) keep(p *partialRequest) {
	p.last = time.Now()
	t.requests = append(t.requests, p)
	t.hold(len(p.body))
}

func (t *partsTable) hold(n int) {
	t.bytes += n
	t.total.Add(int64(n))
}

// dropParts forgets all requests, at the end of the connection.
func (c *conn) dropParts() {
	c.parts.hold(-c.parts.bytes)
	c.parts.requests = nil
}

// deadline is when the next request is to be given up; zero: none is waited
// for.
func (t *partsTable) deadline() time.Time {
	for _, p := range t.requests {
		if !p.dead {
			return p.last.Add(partTimeout)
		}
	}
	return time.Time{}
}

// forget drops refused requests that nothing has come of for long.
func (t *partsTable) forget() {
	for len(t.requests) > 0 && t.requests[0].dead && time.Since(t.requests[0].last) > deadPartsTimeout {
		t.drop(t.requests[0])
	}
}

// givenUp is the refusal of a request whose parts came too late. OpenFlow 1.3.5
// has no code for it: ONF extension 264 has, and Open vSwitch uses it.
func givenUp(kind uint16) error {
	return ofp.MultipartRequestTimeout.Errorf("%s request in parts: the next part did not come within %v", ofp.MultipartName(kind), partTimeout)
}

// expireParts gives up requests whose next part has not come in time.
func (c *conn) expireParts() error {
	for {
		i := slices.IndexFunc(c.parts.requests, func(p *partialRequest) bool { return !p.dead })
		if i < 0 || time.Since(c.parts.requests[i].last) < partTimeout {
			return nil
		}
		p := c.parts.requests[i]
		sets := p.kind == ofp.MultipartTableFeatures && len(p.body) > 0
		c.parts.drop(p)
		if sets {
			p.dead, p.late, p.body = true, true, nil
			c.parts.keep(p)
		}
		if err := c.refuse(p.h, p.head, givenUp(p.kind)); err != nil {
			return err
		}
	}
}
