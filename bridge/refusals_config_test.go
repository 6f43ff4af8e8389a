package bridge

import (
	"strings"

	"ofswitch/ofp"
)

func portRefusals(r *refusalRig) []refusal {
	var mac [3][6]byte
	for i, m := range r.devices {
		copy(mac[i][:], m.Status().MAC)
	}
	mod := func(port ofp.PortNo, change func(*ofp.PortMod)) []byte {
		m := &ofp.PortMod{Port: port, HWAddr: mac[min(port-1, 2)]}
		change(m)
		return encoded(m)
	}
	return []refusal{
		{ofp.PortModFailedBadPort, "port that there is not", nil, mod(99, func(*ofp.PortMod) {}), nil},
		{ofp.PortModFailedBadPort, "port ALL", nil, mod(ofp.PortAll, func(*ofp.PortMod) {}), nil},
		{ofp.PortModFailedBadHWAddr, "address of another port", nil, mod(1, func(m *ofp.PortMod) { m.HWAddr[5] ^= 1; m.Config, m.Mask = ofp.PortConfigNoFwd, ofp.PortConfigNoFwd }), nil},
		{ofp.PortModFailedBadConfig, "bit that there is not", nil, mod(1, func(m *ofp.PortMod) { m.Config, m.Mask = 2, ofp.PortConfigNoFwd|2 }), nil},
		{ofp.PortModFailedBadConfig, "bit that there is not, in the mask alone", nil, mod(1, func(m *ofp.PortMod) { m.Mask = 1 << 31 }), nil},
		{ofp.PortModFailedBadAdvertise, "features that the port cannot advertise", nil, mod(1, func(m *ofp.PortMod) {
			m.Advertise = 1 << 16
			m.Config, m.Mask = ofp.PortConfigNoFwd, ofp.PortConfigNoFwd
		}), nil},
		{ofp.PortModFailedEPerm, "device that does not let itself be taken down", nil, mod(3, func(m *ofp.PortMod) {
			m.Config, m.Mask = ofp.PortConfigDown|ofp.PortConfigNoFwd, ofp.PortConfigDown|ofp.PortConfigNoFwd
		}), nil},
	}
}

func tableRefusals() []refusal {
	features := func(s string) []byte { return multipartRaw(ofp.MultipartTableFeatures, s) }
	const empty = "00 0000000000"
	return []refusal{
		{ofp.TableModFailedBadTable, "table 254", nil, rawMsg(ofp.TypeTableMod, "fe 000000 00000000"), nil},
		{ofp.TableModFailedBadConfig, "bit 2", nil, rawMsg(ofp.TypeTableMod, "ff 000000 00000004"), nil},
		{ofp.TableFeaturesFailedBadType, "property of type 9", nil, features("0048" + empty + strings.Repeat("00", 56) + "0009 0004 00000000"), nil},
		{ofp.TableFeaturesFailedBadLen, "property longer than its table", nil, features("0048" + empty + strings.Repeat("00", 56) + "0000 0010 00000000"), nil},
		{ofp.TableFeaturesFailedBadLen, "property of 3 bytes", nil, features("0048" + empty + strings.Repeat("00", 56) + "0000 0003 00000000"), nil},
		{ofp.TableFeaturesFailedBadLen, "table features of 56 bytes", nil, features("0038" + empty + strings.Repeat("00", 48)), nil},
	}
}

func queueRefusals() []refusal {
	stats := func(port ofp.PortNo, queue uint32) []byte {
		return encoded(&ofp.MultipartRequest{Kind: ofp.MultipartQueue, Body: &ofp.QueueStatsRequest{Port: port, QueueID: queue}})
	}
	return []refusal{
		{ofp.BadActionBadQueue, "set-queue of all queues", nil, flowRaw("", applyHex("0015 0008 ffffffff")), nil},
		{ofp.QueueOpFailedBadPort, "queues of a port that there is not", nil, encoded(&ofp.QueueGetConfigRequest{Port: 99}), nil},
		{ofp.QueueOpFailedBadPort, "queues of a port that is not physical", nil, encoded(&ofp.QueueGetConfigRequest{Port: ofp.PortLocal}), nil},
		{ofp.QueueOpFailedBadPort, "statistics of a port that there is not", nil, stats(99, ofp.QueueAll), nil},
		{ofp.QueueOpFailedBadQueue, "statistics of a queue that there is not", nil, stats(1, 7), nil},
		{ofp.QueueOpFailedBadQueue, "statistics of a queue that no port has", nil, stats(ofp.PortAny, 7), nil},
	}
}

func configRefusals() []refusal {
	newer := []ofp.Message{&ofp.RoleRequest{Role: ofp.RoleMaster, GenerationID: 1 << 50}, &ofp.RoleRequest{Role: ofp.RoleEqual}}
	role := func(r ofp.Role, generation uint64) []byte {
		return encoded(&ofp.RoleRequest{Role: r, GenerationID: generation})
	}
	return []refusal{
		{ofp.SwitchConfigFailedBadFlags, "fragment handling 3", nil, rawMsg(ofp.TypeSetConfig, "0003 0080"), nil},
		{ofp.SwitchConfigFailedBadFlags, "flag of OpenFlow 1.2", nil, rawMsg(ofp.TypeSetConfig, "0005 0080"), nil},
		{ofp.SwitchConfigFailedBadLen, "miss_send_len 0xffe6", nil, rawMsg(ofp.TypeSetConfig, "0001 ffe6"), nil},
		{ofp.SwitchConfigFailedBadLen, "miss_send_len 0xfffe", nil, rawMsg(ofp.TypeSetConfig, "0001 fffe"), nil},
		{ofp.RoleRequestFailedStale, "older generation of a master", newer, role(ofp.RoleMaster, 1<<50-1), nil},
		{ofp.RoleRequestFailedStale, "older generation of a slave", newer, role(ofp.RoleSlave, 1), nil},
		{ofp.RoleRequestFailedBadRole, "role 4", nil, role(4, 1<<51), nil},
	}
}
