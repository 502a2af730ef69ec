package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

// sheet is a list: a document for programs, a table for people.
type sheet struct {
	document any
	more     bool // it was cut off at the limit
	header   table.Row
	rows     []table.Row
}

// write writes a list as JSON if --json asks for it, else as a table, and says on stderr if that is not the whole list.
func (s sheet) write(c *cli.Context) error {
	if c.Bool("json") {
		return writeJSON(c.App.Writer, s.document)
	}
	if s.more {
		fmt.Fprintln(c.App.ErrWriter, "walletnode: there is more (--limit 0 shows all)") //nolint:errcheck // a hint
	}
	return writeTable(c, s.header, s.rows)
}

// listing reads a list from the running node or its store, and writes it.
func listing(c *cli.Context, r reach, read func(source) (sheet, error)) error {
	return reading(c, r.limit, func(from source) error {
		if err := known(c, from, r.wallet); err != nil {
			return err
		}
		list, err := read(from)
		if err != nil {
			return err
		}
		return list.write(c)
	})
}

// rowsOf makes a table's rows of a list's.
func rowsOf[T any](list []T, row func(T) table.Row) []table.Row {
	rows := make([]table.Row, len(list))
	for i, item := range list {
		rows[i] = row(item)
	}
	return rows
}
