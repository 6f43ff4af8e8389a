package vlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// destination is where lines go.
type destination int

const (
	console destination = iota
	syslogd
	file
	numDestinations
)

var destinationNames = [numDestinations]string{"console", "syslog", "file"}

type namedLevel struct {
	name  string
	level slog.Level
}

// levels by name, the quietest first.
var levels = []namedLevel{
	{"off", math.MaxInt}, {"emer", slog.LevelError + 4}, {"err", slog.LevelError}, {"warn", slog.LevelWarn}, {"info", slog.LevelInfo}, {"dbg", slog.LevelDebug},
}

// Modules are the packages that log, by their names. The daemon's own is its
// program's.
var Modules = []string{"bridge", "database", "ofconn", "ofswitch", "ofswitchd", "ovsdb", "ports", "process", "stream", "unixctl"}

// mainModule is that of package main, and of what is in no list.
const mainModule = "ofswitchd"

// Options are what a Log begins with.
type Options struct {
	Console io.Writer
	// File is the path of a log file; empty: there is none, and the console is used.
	File  string
	Level slog.Level
}

// Log is a log. It is a slog.Handler by its Handler.
type Log struct {
	path string

	lowest atomic.Int64 // the lowest level in force

	mu     sync.Mutex
	levels map[string]*[numDestinations]slog.Level
	cons   io.Writer
	file   *os.File // nil: closed
	sys    *syslog.Writer
	at     slog.Level // of the line that is being written to syslog
}

// New opens the log. Errors: the file cannot be opened.
func New(o Options) (*Log, error) {
	l := &Log{path: o.File, cons: o.Console, levels: map[string]*[numDestinations]slog.Level{}}
	for _, m := range Modules {
		l.levels[m] = &[numDestinations]slog.Level{console: o.Level, syslogd: math.MaxInt, file: o.Level}
		if o.File != "" {
			l.levels[m][console] = math.MaxInt
		}
	}
	l.lowestLocked()
	if o.File == "" {
		return l, nil
	}
	return l, l.Reopen()
}

// lowestLocked notes the lowest level in force. The caller holds mu, or is alone.
func (l *Log) lowestLocked() {
	low := slog.Level(math.MaxInt)
	for _, m := range l.levels {
		low = min(low, slices.Min(m[:]))
	}
	l.lowest.Store(int64(low))
}

// Reopen closes the file, if it is open, and opens it again by its name.
func (l *Log) Reopen() error {
	if l.path == "" {
		return errors.New("logging to a file is not configured: start with --log-file")
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.file
	l.file = f
	if old != nil {
		return old.Close()
	}
	return nil
}

// CloseFile closes the file until Reopen. What is logged to it meanwhile is lost.
func (l *Log) CloseFile() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.file
	l.file = nil
	if old == nil {
		return nil
	}
	return old.Close()
}

// Close closes everything but the console.
func (l *Log) Close() error {
	err := l.CloseFile()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sys != nil {
		err = errors.Join(err, l.sys.Close())
		l.sys = nil
	}
	return err
}

// List is the table of levels as `ovs-appctl vlog/list` prints it.
func (l *Log) List() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	b.WriteString("                 console    syslog    file\n                 -------    ------    ------\n")
	for _, m := range Modules {
		v := l.levels[m]
		fmt.Fprintf(&b, "%-16s  %4s       %4s       %4s\n", m, levelName(v[console]), levelName(v[syslogd]), levelName(v[file]))
	}
	return b.String()
}

// levelName is the name of the level that lets pass what v does.
func levelName(v slog.Level) string {
	for _, l := range levels {
		if v >= l.level {
			return strings.ToUpper(l.name)
		}
	}
	return "DBG"
}

