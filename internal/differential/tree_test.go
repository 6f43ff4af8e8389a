package differential

import (
	"encoding/binary"
	"slices"
)

// node is an element of a message: a head, elements in it, and padding.
type node struct {
	kind  string // "message", "match", "oxm", "instruction"...
	head  []byte
	kids  []*node
	lenAt int  // offset in the head of a 16-bit length; -1: none
	outer bool // the length counts the padding too
	pad   bool // to a multiple of 8
	// before is how many bytes in front of the element a 16-bit length of it
	// stands: actions_len of a packet-out. 0: none.
	before int

	// Damage.
	lenOff int    // added to the length
	tail   []byte // behind the element, outside of its length
	cut    int    // bytes taken from its end, length and all
}

// leaf is an element without a length of its own that encoding could get wrong.
func leaf(kind string, b []byte) *node { return &node{kind: kind, head: b, lenAt: -1} }

// put appends the element.
func (n *node) put(b []byte) []byte {
	start := len(b)
	b = append(b, n.head...)
	for _, k := range n.kids {
		b = k.put(b)
	}
	if n.before > 0 {
		binary.BigEndian.PutUint16(b[start-n.before:], uint16(len(b)-start))
	}
	end := len(b)
	if n.pad {
		for (len(b)-start)%8 != 0 {
			b = append(b, 0)
		}
	}
	if n.outer {
		end = len(b)
	}
	if n.cut > 0 {
		b = b[:max(len(b)-n.cut, start)]
		end = min(end, len(b))
	}
	if n.lenAt >= 0 && start+n.lenAt+2 <= len(b) {
		binary.BigEndian.PutUint16(b[start+n.lenAt:], uint16(end-start+n.lenOff))
	}
	return append(b, n.tail...)
}

// wire is a whole message; its header's length is always true, or the stream
// would end there.
func (n *node) wire(xid uint32) []byte {
	b := n.put(nil)
	if len(b) < 8 {
		b = slices.Clone(n.head[:8]) // cut too far: the header alone
	}
	if len(b) > 0xffff {
		b = b[:0xfff8]
	}
	if b[1] == 18 && len(b) > 11 {
		b[11] &^= 1 // no part of a longer request: it would wait for the rest
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	binary.BigEndian.PutUint32(b[4:], xid)
	return b
}

// clone copies the tree.
func (n *node) clone() *node {
	c := *n
	c.head = slices.Clone(n.head)
	c.kids = make([]*node, len(n.kids))
	for i, k := range n.kids {
		c.kids[i] = k.clone()
	}
	return &c
}

// walk calls fn for n and what is in it.
func (n *node) walk(fn func(n, parent *node)) { n.walkIn(nil, fn) }

func (n *node) walkIn(parent *node, fn func(n, parent *node)) {
	fn(n, parent)
	for _, k := range n.kids {
		k.walkIn(n, fn)
	}
}
