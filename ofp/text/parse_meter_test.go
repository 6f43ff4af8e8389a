package text

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"ofswitch/ofp"
)

// readMeters are texts of meters and what is printed of the meter-mod.
var readMeters = []struct{ in, want string }{
	{"meter=1,kbps,bands=type=drop,rate=1000", "ADD meter=1 kbps bands=\ntype=drop rate=1000\n"},
	{"meter=1,pktps,burst,stats,bands=type=drop,rate=1000,burst_size=5", "ADD meter=1 pktps burst stats bands=\ntype=drop rate=1000 burst_size=5\n"},
	{"meter=0xffff0000 kbps band=type=drop rate=1 type=dscp_remark rate=2 prec_level=3", "ADD meter=4294901760 kbps bands=\ntype=drop rate=1\ntype=dscp_remark rate=2 prec_level=3\n"},
	{"kbps,meter=controller,bands=type=drop,rate=1", "ADD meter=controller kbps bands=\ntype=drop rate=1\n"},
	{"meter=slowpath,stats,bands=\ntype=drop rate=1\n", "ADD meter=slowpath stats bands=\ntype=drop rate=1\n"},
}

func TestParseMeter(t *testing.T) {
	for _, c := range readMeters {
		mm, err := ParseMeter(c.in, ofp.MeterAdd)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := FormatMeterMod(mm); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
	for in, want := range map[string]uint32{"": ofp.MeterAll, "meter=all": ofp.MeterAll, "all": ofp.MeterAll, "meter=7": 7, "7": 7, "meter=controller": ofp.MeterController} {
		if mm, err := ParseMeter(in, ofp.MeterDelete); err != nil || mm.MeterID != want || mm.Command != ofp.MeterDelete {
			t.Errorf("delete %q: %+v, %v; want meter %d", in, mm, err, want)
		}
	}
}

func TestParseMeterErrors(t *testing.T) {
	for _, c := range []struct {
		in          string
		command     uint16
		field, want string
	}{
		{"kbps,bands=type=drop,rate=1", ofp.MeterAdd, "meter", "missing"},
		{"meter=0,kbps,bands=type=drop,rate=1", ofp.MeterAdd, "meter", "from 1"},
		{"meter=all,kbps,bands=type=drop,rate=1", ofp.MeterAdd, "meter", "from 1"},
		{"meter=4294901761,kbps,bands=type=drop,rate=1", ofp.MeterAdd, "meter", "4294901760"},
		{"meter=1,bands=type=drop,rate=1", ofp.MeterAdd, "meter", "kbps or pktps"},
		{"meter=1,kbps,pktps,bands=type=drop,rate=1", ofp.MeterAdd, "meter", "one unit"},
		{"meter=1,kbps=5,bands=type=drop,rate=1", ofp.MeterAdd, "kbps", "no value"},
		{"meter=1,kbps,foo,bands=type=drop,rate=1", ofp.MeterAdd, "foo", "bands=..."},
		{"meter:1,kbps,bands=type=drop,rate=1", ofp.MeterAdd, "meter", `"="`},
		{"meter=1,kbps", ofp.MeterAdd, "bands", "missing"},
		{"meter=1,kbps,bands=", ofp.MeterAdd, "bands", "missing"},
		{"meter=1,kbps,bands=rate=1", ofp.MeterAdd, "bands", "type"},
		{"meter=1,kbps,bands=type=foo,rate=1", ofp.MeterAdd, "band type", "dscp_remark"},
		{"meter=1,kbps,bands=type=drop", ofp.MeterAdd, "rate", "each band"},
		{"meter=1,kbps,bands=type=drop,rate=0", ofp.MeterAdd, "rate", "from 1"},
		{"meter=1,kbps,bands=type=drop,rate=4294967296", ofp.MeterAdd, "rate", "4294967295"},
		{"meter=1,kbps,bands=type=drop,rate=1,foo=2", ofp.MeterAdd, "foo", "prec_level"},
		{"meter=1,kbps,bands=type=drop,rate=1,burst_size=5", ofp.MeterAdd, "burst_size", "burst"},
		{"meter=1,kbps,burst,bands=type=drop,rate=1", ofp.MeterAdd, "burst_size", "burst"},
		{"meter=1,kbps,bands=type=drop,rate=1,prec_level=1", ofp.MeterAdd, "prec_level", "dscp_remark"},
		{"meter=1,kbps,bands=type=dscp_remark,rate=1", ofp.MeterAdd, "prec_level", "from 1"},
		{"meter=1,kbps,bands=type=dscp_remark,rate=1,prec_level=256", ofp.MeterAdd, "prec_level", "255"},
		{"meter=x", ofp.MeterDelete, "meter", "or all"},
		{"meter=1,kbps", ofp.MeterDelete, "meter", "or all"},
	} {
		_, err := ParseMeter(c.in, c.command)
		wantRefused(t, c.in, err, c.field, c.want)
	}
}

// TestMeterRoundTrip: what is printed is read back as the same meter.
func TestMeterRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 5000 {
		mm := randomMeter(r)
		s := FormatMeter(&ofp.MeterConfig{Flags: mm.Flags, MeterID: mm.MeterID, Bands: mm.Bands})
		got, err := ParseMeter(s, mm.Command)
		if err != nil || !reflect.DeepEqual(got, mm) {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", s, got, err, mm)
		}
	}
}

// FuzzParseMeter: as FuzzParseGroup.
func FuzzParseMeter(f *testing.F) {
	for _, c := range readMeters {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		mm, err := ParseMeter(s, ofp.MeterAdd)
		if err != nil || ofp.Check(mm) != nil {
			return
		}
		text := FormatMeter(&ofp.MeterConfig{Flags: mm.Flags, MeterID: mm.MeterID, Bands: mm.Bands})
		again, err := ParseMeter(text, ofp.MeterAdd)
		if err != nil || string(ofp.Encode(1, again)) != string(ofp.Encode(1, mm)) {
			t.Fatalf("%q is printed as %q, which is %+v, %v", s, text, again, err)
		}
	})
}
