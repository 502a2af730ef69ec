package main

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/config"
)

// overrides are the flags that stand for a key of the configuration.
var overrides = map[string]string{
	"data-dir":   "node.data_dir",
	"log-level":  "log.level",
	"log-format": "log.format",
	"api":        "api.listen",

	// of start
	"instance-id": "cluster.instance_id",
	"cluster-url": "cluster.urls",
	"standby":     "cluster.standby",
}

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Aliases: []string{"c"}, EnvVars: []string{"WALLETNODE_CONFIG"}, Usage: "read the configuration from `FILE` (TOML), instead of config.toml in the data directory named, or else here, in ~/.walletnode or in /etc/walletnode"},
		&cli.StringFlag{Name: "data-dir", Usage: "the node's data `DIRECTORY`, instead of node.data_dir"},
		&cli.StringFlag{Name: "api", Usage: "the `ADDRESS` of the running node's API (unix:// and a path, or host:port), instead of api.listen"},
		&cli.BoolFlag{Name: "offline", Usage: "read the store, and do not ask the running node"},
		&cli.StringFlag{Name: "log-level", Usage: "debug, info, warn or error, instead of log.level"},
		&cli.StringFlag{Name: "log-format", Usage: "text or json, instead of log.format"},
		&cli.BoolFlag{Name: "no-color", Usage: "write no colours, as with the variable NO_COLOR; there are none anyway where no terminal reads, or a dumb one"},
		&cli.BoolFlag{Name: "no-progress", Usage: "draw no progress bars; there are none anyway where no terminal reads, or a dumb one"},
	}
}

// jsonFlag stands on every command that reads.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "write one JSON document"}
}

// loadConfig returns the whole configuration, valid; it serves commands that run a node.
func loadConfig(c *cli.Context) (config.Config, error) {
	cfg, err := config.Load(configFile(c), os.Environ(), givenOverrides(c))
	return cfg, configError(err)
}

// readConfig returns the configuration without demanding that it is complete; it serves commands that only look
// into the node's store.
func readConfig(c *cli.Context) (config.Config, error) {
	cfg, err := config.Read(configFile(c), os.Environ(), givenOverrides(c))
	return cfg, configError(err)
}

// loggedConfig is readConfig for commands that do more than look: what is done is logged as the configuration says.
func loggedConfig(c *cli.Context) (config.Config, error) {
	cfg, err := readConfig(c)
	if err != nil {
		return cfg, err
	}
	return cfg, setupLogging(c, cfg)
}

// configFile returns the configuration to read: the one named, or the one that is found; empty for none.
func configFile(c *cli.Context) string {
	if named := c.String("config"); named != "" {
		return named
	}
	return config.Find(c.String("data-dir"))
}

// configError makes whatever is wrong with a configuration a usage error: a file that is not there too.
func configError(err error) error {
	if err == nil {
		return nil
	}
	return exit(codeUsage, err)
}

func givenOverrides(c *cli.Context) config.Flags {
	given := config.Flags{}
	for name, key := range overrides {
		if c.IsSet(name) {
			given[key] = config.Flag{Name: "--" + name, Value: flagText(c, name)}
		}
	}
	return given
}

// flagText is a flag's value as the configuration reads it: items of a list are separated by commas.
func flagText(c *cli.Context, name string) string {
	switch v := c.Value(name).(type) {
	case cli.StringSlice:
		return strings.Join(v.Value(), ",")
	case bool:
		return strconv.FormatBool(v)
	default:
		return c.String(name)
	}
}

// arrange puts arguments into the order the library can parse: it knows global flags only before the command, and a
// command's flags only before its arguments, while people write "windows show 900 --json".
func arrange(app *cli.App, args []string) ([]string, error) {
	global, rest := split(args[1:], app.Flags, false)
	if n := len(global); n > 0 && lacksValue(global[n-1], app.Flags) {
		return nil, usageErrorf("flag needs an argument: %s", global[n-1]) // moved to the front it would take the command for it
	}
	var path []string
	flags, commands := []cli.Flag(nil), app.Commands
	for len(rest) > 0 {
		at := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(rest[0]) })
		if at < 0 {
			break
		}
		path, rest = append(path, rest[0]), rest[1:]
		flags, commands = commands[at].Flags, commands[at].Subcommands
	}
	own, words := split(rest, flags, true)
	if len(path) > 0 && len(commands) == 0 && (slices.Contains(own, "--help") || slices.Contains(own, "-h")) {
		words = nil // the library would take the first for a topic of help
	}
	return slices.Concat(args[:1], global, path, own, words), nil
}

// lacksValue reports whether the last of some flags that split found should be followed by its value and is not.
func lacksValue(last string, known []cli.Flag) bool {
	at := slices.IndexFunc(known, func(f cli.Flag) bool { return slices.Contains(f.Names(), strings.TrimLeft(last, "-")) })
	return strings.HasPrefix(last, "-") && at >= 0 && takesValue(known[at])
}

// split separates the flags it knows (with their values) from the other words. With unknown, it takes unknown flags for
// flags without a value; without, it leaves them where they are. What follows "--" is never a flag.
func split(args []string, known []cli.Flag, unknown bool) (flags, words []string) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return flags, append(words, args[i:]...)
		}
		name, _, inline := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		at := slices.IndexFunc(known, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
		switch {
		case !strings.HasPrefix(arg, "-") || arg == "-", at < 0 && !unknown:
			words = append(words, arg)
		case at < 0 || inline || !takesValue(known[at]) || i+1 == len(args):
			flags = append(flags, arg)
		default:
			flags = append(flags, arg, args[i+1])
			i++
		}
	}
	return flags, words
}

func takesValue(f cli.Flag) bool {
	documented, ok := f.(cli.DocGenerationFlag)
	return ok && documented.TakesValue()
}
