// Package vsctl is the command language of ovs-vsctl(8): what a command line
// asks of the configuration database, and what is printed of it.
//
// Parse reads a command line into a Line: options, and commands with "--"
// between. Line.Run connects to the database and copies the columns that the
// commands need. All commands run, in order, on a transaction that is laid over
// the copy, so that each sees what those before it have done. What they changed
// is sent as one transaction, in which "wait" operations say which columns it
// rests upon; when somebody else has changed one of them meanwhile, everything is
// done again with the new copy. In the end Run waits until the switch has taken
// over the change.
//
// Commands stand in one table (command.go), their code in a file for each kind.
// Texts and exit statuses are those of ovs-vsctl 3.1; the manual has the
// differences.
package vsctl
