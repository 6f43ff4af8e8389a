package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := mainErr(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func mainErr(ctx context.Context) error {
	o := &options{}
	rounds := flag.Int("rounds", 0, "rounds of each contender a line; 0: what the line has")
	seconds := flag.Float64("seconds", 0, "length of one measurement; 0: what the line has")
	jsonFile := flag.String("json", "", "write the results to `FILE`")
	bin := flag.String("bin", "bin", "`DIR` with ofswitchd and ofctl")
	base := flag.String("base", "", "`DIR` with those of another revision, measured beside")
	list := flag.Bool("list", false, "list the lines and end")
	flag.StringVar(&o.testdata, "testdata", "testdata", "`DIR` with example messages, for the line garbage")
	source := flag.String("source", ".", "`DIR` of the module, for the lines of Go benchmarks")
	svg := flag.String("svg", "", "write a chart of each line to `DIR`")
	markdown := flag.String("markdown", "", "write the results into `FILE`, between its marks")
	from := flag.String("from", "", "take results from `FILE`, which -json wrote, and measure only the lines named, if any")
	flag.StringVar(&o.ruleSets, "rules", defaultRuleSets, "`DIR` with ClassBench's sets, for the lines classbench and classbench-frames")
	flag.Float64Var(&o.locality, "locality", 0, "scale of the Pareto distribution of how often a frame of these comes in a row; 0: each is a new flow")
	flag.IntVar(&o.cpu, "cpu", 0, "processor that the generator works on")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: bench [FLAG]... [LINE]...\n\nLINE is the name of a line or its beginning, up to a hyphen; without, all lines\nthat do not run only if named (-list).\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.Arg(0) == peersCommand && flag.NArg() == 3 {
		return playPeers(flag.Arg(1), flag.Arg(2))
	}
	if flag.Arg(0) == gapCommand && flag.NArg() == 3 {
		return playGap(flag.Arg(1), flag.Arg(2))
	}
	o.rounds, o.length = *rounds, time.Duration(*seconds*float64(time.Second))
	if o.cpu < 0 || o.cpu >= runtime.NumCPU() {
		return fmt.Errorf("-cpu %d: this machine has processors 0 to %d", o.cpu, runtime.NumCPU()-1)
	}
	var err error
	if o.bin, err = filepath.Abs(*bin); err != nil {
		return err
	}
	if *base != "" {
		if o.base, err = filepath.Abs(*base); err != nil {
			return err
		}
	}
	if o.source, err = filepath.Abs(*source); err != nil {
		return err
	}
	if o.ruleSets, err = filepath.Abs(o.ruleSets); err != nil {
		return err
	}
	lines := allLines(o)
	if *list {
		return printList(o, lines)
	}
	rep := &report{Date: today(), Command: commandText(os.Args[1:]), Machine: thisMachine(o.bin)}
	var before *report
	if *from != "" {
		if before, err = readReport(*from); err != nil {
			return err
		}
	}
	if before == nil || flag.NArg() > 0 {
		err = errors.Join(rep.run(ctx, o, lines, flag.Args()), o.cleanUp())
	}
	if before != nil {
		rep = before.renewed(rep)
	}
	err = errors.Join(err, printTable(os.Stdout, rep.Results))
	if *jsonFile != "" {
		err = errors.Join(err, rep.write(*jsonFile))
	}
	if *svg != "" {
		err = errors.Join(err, rep.charts(*svg))
	}
	if *markdown != "" {
		err = errors.Join(err, rep.markdown(*markdown))
	}
	return err
}

// run measures what is named: lines, and those measurements that have a form of
// their own.
func (r *report) run(ctx context.Context, o *options, lines []line, args []string) error {
	garbage, names := takesGarbage(args)
	meters, names := takesMeter(names)
	database, names := takesDatabase(names)
	// The rounds and seconds of the three have defaults of their own.
	rounds, seconds := defaultRounds, 3
	if o.rounds != 0 {
		rounds = o.rounds
	}
	if o.length != 0 {
		seconds = max(1, int(o.length.Seconds()))
	}
	if garbage {
		attacked, err := runGarbage(ctx, o.testdata, rounds, seconds)
		if err != nil {
			return err
		}
		printGarbage(attacked)
		addOutcomes(r, attacked)
	}
	if len(args) > 0 && len(names) == 0 && !meters && !database {
		return nil
	}
	if os.Getuid() != 0 {
		return errors.New("network namespaces need root: sudo make bench")
	}
	if len(args) == 0 || len(names) > 0 {
		chosen, err := choose(lines, names)
		if err != nil {
			return err
		}
		results, err := runLines(ctx, o, chosen)
		r.Results = append(r.Results, results...)
		if err != nil {
			return err
		}
	}
	if meters {
		metered, err := runMeter(ctx, o.bin, rounds, seconds)
		if err != nil {
			return err
		}
		printMeter(metered)
		addOutcomes(r, metered)
	}
	if database {
		results, err := runDatabase(ctx, o.bin, rounds, seconds)
		if err != nil {
			return err
		}
		addOutcomes(r, results)
	}
	return nil
}

// addOutcomes adds results that have a form of their own.
func addOutcomes[R interface{ outcome() outcome }](rep *report, results []R) {
	for _, r := range results {
		rep.Results = append(rep.Results, r.outcome())
	}
}

func printList(o *options, lines []line) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	for _, l := range lines {
		when := ""
		if l.named {
			when = " (only if named)"
		}
		fmt.Fprintf(w, "%s\t%.0f s\t%s%s\n", l.name, l.estimate(o).Seconds(), l.about, when)
	}
	for _, l := range [][2]string{
		{garbageLine, "frames while hostile peers play to the OpenFlow channel"},
		{meterLine, "what meters let pass against their rates"},
		{databaseLine, "configuration by ovs-vsctl"},
	} {
		fmt.Fprintf(w, "%s\t\t%s (only if named)\n", l[0], l[1])
	}
	return w.Flush()
}

// commandText is the command as it may stand in a document: without directories.
func commandText(args []string) string {
	text := "bench"
	for _, a := range args {
		text += " " + filepath.Base(a)
	}
	return text
}
