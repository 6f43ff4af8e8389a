package bridge

import (
	"fmt"

	"ofswitch/stream"
)

// NeedsTLS names the first target of the configuration that is one over TLS, ""
// if there is none.
func (c *Config) NeedsTLS() string {
	for i := range c.Bridges {
		for _, l := range c.Bridges[i].Controllers {
			if stream.UsesTLS(l.Target) {
				return l.Target
			}
		}
		for _, l := range c.Bridges[i].Listeners {
			if stream.UsesTLS(l.Target) {
				return l.Target
			}
		}
	}
	return ""
}

// Credentials are what all bridges use for TLS, with the files that Apply sets.
func (s *Switch) Credentials() *stream.Credentials { return s.tls }

// applyTLSLocked sets the files. The error says why TLS targets do not work as
// yet; they do as soon as the files are mended.
func (s *Switch) applyTLSLocked(c *Config) error {
	if err := s.tls.Set(c.TLS); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	if target := c.NeedsTLS(); target != "" {
		if err := c.TLS.Check(); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return nil
}
