package vsctl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
	"ofswitch/stream"
)

// Exit statuses.
const (
	exitOK       = 0
	exitFailure  = 1
	exitNoBridge = 2   // br-exists
	exitTimeout  = 142 // what a shell says of ovs-vsctl, which SIGALRM ends
)

var (
	errNoBridge = errors.New("there is no such bridge")
	errNotYet   = errors.New("a wait-until does not hold yet")
)

// reportTimeout bounds how long the switch may take to take over a change, unless
// --timeout says otherwise.
const reportTimeout = 60 * time.Second

// Env is where a command line is run.
type Env struct {
	Out, Err io.Writer
	Program  string // for messages
	RunDir   string // where the database's socket is, unless --run-dir says so
	Version  string
	// Serving says whether a switch runs with its sockets in this directory; nil: nobody
	// knows.
	Serving func(runDir string) bool
}

// run is one attempt to carry out the commands on one state of the database.
type run struct {
	schema  *ovsdb.Schema
	columns map[string][]string // to copy
	told    func(string)        // of warnings

	txn           *txn
	ovs           *row // the row of Open_vSwitch
	symbols       map[string]*symbol
	seen          *view
	newInterfaces []*row

	// Of the command that is at work.
	text    strings.Builder
	printed *table
	created *row
}

// result is what a command is to print.
type result struct {
	text    string
	printed *table
	created *row
}

func (r *run) println(s string) { r.text.WriteString(s + "\n") }

func (r *run) warn(format string, a ...any) { r.told(fmt.Sprintf(format, a...)) }

// need notes columns of a table that are to be copied, and the table.
func (r *run) need(table string, columns ...string) {
	list := r.columns[table]
	if list == nil {
		list = []string{}
	}
	for _, c := range columns {
		if c != "" && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	r.columns[table] = list
}

// Run carries out the command line and returns the exit status.
func (l *Line) Run(e Env) int {
	warned := make(map[string]bool)
	told := func(s string) {
		if !warned[s] {
			warned[s] = true
			fmt.Fprintf(e.Err, "%s: %s\n", e.Program, s)
		}
	}
	fail := func(err error) int {
		fmt.Fprintf(e.Err, "%s: %v\n", e.Program, err)
		return exitFailure
	}
	schema := vswitch.Schema()
	needs := &run{schema: schema, columns: make(map[string][]string), told: told}
	needs.need("Open_vSwitch", "next_cfg", "cur_cfg")
	for _, c := range l.calls {
		if c.needs != nil {
			if err := c.needs(needs, c); err != nil {
				return fail(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if l.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, l.timeout)
	}
	defer cancel()
	client, err := l.client(e, needs.columns)
	if err != nil {
		return fail(err)
	}
	defer client.Close()
	s := &session{line: l, env: e, ctx: ctx, client: client, schema: schema, told: told}
	switch err := s.run(); {
	case err == nil:
		return exitOK
	case errors.Is(err, errNoBridge):
		return exitNoBridge
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Fprintf(e.Err, "%s: gave up after %v: %s\n", e.Program, l.timeout, s.doing)
		return exitTimeout
	default:
		return fail(err)
	}
}

// client connects to the database.
func (l *Line) client(e Env, columns map[string][]string) (*ovsdb.Client, error) {
	if l.database == "" {
		dir := e.RunDir
		if l.runDir != "" {
			dir = l.runDir
		}
		l.database, l.runDir, l.usual = "unix:"+filepath.Join(dir, "db.sock"), dir, true
	}
	o := ovsdb.ClientOptions{Targets: strings.Split(l.database, ","), Database: vswitch.Name, Columns: columns,
		Logger: slog.New(slog.DiscardHandler)}
	if l.key != "" || l.cert != "" || l.ca != "" {
		files := stream.Files{PrivateKey: l.key, Certificate: l.cert, CACert: l.ca}
		o.TLS = stream.NewCredentials(nil)
		if err := files.Check(); err != nil {
			return nil, err
		}
		if err := o.TLS.Set(files); err != nil {
			return nil, err
		}
	}
	return ovsdb.NewClient(o), nil
}

// session is a command line at work.
type session struct {
	line   *Line
	env    Env
	ctx    context.Context
	client *ovsdb.Client
	schema *ovsdb.Schema
	told   func(string)
	doing  string // what takes time
}

// wait waits for news of the database, and fails if there are none to come.
func (s *session) wait() error {
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case <-s.client.Changed():
		return nil
	}
}

// connect waits for the first copy.
func (s *session) connect() error {
	s.doing = "the database did not answer"
	targets := strings.Split(s.line.database, ",")
	for {
		st := s.client.Status()
		if st.Connected {
			return nil
		}
		if st.Target == targets[len(targets)-1] && st.LastError != "no connection yet" && !s.line.retry {
			err := fmt.Errorf("%s: database connection failed (%s)", s.line.database, reason(st.LastError))
			if s.line.usual && s.env.Serving != nil && s.env.Serving(s.line.runDir) {
				err = fmt.Errorf("%w: the switch runs without a database here (ofswitchd --db none), and is what its flags say; start it with --db FILE, or name its database with --db", err)
			}
			return err
		}
		if err := s.wait(); err != nil {
			return err
		}
	}
}

// reason is the operating system's part of a message, if it has one, as C's
// strerror writes it.
func reason(s string) string {
	const call = "connect: "
	i := strings.LastIndex(s, call)
	if i < 0 {
		return s
	}
	s = s[i+len(call):]
	return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):]
}

