package ofconn

import "ofswitch/ofp"

// Switch is what controllers' messages call. Its methods are called from many
// goroutines at once, one per connection, and may block for as long as the work
// takes. A refusal is an *ofp.Error, which is sent as it is; any other error is
// a failure of our own and sent as the least specific code of the request.
type Switch interface {
	// Features describes the switch; AuxiliaryID is ignored.
	Features() ofp.FeaturesReply
	// Desc gives the description strings.
	Desc() ofp.Desc

	// FragFlags gives the fragment handling in force, ofp.FragNormal...
	FragFlags() uint16
	// SetFragFlags changes it. flags has no bits besides ofp.FragMask.
	SetFragFlags(flags uint16) error

	// FlowMod must not keep the message, nor change it: the next one will stand
	// there. What it tells of the change (Manager.FlowsChanged) is told before it returns.
	FlowMod(*ofp.FlowMod) error
	// FlowMods is FlowMod for each of several that came one after the other, in this order; errs[i] is set to
	// what FlowMod would return for the i-th. Each is refused or carried out for itself.
	FlowMods(mods []*ofp.FlowMod, errs []error)
	PacketOut(*ofp.PacketOut) error
	// DeferPacketOut is PacketOut, but what is sent may leave when FlushPacketOuts is
	// called, which is done soon.
	DeferPacketOut(*ofp.PacketOut) error
	FlushPacketOuts()
	PortMod(*ofp.PortMod) error
	TableMod(*ofp.TableMod) error
	GroupMod(*ofp.GroupMod) error
	MeterMod(*ofp.MeterMod) error
	// CheckBundled says what is wrong with a message that is put into a bundle, as
	// far as that can be said before the messages ahead of it are carried out.
	CheckBundled(ofp.Message) error
	// Bundle carries out n messages, in their order, as one change that every frame
	// sees all of or nothing. message gives the i-th, or refuses it. If one is
	// refused nothing has changed, and failed is its index. Otherwise Bundle
	// returns when all has taken effect for every frame.
	Bundle(n int, message func(i int) (ofp.Message, error)) (failed int, err error)
	// WatchFlows begins or ends the telling of changes of flow entries
	// (Manager.FlowsChanged), and calls fn between two of them with the version that
	// the last one made.
	WatchFlows(on bool, fn func(version uint64))
	// WatchAndList is WatchFlows that, if fn says true, gives the list of the entries that stand
	// in the tables at that version; else nil. What FlowStats says of its function goes for that
	// of the list, too.
	WatchAndList(on bool, fn func(version uint64) (list bool)) ofp.FlowList
	// Barrier returns when all that was called before has taken effect for
	// every frame.
	Barrier()

	// FlowStats calls the function for each matching entry and stops at its
	// first error, which it returns. The function blocks while the controller
	// reads slowly: no lock that forwarding or another controller needs may be
	// held. The same goes for TableStats, TableFeatures and
	// PortStats. What FlowStats gives may be overwritten when the function returns.
	FlowStats(*ofp.FlowStatsRequest, func(*ofp.FlowStats) error) error
	AggregateStats(*ofp.FlowStatsRequest) (ofp.AggregateStats, error)
	TableStats(func(*ofp.TableStats) error) error
	// TableFeatures is about each table, in order. ovs-ofctl asks for them, to
	// read "table=NAME", before it adds a flow. Floodlight installs a table-miss
	// entry only where APPLY_ACTIONS_MISS is there and has OUTPUT.
	TableFeatures(func(*ofp.TableFeatures) error) error
	// SetTableFeatures makes the tables those of the request, which are all that
	// there will be, or changes nothing (TABLE_FEATURES_FAILED).
	SetTableFeatures(ofp.TableFeaturesRequest) error
	// PortStats is about one port or, for ofp.PortAny, all.
	PortStats(ofp.PortNo, func(*ofp.PortStats) error) error
	PortDescs() []ofp.PortDesc

	// GroupStats is about one group or, for ofp.GroupAll, all; GroupDescs is
	// about all. MeterStats and MeterConfigs are about one meter or, for
	// ofp.MeterAll, all. A number that there is not gives nothing. What
	// FlowStats says of its function goes for these, too.
	GroupStats(id uint32, fn func(*ofp.GroupStats) error) error
	GroupDescs(fn func(*ofp.GroupDesc) error) error
	GroupFeatures() *ofp.GroupFeatures
	MeterStats(id uint32, fn func(*ofp.MeterStats) error) error
	MeterConfigs(id uint32, fn func(*ofp.MeterConfig) error) error
	MeterFeatures() *ofp.MeterFeatures

	// QueueConfigs describes the queues of one port or, for ofp.PortAny, of all.
	// QueueStats calls the function, as FlowStats does, for each queue that the
	// request asks for.
	QueueConfigs(ofp.PortNo) ([]ofp.PacketQueue, error)
	QueueStats(*ofp.QueueStatsRequest, func(*ofp.QueueStats) error) error
}

// PacketIn is a frame for the controllers.
type PacketIn = ofp.PacketInEvent
