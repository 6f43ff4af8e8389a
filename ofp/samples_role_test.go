package ofp

// roleSamples has the messages about a controller's own connection.
func roleSamples() []sample {
	config := AsyncConfig{PacketIn: [2]uint32{1, 2}, PortStatus: [2]uint32{3, 4}, FlowRemoved: [2]uint32{5, 0xffffffff}}
	return []sample{
		{"role request", &RoleRequest{Role: RoleMaster, GenerationID: 1}, `04 18 0018 11223344 00000002 00000000 0000000000000001`},
		{"role request, which", &RoleRequest{}, `04 18 0018 11223344 00*16`},
		{"role reply", &RoleReply{Role: RoleSlave, GenerationID: ^uint64(0)}, `04 19 0018 11223344 00000003 00000000 ff*8`},
		{"get async request", &GetAsyncRequest{}, `04 1a 0008 11223344`},
		{"get async reply", &GetAsyncReply{config}, `04 1b 0020 11223344 00000001 00000002 00000003 00000004 00000005 ffffffff`},
		{"set async", &SetAsync{config}, `04 1c 0020 11223344 00000001 00000002 00000003 00000004 00000005 ffffffff`},
	}
}
