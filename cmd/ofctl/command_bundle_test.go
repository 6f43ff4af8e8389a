package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"ofswitch/ofp"
)

// TestBundle: all of a file is done, in its order, and with --bundle what other
// verbs send is a bundle.
func TestBundle(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok("flow in_port=p1,actions=p2\n\ngroup group_id=1,type=all # first\nflow delete\ngroup delete group_id=1\nflow add ip,actions=1\ngroup group_id=2,type=all\n"+
		"packet-out packet=0102030405060708090a0b0c0800,actions=p2", "bundle", "br0", "-")
	if got, want := f.newerText(), " group_id=2,type=all\nip,actions=output:1\n"; got != want {
		t.Errorf("the switch has %q, want %q", got, want)
	}
	for _, args := range [][]string{
		{"add-flow", "br0", "arp,actions=1", "--bundle"}, {"mod-flows", "br0", "ip,actions=2", "--bundle"}, {"--bundle", "del-flows", "br0", "arp"},
		{"--bundle", "add-group", "br0", "group_id=3,type=all"}, {"--bundle", "mod-group", "br0", "group_id=3,type=select"}, {"--bundle", "del-groups", "br0", "group_id=2"},
	} {
		f.mu.Lock()
		f.got = nil
		f.mu.Unlock()
		f.ok("", args...)
		for _, m := range f.got {
			if m.Type() == ofp.TypeFlowMod || m.Type() == ofp.TypeGroupMod {
				t.Errorf("ofctl %q sent a %v by itself", args, m.Type())
			}
		}
	}
	if got, want := f.newerText(), " group_id=3,type=select\nip,actions=output:2\n"; got != want {
		t.Errorf("afterwards the switch has %q, want %q", got, want)
	}
}

// TestBundleRefused: one message that the switch refuses is named, and nothing of
// the bundle is done.
func TestBundleRefused(t *testing.T) {
	f := newFakeSwitch(t)
	f.refuse = func(fm *ofp.FlowMod) *ofp.Error {
		if fm.Priority == 2001 {
			return ofp.FlowModFailedTableFull.Errorf("full")
		}
		return nil
	}
	var in strings.Builder
	for i := range 2100 { // more than one barrier
		fmt.Fprintf(&in, "flow priority=%d,actions=1\n", i)
	}
	status, _, errs := f.ofctl(in.String(), "bundle", "br0", "-")
	const want = `<stdin>:2002: the switch refused "flow priority=2001,actions=1": OFPET_FLOW_MOD_FAILED, OFPFMFC_TABLE_FULL`
	if status != exitFailure || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
		t.Errorf("status %d, %q, want %q", status, errs, want)
	}
	if n := len(f.table()); n != 0 {
		t.Errorf("the switch has %d flows, want none", n)
	}
	for _, c := range []struct{ in, want string }{
		{"flow ip", "<stdin>:1: actions"},
		{"\nmeter meter=1", "<stdin>:2: a line of a bundle begins with flow, group or packet-out"},
		{"packet-out", "<stdin>:1: packet"},
		{"group insert_bucket group_id=1", "<stdin>:1: command=insert_bucket"},
	} {
		if _, _, errs := f.ofctl(c.in, "bundle", "br0", "-"); !strings.Contains(errs, c.want) {
			t.Errorf("bundle of %q: %q, want %q", c.in, errs, c.want)
		}
	}
}

// TestBundleAnswers: a switch that has no bundles, or answers something else.
func TestBundleAnswers(t *testing.T) {
	open := func(nc net.Conn) (uint32, error) {
		h, _, err := expect(nc, ofp.TypeExperimenter)
		return h.XID, err
	}
	for name, c := range map[string]struct {
		script func(nc net.Conn) error
		want   string
	}{
		"no bundles": {func(nc net.Conn) error {
			xid, err := open(nc)
			return errors.Join(err, say(nc, xid, &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: ofp.BadRequestBadExperimenter.Number()}))
		}, "OFPBRC_BAD_EXPERIMENTER"},
		"another reply": {func(nc net.Conn) error {
			xid, err := open(nc)
			return errors.Join(err, say(nc, xid, &ofp.BundleControl{Op: ofp.BundleCommitReply}))
		}, "want OPEN_REPLY"},
		"an add refused": {func(nc net.Conn) error {
			xid, err := open(nc)
			if err == nil {
				err = say(nc, xid, &ofp.BundleControl{Op: ofp.BundleOpenReply})
			}
			if err == nil {
				xid, err = open(nc)
			}
			if err != nil {
				return err
			}
			h, _, err := expect(nc, ofp.TypeBarrierRequest)
			return errors.Join(err, say(nc, xid, &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: ofp.BadRequestBadLen.Number()}), say(nc, h.XID, &ofp.BarrierReply{}))
		}, "refused 0: OFPBRC_BAD_LEN"},
		"a commit refused": {func(nc net.Conn) error {
			for _, op := range []ofp.BundleOp{ofp.BundleOpenReply, ofp.BundleCommitReply} {
				xid, err := open(nc)
				if err != nil {
					return err
				}
				if op == ofp.BundleCommitReply {
					return say(nc, xid, &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: ofp.BadRequestEPerm.Number()})
				}
				if err := say(nc, xid, &ofp.BundleControl{Op: op}); err != nil {
					return err
				}
				if _, err := open(nc); err != nil {
					return err
				}
				h, _, err := expect(nc, ofp.TypeBarrierRequest)
				if err := errors.Join(err, say(nc, h.XID, &ofp.BarrierReply{})); err != nil {
					return err
				}
			}
			return nil
		}, "OFPBRC_EPERM"},
	} {
		c2 := scripted(t, c.script)
		refused, err := c2.bundle([]ofp.Message{&ofp.GroupMod{GroupID: 1}})
		got := fmt.Sprint(err)
		for _, r := range refused {
			got += fmt.Sprintf("; refused %d: %v", r.n, r.err.ErrCode())
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
