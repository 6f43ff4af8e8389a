// Package flow knows the header fields of OpenFlow 1.3: where each one lies in
// a Key, how it travels as OXM, how it is written as text, and what must hold
// before it may be matched. One table (Table) says all that; extraction,
// matches, text and the wire codec read it.
//
// Extract turns a frame into a Key without allocating; Compose makes a frame of
// the fields of one. A Match is a set of frames: a value and a mask over the
// same words. Matches are read and written in the syntax of ovs-ofctl.
package flow