// Set changes levels: modules, destinations and levels in any order, with colons,
// commas or spaces between them ("ofconn:file:dbg"). Without a module or destination
// it is for any, without a level for dbg. Errors: a word that is none of them; syslog
// cannot be reached. Nothing has changed then.
func (l *Log) Set(spec string) error {
	var modules []string
	var to []destination
	level := slog.LevelDebug
	for _, w := range strings.FieldsFunc(spec, func(r rune) bool { return strings.ContainsRune(" ,:\t", r) }) {
		word := strings.ToLower(w)
		if word == "any" {
			continue
		}
		if word == "pattern" || word == "facility" {
			return fmt.Errorf("%s cannot be set: lines have one form, and are for the facility daemon", word)
		}
		if i := slices.Index(destinationNames[:], word); i >= 0 {
			to = append(to, destination(i))
		} else if i := slices.IndexFunc(levels, func(v namedLevel) bool { return v.name == word }); i >= 0 {
			level = levels[i].level
		} else if slices.Contains(Modules, word) {
			modules = append(modules, word)
		} else {
			return fmt.Errorf("no destination, level, or module \"%.100s\"", w)
		}
	}
	if modules == nil {
		modules = Modules
	}
	named := to != nil
	if !named {
		to = []destination{console, syslogd, file}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.Contains(to, syslogd) && level != math.MaxInt && l.sys == nil {
		sys, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_INFO, mainModule)
		if err != nil && named {
			return fmt.Errorf("syslog cannot be reached: %w", err)
		}
		if err == nil {
			l.sys = sys
		}
	}
	for _, m := range modules {
		for _, d := range to {
			l.levels[m][d] = level
		}
	}
	l.lowestLocked()
	return nil
}

// Handler is what a slog.Logger writes to.
func (l *Log) Handler() slog.Handler {
	h := &handler{log: l}
	for d := range numDestinations {
		h.to[d] = slog.NewTextHandler(writer{l, d}, &slog.HandlerOptions{Level: slog.Level(math.MinInt)})
	}
	return h
}

// handler writes to all destinations that want a record.
type handler struct {
	log *Log
	to  [numDestinations]slog.Handler
}

func (h *handler) Enabled(_ context.Context, v slog.Level) bool {
	return int64(v) >= h.log.lowest.Load()
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	m := module(r.PC)
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	h.log.at = r.Level
	var errs []error
	for d, v := range h.log.levels[m] {
		if r.Level >= v {
			errs = append(errs, h.to[d].Handle(ctx, r))
		}
	}
	return errors.Join(errs...)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	n := &handler{log: h.log}
	for d := range h.to {
		n.to[d] = h.to[d].WithAttrs(attrs)
	}
	return n
}

func (h *handler) WithGroup(name string) slog.Handler {
	n := &handler{log: h.log}
	for d := range h.to {
		n.to[d] = h.to[d].WithGroup(name)
	}
	return n
}

// module is that of the code at pc.
func module(pc uintptr) string {
	if pc == 0 {
		return mainModule
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	name := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
	name, _, _ = strings.Cut(name, ".")
	if slices.Contains(Modules, name) {
		return name
	}
	return mainModule
}

// writer is a destination for lines. Log.mu is held.
type writer struct {
	log *Log
	to  destination
}

func (w writer) Write(line []byte) (int, error) {
	l := w.log
	switch {
	case w.to == console && l.cons != nil:
		return l.cons.Write(line)
	case w.to == file && l.file != nil:
		return l.file.Write(line)
	case w.to == syslogd && l.sys != nil:
		return len(line), l.toSyslog(string(line))
	}
	return len(line), nil
}

// toSyslog sends a line by its level.
func (l *Log) toSyslog(line string) error {
	switch {
	case l.at > slog.LevelError:
		return l.sys.Emerg(line)
	case l.at >= slog.LevelError:
		return l.sys.Err(line)
	case l.at >= slog.LevelWarn:
		return l.sys.Warning(line)
	case l.at >= slog.LevelInfo:
		return l.sys.Info(line)
	}
	return l.sys.Debug(line)
}
