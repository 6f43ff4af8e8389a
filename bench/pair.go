package main

// result is the outcome of a line that compares our switch with Open vSwitch
// alone.
type result struct {
	Line   string
	Unit   string
	Ours   []float64
	Theirs []float64
	Ratio  float64 // of medians
}

func (r result) outcome() outcome {
	return outcome{Line: databaseLine + "-" + r.Line, Unit: r.Unit, Less: true,
		Series: []series{{Name: ours, Values: r.Ours}, {Name: ovs, Values: r.Theirs}}}
}

func (r garbageResult) outcome() outcome {
	return outcome{Line: r.Line, Unit: r.Unit,
		Series: []series{{Name: settings[0].name, Values: r.Quiet}, {Name: settings[1].name, Values: r.Decoy}, {Name: settings[2].name, Values: r.Attacked}}}
}

func (r meterResult) outcome() outcome {
	return outcome{Line: r.Line, Unit: r.Unit,
		Series: []series{{Name: "passed", Values: r.Passed}, {Name: "offered", Values: r.Offered}}}
}
