package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode"
	"github.com/walletnode/walletnode/internal/config"
)

func configCommand() *cli.Command {
	return group("config", "check, show and write the configuration",
		&cli.Command{
			Name:  "validate",
			Usage: "check the configuration as start would read it",
			Description: "Every mistake is told at once, each with its file, line, key and reason; then the exit code is 2. The file, the\n" +
				"environment and the flags are read; keys and endpoints are not tried, which \"check\" does.",
			Flags:  []cli.Flag{jsonFlag()},
			Action: validateConfig,
		},
		&cli.Command{
			Name:  "print",
			Usage: "write the configuration in effect: file, environment and flags in one",
			Description: "It is TOML, and may be used as a file. A key that must be set and is not is a comment or empty. The URL of an\n" +
				"endpoint can hold an access key: --redact leaves only its host.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "origins", Usage: "say where each value was set"},
				&cli.BoolFlag{Name: "redact", Usage: "leave out what can hold an access key"},
				jsonFlag(),
			},
			Action: printConfig,
		},
		&cli.Command{
			Name:   "sample",
			Usage:  "write a configuration file with every key, its meaning and its default",
			Action: sampleConfig,
		},
	)
}

func sampleConfig(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	_, err := io.WriteString(c.App.Writer, walletnode.SampleConfig)
	return err
}

// complaint is one mistake of a configuration.
type complaint struct {
	At     string `json:"at"` // file:line:column, variable or flag; empty for what was not set at all
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Key    string `json:"key"` // empty if no key is to blame
	Reason string `json:"reason"`
}

// warning is something allowed and unwise, with the name of the state that it leads to.
type warning struct {
	State string `json:"state"`
	complaint
}

type validation struct {
	Valid      bool        `json:"valid"`
	File       string      `json:"file"` // empty if none was read
	Complaints []complaint `json:"complaints"`
	Warnings   []warning   `json:"warnings"`
}

func validateConfig(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(c)
	var wrong config.Complaints
	if err != nil && !errors.As(err, &wrong) || err != nil && !c.Bool("json") {
		return err
	}
	v := validation{Valid: err == nil, File: configFile(c), Complaints: []complaint{}, Warnings: []warning{}}
	for _, w := range wrong {
		v.Complaints = append(v.Complaints, newComplaint(w))
	}
	for _, w := range cfg.Warnings() {
		v.Warnings = append(v.Warnings, warning{w.State, newComplaint(w.Complaint)})
	}
	if c.Bool("json") {
		if err := writeJSON(c.App.Writer, v); err != nil {
			return err
		}
		if !v.Valid {
			return exit(codeUsage, nil)
		}
		return nil
	}
	for _, w := range cfg.Warnings() {
		fmt.Fprintf(c.App.ErrWriter, "walletnode: warning: %s: %v\n", w.State, w) //nolint:errcheck // a hint
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s: valid\n", cmp.Or(v.File, "configuration without a file"))
	return err
}

func newComplaint(w config.Complaint) complaint {
	j := complaint{At: w.Origin.String(), Key: w.Key, Reason: w.Why}
	if w.Origin.Source == config.FromFile {
		j.File, j.Line, j.Column = w.Origin.Name, w.Origin.Line, w.Origin.Column
	}
	return j
}

// setting is one key in the JSON of "config print".
type setting struct {
	Key    string  `json:"key"`
	Value  any     `json:"value"`            // null if it is not set
	Origin *string `json:"origin,omitempty"` // with --origins: file:line:column, variable, flag or "default"
}

func printConfig(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	if c.Bool("redact") {
		cfg = cfg.Redacted()
	}
	if !c.Bool("json") {
		return config.WriteTOML(c.App.Writer, cfg.Settings(), c.Bool("origins"))
	}
	settings := []setting{}
	for _, s := range cfg.Settings() {
		j := setting{Key: s.Key, Value: s.Value}
		if c.Bool("origins") {
			origin := s.Origin.Describe()
			j.Origin = &origin
		}
		settings = append(settings, j)
	}
	return writeJSON(c.App.Writer, struct {
		File     string    `json:"file"` // empty if none was read
		Settings []setting `json:"settings"`
	}{configFile(c), settings})
}
