package ofswitch

const (
	// spinFor is how long a worker looks for the next frame of a bulk transfer
	// before it sleeps, ns.
	spinFor = 20_000
	// spinGap is how long the pauses of late may have been, on the average, for it to
	// look at all: beyond, most of the looking would be for nothing.
	spinGap = 2 * spinFor
	// spinBatches is for how many batches without a GSO packet a transfer counts as
	// going on: acknowledgements come in between.
	spinBatches = 16
)

// spin decides whether a worker without frames looks a little longer before it
// sleeps: while GSO packets pass, and follow each other closely. One of them costs
// its sender so long that the worker is done with the last before the next is there,
// and a sleep and a wake-up for each would slow the transfer down.
type spin struct {
	bulk int   // batches for which a transfer counts as going on
	gap  int64 // average length of the latest pauses, ns
}

// batch is told of each batch whether it ends in a GSO packet.
func (s *spin) batch(gso bool) {
	switch {
	case gso:
		s.bulk = spinBatches
	case s.bulk > 0:
		s.bulk--
	}
}

// resumed is told how long a pause was, ns, however it was spent.
func (s *spin) resumed(pause int64) { s.gap += (min(pause, 8*spinGap) - s.gap) / 4 }

// more says whether to look once more after a pause of so many ns.
func (s *spin) more(pause int64) bool { return s.bulk > 0 && s.gap < spinGap && pause < spinFor }
