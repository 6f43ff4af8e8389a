package stream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ListenUnix listens at path, which only the process's user and group may use:
// who may connect may change the switch. A socket that a dead process has left
// there is replaced; anything else is refused. Closing removes the file, unless
// somebody has put another one in its place.
func ListenUnix(path string) (net.Listener, error) {
	if len(path) > MaxSocketPath {
		return nil, fmt.Errorf("%s: %w", path, pathTooLong(path))
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: privateSocket}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	u := ln.(*net.UnixListener)
	u.SetUnlinkOnClose(false) // we do it, and only if the file is still ours
	l := &unixListener{UnixListener: u, path: path}
	if l.file, err = os.Lstat(path); err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return l, nil
}

// unixListener removes its socket's file in the end.
type unixListener struct {
	*net.UnixListener
	path  string
	file  os.FileInfo
	close sync.Once
}

// Close stops listening and removes the file.
func (l *unixListener) Close() error {
	err := net.ErrClosed
	l.close.Do(func() {
		err = nil
		// Before closing: afterwards a successor's file may stand there.
		if st, serr := os.Lstat(l.path); serr == nil && os.SameFile(st, l.file) {
			err = os.Remove(l.path)
		}
		err = errors.Join(err, l.UnixListener.Close())
	})
	return err
}

// privateSocket makes a Unix socket one for its owner and group only, as Open
// vSwitch does. Linux gives the file the mode that the socket has when it is
// bound, so there is no moment at which others could connect.
func privateSocket(_, _ string, c syscall.RawConn) error {
	var serr error
	err := c.Control(func(fd uintptr) { serr = unix.Fchmod(int(fd), 0o770) })
	return errors.Join(err, serr)
}

// Stale says whether path is a socket that nobody listens on any more. An error
// wraps fs.ErrNotExist if nothing is there, and says what is if it is no socket,
// or what keeps one from telling.
func Stale(path string) (bool, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	if st.Mode()&fs.ModeSocket == 0 {
		return false, fmt.Errorf("%s exists and is no socket: remove it or choose another path", path)
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close() // only asked whether somebody is there
		return false, nil
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return false, fmt.Errorf("cannot tell whether somebody listens at %s: %w", path, err)
	}
	return true, nil
}

// removeStale removes the socket that a dead process has left at path.
func removeStale(path string) error {
	stale, err := Stale(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !stale:
		return fmt.Errorf("%s: another process listens there", path)
	}
	return os.Remove(path)
}
