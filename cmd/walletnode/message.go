package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/proposal"
)

func messageCommand() *cli.Command {
	return group("message", "read and write coordination messages",
		&cli.Command{
			Name:  "decode",
			Usage: "hex messages from stdin, one per line, to JSON",
			Description: "Writes one JSON object per line: outcome accepted with the message's fields, or outcome rejected with\n" +
				"the error. An empty line is the empty message.",
			Action: func(c *cli.Context) error {
				if err := arguments(c, 0, 0); err != nil {
					return err
				}
				return decodeMessages(c.App.Reader, c.App.Writer)
			},
		},
		&cli.Command{
			Name:        "encode",
			Usage:       "JSON messages from stdin, one per line, to hex",
			Description: "The inverse of decode. Stops at the first line that is no message.",
			Action: func(c *cli.Context) error {
				if err := arguments(c, 0, 0); err != nil {
					return err
				}
				return encodeMessages(c.App.Reader, c.App.Writer)
			},
		},
	)
}

// decodeMessages answers every line: a message that is not one is data here, not a failure.
func decodeMessages(in io.Reader, w io.Writer) error {
	return eachLine(in, w, func(l line) ([]byte, error) {
		decoded, err := decodeMessage(l)
		if err != nil {
			return json.Marshal(struct {
				Outcome string `json:"outcome"`
				Error   string `json:"error"`
			}{"rejected", err.Error()})
		}
		return decoded, nil
	})
}

func decodeMessage(l line) ([]byte, error) {
	if l.err != nil {
		return nil, l.err
	}
	digits := bytes.TrimPrefix(bytes.TrimSpace(l.text), []byte("0x"))
	raw, err := hex.AppendDecode(nil, digits)
	if err != nil {
		return nil, fmt.Errorf("not hex: %w", err)
	}
	m, err := proposal.DecodeMessage(raw)
	if err != nil {
		return nil, err
	}
	fields, err := proposal.MarshalMessageJSON(m)
	if err != nil {
		return nil, err
	}
	// The outcome comes first, then the message's own fields.
	return append([]byte(`{"outcome":"accepted",`), fields[1:]...), nil
}

// encodeMessages stops at the first line it cannot encode: whoever feeds the result into something else must not
// get fewer messages than they think.
func encodeMessages(in io.Reader, w io.Writer) error {
	return eachLine(in, w, func(l line) ([]byte, error) {
		if l.err != nil {
			return nil, fmt.Errorf("line %d: %w", l.number, l.err)
		}
		m, err := proposal.UnmarshalMessageJSON(l.text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", l.number, err)
		}
		return hex.AppendEncode(nil, proposal.EncodeMessage(m)), nil
	})
}

// eachLine writes one line for each line read. It flushes whenever the input pauses, so that a program on both ends of
// a pipe gets its answer to each line.
func eachLine(in io.Reader, w io.Writer, answer func(line) ([]byte, error)) (err error) {
	out := bufio.NewWriter(w)
	defer func() { err = errors.Join(err, out.Flush()) }()
	var failed error
	for l := range lines(in, &failed) {
		text, err := answer(l)
		if err != nil {
			return err
		}
		out.Write(text)     //nolint:errcheck // a failed write is kept and returned by Flush
		out.WriteByte('\n') //nolint:errcheck // as above
		if !l.last {
			continue
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	if failed != nil {
		return fmt.Errorf("read input: %w", failed)
	}
	return nil
}
