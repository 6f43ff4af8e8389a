package ofswitch

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"ofswitch/flow"
	"ofswitch/internal/garbage"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// soakAsync has all kinds of asynchronous messages sent.
var soakAsync = &ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{
	PacketIn: [2]uint32{7, 7}, PortStatus: [2]uint32{7, 7}, FlowRemoved: [2]uint32{0xff, 0xff},
}}

// soakMirror is what a flow monitor says that the flow tables are.
type soakMirror struct {
	mu      sync.Mutex
	entries map[string]uint64 // to cookies
	err     error
}

func entryKey(table ofp.TableID, priority uint16, m *flow.Match) string {
	return fmt.Sprint(table, " ", priority, " ", m.String())
}

func (l *soakMirror) hear(_ ofp.Header, m ofp.Message) {
	r, ok := m.(*ofp.MultipartReply)
	if !ok || r.Kind != ofp.MultipartExperimenter {
		return
	}
	bodies, err := r.Parse()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, err)
	for _, b := range bodies {
		u, ok := b.(*ofp.FlowUpdates)
		if !ok {
			continue
		}
		for i := range u.Updates {
			u := &u.Updates[i]
			key := entryKey(u.Table, u.Priority, &u.Match)
			switch _, there := l.entries[key]; {
			case u.Event == ofp.FlowEventDeleted && there:
				delete(l.entries, key)
			case u.Event == ofp.FlowEventDeleted || u.Event == ofp.FlowEventModified && !there:
				l.err = errors.Join(l.err, fmt.Errorf("a flow monitor tells by event %d of an entry that was not there: %s", u.Event, key))
			case u.Event == ofp.FlowEventAbbrev:
			default:
				l.entries[key] = u.Cookie
			}
		}
	}
}

// compare holds the mirror against what flow statistics say.
func (l *soakMirror) compare(entries map[string]uint64) error {
	if l.err != nil {
		return l.err
	}
	for key, cookie := range entries {
		if c, ok := l.entries[key]; !ok || c != cookie {
			return fmt.Errorf("entry %s, cookie %#x: a flow monitor told of it: %v, cookie %#x", key, cookie, ok, c)
		}
	}
	if len(entries) != len(l.entries) {
		return fmt.Errorf("%d entries, a flow monitor told of %d", len(entries), len(l.entries))
	}
	return nil
}

// statistics asks for statistics of all kinds, with and without filters, until stop; now and
// then it hangs up while they come.
func (st *soakStream) statistics(s *soak, seed uint64, stop func() bool) error {
	r := rand.New(rand.NewPCG(seed, 8))
	var p *soakPeer
	defer func() {
		if p != nil {
			_ = p.nc.Close()
		}
	}()
	for !stop() {
		var err error
		if p == nil {
			if p, err = soakDial(st.path, false, nil); err != nil {
				return err
			}
		}
		var list []ofp.Message
		for range 1 + r.IntN(4) {
			list = append(list, statisticsRequest(r))
		}
		if r.IntN(20) == 0 {
			for i, m := range list {
				if _, err := p.nc.Write(ofp.Encode(uint32(i), m)); err != nil {
					return err
				}
			}
			if _, err := p.nc.Read(make([]byte, 1+r.IntN(4000))); err != nil {
				return fmt.Errorf("statistics, the first bytes: %w", err)
			}
			if err := p.nc.Close(); err != nil {
				return err
			}
			p = nil
			continue
		}
		replies, refused, err := p.ask(list...)
		if err != nil {
			return fmt.Errorf("statistics: %w", err)
		}
		if refused != nil && refused.ErrCode() != ofp.BadRequestBadPort && refused.ErrCode() != ofp.MeterModFailedUnknownMeter {
			return fmt.Errorf("statistics: %w", refused)
		}
		for _, m := range replies {
			for _, e := range m.(*ofp.MultipartReply).Entries {
				if f, ok := e.(*ofp.FlowStats); ok && f.Cookie < missCookie && (f.Cookie>>8 != uint64(f.Table) || f.ByteCount < 64*f.PacketCount) {
					return fmt.Errorf("statistics: no such entry was made, or its counters are wrong: %+v", f)
				}
			}
		}
		s.requests.Add(uint64(len(list)))
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
	}
	return nil
}

func statisticsRequest(r *rand.Rand) ofp.Message {
	kind := []uint16{ofp.MultipartFlow, ofp.MultipartFlow, ofp.MultipartAggregate, ofp.MultipartAggregate, ofp.MultipartTable, ofp.MultipartPortStats,
		ofp.MultipartGroup, ofp.MultipartGroupDesc, ofp.MultipartMeter, ofp.MultipartMeterConfig, ofp.MultipartPortDesc, ofp.MultipartDesc}[r.IntN(12)]
	m := &ofp.MultipartRequest{Kind: kind}
	switch kind {
	case ofp.MultipartFlow, ofp.MultipartAggregate:
		f := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		switch r.IntN(6) {
		case 0:
			f.Table = ofp.TableID(r.IntN(3))
		case 1:
			f.OutPort = ofp.PortNo(3 + r.IntN(4))
		case 2:
			f.OutGroup = uint32(1 + r.IntN(soakGroups))
		case 3:
			f.Cookie, f.CookieMask = uint64(r.IntN(8)), 7
		case 4:
			f.Match = soakMatch(uint64(r.IntN(soakKinds)), r.IntN(soakVariant))
		}
		m.Body = f
	case ofp.MultipartPortStats:
		m.Body = &ofp.PortStatsRequest{Port: []ofp.PortNo{ofp.PortAny, 1, 4, soakPassing}[r.IntN(4)]}
	case ofp.MultipartGroup:
		m.Body = &ofp.GroupStatsRequest{GroupID: []uint32{ofp.GroupAll, 1, 9}[r.IntN(3)]}
	case ofp.MultipartMeter, ofp.MultipartMeterConfig:
		m.Body = &ofp.MeterRequest{MeterID: []uint32{ofp.MeterAll, 1, 2}[r.IntN(3)]}
	}
	return m
}

