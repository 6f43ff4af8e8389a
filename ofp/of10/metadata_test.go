package of10

import (
	"bytes"
	"reflect"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// ovs-ofctl refuses to read flow statistics with a write_metadata before a
// resubmit: there it goes as loads, which come back as what they were.
func TestMetadataBeforeGoto(t *testing.T) {
	for _, tt := range []struct{ value, mask uint64 }{
		{5, 7}, {0, 0xf0}, {0x8000000000000105, 0x8000000000000f0f}, {0x123456789abcdef0, 0xffffffffffffffff},
	} {
		in := ofp.Instructions{
			Has:      1<<ofp.InstrWriteMetadata | 1<<ofp.InstrGotoTable | 1<<ofp.InstrApplyActions,
			Metadata: tt.value, MetadataMask: tt.mask, Goto: 3, Apply: []ofp.Action{ofp.Output{Port: 1}},
		}
		b := appendInstructions(nil, &in)
		if bytes.Contains(b, []byte{0, 0, 0x23, 0x20, 0, nxWriteMetadata}) {
			t.Errorf("%x/%x: write_metadata before a resubmit", tt.value, tt.mask)
		}
		got, err := decodeActions(b, &flow.Match{})
		got.Order = in.Order
		if err != nil || !reflect.DeepEqual(got, in) {
			t.Errorf("%x/%x comes back as %+v, %v", tt.value, tt.mask, got, err)
		}
		if _, err := decodeActions(b, nil); err == nil {
			t.Errorf("%x/%x: a packet-out takes it", tt.value, tt.mask)
		}
	}
}
