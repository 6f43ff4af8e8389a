// Package differential sends the same OpenFlow messages, valid and broken, to
// this switch and to Open vSwitch, and compares what they answer and what they
// become. It holds tests only; they need root and Open vSwitch.
//
// A world is a short story: both switches are emptied, some valid messages fill
// them, then come messages of which about half are damaged in one place.
// Messages are made as trees of length-prefixed elements (tree_test.go), by
// generators of each kind (make_*_test.go), and damaged by the rules of
// damage_test.go. Answers are brought into a form in which durations, counters,
// transaction ids and the order of flows do not show (normal_test.go). What
// differs is explained by a row of the table in differences_test.go, which
// docs/conformance.md repeats, or is a defect.
//
// Random bridges with VLAN modes, bonds and mirrors are given to both as well, and the
// same frames: what comes out where must be the same (l2_*_test.go). Left out is what
// Open vSwitch does by mistake: with a service tag in front of two tags it loses the
// last, and it forgets a mirror's snaplen in the middle of a flood whose frames are
// mirrored themselves; and what hangs on the order in which it serves ports and mirrors.
package differential
