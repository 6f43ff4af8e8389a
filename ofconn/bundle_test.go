package ofconn

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"ofswitch/ofp"
)

const both = ofp.BundleAtomic | ofp.BundleOrdered

// ctrl asks something of bundle 1.
func ctrl(op ofp.BundleOp, flags ofp.BundleFlags) ofp.Message {
	return &ofp.BundleControl{BundleID: 1, Op: op, Flags: flags}
}

// bundled adds a message to bundle 1. The transaction ids of the test's messages
// count from 10.
func bundled(flags ofp.BundleFlags, m ofp.Message) ofp.Message {
	return ofp.NewBundleAdd(1, flags, 0, m)
}

func cookie(c uint64) *ofp.FlowMod {
	return &ofp.FlowMod{Cookie: c, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
}

// conversation sends messages with the transaction ids 10, 11 and so on, and a
// barrier; it gives what was answered, by "xid answer".
func conversation(p *peer, msgs []ofp.Message) (answers []string) {
	p.t.Helper()
	for i, m := range msgs {
		b := ofp.Encode(uint32(10+i), m)
		if a, ok := m.(*ofp.BundleAdd); ok && len(a.Message) >= ofp.HeaderLen && binary.BigEndian.Uint32(a.Message[4:]) == 0 {
			copy(b[bundleAddHeaderLen+4:], b[4:8])
		}
		answers = append(answers, p.answersUntilBarrier(b)...)
	}
	return answers
}

// answersUntilBarrier sends a barrier behind request and gives the answers to what
// stood before it.
func (p *peer) answersUntilBarrier(request []byte) (answers []string) {
	p.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The pipe has no buffer, so that the switch stops reading while it
		// answers. What does not arrive the test sees.
		_, _ = p.nc.Write(append(bytes.Clone(request), ofp.Encode(99, &ofp.BarrierRequest{})...))
	}()
	defer func() { <-done }()
	for {
		h, m := p.recv()
		switch m := m.(type) {
		case *ofp.BarrierReply:
			return answers
		case *ofp.ErrorMsg:
			code := m.ErrCode()
			if code.Experimenter() != 0 {
				m.Data = m.Data[4:]
			}
			if !bytes.HasPrefix(request, m.Data) && !bytes.HasPrefix(m.Data, []byte{4, 4}) {
				p.t.Errorf("error %v has the data %x, for %x", code, m.Data, request)
			}
			if xid := binary.BigEndian.Uint32(m.Data[4:]); xid != h.XID {
				p.t.Errorf("error with transaction id %#x for a message with %#x", h.XID, xid)
			}
			answers = append(answers, fmt.Sprintf("%d %v", h.XID, code))
		case *ofp.Experimenter:
			parsed, err := m.Parse(h.XID)
			if err != nil {
				p.t.Fatal(err)
			}
			r := parsed.(*ofp.BundleControl)
			if r.BundleID != 1 || r.Flags != 0 {
				p.t.Errorf("reply %+v", r)
			}
			answers = append(answers, fmt.Sprintf("%d %v", h.XID, r.Op))
		default:
			p.t.Fatalf("%v", h)
		}
	}
}