// soakPassing is the number of a port that comes and goes.
const soakPassing = 50

// passing adds and removes a port that has frames, all of table 0's miss entry.
func (st *soakStream) passing(stop func() bool) error {
	for i := 0; !stop(); i++ {
		m := ports.NewMemWith(fmt.Sprint("passing", i%7), ports.MemOptions{Capture: -1})
		if err := st.b.AddPort(soakPassing, m); err != nil {
			return err
		}
		time.Sleep(3 * time.Millisecond)
		if err := errors.Join(st.b.RemovePort(soakPassing), m.Close()); err != nil {
			return err
		}
	}
	return nil
}

// teams changes the number of threads until stop.
func (s *soak) teams(seed uint64, stop func() bool) error {
	r := rand.New(rand.NewPCG(seed, 9))
	for !stop() {
		if err := s.d.SetWorkers(1 + r.IntN(3)); err != nil {
			return err
		}
		if r.IntN(4) == 0 {
			if _, err := s.d.Rebalance(); err != nil {
				return err
			}
		}
		time.Sleep(time.Duration(r.IntN(200)) * time.Millisecond)
	}
	return s.d.SetWorkers(2)
}

// guests are controllers that come, take a role, hear packet-ins, send some frames, and go,
// some of them without a word; and some that speak no OpenFlow.
func (st *soakStream) guests(s *soak, seed uint64, stop func() bool) error {
	r := rand.New(rand.NewPCG(seed, 10))
	kinds := garbage.Kinds()
	for !stop() {
		if r.IntN(8) == 0 {
			k := kinds[r.IntN(len(kinds))]
			if strings.Contains(k.Name, "thousand") {
				continue // takes all connections that there are, also of those who must have one
			}
			peers := garbage.New(func() (net.Conn, error) { return net.Dial("unix", st.path) }, s.seeds, r.Uint64())
			// A switch with all the connections that it takes closes more at once.
			_ = k.Send(peers)
			peers.Close()
			continue
		}
		p, err := soakDial(st.path, r.IntN(2) == 0, nil)
		if err != nil {
			if gone(err) {
				continue // there were too many, by garbage
			}
			return err
		}
		for range r.IntN(6) {
			list := []ofp.Message{&ofp.RoleRequest{Role: ofp.Role(r.IntN(4)), GenerationID: s.generation.Add(1)}}
			if r.IntN(2) == 0 {
				list = append(list, &ofp.EchoRequest{Data: []byte("there?")})
			}
			if r.IntN(2) == 0 {
				list = append(list, &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: udp(1, 2, 3, 4),
					Actions: []ofp.Action{output(99)}})
			}
			if _, _, err = p.ask(list...); err != nil {
				break
			}
			time.Sleep(time.Duration(r.IntN(2000)) * time.Microsecond)
		}
		if cerr := p.nc.Close(); err != nil && !gone(err) || cerr != nil {
			return errors.Join(err, cerr)
		}
		s.guests.Add(1)
	}
	return nil
}

// gone says whether an error is the end of a connection by the other side.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// hosts are controllers to which the switch connects, which are there or not, and are
// configured or not.
func (st *soakStream) hosts(s *soak, seed uint64, stop func() bool) (err error) {
	r := rand.New(rand.NewPCG(seed, 11))
	paths := []string{s.dir + "/c0", s.dir + "/c1", s.dir + "/c2"}
	defer func() { err = errors.Join(err, st.m.SetControllers(nil)) }()
	for !stop() {
		var list []ofconn.Controller
		for _, p := range paths {
			if r.IntN(3) > 0 {
				list = append(list, ofconn.Controller{Target: "unix:" + p, MaxBackoff: 20 * time.Millisecond, PacketInRate: []int{0, 1000}[r.IntN(2)]})
			}
		}
		if err := st.m.SetControllers(list); err != nil {
			return err
		}
		if err := host(paths[r.IntN(3)], r.IntN(40)); err != nil {
			return err
		}
	}
	return nil
}

// host listens for a moment, and takes a connection if one comes, for some messages.
func host(path string, messages int) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.(*net.UnixListener).SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		return err
	}
	nc, err := l.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil // nobody is to connect here now
	}
	if err != nil {
		return err
	}
	defer nc.Close()
	p, err := soakShake(nc, true, nil)
	for range messages {
		if err != nil {
			break
		}
		_, _, err = p.ask(allFlows(ofp.MultipartAggregate))
	}
	if err != nil && !gone(err) { // SetControllers may end it
		return fmt.Errorf("a controller that the switch connected to: %w", err)
	}
	return nil
}
