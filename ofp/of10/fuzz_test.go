package of10

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"ofswitch/ofp"
)

// seeds has every message that a controller may send.
func seeds(t testing.TB) (list [][]byte) {
	t.Helper()
	for _, s := range sent {
		list = append(list, decodeHex(t, s.hex))
	}
	for _, s := range sentGroupMods {
		list = append(list, decodeHex(t, s.hex))
	}
	for _, s := range []string{
		"0104 0020 00000001 00002320 0000001b 0001 0008 00000007 0004 0008 0000000f",
		"0110 0020 00000002 ffff 0000 00002320 00000007 00000000 fffffffc 00000000", "0110 0018 00000002 ffff 0000 00002320 00000009 00000000",
		"0110 0020 00000002 ffff 0000 00002320 00000008 00000000 00000003 00000000",
		"0101 0014 00000001 0001 0006 0105000c00000001", "0103 0009 00000001 61", "0107 0008 00000001", "0110 000c 00000001 0003 0000",
		"0110 000c 00000001 000d 0000", "0110 0020 00000002 ffff 0000 00002320 00000008 00000000 fffffffc 00000000",
		"0110 0038 00000001 0002 0000 003820fe 0001" + strings.Repeat("00", 34) + "ff00 ffff",
		"0100 0008 00000001", "0105 0008 00000001", "0109 000c 00000001 0000 0080", "0102 000c 00000001 61626364",
		"010d 0018 00000001 ffffffff ffff 0008 00000008fffb0000", "010f 0020 00000001 0001 020000000001 00000010 00000010 00000000 00000000",
		"0110 000c 00000001 0000 0000", "0110 0014 00000001 0004 0000 ffff 000000000000", "0110 0014 00000001 0005 0000 fffc 0000 ffffffff",
		"0110 0038 00000001 0001 0000 003820fe 0001" + strings.Repeat("00", 34) + "ff00 ffff",
		"0110 0020 00000001 ffff 0000 00002320 00000000 00000000 ffff 0000 ff 000000",
		"0110 0028 00000001 ffff 0000 00002320 00000001 00000000 ffff 0006 ff 000000 00000002 0001 0000",
		"0110 0030 00000001 ffff 0000 00002320 00000002 00000000 00000007 001f ffff 0006 ff 0000000000 00000002 0001 0000",
		"0112 0008 00000001", "0114 000c 00000001 0001 0000", "0104 0014 00000001 00002320 0000000a 00000001", "0104 0014 00000001 00002320 0000000c 00000002",
		"0104 0018 00000001 00002320 0000000f 0100000000000000", "0104 0014 00000001 00002320 00000010 00000002", "0104 0010 00000001 00002320 00000012",
		"0104 0028 00000001 00002320 00000013" + strings.Repeat("00000007", 6), "0104 0018 00000001 00002320 00000014 0000000000000005",
	} {
		list = append(list, decodeHex(t, strings.ReplaceAll(s, " ", "")))
	}
	return list
}

// FuzzDecode: no message panics, refusals have codes, and what a flow-mod says is
// the same after it went through statistics.
func FuzzDecode(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ofp.ParseHeader(b)
		if err != nil {
			return
		}
		body := b[ofp.HeaderLen:min(int(h.Length), len(b))]
		c := new(Codec)
		c.tableID = h.XID&1 != 0
		kind, kindErr := Kind(h, body)
		m, err := c.Decode(h, body)
		var refused *ofp.Error
		if err != nil {
			if !errors.As(err, &refused) {
				t.Fatalf("refused by %v", err)
			}
			return
		}
		if kindErr != nil || m.Type() != kind {
			t.Fatalf("decoded as %v, of kind %v, %v", m.Type(), kind, kindErr)
		}
		switch m := m.(type) {
		case Setting:
			_ = c.Apply(m) // a refusal or not: no panic
		case *ofp.FlowMod:
			checkFlowMod(t, m)
		case *ofp.PacketOut:
			checkActions(t, m.Actions)
		case *SetAsync2:
			if b := m.Append(nil); !bytes.Equal(b, body) {
				t.Errorf("%x becomes %x", body, b)
			}
		case *ofp.GroupMod:
			checkGroupMod(t, m)
		}
	})
}

func checkFlowMod(t *testing.T, m *ofp.FlowMod) {
	b, n := appendNXMatch(nil, &m.Match)
	nm, rest, err := decodeNXMatch(b, n)
	if err != nil || len(rest) != 0 || nm.match != m.Match {
		t.Errorf("match %v becomes %v, %v", m.Match.String(), nm.match.String(), err)
	}
	once := appendMatch(nil, &m.Match)
	again := decodeMatch(once)
	if twice := appendMatch(nil, &again); !bytes.Equal(once, twice) {
		t.Errorf("match % x becomes % x", once, twice)
	}
	actions := appendInstructions(nil, &m.Instructions)
	ins, err := decodeActions(actions, &m.Match)
	if err != nil {
		t.Errorf("actions % x: %v", actions, err)
	}
	if twice := appendInstructions(nil, &ins); !bytes.Equal(actions, twice) {
		t.Errorf("actions % x become % x", actions, twice)
	}
	// A connection of OpenFlow 1.3 sees it too.
	if b := ofp.AppendInstructions(nil, &m.Instructions); len(b) != ofp.InstructionsLen(&m.Instructions) {
		t.Errorf("%d bytes of instructions, Len says %d", len(b), ofp.InstructionsLen(&m.Instructions))
	} else if _, err := ofp.DecodeInstructions(b); err != nil {
		t.Errorf("OpenFlow 1.3 does not read % x: %v", b, err)
	}
	if _, _, err := ofp.DecodeMatch(ofp.AppendMatch(nil, &m.Match)); err != nil {
		t.Logf("OpenFlow 1.3 does not read %v: %v", m.Match.String(), err) // masks of ports, for one
	}
}

func checkGroupMod(t *testing.T, m *ofp.GroupMod) {
	for i := range m.Buckets {
		k, id := &m.Buckets[i], m.BucketIDs[i]
		checkActions(t, k.Actions)
		weighted := *k
		if m.GroupType != ofp.GroupTypeSelect {
			weighted.Weight = 0 // does not show
		}
		again, againID, err := decodeBucket(appendBucket(nil, k, id, m.GroupType), 0)
		if err != nil || againID != id || !reflect.DeepEqual(again, weighted) {
			t.Errorf("bucket %d %+v becomes %d %+v, %v", id, weighted, againID, again, err)
		}
		// A connection of OpenFlow 1.3 sees it too.
		if b := k.Append(nil); len(b) != k.Len() {
			t.Errorf("%d bytes of a bucket, Len says %d", len(b), k.Len())
		}
	}
}

func checkActions(t *testing.T, actions []ofp.Action) {
	b := appendActions(nil, actions)
	ins, err := decodeActions(b, nil)
	if err != nil || !bytes.Equal(appendActions(nil, ins.Apply), b) {
		t.Errorf("actions % x: %v", b, err)
	}
}
