package ovsdb

import "net"

// Connect is a connection to the server within the process: the switch is a
// client of its own database as of any other. Close ends it.
func (s *Server) Connect() net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		if err := s.Serve(theirs); err != nil {
			s.log.Debug("connection within the process closed", "reason", err)
		}
	}()
	return ours
}
