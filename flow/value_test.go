package flow

import (
	"bytes"
	"testing"
)

func TestValueBytes(t *testing.T) {
	long := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	for _, tt := range []struct {
		bytes []byte
		want  Value
	}{
		{nil, Value{}},
		{long[:1], Value{Lo: 1}},
		{long[:3], Value{Lo: 0x010203}},
		{long[:8], Value{Lo: 0x0102030405060708}},
		{long[:9], Value{Hi: 1, Lo: 0x0203040506070809}},
		{long, Value{Hi: 0x0102030405060708, Lo: 0x090a0b0c0d0e0f10}},
	} {
		got := ReadValue(tt.bytes)
		if got != tt.want {
			t.Errorf("%x read as %x, want %x", tt.bytes, got, tt.want)
		}
		if b := got.Append(nil, len(tt.bytes)); !bytes.Equal(b, tt.bytes) {
			t.Errorf("%x written as %x, want %x", got, b, tt.bytes)
		}
	}
}
