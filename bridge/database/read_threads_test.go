package database

import (
	"reflect"
	"strings"
	"testing"

	"ofswitch/bridge"
	"ofswitch/ovsdb"
)

// What cannot be is left out, and said.
func TestReadThreads(t *testing.T) {
	for _, c := range []struct {
		key, value string
		want       bridge.Threads
		warning    string // in it; "": none
	}{
		{"n-workers", "4", bridge.Threads{Workers: 4}, ""},
		{"n-workers", "64", bridge.Threads{Workers: 64}, ""},
		{"n-workers", "0", bridge.Threads{}, "other_config:n-workers=0: 0 forwarding threads cannot be: want 1 to 64"},
		{"n-workers", "-1", bridge.Threads{}, "want 1 to 64"},
		{"n-workers", "65", bridge.Threads{}, "want 1 to 64"},
		{"n-workers", "1000000000", bridge.Threads{}, "want 1 to 64"},
		{"n-workers", "99999999999999999999", bridge.Threads{}, "want a number from 1 to 64"},
		{"n-workers", "many", bridge.Threads{}, "want a number from 1 to 64"},
		{"pmd-cpu-mask", "0x5", bridge.Threads{CPUs: []int{0, 2}}, ""},
		{"pmd-cpu-mask", "zz", bridge.Threads{}, `other_config:pmd-cpu-mask: "zz" is no mask`},
		{"pmd-busy-poll", "true", bridge.Threads{BusyPoll: true}, ""},
		{"pmd-busy-poll", "yes", bridge.Threads{}, "want true or false"},
		{"pmd-rxq-isolate", "false", bridge.Threads{Shared: true}, ""},
		{"pmd-rxq-isolate", "true", bridge.Threads{}, ""},
		{"pmd-rxq-isolate", "maybe", bridge.Threads{}, "want true or false; true is used"},
		{"n-handler-threads", "2", bridge.Threads{}, "other_config:n-handler-threads has no effect in this switch"},
		{"pmd-auto-lb", "true", bridge.Threads{}, "has no effect"},
	} {
		db := newRows(t, rootRow(ovsdb.Values{"other_config": pairs(c.key, c.value)}))
		d := read(db, newRecall())
		if !reflect.DeepEqual(d.config.Threads, c.want) {
			t.Errorf("%s=%s: %+v, want %+v", c.key, c.value, d.config.Threads, c.want)
		}
		if got := strings.Join(d.warnings, "\n"); c.warning == "" && got != "" || !strings.Contains(got, c.warning) {
			t.Errorf("%s=%s: %q, want %q", c.key, c.value, got, c.warning)
		}
	}
}