// TestBundleConversations: what Open vSwitch 3.1 answers, in every state of a
// bundle. Where it is not so strict the test says it.
func TestBundleConversations(t *testing.T) {
	open, closing := ctrl(ofp.BundleOpenRequest, both), ctrl(ofp.BundleCloseRequest, both)
	commit, discard := ctrl(ofp.BundleCommitRequest, both), ctrl(ofp.BundleDiscardRequest, both)
	add := bundled(both, cookie(1))
	withXID := func(xid uint32) ofp.Message { return ofp.NewBundleAdd(1, both, xid, cookie(1)) }
	cut := func(n int, length uint16) ofp.Message {
		m := bundled(both, cookie(1)).(*ofp.BundleAdd)
		binary.BigEndian.PutUint16(m.Message[2:], length)
		m.Message = m.Message[:n]
		return m
	}
	version := bundled(both, cookie(1)).(*ofp.BundleAdd)
	version.Message[0] = 1
	buffered := cookie(1)
	buffered.BufferID = 7
	badTable := cookie(1)
	badTable.Table = 255
	for _, tt := range []struct {
		name string
		msgs []ofp.Message
		want []string
		done []uint64 // cookies of the flow-mods that were carried out
	}{
		{"open, commit", []ofp.Message{open, add, bundled(both, cookie(2)), commit}, []string{"10 OPEN_REPLY", "13 COMMIT_REPLY"}, []uint64{1, 2}},
		{"open, close, commit", []ofp.Message{open, add, closing, commit}, []string{"10 OPEN_REPLY", "12 CLOSE_REPLY", "13 COMMIT_REPLY"}, []uint64{1}},
		{"open, discard", []ofp.Message{open, add, discard, commit}, []string{"10 OPEN_REPLY", "12 DISCARD_REPLY", "13 OFPBFC_BAD_ID"}, nil},
		{"close, discard", []ofp.Message{open, add, closing, discard, discard}, []string{"10 OPEN_REPLY", "12 CLOSE_REPLY", "13 DISCARD_REPLY", "14 OFPBFC_BAD_ID"}, nil},
		{"nothing in it", []ofp.Message{open, commit, commit}, []string{"10 OPEN_REPLY", "11 COMMIT_REPLY", "12 OFPBFC_BAD_ID"}, nil},
		{"open twice", []ofp.Message{open, add, open, commit, open}, []string{"10 OPEN_REPLY", "12 OFPBFC_BAD_ID", "13 OFPBFC_BAD_ID", "14 OPEN_REPLY"}, nil},
		{"no such bundle", []ofp.Message{closing, commit, discard}, []string{"10 OFPBFC_BAD_ID", "11 OFPBFC_BAD_ID", "12 OFPBFC_BAD_ID"}, nil},
		{"replies", []ofp.Message{ctrl(ofp.BundleOpenReply, both), ctrl(ofp.BundleCloseReply, both), ctrl(ofp.BundleCommitReply, both), ctrl(ofp.BundleDiscardReply, both)},
			[]string{"10 OFPBFC_BAD_TYPE", "11 OFPBFC_BAD_TYPE", "12 OFPBFC_BAD_TYPE", "13 OFPBFC_BAD_TYPE"}, nil},
		{"unknown operation (Open vSwitch: nonsense)", []ofp.Message{ctrl(8, both)}, []string{"10 OFPBFC_BAD_TYPE"}, nil},
		{"unknown flags (Open vSwitch: taken)", []ofp.Message{ctrl(ofp.BundleOpenRequest, 4), ctrl(ofp.BundleOpenRequest, both)}, []string{"10 OFPBFC_BAD_FLAGS", "11 OPEN_REPLY"}, nil},
		{"no flags", []ofp.Message{ctrl(ofp.BundleOpenRequest, 0), bundled(0, cookie(1)), ctrl(ofp.BundleCommitRequest, 0)}, []string{"10 OPEN_REPLY", "12 COMMIT_REPLY"}, []uint64{1}},
		{"close with other flags", []ofp.Message{open, ctrl(ofp.BundleCloseRequest, 1), closing}, []string{"10 OPEN_REPLY", "11 OFPBFC_BAD_FLAGS", "12 OFPBFC_BAD_ID"}, nil},
		{"commit with other flags", []ofp.Message{open, add, ctrl(ofp.BundleCommitRequest, 1), commit}, []string{"10 OPEN_REPLY", "12 OFPBFC_BAD_FLAGS", "13 OFPBFC_BAD_ID"}, nil},
		{"discard with other flags", []ofp.Message{open, ctrl(ofp.BundleDiscardRequest, 1)}, []string{"10 OPEN_REPLY", "11 DISCARD_REPLY"}, nil},
		{"close twice", []ofp.Message{open, closing, closing, closing, open}, []string{"10 OPEN_REPLY", "11 CLOSE_REPLY", "12 OFPBFC_BUNDLE_CLOSED", "13 OFPBFC_BAD_ID", "14 OPEN_REPLY"}, nil},
		{"add after close", []ofp.Message{open, add, closing, add, commit}, []string{"10 OPEN_REPLY", "12 CLOSE_REPLY", "13 OFPBFC_BUNDLE_CLOSED", "14 OFPBFC_BAD_ID"}, nil},
		{"add opens", []ofp.Message{add, commit}, []string{"11 COMMIT_REPLY"}, []uint64{1}},
		{"add with other flags", []ofp.Message{open, add, bundled(1, cookie(2)), commit}, []string{"10 OPEN_REPLY", "12 OFPBFC_BAD_FLAGS", "13 OFPBFC_BAD_ID"}, nil},
		{"other transaction id", []ofp.Message{open, withXID(77), commit}, []string{"10 OPEN_REPLY", "11 OFPBFC_MSG_BAD_XID", "12 COMMIT_REPLY"}, nil},
		{"longer than the message around it", []ofp.Message{open, cut(56, 200), commit}, []string{"10 OPEN_REPLY", "11 OFPBFC_MSG_BAD_LEN", "12 COMMIT_REPLY"}, nil},
		{"shorter than a header", []ofp.Message{open, cut(56, 7), cut(4, 4), cut(0, 0)}, []string{"10 OPEN_REPLY", "11 OFPBFC_MSG_BAD_LEN", "12 OFPBFC_MSG_BAD_LEN", "13 OFPBFC_MSG_BAD_LEN"}, nil},
		{"another version (Open vSwitch: a code that OpenFlow 1.3 has not)", []ofp.Message{open, version, commit}, []string{"10 OPEN_REPLY", "11 OFPBFC_MSG_UNSUP", "12 COMMIT_REPLY"}, nil},
		{"messages that are not for bundles", []ofp.Message{
			bundled(both, &ofp.Hello{}), bundled(both, &ofp.EchoRequest{}), bundled(both, ctrl(ofp.BundleOpenRequest, both)), bundled(both, &ofp.FeaturesRequest{}),
			bundled(both, &ofp.SetConfig{}), bundled(both, &ofp.TableMod{}), bundled(both, &ofp.MultipartRequest{}), bundled(both, &ofp.BarrierRequest{}),
			bundled(both, &ofp.RoleRequest{}), bundled(both, &ofp.SetAsync{}), bundled(both, &ofp.PortStatus{}), bundled(both, &ofp.Raw{T: 40}),
		}, func() (want []string) {
			for i := range 12 {
				want = append(want, fmt.Sprintf("%d OFPBFC_MSG_UNSUP", 10+i))
			}
			return want
		}(), nil},
		{"those that are (Open vSwitch: no meter-mods)", []ofp.Message{open, add, bundled(both, &ofp.GroupMod{}), bundled(both, &ofp.MeterMod{}), bundled(both, &ofp.PacketOut{BufferID: ofp.NoBuffer}), commit},
			[]string{"10 OPEN_REPLY", "15 COMMIT_REPLY"}, []uint64{1}},
		{"a port-mod in an atomic bundle", []ofp.Message{open, add, bundled(both, &ofp.PortMod{}), commit}, []string{"10 OPEN_REPLY", "12 OFPBFC_MSG_FAILED", "13 OFPBFC_MSG_FAILED"}, nil},
		{"a port-mod in another", []ofp.Message{bundled(2, &ofp.PortMod{}), bundled(2, cookie(3)), ctrl(ofp.BundleCommitRequest, 2)}, []string{"12 COMMIT_REPLY"}, []uint64{3}},
		{"malformed", []ofp.Message{open, cut(55, 55), bundled(both, badTable), bundled(both, buffered), add, commit},
			[]string{"10 OPEN_REPLY", "11 OFPBRC_BAD_LEN", "12 OFPFMFC_BAD_TABLE_ID", "13 OFPBRC_BUFFER_UNKNOWN", "15 COMMIT_REPLY"}, []uint64{1}},
		{"refused", []ofp.Message{open, add, bundled(both, cookie(0xbad)), bundled(both, cookie(0xbad)), commit, commit},
			[]string{"10 OPEN_REPLY", "12 OFPFMFC_OVERLAP", "14 OFPBFC_MSG_FAILED", "15 OFPBFC_BAD_ID"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			m := newManager(t, sw, Options{})
			p := connected(t, m, connOptions{})
			got := conversation(p, tt.msgs)
			if !slices.Equal(got, tt.want) {
				t.Errorf("answers\n%q, want\n%q", got, tt.want)
			}
			var done []uint64
			for _, f := range sw.flowMods {
				done = append(done, f.Cookie)
			}
			if !slices.Equal(done, tt.done) {
				t.Errorf("carried out %x, want %x", done, tt.done)
			}
			p.c.dropBundles()
			if n := m.bundleBytes.Load(); n != 0 || p.c.bundles.bytes != 0 {
				t.Errorf("%d bytes are left on the books, %d on those of the connection", n, p.c.bundles.bytes)
			}
		})
	}
}

