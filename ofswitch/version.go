package ofswitch

import "runtime/debug"

// moduleVersion is the version of the module, as the Go tools noted it.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
