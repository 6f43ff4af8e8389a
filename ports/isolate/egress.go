package isolate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Attributes of a chain's hook (linux/netfilter/nf_tables.h), and the number of the egress hook
// (enum nf_dev_hooks).
const (
	nftaHookDevs     = 4
	nftaDeviceName   = 1
	nftaDevicePrefix = 2
	hookEgress       = 1
)

// EgressChains says for which devices of the calling thread's network namespace nftables has chains at the egress
// hook: frames that a TC program has redirected do not meet them.
func EgressChains() (devices func(name string) bool, err error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	list, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETCHAIN), Flags: netlink.Request | netlink.Dump},
		Data:   []byte{unix.NFPROTO_NETDEV, unix.NFNETLINK_V0, 0, 0},
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) { // a kernel without nftables
		return func(string) bool { return false }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing chains: %w", err)
	}
	names, prefixes := map[string]bool{}, []string(nil)
	for _, m := range list {
		if err := egressDevices(m.Data, names, &prefixes); err != nil {
			return nil, fmt.Errorf("a chain: %w", err)
		}
	}
	return func(name string) bool {
		if names[name] {
			return true
		}
		for _, p := range prefixes {
			if strings.HasPrefix(name, p) {
				return true
			}
		}
		return false
	}, nil
}

// egressDevices adds the devices of a chain, a message behind the netlink header, if it is at the egress hook.
func egressDevices(b []byte, names map[string]bool, prefixes *[]string) error {
	if len(b) < 4 { // struct nfgenmsg
		return errors.New("too short")
	}
	ad, err := netlink.NewAttributeDecoder(b[4:])
	if err != nil {
		return err
	}
	var table string
	var hook []byte
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_CHAIN_TABLE:
			table = ad.String()
		case unix.NFTA_CHAIN_HOOK:
			hook = ad.Bytes()
		}
	}
	if err := ad.Err(); err != nil || hook == nil || strings.HasPrefix(table, ownTables()) {
		return err
	}
	h, err := netlink.NewAttributeDecoder(hook)
	if err != nil {
		return err
	}
	return errors.Join(egressHookDevices(h, names, prefixes), h.Err())
}

func egressHookDevices(h *netlink.AttributeDecoder, names map[string]bool, prefixes *[]string) error {
	h.ByteOrder = binary.BigEndian
	hook, list, more := uint32(0), []string(nil), []string(nil)
	name := func(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }
	for h.Next() {
		switch h.Type() {
		case unix.NFTA_HOOK_HOOKNUM:
			hook = h.Uint32()
		case unix.NFTA_HOOK_DEV:
			list = append(list, name(h.Bytes()))
		case nftaHookDevs:
			h.Nested(func(d *netlink.AttributeDecoder) error {
				for d.Next() {
					switch d.Type() {
					case nftaDeviceName:
						list = append(list, name(d.Bytes()))
					case nftaDevicePrefix:
						more = append(more, name(d.Bytes()))
					}
				}
				return nil
			})
		}
	}
	if hook == hookEgress {
		for _, n := range list {
			names[n] = true
		}
		*prefixes = append(*prefixes, more...)
	}
	return nil
}
