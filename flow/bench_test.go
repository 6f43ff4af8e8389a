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

const benchText = "tcp,in_port=1,dl_vlan=5,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.0/8,nw_dst=10.1.2.3,tp_dst=80"

func BenchmarkParseMatch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseMatch(benchText); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatchString(b *testing.B) {
	m, err := ParseMatch(benchText)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		buf = m.Append(buf[:0], nil)
	}
}
