#!/usr/bin/python3
"""Prints what os-ken sends as a controller, one message a line: name, hex.

The output is kept in osken.txt, so that the tests need no os-ken:

    /usr/bin/python3 osken_encode.py > osken.txt

Needs the Debian package python3-os-ken. The names are those of the table in
ofp/osken_test.go, which says what each message holds.
"""
from os_ken.ofproto import ofproto_v1_3 as ofp
from os_ken.ofproto import ofproto_v1_3_parser as p
from os_ken.ofproto import ofproto_protocol

dp = ofproto_protocol.ProtocolDesc(version=ofp.OFP_VERSION)


def show(name, msg):
    msg.set_xid(0x11223344)
    msg.serialize()
    print("%s: %s" % (name, bytes(msg.buf).hex()))


def flow(name, match=None, instructions=(), **kw):
    show(name, p.OFPFlowMod(dp, match=match, instructions=list(instructions), **kw))


show("hello", p.OFPHello(dp))
show("error", p.OFPErrorMsg(dp, type_=ofp.OFPET_BAD_MATCH, code=ofp.OFPBMC_BAD_PREREQ, data=b"refused"))
show("echo request", p.OFPEchoRequest(dp, data=b"are you there"))
show("echo reply", p.OFPEchoReply(dp, data=b"here"))
show("set packet in format", p.OFPExperimenter(dp, 0x2320, 16, b"\0\0\0\1"))
show("features request", p.OFPFeaturesRequest(dp))
show("get config request", p.OFPGetConfigRequest(dp))
show("set config", p.OFPSetConfig(dp, ofp.OFPC_FRAG_DROP, 128))
show("barrier request", p.OFPBarrierRequest(dp))
show("barrier reply", p.OFPBarrierReply(dp))
show("get async request", p.OFPGetAsyncRequest(dp))
show("set async", p.OFPSetAsync(dp, [1, 2], [3, 4], [5, 6]))
show("role request", p.OFPRoleRequest(dp, ofp.OFPCR_ROLE_MASTER, 9))
show("queue get config request", p.OFPQueueGetConfigRequest(dp, 3))
show("port mod", p.OFPPortMod(dp, 7, "02:00:00:00:00:07", ofp.OFPPC_PORT_DOWN, ofp.OFPPC_PORT_DOWN | ofp.OFPPC_NO_FWD, ofp.OFPPF_1GB_FD))
show("table mod", p.OFPTableMod(dp, ofp.OFPTT_ALL, 3))
show("role request, which", p.OFPRoleRequest(dp, ofp.OFPCR_ROLE_NOCHANGE, 0))
show("queue get config request, all", p.OFPQueueGetConfigRequest(dp, ofp.OFPP_ANY))
show("packet out", p.OFPPacketOut(dp, ofp.OFP_NO_BUFFER, ofp.OFPP_CONTROLLER, [p.OFPActionOutput(ofp.OFPP_FLOOD), p.OFPActionOutput(3)], b"frame"))
show("packet out of a buffer", p.OFPPacketOut(dp, 5, 1, [p.OFPActionOutput(2)], None))

# Groups and meters
ANY = (ofp.OFPP_ANY, ofp.OFPG_ANY)
show("group mod", p.OFPGroupMod(dp, ofp.OFPGC_ADD, ofp.OFPGT_INDIRECT, 1, [p.OFPBucket(0, *ANY, [p.OFPActionOutput(1)])]))
show("group mod, all", p.OFPGroupMod(dp, ofp.OFPGC_MODIFY, ofp.OFPGT_ALL, 2, [
    p.OFPBucket(0, *ANY, [p.OFPActionPushVlan(0x8100), p.OFPActionSetField(vlan_vid=0x1064), p.OFPActionOutput(1)]),
    p.OFPBucket(0, *ANY, [p.OFPActionGroup(3)]),
    p.OFPBucket(0, *ANY, []),
]))
show("group mod, select", p.OFPGroupMod(dp, ofp.OFPGC_ADD, ofp.OFPGT_SELECT, 3, [
    p.OFPBucket(70, *ANY, [p.OFPActionOutput(1)]), p.OFPBucket(30, *ANY, [p.OFPActionOutput(2)]),
]))
show("group mod, fast failover", p.OFPGroupMod(dp, ofp.OFPGC_ADD, ofp.OFPGT_FF, 4, [
    p.OFPBucket(0, 1, ofp.OFPG_ANY, [p.OFPActionOutput(1)]), p.OFPBucket(0, ofp.OFPP_ANY, 3, [p.OFPActionGroup(3)]),
]))
show("group mod, delete", p.OFPGroupMod(dp, ofp.OFPGC_DELETE, ofp.OFPGT_SELECT, ofp.OFPG_ALL, []))
show("meter mod", p.OFPMeterMod(dp, ofp.OFPMC_ADD, ofp.OFPMF_KBPS, 1, [p.OFPMeterBandDrop(1000, 10)]))
show("meter mod, two bands", p.OFPMeterMod(dp, ofp.OFPMC_MODIFY, ofp.OFPMF_PKTPS | ofp.OFPMF_BURST | ofp.OFPMF_STATS, ofp.OFPM_MAX, [
    p.OFPMeterBandDscpRemark(500, 50, 2), p.OFPMeterBandDrop(1000, 100),
]))
show("meter mod, delete", p.OFPMeterMod(dp, ofp.OFPMC_DELETE, 0, ofp.OFPM_ALL, []))

