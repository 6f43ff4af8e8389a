package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
	"ofswitch/stream"
	"ofswitch/unixctl"
)

// Embedded is a database in a file, served by this process.
type Embedded struct {
	log     *ovsdb.Log
	server  *ovsdb.Server
	remotes *ovsdb.Remotes
	socket  ovsdb.Remote // where tools of this machine find it
}

// Open opens the database in a file, or makes one there, and serves it on a Unix
// socket. onChange is called when what Managers tells has changed, and must not
// block; nil: nobody wants to know. tls is for managers, whoever sets its files. Errors: somebody else has the file, it cannot be
// read, it is of another kind, the socket cannot be had.
func Open(file, socket string, onChange func(), tls *stream.Credentials, log *slog.Logger) (*Embedded, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, fmt.Errorf("database %s: %w", file, err)
	}
	db, kept, err := ovsdb.OpenLog(file, vswitch.Schema(), log)
	if err != nil {
		return nil, err
	}
	e := &Embedded{log: kept, socket: ovsdb.Remote{Target: "punix:" + socket}}
	if name := db.Schema().Name; name != vswitch.Name {
		return nil, errors.Join(fmt.Errorf("database %s: it is of the kind %s, not %s; name another file with --db", file, name, vswitch.Name), kept.Close())
	}
	if e.server, err = ovsdb.NewServer(db, ovsdb.ServerOptions{Logger: log, Log: kept}); err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	e.remotes = ovsdb.NewRemotes(e.server, tls)
	e.remotes.OnChange = onChange
	if err = e.init(); err == nil {
		err = e.remotes.Set([]ovsdb.Remote{e.socket})
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// init makes the row of table Open_vSwitch, without which there is nothing to
// configure, as `ovs-vsctl init` does.
func (e *Embedded) init() error {
	missing := false
	e.server.Do(func(db *ovsdb.Database) { missing = db.Len("Open_vSwitch") == 0 })
	if !missing {
		return nil
	}
	var params []json.RawMessage
	for _, op := range []ovsdb.Operation{ovsdb.Insert("Open_vSwitch", "", nil), ovsdb.Commit(true)} {
		b, err := json.Marshal(op)
		if err != nil {
			return err
		}
		params = append(params, b)
	}
	if res := e.server.Transact(ovsdb.ParseRequest(params)); res.Changes == nil {
		return fmt.Errorf("the row of table Open_vSwitch cannot be made: %s", res.Reply)
	}
	return nil
}

// Dial is a connection to the database for ovsdb.ClientOptions.
func (e *Embedded) Dial(context.Context) (net.Conn, error) { return e.server.Connect(), nil }

// SetManagers makes the managers list. What cannot be used is told in the error and left
// out.
func (e *Embedded) SetManagers(list []ovsdb.Remote) error {
	list = slices.DeleteFunc(slices.Clone(list), func(r ovsdb.Remote) bool { return r.Target == e.socket.Target })
	return e.remotes.Set(append([]ovsdb.Remote{e.socket}, list...))
}

// RegisterCommands adds the commands of ovsdb-server for ovs-appctl.
func (e *Embedded) RegisterCommands(ctl *unixctl.Server) {
	for _, c := range e.server.Commands(e.remotes) {
		ctl.Register(c.Name, c.Usage, c.Min, c.Max, c.Run)
	}
}

// Managers tells how the managers fare, and the socket.
func (e *Embedded) Managers() []ovsdb.RemoteStatus { return e.remotes.Status() }

// Close ends all connections and closes the file.
func (e *Embedded) Close() error {
	err := e.remotes.Close()
	e.server.Close()
	return errors.Join(err, e.log.Close())
}

// remotes are the managers as ovsdb has them.
func (d *desired) remotes() []ovsdb.Remote {
	list := make([]ovsdb.Remote, len(d.managers))
	for i, m := range d.managers {
		list[i] = m.remote
	}
	return list
}
