package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// ofLab is a switch with cables to a namespace that says nothing by itself: the
// only frames are those that a test sends. cables[0] is port 1's other end.
type ofLab struct {
	t      *testing.T
	d      *daemon
	sw     *testutil.NS
	peer   *testutil.NS // where the cables end: eth1 is port 1's
	cables []*cable
	c      *ofClient // on the management socket, takes asynchronous messages
}

func newOFLab(t *testing.T, n int, flags ...string) *ofLab {
	t.Helper()
	l := &ofLab{t: t}
	peer := testutil.NewNS(t)
	peer.NoIPv6()
	l.peer = peer
	l.sw = testutil.NewNS(t)
	l.sw.NoIPv6()
	args := []string{"--bridge", "br0", "--fail-mode", "secure"}
	for i := 1; i <= n; i++ {
		port, dev := fmt.Sprintf("port%d", i), fmt.Sprintf("eth%d", i)
		l.sw.AddVeth(port, dev, peer)
		l.cables = append(l.cables, newCable(t, peer.Namespace, dev))
		args = append(args, "--port", port)
	}
	l.d = startDaemon(t, l.sw.Namespace, append(args, flags...)...)
	l.d.awaitLog("msg=ready")
	l.c = l.dial()
	l.c.send(&ofp.SetConfig{MissSendLen: 0xffff}) // tools get asynchronous messages only when they ask
	l.c.barrier()
	return l
}

// cable is a raw socket on the far end of a port's veth pair.
type cable struct {
	t     *testing.T
	fd    int
	count uint64 // frames sent
	vnet  int    // bytes of virtio-net header before each frame
}

// sent is the number of frames sent so far.
func (c *cable) sent() uint64 { return c.count }

func newCable(t *testing.T, ns *netlab.Namespace, dev string) *cable {
	t.Helper()
	c := &cable{t: t}
	err := ns.Do(func() (err error) {
		if c.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		ifi, err := net.InterfaceByName(dev)
		if err != nil {
			return err
		}
		tv := unix.NsecToTimeval(int64(patience))
		for _, set := range []func() error{
			func() error { return unix.SetsockoptInt(c.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1) },
			func() error { return unix.SetsockoptInt(c.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1) },
			func() error { return unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv) },
			func() error {
				return unix.Bind(c.fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ALL << 8, Ifindex: ifi.Index})
			},
		} {
			if err := set(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(c.fd) })
	return c
}

func (c *cable) send(frame []byte) {
	c.t.Helper()
	if _, err := unix.Write(c.fd, frame); err != nil {
		c.t.Fatalf("sending a frame: %v", err)
	}
	c.count++
}

// recv gives the next frame, the VLAN tag that the kernel took out put back.
func (c *cable) recv() []byte {
	c.t.Helper()
	buf, oob := make([]byte, 1<<16), make([]byte, 256)
	n, oobn, _, _, err := unix.Recvmsg(c.fd, buf, oob, 0)
	for err == unix.EINTR { // a signal of the runtime's: with a timeout the kernel does not go on by itself
		n, oobn, _, _, err = unix.Recvmsg(c.fd, buf, oob, 0)
	}
	if err != nil {
		c.t.Fatalf("waiting for a frame: %v", err)
	}
	frame := buf[:n:n]
	msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		c.t.Fatal(err)
	}
	for _, m := range msgs {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA {
			continue
		}
		// struct tpacket_auxdata: status, len, snaplen (32 bits each), mac, net, vlan_tci, vlan_tpid.
		status := binary.NativeEndian.Uint32(m.Data)
		if status&unix.TP_STATUS_VLAN_VALID == 0 {
			continue
		}
		tag := binary.BigEndian.AppendUint16(nil, binary.NativeEndian.Uint16(m.Data[18:]))
		tag = binary.BigEndian.AppendUint16(tag, binary.NativeEndian.Uint16(m.Data[16:]))
		at := c.vnet + 12
		frame = append(append(bytes.Clone(frame[:at]), tag...), frame[at:]...)
		if c.vnet != 0 && frame[0]&1 != 0 { // csum_start counts without the tag
			start := frame[6:]
			binary.NativeEndian.PutUint16(start, binary.NativeEndian.Uint16(start)+4)
		}
	}
	return frame
}

