package differential

import (
	"fmt"
	"net"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// peer is one of the two switches, seen by its controller.
type peer struct {
	t    *testing.T
	name string
	nc   net.Conn
	xid  uint32
}

// accept waits for a switch to connect to us and shakes hands.
func accept(t *testing.T, name string, l net.Listener) *peer {
	t.Helper()
	if err := l.(*net.UnixListener).SetDeadline(time.Now().Add(testutil.Patience)); err != nil {
		t.Fatal(err)
	}
	nc, err := l.Accept()
	if err != nil {
		t.Fatalf("%s does not connect: %v", name, err)
	}
	t.Cleanup(func() { nc.Close() })
	p := &peer{t: t, name: name, nc: nc, xid: 1 << 16}
	if _, err := nc.Write(ofp.Encode(1, &ofp.Hello{Versions: ofp.VersionBitmap(ofp.Version)})); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if h, _, err := p.read(); err != nil || h.Type != ofp.TypeHello {
		t.Fatalf("%s begins with %v: %v", name, h, err)
	}
	return p
}

func (p *peer) read() (ofp.Header, []byte, error) {
	if err := p.nc.SetReadDeadline(time.Now().Add(testutil.Patience)); err != nil {
		return ofp.Header{}, nil, err
	}
	return ofp.ReadMessage(p.nc, nil)
}

// answers are the replies to some messages, by message, and what came unasked.
type answers struct {
	to      [][][]byte
	unasked [][]byte
}

// ask sends messages made by wire with the transaction ids given to it, closed by
// a barrier, and sorts the answers.
func (p *peer) ask(n int, wire func(i int, xid uint32) []byte) (answers, error) {
	first := p.xid
	p.xid += uint32(n) + 1
	barrier := first + uint32(n)
	sent := make(chan error, 1)
	go func() {
		var b []byte
		for i := range n {
			b = append(b, wire(i, first+uint32(i))...)
		}
		_, err := p.nc.Write(append(b, ofp.Encode(barrier, &ofp.BarrierRequest{})...))
		sent <- err
	}()
	a := answers{to: make([][][]byte, n)}
	for {
		h, msg, err := p.read()
		switch {
		case err != nil:
			return a, fmt.Errorf("%s: waiting for answers: %w", p.name, err)
		case h.XID == barrier && h.Type == ofp.TypeBarrierReply:
			return a, <-sent
		case h.XID-first < uint32(n):
			a.to[h.XID-first] = append(a.to[h.XID-first], msg)
		case h.Type == ofp.TypeEchoRequest:
			if _, err := p.nc.Write(ofp.Encode(h.XID, &ofp.EchoReply{Data: msg[ofp.HeaderLen:]})); err != nil {
				return a, err
			}
		default:
			a.unasked = append(a.unasked, msg)
		}
	}
}

// must sends messages that none may refuse.
func (p *peer) must(msgs ...ofp.Message) answers {
	p.t.Helper()
	a, err := p.try(msgs...)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// entries are those of all parts of the reply to a multipart request.
func (p *peer) entries(req *ofp.MultipartRequest) (list []ofp.MultipartBody) {
	p.t.Helper()
	for _, b := range p.must(req).to[0] {
		h, err := ofp.ParseHeader(b)
		if err != nil {
			p.t.Fatal(err)
		}
		m, err := ofp.Decode(h, b[ofp.HeaderLen:])
		if err != nil {
			p.t.Fatal(err)
		}
		list = append(list, m.(*ofp.MultipartReply).Entries...)
	}
	return list
}

// try is must for a switch that may end by itself: that is the error.
func (p *peer) try(msgs ...ofp.Message) (answers, error) {
	p.t.Helper()
	a, err := p.ask(len(msgs), func(i int, xid uint32) []byte { return ofp.Encode(xid, msgs[i]) })
	if err != nil {
		return a, err
	}
	for i, replies := range a.to {
		for _, b := range replies {
			if ofp.Type(b[1]) == ofp.TypeError {
				p.t.Fatalf("%s refuses %+v: %s", p.name, msgs[i], normal(b))
			}
		}
	}
	return a, nil
}

// stateRequests ask for all that messages can change.
var stateRequests = []ofp.Message{
	&ofp.MultipartRequest{Kind: ofp.MultipartFlow, Body: &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}},
	&ofp.MultipartRequest{Kind: ofp.MultipartGroupDesc},
	&ofp.MultipartRequest{Kind: ofp.MultipartMeterConfig, Body: &ofp.MeterRequest{MeterID: ofp.MeterAll}},
	&ofp.MultipartRequest{Kind: ofp.MultipartPortDesc},
	&ofp.GetConfigRequest{},
	&ofp.RoleRequest{Role: ofp.RoleNoChange},
	&ofp.GetAsyncRequest{},
}

// emptying makes a switch as it was at first.
func emptying(macs [][6]byte) []ofp.Message {
	msgs := []ofp.Message{
		&ofp.RoleRequest{Role: ofp.RoleEqual},
		&ofp.SetConfig{MissSendLen: 128},
		&ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{PacketIn: [2]uint32{3, 0}, PortStatus: [2]uint32{7, 7}, FlowRemoved: [2]uint32{15, 0}}},
		&ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny},
		&ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll},
		&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll},
	}
	for i, mac := range macs {
		msgs = append(msgs, &ofp.PortMod{Port: ofp.PortNo(i + 1), HWAddr: mac, Mask: ofp.PortConfigAll &^ ofp.PortConfigDown})
	}
	return msgs
}

// printable is a message in hexadecimal, and as text if it can be read.
func printable(b []byte) string { return fmt.Sprintf("%x\n    %s", b, normal(b)) }
