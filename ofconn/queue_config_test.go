package ofconn

import (
	"reflect"
	"testing"

	"ofswitch/ofp"
)

// fakeQueues are those of the fake switch: of port 1.
var fakeQueues = []ofp.PacketQueue{
	{QueueID: 0, Port: 1},
	{QueueID: 7, Port: 1, Properties: []ofp.QueueProperty{{Type: ofp.QueueMinRate, Rate: 10}, {Type: ofp.QueueMaxRate, Rate: 500}}},
}

func (s *fakeSwitch) QueueConfigs(no ofp.PortNo) ([]ofp.PacketQueue, error) {
	if err := s.call("QueueConfigs"); err != nil {
		return nil, err
	}
	if no != 1 && no != ofp.PortAny {
		return nil, ofp.QueueOpFailedBadPort.Errorf("no port")
	}
	return fakeQueues, nil
}

func (s *fakeSwitch) QueueStats(r *ofp.QueueStatsRequest, fn func(*ofp.QueueStats) error) error {
	if err := s.call("QueueStats"); err != nil {
		return err
	}
	for _, q := range fakeQueues {
		if r.QueueID == ofp.QueueAll || r.QueueID == q.QueueID {
			if err := fn(&ofp.QueueStats{Port: q.Port, QueueID: q.QueueID, TxBytes: 100, TxPackets: 2, TxErrors: 1, DurationSec: 3}); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestQueueGetConfig(t *testing.T) {
	p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
	for _, no := range []ofp.PortNo{1, ofp.PortAny} {
		p.send(5, &ofp.QueueGetConfigRequest{Port: no})
		r := p.want(5, ofp.TypeQueueGetConfigReply).(*ofp.QueueGetConfigReply)
		if r.Port != no || !reflect.DeepEqual(r.Queues, fakeQueues) {
			t.Errorf("port %v: %+v", no, r)
		}
	}
	p.wantRefused(6, &ofp.QueueGetConfigRequest{Port: 2}, ofp.QueueOpFailedBadPort)
	short := ofp.Encode(7, raw(ofp.TypeQueueGetConfigRequest, 4))
	p.raw(short)
	p.wantError(7, ofp.BadRequestBadLen, short)
	p.alive()
}

func TestQueueStats(t *testing.T) {
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	for id, want := range map[uint32][]uint32{ofp.QueueAll: {0, 7}, 7: {7}, 3: nil} {
		p.send(5, multipart(ofp.MultipartQueue, &ofp.QueueStatsRequest{Port: ofp.PortAny, QueueID: id}))
		var got []uint32
		for _, e := range p.want(5, ofp.TypeMultipartReply).(*ofp.MultipartReply).Entries {
			got = append(got, e.(*ofp.QueueStats).QueueID)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("queue %#x: got %v, want %v", id, got, want)
		}
	}
	sw.setRefusal("QueueStats", ofp.QueueOpFailedBadQueue.Errorf("no such queue"))
	p.wantRefused(6, multipart(ofp.MultipartQueue, &ofp.QueueStatsRequest{Port: 1, QueueID: 3}), ofp.QueueOpFailedBadQueue)
}
