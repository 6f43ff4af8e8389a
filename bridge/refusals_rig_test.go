package bridge

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
	"ofswitch/ports"
)

// refusalRig is a switch as Apply makes it, on ports in memory, and what is
// needed to prove that a message that it refuses changes nothing.
//
//	ports 1, 2: in memory     port 3: its device does not let itself be taken down
type refusalRig struct {
	t       *testing.T
	sw      *Switch
	devices []*ports.Mem
	observe *refusalConn // asks for the state of the switch
}

// stubbornPort is a device that the kernel does not let us take down.
type stubbornPort struct{ *ports.Mem }

func (stubbornPort) SetAdmin(bool) error { return errors.New("operation not permitted") }

func newRefusalRig(t *testing.T) *refusalRig {
	t.Helper()
	r := &refusalRig{t: t}
	var err error
	if r.sw, err = New(Options{RunDir: socketDir(t), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	r.sw.mu.Lock()
	defer r.sw.mu.Unlock()
	// Apply without LOCAL, which is a TAP device and needs root.
	lb, err := r.sw.addBridgeLocked(&Bridge{Name: "br0", DatapathID: 1})
	if err != nil {
		t.Fatal(err)
	}
	r.sw.bridges["br0"] = lb
	lb.conf = Bridge{Name: "br0", FailMode: Secure}
	for no := ofp.PortNo(1); no <= 3; no++ {
		m := ports.NewMem(fmt.Sprintf("p%d", no))
		r.devices = append(r.devices, m)
		var dev ports.Port = m
		if no == 3 {
			dev = stubbornPort{m}
		}
		if err := lb.of.AddPort(no, dev); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(lb.applyChannel()...); err != nil {
		t.Fatal(err)
	}
	r.observe = r.dial()
	return r
}

func (r *refusalRig) close() {
	r.sw.Close()
	for _, m := range r.devices {
		if err := m.Close(); err != nil {
			r.t.Error(err)
		}
	}
}

// refusalConn is an OpenFlow connection that counts its answers by barriers.
type refusalConn struct {
	r   *refusalRig
	nc  net.Conn
	xid uint32
}

// connect opens a connection and says nothing.
func (r *refusalRig) connect() *refusalConn {
	r.t.Helper()
	nc, err := net.Dial("unix", filepath.Join(r.sw.opts.RunDir, "br0.mgmt"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	return &refusalConn{r: r, nc: nc, xid: 0x10000}
}

func (r *refusalRig) dial() *refusalConn {
	r.t.Helper()
	c := r.connect()
	c.write(ofp.Encode(1, &ofp.Hello{Versions: ofp.VersionBitmap(ofp.Version)}))
	if h, _ := c.read(); h.Type != ofp.TypeHello {
		r.t.Fatalf("%v in place of the switch's hello", h)
	}
	return c
}

func (c *refusalConn) write(b []byte) {
	c.r.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.r.t.Fatal(err)
	}
}

func (c *refusalConn) read() (ofp.Header, []byte) {
	c.r.t.Helper()
	if err := c.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.r.t.Fatal(err)
	}
	h, msg, err := ofp.ReadMessage(c.nc, nil)
	if err != nil {
		c.r.t.Fatalf("waiting for the switch: %v", err)
	}
	return h, msg
}

// ask sends the bytes of messages and a barrier, and gives what came before the
// barrier's reply.
func (c *refusalConn) ask(msgs ...[]byte) (replies [][]byte) {
	c.r.t.Helper()
	c.xid++
	barrier := c.xid
	// The switch may answer before it has read all: write beside reading.
	sent := make(chan error, 1)
	go func() {
		_, err := c.nc.Write(append(bytes.Join(msgs, nil), ofp.Encode(barrier, &ofp.BarrierRequest{})...))
		sent <- err
	}()
	for {
		h, msg := c.read()
		if h.Type == ofp.TypeBarrierReply && h.XID == barrier {
			break
		}
		replies = append(replies, msg)
	}
	if err := <-sent; err != nil {
		c.r.t.Fatal(err)
	}
	return replies
}

// must sends messages that are not to be refused.
func (c *refusalConn) must(msgs ...ofp.Message) {
	c.r.t.Helper()
	var all [][]byte
	for i, m := range msgs {
		all = append(all, ofp.Encode(uint32(i), m))
	}
	for _, b := range c.ask(all...) {
		if ofp.Type(b[1]) == ofp.TypeError {
			xid := binary.BigEndian.Uint32(b[4:])
			c.r.t.Fatalf("%+v: %s", msgs[xid], text.FormatBytes(b, text.Options{}))
		}
	}
}

// state is all that a controller can see of the switch, and of its own
// connection, counters and ages apart; and the number of frames sent.
func (c *refusalConn) state() string {
	c.r.t.Helper()
	var out strings.Builder
	ofOwn := [][]byte{
		ofp.Encode(1, &ofp.GetConfigRequest{}),
		ofp.Encode(2, &ofp.RoleRequest{Role: ofp.RoleNoChange}),
		ofp.Encode(3, &ofp.GetAsyncRequest{}),
	}
	ofSwitch := [][]byte{
		ofp.Encode(4, &ofp.MultipartRequest{Kind: ofp.MultipartFlow, Body: &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}}),
		ofp.Encode(5, &ofp.MultipartRequest{Kind: ofp.MultipartGroupDesc}),
		ofp.Encode(6, &ofp.MultipartRequest{Kind: ofp.MultipartMeterConfig, Body: &ofp.MeterRequest{MeterID: ofp.MeterAll}}),
		ofp.Encode(7, &ofp.MultipartRequest{Kind: ofp.MultipartPortDesc}),
		ofp.Encode(8, &ofp.MultipartRequest{Kind: ofp.MultipartTableFeatures}),
		ofp.Encode(9, &ofp.QueueGetConfigRequest{Port: ofp.PortAny}),
		ofp.Encode(10, &ofp.FeaturesRequest{}),
	}
	for _, b := range append(c.ask(ofOwn...), c.r.observe.ask(ofSwitch...)...) {
		h, err := ofp.ParseHeader(b)
		if err != nil {
			c.r.t.Fatal(err)
		}
		if h.XID != 4 || h.Type != ofp.TypeMultipartReply {
			fmt.Fprintf(&out, "%v: %x\n", h, b[ofp.HeaderLen:])
			continue
		}
		m, err := ofp.Decode(h, b[ofp.HeaderLen:])
		if err != nil {
			c.r.t.Fatal(err)
		}
		for _, e := range m.(*ofp.MultipartReply).Entries {
			f := *e.(*ofp.FlowStats)
			f.DurationSec, f.DurationNsec, f.IdleAge, f.HardAge, f.PacketCount, f.ByteCount = 0, 0, 0, 0, 0, 0
			fmt.Fprintf(&out, "%x\n", f.Append(nil))
		}
	}
	for _, m := range c.r.devices {
		fmt.Fprintf(&out, "%s: %d frames, %+v\n", m.Name(), m.Stats().TxPackets, m.Status())
	}
	return out.String()
}

// clean takes out of the switch what a row has put in.
func (r *refusalRig) clean() {
	r.t.Helper()
	del := &ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	r.observe.ask(ofp.Encode(1, del),
		ofp.Encode(2, &ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll}),
		ofp.Encode(3, &ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll}))
}

