package ovsdb

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Command is a command of ovsdb-server's for ovs-appctl (ovsdb-server(1), "RUNTIME
// MANAGEMENT COMMANDS").
type Command struct {
	Name     string
	Usage    string // of its arguments
	Min, Max int    // how many there may be
	Run      func(args []string) (string, error)
}

// Commands are those that make sense for a server of one database, whose remotes
// its table of managers sets. r may be nil.
func (s *Server) Commands(r *Remotes) []Command {
	return []Command{
		{"ovsdb-server/compact", "[DB]", 0, 1, func(args []string) (string, error) { return "", s.compact(args) }},
		{"ovsdb-server/list-dbs", "", 0, 0, func([]string) (string, error) { return textLines(s.names()), nil }},
		{"ovsdb-server/get-db-storage-status", "DB", 1, 1, func(args []string) (string, error) { return s.storageStatus(args[0]) }},
		{"ovsdb-server/list-remotes", "", 0, 0, func([]string) (string, error) {
			var list []string
			if r != nil {
				for _, m := range r.Status() {
					list = append(list, m.Target)
				}
			}
			return textLines(list), nil
		}},
		{"ovsdb-server/reconnect", "", 0, 0, func([]string) (string, error) { s.Reconnect(); return "", nil }},
		{"ovsdb-server/sync-status", "", 0, 0, func([]string) (string, error) { return "state: active\n", nil }},
	}
}

func textLines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

// names are those of the databases, in order.
func (s *Server) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.dbs))
}

// compact compacts the databases that args name; none: all.
func (s *Server) compact(args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range args {
		switch h := s.dbs[name]; {
		case h == nil:
			return errors.New("no database by that name")
		case h.readOnly:
			return errors.New("cannot compact built-in databases")
		}
	}
	for _, h := range s.dbs {
		if !h.readOnly && s.o.Log != nil {
			if err := s.o.Log.Compact(h.Database); err != nil {
				return err
			}
		}
	}
	return nil
}

// storageStatus tells whether what is committed to a database comes to its file.
func (s *Server) storageStatus(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dbs[name] == nil {
		return "", errors.New("failed to find the database")
	}
	if s.refused != nil && !s.dbs[name].readOnly {
		return "status: " + s.refused.Error() + "\n", nil
	}
	return "status: ok\n", nil
}

// Reconnect ends all connections; clients connect again.
func (s *Server) Reconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		c.leave(errReconnect)
	}
}
