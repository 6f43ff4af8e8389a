package flow

import "ofswitch/packet"

// Extract reads the headers of f into k.
func Extract(f *packet.Frame, inPort uint32, k *Key) { panic("flow: extraction is being written") }
