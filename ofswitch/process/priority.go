package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Nice values (setpriority(2)). Threads that do not forward are raised too:
// while one of them waits for a processor on its way to a stop of Go's
// runtime, the forwarding threads have stopped already and wait for it. (Open
// vSwitch's start script gives its daemon -10.)
const (
	NiceProcess    = -18
	NiceForwarding = -20
)

// Raise gives every thread of the process the nice value NiceProcess; threads
// made later inherit it, and so do programs started later: see Reset. A
// process that is preferred already is left as it is. The error says what is
// missing: CAP_SYS_NICE.
//
// A leader of a session, as a daemon is, raises its session's scheduling group,
// too: between groups nice values of threads count for nothing (sched(7), "The
// autogroup feature").
func Raise() error {
	if err := eachThread(func(tid int) error { return raise(tid, NiceProcess) }); err != nil {
		return err
	}
	sid, err := unix.Getsid(0)
	if err != nil || sid != os.Getpid() {
		return err
	}
	err = os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(NiceProcess)), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil // a kernel without such groups
	}
	return err
}

// Reset gives every thread of the process the nice value 0, for a program that
// was started by one that has raised itself.
func Reset() error {
	return eachThread(func(tid int) error { return unix.Setpriority(unix.PRIO_PROCESS, tid, 0) })
}

func eachThread(do func(tid int) error) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("listing the threads of this process: %w", err)
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return fmt.Errorf("/proc/self/task has %q, not the number of a thread", t.Name())
		}
		if err := do(tid); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// RaiseThread gives the calling thread, which the caller has locked, the nice
// value NiceForwarding.
func RaiseThread() error { return raise(unix.Gettid(), NiceForwarding) }

// raise never lowers: who started the process may prefer it even more.
func raise(tid, nice int) error {
	// The system call gives 20 - nice (getpriority(2), "C library/kernel
	// differences").
	is, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
	if err == nil && 20-is <= nice {
		return nil
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); err != nil {
		if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
			return fmt.Errorf("raising the priority needs CAP_SYS_NICE (under load frames wait longer without it): %w", err)
		}
		return fmt.Errorf("setting the priority of thread %d: %w", tid, err)
	}
	return nil
}
