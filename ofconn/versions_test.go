package ofconn

import (
	"strings"
	"testing"

	"ofswitch/ofp"
)

// TestProtocols holds which version a connection gets for each list of protocols
// and each way to offer some, and what our hello offers.
func TestProtocols(t *testing.T) {
	const v10, v13 = 1, 4
	hellos := []struct {
		name string
		send []byte
		want map[string]uint8 // by list; missing: refused
	}{
		{"1.0 without bitmap", helloBytes(1, 9), map[string]uint8{"both": v10, "1.0": v10}},
		{"1.0 with bitmap", helloBytes(1, 9, bitmap(1<<v10)...), map[string]uint8{"both": v10, "1.0": v10}},
		{"1.3 without bitmap", helloBytes(4, 9), map[string]uint8{"both": v13, "1.3": v13, "1.0": v10}},
		{"1.3 with bitmap", helloBytes(4, 9, bitmap(1<<v13)...), map[string]uint8{"both": v13, "1.3": v13}},
		{"both", helloBytes(4, 9, bitmap(1<<v10|1<<v13)...), map[string]uint8{"both": v13, "1.3": v13, "1.0": v10}},
		{"1.0 to 1.5", helloBytes(6, 9, bitmap(0x7e)...), map[string]uint8{"both": v13, "1.3": v13, "1.0": v10}},
		{"1.0 and 1.4", helloBytes(5, 9, bitmap(1<<v10|1<<5)...), map[string]uint8{"both": v10, "1.0": v10}},
		{"1.2 without bitmap", helloBytes(3, 9), map[string]uint8{"1.0": v10}},
		{"1.5 alone", helloBytes(6, 9, bitmap(1<<6)...), map[string]uint8{}},
	}
	lists := []struct {
		name     string
		versions []uint8
		header   uint8
		bitmap   uint32
	}{
		{"both", nil, v13, 1<<v10 | 1<<v13},
		{"1.3", []uint8{v13}, v13, 1 << v13},
		{"1.0", []uint8{v10}, v10, 1 << v10},
	}
	for _, l := range lists {
		for _, h := range hellos {
			t.Run(l.name+"/"+h.name, func(t *testing.T) {
				m := newManager(t, &fakeSwitch{}, Options{})
				if err := m.SetProtocols(l.versions); err != nil {
					t.Fatal(err)
				}
				p := pipe(t, m, connOptions{dialled: true})
				head, msg := p.recv()
				hello, ok := msg.(*ofp.Hello)
				if !ok || head.Version != l.header || len(hello.Versions) != 1 || hello.Versions[0] != l.bitmap {
					t.Fatalf("the switch opened with %v %+v", head, msg)
				}
				p.raw(h.send)
				want, ok := h.want[l.name]
				if !ok {
					head, msg := p.recv()
					e, isError := msg.(*ofp.ErrorMsg)
					if !isError || e.ErrCode() != ofp.HelloFailedIncompatible || head.Version > l.header {
						t.Fatalf("got %v %+v, want HELLO_FAILED", head, msg)
					}
					p.wantClosed(nil)
					return
				}
				// An echo has the same bytes in both.
				echo := ofp.Encode(5, &ofp.EchoRequest{Data: []byte("x")})
				echo[0] = want
				p.raw(echo)
				if head, msg, err := p.recvRaw(); err != nil || head.Version != want || head.Type != ofp.TypeEchoReply {
					t.Errorf("got %v %x %v, want an echo reply in version %d", head, msg, err, want)
				}
				// A message of another version is refused, in the connection's.
				echo[0] = want ^ v10 ^ v13
				p.raw(echo)
				if head, msg, err := p.recvRaw(); err != nil || head.Version != want || head.Type != ofp.TypeError {
					t.Errorf("got %v %x %v, want an error in version %d", head, msg, err, want)
				}
			})
		}
	}
}

// TestProtocolsChange holds that connections of a version that is not wanted any
// more end, and others stay.
func TestProtocolsChange(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	stays := connected(t, m, connOptions{})
	stays.alive()
	goes := pipe(t, m, connOptions{})
	goes.recv()
	goes.raw(append(helloBytes(1, 9), 1, byte(ofp.TypeEchoRequest), 0, 8, 0, 0, 0, 1))
	if _, _, err := goes.recvRaw(); err != nil {
		t.Fatal(err)
	}
	if err := m.SetProtocols([]uint8{ofp.Version}); err != nil {
		t.Fatal(err)
	}
	goes.wantClosed(errVersionOff)
	stays.alive()
	if err := m.SetProtocols([]uint8{5}); err == nil || !strings.Contains(err.Error(), "0x05") {
		t.Errorf("SetProtocols(5): %v, want a refusal", err)
	}
	stays.alive()
}

func TestParseProtocols(t *testing.T) {
	if got, err := ParseProtocols([]string{"OpenFlow10", "OpenFlow13"}); err != nil || len(got) != 2 || got[0] != 1 || got[1] != 4 {
		t.Errorf("got %v %v", got, err)
	}
	for _, bad := range []string{"OpenFlow14", "openflow10", ""} {
		if _, err := ParseProtocols([]string{"OpenFlow10", bad}); err == nil || !strings.Contains(err.Error(), `"`+bad+`"`) {
			t.Errorf("%q: %v, want an error that names it", bad, err)
		}
	}
}
