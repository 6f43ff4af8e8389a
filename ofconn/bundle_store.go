package ofconn

import (
	"sort"

	"ofswitch/ofp"
)

// bundleStore has the messages of a bundle back to back in pieces of memory, so that a million of them
// take little more than their bytes, and the collector of garbage has nothing to look at in them.
type bundleStore struct {
	pieces []bundlePiece
	n      int // messages
	// at is where the message with number next begins, in pieces[in].
	next, in, at int
}

// bundlePiece has the messages from number first on.
type bundlePiece struct {
	first int
	b     []byte
}

// bundlePieceMin and bundlePieceMax are how much memory is taken at once, in bytes: a bundle of one
// message, of which a connection may have many, takes little.
const (
	bundlePieceMin = 1 << 10
	bundlePieceMax = 1 << 20
)

// grows is how much memory it would take to add a message, in bytes: 0 if there is room.
func (s *bundleStore) grows(msg []byte) int {
	if len(s.pieces) == 0 {
		return max(len(msg), bundlePieceMin)
	}
	last := s.pieces[len(s.pieces)-1].b
	if cap(last)-len(last) >= len(msg) {
		return 0
	}
	return max(len(msg), min(2*cap(last), bundlePieceMax))
}

// add adds a message, whose header says how long it is.
func (s *bundleStore) add(msg []byte) {
	if n := s.grows(msg); n > 0 {
		s.pieces = append(s.pieces, bundlePiece{first: s.n, b: make([]byte, 0, n)})
	}
	p := &s.pieces[len(s.pieces)-1]
	p.b = append(p.b, msg...)
	s.n++
}

// message is the i-th, which must be there. In their order they are found at once.
func (s *bundleStore) message(i int) []byte {
	if i != s.next || i == 0 {
		s.in = sort.Search(len(s.pieces), func(p int) bool { return s.pieces[p].first > i }) - 1
		s.next, s.at = s.pieces[s.in].first, 0
	}
	for {
		if s.at == len(s.pieces[s.in].b) {
			s.in, s.at = s.in+1, 0
		}
		rest := s.pieces[s.in].b[s.at:]
		h, _ := ofp.ParseHeader(rest) // it was parsed when it came
		s.at += int(h.Length)
		if s.next++; s.next > i {
			return rest[:h.Length]
		}
	}
}