// ofClient is a bare OpenFlow client: a connection, and what came over it.
type ofClient struct {
	t    *testing.T
	nc   net.Conn
	xid  uint32
	mu   sync.Mutex
	cond *sync.Cond
	in   []ofMessage // received and not yet taken
	err  error       // why nothing comes any more
}

type ofMessage struct {
	h   ofp.Header
	raw []byte
	m   ofp.Message
}

func (l *ofLab) dial() *ofClient { return dialOF(l.t, filepath.Join(l.d.dir, "br0.mgmt")) }

func dialOF(t *testing.T, path string) *ofClient {
	t.Helper()
	c := dialRaw(t, path)
	c.write(ofp.Encode(1, &ofp.Hello{Versions: ofp.VersionBitmap(ofp.Version)}))
	c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypeHello })
	return c
}

// dialRaw connects and says nothing.
func dialRaw(t *testing.T, path string) *ofClient {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c := &ofClient{t: t, nc: nc, xid: 0x1000}
	c.cond = sync.NewCond(&c.mu)
	t.Cleanup(func() { nc.Close() })
	go c.read()
	return c
}

func (c *ofClient) read() {
	for {
		h, raw, err := ofp.ReadMessage(c.nc, nil)
		m := ofMessage{h: h, raw: raw}
		if err == nil {
			m.m, err = ofp.Decode(h, raw[ofp.HeaderLen:])
		}
		c.mu.Lock()
		if err != nil {
			c.err = err
		} else {
			c.in = append(c.in, m)
		}
		c.cond.Broadcast()
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *ofClient) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatalf("writing to the switch: %v", err)
	}
}

// send sends a message under a transaction id of its own.
func (c *ofClient) send(m ofp.Message) (xid uint32) {
	c.t.Helper()
	c.xid++
	c.write(ofp.Encode(c.xid, m))
	return c.xid
}

// take waits for the first message for which is says true and takes it out.
func (c *ofClient) take(is func(*ofMessage) bool) ofMessage {
	c.t.Helper()
	m, err := c.tryTake(is)
	if err != nil {
		c.t.Fatalf("waiting for a message: %v", err)
	}
	return m
}

func (c *ofClient) tryTake(is func(*ofMessage) bool) (ofMessage, error) {
	end := time.AfterFunc(patience, c.cond.Broadcast)
	defer end.Stop()
	deadline := time.Now().Add(patience)
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for i := range c.in {
			if is(&c.in[i]) {
				m := c.in[i]
				c.in = append(c.in[:i], c.in[i+1:]...)
				return m, nil
			}
		}
		if c.err != nil {
			return ofMessage{}, c.err
		}
		if !time.Now().Before(deadline) {
			return ofMessage{}, fmt.Errorf("it does not come; there are %d others", len(c.in))
		}
		c.cond.Wait()
	}
}

// barrier waits for the answers to all that was sent and takes out what came
// before, packet-ins apart, which are for exchange.
func (c *ofClient) barrier() (before []ofMessage) {
	c.t.Helper()
	xid := c.send(&ofp.BarrierRequest{})
	c.take(func(m *ofMessage) bool { return m.h.XID == xid && m.h.Type == ofp.TypeBarrierReply })
	c.mu.Lock()
	defer c.mu.Unlock()
	var pins []ofMessage
	for _, m := range c.in {
		if m.h.Type == ofp.TypePacketIn {
			pins = append(pins, m)
		} else {
			before = append(before, m)
		}
	}
	c.in = pins
	return before
}

// accepted stands for the code of the error that was not sent.
const accepted ofp.Code = 0xffffffff

// answer sends the bytes of one message and says how it was refused, and
// checks that the error holds the transaction id and what the message began with.
func (c *ofClient) answer(msg []byte) ofp.Code {
	c.t.Helper()
	xid := binary.BigEndian.Uint32(msg[4:])
	c.write(msg)
	code := accepted
	for _, m := range c.barrier() {
		e, is := m.m.(*ofp.ErrorMsg)
		if !is {
			continue
		}
		if code != accepted {
			c.t.Errorf("two errors for one message: %v and %v", code, e.ErrCode())
		}
		code = e.ErrCode()
		if m.h.XID != xid {
			c.t.Errorf("error %v has xid %#x, the message %#x", code, m.h.XID, xid)
		}
		if n := min(len(msg), 64); len(e.Data) < n || !bytes.HasPrefix(msg, e.Data) {
			c.t.Errorf("error %v has data %x, want at least %d bytes of the message %x", code, e.Data, n, msg)
		}
	}
	return code
}

