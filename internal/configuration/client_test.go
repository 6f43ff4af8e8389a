package configuration

import (
	"encoding/json"
	"regexp"
	"strings"
)

// client is a call of ovsdb-client.
func client(line string, order ...func(string) string) step {
	st := step{line: "--timeout=10 " + line, tool: "ovsdb-client"}
	if len(order) > 0 {
		st.order = order[0]
	}
	return st
}

// transaction is ovsdb-client transact with operations on database Open_vSwitch.
func transaction(operations string) step {
	return client(`transact SERVER '["Open_vSwitch",` + operations + `]'`)
}

const schemaFile = "/usr/share/openvswitch/vswitch.ovsschema"

// clientSteps are the calls of ovsdb-client(1), but for those that run until
// they are ended.
var clientSteps = []step{
	client("list-dbs SERVER"),
	client("list-dbs unix:/nonexistent/db.sock"),
	client("get-schema SERVER", canonical),
	client("get-schema SERVER _Server", canonical),
	client("get-schema SERVER nobody"),
	client("get-schema-version SERVER"),
	client("get-schema-version SERVER _Server"),
	client("get-schema-cksum SERVER Open_vSwitch"),
	client("get-schema-cksum SERVER nobody"),
	client("list-tables SERVER", lines(2)),
	client("list-tables SERVER _Server", lines(2)),
	client("list-columns SERVER Open_vSwitch", lines(2)),
	client("list-columns SERVER Open_vSwitch Bridge", lines(2)),
	client("list-columns SERVER Open_vSwitch nobody"),
	client("needs-conversion SERVER " + schemaFile),
	client("wait SERVER Open_vSwitch connected"),
	client("wait SERVER Open_vSwitch added"),
	client("wait SERVER nobody removed"),
	client("nothing SERVER"),

	transaction(`{"op":"insert","table":"Queue","row":{"dscp":1,"other_config":["map",[["a","b"],["c","d"]]]}}`),
	transaction(`{"op":"insert","table":"Queue","uuid-name":"q","row":{"dscp":2}},{"op":"insert","table":"QoS","row":{"type":"x","queues":["map",[[0,["named-uuid","q"]]]]}}`),
	transaction(`{"op":"select","table":"Queue","where":[["dscp","==",1]],"columns":["dscp","other_config"]}`),
	transaction(`{"op":"select","table":"QoS","where":[],"columns":["_uuid","type"]}`),
	transaction(`{"op":"select","table":"Queue","where":[["other_config","includes",["map",[["a","b"]]]]],"columns":["dscp"]}`),
	transaction(`{"op":"select","table":"Queue","where":[["dscp","<",2]],"columns":["dscp"]}`),
	transaction(`{"op":"update","table":"Queue","where":[["dscp","==",1]],"row":{"dscp":3}}`),
	transaction(`{"op":"mutate","table":"Queue","where":[["dscp","==",3]],"mutations":[["other_config","delete",["set",["a"]]],["other_config","insert",["map",[["e","f"]]]]]}`),
	transaction(`{"op":"mutate","table":"Queue","where":[["dscp","==",3]],"mutations":[["dscp","+=",1]]}`),
	transaction(`{"op":"wait","table":"Queue","where":[["dscp","==",3]],"columns":["dscp"],"until":"==","rows":[{"dscp":3}],"timeout":0}`),
	transaction(`{"op":"wait","table":"Queue","where":[["dscp","==",3]],"columns":["dscp"],"until":"!=","rows":[{"dscp":3}],"timeout":0}`),
	transaction(`{"op":"comment","comment":"hello"},{"op":"commit","durable":true}`),
	transaction(`{"op":"abort"}`),
	transaction(`{"op":"assert","lock":"nobody"}`),
	transaction(`{"op":"delete","table":"Queue","where":[["dscp","==",2]]}`),
	transaction(`{"op":"delete","table":"Queue","where":[["dscp","==",3]]}`),
	client(`query SERVER '["Open_vSwitch",{"op":"insert","table":"Queue","row":{"dscp":9}}]'`),
	client(`query SERVER '["Open_vSwitch",{"op":"select","table":"Queue","where":[["dscp","==",4]],"columns":["dscp"]}]'`),

	// Mistakes.
	transaction(`{"op":"nothing"}`),
	transaction(`{"op":"insert","table":"nobody","row":{}}`),
	transaction(`{"op":"insert","table":"Queue","row":{"nobody":1}}`),
	transaction(`{"op":"insert","table":"Queue","row":{"dscp":"x"}}`),
	transaction(`{"op":"insert","table":"Queue","row":{"dscp":64}}`),
	transaction(`{"op":"insert","table":"Queue","row":{"dscp":["set",[1,2]]}}`),
	transaction(`{"op":"insert","table":"Queue"}`),
	transaction(`{"op":"insert","table":"Queue","row":{},"more":1}`),
	transaction(`{"op":"insert","table":"Queue","row":{},"uuid-name":"q"},{"op":"insert","table":"Queue","row":{},"uuid-name":"q"}`),
	transaction(`{"op":"insert","table":"Open_vSwitch","row":{}}`),
	transaction(`{"op":"insert","table":"QoS","row":{"type":"x","queues":["map",[[0,["uuid","00000000-0000-0000-0000-000000000001"]]]]}}`),
	transaction(`{"op":"insert","table":"QoS","row":{"type":"x","queues":["map",[[0,["named-uuid","nobody"]]]]}}`),
	transaction(`{"op":"select","table":"Queue","where":[["dscp","=",1]]}`),
	transaction(`{"op":"select","table":"Queue","where":[["nobody","==",1]]}`),
	transaction(`{"op":"mutate","table":"Queue","where":[],"mutations":[["dscp","^=",1]]}`),
	transaction(`{"op":"mutate","table":"QoS","where":[],"mutations":[["type","+=",1]]}`),
	transaction(`{"op":"update","table":"Queue","where":[],"row":{"_uuid":["uuid","00000000-0000-0000-0000-000000000001"]}}`),
	client(`transact SERVER '["nobody"]'`),
	client(`transact SERVER '[]'`),
	client(`transact SERVER '{"a":1}'`),
	client(`transact SERVER '["_Server",{"op":"delete","table":"Database","where":[]}]'`),

	client("dump SERVER Open_vSwitch Queue", lines(3)),
	client("-f json dump SERVER Open_vSwitch Queue dscp other_config", canonical),
	client("-f csv dump SERVER Open_vSwitch QoS type"),
	client("dump SERVER Open_vSwitch nobody"),
	client("-f list dump SERVER _Server Database name model connected leader", blocks),
	{tool: "sh", line: "-c 'ovsdb-client --timeout=10 backup SERVER > {DIR}/backup; echo $?; head -1 {DIR}/backup | cut -c1-11'"},
	{tool: "sh", line: "-c 'ovsdb-client --timeout=10 --force restore SERVER < {DIR}/backup'"},
	client("convert SERVER " + schemaFile),
	client("needs-conversion SERVER " + schemaFile),
	client("convert SERVER /nonexistent"),
}

var numbers = regexp.MustCompile(`"(_date|time)":[0-9]+`)

// canonical writes lines of JSON with the members of objects in order.
func canonical(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		var v any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if d.Decode(&v) == nil {
			if out, err := json.Marshal(v); err == nil {
				line = string(out) + "\n"
			}
		}
		b.WriteString(numbers.ReplaceAllString(line, `"$1":0`))
	}
	return b.String()
}
