package unixctl

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sort"
	"strings"
)

// command is one registered command; immutable.
type command struct {
	usage    string
	min, max int
	fn       func(args []string) (string, error)
}

// Register adds a command. usage names its arguments for list-commands, as in
// "bridge [port]"; it takes min to max arguments. fn gives the text of the
// reply or of the error; a newline is added where it has none at its end. It
// runs in a goroutine of the server, one command at a time. A name that was
// registered before is replaced.
func (s *Server) Register(name, usage string, min, max int, fn func(args []string) (string, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands[name] = &command{usage: usage, min: min, max: max, fn: fn}
}

// check refuses calls in the words of Open vSwitch. c is nil for an unknown
// command.
func (c *command) check(name string, args int) error {
	switch {
	case c == nil:
		return fmt.Errorf("\"%s\" is not a valid command (use \"list-commands\" to see a list of valid commands)", name)
	case args < c.min:
		return fmt.Errorf("\"%s\" command requires at least %d arguments", name, c.min)
	case args > c.max:
		return fmt.Errorf("\"%s\" command takes at most %d arguments", name, c.max)
	}
	return nil
}

// run carries the command out. A fault of ours in it costs the command, not the
// program.
func (c *command) run(name string, args []string) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			slog.Error("a command failed for a fault of the program", "command", name, "panic", r, "stack", string(debug.Stack()))
			text, err = "", fmt.Errorf("\"%s\" failed for a fault of the program, which its log tells", name)
		}
	}()
	return c.fn(args)
}

// builtin registers what every program has.
func (s *Server) builtin() {
	s.Register("list-commands", "", 0, 0, func([]string) (string, error) { return s.list(), nil })
	s.Register("version", "", 0, 0, func([]string) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.version, nil
	})
}

func (s *Server) list() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.commands))
	for name := range s.commands {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString("The available commands are:\n")
	for _, name := range names {
		fmt.Fprintf(&b, "  %-23s %s\n", name, s.commands[name].usage)
	}
	return b.String()
}
