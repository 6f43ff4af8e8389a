package ports

// Provider hands out the descriptors that ports need. The zero case, a nil
// Provider in the options, opens them from the kernel; one that holds
// descriptors inherited from a predecessor process can give those instead.
type Provider interface {
	// Descriptor returns the descriptor for a key such as "system/eth0/rx0"
	// or "tap/br0/0". open makes a new one. inherited says that the
	// descriptor is set up and bound already.
	Descriptor(key string, open func() (fd int, err error)) (fd int, inherited bool, err error)
}

func descriptor(p Provider, key string, open func() (int, error)) (int, bool, error) {
	if p != nil {
		return p.Descriptor(key, open)
	}
	fd, err := open()
	return fd, false, err
}
