// Package jsonrpc speaks JSON-RPC 1.0 over a byte stream, as ovs-appctl's
// protocol (package unixctl) and OVSDB (RFC 7047 §4) use it: JSON objects one
// after the other with nothing between them but white space, both ends free to
// send requests, notifications and replies at any time.
//
// # Layers
//
//   - Decoder cuts a stream into JSON objects and bounds their size and
//     nesting before anything is parsed. It reads the stream byte by byte as it
//     comes and never waits for more than the closing brace.
//   - Message is one request, notification, reply or error, parsed strictly:
//     unknown members and members of the wrong shape are refused.
//   - Conn sends and receives messages. One goroutine reads; any number write.
//   - Peer adds calls that wait for their reply, and a handler for what the
//     other end asks.
//
// # Goroutines
//
// The package starts none. The owner of a Peer runs Peer.Serve in a goroutine
// of its own; Conn.Close stops it, and the owner waits for it.
package jsonrpc