func (s *session) run() error {
	if err := s.connect(); err != nil {
		return err
	}
	for {
		r, results, err := s.attempt()
		if errors.Is(err, errNotYet) {
			s.doing = "what wait-until waits for has not come about"
			if err := s.wait(); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		done, err := s.commit(r)
		if err != nil {
			return err
		}
		if !done.ok {
			s.doing = "the database is changed by others all the time"
			if err := s.wait(); err != nil {
				return err
			}
			continue
		}
		if err := s.print(results, done); err != nil {
			return err
		}
		if done.nextCfg > 0 {
			return s.await(r, done)
		}
		return nil
	}
}

// attempt runs all commands on the copy as it is.
func (s *session) attempt() (r *run, results []result, err error) {
	s.client.Do(func(db *ovsdb.Database) {
		r = &run{schema: s.schema, columns: make(map[string][]string), told: s.told, txn: newTxn(db, s.schema), symbols: make(map[string]*symbol)}
		if r.ovs = r.txn.first("Open_vSwitch"); r.ovs == nil {
			r.ovs = r.txn.insert("Open_vSwitch", ovsdb.UUID{}, false)
		}
		for _, c := range s.line.calls {
			r.text.Reset()
			r.printed, r.created = nil, nil
			if err = c.do(r, c); err != nil {
				return
			}
			results = append(results, result{r.text.String(), r.printed, r.created})
		}
		err = r.checkSymbols()
	})
	return r, results, err
}

// checkSymbols refuses names of rows that nothing has made, and warns of rows
// that will be gone.
func (r *run) checkSymbols() error {
	for _, name := range slices.Sorted(maps.Keys(r.symbols)) {
		switch y := r.symbols[name]; {
		case !y.created:
			return fmt.Errorf("row id %q is referenced but never created (e.g. with \"-- --id=%s create ...\")", name, name)
		case y.strong:
		case y.weak:
			r.warn("row id %q was created but only a weak reference to it was inserted, so it will not actually appear in the database", name)
		default:
			r.warn("row id %q was created but no reference to it was inserted, so it will not actually appear in the database", name)
		}
	}
	return nil
}

// outcome is what came of a transaction.
type outcome struct {
	ok      bool                      // false: what it rests upon has changed
	nextCfg int64                     // what cur_cfg will be when the switch has it; 0: nothing to wait for
	uuids   map[ovsdb.UUID]ovsdb.UUID // of new rows, by the name that they had before
}

// commit sends the transaction, if it changes anything.
func (s *session) commit(r *run) (outcome, error) {
	done := outcome{ok: true, uuids: make(map[ovsdb.UUID]ovsdb.UUID)}
	ops, made, changed := r.txn.operations()
	if !changed {
		return done, nil
	}
	wait := !s.line.noWait && !s.line.dryRun
	counter := -1
	if wait {
		where := r.txn.where(r.ovs)
		ops = append(ops, ovsdb.Mutate("Open_vSwitch", where, ovsdb.Mutation{Column: "next_cfg", Mutator: "+=", Value: ovsdb.Set(ovsdb.Int(1))}))
		counter = len(ops)
		ops = append(ops, ovsdb.Select("Open_vSwitch", where, "next_cfg"))
	}
	ops = append(ops, ovsdb.Comment(s.env.Program+": "+escapeWords(s.line.words)))
	if s.line.dryRun {
		ops = append(ops, ovsdb.Abort())
	}
	s.doing = "the database did not answer"
	results, err := s.client.Transact(s.ctx, ops...)
	var refused *ovsdb.Error
	switch {
	case errors.As(err, &refused) && refused.Tag == ovsdb.ErrTimedOut:
		return outcome{}, nil
	case errors.As(err, &refused) && refused.Tag == ovsdb.ErrAborted && s.line.dryRun:
		return done, nil
	case refused != nil:
		return done, fmt.Errorf("transaction error: %s", errorJSON(refused))
	case err != nil:
		return done, err
	}
	for i, x := range made {
		if x != nil {
			done.uuids[x.uuid] = results[i].UUID
		}
	}
	if counter >= 0 && len(results[counter].Rows) == 1 {
		if d := results[counter].Rows[0]["next_cfg"]; d.Len() == 1 {
			done.nextCfg = d.Keys[0].Int
		}
	}
	return done, nil
}

// errorJSON is the <error> as the server sent it.
func errorJSON(e *ovsdb.Error) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return e.Error()
	}
	return strings.TrimSpace(b.String())
}

