package ofconn

import "time"

// Connecting.
const (
	// DefaultMaxBackoff is the longest wait between attempts (Open vSwitch's
	// max_backoff).
	DefaultMaxBackoff = 8 * time.Second
	// dialTimeout bounds one attempt, where the kernel would try for minutes.
	dialTimeout = 5 * time.Second
	// handshakeTimeout is how long the peer may take for its hello.
	handshakeTimeout = 10 * time.Second
	// DefaultInactivityProbe is after how long a silence the peer is asked for a
	// sign of life (Open vSwitch's inactivity_probe).
	DefaultInactivityProbe = 5 * time.Second
	// partTimeout is how long the next part of a multipart request may take;
	// deadPartsTimeout is for how long parts of a refused one are recognised.
	partTimeout      = 5 * time.Second
	deadPartsTimeout = 5 * time.Minute
	// acceptRetry is the pause after accept failed, for want of descriptors.
	acceptRetry = 100 * time.Millisecond
)

// Writing.
const (
	// stallTimeout is how long the peer may take to accept writeChunk bytes.
	stallTimeout = 20 * time.Second
	// lingerTime is how long a connection that we refuse may take to read why.
	lingerTime = time.Second
	// lingerBytes is how much of what the peer still sends is read meanwhile:
	// closing with unread data would destroy what we have written.
	lingerBytes = 1 << 20
	// maxUnsent is how many packet-outs may wait for those behind them, to be sent
	// together: for less than a millisecond.
	maxUnsent = 31
	// writeChunk is the most that is written in one piece.
	writeChunk = 64 << 10
)

// Memory per connection.
const (
	// replyBudget is how many bytes of replies wait to be written before the
	// one who makes them waits too: two of the largest messages.
	replyBudget = 128 << 10
	// asyncBudget and asyncMessages bound the flow-removed and port-status
	// messages that wait. The bytes are shared between connections.
	asyncBudget   = 16 << 20
	asyncMessages = 200_000
	// pinPerPort and pinTotal are how many packet-ins wait, per in-port and
	// all together; pinBudget bounds their bytes, since a frame may have 64 KiB.
	pinPerPort = 500
	pinTotal   = 5000
	pinBudget  = 4 << 20
	// maxRequestBytes bounds the multipart requests in parts that are not complete:
	// a request for the features of all tables has less than half of it.
	maxRequestBytes = 1 << 20
	// requestBudget bounds those of all connections together.
	requestBudget = 64 << 20
	// maxOpenRequests is how many such requests there are at once, and
	// maxPartialRequests how many with those that were refused before their last
	// part came: a peer that does this more often sends garbage.
	maxOpenRequests    = 16
	maxPartialRequests = 1024
	// readSmall and readLarge are the sizes of the read buffer, of an idle and
	// of a busy connection.
	readSmall = 4 << 10
	readLarge = 64 << 10
)

const (
	// DefaultMaxConns is how many connections a listener takes at once.
	DefaultMaxConns = 1000
	// maxBadVersions is how many messages in a row of another version than the
	// negotiated one make a peer one that sends garbage.
	maxBadVersions = 16
	// failOpenProbes: with fail mode standalone, the switch takes over after
	// so many times the largest probe interval without any controller: one to
	// become idle, one to be probed, one to reconnect.
	failOpenProbes = 3
)

// Bundles.
const (
	// bundleTimeout is how long a bundle may be idle (as in Open vSwitch).
	bundleTimeout = 10 * time.Second
	// maxBundles is how many a connection has open at once, and maxBundleMessages
	// how many messages one holds: what empties a table and fills it again.
	maxBundles        = 100
	maxBundleMessages = 1 << 21
	// connBundleBudget and bundleBudget bound the bytes that the messages in the
	// bundles of one connection take, and of all together: a million flow-mods on five fields
	// take 160 MB. bundleOverhead is what a bundle takes beside.
	connBundleBudget = 192 << 20
	bundleBudget     = 384 << 20
	bundleOverhead   = 512
)

// Flow monitors.
const (
	// monitorPause is how many bytes of updates wait before the monitors of a
	// connection pause (as in Open vSwitch).
	monitorPause = 128 << 10
	// maxLaterChanges bounds the changes that wait to be told to one connection beyond
	// that, some 600 bytes each, which all connections share: as many as a full table has
	// entries. laterPart is how many are looked at under a lock.
	maxLaterChanges = 1 << 20
	laterPart       = 256
	// monitorBudget bounds, beyond what may wait without a pause, the bytes of the
	// updates that wait on all connections: what comes during a reply is not left out.
	monitorBudget = 128 << 20
	// maxMonitors is how many a connection has: each costs every change of a flow.
	maxMonitors = 1000
)

// Snooping.
const (
	// snoopBudget is how many bytes wait for one who snoops before messages are
	// left out, and maxSnoops how many there may be.
	snoopBudget = 4 << 20
	maxSnoops   = 16
)
