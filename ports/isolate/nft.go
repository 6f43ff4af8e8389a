package isolate

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// NFT_TABLE_F_OWNER (linux/netfilter/nf_tables.h): the table belongs to the
// netlink socket that made it and goes when that is closed.
const tableOwner = 0x2

// egressHook lets a test play a kernel that has no egress hook.
var egressHook = nftables.ChainHookEgress

// attachNFT makes a table with a chain at each hook. Both are wanted when
// needEgress is set; else a kernel without the egress hook gets ingress alone.
//
// The kernel refuses changes to an owned table from any socket but its
// owner's, so everything goes over one socket, which is held until Close. The
// nftables library opens that socket and makes chains and rules; the message
// that makes the table is ours, since the library sends no table flags.
func attachNFT(ifindex int, ifname string, needEgress bool) (*Isolation, error) {
	// Newer kernels take a chain for a device that may come one day.
	if err := checkName(ifindex, ifname); err != nil {
		return nil, err
	}
	var sock *netlink.Conn
	c, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(s *netlink.Conn) error {
		sock = s
		return nil
	}))
	if err != nil {
		return nil, fmt.Errorf("netlink socket: %w", err)
	}
	fail := func(what string, err error) error {
		// Closing the socket takes what is there of the table with it.
		return errors.Join(fmt.Errorf("%s: %w", what, err), c.CloseLasting())
	}
	name, err := tableName(ifindex)
	if err != nil {
		return nil, fail("table name", err)
	}
	if err := makeOwnedTable(sock, name); err != nil {
		return nil, fail("table with owner flag", err)
	}
	t := &nftables.Table{Name: name, Family: nftables.TableFamilyNetdev}
	drop := nftables.ChainPolicyDrop

	c.AddChain(&nftables.Chain{
		Name: "ingress", Table: t, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookIngress,
		Priority: nftables.ChainPriorityRef(-500), Device: ifname, Policy: &drop,
	})
	if err := c.Flush(); err != nil {
		return nil, fail("ingress chain", err)
	}
	// The owner's socket is the table's life: the kernel removes it before
	// close(2) returns.
	i := &Isolation{method: string(NFT), close: c.CloseLasting}

	// The rule comes in the same transaction as the chain: no moment in which
	// our own frames are dropped.
	egress := c.AddChain(&nftables.Chain{
		Name: "egress", Table: t, Type: nftables.ChainTypeFilter, Hooknum: egressHook,
		Priority: nftables.ChainPriorityRef(-500), Device: ifname, Policy: &drop,
	})
	c.AddRule(&nftables.Rule{Table: t, Chain: egress, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(Mark)},
		&expr.Verdict{Kind: expr.VerdictAccept},
	}})
	if err := c.Flush(); err != nil {
		if needEgress {
			return nil, fail("egress chain", err)
		}
		i.missing = "egress"
	}
	return i, nil
}

// checkName says whether the device with this index has this name.
func checkName(ifindex int, ifname string) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE) // any would do
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }() // nothing was written to it
	req, err := unix.NewIfreq("")
	if err != nil {
		return err
	}
	req.SetUint32(uint32(ifindex))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, req); err != nil {
		return fmt.Errorf("name of device %d: %w", ifindex, err)
	}
	if req.Name() != ifname {
		return fmt.Errorf("device %d is called %s", ifindex, req.Name())
	}
	return nil
}

// tableName is unique for a device of a process; the random part keeps apart
// processes of equal number in different pid namespaces.
func tableName(ifindex int) (string, error) {
	var r [4]byte
	if _, err := rand.Read(r[:]); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s%d_%s", ownTables(), ifindex, hex.EncodeToString(r[:])), nil
}

// ownTables is how the names of all tables of this process begin.
func ownTables() string { return fmt.Sprintf("ofswitch_%d_", os.Getpid()) }

// makeOwnedTable sends one transaction: a new netdev table with the owner flag.
func makeOwnedTable(c *netlink.Conn, name string) error {
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_TABLE_NAME, Data: []byte(name + "\x00")},
		{Type: unix.NFTA_TABLE_FLAGS, Data: binaryutil.BigEndian.PutUint32(tableOwner)},
	})
	if err != nil {
		return err
	}
	// struct nfgenmsg: family, version, resource id (big endian).
	genmsg := func(family byte, res uint16) []byte {
		return []byte{family, unix.NFNETLINK_V0, byte(res >> 8), byte(res)}
	}
	_, err = c.SendMessages([]netlink.Message{
		{
			Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_MSG_BATCH_BEGIN), Flags: netlink.Request},
			Data:   genmsg(0, unix.NFNL_SUBSYS_NFTABLES),
		},
		{
			Header: netlink.Header{
				Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWTABLE),
				Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl,
			},
			Data: append(genmsg(unix.NFPROTO_NETDEV, 0), attrs...),
		},
		{
			Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_MSG_BATCH_END), Flags: netlink.Request},
			Data:   genmsg(0, unix.NFNL_SUBSYS_NFTABLES),
		},
	})
	if err != nil {
		return err
	}
	_, err = c.Receive() // the acknowledgement, or the kernel's refusal
	return err
}
