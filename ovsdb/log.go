package ovsdb

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Log keeps a Database in a file, in the standalone format of ovsdb-server
// (ovsdb(5)): ovsdb-tool reads it, and a file of ovsdb-server's goes on here.
// One goroutine at a time may use it.
type Log struct {
	path string // as given
	file string // where it is: behind links
	f    *os.File
	lock *fileLock
	log  *slog.Logger
	now  func() time.Time
	sync func(*os.File) error
	rule compactRule

	end       int64 // of the last whole record
	dirty     bool  // there is something behind end, to be cut off
	records   int   // since the last compaction, without schema and snapshot
	compacted int64 // length after the last compaction, or when it was opened
	since     time.Time
}

// compactRule is when the log is compacted by itself: at least bytes long and
// twice what it was, with so many records, not more often than pause; or after
// age with so many records.
type compactRule struct {
	bytes      int64
	records    int
	pause, age time.Duration
}

// defaultCompactRule is that of ovsdb-server(1).
var defaultCompactRule = compactRule{bytes: 10 << 20, records: 100, pause: 10 * time.Minute, age: 24 * time.Hour}

// OpenLog opens the database in a file, or makes one of the schema there. A
// file has its own schema, which stays. What follows the last whole record, as a
// loss of power leaves it, is reported and cut off by the next commit.
func OpenLog(path string, schema *Schema, logger *slog.Logger) (*Database, *Log, error) {
	if logger == nil {
		logger = slog.Default()
	}
	l := &Log{path: path, log: logger, now: time.Now, sync: (*os.File).Sync, rule: defaultCompactRule}
	var err error
	if l.file, err = behindLinks(path); err != nil {
		return nil, nil, fmt.Errorf("database %s: %w", path, err)
	}
	// A pipe would have us wait for its other end, and a device is nobody's to remove.
	if info, err := os.Stat(l.file); err == nil && !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("database %s: it is not an ordinary file; name another", path)
	}
	if l.lock, err = lockFile(l.file); err != nil {
		return nil, nil, fmt.Errorf("database %s: %w", path, err)
	}
	// What a compaction left that did not come to its end.
	if err := os.Remove(l.file + ".tmp"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, errors.Join(fmt.Errorf("database %s: %w", path, err), l.Close())
	}
	db, err := l.open(schema)
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	l.since = l.now()
	return db, l, nil
}

func (l *Log) open(schema *Schema) (*Database, error) {
	f, err := os.OpenFile(l.file, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		db := NewDatabase(schema)
		return db, l.rewrite(db, "")
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", l.path, err)
	}
	l.f = f
	db, err := l.read()
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", l.path, err)
	}
	l.compacted = l.end
	return db, nil
}

// read replays the file.
func (l *Log) read() (*Database, error) {
	db, end, records, err := readLog(l.f, func(record int, end int64, reason error) {
		l.dirty = true
		l.log.Warn("the end of the database cannot be read and is left out: it was being written when the machine or server stopped",
			"file", l.path, "record", record, "offset", end, "reason", reason)
	})
	l.end, l.records = end, records
	return db, err
}

// readLog replays a log up to end, behind its last whole record. torn is told
// where something follows that is no record.
func readLog(from io.Reader, torn func(record int, end int64, reason error)) (db *Database, end int64, records int, err error) {
	r := bufio.NewReaderSize(from, 1<<16)
	text, size, err := readRecord(r)
	if err == io.EOF {
		return nil, 0, 0, errors.New("the file is empty: remove it, and it is made anew")
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("the schema at its start cannot be read: %w", err)
	}
	schema, err := ParseSchema(text)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("the schema at its start cannot be read: %w", err)
	}
	db = NewDatabase(schema)
	for end = size; ; end += size {
		text, size, err = readRecord(r)
		if err == io.EOF {
			return db, end, records, nil
		}
		if errors.Is(err, errTorn) {
			torn(records+1, end, err)
			return db, end, records, nil
		}
		if err != nil {
			return nil, 0, 0, err
		}
		records++
		// Its SHA-1 is right, so this was meant: nothing may be left out in silence.
		if bad := db.replay(text); bad != nil {
			return nil, 0, 0, fmt.Errorf("record %d at offset %d: %w", records, end, bad)
		}
	}
}

