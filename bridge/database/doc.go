// Package database keeps a switch what a configuration database says it shall be,
// and the database informed of how the switch is: what ovs-vswitchd does for the
// schema Open_vSwitch, described in ovs-vswitchd.conf.db(5).
//
// # Basic design
//
// It is a loop of three steps, in a [Reconciler]:
//
//   - read makes a bridge.Config of the rows. It is a pure function: the same rows
//     give the same Config, in whatever order and by whatever edits they came. What
//     cannot be is left out, and its row noted with the reason, so that one bad row
//     harms no other.
//   - bridge.Switch.Apply makes the Config true, by difference. It is called when
//     the Config is another one than before, or somebody waits for it (next_cfg);
//     writing back does not change the Config, so it calls for nothing.
//   - write compares what bridge.Switch.State tells with the columns that are the
//     switch's to write, and puts those that differ, with cur_cfg, into one
//     transaction: who waits for cur_cfg sees ofport and error as well.
//
// The database is always reached through one ovsdb.Client: over a pipe to the
// [Embedded] server of this process, or dialled.
//
// # Goroutines
//
// Reconciler.Run is the loop and belongs to who calls it; everything that reads
// rows or writes them back happens there. Embedded has one that serves the client's
// end of the pipe, and those of its ovsdb.Remotes.
package database
