package ports

import "log/slog"

// quiet is for ports whose log lines are expected.
var quiet = slog.New(slog.DiscardHandler)
