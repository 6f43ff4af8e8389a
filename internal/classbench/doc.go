// Package classbench reads rule sets as ClassBench's filter set generator writes
// them (Taylor and Turner, "ClassBench: A Packet Classification Benchmark",
// IEEE/ACM ToN 2007), turns them into OpenFlow matches, and makes traces of
// frames that hit them.
package classbench
