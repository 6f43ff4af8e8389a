package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// openflowPort is where a switch listens for controllers, in its namespace.
const openflowPort = "6653"

// client is an OpenFlow connection to a switch, as a controller has it. One
// goroutine reads; any may write.
type client struct {
	nc  net.Conn
	r   *bufio.Reader
	buf []byte

	mu sync.Mutex // of writing
	w  *bufio.Writer
}

// connect opens a connection to the switch over TCP, past the hellos.
func (s *setup) connect() (c *client, err error) {
	err = s.retry(func() error {
		return s.lab.Switch.Do(func() error {
			nc, err := net.Dial("tcp4", "127.0.0.1:"+openflowPort)
			if err == nil {
				c = &client{nc: nc, r: bufio.NewReaderSize(nc, 1<<20), w: bufio.NewWriterSize(nc, 1<<20)}
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	// Without this Open vSwitch gives a controller that has connected itself no packet-ins.
	if err := c.write(ofp.AppendMessage(ofp.Encode(1, &ofp.Hello{}), 2, &ofp.SetConfig{MissSendLen: 128})); err != nil {
		return nil, errors.Join(err, c.close())
	}
	if err := c.barrier(nil); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *client) close() error { return c.nc.Close() }

// write writes messages at once.
func (c *client) write(msgs []byte) error {
	if err := c.append(msgs); err != nil {
		return err
	}
	return c.flush()
}

// append writes messages when there are more of them, or on flush.
func (c *client) append(msgs []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.w.Write(msgs)
	return err
}

func (c *client) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.w.Flush()
}

// errSwitch is an error message of the switch.
type errSwitch struct{ typ, code uint16 }

func (e errSwitch) Error() string {
	return fmt.Sprintf("the switch answers with an error of type %d, code %d", e.typ, e.code)
}

// next reads a message, which is valid until the next call. Echoes are answered,
// errors are errors.
func (c *client) next() (ofp.Header, []byte, error) {
	for {
		h, msg, err := ofp.ReadMessage(c.r, c.buf)
		if err != nil {
			return h, nil, err
		}
		c.buf = msg
		switch h.Type {
		case ofp.TypeEchoRequest:
			if err := c.write(ofp.Encode(h.XID, &ofp.EchoReply{})); err != nil {
				return h, nil, err
			}
		case ofp.TypeError:
			e := errSwitch{}
			if len(msg) >= ofp.HeaderLen+4 {
				e.typ, e.code = binary.BigEndian.Uint16(msg[ofp.HeaderLen:]), binary.BigEndian.Uint16(msg[ofp.HeaderLen+2:])
			}
			return h, msg, e
		default:
			return h, msg, nil
		}
	}
}

// barrierXID marks barriers.
const barrierXID = 0xba221e2

// barrier sends messages and waits until the switch has carried them out.
func (c *client) barrier(msgs []byte) error {
	written := make(chan error, 1)
	go func() {
		err := c.append(msgs)
		if err == nil {
			err = c.write(ofp.Encode(barrierXID, &ofp.BarrierRequest{}))
		}
		if err != nil {
			c.nc.Close() // ends the reader, too
		}
		written <- err
	}()
	for {
		h, _, err := c.next()
		if err != nil {
			c.nc.Close() // ends the writer, too
			return errors.Join(err, <-written)
		}
		if h.Type == ofp.TypeBarrierReply && h.XID == barrierXID {
			return <-written
		}
	}
}

// outputTo is the instruction to send frames out of a port.
func outputTo(port ofp.PortNo) ofp.Instructions {
	return ofp.Instructions{
		Has: 1 << ofp.InstrApplyActions, Order: [6]uint8{ofp.InstrApplyActions},
		Apply: []ofp.Action{ofp.Output{Port: port, MaxLen: ofp.ControllerNoBuffer}},
	}
}

// fiveFields is a flow-mod on addresses, protocol and ports of UDP, whose values
// are set in place.
func fiveFields(command uint8, out ofp.PortNo) (*ofp.FlowMod, error) {
	m, err := flow.ParseMatch("udp,nw_src=1.1.1.1,nw_dst=1.1.1.1,tp_src=1,tp_dst=1")
	if err != nil {
		return nil, err
	}
	return &ofp.FlowMod{
		Command: command, Priority: 1000, Match: m, Instructions: outputTo(out),
		BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
	}, nil
}

// appendFlowMods appends n flow-mods on five fields that no frame of a load has,
// the first with number from.
func appendFlowMods(b []byte, command uint8, from, n int) ([]byte, error) {
	fm, err := fiveFields(command, 2)
	if err != nil {
		return nil, err
	}
	for i := from; i < from+n; i++ {
		// 20.x.x.x to 30.y.y.y, ports from what is left.
		u := uint64(i)
		fm.Match.Value[flow.WIPv4] = (20<<24|u&0xffff)<<32 | 30<<24 | u>>16
		fm.Match.Value[flow.WL4] = (1000+u&0xff)<<48 | (2000+u>>8&0xff)<<32
		b = ofp.AppendMessage(b, uint32(i), fm)
	}
	return b, nil
}

// addMany adds n flow entries on five fields, and says how long it took.
func (c *client) addMany(from, n int) (time.Duration, error) {
	msgs, err := appendFlowMods(nil, ofp.FlowAdd, from, n)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	err = c.barrier(msgs)
	return time.Since(began), err
}