// must sends a message that is not to be refused.
func (c *ofClient) must(m ofp.Message) {
	c.t.Helper()
	if code := c.answer(ofp.Encode(0x99, m)); code != accepted {
		c.t.Fatalf("%+v refused: %v", m, code)
	}
}

// flowMod parses a flow in ovs-ofctl's syntax, beginning with the command.
func flowMod(t *testing.T, s string) *ofp.FlowMod {
	t.Helper()
	m, err := text.ParseFlow(s, text.ParseOptions{AnyCommand: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (c *ofClient) mod(flows ...string) {
	c.t.Helper()
	for _, s := range flows {
		c.must(flowMod(c.t, s))
	}
}

// multipart sends a request and gives all entries of the reply.
func (c *ofClient) multipart(kind uint16, body ofp.MultipartBody) []ofp.MultipartBody {
	c.t.Helper()
	xid := c.send(&ofp.MultipartRequest{Kind: kind, Body: body})
	var all []ofp.MultipartBody
	for {
		m := c.take(func(m *ofMessage) bool { return m.h.XID == xid })
		r, is := m.m.(*ofp.MultipartReply)
		if !is {
			c.t.Fatalf("answer to multipart %d: %+v", kind, m.m)
		}
		all = append(all, r.Entries...)
		if r.Flags&ofp.MultipartMore == 0 {
			return all
		}
	}
}

var everyFlow = ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}

// flows gives the flow statistics.
func (c *ofClient) flows(req ofp.FlowStatsRequest) (list []*ofp.FlowStats) {
	c.t.Helper()
	for _, e := range c.multipart(ofp.MultipartFlow, &req) {
		list = append(list, e.(*ofp.FlowStats))
	}
	return list
}

// fenceType is the Ethernet type of the frames that close an exchange, and
// fence the flow entry that sends them everywhere.
const (
	fenceType = 0x88b5
	fence     = "add priority=65535,dl_type=0x88b5,actions=ALL,IN_PORT,CONTROLLER:65535"
)

var fenceFrame = append([]byte{2, 0, 0, 0, 0xfe, 0xfe, 2, 0, 0, 0, 0xfe, 0xfd, fenceType >> 8, fenceType & 0xff}, make([]byte, 46)...)

func isFence(b []byte) bool { return len(b) >= 14 && bytes.Equal(b[:14], fenceFrame[:14]) }

// exchange sends frames into a port and gives what came out of every port, and
// the packet-ins. A fence is sent behind them, so that nothing is waited for
// that does not come. It needs the fence entry, and ports that let it pass.
func (l *ofLab) exchange(port int, frames ...[]byte) (out map[int][][]byte, ins []*ofp.PacketIn) {
	l.t.Helper()
	for _, f := range frames {
		l.cables[port-1].send(f)
	}
	l.cables[port-1].send(fenceFrame)
	return l.untilFence()
}

func (l *ofLab) untilFence() (out map[int][][]byte, ins []*ofp.PacketIn) {
	l.t.Helper()
	out = map[int][][]byte{}
	for i, c := range l.cables {
		for {
			f := c.recv()
			if isFence(f) {
				break
			}
			out[i+1] = append(out[i+1], f)
		}
	}
	for {
		m := l.c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypePacketIn })
		in := m.m.(*ofp.PacketIn)
		if isFence(in.Data) {
			return out, ins
		}
		ins = append(ins, in)
	}
}

// reset leaves the fence entry alone in the tables.
func (l *ofLab) reset(flows ...string) {
	l.t.Helper()
	l.c.mod("delete table=255", fence)
	l.c.mod(flows...)
}

// use makes failures those of a subtest.
func (l *ofLab) use(t *testing.T) {
	before := l.t
	set := func(t *testing.T) {
		l.t, l.c.t = t, t
		for _, c := range l.cables {
			c.t = t
		}
	}
	set(t)
	t.Cleanup(func() { set(before) })
}
