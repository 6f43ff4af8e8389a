package isolate

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Mode says how to isolate. It is the value of options:stack-isolation.
type Mode string

// The modes. Auto tries TCX, then NFT.
const (
	Auto Mode = "auto"
	TCX  Mode = "tcx"
	NFT  Mode = "nft"
	Off  Mode = "off"
)

// ParseMode reads a mode from configuration. The empty string is Auto.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case "":
		return Auto, nil
	case Auto, TCX, NFT, Off:
		return m, nil
	}
	return "", fmt.Errorf("stack isolation %q: want auto, tcx, nft or off", s)
}

// Mark is the firewall mark (SO_MARK) of the switch's own frames: "ofsw". Only
// frames that carry it leave an isolated device.
const Mark uint32 = 0x6f667377

// ErrUnavailable says that neither method, or not the one asked for, can be had here.
// The text has the reasons; ManualRules what to do instead.
var ErrUnavailable = errors.New("stack isolation is not available")

// Isolation is in force from Start to Close or the end of the process.
type Isolation struct {
	method  string
	missing string
	begun   *begun // nil: the kernel is done with it
	once    sync.Once
	close   func() error
	err     error
}

// Method is "tcx", "nft" or "off"; of an isolation that Start has begun what it has
// come to, "tcx" until then, though nftables may stand in, and "" if there is none after all.
func (i *Isolation) Method() string {
	if !i.settled() {
		return i.method
	}
	if i.begun.made == nil {
		return ""
	}
	return i.begun.made.method
}

// settled says that what Start has begun has come to an end.
func (i *Isolation) settled() bool {
	if i.begun == nil {
		return false
	}
	select {
	case <-i.begun.done:
		return true
	default:
		return false
	}
}

// Underway says that the kernel is still busy with it (see Start), and holds its lock
// on the configuration of devices for that.
func (i *Isolation) Underway() bool { return i.begun != nil && i.begun.busy.Load() && !i.settled() }

// Wait returns when the kernel is done with it: Method says what is in force.
func (i *Isolation) Wait() {
	if i.begun != nil {
		<-i.begun.told
	}
}

// ByTCX says that the programs at the TCX hooks keep the host's stack out now, and
// nothing else does.
func (i *Isolation) ByTCX() bool {
	return i.Method() == string(TCX) && (i.begun == nil || i.settled())
}

// Missing is "egress" when the kernel could isolate only at ingress (nft mode
// auto before Linux 5.16), else "".
func (i *Isolation) Missing() string {
	if i.settled() && i.begun.made != nil {
		return i.begun.made.missing
	}
	return i.missing
}

// Close lets the host's stack in again. It may be called more than once.
func (i *Isolation) Close() error {
	i.once.Do(func() {
		if i.close != nil {
			i.err = i.close()
		}
	})
	return i.err
}

// attach isolates the device with this index and name in the network namespace
// of the calling thread. A forced mode that cannot be had, and Auto where
// neither can, is an error that wraps ErrUnavailable. It calls silenced once the host can
// no longer send, with TCX before what the device receives is kept from it; maybe twice.
func attach(ifindex int, ifname string, mode Mode, silenced func()) (*Isolation, error) {
	mode, err := ParseMode(string(mode))
	if err != nil {
		return nil, err
	}
	switch mode {
	case Off:
		return &Isolation{method: string(Off)}, nil
	case TCX:
		i, err := attachTCX(ifindex, silenced)
		if err != nil {
			return nil, fmt.Errorf("%s: %w by tcx (Linux 6.6, CAP_BPF and CAP_NET_ADMIN): %w", ifname, ErrUnavailable, err)
		}
		return i, nil
	case NFT:
		i, err := attachNFT(ifindex, ifname, true)
		if err != nil {
			return nil, fmt.Errorf("%s: %w by nft (Linux 5.16, CAP_NET_ADMIN): %w", ifname, ErrUnavailable, err)
		}
		return i, nil
	}
	i, errTCX := tcx(ifindex, silenced)
	if errTCX == nil {
		return i, nil
	}
	i, errNFT := attachNFT(ifindex, ifname, false)
	if errNFT == nil {
		return i, nil
	}
	return nil, fmt.Errorf("%s: %w: tcx: %w; nft: %w", ifname, ErrUnavailable, errTCX, errNFT)
}

// ManualRules are the commands that isolate a device by hand where the switch
// cannot, one a line. They stay in force until the table "ofswitch" is deleted.
func ManualRules(ifname string) string {
	// Device names may have characters that chain names may not.
	chain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, ifname)
	return fmt.Sprintf(`nft 'add table netdev ofswitch'
nft 'add chain netdev ofswitch in_%[1]s { type filter hook ingress device "%[2]s" priority 0; policy drop; }'
nft 'add chain netdev ofswitch out_%[1]s { type filter hook egress device "%[2]s" priority 0; policy drop; }'
nft 'add rule netdev ofswitch out_%[1]s meta mark %#08[3]x accept'
`, chain, ifname, Mark)
}