// unhex reads hexadecimal with spaces.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// rawMsg is a message with any type and body, its header made right.
func rawMsg(typ ofp.Type, body ...string) []byte {
	b := unhex(strings.Join(body, ""))
	return append(ofp.Header{Version: ofp.Version, Type: typ, Length: uint16(ofp.HeaderLen + len(b)), XID: 0xabcd}.Append(nil), b...)
}

// multipartRaw is a multipart request with any body.
func multipartRaw(kind uint16, body string) []byte {
	return rawMsg(ofp.TypeMultipartRequest, fmt.Sprintf("%04x 0000 00000000", kind), body)
}

// flowRaw is an ADD to table 0 with the OXM TLVs and the instructions given.
func flowRaw(oxm, instructions string) []byte {
	return rawMsg(ofp.TypeFlowMod, strings.Repeat("00", 22), "0064 ffffffff ffffffff ffffffff 0000 0000", matchHex(oxm), instructions)
}

// matchHex is a struct ofp_match.
func matchHex(oxm string) string {
	n := 4 + len(unhex(oxm))
	return fmt.Sprintf("0001 %04x", n) + oxm + strings.Repeat("00", (8-n%8)%8)
}

// applyHex is an APPLY_ACTIONS instruction.
func applyHex(actions string) string {
	return fmt.Sprintf("0004 %04x 00000000", 8+len(unhex(actions))) + actions
}

// groupRaw is a GROUP_MOD.
func groupRaw(command, typ, id int, buckets ...string) []byte {
	return rawMsg(ofp.TypeGroupMod, fmt.Sprintf("%04x %02x 00 %08x", command, typ, id), strings.Join(buckets, ""))
}

// bucketHex is a bucket; watch is port and group.
func bucketHex(weight int, watch, actions string) string {
	return fmt.Sprintf("%04x %04x", 16+len(unhex(actions)), weight) + watch + "00000000" + actions
}

const (
	watchNothing = "ffffffff ffffffff"
	outHex       = "0000 0010 00000001 ffff 000000000000"
)

// meterRaw is a METER_MOD.
func meterRaw(command, flags, id int, bands ...string) []byte {
	return rawMsg(ofp.TypeMeterMod, fmt.Sprintf("%04x %04x %08x", command, flags, id), strings.Join(bands, ""))
}

// parsed is a message of the text that ofctl takes.
func parsed[M any](m M, err error) M {
	if err != nil {
		panic(err)
	}
	return m
}

func flowOf(s string) *ofp.FlowMod {
	return parsed(text.ParseFlow(s, text.ParseOptions{AnyCommand: true}))
}

func groupOf(s string) *ofp.GroupMod {
	return parsed(text.ParseGroup(s, text.GroupOptions{AnyCommand: true}))
}

func meterOf(s string) *ofp.MeterMod { return parsed(text.ParseMeter(s, ofp.MeterAdd)) }

// patched is a message with other bytes from an offset on.
func patched(m ofp.Message, at int, hex string) []byte {
	b := ofp.Encode(0xabcd, m)
	copy(b[at:], unhex(hex))
	return b
}

// encoded is a message as it is.
func encoded(m ofp.Message) []byte { return ofp.Encode(0xabcd, m) }
