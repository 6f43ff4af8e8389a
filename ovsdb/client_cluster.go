package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Why a member of a cluster is not used; the next may be better.
var (
	errNotJoined   = errors.New("the server has not yet joined its cluster")
	errPartitioned = errors.New("the server is not connected to its cluster")
	errNotLeader   = errors.New("the server does not lead its cluster")
	errStale       = errors.New("the server's copy of the database is older than what we have seen")
)

// aboutColumns are what we want to know of a server (ovsdb-server(5)).
var aboutColumns = map[string][]string{"Database": {"name", "model", "connected", "leader", "schema", "cid", "index"}}

// monitorServer asks the server about itself, now and on. Servers before Open
// vSwitch 2.9 have no database "_Server": they are in no cluster.
func (s *clientSession) monitorServer(ctx context.Context) error {
	var about *replica
	err := s.call(ctx, "get_schema", []string{"_Server"}, func(text json.RawMessage) error {
		var err error
		about, _, err = newReplica(text, aboutColumns)
		return err
	})
	if refusedByServer(err) {
		s.c.setServer(true, UUID{})
		return nil
	}
	if err != nil {
		return fmt.Errorf("the schema of database _Server: %w", err)
	}
	err = s.call(ctx, "monitor_cond", []any{"_Server", serverMonitor, about.requests()}, func(reply json.RawMessage) error {
		if err := about.refill(reply, updateDiff); err != nil {
			return err
		}
		s.about = about
		return s.checkServer()
	})
	if err != nil {
		return fmt.Errorf("database _Server: %w", err)
	}
	return nil
}

func (c *Client) setServer(leader bool, cluster UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Leader, c.status.Cluster = leader, cluster
}

// checkServer says why the server is no good, or no longer.
func (s *clientSession) checkServer() error {
	t := s.about.schema.Tables["Database"]
	if t == nil {
		return errors.New("it has no table Database")
	}
	get := func(r *Row, column string) (Atom, bool) {
		d := r.Get(t.Column(column))
		if d.Len() == 0 {
			return Atom{}, false
		}
		return d.Keys[0], true
	}
	var row *Row
	s.about.db.Each(t.Name, func(r *Row) bool {
		if name, _ := get(r, "name"); name.Str == s.c.o.Database {
			row = r
		}
		return row == nil
	})
	if row == nil {
		return fmt.Errorf("the server has no database %s", s.c.o.Database)
	}
	model, _ := get(row, "model")
	connected, _ := get(row, "connected")
	leader, _ := get(row, "leader")
	schema, hasSchema := get(row, "schema")
	cid, _ := get(row, "cid")
	index, _ := get(row, "index")
	if model.Str == "clustered" || model.Str == "relay" {
		switch {
		case !hasSchema:
			return errNotJoined
		case connected.Int == 0:
			return errPartitioned
		}
	}
	if model.Str == "clustered" {
		if leader.Int == 0 && !s.c.o.AnyMember {
			return errNotLeader
		}
		if err := s.c.checkCluster(cid.UUID, index.Int); err != nil {
			return err
		}
	}
	if s.schema != nil && *s.schema != schema.Str {
		return errors.New("the schema of the database has changed")
	}
	s.schema = &schema.Str
	s.c.setServer(leader.Int != 0 || model.Str != "clustered", cid.UUID)
	return nil
}

// checkCluster refuses servers of another cluster than the first, and those
// whose log ends before what we have seen of another member.
func (c *Client) checkCluster(cid UUID, index int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.cluster.IsZero() && cid != c.cluster:
		return fmt.Errorf("the server belongs to cluster %s and not to %s as those before", cid, c.cluster)
	case index < c.minIndex:
		return errStale
	}
	c.cluster, c.minIndex = cid, index
	return nil
}
