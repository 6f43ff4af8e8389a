package configuration

import (
	"fmt"
	"regexp"
	"strings"
)

// insert is a transaction with a new row of Queue.
func insert(dscp int) step {
	return transaction(fmt.Sprintf(`{"op":"insert","table":"Queue","row":{"dscp":%d}}`, dscp))
}

// update changes the rows of Queue with one dscp.
func update(dscp int, row string) step {
	return transaction(fmt.Sprintf(`{"op":"update","table":"Queue","where":[["dscp","==",%d]],"row":%s}`, dscp, row))
}

// remove deletes the rows of Queue with some dscp.
func remove(dscp ...int) step {
	var ops []string
	for _, d := range dscp {
		ops = append(ops, fmt.Sprintf(`{"op":"delete","table":"Queue","where":[["dscp","==",%d]]}`, d))
	}
	return transaction(strings.Join(ops, ","))
}

// watch begins an ovsdb-client whose output is looked at.
func watch(line string, order ...func(string) string) step {
	st := client(line, order...)
	st.line = line // without time limit
	return st
}

// control asks the detached ovsdb-client.
func control(command string) step {
	return step{tool: "ovs-appctl", line: "--timeout=10 -t ovsdb-client " + command}
}

// same keeps the order of lines.
func same(text string) string { return text }

// Clients that have nothing to print log the server's answer.
const logged = "-vjsonrpc:console:dbg "

var (
	empty    = regexp.MustCompile(`received reply, result=\{\}`)
	unlocked = regexp.MustCompile(`received error, error=.*"unlock\\" without \\"lock\\" or \\"steal\\""`)
)

