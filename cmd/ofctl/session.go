package main

import (
	"errors"
	"fmt"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// session is one command's dealing with one switch. It connects when that is
// first needed, so that what is wrong with the arguments is found before, and
// asks for port names only when one is used.
type session struct {
	common
	target target
	c      *client
	ports  *text.Ports
	tables *text.Tables
	err    error // why names could not be had, while text was being parsed
}

// newSession prepares a session with the switch that the user names.
func newSession(o common, name string) (*session, error) {
	t, err := parseTarget(name, o, ".mgmt")
	if err != nil {
		return nil, err
	}
	return &session{common: o, target: t}, nil
}

// client is the connection.
func (s *session) client() (*client, error) {
	if s.c == nil {
		c, err := connect(s.target, s.Timeout)
		if err != nil {
			return nil, err
		}
		s.c = c
	}
	return s.c, nil
}

// Close ends the session.
func (s *session) Close() {
	if s.c != nil {
		// Nothing was being sent: there is nothing to do about an error.
		_ = s.c.Close()
	}
}

// portDescs asks for the descriptions of all ports.
func (s *session) portDescs() ([]ofp.PortDesc, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	list, err := entries[*ofp.PortDesc](c, ofp.MultipartPortDesc, nil)
	if err != nil {
		return nil, s.explain("port descriptions", err)
	}
	descs := make([]ofp.PortDesc, len(list))
	for i, d := range list {
		descs[i] = *d
	}
	return descs, nil
}

// loadPorts gets the names of the ports, once.
func (s *session) loadPorts() (*text.Ports, error) {
	if s.ports == nil {
		descs, err := s.portDescs()
		if err != nil {
			return nil, err
		}
		s.ports = text.NewPorts(descs)
	}
	return s.ports, nil
}

// resolver finds ports by name for the text package; nil with --no-names.
func (s *session) resolver() text.Resolver {
	if s.NoNames {
		return nil
	}
	return func(name string) (uint32, bool) {
		ports, err := s.loadPorts()
		if err != nil {
			s.err = err
			return 0, false
		}
		return ports.Number(name)
	}
}

// flowFormat is format with the names of flow tables, too.
func (s *session) flowFormat(stats bool) (text.Options, error) {
	o, err := s.format(stats)
	if err != nil || !s.Names {
		return o, err
	}
	tables, err := s.loadTables()
	if err != nil {
		return o, err
	}
	o.Tables = tables.Name
	return o, nil
}

// loadTables gets the names of the flow tables, once. A switch that does not
// tell features of tables has tables without names.
func (s *session) loadTables() (*text.Tables, error) {
	if s.tables == nil {
		c, err := s.client()
		if err != nil {
			return nil, err
		}
		features, err := entries[*ofp.TableFeatures](c, ofp.MultipartTableFeatures, nil)
		if err != nil && !errors.As(err, new(*ofp.ErrorMsg)) {
			return nil, err
		}
		s.tables = text.NewTables(features)
	}
	return s.tables, nil
}

// tableResolver finds flow tables by name for the text package; nil with
// --no-names.
func (s *session) tableResolver() text.TableResolver {
	if s.NoNames {
		return nil
	}
	return func(name string) (ofp.TableID, bool) {
		tables, err := s.loadTables()
		if err != nil {
			s.err = err
			return 0, false
		}
		return tables.Number(name)
	}
}

// parsed adds to what is wrong with a text that names of ports could not be had,
// if that may be why.
func (s *session) parsed(err error) error {
	if err != nil && s.err != nil {
		return fmt.Errorf("%w (and the names of the switch's ports and tables are not known: %w)", err, s.err)
	}
	return err
}

// port reads a port's number or name.
func (s *session) port(word string) (ofp.PortNo, error) {
	port, err := text.ParsePort(word, s.resolver())
	return port, s.parsed(err)
}

// format are the printing options, with port names if they are wanted.
func (s *session) format(stats bool) (text.Options, error) {
	o := text.Options{Stats: stats}
	if s.Names {
		ports, err := s.loadPorts()
		if err != nil {
			return o, err
		}
		o.Names = ports.Name
	}
	return o, nil
}

// explain makes an error for people of what the switch answered.
func (s *session) explain(what string, err error) error {
	m := (*ofp.ErrorMsg)(nil)
	if !errors.As(err, &m) {
		return err
	}
	return fmt.Errorf("%s: the switch refused %s: %s", s.target.text, what, errorText(m))
}

// errorText is an error message's code and what it means.
func errorText(m *ofp.ErrorMsg) string {
	c := m.ErrCode()
	s := fmt.Sprintf("%v, %v", m.ErrType, c)
	if t := ofp.CodeText(c); t != "" {
		s += ": " + t
	}
	return s
}

// filter reads the flow that dump-flows and dump-aggregate may have been given.
func (s *session) filter(filter string) (*ofp.FlowStatsRequest, error) {
	req, err := text.ParseFlowFilter(filter, text.ParseOptions{Ports: s.resolver(), Tables: s.tableResolver()})
	return req, s.parsed(err)
}
