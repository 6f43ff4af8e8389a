package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) addMeterCommand() *cli.Command {
	return e.meterModCommand("add-meter", "add a meter", ofp.MeterAdd)
}

func (e *env) modMeterCommand() *cli.Command {
	return e.meterModCommand("mod-meter", "change a meter", ofp.MeterModify)
}

func (e *env) meterModCommand(name, usage string, code uint16) *cli.Command {
	return &cli.Command{
		Name:      name,
		Usage:     usage,
		ArgsUsage: "SWITCH METER",
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return meterMod(meterOptions{o, args[0], args[1]}, code)
		}),
	}
}

func (e *env) delMetersCommand() *cli.Command {
	return &cli.Command{
		Name:      "del-meters",
		Aliases:   []string{"del-meter"},
		Usage:     "delete a meter (meter=N), or all",
		ArgsUsage: "SWITCH [METER]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return meterMod(newMeterOptions(o, args), ofp.MeterDelete)
		}),
	}
}

func (e *env) dumpMetersCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-meters",
		Aliases:   []string{"dump-meter"},
		Usage:     "print one meter or all",
		ArgsUsage: "SWITCH [METER]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return dumpMeters(e.out, newMeterOptions(o, args), ofp.MultipartMeterConfig, "meter configuration")
		}),
	}
}

func (e *env) meterStatsCommand() *cli.Command {
	return &cli.Command{
		Name:      "meter-stats",
		Usage:     "print the counters of one meter or all",
		ArgsUsage: "SWITCH [METER]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return dumpMeters(e.out, newMeterOptions(o, args), ofp.MultipartMeter, "meter statistics")
		}),
	}
}

func (e *env) meterFeaturesCommand() *cli.Command {
	return e.dumpCommand("meter-features", "print what meters the switch can have", ofp.MultipartMeterFeatures, "meter features")
}

// meterOptions are those of the verbs about meters.
type meterOptions struct {
	common
	Switch string
	Meter  string // the whole meter, or which one; "": all
}

func newMeterOptions(o common, args []string) meterOptions {
	return meterOptions{o, args[0], argument(args, 1, "all")}
}

// meterMod sends a meter-mod and waits until the switch has done it.
func meterMod(o meterOptions, code uint16) error {
	mm, err := text.ParseMeter(o.Meter, code)
	if err != nil {
		return err
	}
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.sendMods([]modLine{{"", o.Meter, mm}}, false)
}

// dumpMeters prints configurations or counters.
func dumpMeters(w io.Writer, o meterOptions, kind uint16, what string) error {
	id, err := text.ParseMeterID(o.Meter)
	if err != nil {
		return err
	}
	return printAnswer(w, o.common, o.Switch, kind, &ofp.MeterRequest{MeterID: id}, what)
}
