package differential

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

var updateDocs = flag.Bool("update-docs", false, "write the table of differences into docs/conformance.md")

// table is all rows.
func table() []departure {
	return slices.Concat(departures, []departure{reassembly, fragmentsOfSlave, codeBeforeND, maskOfZeros}, notCompared)
}

// TestDocs: docs/conformance.md has the table of differences that the comparison
// accepts.
func TestDocs(t *testing.T) {
	names := map[string]bool{}
	for _, d := range table() {
		if names[d.name] {
			t.Errorf("%q stands twice", d.name)
		}
		names[d.name] = true
		if d.theirs == "" || d.ours == "" || d.letter == "" {
			t.Errorf("%q is incomplete", d.name)
		}
	}
	path := filepath.Join(testutil.Root(t), "docs", "conformance.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- differences: checked by a test -->\n", "<!-- end of differences -->\n"
	head, rest, found := strings.Cut(string(doc), begin)
	have, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no section between %q and %q", path, begin, end)
	}
	var want strings.Builder
	want.WriteString("| what | Open vSwitch 3.1 | here | why |\n|---|---|---|---|\n")
	for _, d := range table() {
		fmt.Fprintf(&want, "| %s | %s | %s | %s |\n", d.name, d.theirs, d.ours, d.letter)
	}
	if have == want.String() {
		return
	}
	if !*updateDocs {
		t.Fatalf("%s has another table of differences than the test; run it with -update-docs", path)
	}
	if err := os.WriteFile(path, []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// theirCodes are the codes that Open vSwitch 3.1 gives to the messages of this
// test.
var theirCodes = []ofp.Code{
	ofp.BadRequestBadVersion,
	ofp.BadRequestBadType,
	ofp.BadRequestBadMultipart,
	ofp.BadRequestBadExperimenter,
	ofp.BadRequestBadExpType,
	ofp.BadRequestBadLen,
	ofp.BadRequestBufferUnknown,
	ofp.BadRequestIsSlave,
	ofp.BadRequestBadPort,
	ofp.BadActionBadType,
	ofp.BadActionBadLen,
	ofp.BadActionBadExperimenter,
	ofp.BadActionBadOutPort,
	ofp.BadActionBadArgument,
	ofp.BadActionBadOutGroup,
	ofp.BadActionMatchInconsistent,
	ofp.BadActionBadSetType,
	ofp.BadActionBadSetLen,
	ofp.BadActionBadSetArgument,
	ofp.BadInstructionUnknownInst,
	ofp.BadInstructionBadTableID,
	ofp.BadInstructionBadExperimenter,
	ofp.BadInstructionBadLen,
	ofp.BadMatchBadType,
	ofp.BadMatchBadLen,
	ofp.BadMatchBadWildcards,
	ofp.BadMatchBadField,
	ofp.BadMatchBadValue,
	ofp.BadMatchBadMask,
	ofp.BadMatchBadPrereq,
	ofp.BadMatchDupField,
	ofp.FlowModFailedBadTableID,
	ofp.FlowModFailedOverlap,
	ofp.FlowModFailedBadCommand,
	ofp.FlowModFailedBadFlags,
	ofp.GroupModFailedGroupExists,
	ofp.GroupModFailedInvalidGroup,
	ofp.GroupModFailedWatchUnsupported,
	ofp.GroupModFailedUnknownGroup,
	ofp.GroupModFailedBadType,
	ofp.GroupModFailedBadCommand,
	ofp.GroupModFailedBadBucket,
	ofp.GroupModFailedBadWatch,
	ofp.PortModFailedBadPort,
	ofp.PortModFailedBadHWAddr,
	ofp.TableModFailedEPerm,
	ofp.QueueOpFailedBadPort,
	ofp.QueueOpFailedBadQueue,
	ofp.SwitchConfigFailedBadFlags,
	ofp.RoleRequestFailedStale,
	ofp.RoleRequestFailedBadRole,
	ofp.MeterModFailedMeterExists,
	ofp.MeterModFailedInvalidMeter,
	ofp.MeterModFailedUnknownMeter,
	ofp.MeterModFailedBadCommand,
	ofp.MeterModFailedBadFlags,
	ofp.MeterModFailedBadRate,
	ofp.MeterModFailedBadBand,
	ofp.MeterModFailedOutOfBands,
	dupInst,
}
