package ports

import "ofswitch/ports/kernelpath"

// KernelPath is a Port from and to which the kernel may forward frames by itself.
type KernelPath interface {
	// KernelPath is the port in the kernel's flow table, which SystemOptions and
	// TapOptions have named. nil: not now, and why in a word or a few: "off" (no table),
	// "afxdp", "queues", "no ring", "inherited", "nft", "not isolated", "isolating", "plain", "tap",
	// "moved", "qdisc", "closed", or the text of an error. It does not wait for
	// anything, and may be asked often.
	KernelPath() (p *kernelpath.Port, why string)
}

// KernelPath of a system port: with AF_PACKET, one receive queue, a ring, and while TCX
// isolates it.
func (p *System) KernelPath() (*kernelpath.Port, string) {
	return nil, "off"
}

// KernelPath of a TAP: of one that the port made, with one queue and the virtio-net
// header, while it is in the network namespace where it was made.
func (p *Tap) KernelPath() (*kernelpath.Port, string) {
	return nil, "off"
}
