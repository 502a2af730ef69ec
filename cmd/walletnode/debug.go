package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/store"
)

func debugCommand() *cli.Command {
	return group("debug", "find out what a running node does",
		&cli.Command{
			Name:  "bundle",
			Usage: "collect what helps to find the cause of a problem into a file",
			Description: "The archive (tar.gz) holds the version, the configuration without secrets, the node's status, its peers and chain endpoints, recent\n" +
				"windows and faults, the levels of the log and what each goroutine does. Without a running node, what the store has.",
			Flags:  []cli.Flag{&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`, - for stdout, instead of walletnode-debug-TIME.tar.gz here"}},
			Action: bundleAction,
		},
		&cli.Command{
			Name:      "log-level",
			Usage:     "show the levels of the log, or change one until the node ends",
			ArgsUsage: "[[SUBSYSTEM=]LEVEL]",
			Flags:     []cli.Flag{jsonFlag()},
			Action:    logLevelAction,
		},
	)
}

func logLevelAction(c *cli.Context) error {
	if err := arguments(c, 0, 1); err != nil {
		return err
	}
	return askingHere(c, func(node *api.Client) (err error) {
		var levels api.LogLevels
		if !c.Args().Present() {
			levels, err = node.LogLevels(c.Context)
		} else {
			levels, err = node.SetLogLevel(c.Context, logLevelWish(c.Args().First()))
		}
		if err != nil {
			return lost(err, "debug log-level")
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, levels)
		}
		var rows []table.Row
		for _, name := range slices.Sorted(maps.Keys(levels.Levels)) {
			rows = append(rows, table.Row{name, levels.Levels[name]})
		}
		return writeTable(c, table.Row{"subsystem", "level"}, rows)
	})
}

// logLevelWish reads [SUBSYSTEM=]LEVEL; the node knows what there is.
func logLevelWish(text string) api.LogLevel {
	subsystem, level, named := strings.Cut(text, "=")
	if !named {
		return api.LogLevel{Level: text}
	}
	return api.LogLevel{Subsystem: subsystem, Level: level}
}

// bundled is how many windows and faults a bundle has.
const bundled = 200

// part is one file of a bundle.
type part struct {
	name string
	make func() ([]byte, error)
}

func bundleAction(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	cfg, err := readConfig(c)
	if err != nil {
		return err
	}
	name := c.String("output")
	if name == "" {
		name = "walletnode-debug-" + time.Now().UTC().Format("20060102T150405Z") + ".tar.gz"
	}
	var archive bytes.Buffer // some MiB at most: every part is bounded
	if err := writeBundle(&archive, bundleParts(c, cfg)); err != nil {
		return err
	}
	if name == "-" {
		_, err := c.App.Writer.Write(archive.Bytes())
		return err
	}
	if err := writeNew(name, archive.Bytes()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.App.Writer, name)
	return err
}

// writeNew writes a file that is not there yet, for its owner alone.
func writeNew(name string, content []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// bundleParts lists what a bundle has. Windows and faults come from the store, so that they are there without a node too.
func bundleParts(c *cli.Context, cfg config.Config) []part {
	ctx := c.Context
	parts := []part{
		jsonPart("version.json", func() (any, error) { return readBuild(debug.ReadBuildInfo()), nil }),
		{"config.toml", func() ([]byte, error) {
			var out bytes.Buffer
			err := config.WriteTOML(&out, cfg.Redacted().Settings(), true)
			return out.Bytes(), err
		}},
		jsonPart("windows.json", func() (any, error) {
			return stored(c, cfg, func(from source) (any, error) { return from.Windows(ctx, store.WindowFilter{Limit: bundled}) })
		}),
		jsonPart("faults.json", func() (any, error) {
			return stored(c, cfg, func(from source) (any, error) { return from.Faults(ctx, faults.Filter{Limit: bundled}) })
		}),
		jsonPart("actions.json", func() (any, error) {
			return stored(c, cfg, func(from source) (any, error) { return from.Actions(ctx, store.ActionFilter{Limit: bundled}) })
		}),
	}
	return append(parts, liveParts(c, cfg)...)
}

func liveParts(c *cli.Context, cfg config.Config) []part {
	ctx := c.Context
	node, err := api.NewClient(askedAPI(c, cfg))
	if err != nil {
		return []part{{"node.txt", func() ([]byte, error) { return nil, err }}}
	}
	parts := []part{
		jsonPart("status.json", func() (any, error) { return node.Status(ctx) }),
		jsonPart("readiness.json", func() (any, error) { return node.Readiness(ctx) }),
		jsonPart("peers.json", func() (any, error) { return node.Peers(ctx) }),
		jsonPart("log-levels.json", func() (any, error) { return node.LogLevels(ctx) }),
		{"goroutines.txt", func() ([]byte, error) { return node.Goroutines(ctx) }},
	}
	if cfg.Ethereum.Multi.Enabled {
		parts = append(parts, jsonPart("endpoints.json", func() (any, error) { return node.Endpoints(ctx) }))
	}
	return parts
}

// stored reads from the store.
func stored(c *cli.Context, cfg config.Config, read func(source) (any, error)) (doc any, err error) {
	err = inStore(c, cfg, func(r *store.Reader) (err error) { doc, err = read(recordsOf(r)); return err })
	return doc, err
}

func jsonPart(name string, read func() (any, error)) part {
	return part{name, func() ([]byte, error) {
		doc, err := read()
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		err = writeJSON(&out, doc)
		return out.Bytes(), err
	}}
}

// writeBundle writes an archive of the parts. A part that cannot be had is replaced by why.
func writeBundle(w io.Writer, parts []part) error {
	zipped := gzip.NewWriter(w)
	archive := tar.NewWriter(zipped)
	for _, p := range parts {
		name := p.name
		content, err := p.make()
		if err != nil {
			name, content = name+".error.txt", []byte(err.Error()+"\n")
		}
		header := tar.Header{Name: "walletnode-debug/" + name, Mode: 0o600, Size: int64(len(content)), ModTime: time.Now()}
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := archive.Write(content); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), zipped.Close())
}
