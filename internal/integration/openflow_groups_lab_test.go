package integration

import (
	"testing"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// groupMod parses a group in ovs-ofctl's syntax, beginning with the command.
func groupMod(t *testing.T, s string) *ofp.GroupMod {
	t.Helper()
	m, err := text.ParseGroup(s, text.GroupOptions{AnyCommand: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// groups sends group-mods, which begin with the command.
func (c *ofClient) groups(groups ...string) {
	c.t.Helper()
	for _, s := range groups {
		c.must(groupMod(c.t, s))
	}
}

// meter adds or modifies a meter in ovs-ofctl's syntax.
func (c *ofClient) meter(command uint16, s string) {
	c.t.Helper()
	m, err := text.ParseMeter(s, command)
	if err != nil {
		c.t.Fatal(err)
	}
	c.must(m)
}

// clearAll leaves neither flows besides the fence, nor groups, nor meters.
func (l *ofLab) clearAll(flows ...string) {
	l.t.Helper()
	l.c.must(&ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll})
	l.c.must(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll})
	l.reset(flows...)
}

// groupStats gives the statistics of one group.
func (c *ofClient) groupStats(id uint32) *ofp.GroupStats {
	c.t.Helper()
	list := c.multipart(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: id})
	if len(list) != 1 {
		c.t.Fatalf("%d entries for group %d", len(list), id)
	}
	return list[0].(*ofp.GroupStats)
}

// meterStats gives the statistics of one meter.
func (c *ofClient) meterStats(id uint32) *ofp.MeterStats {
	c.t.Helper()
	list := c.multipart(ofp.MultipartMeter, &ofp.MeterRequest{MeterID: id})
	if len(list) != 1 {
		c.t.Fatalf("%d entries for meter %#x", len(list), id)
	}
	return list[0].(*ofp.MeterStats)
}

// reasons says why flows have gone since the last barrier, by cookie.
func (c *ofClient) reasons() map[uint64]uint8 {
	c.t.Helper()
	why := map[uint64]uint8{}
	for _, m := range c.barrier() {
		switch r := m.m.(type) {
		case *ofp.FlowRemoved:
			why[r.Cookie] = r.Reason
		case *ofp.ErrorMsg:
			c.t.Errorf("refused: %v", r.ErrCode())
		}
	}
	return why
}

// linkState waits for the port-status message that says so.
func (l *ofLab) linkState(no ofp.PortNo, up bool) {
	l.t.Helper()
	l.c.take(func(m *ofMessage) bool {
		s, is := m.m.(*ofp.PortStatus)
		return is && s.Desc.Port == no && (s.Desc.State&ofp.PortStateLinkDown == 0) == up
	})
}

// flowsFrom makes n UDP frames of n flows.
func flowsFrom(n int) (frames [][]byte) {
	for i := range n {
		frames = append(frames, udp4.with(func(p *ipPacket) { p.l4 = udp(uint16(1+i%251), uint16(7000+i)) }).frame())
	}
	return frames
}

// spread sends frames of many flows into port 1, and says for each by which of
// these ports it left, 0: by none. More than once is a failure. Ports that are not
// named may be down.
func (l *ofLab) spread(frames [][]byte, ports ...int) []int {
	l.t.Helper()
	at := make(map[string]int, len(frames))
	for i, f := range frames {
		at[string(f)] = i
	}
	by := make([]int, len(frames))
	const some = 100 // as many as fit into the receive buffer of a socket
	for len(frames) > 0 {
		n := min(some, len(frames))
		for _, f := range frames[:n] {
			l.cables[0].send(f)
		}
		l.cables[0].send(fenceFrame)
		frames = frames[n:]
		for _, p := range ports {
			for {
				f := l.cables[p-1].recv()
				if isFence(f) {
					break
				}
				i, known := at[string(f)]
				if !known || by[i] != 0 {
					l.t.Fatalf("port %d sent a frame that was not sent, or left by port %d already: %x", p, by[i], f)
				}
				by[i] = p
			}
		}
	}
	return by
}

// tally counts how often each port stands in by.
func tally(by []int) map[int]int {
	n := map[int]int{}
	for _, p := range by {
		n[p]++
	}
	return n
}
