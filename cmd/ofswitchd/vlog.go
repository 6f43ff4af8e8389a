package main

import (
	"ofswitch/unixctl"
	"ofswitch/vlog"
)

// registerLog adds the commands about the log.
func registerLog(srv *unixctl.Server, l *vlog.Log) {
	srv.Register("vlog/list", "", 0, 0, func([]string) (string, error) { return l.List(), nil })
	srv.Register("vlog/set", "{spec}...", 1, 64, func(args []string) (string, error) {
		for _, spec := range args {
			if err := l.Set(spec); err != nil {
				return "", err
			}
		}
		return "", nil
	})
	srv.Register("vlog/reopen", "", 0, 0, func([]string) (string, error) { return "", l.Reopen() })
	srv.Register("vlog/close", "", 0, 0, func([]string) (string, error) { return "", l.CloseFile() })
}
