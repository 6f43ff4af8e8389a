package vsctl

// command is one of the language. A value of options that ends in "=" has an
// argument.
type command struct {
	name     string
	min, max int // number of arguments; max anyNumber: no limit
	args     string
	options  []string
	usage    string
	needs    func(*run, *call) error // which columns it reads; nil: none
	do       func(*run, *call) error
}

const anyNumber = 1 << 30

// call is a command as it is asked for.
type call struct {
	*command
	options map[string]string
	args    []string // without the command's name
	words   []string // all of it, for messages
}

func (c *call) has(option string) bool {
	_, ok := c.options[option]
	return ok
}

// arg is an argument, or nothing if there are not so many.
func (c *call) arg(i int) string {
	if i < len(c.args) {
		return c.args[i]
	}
	return ""
}

// commands are all there are, in the order of the manual. They are a variable of
// init's since comment and others are looked up in it.
var commands []*command

func init() {
	commands = []*command{
		{"init", 0, 0, "", nil, "make the database's first row, if it has none", nil, nothing},
		{"show", 0, 0, "", nil, "print an overview of the database", needShow, show},
		{"emer-reset", 0, 0, "", nil, "take out controllers, managers, SSL, mirrors, sampling and other_config", needReset, emergencyReset},

		{"add-br", 1, 3, "NEW-BRIDGE [PARENT] [NEW-VLAN]", []string{"--may-exist"}, "add a bridge, or one that is a VLAN of another", needSwitch, addBridge},
		{"del-br", 1, 1, "BRIDGE", []string{"--if-exists"}, "delete a bridge and all its ports", needSwitch, deleteBridge},
		{"list-br", 0, 0, "", []string{"--real", "--fake"}, "print the names of the bridges", needSwitch, listBridges},
		{"br-exists", 1, 1, "BRIDGE", nil, "exit with status 2 if there is no such bridge", needSwitch, bridgeExists},
		{"br-to-vlan", 1, 1, "BRIDGE", nil, "print the VLAN that a bridge is", needSwitch, bridgeToVLAN},
		{"br-to-parent", 1, 1, "BRIDGE", nil, "print the bridge that a bridge is a VLAN of", needSwitch, bridgeToParent},
		{"br-set-external-id", 2, 3, "BRIDGE KEY [VALUE]", nil, "set or take out an external id of a bridge", needExternalIDs, setExternalID},
		{"br-get-external-id", 1, 2, "BRIDGE [KEY]", nil, "print external ids of a bridge", needExternalIDs, getExternalID},

		{"list-ports", 1, 1, "BRIDGE", nil, "print the names of a bridge's ports", needSwitch, listPorts},
		{"add-port", 2, anyNumber, "BRIDGE NEW-PORT [COLUMN[:KEY]=VALUE]...", []string{"--may-exist"}, "add a network device to a bridge", needAddPort, addPort},
		{"add-bond", 4, anyNumber, "BRIDGE BOND IFACE... [COLUMN[:KEY]=VALUE]...", []string{"--may-exist", "--fake-iface"}, "add a port of several devices", needAddPort, addBond},
		{"del-port", 1, 2, "[BRIDGE] PORT|IFACE", []string{"--if-exists", "--with-iface"}, "delete a port", needSwitch, deletePort},
		{"port-to-br", 1, 1, "PORT", nil, "print the bridge that a port is on", needSwitch, portToBridge},
		{"add-bond-iface", 2, 2, "BOND IFACE", []string{"--may-exist"}, "add a device to a bond", needSwitch, addBondInterface},
		{"del-bond-iface", 1, 2, "[BOND] IFACE", []string{"--if-exists"}, "take a device out of a bond", needSwitch, deleteBondInterface},
		{"list-ifaces", 1, 1, "BRIDGE", nil, "print the names of a bridge's interfaces", needSwitch, listInterfaces},
		{"iface-to-br", 1, 1, "IFACE", nil, "print the bridge that an interface is on", needSwitch, interfaceToBridge},

		{"add-zone-tp", 2, 18, "DATAPATH zone=ID [KEY=VALUE]...", []string{"--may-exist"}, "set the timeouts of a connection tracking zone", needZones, addZone},
		{"del-zone-tp", 2, 2, "DATAPATH zone=ID", []string{"--if-exists"}, "take out the timeouts of a zone", needZones, deleteZone},
		{"list-zone-tp", 1, 1, "DATAPATH", nil, "print the timeouts of all zones", needZones, listZones},
		{"list-dp-cap", 1, 1, "DATAPATH", nil, "print what a datapath is capable of", needCapabilities, listCapabilities},

		{"get-controller", 1, 1, "BRIDGE", nil, "print the controllers of a bridge", needControllers, getControllers},
		{"del-controller", 1, 1, "BRIDGE", nil, "delete the controllers of a bridge", needControllers, deleteControllers},
		{"set-controller", 1, anyNumber, "BRIDGE TARGET...", []string{"--inactivity-probe="}, "set the controllers of a bridge", needControllers, setControllers},
		{"get-fail-mode", 1, 1, "BRIDGE", nil, "print what a bridge does without controller", needSwitch, getFailMode},
		{"del-fail-mode", 1, 1, "BRIDGE", nil, "take out what a bridge does without controller", needSwitch, deleteFailMode},
		{"set-fail-mode", 2, 2, "BRIDGE MODE", nil, "set what a bridge does without controller", needSwitch, setFailMode},

		{"get-manager", 0, 0, "", nil, "print the managers of the database", needManagers, getManagers},
		{"del-manager", 0, 0, "", nil, "delete the managers", needManagers, deleteManagers},
		{"set-manager", 1, anyNumber, "TARGET...", []string{"--inactivity-probe="}, "set the managers", needManagers, setManagers},
		{"get-ssl", 0, 0, "", nil, "print the files for TLS", needSSL, getSSL},
		{"del-ssl", 0, 0, "", nil, "take out the files for TLS", needSSL, deleteSSL},
		{"set-ssl", 3, 3, "PRIVATE-KEY CERTIFICATE CA-CERT", []string{"--bootstrap"}, "set the files for TLS", needSSL, setSSL},

		{"add-aa-mapping", 3, 3, "BRIDGE I-SID VLAN", nil, "add an auto-attach mapping", needMappings, addMapping},
		{"del-aa-mapping", 3, 3, "BRIDGE I-SID VLAN", nil, "delete an auto-attach mapping", needMappings, deleteMapping},
		{"get-aa-mapping", 1, 1, "BRIDGE", nil, "print the auto-attach mappings of a bridge", needMappings, getMappings},

		{"comment", 0, anyNumber, "[ARG]...", nil, "put a text into the database's log", nil, nothing},
		{"get", 2, anyNumber, "TABLE RECORD [COLUMN[:KEY]]...", []string{"--if-exists", "--id="}, "print values of a row", needSettings(2), get},
		{"list", 1, anyNumber, "TABLE [RECORD]...", []string{"--if-exists", "--columns="}, "print rows of a table", needList, list},
		{"find", 1, anyNumber, "TABLE [COLUMN[:KEY]=VALUE]...", []string{"--columns="}, "print the rows for which conditions hold", needList, find},
		{"set", 3, anyNumber, "TABLE RECORD COLUMN[:KEY]=VALUE...", []string{"--if-exists"}, "set values of a row", needSettings(2), set},
		{"add", 4, anyNumber, "TABLE RECORD COLUMN [KEY=]VALUE...", []string{"--if-exists"}, "add elements to a column of a row", needColumns(2, 3), add},
		{"remove", 4, anyNumber, "TABLE RECORD COLUMN KEY|VALUE|KEY=VALUE...", []string{"--if-exists"}, "take elements out of a column of a row", needColumns(2, 3), remove},
		{"clear", 3, anyNumber, "TABLE RECORD COLUMN...", []string{"--if-exists"}, "make columns of a row empty", needColumns(2, anyNumber), clearColumns},
		{"create", 2, anyNumber, "TABLE COLUMN[:KEY]=VALUE...", []string{"--id="}, "make a row", needCreate, create},
		{"destroy", 1, anyNumber, "TABLE [RECORD]...", []string{"--if-exists", "--all"}, "delete rows", needTable, destroy},
		{"wait-until", 2, anyNumber, "TABLE RECORD [COLUMN[:KEY]=VALUE]...", nil, "wait until a row is there and conditions hold", needSettings(2), waitUntil},
	}
}

func nothing(*run, *call) error { return nil }

func commandByName(name string) *command {
	for _, c := range commands {
		if c.name == name {
			return c
		}
	}
	return nil
}

// Verb describes a command, for lists of them.
type Verb struct {
	Name, Args, Usage string
	Options           []string // "--may-exist", "--id="
}

// Verbs are all commands, in the order of the manual.
func Verbs() []Verb {
	list := make([]Verb, len(commands))
	for i, c := range commands {
		list[i] = Verb{c.name, c.args, c.usage, c.options}
	}
	return list
}
