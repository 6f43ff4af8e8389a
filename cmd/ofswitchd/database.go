package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"ofswitch/bridge"
	"ofswitch/bridge/database"
	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
	"ofswitch/stream"
)

// defaultDB is the file of the database where --db does not name another.
const defaultDB = "/var/lib/ofswitch/conf.db"

// dbOption is --db, read: a file, or servers, or neither.
type dbOption struct {
	file    string
	targets []string // of one database: the members of a cluster, commonly
}

func (d *dbOption) none() bool { return d.file == "" && len(d.targets) == 0 }

// parseDB reads --db.
func parseDB(s string) (d dbOption, err error) {
	if s == "none" {
		return d, nil
	}
	if strings.HasPrefix(s, "unix:") || strings.HasPrefix(s, "tcp:") || strings.HasPrefix(s, "ssl:") {
		for _, target := range strings.Split(s, ",") {
			if _, err := stream.ParseActive("database", target, ovsdb.DefaultPort); err != nil {
				return d, err
			}
			d.targets = append(d.targets, target)
		}
		return d, nil
	}
	if _, err := os.Stat(s); err == nil || strings.Contains(s, "/") {
		return dbOption{file: s}, nil
	}
	return d, fmt.Errorf("--db %s: want a file (one that exists, or a path with a slash), unix:PATH, tcp:HOST[:PORT], ssl:HOST[:PORT], or none", s)
}

// dbLink is what joins the switch and its database.
type dbLink struct {
	embedded *database.Embedded // nil: the database is somebody else's
	client   *ovsdb.Client
	r        *database.Reconciler
	cancel   context.CancelFunc
	done     chan struct{}
	log      *slog.Logger
}

// changes has an element when something has changed since the last was taken.
type changes chan struct{}

func (c changes) tell() {
	select {
	case c <- struct{}{}:
	default: // it is known already
	}
}

// startDatabase opens the database and begins to keep sw what it says.
func startDatabase(o *options, sw *bridge.Switch, changed changes, log *slog.Logger) (*dbLink, error) {
	l := &dbLink{done: make(chan struct{}), log: log}
	co := ovsdb.ClientOptions{Targets: o.db.targets, Database: vswitch.Name, Lock: database.Lock, Logger: log}
	if o.db.file != "" {
		var err error
		if l.embedded, err = database.Open(o.db.file, filepath.Join(o.runDir, "db.sock"), changed.tell, sw.Credentials(), log); err != nil {
			return nil, err
		}
		co.Dial = l.embedded.Dial
	} else {
		co.TLS = stream.NewCredentials(log)
		if err := co.TLS.Set(o.config.TLS); err != nil {
			return nil, err
		}
	}
	l.client = ovsdb.NewClient(co)
	l.r = database.New(database.Options{
		Client: l.client, Switch: sw, Changed: changed, Embedded: l.embedded,
		TLS: o.config.TLS, RunDir: o.runDir, Logger: log,
	})
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(l.done)
		l.r.Run(ctx)
	}()
	return l, nil
}

// stop ends what startDatabase began and waits for it.
func (l *dbLink) stop() {
	l.cancel()
	<-l.done
	err := l.client.Close()
	if l.embedded != nil {
		err = errors.Join(err, l.embedded.Close())
	}
	if err != nil {
		l.log.Error("database not closed cleanly", "err", err)
	}
}
