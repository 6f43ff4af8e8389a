package ofp

// The PORT_DESC reply (OpenFlow 1.3.5 §7.3.5.7) is made of PortDesc entries.
func decodePortDesc(b []byte) (MultipartBody, int, error) {
	p := new(PortDesc)
	p.decode(b)
	return p, portDescLen, nil
}