// TestBundlesAreSlavesNot: a slave's are refused as such, whatever is in them.
func TestBundleOfSlave(t *testing.T) {
	p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
	p.c.role.Store(uint32(ofp.RoleSlave))
	got := conversation(p, []ofp.Message{ctrl(ofp.BundleOpenRequest, both), bundled(both, cookie(1)), ctrl(8, 9), bundled(both, &ofp.Hello{})})
	if want := []string{"10 OFPBRC_IS_SLAVE", "11 OFPBRC_IS_SLAVE", "12 OFPBRC_IS_SLAVE", "13 OFPBRC_IS_SLAVE"}; !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
}

// TestBundlesAreOfOneConnection: the id of one says nothing to another; and they go
// with it.
func TestBundlesAreOfOneConnection(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	one, two := connected(t, m, connOptions{}), connected(t, m, connOptions{})
	conversation(one, []ofp.Message{bundled(both, cookie(1))})
	if got := conversation(two, []ofp.Message{ctrl(ofp.BundleCommitRequest, both)}); !slices.Equal(got, []string{"10 OFPBFC_BAD_ID"}) {
		t.Errorf("answers %q", got)
	}
	if m.bundleBytes.Load() == 0 {
		t.Error("the bundle is not on the books")
	}
	_ = one.nc.Close()
	<-one.over
	if n := m.bundleBytes.Load(); n != 0 || len(one.c.bundles.open) != 0 {
		t.Errorf("%d bytes and %d bundles are left after the connection", n, len(one.c.bundles.open))
	}
}

