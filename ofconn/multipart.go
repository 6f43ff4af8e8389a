package ofconn

import (
	"sync"

	"ofswitch/ofp"
)

// multiparts are the handlers by kind. They give their reply's entries to add,
// which waits while the peer reads slowly and fails when it is gone.
var multiparts = map[uint16]func(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error{
	ofp.MultipartDesc: func(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		d := sw.Desc()
		return add(&d)
	},
	ofp.MultipartFlow: func(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		return sw.FlowStats(body.(*ofp.FlowStatsRequest), func(f *ofp.FlowStats) error { return add(f) })
	},
	ofp.MultipartAggregate: func(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		a, err := sw.AggregateStats(body.(*ofp.FlowStatsRequest))
		if err != nil {
			return err
		}
		return add(&a)
	},
	ofp.MultipartTable: func(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		return sw.TableStats(func(t *ofp.TableStats) error { return add(t) })
	},
	ofp.MultipartPortStats: func(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		return sw.PortStats(body.(*ofp.PortStatsRequest).Port, func(p *ofp.PortStats) error { return add(p) })
	},
	ofp.MultipartGroup:         groupStats,
	ofp.MultipartGroupDesc:     groupDescs,
	ofp.MultipartGroupFeatures: groupFeatures,
	ofp.MultipartMeter:         meterStats,
	ofp.MultipartMeterConfig:   meterConfigs,
	ofp.MultipartMeterFeatures: meterFeatures,
	ofp.MultipartQueue: func(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		return sw.QueueStats(body.(*ofp.QueueStatsRequest), func(q *ofp.QueueStats) error { return add(q) })
	},
	ofp.MultipartTableFeatures: func(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		return sw.TableFeatures(func(t *ofp.TableFeatures) error { return add(t) })
	},
	ofp.MultipartPortDesc: func(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
		for _, p := range sw.PortDescs() {
			if err := add(&p); err != nil {
				return err
			}
		}
		return nil
	},
}

// handleMultipart answers a whole multipart request by a stream of messages, of which
// at most one is in the making and two wait to be written.
func (c *conn) handleMultipart(h ofp.Header, msg []byte, m ofp.Message) error {
	req := m.(*ofp.MultipartRequest)
	handle := c.multipartHandler(req.Kind)
	switch {
	case req.Kind == ofp.MultipartTableFeatures && req.Body != nil:
		// A slave may have become one since it sent the first part.
		if err := c.slaveMay(false, h); err != nil {
			return c.refuse(h, msg, err)
		}
		if err := c.m.sw.SetTableFeatures(req.Body.(ofp.TableFeaturesRequest)); err != nil {
			return c.refuse(h, msg, err)
		}
		// The answer is the features that are in force now.
	case req.Kind == ofp.MultipartExperimenter:
		return c.handleFlowMonitors(h, msg, req)
	}
	if handle == nil {
		return c.refuse(h, msg, ofp.BadRequestBadMultipart.Errorf("%s multiparts are not supported", ofp.MultipartName(req.Kind)))
	}
	if c.unwritable.Load() {
		return nil // a walk over the tables for nobody
	}
	w := c.writer(req.Kind, h.XID)
	var sendErr error
	err := handle(c.m.sw, req.Body, func(e ofp.MultipartBody) error {
		var fits bool
		if fits, sendErr = w.TryAdd(e); sendErr == nil && !fits {
			// A flow-mod of nearly 64 KiB: its entry is longer than itself by a
			// header. The rest of the table must not go missing with it.
			c.log.Warn("an entry is too long to be reported", "kind", ofp.MultipartName(req.Kind), "bytes", e.Len())
		}
		return sendErr
	})
	if sendErr == errUnwritable {
		return nil // nobody is there for the rest of it
	}
	if sendErr != nil {
		return sendErr // the connection is closed
	}
	if err != nil {
		return c.refuse(h, msg, err)
	}
	if err := w.Close(); err != errUnwritable {
		return err
	}
	return nil
}

// replyRooms has memory for the messages of long replies: a reply that lists a million
// flow entries needs that of two or three.
var replyRooms = sync.Pool{New: func() any { return new([ofp.MultipartRoom]byte) }}

func replyRoom() []byte { return replyRooms.Get().(*[ofp.MultipartRoom]byte)[:0] }

// freeRoom takes back what a message of a reply had, after it has been written.
func freeRoom(b []byte) {
	if cap(b) >= ofp.MultipartRoom {
		replyRooms.Put((*[ofp.MultipartRoom]byte)(b[:ofp.MultipartRoom]))
	}
}

// sendPart is send of a message of a multipart reply.
func (c *conn) sendPart(b []byte) error { return c.sendMsg(outMsg{b: b, part: true}) }
