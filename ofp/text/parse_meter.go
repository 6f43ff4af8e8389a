package text

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// ParseMeter reads one meter as add-meter and mod-meter take it, and as
// FormatMeter prints it:
//
//	meter=1,kbps,burst,stats,bands=type=drop,rate=1000,burst_size=100
//
// With ofp.MeterDelete it reads meter=... alone, or nothing for all meters. The
// error is a *flow.ParseError.
func ParseMeter(s string, command uint16) (*ofp.MeterMod, error) {
	mm := &ofp.MeterMod{Command: command}
	if command == ofp.MeterDelete {
		if strings.Trim(s, blank) == "" {
			s = "all"
		}
		var err error
		mm.MeterID, err = ParseMeterID(s)
		return mm, err
	}
	p := meterParser{mm: mm}
	if err := p.parse(s); err != nil {
		return nil, err
	}
	return mm, p.check()
}

// ParseMeterID reads which meter is meant, as dump-meters and meter-stats take it:
// "meter=1", "1" or "all".
func ParseMeterID(s string) (uint32, error) {
	value := strings.Trim(s, blank)
	value = strings.TrimPrefix(value, "meter=")
	if value == "all" {
		return ofp.MeterAll, nil
	}
	return meterID(value, ", or all")
}

// meterID reads the number or name of a meter that there can be.
func meterID(value, also string) (uint32, error) {
	for _, v := range virtualMeters {
		if v.name == value && v.id != ofp.MeterAll {
			return v.id, nil
		}
	}
	n, ok := number(value, 32)
	if !ok || n == 0 || n > uint64(ofp.MeterMax) {
		return 0, &flow.ParseError{Field: "meter", Value: value, Want: fmt.Sprintf("a number from 1 to %d, controller or slowpath%s", ofp.MeterMax, also)}
	}
	return uint32(n), nil
}

// meterParser gathers one meter.
type meterParser struct {
	mm      *ofp.MeterMod
	inBands bool
}

func (p *meterParser) parse(s string) error {
	for {
		kv, rest, ok, err := nextPair(s)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		s = rest
		switch {
		case kv.sep != 0 && kv.sep != '=':
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "\"=\" before the value"}
		case p.inBands:
			err = p.band(kv)
		case (kv.key == "bands" || kv.key == "band") && kv.sep == '=':
			p.inBands = true
			s = kv.value + rest
		default:
			err = p.keyword(kv)
		}
		if err != nil {
			return err
		}
	}
}

// keyword reads what stands before the bands.
func (p *meterParser) keyword(kv pair) (err error) {
	if kv.key == "meter" {
		p.mm.MeterID, err = meterID(kv.value, "")
		return err
	}
	for _, f := range meterFlagNames {
		if kv.key != f.name {
			continue
		}
		if kv.sep != 0 {
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value"}
		}
		p.mm.Flags |= ofp.MeterFlags(f.bit)
		return nil
	}
	return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "meter=NUMBER, kbps or pktps, burst, stats, and bands=... at the end"}
}

// band reads one pair of a band. A band begins with its type.
func (p *meterParser) band(kv pair) error {
	if kv.key == "type" {
		d := ofp.MeterBand{}
		switch kv.value {
		case "drop":
			d.Type = ofp.MeterBandDrop
		case "dscp_remark":
			d.Type = ofp.MeterBandDSCPRemark
		default:
			return &flow.ParseError{Field: "band type", Value: kv.value, Want: "drop or dscp_remark"}
		}
		p.mm.Bands = append(p.mm.Bands, d)
		return nil
	}
	if len(p.mm.Bands) == 0 {
		return &flow.ParseError{Field: "bands", Value: kv.text(), Want: "type=... first in each band"}
	}
	d := &p.mm.Bands[len(p.mm.Bands)-1]
	switch kv.key {
	case "rate":
		n, err := field(kv.key, kv.value, 1, 0xffffffff)
		d.Rate = uint32(n)
		return err
	case "burst_size":
		n, err := field(kv.key, kv.value, 0, 0xffffffff)
		d.BurstSize = uint32(n)
		return err
	case "prec_level":
		n, err := field(kv.key, kv.value, 0, 0xff)
		d.PrecLevel = uint8(n)
		return err
	}
	return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "type, rate, burst_size or prec_level in a band"}
}

// check refuses what ovs-ofctl refuses.
func (p *meterParser) check() error {
	mm := p.mm
	units := mm.Flags & (ofp.MeterFlagKBPS | ofp.MeterFlagPKTPS)
	switch {
	case mm.MeterID == 0:
		return &flow.ParseError{Field: "meter", Want: "meter=NUMBER, which is missing"}
	case mm.Flags == 0:
		return &flow.ParseError{Field: "meter", Want: "kbps or pktps, the unit of the rates, which is missing"}
	case units == ofp.MeterFlagKBPS|ofp.MeterFlagPKTPS:
		return &flow.ParseError{Field: "meter", Value: "kbps and pktps", Want: "one unit of the rates"}
	case len(mm.Bands) == 0:
		return &flow.ParseError{Field: "bands", Want: "bands=type=..., which is missing"}
	}
	for _, d := range mm.Bands {
		burst := mm.Flags&ofp.MeterFlagBurst != 0
		switch {
		case d.Rate == 0:
			return &flow.ParseError{Field: "rate", Want: "rate=NUMBER in each band"}
		case d.Type == ofp.MeterBandDSCPRemark && d.PrecLevel == 0:
			return &flow.ParseError{Field: "prec_level", Want: "prec_level=NUMBER, from 1, in each dscp_remark band"}
		case d.Type == ofp.MeterBandDrop && d.PrecLevel != 0:
			return &flow.ParseError{Field: "prec_level", Value: fmt.Sprint(d.PrecLevel), Want: "it in dscp_remark bands only"}
		case burst && d.BurstSize == 0:
			return &flow.ParseError{Field: "burst_size", Want: "burst_size=NUMBER in each band, since burst is set"}
		case !burst && d.BurstSize != 0:
			return &flow.ParseError{Field: "burst_size", Value: fmt.Sprint(d.BurstSize), Want: "the word burst before the bands, too"}
		}
	}
	return nil
}