# ONF extensions
show("bundle open", p.ONFBundleCtrlMsg(dp, 7, ofp.ONF_BCT_OPEN_REQUEST, ofp.ONF_BF_ATOMIC, []))
show("bundle commit", p.ONFBundleCtrlMsg(dp, 7, ofp.ONF_BCT_COMMIT_REQUEST, ofp.ONF_BF_ATOMIC | ofp.ONF_BF_ORDERED, []))
show("bundle add", p.ONFBundleAddMsg(dp, 7, ofp.ONF_BF_ATOMIC, p.OFPPortMod(dp, 7, "02:00:00:00:00:07"), []))
show("flow monitor request", p.ONFFlowMonitorStatsRequest(dp, 0, [
    p.ONFFlowMonitorRequest(1, 0x3f),
    p.ONFFlowMonitorRequest(2, ofp.ONFFMF_ADD, p.OFPMatch(in_port=3, eth_type=0x0800), 4, 5),
]))

# Flow-mods: commands and fields
flow("flow mod, nothing")
flow("flow mod, fields", match=p.OFPMatch(), cookie=1, cookie_mask=2, table_id=3, command=ofp.OFPFC_DELETE_STRICT, idle_timeout=4, hard_timeout=5,
     priority=6, buffer_id=7, out_port=8, out_group=9, flags=ofp.OFPFF_SEND_FLOW_REM | ofp.OFPFF_NO_BYT_COUNTS)

# Instructions
flow("instructions", instructions=[
    p.OFPInstructionMeter(1),
    p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, [p.OFPActionOutput(ofp.OFPP_CONTROLLER, 128)]),
    p.OFPInstructionActions(ofp.OFPIT_CLEAR_ACTIONS, []),
    p.OFPInstructionActions(ofp.OFPIT_WRITE_ACTIONS, [p.OFPActionGroup(2)]),
    p.OFPInstructionWriteMetadata(0x1234, 0xffff),
    p.OFPInstructionGotoTable(5),
])
flow("instructions, other order", instructions=[
    p.OFPInstructionGotoTable(5),
    p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, []),
])

# Actions
actions = [
    ("output", p.OFPActionOutput(ofp.OFPP_NORMAL, 0)),
    ("copy_ttl_out", p.OFPActionCopyTtlOut()),
    ("copy_ttl_in", p.OFPActionCopyTtlIn()),
    ("set_mpls_ttl", p.OFPActionSetMplsTtl(64)),
    ("dec_mpls_ttl", p.OFPActionDecMplsTtl()),
    ("push_vlan", p.OFPActionPushVlan(0x8100)),
    ("pop_vlan", p.OFPActionPopVlan()),
    ("push_mpls", p.OFPActionPushMpls(0x8848)),
    ("pop_mpls", p.OFPActionPopMpls(0x86dd)),
    ("set_queue", p.OFPActionSetQueue(5)),
    ("group", p.OFPActionGroup(6)),
    ("set_nw_ttl", p.OFPActionSetNwTtl(1)),
    ("dec_nw_ttl", p.OFPActionDecNwTtl()),
    ("push_pbb", p.OFPActionPushPbb(0x88e7)),
    ("pop_pbb", p.OFPActionPopPbb()),
]
for name, a in actions:
    flow("action " + name, instructions=[p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, [a])])

IP4, IP6, ARP = {"eth_type": 0x0800}, {"eth_type": 0x86dd}, {"eth_type": 0x0806}
ICMP6 = dict(IP6, ip_proto=58)
MAC = "02:00:00:00:00:01"

