package main

import (
	"strings"
	"testing"

	"ofswitch/ofp"
)

const portLines = ` 1(p1): addr:02:00:00:00:00:01
     config:     0
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max
 2(p2): addr:02:00:00:00:00:02
     config:     0
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max
 LOCAL(br0): addr:02:00:00:00:00:ff
     config:     0
     state:      0
     speed: 0 Mbps now, 0 Mbps max
`

// TestPrintingVerbs holds the output of the verbs that print one thing.
func TestPrintingVerbs(t *testing.T) {
	f := newFakeSwitch(t)
	for _, c := range []struct{ args, want string }{
		{"show br0", `OFPT_FEATURES_REPLY (OF1.3) (xid=0x2): dpid:0000000000000001
n_tables:254, n_buffers:0
capabilities: FLOW_STATS PORT_STATS
OFPST_PORT_DESC reply (OF1.3) (xid=0x3):
` + portLines + `OFPT_GET_CONFIG_REPLY (OF1.3) (xid=0x5): frags=normal miss_send_len=128
`},
		{"dump-desc br0", "OFPST_DESC reply (OF1.3) (xid=0x2):\nManufacturer: fake\nHardware: none\nSoftware: 1\nSerial Num: 2\nDP Description: br0\n"},
		{"dump-tables br0", "OFPST_TABLE reply (OF1.3) (xid=0x2):\n  table 0:\n    active=0, lookup=0, matched=0\n\n  tables 1...2: ditto\n"},
		{"dump-aggregate br0", "OFPST_AGGREGATE reply (OF1.3) (xid=0x2): packet_count=0 byte_count=0 flow_count=0\n"},
		{"dump-ports-desc br0", "OFPST_PORT_DESC reply (OF1.3) (xid=0x2):\n" + portLines},
		{"dump-ports-desc br0 p1", strings.Join(strings.SplitAfter(portLines, "\n")[:4], "")},
		{"dump-ports-desc br0 LOCAL", strings.Join(strings.SplitAfter(portLines, "\n")[8:], "")},
		{"dump-ports br0 2", "OFPST_PORT reply (OF1.3) (xid=0x2): 1 ports\n  port  2: rx pkts=7, bytes=0, drop=0, errs=0, frame=0, over=0, crc=0\n" +
			"           tx pkts=0, bytes=0, drop=0, errs=0, coll=0\n           duration=3s\n"},
		{"--names dump-ports br0 p2", "OFPST_PORT reply (OF1.3) (xid=0x3): 1 ports\n  port  p2: rx pkts=7, bytes=0, drop=0, errs=0, frame=0, over=0, crc=0\n" +
			"           tx pkts=0, bytes=0, drop=0, errs=0, coll=0\n           duration=3s\n"},
		{"probe br0", ""},
	} {
		if got := f.ok("", strings.Fields(c.args)...); got != c.want {
			t.Errorf("ofctl %s\n got %q\nwant %q", c.args, got, c.want)
		}
	}
	if got := f.ok("", "dump-ports", "br0"); strings.Count(got, "rx pkts=7") != 3 {
		t.Errorf("dump-ports br0: %q, want 3 ports", got)
	}
	f.fails([]string{"dump-ports", "br0", "9"}, "OFPBRC_BAD_PORT", "port statistics")
	f.fails([]string{"dump-ports", "br0", "p9"}, "port=p9", "number or name")
	f.fails([]string{"dump-ports", "br0", "p1", "--no-names"}, "port=p1")
	f.fails([]string{"dump-ports-desc", "br0", "9"}, "no port 9")
}

func TestPing(t *testing.T) {
	f := newFakeSwitch(t)
	lines := strings.Split(f.ok("", "ping", "br0"), "\n")
	if len(lines) != 11 || !strings.HasPrefix(lines[0], "64 bytes from br0: xid=00000002 time=") || !strings.HasPrefix(lines[9], "64 bytes from br0: xid=0000000b time=") || !strings.HasSuffix(lines[9], " ms") {
		t.Errorf("ping printed %q", lines)
	}
	if got := f.ok("", "ping", "br0", "0"); strings.Count(got, "0 bytes from br0: ") != 10 {
		t.Errorf("ping br0 0 printed %q", got)
	}
	for _, m := range f.got[:10] {
		if e, ok := m.(*ofp.EchoRequest); !ok || len(e.Data) != 64 {
			t.Errorf("ping sent %+v", m)
		}
	}
}
