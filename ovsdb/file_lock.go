package ovsdb

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileLock makes sure that nobody else writes a database: ovsdb-server and
// ovsdb-tool take the same one. It is on a file beside it, since compaction
// replaces the file itself.
type fileLock struct {
	f  *os.File
	id fileID
}

// fileID names a file, whatever the path to it.
type fileID struct{ dev, ino uint64 }

// heldLocks are the locks of this process: the kernel's are a process's, and would
// be given to it twice.
var heldLocks = struct {
	sync.Mutex
	of map[fileID]bool
}{of: make(map[fileID]bool)}

// behindLinks is where a file is, or would be made: links are followed, also
// where the last of them names nothing yet.
func behindLinks(path string) (string, error) {
	for range 40 { // as the kernel
		to, err := os.Readlink(path)
		if err != nil {
			return path, nil // it is no link, or not there
		}
		if !filepath.IsAbs(to) {
			// Not filepath.Join, which would take ".." out of a directory that is a link.
			to = filepath.Dir(path) + "/" + to
		}
		path = to
	}
	return "", syscall.ELOOP
}

// idOf names the file that info is about.
func idOf(info os.FileInfo) (fileID, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, fmt.Errorf("%s cannot be told from other files", info.Name())
	}
	return fileID{uint64(st.Dev), st.Ino}, nil
}

// lockFile takes the lock of the database in a file.
func lockFile(path string) (*fileLock, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".~lock~")
	heldLocks.Lock()
	defer heldLocks.Unlock()
	// To open and close it would be to give up the lock that this process has.
	if info, err := os.Stat(name); err == nil {
		id, err := idOf(info)
		if err != nil {
			return nil, err
		}
		if heldLocks.of[id] {
			return nil, errors.New("it is in use by this process")
		}
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%w; create its directory, or name another file with --db", err)
	case err != nil:
		return nil, fmt.Errorf("%w; the server must be able to write its directory", err)
	}
	l := &fileLock{f: f}
	if err := l.take(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	heldLocks.of[l.id] = true
	return l, nil
}

func (l *fileLock) take() error {
	info, err := l.f.Stat()
	if err != nil {
		return err
	}
	if l.id, err = idOf(info); err != nil {
		return err
	}
	fl := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	if err := unix.FcntlFlock(l.f.Fd(), unix.F_SETLK, &fl); err != nil {
		holder := ""
		fl = unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
		if unix.FcntlFlock(l.f.Fd(), unix.F_GETLK, &fl) == nil && fl.Type != unix.F_UNLCK {
			holder = fmt.Sprintf(" (process %d)", fl.Pid)
		}
		return fmt.Errorf("it is in use by another server%s: %w; stop that one, or connect to it with --db unix:PATH", holder, err)
	}
	return nil
}

// release lets others have it.
func (l *fileLock) release() error {
	heldLocks.Lock()
	defer heldLocks.Unlock()
	delete(heldLocks.of, l.id)
	return l.f.Close()
}
