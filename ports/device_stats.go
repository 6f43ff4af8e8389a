package ports

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A device's counters are asked for by RTM_GETSTATS: RTM_GETLINK would tell all that
// there is to a device, which costs ten times as much, every few seconds, for each.

// Parts of struct if_stats_msg and rtnl_link_stats64 (linux/if_link.h).
const (
	statsLink64   = 1  // IFLA_STATS_LINK_64
	ifStatsMsgLen = 12 // family u8, padding, ifindex u32, filter_mask u32
	// Which of the 64-bit counters is which.
	statTxDropped  = 7
	statCollisions = 9
	statRxOverErr  = 11
	statRxCRCErr   = 12
	statRxFrameErr = 13
	statsLeast     = 14 // counters that must be there
)

// statistics are the device's own counters, those of them that anybody asks for; nil:
// it is gone, or has none.
func (d *device) statistics() *netlink.LinkStatistics {
	d.mu.Lock()
	if !d.away {
		defer d.mu.Unlock()
		s, err := readStatistics(d.ctl, d.ifindex)
		if err != nil {
			return nil
		}
		return s
	}
	d.mu.Unlock()
	l, err := d.link()
	if err != nil {
		return nil
	}
	return l.Attrs().Statistics
}

// readStatistics asks by sock, a socket for routing, which nobody else uses meanwhile.
func readStatistics(sock, ifindex int) (*netlink.LinkStatistics, error) {
	var b [1024]byte
	native.PutUint32(b[0:], unix.SizeofNlMsghdr+ifStatsMsgLen)
	native.PutUint16(b[4:], unix.RTM_GETSTATS)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST)
	m := b[unix.SizeofNlMsghdr:]
	native.PutUint32(m[4:], uint32(ifindex))
	native.PutUint32(m[8:], 1<<(statsLink64-1))
	if err := unix.Sendto(sock, b[:unix.SizeofNlMsghdr+ifStatsMsgLen], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	// The answer is there when the request has been sent.
	n, _, err := unix.Recvfrom(sock, b[:], unix.MSG_DONTWAIT)
	if err != nil {
		return nil, err
	}
	return parseStatistics(b[:n])
}

var errNoStatistics = errors.New("the kernel's answer holds no counters")

// parseStatistics reads an answer to RTM_GETSTATS.
func parseStatistics(b []byte) (*netlink.LinkStatistics, error) {
	if len(b) < unix.SizeofNlMsghdr+4 {
		return nil, errNoStatistics
	}
	if native.Uint16(b[4:]) == unix.NLMSG_ERROR {
		return nil, fmt.Errorf("reading counters: %w", unix.Errno(-int32(native.Uint32(b[unix.SizeofNlMsghdr:]))))
	}
	if native.Uint16(b[4:]) != unix.RTM_NEWSTATS || len(b) < unix.SizeofNlMsghdr+ifStatsMsgLen {
		return nil, errNoStatistics
	}
	for b = b[unix.SizeofNlMsghdr+ifStatsMsgLen:]; len(b) >= unix.SizeofRtAttr; {
		n := int(native.Uint16(b))
		if n < unix.SizeofRtAttr || n > len(b) {
			break
		}
		if values := b[unix.SizeofRtAttr:n]; native.Uint16(b[2:]) == statsLink64 && len(values) >= statsLeast*8 {
			at := func(i int) uint64 { return native.Uint64(values[i*8:]) }
			return &netlink.LinkStatistics{
				TxDropped: at(statTxDropped), Collisions: at(statCollisions),
				RxOverErrors: at(statRxOverErr), RxCrcErrors: at(statRxCRCErr), RxFrameErrors: at(statRxFrameErr),
			}, nil
		}
		b = b[min((n+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(b)):]
	}
	return nil, errNoStatistics
}
