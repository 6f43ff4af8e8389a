package ofp

import "ofswitch/ofp/internal/octets"

// PropertyExperimenter is the type of an experimenter's property, the only type
// that there is.
const PropertyExperimenter = 0xffff

// Property is an element of the list at the end of an ONF extension's message
// (ONF extensions 191 and 230). Types other than PropertyExperimenter are kept
// and mean nothing.
type Property struct {
	Type                  uint16
	Experimenter, ExpType uint32 // of PropertyExperimenter
	// Data is what follows the header, of PropertyExperimenter the experimenter's
	// type.
	Data []byte
}

// length is what stands in the property's header.
func (p *Property) length() int {
	if p.Type == PropertyExperimenter {
		return 12 + len(p.Data)
	}
	return 4 + len(p.Data)
}

// Len is the property's length with its padding.
func (p *Property) Len() int { return octets.Pad8(p.length()) }

// Append encodes the property.
func (p *Property) Append(b []byte) []byte {
	b = be.AppendUint16(b, p.Type)
	b = be.AppendUint16(b, uint16(p.length()))
	if p.Type == PropertyExperimenter {
		b = appendExperimenter(b, p.Experimenter, p.ExpType)
	}
	return octets.Zeros(append(b, p.Data...), p.Len()-p.length())
}

func propertiesLen(properties []Property) (n int) {
	for i := range properties {
		n += properties[i].Len()
	}
	return n
}

func appendProperties(b []byte, properties []Property) []byte {
	for i := range properties {
		b = properties[i].Append(b)
	}
	return b
}

// decodeProperties reads properties that take all of b.
func decodeProperties(b []byte) (properties []Property, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, BadRequestBadLen.Errorf("property cut off: %d bytes are left", len(b))
		}
		p, n, least := Property{Type: be.Uint16(b)}, int(be.Uint16(b[2:])), 4
		if p.Type == PropertyExperimenter {
			least = 12
		}
		if n < least || octets.Pad8(n) > len(b) {
			return nil, BadRequestBadLen.Errorf("property %d says %d bytes, %d are left; want at least %d", p.Type, n, len(b), least)
		}
		if p.Type == PropertyExperimenter {
			p.Experimenter, p.ExpType = be.Uint32(b[4:]), be.Uint32(b[8:])
		}
		p.Data = octets.Clone(b[least:n])
		properties = append(properties, p)
		b = b[octets.Pad8(n):]
	}
	return properties, nil
}
