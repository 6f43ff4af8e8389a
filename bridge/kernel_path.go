package bridge

import (
	"fmt"
	"strings"

	"ofswitch/ports/kernelpath"
)

// openKernelPath makes the kernel's table of flows, if it can be had.
func (s *Switch) openKernelPath() {
	if s.opts.NoKernelPath {
		return
	}
	t, err := kernelpath.Open()
	if err != nil {
		s.log.Info("the kernel forwards no frames by itself", "reason", err)
		return
	}
	s.kernel = t
}

// closeKernelPath ends it, after the ports and the datapath.
func (s *Switch) closeKernelPath() {
	if s.kernel == nil {
		return
	}
	if err := s.kernel.Close(); err != nil {
		s.log.Error("closing the kernel's table of flows", "err", err)
	}
}

// showKernelPath is kernel-path/show.
func (s *Switch) showKernelPath(args []string) (string, error) {
	if len(args) > 0 {
		if _, err := s.bridge(args[0]); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-15s  %-15s  %7s  %7s  %s\n", "bridge", "port", "flows", "active", "kernel path")
	for _, p := range s.dp.KernelPorts() {
		if len(args) > 0 && p.Bridge != args[0] {
			continue
		}
		can := "yes"
		if p.Why != "" {
			can = "no: " + p.Why
		}
		fmt.Fprintf(&b, "%-15s  %-15s  %7d  %7d  %s\n", p.Bridge, p.Name, p.Flows, p.Active, can)
	}
	return b.String(), nil
}
