package bridge

// Policing bounds what a port receives; the rest is dropped and counted as
// rx_dropped (columns ingress_policing_* of table Interface). The zero Policing:
// no bound.
type Policing struct {
	Rate, Burst uint32 // kbit/s, kbit; Burst 0: 8000
	KPktsRate   uint32 // thousands of packets a second
	KPktsBurst  uint32 // thousands of packets; 0: 16
}
