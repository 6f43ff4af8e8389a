package database

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"ofswitch/bridge"
	"ofswitch/ofp"
	"ofswitch/ovsdb"
	"ofswitch/stream"
)

// Lock is the name of the lock that a switch takes on its database: two must not
// fight over one.
const Lock = "ovs_vswitchd"

// Switch is what a Reconciler asks of a *bridge.Switch, whose methods say what each
// does.
type Switch interface {
	Apply(bridge.Config) error
	State(stats bool) bridge.State
	Counters(bridge string, no ofp.PortNo) *ofp.PortStats
}

var _ Switch = (*bridge.Switch)(nil)

// Options are what a Reconciler works with.
type Options struct {
	// Client of the database, with Lock as its lock.
	Client *ovsdb.Client
	Switch Switch
	// Changed has an element when the switch or a manager has changed by itself (see
	// bridge.Options.OnChange and Open).
	Changed <-chan struct{}
	// Embedded is the server of the database, which gets the managers that the
	// database names; nil: it is a server of somebody else, and so are they.
	Embedded *Embedded
	// TLS are files to use where the database names none.
	TLS stream.Files
	// RunDir is what external_ids:rundir tells.
	RunDir string
	Logger *slog.Logger // nil: slog.Default
}

// Reconciler keeps a switch and a database in step.
type Reconciler struct {
	o     Options
	log   *slog.Logger
	ready chan struct{}

	// Run's own.
	recall  *recall
	begun   bool
	applied bridge.Config   // the last that Apply was given
	told    map[string]bool // lines that the last round logged
	machine map[string]string
	silent  bool          // the last transaction had no reply
	limit   time.Duration // replyLimit; a test's is shorter
}

// replyLimit is how long the database may take to reply to a transaction: meanwhile
// nothing of the switch is changed. A server that is alive enough to answer probes may
// still have a disk that is not.
const replyLimit = 10 * time.Second

// New makes a Reconciler, for Run to work.
func New(o Options) *Reconciler {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Reconciler{o: o, log: o.Logger, ready: make(chan struct{}), recall: newRecall(), told: map[string]bool{}, limit: replyLimit}
}

// startPatience is how long the start waits for a database that is away: the switch
// is then ready without bridges, so that what is started after it may be the
// database.
const startPatience = 5 * time.Second

// Ready is closed when the switch is for the first time what the database says, or
// when that cannot be reached for now.
func (r *Reconciler) Ready() <-chan struct{} { return r.ready }

// Run keeps switch and database in step until ctx ends.
func (r *Reconciler) Run(ctx context.Context) {
	timer := time.NewTimer(minStatsInterval)
	defer timer.Stop()
	away := time.NewTimer(startPatience)
	defer away.Stop()
	stats := true
	for ctx.Err() == nil {
		if interval, ok := r.round(ctx, stats); ok && stats {
			timer.Reset(interval)
		}
		stats = false
		select {
		case <-ctx.Done():
		case <-r.o.Client.Changed():
		case <-r.o.Changed:
		case <-away.C:
			r.markReady()
		case <-timer.C:
			stats = true
			timer.Reset(minStatsInterval)
		}
	}
}

// round brings the switch to what the database says, and tells it how that went.
// stats: the statistics as well, which are due again after an interval. ok is
// false when there is no database to work with now.
func (r *Reconciler) round(ctx context.Context, stats bool) (interval time.Duration, ok bool) {
	if s := r.o.Client.Status(); !s.HasLock || !s.Connected {
		// Who holds the lock, or that the connection is away, the client has logged. The
		// switch goes on as it is.
		return 0, false
	}
	var d *desired
	if !r.o.Client.Do(func(db *ovsdb.Database) { d = read(db, r.recall) }) {
		return 0, false
	}
	if d.config.TLS == (stream.Files{}) {
		d.config.TLS = r.o.TLS
	}
	lines := d.warnings
	if !r.begun || d.next != d.current || !reflect.DeepEqual(d.config, r.applied) {
		lines = append(lines, r.apply(d)...)
	} else {
		for line := range r.told { // what Apply had to say still stands
			lines = append(lines, line)
		}
	}
	r.warnOnce(lines)
	stats = stats || !r.begun
	r.begun = true
	r.write(ctx, d, stats)
	r.markReady()
	return d.statsInterval, true
}

// apply makes the switch what d says. The lines are what could not be had.
func (r *Reconciler) apply(d *desired) []string {
	r.applied = d.config
	var lines []string
	if err := r.o.Switch.Apply(d.preferring()); err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	if r.o.Embedded != nil {
		if err := r.o.Embedded.SetManagers(d.remotes()); err != nil {
			lines = append(lines, strings.Split(err.Error(), "\n")...)
		}
	}
	return lines
}

// preferring is the Config with the numbers that ports had before.
func (d *desired) preferring() bridge.Config {
	c, prefer := d.config, d.preferences()
	c.Bridges = make([]bridge.Bridge, len(d.config.Bridges))
	for i, b := range d.config.Bridges {
		list := make([]bridge.Port, len(b.Ports))
		for j, p := range b.Ports {
			p.Prefer = prefer[p.Name]
			list[j] = p
		}
		b.Ports = list
		c.Bridges[i] = b
	}
	return c
}

// warnOnce logs those of the lines that the round before had not.
func (r *Reconciler) warnOnce(lines []string) {
	now := make(map[string]bool, len(lines))
	for _, line := range lines {
		if !r.told[line] && !now[line] {
			r.log.Warn(line)
		}
		now[line] = true
	}
	r.told = now
}

func (r *Reconciler) markReady() {
	select {
	case <-r.ready:
	default:
		close(r.ready)
	}
}

// transact sends what is to be written back. What fails now is tried again with the
// next round, since it still differs then.
func (r *Reconciler) transact(ctx context.Context, ops []ovsdb.Operation) error {
	limited, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	_, err := r.o.Client.Transact(limited, ops...)
	silent := r.silent
	r.silent = false
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, ovsdb.ErrDisconnected):
		return nil // the client logs what becomes of its connection
	case errors.Is(err, context.DeadlineExceeded):
		if r.silent = true; !silent {
			r.log.Warn("the database does not reply to a transaction with the state of the switch, which is sent again until it does", "after", r.limit)
		}
		return err
	}
	r.log.Error("the database does not take the state of the switch", "err", err)
	return err
}

// local is the number of a bridge's own port in column ofport.
const local = 65534

// ofport is an OpenFlow number as column ofport has it.
func ofport(no ofp.PortNo) int64 {
	if no == ofp.PortLocal {
		return local
	}
	return int64(no)
}