// TestBundleLimits: neither the number nor the size of bundles grows without bound,
// and one that was too large is not committed by halves.
func TestBundleLimits(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := connected(t, m, connOptions{})
	for i := range maxBundles {
		if _, err := p.c.openBundle(uint32(i+2), both, make([]byte, 24)); err != nil {
			t.Fatal(err)
		}
	}
	got := conversation(p, []ofp.Message{ctrl(ofp.BundleOpenRequest, both), bundled(both, cookie(1))})
	if want := []string{"10 OFPBFC_OUT_OF_BUNDLES", "11 OFPBFC_OUT_OF_BUNDLES"}; !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
	p.c.dropBundles()
	tooMany := []string{"10 OPEN_REPLY", "11 OFPBFC_MSG_TOO_MANY", "12 OFPBFC_BAD_ID"}
	msgs := []ofp.Message{ctrl(ofp.BundleOpenRequest, both), bundled(both, cookie(1)), ctrl(ofp.BundleCommitRequest, both)}
	p.c.bundles.mu.Lock()
	p.c.bundles.bytes = connBundleBudget
	p.c.bundles.mu.Unlock()
	if got := conversation(p, msgs); !slices.Equal(got, tooMany) {
		t.Errorf("over the connection's budget: answers %q, want %q", got, tooMany)
	}
	p.c.bundles.mu.Lock()
	p.c.bundles.bytes = 0
	p.c.bundles.mu.Unlock()
	m.bundleBytes.Store(bundleBudget)
	if got := conversation(p, msgs); !slices.Equal(got, tooMany) {
		t.Errorf("over the budget of all: answers %q, want %q", got, tooMany)
	}
	if n := m.bundleBytes.Load(); n != bundleBudget {
		t.Errorf("a refused message leaves %d bytes on the books", n-bundleBudget)
	}
	m.bundleBytes.Store(0)
	conversation(p, msgs[:1])
	p.c.bundles.mu.Lock()
	p.c.bundles.open[1].adds.n = maxBundleMessages
	p.c.bundles.mu.Unlock()
	if got := conversation(p, msgs[1:]); !slices.Equal(got, []string{"10 OFPBFC_MSG_TOO_MANY", "11 OFPBFC_BAD_ID"}) {
		t.Errorf("too many messages: answers %q", got)
	}
}

// TestBundleTimeout: an idle bundle is discarded, and the request that opened it
// answered by an error.
func TestBundleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
		request := ofp.Encode(10, ctrl(ofp.BundleOpenRequest, both))
		p.raw(request)
		h, m := p.recv()
		if e, ok := m.(*ofp.Experimenter); !ok || h.XID != 10 {
			t.Fatalf("open: %v %v", h, e)
		}
		h, m = p.recv()
		e, ok := m.(*ofp.ErrorMsg)
		if !ok || h.XID != 10 || e.ErrCode() != ofp.BundleFailedTimeout || !bytes.Equal(e.Data[4:], request) {
			t.Fatalf("after the time: %v %v", h, m)
		}
		if got := conversation(p, []ofp.Message{ctrl(ofp.BundleDiscardRequest, both)}); !slices.Equal(got, []string{"10 OFPBFC_BAD_ID"}) {
			t.Errorf("answers %q", got)
		}
	})
}
