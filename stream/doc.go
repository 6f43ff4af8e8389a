// Package stream is how the switch's protocols reach their peers: targets in
// Open vSwitch's notation, Unix sockets that belong to one process, and TLS.
//
// # Targets
//
// ParseActive reads what is dialled ("tcp:", "ssl:", "unix:"), ParsePassive what
// is listened on ("ptcp:", "pssl:", "punix:"). An Endpoint is the same for both.
//
// # TLS
//
// As with Open vSwitch, both ends present a certificate and check the other's
// against one CA: who has a certificate of that CA may connect, in either
// direction. Host names are not compared with certificates, since controllers
// are mostly given by address. So the CA must be one that serves the switches and
// their controllers alone, never a public one. Versions before TLS 1.2
// are refused.
//
// Credentials hold the files' contents and look at the files again at each
// handshake: they may be replaced at any time, one by one, and what cannot be used
// leaves the last good ones in force. Connections that are up go on.
//
// A handshake is never part of dialling or accepting, which would let a slow peer
// hold up others: Handshake does it, in the goroutine that owns the connection.
//
// # Goroutines
//
// None.
package stream
