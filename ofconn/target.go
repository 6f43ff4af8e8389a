package ofconn

import "ofswitch/stream"

// DefaultPort is OpenFlow's TCP port, with TLS or without (OpenFlow 1.3.5
// §6.3.3).
const DefaultPort = 6653

// endpoint is a parsed target.
type endpoint = stream.Endpoint

// parseActive reads "tcp:HOST[:PORT]", "ssl:HOST[:PORT]" or "unix:PATH".
func parseActive(target string) (endpoint, error) {
	return stream.ParseActive("controller", target, DefaultPort)
}

// parsePassive reads "ptcp:[PORT][:ADDRESS]", "pssl:[PORT][:ADDRESS]" or
// "punix:PATH".
func parsePassive(target string) (endpoint, error) {
	return stream.ParsePassive("listener", target, DefaultPort)
}
