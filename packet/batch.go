package packet

// BatchSize is the most frames that one Rx call lends. More gained nothing on
// veth, and a batch bounds the time in which Sync waits for a worker.
const BatchSize = 64

// Lender owns the memory of the frames in a batch.
type Lender interface {
	// Release takes back the memory of b's frames. Called once per batch.
	Release(b *Batch)
}

// Batch is a set of frames lent by one receive queue. One worker owns it.
type Batch struct {
	Frames [BatchSize]Frame
	N      int    // Frames[:N] are valid
	Lender Lender // whom Release goes to; nil: nobody
}

// Release gives the memory back to the lender and empties the batch. Nothing
// may hold on to the frames' bytes afterwards.
func (b *Batch) Release() {
	if b.Lender != nil {
		b.Lender.Release(b)
	}
	b.N, b.Lender = 0, nil
}
