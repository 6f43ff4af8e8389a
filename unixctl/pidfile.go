package unixctl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrRunning is wrapped by the error of NewServer when another live process
// holds the pid file.
var ErrRunning = errors.New("already running")

// ErrNotRunning is wrapped by the errors of ReadPID and Dial when nobody holds
// the pid file.
var ErrNotRunning = errors.New("not running")

// inode identifies a file whatever path leads to it.
type inode struct{ dev, ino uint64 }

// held are the pid files that this process has locked: they must not be opened
// again, since closing would drop the lock.
var (
	heldMu sync.Mutex
	held   = map[inode]bool{}
)

func inodeOf(st *unix.Stat_t) inode { return inode{uint64(st.Dev), st.Ino} }

// pidFile is a pid file that this process holds.
type pidFile struct {
	path string
	fd   int // never closed before release
	id   inode
}

// wholeFile asks about, or for, a write lock on a whole file.
func wholeFile() *unix.Flock_t {
	return &unix.Flock_t{Type: unix.F_WRLCK, Whence: unix.SEEK_SET}
}

// createPIDFile makes path with our process id, locked. The file appears with
// its content and its lock at once; a file of a dead process is replaced.
func createPIDFile(path string) (*pidFile, error) {
	heldMu.Lock()
	defer heldMu.Unlock()
	tmp := fmt.Sprintf("%s.tmp%d", path, os.Getpid())
	fd, err := unix.Open(tmp, unix.O_CREAT|unix.O_WRONLY|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS) {
		return nil, fmt.Errorf("run directory %s is not writable (%w): run as root, or choose another run directory", filepath.Dir(path), err)
	}
	if err != nil {
		return nil, fmt.Errorf("pid file %s: %w", tmp, err)
	}
	undo := func() {
		// Best effort: the reason for undoing is what the caller hears of.
		_ = unix.Unlink(tmp)
		_ = unix.Close(fd)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		undo()
		return nil, fmt.Errorf("pid file %s: %w", tmp, err)
	}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_SETLK, wholeFile()); err != nil {
		undo()
		return nil, fmt.Errorf("pid file %s: cannot lock it: %w", tmp, err)
	}
	if _, err := unix.Write(fd, []byte(strconv.Itoa(os.Getpid())+"\n")); err != nil {
		undo()
		return nil, fmt.Errorf("pid file %s: %w", tmp, err)
	}
	if err := placePIDFileLocked(tmp, path); err != nil {
		undo()
		return nil, err
	}
	p := &pidFile{path: path, fd: fd, id: inodeOf(&st)}
	held[p.id] = true
	return p, nil
}

// placePIDFileLocked moves tmp to path unless a live process holds path.
// heldMu is locked.
func placePIDFileLocked(tmp, path string) error {
	// Each turn either succeeds, finds a live holder, or lost a race against
	// another process that starts at this moment and will be the holder soon.
	for range 100 {
		err := unix.Link(tmp, path) // unlike rename, never replaces
		if err == nil {
			if err := unix.Unlink(tmp); err != nil {
				return fmt.Errorf("pid file %s: %w", tmp, err)
			}
			return nil
		}
		if !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("pid file %s: %w", path, err)
		}
		replaced, err := replaceStaleLocked(tmp, path)
		if err != nil || replaced {
			return err
		}
	}
	return fmt.Errorf("pid file %s: other processes keep on replacing it", path)
}

// replaceStaleLocked moves tmp over path if the file there has no holder. The
// right to replace it is a lock on the stale file itself, so of two processes
// that start at once only one does it.
func replaceStaleLocked(tmp, path string) (bool, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return false, nil
		}
		return false, fmt.Errorf("pid file %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false, fmt.Errorf("pid file %s: there is something that is not a file: remove it", path)
	}
	if held[inodeOf(&st)] {
		return false, fmt.Errorf("pid file %s: %w as pid %d (this very process)", path, ErrRunning, os.Getpid())
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, unix.ENOENT) {
			return false, nil
		}
		return false, fmt.Errorf("pid file %s: %w", path, err)
	}
	// Not one of ours, so closing drops only the lock taken just below.
	defer unix.Close(fd)
	if err := unix.FcntlFlock(uintptr(fd), unix.F_SETLK, wholeFile()); err != nil {
		lk := wholeFile()
		if err := unix.FcntlFlock(uintptr(fd), unix.F_GETLK, lk); err != nil {
			return false, fmt.Errorf("pid file %s: %w", path, err)
		}
		if lk.Type == unix.F_UNLCK {
			return false, nil // it ended between the two calls
		}
		return false, fmt.Errorf("pid file %s: %w as pid %d: stop that one first, or choose another run directory", path, ErrRunning, lk.Pid)
	}
	var now, mine unix.Stat_t
	if err := unix.Fstat(fd, &mine); err != nil {
		return false, fmt.Errorf("pid file %s: %w", path, err)
	}
	if err := unix.Lstat(path, &now); err != nil || inodeOf(&now) != inodeOf(&mine) {
		return false, nil // somebody replaced it first
	}
	if err := unix.Rename(tmp, path); err != nil {
		return false, fmt.Errorf("pid file %s: %w", path, err)
	}
	return true, nil
}

// release removes the file, then drops the lock: in the other order a process
// that starts in between would lose its file.
func (p *pidFile) release() error {
	heldMu.Lock()
	defer heldMu.Unlock()
	var st unix.Stat_t
	var err error
	if unix.Lstat(p.path, &st) == nil && inodeOf(&st) == p.id {
		err = unix.Unlink(p.path)
	}
	delete(held, p.id)
	return errors.Join(err, unix.Close(p.fd))
}

// ReadPID gives the id of the live process that holds the pid file at path.
// Nobody holding it, or no file: an error that wraps ErrNotRunning.
func ReadPID(path string) (int, error) {
	heldMu.Lock()
	defer heldMu.Unlock()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return 0, fmt.Errorf("%s does not exist: %w", path, ErrNotRunning)
		}
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	if held[inodeOf(&st)] {
		return os.Getpid(), nil
	}
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	lk := wholeFile()
	if err := unix.FcntlFlock(uintptr(fd), unix.F_GETLK, lk); err != nil {
		return 0, fmt.Errorf("%s: cannot ask for its lock: %w", path, err)
	}
	if lk.Type == unix.F_UNLCK {
		return 0, fmt.Errorf("%s is stale (its process is gone): %w", path, ErrNotRunning)
	}
	if lk.Pid > 0 {
		return int(lk.Pid), nil
	}
	// The holder is in another pid namespace, where the kernel does not name
	// it to us. The socket's name has the id that it has over there.
	buf := make([]byte, 32)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || pid <= 0 {
		return 0, fmt.Errorf("%s: no process id in it", path)
	}
	return pid, nil
}
