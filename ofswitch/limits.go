package ofswitch

import "ofswitch/flowtable"

// limits is what flow-mods and packet-outs are checked against. An output may
// name a port that does not come yet.
var limits = flowtable.DefaultLimits()
