package ofconn

import (
	"fmt"
	"math/bits"
	"strings"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofp/of10"
)

// helloXID is the transaction id of our hello.
const helloXID = 1

// hello sends ours, at once, since ONOS says nothing before it has it; waits
// for the peer's and chooses the version (OpenFlow 1.3.5 §6.3.1).
func (c *conn) hello() error {
	ourVersions := c.m.versionBitmap()
	if c.auxID != 0 {
		ourVersions = ofp.VersionBitmap(c.main.version)
	}
	highest := highestVersion(ourVersions)
	hello := ofp.Encode(helloXID, &ofp.Hello{Versions: ourVersions})
	// The highest version in the header: ONOS takes what stands there, bitmap or
	// not.
	hello[0] = highest
	c.out.putNow(hello)
	c.in.until = time.Now().Add(c.m.o.handshake)
	h, msg, err := c.in.next()
	if err != nil {
		if msg != nil {
			// The stream does not even begin with a message.
			_ = c.refuse(h, msg, err) // the connection ends either way
			return refuse(errGarbage, "%v", err)
		}
		return err
	}
	c.in.until = time.Time{}
	c.snoop(false, msg)
	switch h.Type {
	case ofp.TypeHello:
	case ofp.TypeError:
		// Commonly HELLO_FAILED: the peer has looked at our hello first.
		if m, err := ofp.Decode(h, msg[ofp.HeaderLen:]); err == nil {
			e := m.(*ofp.ErrorMsg)
			return fmt.Errorf("the peer refused our hello: %v: %s", e.ErrCode(), printable(e.Data))
		}
		return refuse(errFirstNotHello, "%v", h)
	default:
		reason := ofp.BadRequestBadType.Errorf("%v before the hello", h.Type)
		_ = c.refuse(h, msg, reason) // the connection ends either way
		return refuse(errFirstNotHello, "%v", h)
	}
	m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
	if err != nil {
		_ = c.refuse(h, msg, err) // the connection ends either way
		return refuse(errFirstNotHello, "%v", err)
	}
	peer := m.(*ofp.Hello)
	version, ok := ofp.Negotiate(ourVersions, h.Version, peer.Versions)
	if !ok {
		text := fmt.Sprintf("we support %s, you support %s", versionList(ourVersions), peerVersions(h.Version, peer.Versions))
		msg := ofp.Encode(h.XID, &ofp.ErrorMsg{
			ErrType: ofp.HelloFailedIncompatible.Type(),
			Code:    ofp.HelloFailedIncompatible.Number(),
			Data:    []byte(text),
		})
		// The message looks the same in all versions: put one that the peer
		// knows in its header.
		if h.Version != 0 {
			msg[0] = min(highest, h.Version)
		}
		_ = c.send(msg) // the connection ends either way
		return refuse(fmt.Errorf("version negotiation failed"), "%s", text)
	}
	c.version = version
	if version == of10.Version {
		c.v10 = new(of10.Codec)
	}
	now := time.Now()
	c.helloAt.Store(&now)
	return nil
}

// peerVersions says what a hello offered.
func peerVersions(header uint8, bitmap []uint32) string {
	if len(bitmap) == 0 {
		return fmt.Sprintf("version 0x%02x and earlier", header)
	}
	return versionList(bitmap)
}

// versionList writes a bitmap as Open vSwitch does: "version 0x01, 0x04".
func versionList(bitmap []uint32) string {
	var list []string
	for i, w := range bitmap {
		for ; w != 0 && len(list) < 16; w &= w - 1 {
			list = append(list, fmt.Sprintf("0x%02x", 32*i+bits.TrailingZeros32(w)))
		}
	}
	if len(list) == 0 {
		return "no version"
	}
	return "version " + strings.Join(list, ", ")
}

// printable makes text of what a peer sent fit for a log.
func printable(b []byte) string {
	if len(b) > 128 {
		b = b[:128]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(b))
}
