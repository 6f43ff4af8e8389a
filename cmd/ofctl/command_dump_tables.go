package main

import (
	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
)

func (e *env) dumpTablesCommand() *cli.Command {
	return e.dumpCommand("dump-tables", "print the statistics of the flow tables", ofp.MultipartTable, "table statistics")
}
