package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
)

// plant holds bugs that tests put into the layers of a datapath, to see that
// the comparison with the naive twin finds them. Nil outside tests: the path of
// cached flows then pays one predictable comparison per frame.
type plant struct {
	key          func(*flow.Key) // extraction
	staleIsFresh bool            // cache: stale programs are believed
	wrongEntry   func(*flowtable.Table, *flow.Wide, classifier.Version, *flowtable.Entry) *flowtable.Entry
	dropMask     func(*flow.Mask) // translation: bits that were looked at are not noted
	skipSet      bool             // execution
	noShare      bool             // execution: bytes that a transmit batch holds are written to
}

func (p *plant) extracted(k *flow.Key) {
	if p.key != nil {
		p.key(k)
	}
}
