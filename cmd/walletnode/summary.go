package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/view"
)

// faultFlags narrow a command to some faults.
func faultFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "kind", Usage: "only faults of this `KIND`"},
		&cli.StringFlag{Name: "culprit", Usage: "only faults of the operator with this `ADDRESS` (EIP-55)"},
		&cli.BoolFlag{Name: "attributed", Usage: "only accusations; with --attributed=false only what is recorded without one"},
		walletFlag(),
		&cli.Uint64Flag{Name: "from", Usage: "only windows from this coordination `BLOCK` on"},
		&cli.Uint64Flag{Name: "to", Usage: "only windows up to this coordination `BLOCK`"},
	}, more...)
}

func summaryCommand() *cli.Command {
	return &cli.Command{
		Name:        "summary",
		Usage:       "sum up the faults of each operator, worst first",
		Description: "Points weigh attributed faults and proofs by what they take to commit; records without an accusation or a proof weigh nothing.",
		Flags:       faultFlags(jsonFlag()),
		Action: func(c *cli.Context) error {
			r, filter, err := faultsAsked(c)
			if err != nil {
				return err
			}
			r.limit = one
			return listing(c, r, func(from source) (sheet, error) {
				scores, err := from.Scores(c.Context, filter)
				return scoreSheet(scores), err
			})
		},
	}
}

func scoreSheet(scores view.Scores) sheet {
	header := table.Row{"operator", "points"}
	for _, kind := range faults.Kinds() {
		header = append(header, strings.ReplaceAll(string(kind), "_", " "))
	}
	header = append(header, "proofs", "unattributed", "first", "last")
	return sheet{scores, false, header, rowsOf(scores.Operators, func(s view.Score) table.Row {
		row := table.Row{s.Operator, s.Points}
		for _, kind := range faults.Kinds() {
			row = append(row, s.Attributed[kind])
		}
		return append(row, s.Proofs, s.Unattributed, block(s.First), block(s.Last))
	})}
}

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:        "export",
		Usage:       "write faults with their evidence for other programs",
		Description: "csv has a header and one fault per line, with the signed messages separated by spaces; jsonl has one JSON object\nper line, as faults show --json has it. It reads the store, whether or not a node runs.",
		Flags:       faultFlags(&cli.StringFlag{Name: "format", Value: "csv", Usage: "csv or jsonl"}),
		Action: func(c *cli.Context) error {
			write := map[string]func(io.Writer, []view.Fault) error{"csv": writeFaultsCSV, "jsonl": writeFaultLines}[c.String("format")]
			if write == nil {
				return usageErrorf("--format: want csv or jsonl, have %q", c.String("format"))
			}
			_, filter, err := faultsAsked(c)
			if err != nil {
				return err
			}
			return reading(c, 0, func(from source) error {
				if err := known(c, from, filter.Wallet); err != nil {
					return err
				}
				list, err := from.Faults(c.Context, filter)
				if err != nil {
					return err
				}
				return write(c.App.Writer, list.Faults)
			})
		},
	}
}

func writeFaultLines(w io.Writer, list []view.Fault) error {
	out := jsonLines(w)
	for _, f := range list {
		if err := out.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

func writeFaultsCSV(w io.Writer, list []view.Fault) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{
		"id", "window", "wallet", "kind", "culprit", "attributed", "late", "observed_block", "recorded_at", "detail", "observer", "evidence",
	})
	for _, f := range list {
		observer, failed := json.Marshal(f.Observer)
		if err != nil || failed != nil {
			break // the writer keeps its first error
		}
		err = out.Write([]string{
			f.ID, fmt.Sprint(f.Window), f.Wallet.String(), string(f.Kind), f.Culprit.String(), strconv.FormatBool(f.Attributed),
			strconv.FormatBool(f.Late), fmt.Sprint(f.ObservedAt), f.RecordedAt, inert(f.Detail), string(observer), strings.Join(f.Evidence, " "),
		})
	}
	out.Flush()
	return out.Error()
}

// inert keeps a text that a peer or a contract wrote from being a formula to the spreadsheet that opens the file.
func inert(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
