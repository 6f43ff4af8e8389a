package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// detach starts the program again in a session of its own and returns when
// that says ready (0) or ends before (1). A Go program cannot fork: the other
// threads would be missing in the child.
func detach(args []string, stderr io.Writer) int {
	exe, err := os.Executable()
	if err != nil {
		fmt.Fprintf(stderr, "ofswitchd: --detach: cannot find the program itself: %v\n", err)
		return 1
	}
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintf(stderr, "ofswitchd: --detach: %v\n", err)
		return 1
	}
	cmd := exec.Command(exe, args[1:]...)
	cmd.Env = append(os.Environ(), readyFD+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr // the log goes where ours would have gone
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(stderr, "ofswitchd: --detach: %v\n", err)
		return 1
	}
	w.Close()
	if _, err := bufio.NewReader(r).ReadString('\n'); err == nil {
		return 0
	}
	// The pipe closed without the line: the child ended, and said why.
	if err := cmd.Wait(); err != nil {
		if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() > 0 {
			return exit.ExitCode()
		}
		fmt.Fprintf(stderr, "ofswitchd: --detach: the switch ended before it was ready: %v\n", err)
	}
	return 1
}
