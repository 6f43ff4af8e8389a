package ofp

import "ofswitch/ofp/internal/octets"

// Hello opens a connection (OpenFlow 1.3.5 §7.5.1). Versions is the bitmap of
// its VERSIONBITMAP element, nil without one: bit v%32 of word v/32 is set when
// wire version v is supported.
//
// Elements of other types are skipped, and so is what follows the last whole
// element: the specification wants a longer or stranger hello to be accepted.
type Hello struct{ Versions []uint32 }

// helloVersionBitmap is OFPHET_VERSIONBITMAP.
const helloVersionBitmap = 1

// Type is TypeHello.
func (*Hello) Type() Type { return TypeHello }

// Len is the body's length.
func (m *Hello) Len() int {
	if len(m.Versions) == 0 {
		return 0
	}
	return octets.Pad8(4 + 4*len(m.Versions))
}

// Append encodes the body.
func (m *Hello) Append(b []byte) []byte {
	if len(m.Versions) == 0 {
		return b
	}
	n := 4 + 4*len(m.Versions)
	b = be.AppendUint16(b, helloVersionBitmap)
	b = be.AppendUint16(b, uint16(n))
	for _, w := range m.Versions {
		b = be.AppendUint32(b, w)
	}
	return octets.Zeros(b, octets.Pad8(n)-n)
}

func decodeHello(b []byte) (Message, error) {
	m := new(Hello)
	for len(b) >= 4 {
		typ, n := be.Uint16(b), int(be.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			break
		}
		if typ == helloVersionBitmap && m.Versions == nil {
			for e := b[4:n]; len(e) >= 4; e = e[4:] {
				m.Versions = append(m.Versions, be.Uint32(e))
			}
		}
		b = b[min(octets.Pad8(n), len(b)):]
	}
	return m, nil
}

// VersionBitmap makes the bitmap of a Hello that offers the given wire
// versions.
func VersionBitmap(versions ...uint8) []uint32 {
	var bm []uint32
	for _, v := range versions {
		for len(bm) <= int(v)/32 {
			bm = append(bm, 0)
		}
		bm[v/32] |= 1 << (v % 32)
	}
	return bm
}

// Negotiate chooses the version of a connection (OpenFlow 1.3.5 §6.3.1): own is
// the bitmap of the hello that we sent, whose header carries own's highest
// version; peerVersion and peer are the header's version and the bitmap of the
// hello that we received. With two bitmaps the highest common version wins;
// without the peer's it is the lower of the two header versions, if we have it.
// ok is false when there is none: answer HELLO_FAILED, INCOMPATIBLE and close.
func Negotiate(own []uint32, peerVersion uint8, peer []uint32) (version uint8, ok bool) {
	if len(peer) > 0 {
		common := make([]uint32, min(len(own), len(peer)))
		for i := range common {
			common[i] = own[i] & peer[i]
		}
		return highestVersion(common)
	}
	v, ok := highestVersion(own)
	if !ok {
		return 0, false
	}
	v = min(v, peerVersion)
	if int(v)/32 >= len(own) || own[v/32]&(1<<(v%32)) == 0 {
		return 0, false
	}
	return v, true
}

// highestVersion is the highest bit set in a version bitmap.
func highestVersion(bm []uint32) (uint8, bool) {
	for v := min(len(bm)*32, 256) - 1; v >= 0; v-- {
		if bm[v/32]&(1<<(v%32)) != 0 {
			return uint8(v), true
		}
	}
	return 0, false
}