# Set-field of every field that can be set
for name, value in [
    ("eth_dst", MAC), ("eth_src", MAC), ("eth_type", 0x0800), ("vlan_vid", 0x1064), ("vlan_pcp", 5), ("ip_dscp", 46), ("ip_ecn", 2), ("ip_proto", 6),
    ("ipv4_src", "10.0.0.1"), ("ipv4_dst", "10.0.0.2"), ("tcp_src", 1), ("tcp_dst", 2), ("udp_src", 3), ("udp_dst", 4), ("sctp_src", 5), ("sctp_dst", 6),
    ("icmpv4_type", 7), ("icmpv4_code", 8), ("arp_op", 2), ("arp_spa", "10.0.0.3"), ("arp_tpa", "10.0.0.4"), ("arp_sha", MAC), ("arp_tha", MAC),
    ("ipv6_src", "2001:db8::1"), ("ipv6_dst", "2001:db8::2"), ("ipv6_flabel", 0x12345), ("icmpv6_type", 9), ("icmpv6_code", 10),
    ("ipv6_nd_target", "2001:db8::3"), ("ipv6_nd_sll", MAC), ("ipv6_nd_tll", MAC), ("mpls_label", 0x54321), ("mpls_tc", 3), ("mpls_bos", 1),
    ("pbb_isid", 0xabcdef), ("tunnel_id", 0x123456789),
]:
    flow("set " + name, instructions=[p.OFPInstructionActions(ofp.OFPIT_APPLY_ACTIONS, [p.OFPActionSetField(**{name: value})])])

# Matches: every field, masked where it can be
for name, fields in [
    ("in_port", {"in_port": 1}),
    ("in_phy_port", {"in_port": 1, "in_phy_port": 2}),
    ("metadata", {"metadata": 0x123456789abcdef0}),
    ("metadata masked", {"metadata": (0x10, 0xf0)}),
    ("eth_dst", {"eth_dst": MAC}),
    ("eth_dst masked", {"eth_dst": ("01:00:00:00:00:00", "01:00:00:00:00:00")}),
    ("eth_src", {"eth_src": MAC}),
    ("eth_src masked", {"eth_src": ("02:00:00:00:00:00", "ff:ff:ff:00:00:00")}),
    ("eth_type", {"eth_type": 0x88cc}),
    ("vlan_vid", {"vlan_vid": 0x1064}),
    ("vlan_vid none", {"vlan_vid": ofp.OFPVID_NONE}),
    ("vlan_vid any", {"vlan_vid": (ofp.OFPVID_PRESENT, ofp.OFPVID_PRESENT)}),
    ("vlan_pcp", {"vlan_vid": 0x1064, "vlan_pcp": 5}),
    ("ip_dscp", dict(IP4, ip_dscp=46)),
    ("ip_ecn", dict(IP6, ip_ecn=2)),
    ("ip_proto", dict(IP4, ip_proto=6)),
    ("ipv4", dict(IP4, ipv4_src="10.0.0.1", ipv4_dst="10.0.0.2")),
    ("ipv4 masked", dict(IP4, ipv4_src=("10.0.0.0", "255.0.0.0"), ipv4_dst=("0.0.0.2", "0.0.0.255"))),
    ("tcp", dict(IP4, ip_proto=6, tcp_src=1, tcp_dst=2)),
    ("udp", dict(IP6, ip_proto=17, udp_src=3, udp_dst=4)),
    ("sctp", dict(IP4, ip_proto=132, sctp_src=5, sctp_dst=6)),
    ("icmpv4", dict(IP4, ip_proto=1, icmpv4_type=7, icmpv4_code=8)),
    ("arp", dict(ARP, arp_op=2, arp_spa="10.0.0.3", arp_tpa="10.0.0.4", arp_sha=MAC, arp_tha=MAC)),
    ("arp masked", dict(ARP, arp_spa=("10.0.0.0", "255.0.0.0"), arp_tpa=("11.0.0.0", "255.0.0.0"),
                        arp_sha=("02:00:00:00:00:00", "ff:00:00:00:00:00"), arp_tha=("03:00:00:00:00:00", "ff:00:00:00:00:00"))),
    ("ipv6", dict(IP6, ipv6_src="2001:db8::1", ipv6_dst="2001:db8::2", ipv6_flabel=0x12345)),
    ("ipv6 masked", dict(IP6, ipv6_src=("2001:db8::", "ffff:ffff::"), ipv6_dst=("::5", "::ff"), ipv6_flabel=(0x45, 0xff))),
    ("icmpv6", dict(ICMP6, icmpv6_type=128, icmpv6_code=0)),
    ("nd solicitation", dict(ICMP6, icmpv6_type=135, ipv6_nd_target="2001:db8::3", ipv6_nd_sll=MAC)),
    ("nd advertisement", dict(ICMP6, icmpv6_type=136, ipv6_nd_target="2001:db8::3", ipv6_nd_tll=MAC)),
    ("mpls", {"eth_type": 0x8847, "mpls_label": 0x54321, "mpls_tc": 3, "mpls_bos": 1}),
    ("pbb_isid", {"eth_type": 0x88e7, "pbb_isid": 0xabcdef}),
    ("pbb_isid masked", {"eth_type": 0x88e7, "pbb_isid": (0xab0000, 0xff0000)}),
    ("tunnel_id", {"tunnel_id": 0x123456789}),
    ("tunnel_id masked", {"tunnel_id": (1, 3)}),
    ("ipv6_exthdr", dict(IP6, ipv6_exthdr=0x41)),
    ("ipv6_exthdr masked", dict(IP6, ipv6_exthdr=(0x40, 0x41))),
]:
    flow("match " + name, match=p.OFPMatch(**fields))

