// Package octets has what encoders of all versions of OpenFlow do with bytes.
package octets

// Pad8 rounds n up to a multiple of 8.
func Pad8(n int) int { return (n + 7) &^ 7 }

// Zeros appends n zero bytes: padding.
func Zeros(b []byte, n int) []byte {
	var z [8]byte
	for n > len(z) {
		b = append(b, z[:]...)
		n -= len(z)
	}
	return append(b, z[:n]...)
}

// Clone copies b; an empty b gives nil.
func Clone(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return append([]byte(nil), b...)
}

// AppendString appends s as a field of n bytes that ends in at least one zero
// byte; what does not fit is cut off.
func AppendString(b []byte, s string, n int) []byte {
	if len(s) > n-1 {
		s = s[:n-1]
	}
	return Zeros(append(b, s...), n-len(s))
}