// Append writes a commit, for which Sync may wait. An error means that the file
// is as before, and the commit must not be done.
func (l *Log) Append(c *Changes) error {
	text := c.record(l.now().UnixMilli())
	if text == nil {
		return nil
	}
	if l.dirty {
		if err := l.f.Truncate(l.end); err != nil {
			return fmt.Errorf("database %s: cutting off what is behind its last record: %w", l.path, err)
		}
		l.dirty = false
	}
	b := appendRecord(nil, text)
	n, err := l.f.WriteAt(b, l.end)
	if err != nil {
		l.dirty = n > 0 // half a record
		if terr := l.f.Truncate(l.end); terr == nil {
			l.dirty = false
		}
		return fmt.Errorf("database %s: %w", l.path, err)
	}
	l.end += int64(len(b))
	l.records++
	return nil
}

// Sync returns when all that was appended is on disk. After an error nobody
// knows what is.
func (l *Log) Sync() error { return l.syncer()() }

// syncer is a Sync that may run while the log goes on to be used.
func (l *Log) syncer() func() error {
	f := l.f
	return func() error {
		err := l.sync(f)
		if errors.Is(err, os.ErrClosed) {
			return nil // a compaction came before us, and put all of it on disk
		}
		if err != nil {
			return fmt.Errorf("database %s: %w", l.path, err)
		}
		return nil
	}
}

// ShouldCompact says whether it is time to.
func (l *Log) ShouldCompact() bool {
	age := l.now().Sub(l.since)
	if l.records < l.rule.records || age < l.rule.pause {
		return false
	}
	return age >= l.rule.age || l.end >= l.rule.bytes && l.end >= 2*l.compacted
}

// Compact replaces the file by one with only what the database holds now, and
// has it on disk. On an error the file is as before.
func (l *Log) Compact(db *Database) error {
	l.since = l.now() // if it fails, the next try is not at once
	return l.rewrite(db, "compacting database online")
}

// rewrite puts schema and rows into a new file, which takes the place of the
// old one once it is on disk.
func (l *Log) rewrite(db *Database, comment string) (err error) {
	schema, err := json.Marshal(db.schema)
	if err != nil {
		return err
	}
	b := appendRecord(nil, schema)
	if text := db.snapshot(l.now().UnixMilli(), comment); text != nil {
		b = appendRecord(b, text)
	}
	tmp := l.file + ".tmp"
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("database %s: %w", l.path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("database %s: %w", l.path, err), f.Close(), os.Remove(tmp))
		}
	}()
	if l.f != nil {
		if err = sameOwner(f, l.f); err != nil {
			return err
		}
	}
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = os.Rename(tmp, l.file); err != nil {
		return err
	}
	if serr := syncDir(filepath.Dir(l.file)); serr != nil {
		// The name may be the old file's after a loss of power, which is as good.
		l.log.Warn("the database's directory is not on disk for sure", "file", l.path, "err", serr)
	}
	if l.f != nil {
		_ = l.f.Close() // its data is in the new file
	}
	l.f, l.end, l.dirty = f, int64(len(b)), false
	l.records, l.compacted, l.since = 0, l.end, l.now()
	return nil
}

// sameOwner gives f the mode, user and group of old.
func sameOwner(f, old *os.File) error {
	info, err := old.Stat()
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: its owner is not known", old.Name())
	}
	return errors.Join(f.Chown(int(st.Uid), int(st.Gid)), f.Chmod(info.Mode().Perm()))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close syncs and closes the file.
func (l *Log) Close() error {
	var errs []error
	if l.f != nil {
		if l.dirty {
			errs = append(errs, l.f.Truncate(l.end))
		}
		errs = append(errs, l.f.Sync(), l.f.Close())
		l.f = nil
	}
	if l.lock != nil {
		errs = append(errs, l.lock.release())
		l.lock = nil
	}
	return errors.Join(errs...)
}
