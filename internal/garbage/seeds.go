package garbage

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ofswitch/ofp"
)

// Seeds are valid encodings of every message type, commonly several: those of
// osken.txt and print.txt in dir, the module's testdata/ofp, and what these lack.
func Seeds(dir string) ([][]byte, error) {
	seeds := [][]byte{
		ofp.Encode(1, &ofp.Raw{T: ofp.TypeQueueGetConfigReply, Body: make([]byte, 8)}),
		ofp.Encode(1, &ofp.Raw{T: ofp.TypeRoleReply, Body: make([]byte, 16)}),
		ofp.Encode(1, &ofp.Raw{T: ofp.TypeGetAsyncReply, Body: make([]byte, 24)}),
	}
	for _, name := range []string{"osken.txt", "print.txt"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("example messages: %w", err)
		}
		n := len(seeds)
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			text := lines.Text()
			if _, after, ok := strings.Cut(text, ": "); ok {
				text = after
			}
			if b, err := hex.DecodeString(text); err == nil && len(b) >= ofp.HeaderLen {
				seeds = append(seeds, b) // other lines are names and printed text
			}
		}
		f.Close()
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("example messages in %s: %w", name, err)
		}
		if len(seeds) == n {
			return nil, fmt.Errorf("no example messages in %s", filepath.Join(dir, name))
		}
	}
	return seeds, nil
}

// Harmless says whether a switch that gets this stream after a hello, or with
// its own, finds no valid command in it: no complete message that decodes and
// would change flows, ports or configuration, or send a frame.
func Harmless(stream []byte) bool {
	for len(stream) >= ofp.HeaderLen {
		h, err := ofp.ParseHeader(stream)
		if err != nil || int(h.Length) > len(stream) {
			return true // nothing after it is looked at
		}
		switch h.Type {
		case ofp.TypeSetConfig, ofp.TypePacketOut, ofp.TypeFlowMod, ofp.TypeGroupMod, ofp.TypePortMod, ofp.TypeTableMod, ofp.TypeMeterMod:
			if _, err := ofp.Decode(h, stream[ofp.HeaderLen:h.Length]); h.Version == ofp.Version && err == nil {
				return false
			}
		case ofp.TypeExperimenter:
			// What is in a bundle may be carried out later.
			m, err := ofp.Decode(h, stream[ofp.HeaderLen:h.Length])
			if e, ok := m.(*ofp.Experimenter); err == nil && ok && e.IsBundle() {
				if _, err := e.Parse(h.XID); err == nil {
					return false
				}
			}
		}
		stream = stream[h.Length:]
	}
	return true
}