# Multipart requests
m = p.OFPMatch(in_port=1)
show("desc request", p.OFPDescStatsRequest(dp, 0))
show("flow request", p.OFPFlowStatsRequest(dp, 0, ofp.OFPTT_ALL, ofp.OFPP_ANY, ofp.OFPG_ANY, 1, 2, m))
show("aggregate request", p.OFPAggregateStatsRequest(dp, 0, 3, 4, 5, 6, 7, m))
show("table request", p.OFPTableStatsRequest(dp, 0))
show("port stats request", p.OFPPortStatsRequest(dp, 0, 7))
show("port desc request", p.OFPPortDescStatsRequest(dp, 0))
show("queue request", p.OFPQueueStatsRequest(dp, 0, ofp.OFPP_ANY, ofp.OFPQ_ALL))
show("group request", p.OFPGroupStatsRequest(dp, 0, ofp.OFPG_ALL))
show("group desc request", p.OFPGroupDescStatsRequest(dp, 0))
show("group features request", p.OFPGroupFeaturesStatsRequest(dp, 0))
show("meter request", p.OFPMeterStatsRequest(dp, 0, ofp.OFPM_ALL))
show("meter config request", p.OFPMeterConfigStatsRequest(dp, 0, ofp.OFPM_ALL))
show("meter features request", p.OFPMeterFeaturesStatsRequest(dp, 0))
show("queue request, one", p.OFPQueueStatsRequest(dp, 0, 3, 4))
show("group request, one", p.OFPGroupStatsRequest(dp, 0, 5))
show("meter request, one", p.OFPMeterStatsRequest(dp, 0, 5))
show("table features request", p.OFPTableFeaturesStatsRequest(dp, 0, []))
show("table features request, set", p.OFPTableFeaturesStatsRequest(dp, 0, [
    p.OFPTableFeaturesStats(table_id=1, name=b"acl", metadata_match=0xff, metadata_write=0xf0, config=0, max_entries=9, properties=[
        p.OFPTableFeaturePropInstructions(type_=ofp.OFPTFPT_INSTRUCTIONS, instruction_ids=[p.OFPInstructionId(ofp.OFPIT_GOTO_TABLE), p.OFPInstructionId(ofp.OFPIT_METER)]),
        p.OFPTableFeaturePropNextTables(type_=ofp.OFPTFPT_NEXT_TABLES, table_ids=[2, 3, 4, 5, 6]),
        p.OFPTableFeaturePropNextTables(type_=ofp.OFPTFPT_NEXT_TABLES_MISS, table_ids=[]),
        p.OFPTableFeaturePropActions(type_=ofp.OFPTFPT_WRITE_ACTIONS, action_ids=[p.OFPActionId(ofp.OFPAT_OUTPUT)]),
        p.OFPTableFeaturePropActions(type_=ofp.OFPTFPT_APPLY_ACTIONS_MISS, action_ids=[p.OFPActionId(ofp.OFPAT_GROUP), p.OFPActionId(ofp.OFPAT_POP_PBB)]),
        p.OFPTableFeaturePropOxm(type_=ofp.OFPTFPT_MATCH, oxm_ids=[p.OFPOxmId("in_port"), p.OFPOxmId("ipv6_src", hasmask=True)]),
        p.OFPTableFeaturePropOxm(type_=ofp.OFPTFPT_APPLY_SETFIELD, oxm_ids=[p.OFPOxmId("pbb_isid")]),
    ]),
    p.OFPTableFeaturesStats(table_id=2, name=b"", metadata_match=0, metadata_write=0, config=0, max_entries=0, properties=[]),
]))
show("experimenter request", p.OFPExperimenterStatsRequest(dp, 0, 0x2320, 2, b""))