// scenes have the calls of ovsdb-client that run until they are ended, and
// commands of ovs-vsctl that wait for what others do. A table is two lines of
// heading and a line for each row, and follows an empty line if it is not the
// first.
var scenes = [][]event{
	{
		{step: transaction(`{"op":"delete","table":"QoS","where":[]},{"op":"delete","table":"Queue","where":[]},{"op":"insert","table":"Queue","row":{"dscp":1}}`)},
		{begin: true, step: watch("monitor SERVER Queue dscp,other_config"), lines: 3},
		{step: insert(40), lines: 4},
		{step: update(40, `{"other_config":["map",[["a","b"]]]}`), lines: 5},
		{step: update(40, `{"dscp":41}`), lines: 5},
		{step: update(41, `{"dscp":41,"external_ids":["map",[["not","seen"]]]}`)},
		{step: transaction(`{"op":"insert","table":"Queue","row":{"dscp":42}},{"op":"insert","table":"Queue","row":{"dscp":43}}`), lines: 5},
		{step: transaction(`{"op":"insert","table":"Queue","row":{"dscp":44}},{"op":"delete","table":"Queue","where":[["dscp","==",44]]}`)},
		{step: remove(41, 42, 43), lines: 6},
	},
	{
		{begin: true, step: watch(logged + "monitor SERVER Open_vSwitch Queue '!initial,dscp'"), log: empty},
		{step: insert(40), lines: 3},
		{step: remove(40), lines: 4},
	},
	{
		{begin: true, step: watch("monitor SERVER Open_vSwitch Queue '!insert,dscp'"), lines: 3},
		{step: insert(40)},
		{step: update(40, `{"dscp":41}`), lines: 5},
		{step: remove(41), lines: 4},
	},
	{
		{begin: true, step: watch("monitor SERVER Open_vSwitch Queue dscp '!delete,external_ids' '!modify,other_config'"), lines: 3},
		{step: insert(40), lines: 4},
		{step: update(40, `{"other_config":["map",[["a","b"]]]}`), lines: 5},
		{step: update(40, `{"dscp":41}`), lines: 5},
		{step: remove(41), lines: 4},
	},
	{
		{begin: true, step: watch("monitor SERVER Queue"), lines: 3},
		{step: insert(40), lines: 4},
		{step: update(40, `{"external_ids":["map",[["a","b"]]]}`), lines: 5},
		{step: remove(40), lines: 4},
	},
	{
		{begin: true, step: watch("-f json monitor SERVER Queue dscp"), lines: 1},
		{step: insert(40), lines: 1},
		{step: update(40, `{"dscp":41}`), lines: 1},
		{step: remove(41), lines: 1},
	},
	{
		{begin: true, step: watch("monitor SERVER _Server Database name,model,connected,leader"), lines: 4},
	},
	{
		{begin: true, step: watch("--detach --pidfile monitor SERVER Queue dscp"), lines: 3},
		{step: control("ovsdb-client/block")},
		{step: insert(40)},
		{step: control("ovsdb-client/unblock"), lines: 4},
		{step: control("list-commands")},
		{step: remove(40), lines: 4},
		{step: control("exit"), ends: true},
	},
	{
		{begin: true, step: watch(logged + `monitor-cond SERVER '[["dscp",">",40]]' Queue dscp`), log: empty},
		{step: insert(40)},
		{step: insert(41), lines: 3},
		{step: update(41, `{"dscp":42}`), lines: 4},
		{step: update(40, `{"dscp":43}`), lines: 4},
		{step: update(42, `{"dscp":39}`), lines: 4},
		{step: remove(39, 43), lines: 4},
	},
	{
		{begin: true, step: watch(`--detach --pidfile monitor-cond SERVER '[["dscp","==",1]]' Queue dscp`), lines: 3},
		{step: insert(40)},
		{step: control(`ovsdb-client/cond_change Queue [["dscp","==",40]]`), lines: 5},
		{step: control("ovsdb-client/cond_change Queue [false]"), lines: 4},
		{step: control("ovsdb-client/cond_change Queue [true]"), lines: 5},
		{step: control("ovsdb-client/cond_change Queue [1]")},
		{step: control("ovsdb-client/cond_change nobody [true]")},
		{step: remove(40), lines: 4},
		{step: control("exit"), ends: true},
	},
	{
		{begin: true, step: watch("monitor-cond-since SERVER Open_vSwitch '[true]' Queue dscp", same), lines: 4},
		{step: insert(40), lines: 5},
		{step: update(40, `{"dscp":41}`), lines: 5},
		{step: remove(41), lines: 5},
	},
	{
		{begin: true, step: watch("monitor-cond-since SERVER Open_vSwitch 00000000-0000-0000-0000-000000000007 '[true]' Queue dscp", same), lines: 4},
	},

	{
		{begin: true, step: watch("--detach --pidfile lock SERVER mine", same), lines: 1},
		{step: transaction(`{"op":"assert","lock":"mine"}`)},
		{step: control("unlock mine"), lines: 1},
		{step: control("unlock mine")},
		{step: control("lock mine"), lines: 1},
		{step: control("lock other"), lines: 1},
		{step: control("steal third"), lines: 1},
		{step: control("list-commands")},
		{step: control("exit"), ends: true},
	},
	{ // who waits, and who steals
		{begin: true, who: "a", step: watch("lock SERVER mine", same), lines: 1},
		{begin: true, who: "b", step: watch("lock SERVER mine", same), lines: 1},
		{begin: true, who: "c", step: watch("--detach --pidfile steal SERVER mine", same), lines: 1},
		{who: "a", lines: 2},
		{step: control("unlock mine"), who: "c", lines: 1},
		{who: "a", lines: 2},
		{step: control("exit"), who: "c", ends: true},
		{who: "a", end: true}, // before b: ovsdb-server says "locked" once more to who has it, when one who waits goes
		{who: "b", lines: 2},
	},
	{
		{begin: true, step: watch(logged + "unlock SERVER mine"), log: unlocked},
	},

	{
		{begin: true, step: step{line: "wait-until bridge later other_config:x=y -- get bridge later other_config"}},
		{step: step{line: "add-br later -- set bridge later datapath_type=netdev"}},
		{step: step{line: "set bridge later other_config:x=z"}},
		{step: step{line: "set bridge later other_config:x=y"}, ends: true, lines: 1},
	},
	{
		{begin: true, step: step{line: "wait-until interface e4 ofport=7 -- get interface e4 ofport error"}},
		{step: step{line: "add-port later e4 -- set interface e4 ofport_request=7"}, ends: true, lines: 2},
		{step: step{line: "del-br later"}},
	},

	{
		{step: step{line: "set-manager ptcp:6655:127.0.0.1"}},
		{step: step{line: "wait-until manager ptcp:6655:127.0.0.1 status:bound_port=6655 -- get manager ptcp:6655:127.0.0.1 status:bound_port is_connected"}},
		{step: client("list-dbs tcp:127.0.0.1:6655")},
		{begin: true, step: watch("monitor tcp:127.0.0.1:6655 Queue dscp"), lines: 3},
		{step: insert(40), lines: 4},
		{step: client(`transact tcp:127.0.0.1:6655 '["Open_vSwitch",{"op":"delete","table":"Queue","where":[["dscp","==",40]]}]'`), lines: 4},
		{step: step{line: "--db=tcp:127.0.0.1:6655 get-manager"}},
	},
}
