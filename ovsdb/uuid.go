package ovsdb

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
)

// UUID names a row (RFC 4122).
type UUID [16]byte

// NewUUID is a random one, of version 4.
func NewUUID() (u UUID) {
	rand.Read(u[:]) // never fails: crypto/rand ends the program instead
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u
}

// IsZero says whether all bits are zero, which names no row.
func (u UUID) IsZero() bool { return u == UUID{} }

// String is the usual form, 36 characters.
func (u UUID) String() string { return string(u.append(nil)) }

func (u UUID) append(b []byte) []byte {
	for i, n := 0, len(u); i < n; i++ {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, u[i:i+1])
	}
	return b
}

// ParseUUID reads the usual form, in either case.
func ParseUUID(s string) (u UUID, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, false
	}
	digits := make([]byte, 0, 32)
	for i := range len(s) {
		if i != 8 && i != 13 && i != 18 && i != 23 {
			digits = append(digits, s[i])
		}
	}
	if _, err := hex.Decode(u[:], digits); err != nil {
		return UUID{}, false
	}
	return u, true
}

func (u UUID) compare(o UUID) int { return bytes.Compare(u[:], o[:]) }
