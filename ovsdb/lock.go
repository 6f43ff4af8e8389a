package ovsdb

import "slices"

// locks are the named locks of a server (RFC 7047 §4.1.8). A client holds a
// lock or waits for it in line; who steals it goes before all.
type locks struct {
	lines map[string][]*session // the first holds it
}

// request puts s at the end of the line, or before all if it steals. It says
// whether s holds the lock now, and who lost it by that.
func (l *locks) request(name string, s *session, steal bool) (holds bool, loser *session) {
	if l.lines == nil {
		l.lines = make(map[string][]*session)
	}
	line := l.lines[name]
	if steal {
		if len(line) > 0 {
			loser = line[0]
		}
		l.lines[name] = slices.Insert(line, 0, s)
		return true, loser
	}
	l.lines[name] = append(line, s)
	return len(line) == 0, nil
}

// release takes s out of the line. It says who holds the lock by that, and
// whether s was in line at all.
func (l *locks) release(name string, s *session) (winner *session, was bool) {
	line := l.lines[name]
	i := slices.Index(line, s)
	if i < 0 {
		return nil, false
	}
	line = slices.Delete(line, i, i+1)
	if len(line) == 0 {
		delete(l.lines, name)
		return nil, true
	}
	l.lines[name] = line
	if i == 0 {
		winner = line[0]
	}
	return winner, true
}

func (l *locks) holds(name string, s *session) bool {
	line := l.lines[name]
	return len(line) > 0 && line[0] == s
}

func (l *locks) inLine(name string, s *session) bool { return slices.Contains(l.lines[name], s) }

// of lists the locks that s holds or waits for.
func (l *locks) of(s *session) []string {
	var names []string
	for name := range l.lines {
		if l.inLine(name, s) {
			names = append(names, name)
		}
	}
	return names
}
