package ofswitch

import "time"

// Constants that tune, each with its unit and reason.
const (
	// defaultMicroflows is the number of cached keys per worker. 32768 keys
	// take about 8 MiB, and a program of about 1 KiB each once they are in
	// use; more than that is the megaflow cache's business.
	defaultMicroflows = 32768

	// idlePolls is how many empty polls make a queue passive, so that its
	// worker waits for it in epoll: some microseconds, less than a wake-up costs.
	idlePolls = 32

	// epollEvery is how many rounds over active queues go by before a worker
	// looks whether passive queues have frames. A round of full batches takes
	// some 10 microseconds.
	epollEvery = 8

	// maxFalseWakes parks a queue that epoll calls ready and that has nothing
	// (a device in error) until the collector's next round, or it would eat
	// a CPU.
	maxFalseWakes = 64

	// maxDepth bounds how many patch ports (and packet-out's TABLE) a frame
	// passes inside one program; a loop of bridges ends there.
	maxDepth = 64

	// maxSteps bounds tables looked up and patch ports passed in one
	// translation, as loops with flooding double at each turn.
	maxSteps = 4096

	// maxOps bounds the length of a program.
	maxOps = 1 << 16

	// maxRecirc bounds how often one frame is extracted again, over all its
	// copies: each time, translation has its maxSteps anew.
	maxRecirc = 4096

	// collectEvery is the collector's period: folding, timeouts, MAC ageing.
	collectEvery = time.Second

	// pruneAfter is how long a program may be unused before it leaves its
	// cache: it holds on to flow entries that may be long gone.
	pruneAfter = 10 * time.Second

	// buryAfter is how many programs leave a worker's cache before it wakes the
	// collector out of turn. They wait for their last count, a kilobyte or two
	// each: a neighbour who sends a new flow with every frame would
	// otherwise take a second's worth of misses, hundreds of megabytes.
	buryAfter = 1 << 14

	// upcallsPerPort bounds the packet-ins waiting for one port's turn.
	upcallsPerPort = 256
	// upcallBytes bounds the memory of all waiting packet-ins.
	upcallBytes = 32 << 20

	// bufferTime is how long a frame is kept for a controller that has been told of
	// it: many times what a busy one takes to answer.
	bufferTime = 10 * time.Second
	// bufferBytes bounds the memory of one bridge's packet buffers.
	bufferBytes = 32 << 20

	// maxPending bounds the removed flow entries that wait for their last
	// count: a flow-mod waits for the collector beyond it.
	maxPending = 1 << 16

	// failOpenPriority is above every priority that a flow-mod can give.
	failOpenPriority = 1 << 16
)
