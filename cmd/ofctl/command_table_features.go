package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpTableFeaturesCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-table-features",
		Usage:     "print what each flow table can do",
		ArgsUsage: "SWITCH",
		Action: command(1, 1, func(c *cli.Context, o common, args []string) error {
			return dumpTableFeatures(e.out, tableOptions{common: o, Switch: args[0]})
		}),
	}
}

func (e *env) modTableCommand() *cli.Command {
	return &cli.Command{
		Name:      "mod-table",
		Usage:     "give a flow table a name: name:NAME",
		ArgsUsage: "SWITCH TABLE SETTING",
		Action: command(3, 3, func(c *cli.Context, o common, args []string) error {
			return modTable(tableOptions{o, args[0], args[1], args[2]})
		}),
	}
}

type tableOptions struct {
	common
	Switch  string
	Table   string // number or name
	Setting string // "name:NAME"
}

// dumpTableFeatures prints the tables, of all parts of the answer as of one.
func dumpTableFeatures(w io.Writer, o tableOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	tables, err := s.tableFeatures()
	if err != nil {
		return err
	}
	var p text.TableFeaturesPrinter
	var b strings.Builder
	for _, t := range tables {
		b.WriteString(p.Add(t))
	}
	b.WriteString(p.Flush())
	_, err = fmt.Fprintln(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// tableFeatures asks for the features of all tables.
func (s *session) tableFeatures() ([]*ofp.TableFeatures, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	tables, err := entries[*ofp.TableFeatures](c, ofp.MultipartTableFeatures, nil)
	return tables, s.explain("table features", err)
}

// modTable sets the name of a table. OpenFlow 1.3 does that by setting the features
// of all tables, as they are.
func modTable(o tableOptions) error {
	name, ok := strings.CutPrefix(o.Setting, "name:")
	if !ok {
		return settingError(o.Setting)
	}
	if len(name) > maxTableName {
		return fmt.Errorf("mod-table %s: the name has %d bytes, and a table's may have %d", o.Setting, len(name), maxTableName)
	}
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	tables, err := s.tableFeatures()
	if err != nil {
		return err
	}
	t, err := findTable(tables, o.Table, o.NoNames)
	if err != nil {
		return fmt.Errorf("%s: %w", s.target.text, err)
	}
	t.Name = name
	return s.explain("the name "+name, s.setTableFeatures(tables))
}

// maxTableName is the longest name of a table, in bytes (OpenFlow 1.3.5 §7.3.5.5.1).
const maxTableName = 31

// settingError says why a setting of mod-table is none.
func settingError(setting string) error {
	word, _, _ := strings.Cut(setting, ":")
	switch word {
	case "drop", "continue", "controller":
		return fmt.Errorf("mod-table %s: only OpenFlow 1.1 and 1.2 have such a setting; add a flow with priority 0 and no match in its place", setting)
	case "evict", "noevict", "vacancy", "novacancy":
		return fmt.Errorf("mod-table %s: only OpenFlow 1.4 and later have such a setting", setting)
	}
	return fmt.Errorf("mod-table %s: want name:NAME", setting)
}

// findTable finds a table by its number or name.
func findTable(tables []*ofp.TableFeatures, table string, noNames bool) (*ofp.TableFeatures, error) {
	n, err := strconv.ParseUint(table, 10, 8)
	for _, t := range tables {
		if err == nil && t.Table == ofp.TableID(n) || err != nil && !noNames && t.Name == table {
			return t, nil
		}
	}
	return nil, fmt.Errorf("there is no table %s; dump-table-features lists them", table)
}

// setTableFeatures sends a request, in parts that each fit into a message, and
// reads the answer.
func (s *session) setTableFeatures(tables []*ofp.TableFeatures) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	c.xid++
	xid := c.xid
	var part ofp.TableFeaturesRequest
	for _, t := range tables {
		if part.Len()+t.Len() > maxRequestPart {
			if err := c.write(xid, &ofp.MultipartRequest{Kind: ofp.MultipartTableFeatures, Flags: ofp.MultipartMore, Body: part}); err != nil {
				return err
			}
			part = nil
		}
		part = append(part, t)
	}
	if err := c.write(xid, &ofp.MultipartRequest{Kind: ofp.MultipartTableFeatures, Body: part}); err != nil {
		return err
	}
	return c.multipartAnswer(xid, ofp.MultipartTableFeatures, func(ofp.Header, *ofp.MultipartReply) error { return nil })
}

// maxRequestPart is how many bytes of features one message holds at most.
const maxRequestPart = ofp.MaxLen - 64
