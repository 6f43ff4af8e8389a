package main

import (
	"errors"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"ofswitch/bridge"
)

func parse(args ...string) (*options, error) {
	return parseArgs(append([]string{"ofswitchd"}, args...), io.Discard)
}

// The flags after --bridge belong to it; ports keep their order.
func TestFlagGroups(t *testing.T) {
	o, err := parse("--run-dir", "r", "--db", "none",
		"--bridge", "left", "--datapath-id", "00000000000000ab", "--port", "eth0", "--port", "eth1@7",
		"--controller", "tcp:127.0.0.1:6653,max_backoff=1000,inactivity_probe=0,connection_mode=out-of-band,controller_rate_limit=400,controller_burst_limit=50", "--fail-mode", "secure", "--protocols", "OpenFlow10,OpenFlow13",
		"--bridge", "right", "--listen", "ptcp:6654",
		"--port", "vm0,type=internal,mac=02:00:00:00:00:05,mtu_request=9000,options:io=plain",
		"--port", "p1,type=patch,options:peer=p0", "--workers", "2",
		"--other-config", "aux-connections=2")
	if err != nil {
		t.Fatal(err)
	}
	want := bridge.Config{Bridges: []bridge.Bridge{{
		Name: "left", DatapathID: 0xab, FailMode: bridge.Secure, Protocols: []string{"OpenFlow10", "OpenFlow13"},
		Ports:       []bridge.Port{{Name: "eth0"}, {Name: "eth1", Request: 7}},
		Controllers: []bridge.Controller{{Target: "tcp:127.0.0.1:6653", MaxBackoff: time.Second, InactivityProbe: -1, OutOfBand: true, RateLimit: 400, BurstLimit: 50}},
	}, {
		Name: "right", FailMode: bridge.Standalone,
		Listeners:   []bridge.Listener{{Target: "ptcp:6654"}},
		OtherConfig: map[string]string{"aux-connections": "2"},
		Ports: []bridge.Port{
			{Name: "vm0", Type: "internal", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 5}, MTU: 9000, Options: map[string]string{"io": "plain"}},
			{Name: "p1", Type: "patch", Options: map[string]string{"peer": "p0"}},
		},
	}}}
	if !reflect.DeepEqual(o.config, want) {
		t.Errorf("got  %+v\nwant %+v", o.config, want)
	}
	if o.runDir != "r" || o.threads.Workers != 2 {
		t.Errorf("run-dir %q, workers %d", o.runDir, o.threads.Workers)
	}
}

func TestFlagErrors(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"--bridge br0", "bridges are in the database, --db /var/lib/ofswitch/conf.db"},
		{"--db ./conf.db --bridge br0", "or add --db none"},
		{"--db nonesuch", "want a file"},
		{"--db unix:", "database"},
		{"--db tcp:192.0.2.1,ptcp:6640", "it does not connect"},
		{"--db none", "no bridge"},
		{"--db none --port eth0 --bridge br0", "put --bridge NAME before it"},
		{"--db none --bridge br0 --datapath-id 0", "hex digits"},
		{"--db none --bridge br0 --fail-mode maybe", "standalone or secure"},
		{"--db none --bridge br0 --protocols OpenFlow13,OpenFlow15", `"OpenFlow15" is not supported: there are OpenFlow10 and OpenFlow13`},
		{"--db none --protocols OpenFlow13 --bridge br0", "put --bridge NAME before it"},
		{"--db none --bridge br0 --port eth0@4294967295", "want 1 to 4294967040"},
		{"--db none --bridge br0 --port eth0,colour=red", "column colour is not known"},
		{"--db none --bridge br0 --port eth0,red", "no COLUMN=VALUE"},
		{"--db none --bridge br0 --port v,mac=1:2", "want six bytes"},
		{"--db none --bridge br0 --port v,mtu_request=9", "want 68 to 65535"},
		{"--db none --bridge br0 --controller tcp:h,max_backoff=soon", "want milliseconds"},
		{"--db none --bridge br0 --controller tcp:h,connection_mode=both", "want in-band or out-of-band"},
		{"--db none --bridge br0 --controller tcp:h,controller_rate_limit=-1", "want packet-ins per second"},
		{"--db none --bridge br0 --controller 192.0.2.1", "want tcp:HOST[:PORT], ssl:HOST[:PORT] or unix:PATH"},
		{"--db none --bridge br0 --controller ptcp:6653", "it does not connect"},
		{"--db none --bridge br0 --listen tcp:6653", "it does not listen"},
		{"--db none --bridge br0 --controller tcp:h,role=master", "column role is not known"},
		{"--db none --bridge br0 --other-config aux-connections", "no KEY=VALUE"},
		{"--db none --bridge br0 --other-config aux-connections=999", "aux-connections=999: want a number from 0 to 255"},
		{"--db none --bridge br0 --other-config colour=red", "other_config:colour is not known"},
		{"--db none --other-config aux-connections=1 --bridge br0", "put --bridge NAME before it"},
		{"--db none --bridge br0 --workers 0", "want 1 to 64"},
		{"--db none --bridge br0 --workers -1", "want 1 to 64"},
		{"--db none --bridge br0 --workers 1000000000", "want 1 to 64"},
		{"--db none --bridge br0 --cpu-mask 0", "no mask of processors"},
		{"--db none --bridge br0 --cpu-mask 0xg", "no mask of processors"},
		{"--db none --bridge br0 --log-level loud", "debug, info, warn or error"},
		{"--db none --bridge br0 extra", `argument "extra" is not expected`},
		{"--db none --bridge br0 --workers x", "--workers=x: want a number"},
		{"--db none --bridge br0 --busy-poll=7", "--busy-poll=7: want true or false, or nothing"},
		{"--db none --bridge br0 --log-file", "--log-file needs a value; ofswitchd --help"},
		{"--db none --bridge br0 --colour", "there is no flag --colour; ofswitchd --help"},
		{"--db none --bridge br0 --run-dir=", "want the path of a directory"},
	} {
		_, err := parse(strings.Fields(c.args)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.args, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "is used") {
			t.Errorf("%s: error %v, but there is no switch that uses it", c.args, err)
		}
	}
}

func TestHelp(t *testing.T) {
	var out strings.Builder
	_, err := parseArgs([]string{"ofswitchd", "--help"}, &out)
	if !errors.Is(err, errDone) {
		t.Errorf("error %v", err)
	}
	for _, flag := range []string{"--bridge", "--port", "--controller", "--listen", "--protocols", "--fail-mode", "--datapath-id", "--run-dir", "--db", "--detach"} {
		if !strings.Contains(out.String(), flag) {
			t.Errorf("--help does not name %s:\n%s", flag, out.String())
		}
	}
}
