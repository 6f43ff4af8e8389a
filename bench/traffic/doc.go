// Package traffic offers frames to a switch under test and counts what comes
// out of it.
//
// # Why not sockets at both ends
//
// On a machine with two processors the generator, the switch and the sink share
// them, and frames sent by a socket cost more than a good switch spends on
// them: the generator would be the wall. So the work at both ends is done where
// it costs least. A [Generator] has the kernel make frames in place
// (BPF_PROG_TEST_RUN with live frames, Linux 5.18) and hand them to the host's
// end of the veth pair, several times as many as any switch here takes; a [Sink]
// is a program at the ingress hook of the other host's device, which looks at
// each frame and drops it before the host's stack spends anything on it. No
// process has to be woken for either.
//
// Both ends cost the same whatever switch is between them. The frames themselves
// are made on the generator's processor, which is also where the kernel brings
// them to the switch's port.
//
// # What is counted
//
// Each frame carries its flow and a number that never falls. The sink counts
// frames, those with a number no higher than the last of their flow (reordered
// or doubled), those with a wrong IPv4 or UDP checksum, and foreign ones. GSO
// packets count as their segments.
package traffic
