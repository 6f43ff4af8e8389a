package bridge

import (
	"fmt"
	"slices"
	"strings"

	"ofswitch/ofswitch"
	"ofswitch/unixctl"
)

// RegisterCommands adds the switch's commands for ovs-appctl and ofctl.
func (s *Switch) RegisterCommands(srv *unixctl.Server) {
	s.registerFDB(srv)
	s.registerTrace(srv)
	s.registerFlows(srv)
	s.registerDatapath(srv)
	s.registerThreads(srv)
	s.registerPorts(srv)
	s.registerCoverage(srv)
	srv.Register("kernel-path/show", "[bridge]", 0, 1, s.showKernelPath)
	srv.Register("isolation/show", "[bridge]", 0, 1, func(args []string) (string, error) {
		if len(args) > 0 {
			if _, err := s.bridge(args[0]); err != nil {
				return "", err
			}
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%-15s  %-15s  %s\n", "bridge", "port", "isolation")
		for _, p := range s.Ports() {
			if p.Isolation != "" && (len(args) == 0 || p.Bridge == args[0]) {
				fmt.Fprintf(&b, "%-15s  %-15s  %s\n", p.Bridge, p.Name, p.Isolation)
			}
		}
		return b.String(), nil
	})
}

// bridge finds a bridge for a command.
func (s *Switch) bridge(name string) (*ofswitch.Bridge, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lb := s.bridges[name]
	if lb == nil {
		return nil, fmt.Errorf("no such bridge %.100q; there are: %s", name, strings.Join(sortedKeys(s.bridges), ", "))
	}
	return lb.of, nil
}

// withBridge is a command whose first argument names a bridge. Where there is no
// such bridge the answer is none, in the words of Open vSwitch.
func (s *Switch) withBridge(none error, fn func(of *ofswitch.Bridge, args []string) (string, error)) func([]string) (string, error) {
	return func(args []string) (string, error) {
		of, err := s.bridge(args[0])
		if err != nil {
			return "", none
		}
		return fn(of, args[1:])
	}
}

// eachBridge is a command for one bridge, or for all. Each says the same.
func (s *Switch) eachBridge(none error, fn func(of *ofswitch.Bridge) string) func([]string) (string, error) {
	return func(args []string) (text string, err error) {
		names := args
		if len(names) == 0 {
			names = s.Bridges()
		}
		for _, name := range names {
			of, err := s.bridge(name)
			if err != nil && len(args) > 0 {
				return "", none
			}
			if err == nil {
				text = fn(of)
			}
		}
		return text, nil
	}
}

// answer is an error in the words of Open vSwitch, which begin as they like.
func answer(format string, args ...any) error {
	return &unixctl.CommandError{Text: fmt.Sprintf(format, args...)}
}

// takeOption takes a word out of the arguments, and says whether it was there.
func takeOption(args *[]string, names ...string) bool {
	n := len(*args)
	*args = slices.DeleteFunc(slices.Clone(*args), func(a string) bool { return slices.Contains(names, a) })
	return len(*args) < n
}

// portNames gives the names of a bridge's ports.
func portNames(of *ofswitch.Bridge) func(uint32) string {
	names := map[uint32]string{}
	for _, d := range of.PortDescs() {
		names[uint32(d.Port)] = d.Name
	}
	return func(no uint32) string { return names[no] }
}
