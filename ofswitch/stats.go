package ofswitch

import (
	"cmp"

	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// Statistics count every frame that was forwarded before the call.

// FlowStats calls fn for each flow entry that the request asks for (OpenFlow
// 1.3.5 §7.3.5.2), and ends with fn's error if it has one. What fn is given is
// valid until it returns.
func (b *Bridge) FlowStats(req *ofp.FlowStatsRequest, fn func(*ofp.FlowStats) error) error {
	b.d.foldExact()
	now := b.d.clock()
	var failed error
	var s ofp.FlowStats
	if err := b.tables.CheckStats(req.Table); err != nil {
		return err
	}
	if list, ok := b.gathered(req); ok {
		for i, e := range list {
			list[i] = nil // nobody needs it any more
			e.FillStats(&s, now)
			if err := fn(&s); err != nil {
				return err
			}
		}
		return nil
	}
	return b.listing(b.d.Version, func(v classifier.Version) error {
		err := b.tables.Each(req, v, func(e *flowtable.Entry) bool {
			e.FillStats(&s, now)
			failed = fn(&s)
			return failed == nil
		})
		return cmp.Or(err, failed)
	})
}

// AggregateStats sums up the entries that the request asks for (OpenFlow
// 1.3.5 §7.3.5.3).
func (b *Bridge) AggregateStats(req *ofp.FlowStatsRequest) (s ofp.AggregateStats, err error) {
	b.d.foldExact()
	if flowtable.All(req) {
		b.d.still(func() { s, err = b.tables.Sum(req.Table) })
		return s, err
	}
	if err := b.tables.CheckStats(req.Table); err != nil {
		return s, err
	}
	gathered := b.gather(req, func(entries []*flowtable.Entry) {
		for _, e := range entries {
			e.AddTo(&s)
		}
	})
	if gathered {
		return s, nil
	}
	err = b.listing(b.d.Version, func(v classifier.Version) (err error) {
		s, err = b.tables.Aggregate(req, v)
		return err
	})
	return s, err
}

// TableStats calls fn for every table (OpenFlow 1.3.5 §7.3.5.4).
func (b *Bridge) TableStats(fn func(*ofp.TableStats) error) error {
	b.d.foldExact()
	var err error
	b.tables.TableStats(func(s *ofp.TableStats) bool {
		err = fn(s)
		return err == nil
	})
	return err
}

// PortStats calls fn for one port, or for each with ofp.PortAny (OpenFlow
// 1.3.5 §7.3.5.6).
func (b *Bridge) PortStats(no ofp.PortNo, fn func(*ofp.PortStats) error) error {
	b.d.foldExact()
	conf := b.conf.Load()
	list := conf.list
	if no != ofp.PortAny {
		p := conf.ports[no]
		if p == nil {
			return ofp.BadRequestBadPort.Errorf("port statistics: bridge %s has no port %d", b.name, no)
		}
		list = []*port{p}
	}
	now := b.d.clock()
	for _, p := range list {
		s := p.stats()
		s.DurationSec, s.DurationNsec = duration(now - p.added)
		if err := fn(&s); err != nil {
			return err
		}
	}
	return nil
}

// deviceStats are the device's, with what the kernel has forwarded by itself, as far as it is folded.
func (p *port) deviceStats() ports.Stats {
	st := p.dev.Stats()
	st.RxPackets += p.rxCount.Packets()
	st.RxBytes += p.rxCount.Bytes()
	st.TxPackets += p.txCount.Packets()
	st.TxBytes += p.txCount.Bytes()
	return st
}

func (p *port) stats() ofp.PortStats {
	if p.dev == nil {
		return ofp.PortStats{
			Port:      p.no,
			RxPackets: p.rxCount.Packets(), RxBytes: p.rxCount.Bytes(),
			TxPackets: p.txCount.Packets(), TxBytes: p.txCount.Bytes(),
			// Nothing is lost between two bridges of one process, and there
			// is no wire.
			RxFrameErr: ports.Uncounted, RxOverErr: ports.Uncounted, RxCRCErr: ports.Uncounted,
			Collisions: ports.Uncounted,
		}
	}
	st := p.deviceStats()
	return ofp.PortStats{
		Port:      p.no,
		RxPackets: st.RxPackets, RxBytes: st.RxBytes,
		TxPackets: st.TxPackets, TxBytes: st.TxBytes,
		RxDropped: st.RxDropped + p.policed.Load(), TxDropped: st.TxDropped + p.queueDrops.Load(),
		RxErrors: st.RxErrors, TxErrors: st.TxErrors,
		RxFrameErr: st.RxFrameErr, RxOverErr: st.RxOverErr, RxCRCErr: st.RxCRCErr,
		Collisions: st.Collisions,
	}
}