// print writes what the commands have to say.
func (s *session) print(results []result, done outcome) error {
	var b strings.Builder
	tables := 0
	for _, res := range results {
		if res.created != nil {
			u := res.created.uuid
			if real, ok := done.uuids[u]; ok {
				u = real
			}
			res.text = u.String() + "\n"
		}
		switch {
		case res.printed != nil:
			printers[s.line.style.format](&b, res.printed, s.line.style, tables > 0)
			tables++
		case s.line.oneLine:
			text := strings.TrimSuffix(res.text, "\n")
			b.WriteString(strings.NewReplacer("\n", `\n`, `\`, `\\`).Replace(text) + "\n")
		default:
			b.WriteString(res.text)
		}
	}
	if _, err := io.WriteString(s.env.Out, b.String()); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}

// await waits until the switch has taken over the change, and says which new
// interfaces it could not set up.
func (s *session) await(r *run, done outcome) error {
	s.doing = "the change is in the database, and the switch has not taken it over: is ofswitchd running? (--no-wait does not wait)"
	if !s.line.timeSet {
		var cancel context.CancelFunc
		s.line.timeout = reportTimeout
		s.ctx, cancel = context.WithTimeout(s.ctx, reportTimeout)
		defer cancel()
	}
	for {
		reached := false
		var failed []string
		s.client.Do(func(db *ovsdb.Database) {
			t := newTxn(db, s.schema)
			ovs := t.first("Open_vSwitch")
			if ovs == nil || ovs.get("cur_cfg").Keys[0].Int < done.nextCfg {
				return
			}
			reached = true
			for _, i := range r.newInterfaces {
				x := t.row("Interface", done.uuids[i.uuid])
				if x == nil {
					continue
				}
				if d := x.get("ofport"); d.Len() > 0 && d.Keys[0].Int != -1 {
					continue
				}
				text := fmt.Sprintf("Error detected while setting up '%s'", x.str("name"))
				if why := x.str("error"); why != "" {
					text += ": " + why
				}
				failed = append(failed, text+".  See ofswitchd's log for details.")
			}
		})
		if reached {
			for _, f := range failed {
				s.told(f)
			}
			return nil
		}
		if err := s.wait(); err != nil {
			return err
		}
	}
}
