package ofconn

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"ofswitch/stream"
)

// dialer keeps one controller connected, or one auxiliary connection to it.
type dialer struct {
	m      *Manager
	log    *slog.Logger
	ctx    context.Context // ends run
	cancel context.CancelFunc
	done   chan struct{} // closed when run has ended

	// Of an auxiliary connection: the main one, and its number.
	main  *conn
	auxID uint8

	mu      sync.Mutex
	conf    Controller
	state   State
	conn    *conn // while there is one
	lastErr error
	changed time.Time // when it last connected or disconnected
	// cameUp and wentDown are when a connection last was past its hello, and ended;
	// zero: never.
	cameUp, wentDown time.Time
	attempts         int // failed ones in a row
	aux              auxDialers
}

// newDialer makes a dialer that is still to be started.
func newDialer(m *Manager, conf Controller) *dialer {
	return &dialer{m: m, log: m.log.With("target", conf.Target), done: make(chan struct{}), conf: conf, changed: time.Now()}
}

// startDialer begins to connect to a controller with a valid target.
func startDialer(m *Manager, conf Controller) *dialer {
	d := newDialer(m, conf)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	go d.run()
	return d
}

// probeInterval is the interval in force, 0 for none.
func probeInterval(configured, byDefault time.Duration) time.Duration {
	switch {
	case configured == 0:
		return byDefault
	case configured < 0:
		return 0
	}
	return configured
}

// config gives the present settings with the defaults filled in.
func (d *dialer) config() Controller {
	d.mu.Lock()
	defer d.mu.Unlock()
	conf := d.conf
	if conf.MaxBackoff <= 0 {
		conf.MaxBackoff = DefaultMaxBackoff
	}
	conf.InactivityProbe = probeInterval(conf.InactivityProbe, DefaultInactivityProbe)
	return conf
}

// configure takes on new settings of the same target. The connection goes on.
func (d *dialer) configure(conf Controller) {
	d.mu.Lock()
	d.conf = conf
	c := d.conn
	d.adjustAuxLocked()
	d.mu.Unlock()
	if c != nil {
		c.probe.Store(int64(probeInterval(conf.InactivityProbe, DefaultInactivityProbe)))
		c.out.setRate(conf.PacketInRate, conf.PacketInBurst)
	}
}

// run connects, speaks, and connects again, until d.ctx ends.
func (d *dialer) run() {
	defer close(d.done)
	ctx := d.ctx
	var backoff stream.Backoff
	for {
		lasted, err := d.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := backoff.Next(lasted, d.config().MaxBackoff)
		d.failed(err, lasted > 0, pause)
		if !stream.Pause(ctx, pause) {
			return
		}
	}
}

// connect makes one attempt. lasted is how long the connection lasted from its
// hello on, 0 if it did not come so far.
func (d *dialer) connect(ctx context.Context) (lasted time.Duration, err error) {
	conf := d.config()
	e, err := parseActive(conf.Target)
	if err != nil {
		return 0, err
	}
	if e.TLS {
		if err := d.m.o.TLS.Ready(); err != nil {
			return 0, err
		}
	}
	d.setState(StateConnecting)
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	to := e
	if d.main != nil {
		to = d.auxEndpoint(e)
	}
	nc, err := d.m.o.dial(dialCtx, to)
	cancel()
	if err != nil {
		return 0, err
	}
	if e.TLS {
		secure, err := d.m.o.TLS.Client(nc, e)
		if err != nil {
			_ = nc.Close() // nothing was said on it
			return 0, err
		}
		nc = secure
	}
	c := newConn(d.m, nc, connOptions{
		target:  conf.Target,
		dialled: true,
		probe:   conf.InactivityProbe,
		rate:    conf.PacketInRate,
		burst:   conf.PacketInBurst,
		auxID:   d.auxID,
		main:    d.main,
	})
	if d.main == nil {
		auxCtx, stop := context.WithCancel(ctx)
		defer d.mainDown()
		defer stop()
		c.up, c.down = func() { d.mainUp(auxCtx, c) }, stop
	}
	d.mu.Lock()
	d.conn = c
	d.changed = time.Now()
	d.mu.Unlock()
	d.configure(d.settings()) // they may have changed while we dialled
	err = c.run(ctx)
	d.mu.Lock()
	d.conn = nil
	d.changed = time.Now()
	d.mu.Unlock()
	if at := c.helloAt.Load(); at != nil {
		now := time.Now()
		lasted = max(now.Sub(*at), 1)
		d.mu.Lock()
		d.cameUp, d.wentDown = *at, now
		d.mu.Unlock()
	}
	return lasted, err
}

func (d *dialer) settings() Controller {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conf
}

func (d *dialer) setState(s State) {
	d.mu.Lock()
	d.state = s
	d.mu.Unlock()
	d.m.tellStatus()
}

// failed remembers why there is no connection and logs it, once for as long as
// the reason stays the same.
func (d *dialer) failed(err error, was bool, backoff time.Duration) {
	defer d.m.tellStatus()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state = StateBackoff
	d.attempts++
	if was {
		d.attempts = 1
	}
	news := was || d.lastErr == nil || d.lastErr.Error() != err.Error()
	d.lastErr = err
	if !news {
		d.log.Debug("controller still cannot be reached", "attempt", d.attempts, "error", err)
		return
	}
	text := "controller cannot be reached; trying on"
	if was {
		text = "controller lost; connecting again"
	}
	d.log.Warn(text, "error", err, "next", backoff)
}
