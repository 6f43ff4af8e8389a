package vswitch

import "ofswitch/ovsdb"

// monitoringTables are the tables of what watches traffic, and of datapaths.
var monitoringTables = map[string]table{
	"NetFlow": {
		columns: []*ovsdb.Column{
			column("targets", some(1, ovsdb.Unlimited, text)),
			column("engine_type", optional(between(0, 255))),
			column("engine_id", optional(between(0, 255))),
			column("add_id_to_interface", one(boolean)),
			column("active_timeout", one(atLeast(-1))),
			column("external_ids", pairs(text, text)),
		},
	},
	"sFlow": {
		columns: []*ovsdb.Column{
			column("targets", some(1, ovsdb.Unlimited, text)),
			column("sampling", optional(integer)),
			column("polling", optional(integer)),
			column("header", optional(integer)),
			column("agent", optional(text)),
			column("external_ids", pairs(text, text)),
		},
	},
	"IPFIX": {
		columns: []*ovsdb.Column{
			column("targets", set(text)),
			column("sampling", optional(between(1, 4294967295))),
			column("obs_domain_id", optional(between(0, 4294967295))),
			column("obs_point_id", optional(between(0, 4294967295))),
			column("cache_active_timeout", optional(between(0, 4200))),
			column("cache_max_flows", optional(between(0, 4294967295))),
			column("other_config", pairs(text, text)),
			column("external_ids", pairs(text, text)),
		},
	},
	"Flow_Sample_Collector_Set": {
		root:    true,
		indexes: [][]string{{"id", "bridge"}},
		columns: []*ovsdb.Column{
			column("id", one(between(0, 4294967295))),
			column("bridge", one(ref("Bridge"))),
			column("ipfix", optional(ref("IPFIX"))),
			column("external_ids", pairs(text, text)),
		},
	},
	"Datapath": {
		columns: []*ovsdb.Column{
			column("datapath_version", one(text)),
			column("ct_zones", pairs(between(0, 65535), ref("CT_Zone"))),
			column("capabilities", pairs(text, text)),
			column("external_ids", pairs(text, text)),
		},
	},
	"CT_Zone": {
		columns: []*ovsdb.Column{
			column("timeout_policy", optional(ref("CT_Timeout_Policy"))),
			column("external_ids", pairs(text, text)),
		},
	},
	"CT_Timeout_Policy": {
		columns: []*ovsdb.Column{
			column("timeouts", pairs(oneOf("tcp_syn_sent", "tcp_syn_recv", "tcp_established", "tcp_fin_wait", "tcp_close_wait", "tcp_last_ack", "tcp_time_wait", "tcp_close", "tcp_syn_sent2", "tcp_retransmit", "tcp_unack", "udp_first", "udp_single", "udp_multiple", "icmp_first", "icmp_reply"), between(0, 4294967295))),
			column("external_ids", pairs(text, text)),
		},
	},
	"AutoAttach": {
		columns: []*ovsdb.Column{
			column("system_name", one(text)),
			column("system_description", one(text)),
			column("mappings", pairs(between(0, 16777215), between(0, 4095))),
		},
	},
}
