package differential

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// Numbers that mean something, or stand at the edge of what does.
var (
	edges8  = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 32, 64, 128, 253, 254, 255}
	edges16 = []uint16{0, 1, 2, 3, 4, 5, 7, 8, 9, 0x10, 0x11, 0x18, 0x1000, 0x2000, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x0800, 0x86dd, 0x8100, 0x8847, 0x88e7}
	edges32 = []uint32{0, 1, 2, 3, 99, 0x7fffffff, 0x80000000, 0xfffeffff, 0xffff0000, 0xffff0001, 0xfffffeff, 0xffffff00, 0xffffff01,
		0xfffffff7, 0xfffffff8, 0xfffffff9, 0xfffffffa, 0xfffffffb, 0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// damage does one wrong to a message, in place, and says which.
func damage(r *rand.Rand, m *node) string {
	type place struct{ n, parent *node }
	var all []place
	m.walk(func(n, parent *node) { all = append(all, place{n, parent}) })
	for {
		p := pick(r, all)
		n := p.n
		switch r.IntN(12) {
		case 0, 1, 2: // a number in the head
			if what := damageHead(r, n); what != "" {
				return what
			}
		case 3: // one bit
			if i := headByte(r, n); i >= 0 {
				n.head[i] ^= 1 << r.IntN(8)
				return "bit of " + n.kind
			}
		case 4: // a length that is not true
			if n.lenAt >= 0 && p.parent != nil {
				n.lenOff = pick(r, []int{-8, -4, -1, 1, 4, 8, 16, 256})
				return "length of " + n.kind
			}
		case 5: // cut off, with all lengths true
			n.cut = pick(r, []int{1, 2, 4, 8, 12, 16})
			return "cut " + n.kind
		case 6: // something behind it
			if n.lenAt >= 0 {
				n.tail = make([]byte, pick(r, []int{1, 4, 8, 16}))
				return "behind " + n.kind
			}
		case 7: // twice
			if p.parent != nil {
				i := slices.Index(p.parent.kids, n)
				p.parent.kids = slices.Insert(p.parent.kids, i, n.clone())
				return "twice " + n.kind
			}
		case 8: // another one too, from elsewhere in the message
			if q := pick(r, all); p.parent != nil && q.parent != nil && q.n.kind != "match" && n.kind != "match" {
				i := slices.Index(p.parent.kids, n)
				p.parent.kids = slices.Insert(p.parent.kids, i, q.n.clone())
				return q.n.kind + " before " + n.kind
			}
		case 9: // away
			if p.parent != nil && n.kind != "match" {
				i := slices.Index(p.parent.kids, n)
				p.parent.kids = slices.Delete(p.parent.kids, i, i+1)
				return "without " + n.kind
			}
		case 10: // in another order
			if len(n.kids) > 1 {
				r.Shuffle(len(n.kids), func(i, j int) { n.kids[i], n.kids[j] = n.kids[j], n.kids[i] })
				return "order in " + n.kind
			}
		case 11: // of another version or type
			if p.parent == nil && r.IntN(4) == 0 {
				i := r.IntN(2)
				n.head[i] = byte(r.IntN(40))
				return []string{"version", "type"}[i]
			}
		}
	}
}

// headByte is a byte of n's head that may change: not the header's length and
// transaction id.
func headByte(r *rand.Rand, n *node) int {
	from := 0
	if n.kind == "message" {
		from = 8
	}
	if len(n.head) <= from {
		return -1
	}
	return from + r.IntN(len(n.head)-from)
}

func damageHead(r *rand.Rand, n *node) string {
	i := headByte(r, n)
	if i < 0 {
		return ""
	}
	switch r.IntN(3) {
	case 0:
		n.head[i] = pick(r, edges8)
	case 1:
		if i &^= 1; i+2 > len(n.head) {
			return ""
		}
		binary.BigEndian.PutUint16(n.head[i:], pick(r, edges16))
	case 2:
		if i &^= 3; i+4 > len(n.head) || n.kind == "oxm" {
			return ""
		}
		binary.BigEndian.PutUint32(n.head[i:], pick(r, edges32))
	}
	return "number in " + n.kind
}
