package ofswitch

import "testing"

// A worker looks on only while GSO packets come, one soon after the other, and not
// for long.
func TestSpin(t *testing.T) {
	const soon, late = spinFor / 2, 10 * spinFor
	for _, c := range []struct {
		name  string
		gso   bool
		pause int64 // of each of the pauses before
		small int   // batches without GSO after them
		now   int64 // the present pause
		want  bool
	}{
		{"bulk", true, soon, 0, 0, true},
		{"bulk, acknowledgements between", true, soon, spinBatches - 1, soon, true},
		{"bulk, over", true, soon, spinBatches, 0, false},
		{"bulk, waited long", true, soon, 0, spinFor, false},
		{"slow GSO packets", true, late, 0, 0, false},
		{"small frames", false, soon, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := spin{gap: spinGap}
			for range 20 {
				s.resumed(c.pause)
				s.batch(c.gso)
			}
			for range c.small {
				s.batch(false)
			}
			if got := s.more(c.now); got != c.want {
				t.Errorf("more = %v with %+v, want %v", got, s, c.want)
			}
		})
	}
}

// One long pause among short ones does not end the looking for long, nor does one
// short pause among long ones begin it.
func TestSpinFollows(t *testing.T) {
	var s spin
	s.batch(true)
	for range 20 {
		s.resumed(1e9)
	}
	if s.more(0) {
		t.Error("looks on after long pauses")
	}
	if s.resumed(0); s.more(0) {
		t.Error("looks on after one short pause")
	}
	n := 0
	for ; !s.more(0) && n < 20; n++ {
		s.resumed(0)
	}
	if n == 20 {
		t.Error("does not look on after short pauses")
	}
}
