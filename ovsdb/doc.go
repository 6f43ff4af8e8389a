// Package ovsdb is the configuration database: RFC 7047 with the extensions
// that Open vSwitch's tools use.
//
// # Basic design
//
// A Schema describes tables and columns. A Datum is the value of a column: a
// sorted set of Atoms, or a map; a scalar is a set of one. Datums and rows are
// immutable: whoever holds one may read it from any goroutine for ever.
//
// A Database holds the committed rows. Run carries out the operations of one
// Request on a Txn, which overlays the rows that it touches; at its end the
// commit counts references, collects rows that nothing refers to any more,
// drops dangling weak references, and checks limits and indexes. Either all of
// that holds and the rows are replaced at once, or nothing has changed.
//
// What a commit changed is a Changes: monitors, the log on disk and whoever
// configures the switch from the database all read the same one.
//
// A Log keeps the database in a file, in ovsdb-server's standalone format. A
// Server lets clients in: transactions, monitors, locks.
//
// A Client is the other side: it keeps a copy of chosen columns as a Database of
// its own, kept up to date by a monitor, and sends transactions, built by Insert,
// Update and so on. It connects to the Server of its own process through a pipe, or
// to ovsdb-server, and follows the leader of a cluster.
//
// # Where things are
//
//	schema*.go basetype.go                  what may be: tables, columns, types
//	atom.go datum*.go uuid.go text*.go      values, as JSON and as people write them
//	object.go json_writer.go                JSON
//	database.go row.go                      what is committed
//	transact.go operations.go condition.go  transactions
//	mutation.go txn.go commit.go result.go
//	build.go                                a client's operations
//	log*.go file_lock.go                    the file
//	server*.go session*.go remotes.go       the server, its clients and where they come from
//	monitor.go lock.go commands.go
//	client*.go                              the client
//	error.go                                errors, as they are sent
//
// # Goroutines
//
// One a client that writes what is queued for it, besides the one that called
// Server.Serve. Remotes have one for each listener, and one for each connection and
// manager, which calls Serve; Set and Close wait for those that end. The time limit
// of a "wait" operation runs its transaction on a timer's. One more has durable
// commits on disk before they are answered; those that come meanwhile share its
// next round. A Client has one, and two
// more while it is connected: what the server tells is applied in order by the one
// that reads, before the reply to the transaction that caused it is handed on.
//
// # Errors
//
// A refused operation gives an *Error with the tag of RFC 7047 §3.1 or §5.2
// ("constraint violation", "referential integrity violation" ...) and a text for
// persons. Errors of this package never end a connection.
package ovsdb
