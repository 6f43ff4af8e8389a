package kernelpath

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// The object in the repository was made from the source that lies beside it.
func TestObjectIsOfThisSource(t *testing.T) {
	source, err := os.ReadFile("bpf/kernelpath.c")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("bpf/kernelpath.sum")
	if err != nil {
		t.Fatal(err)
	}
	is := sha256.Sum256(source)
	if want, _, _ := strings.Cut(string(sum), " "); hex.EncodeToString(is[:]) != want {
		t.Errorf("kernelpath.c has the SHA-256 sum %x, kernelpath.o was made from %s: run 'make kernelpath'", is, want)
	}
}

// What the programs and the process share has the sizes that the source asserts.
func TestLayout(t *testing.T) {
	var m shared
	for _, c := range []struct {
		what      string
		got, want uintptr
	}{
		{"port", unsafe.Sizeof(portEntry{}), 448},
		{"passed", unsafe.Offsetof(portEntry{}.passed), 64},
		{"done", unsafe.Offsetof(portEntry{}.done), 128},
		{"masks", unsafe.Offsetof(portEntry{}.masks), 192},
		{"cpu", unsafe.Sizeof(cpuEntry{}), 64},
		{"slot", unsafe.Sizeof(slotEntry{}), 192},
		{"state", unsafe.Offsetof(slotEntry{}.state), 64},
		{"packets", unsafe.Offsetof(slotEntry{}.packets), 128},
		{"cpus", unsafe.Offsetof(m.cpus), 4096 * 448},
		{"slots", unsafe.Offsetof(m.slots), 4096*448 + 256*64},
		{"index", unsafe.Offsetof(m.index), 4096*448 + 256*64 + 2048*192},
		{"all", unsafe.Sizeof(m), 4096*448 + 256*64 + 2048*192 + 2048*32},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
}
