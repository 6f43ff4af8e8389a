// Package garbage plays the OpenFlow peers that nobody wants: they send random
// bytes, messages cut short, lengths that lie and messages out of order, ask
// for much and never read, or come by the thousand. Tests and benchmarks set
// them on the switch.
//
// Nothing that they send is a valid command, so a switch that they have been at
// is as it was before: see [Harmless].
package garbage
