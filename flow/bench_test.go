package flow

import (
	"testing"

	"ofswitch/packet"
)

func BenchmarkExtract(b *testing.B) {
	for _, c := range benchFrames {
		f := packet.FromBytes(c.data)
		b.Run(c.name, func(b *testing.B) {
			var k Key
			b.ReportAllocs()
			for b.Loop() {
				Extract(f, 1, &k)
			}
		})
	}
}

var hashSink uint32

func BenchmarkHash(b *testing.B) {
	for _, c := range benchFrames {
		var k Key
		Extract(packet.FromBytes(c.data), 1, &k)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				hashSink += k.Hash()
			}
		})
	}
}

func BenchmarkEqual(b *testing.B) {
	for _, c := range benchFrames {
		var k Key
		Extract(packet.FromBytes(c.data), 1, &k)
		k2 := k
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if !k.Equal(&k2) {
					b.Fatal("unequal")
				}
			}
		})
	}
}
