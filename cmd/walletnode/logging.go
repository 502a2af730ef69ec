package main

import (
	"log/slog"
	"os"
	"strings"

	golog "github.com/ipfs/go-log/v2"
	"github.com/libp2p/go-libp2p/gologshim"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/config"
)

// subsystems are the loggers of the node's own parts. Each can be given a level of its own by its name.
var subsystems = []string{"node", "chain", "coordination", "executor", "net", "proposal", "store", "action", "signer", "cluster", "evidence", "feed", "devnet"}

// setupLogging points all logging at stderr through go-log: the node's parts, go-libp2p and go-libp2p-pubsub. The
// level of [log] is that of the node's own parts; libraries write errors only, unless they are named. GOLOG_LOG_LEVEL
// and GOLOG_LOG_FMT, which operators of such nodes know, win over the file, and yield to WALLETNODE_ variables and
// flags. An error is the command line's.
func setupLogging(c *cli.Context, cfg config.Config) error {
	if err := pointLogging(cfg, os.Environ(), coloured(c, os.Stderr), c.Bool("no-color")); err != nil {
		return exit(codeUsage, err)
	}
	return nil
}

// pointLogging is setupLogging with what it depends on: environ has the form of os.Environ; coloured says that lines may
// have colours unless GOLOG_LOG_FMT says otherwise, and plain that they must not whatever it says.
func pointLogging(cfg config.Config, environ []string, coloured, plain bool) error {
	own, named, err := config.ParseLevels(cfg.Log.Level)
	if err != nil {
		return err
	}
	setup := golog.GetConfig() // as the environment has it
	setup.Stdout, setup.Stderr = false, setup.File == "" && setup.URL == ""
	if !decides(environ, "GOLOG_LOG_FMT", cfg.Origin("log.format")) {
		setup.Format = format(cfg.Log.Format, coloured)
	}
	if plain && setup.Format == golog.ColorizedOutput {
		setup.Format = golog.PlaintextOutput
	}
	if !decides(environ, "GOLOG_LOG_LEVEL", cfg.Origin("log.level")) {
		setup.Level = golog.LevelError
		setup.SubsystemLevels = map[string]golog.LogLevel{}
		for _, name := range subsystems {
			setup.SubsystemLevels[name] = own
		}
		for name, level := range named {
			setup.SubsystemLevels[name] = level
		}
	}
	golog.SetupLogging(setup)
	gologshim.SetDefaultHandler(golog.SlogHandler())
	return nil
}

// decides reports whether a variable of go-log is set and beats the place where a key of ours was set.
func decides(environ []string, variable string, ours config.Origin) bool {
	if ours.Source == config.FromEnvironment || ours.Source == config.FromFlag {
		return false
	}
	for _, entry := range environ {
		if name, value, _ := strings.Cut(entry, "="); name == variable && value != "" {
			return true
		}
	}
	return false
}

// format is the form of log lines: colours are for people at a terminal.
func format(name string, coloured bool) golog.LogFormat {
	switch {
	case name == "json":
		return golog.JSONOutput
	case coloured:
		return golog.ColorizedOutput
	default:
		return golog.PlaintextOutput
	}
}

// logger returns the logger of one of the subsystems. It follows what setupLogging sets, also later.
func logger(subsystem string) *slog.Logger {
	// The attribute "logger" is how go-log's bridge learns the subsystem, whose level it then obeys.
	return slog.New(plainValues{golog.SlogHandler()}).With("logger", subsystem)
}
