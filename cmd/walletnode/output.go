package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// writeJSON writes one document, indented for people; tools do not mind.
func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}

// show writes a document as JSON if --json asks for it, else as people read it.
func show[T any](c *cli.Context, document T, text func(io.Writer, T) error) error {
	if c.Bool("json") {
		return writeJSON(c.App.Writer, document)
	}
	return text(c.App.Writer, document)
}

// say is show for what takes people a sentence or two.
func say(c *cli.Context, document any, format string, args ...any) error {
	return show(c, document, func(w io.Writer, _ any) error {
		_, err := fmt.Fprintf(w, format, args...)
		return err
	})
}

// jsonLines returns an encoder that writes one object per line.
func jsonLines(w io.Writer) *json.Encoder {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out
}

// writeTable writes rows under a header, aligned and without borders, so that it reads well and greps well. Nothing
// is cut off: a wallet's hash is of no use without its end.
func writeTable(c *cli.Context, header table.Row, rows []table.Row) error {
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatUpper
	if coloured(c, c.App.Writer) {
		style.Color.Header = text.Colors{text.Bold}
	}
	t.SetStyle(style)
	t.AppendHeader(header)
	t.AppendRows(rows)
	var out strings.Builder
	for line := range strings.Lines(t.Render() + "\n") {
		out.WriteString(strings.TrimRight(line, " \n"))
		out.WriteByte('\n')
	}
	_, err := io.WriteString(c.App.Writer, out.String())
	return err
}

// coloured reports whether what is written to w may have colours and bold letters: a person reads it, at a terminal that
// can show them, and has not asked for none (--no-color, or the variable NO_COLOR as in https://no-color.org).
func coloured(c *cli.Context, w io.Writer) bool {
	return drawable(w) && !c.Bool("no-color") && os.Getenv("NO_COLOR") == ""
}

// animated reports whether a bar may be drawn on w.
func animated(c *cli.Context, w io.Writer) bool { return drawable(w) && !c.Bool("no-progress") }

// drawable reports whether w is a terminal that can do more than show one line after the other.
func drawable(w io.Writer) bool { return isTerminal(w) && os.Getenv("TERM") != "dumb" }

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) //nolint:gosec // a descriptor fits an int
}
