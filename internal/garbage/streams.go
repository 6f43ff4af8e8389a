package garbage

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"ofswitch/ofp"
)

// million is how much the long streams have, in bytes.
const million = 1_000_000

// hello is a valid one.
var hello = ofp.Encode(1, &ofp.Hello{})

// after puts a hello before what.
func after(what ...[]byte) []byte {
	return append(bytes.Clone(hello), bytes.Join(what, nil)...)
}

// harmless leaves out the streams that are not.
func harmless(list [][]byte) [][]byte {
	kept := list[:0]
	for _, s := range list {
		if Harmless(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// randomStreams are random bytes in place of the hello and after it, and
// random bodies behind right headers.
func randomStreams(rng *rand.Rand, _ [][]byte) [][]byte {
	var list [][]byte
	for i := range 128 {
		b := randomBytes(rng, 64<<(i%10))
		switch i % 3 {
		case 1:
			b = after(b)
		case 2:
			var s []byte
			for typ := range ofp.TypeMeterMod + 4 {
				m := randomBytes(rng, ofp.HeaderLen+rng.IntN(200))
				m[0], m[1] = ofp.Version, byte(typ)
				binary.BigEndian.PutUint16(m[2:], uint16(len(m)))
				if Harmless(m) {
					s = append(s, m...)
				}
			}
			b = after(s)
		}
		list = append(list, b)
	}
	return harmless(list)
}

// truncated gives each seed cut at every byte, the header saying so: one stream
// a seed.
func truncated(_ *rand.Rand, seeds [][]byte) [][]byte {
	var list [][]byte
	for _, seed := range seeds {
		s := bytes.Clone(hello)
		for n := ofp.HeaderLen; n < len(seed); n++ {
			cut := bytes.Clone(seed[:n])
			binary.BigEndian.PutUint16(cut[2:], uint16(n))
			if Harmless(cut) {
				s = append(s, cut...)
			}
		}
		list = append(list, s)
	}
	return list
}

// cutOff gives each seed cut at every byte, the stream ending there: one
// stream a cut.
func cutOff(_ *rand.Rand, seeds [][]byte) [][]byte {
	var list [][]byte
	for n := range len(hello) {
		list = append(list, hello[:n])
	}
	for _, seed := range seeds {
		for n := 1; n < len(seed); n++ {
			list = append(list, after(seed[:n]))
		}
	}
	return list
}

// wrongLengths gives each seed with lengths in its header that are not its own.
func wrongLengths(_ *rand.Rand, seeds [][]byte) [][]byte {
	var list [][]byte
	for _, seed := range seeds {
		n := len(seed)
		for _, length := range []int{0, 1, 7, 8, 9, n - 8, n - 1, n + 1, n + 8, 4096, 65535} {
			if length < 0 || length == n {
				continue
			}
			wrong := bytes.Clone(seed)
			binary.BigEndian.PutUint16(wrong[2:], uint16(length))
			list = append(list, after(wrong, seed), after(wrong, make([]byte, length)))
		}
	}
	return harmless(list)
}

// mangled gives each seed with every byte of its body changed to zero, all
// ones, and its complement: lengths of matches, actions and instructions lie
// too. One stream a seed.
func mangled(_ *rand.Rand, seeds [][]byte) [][]byte {
	var list [][]byte
	for _, seed := range seeds {
		s := bytes.Clone(hello)
		for i := ofp.HeaderLen; i < len(seed); i++ {
			for _, v := range []byte{0, 0xff, ^seed[i]} {
				m := bytes.Clone(seed)
				if m[i] = v; Harmless(m) {
					s = append(s, m...)
				}
			}
		}
		list = append(list, s)
	}
	return list
}

// outOfOrder gives messages before the hello, a second hello, wrong versions,
// hellos that offer nothing, and what only switches send.
func outOfOrder(_ *rand.Rand, seeds [][]byte) [][]byte {
	var list [][]byte
	for _, seed := range seeds {
		list = append(list, seed, append(bytes.Clone(seed), hello...)) // what comes first is no hello, whatever it is
	}
	list = append(list, after(hello, hello))
	for v := range 256 {
		h := bytes.Clone(hello)
		h[0] = byte(v)
		list = append(list, h)
		if v != ofp.Version {
			list = append(list, after(bytes.Repeat(h, 20)))
		}
	}
	list = append(list,
		ofp.Encode(1, &ofp.Hello{Versions: []uint32{0}}),
		ofp.Encode(1, &ofp.Hello{Versions: []uint32{1 << 1}}),
		ofp.Encode(1, &ofp.Hello{Versions: bytesOfOnes(16000)}),
		[]byte{4, 0, 0, 12, 0, 0, 0, 1, 0, 1, 0, 0},
		[]byte{4, 0, 0, 12, 0, 0, 0, 1, 0, 1, 0xff, 0xff},
		ofp.Encode(1, &ofp.ErrorMsg{Data: bytes.Repeat([]byte("no\x00\xff"), 16000)}),
	)
	for _, seed := range seeds {
		if ofp.Type(seed[1]).SwitchOnly() {
			list = append(list, after(seed, seed))
		}
	}
	return list
}

func bytesOfOnes(words int) []uint32 {
	list := make([]uint32, words)
	for i := range list {
		list[i] = ^uint32(0)
	}
	return list
}

// millions are streams of a million bytes.
func millions(rng *rand.Rand, _ [][]byte) [][]byte {
	endless := []byte{4, byte(ofp.TypeFlowMod), 0xff, 0xff, 0, 0, 0, 1}
	empty := []byte{4, 99, 0, 8, 0, 0, 0, 0}
	list := [][]byte{
		randomBytes(rng, million),
		make([]byte, million),
		bytes.Repeat([]byte{0xff}, million),
		after(randomBytes(rng, million)),
		after(endless, bytes.Repeat([]byte{0xff}, million)),
		after(bytes.Repeat(append(bytes.Clone(endless), make([]byte, 65527)...), million/65535)),
		after(bytes.Repeat(empty, million/len(empty))),
		bytes.Repeat([]byte("GET / HTTP/1.1\r\n\r\n"), million/18),
		append([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), randomBytes(rng, million)...), // TLS
	}
	return harmless(list)
}
