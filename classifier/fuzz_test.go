package classifier

import "testing"

// FuzzClassifier runs the comparison with the linear twin on operations chosen
// by the fuzzer: its bytes are the random numbers.
func FuzzClassifier(f *testing.F) {
	f.Add(uint64(1), uint8(3), []byte{0, 1, 2, 3})
	f.Add(uint64(2), uint8(20), []byte("insert, remove, replace"))
	f.Add(uint64(3), uint8(200), []byte{0xff, 0xff, 0, 0, 0x80})
	f.Fuzz(func(t *testing.T, seed uint64, live uint8, data []byte) {
		g := newGenerator(seed)
		g.Rand = newBytesRand(data, g.Rand)
		c := New[int]()
		if _, err := compare(c, g, int(live), 60); err != nil {
			t.Fatal(err)
		}
		check(t, c)
	})
}
