package ofswitch

import "time"

// Constants that tune, each with its unit and reason.
const (
	// defaultMicroflows is the number of cached keys per worker. 32768 keys
	// take about 8 MiB, and a program of about 1 KiB each once they are in
	// use; more than that is the megaflow cache's business.
	defaultMicroflows = 32768

	// defaultMegaflows is the number of megaflows per worker, of one to two kilobytes each. Open
	// vSwitch has at most 200,000 for all, and with many in use fewer.
	defaultMegaflows = 16384
	// megaflowMasks is the number of masks that an ingress port may have in the megaflow
	// cache of one worker: a search through so many that finds nothing costs less than the
	// translation that follows it.
	megaflowMasks = 128
	// onceSize is how many keys are known to have come once: 16 KiB.
	onceSize = 4096
	// sweepSets is how many sets of the microflow cache are swept in a batch.
	sweepSets = 8

	// maxKernelFlows bounds the flows that the kernel forwards.
	maxKernelFlows = 1024
	// hotFrames within hotWithin ns make a program one for the kernel. A worker looks for such
	// every hotEvery ns at most: a tenth of a second is soon for whoever waits for a file, and long
	// for a thread.
	hotFrames = 32
	hotWithin = 1e9
	hotEvery  = 100e6
	// hotMany frames make one sooner: such are looked for every hotSoon ns. A file of a megabyte is
	// over by then.
	hotMany = 1024
	hotSoon = 10e6
	// kernelPatience is how long, in ns, a flow may take until the kernel sends its frames, which takes
	// a moment in which none of them waits to be received. One that takes longer costs lookups and
	// gives nothing: it is left alone for kernelPause. What ports do not allow is tried again
	// after kernelAgain.
	kernelPatience = 3e9
	kernelPause    = 10e9
	kernelAgain    = 1e9
	// kernelTick bounds, in ns, how far the clock by which the kernel notes when a flow was used is behind.
	kernelTick = 10e6

	// selectAfter translations within selectWithin ns that hash a frame for the same select group have the
	// group's buckets chosen frame by frame for selectTime ns. So many flows are well served by the
	// caches, and few enough for a miss each; when the time is over, those that come first then may
	// become the kernel's.
	selectAfter  = 1024
	selectWithin = 1e9
	selectTime   = 30e9
	// maxSelects is how many select groups a worker tells apart for that.
	maxSelects = 1024

	// idlePolls is how many empty polls make a queue passive while other queues of its
	// worker have frames.
	idlePolls = 8

	// lookEvery is how long, in ns, a worker with frames at active queues goes on before it
	// looks whether passive ones have some: about as long as a full batch takes.
	lookEvery = 50e3

	// dozeTime is how long, in ms, a worker sleeps at most with its Go processor in hand:
	// after that the runtime has it woken by a signal every 10 ms. It does so after
	// dozeAfter sleeps that were shorter.
	dozeTime  = 10
	dozeAfter = 8

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

	// loopWarningEvery is how long a loop is not told of again, in ns.
	loopWarningEvery = 10e9

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
	buryAfter = 1 << 12

	// upcallsPerPort bounds the packet-ins waiting for one port's turn.
	upcallsPerPort = 1024
	// upcallBytes bounds the memory of all waiting packet-ins.
	upcallBytes = 32 << 20

	// bufferTime is how long a frame is kept for a controller that has been told of
	// it: many times what a busy one takes to answer.
	bufferTime = 10 * time.Second
	// bufferBytes bounds the memory of one bridge's packet buffers.
	bufferBytes = 32 << 20

	// maxPending bounds the removed flow entries that wait for their last
	// count, and those that wait to be taken out of memory: beyond it flow-mods do the
	// collector's work.
	maxPending = 1 << 16

	// fullFrame is the length of an Ethernet frame of 1500 bytes of payload.
	fullFrame = 1514

	// defaultDepth is the credit of a queue or port, in ns at its rate, unless
	// configured. A thread on a busy machine wakes some milliseconds late: what
	// it missed it may make good up to here.
	defaultDepth = 10e6
	// minDepth is the least credit: some wake-ups' distance (releaseEvery).
	minDepth = 1e6

	// releaseEvery is how long a worker sleeps, in ns, at least, when frames of
	// queues wait for their time: at high rates several go at each wake-up.
	releaseEvery = 100e3
	// releaseBatches bounds how many batches a port may send before the worker
	// looks at its receive queues again.
	releaseBatches = 4

	// queueFrames, and queueTime (ns at the queue's highest rate) within
	// queueBytesMin and queueBytesMax, bound what waits in one queue. A tenth of
	// a second is more than a TCP sender needs; 64 KiB hold a GSO frame at any rate.
	queueFrames   = 1000
	queueTime     = 100e6
	queueBytesMin = 64 << 10
	queueBytesMax = 4 << 20

	// maxQuantum bounds, in bytes, how much one queue sends before the next has
	// its turn.
	maxQuantum = 200e3

	// maxQueues bounds the queues of a port: so many fit one reply to
	// QUEUE_GET_CONFIG, which cannot be split.
	maxQueues = 1000

	// defaultPortRate, in bits/s, is shared by the queues of a port whose device
	// does not know its speed, as in Open vSwitch.
	defaultPortRate = 100e6

	// failOpenPriority is above every priority that a flow-mod can give.
	failOpenPriority = 1 << 16
)
