package main

import (
	"log/slog"
	"strings"
	"testing"

	golog "github.com/ipfs/go-log/v2"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
)

// logLevels sets logging up from a level in the file, variables and a flag, and returns the lowest levels at which the
// node's executor and libp2p's swarm then write.
func logLevels(t *testing.T, environ []string, flags config.Flags) (executor, swarm slog.Level) {
	t.Helper()
	before := golog.GetConfig()
	t.Cleanup(func() { golog.SetupLogging(before) })
	if level, ok := lookup(environ, "GOLOG_LOG_LEVEL"); ok { // go-log itself reads it when the process starts
		parsed, err := golog.Parse(level)
		require.NoError(t, err)
		golog.SetupLogging(golog.Config{Level: parsed, Stderr: true})
	}
	cfg, err := config.Read("", environ, flags)
	require.NoError(t, err)
	require.NoError(t, pointLogging(cfg, environ, false, false))
	return lowest(t, logger("executor")), lowest(t, logger("swarm2"))
}

func lookup(environ []string, name string) (string, bool) {
	for _, entry := range environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func lowest(t *testing.T, l *slog.Logger) slog.Level {
	t.Helper()
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if l.Enabled(t.Context(), level) {
			return level
		}
	}
	require.Fail(t, "the logger writes nothing")
	return 0
}

func TestLogLevelIsTheNodesOwnAndLibrariesWriteErrors(t *testing.T) {
	executor, swarm := logLevels(t, nil, nil)
	require.Equal(t, []slog.Level{slog.LevelInfo, slog.LevelError}, []slog.Level{executor, swarm})
}

func TestLogLevelCanNameSubsystems(t *testing.T) {
	executor, swarm := logLevels(t, []string{"WALLETNODE_LOG_LEVEL=warn,swarm2=debug"}, nil)
	require.Equal(t, []slog.Level{slog.LevelWarn, slog.LevelDebug}, []slog.Level{executor, swarm})
	executor, _ = logLevels(t, []string{"WALLETNODE_LOG_LEVEL=warn,executor=debug"}, nil)
	require.Equal(t, slog.LevelDebug, executor)
}

func TestGologVariableWinsOverTheFileAndYieldsToOurs(t *testing.T) {
	golog := "GOLOG_LOG_LEVEL=debug"
	executor, swarm := logLevels(t, []string{golog}, nil)
	require.Equal(t, []slog.Level{slog.LevelDebug, slog.LevelDebug}, []slog.Level{executor, swarm})
	executor, swarm = logLevels(t, []string{golog, "WALLETNODE_LOG_LEVEL=warn"}, nil)
	require.Equal(t, []slog.Level{slog.LevelWarn, slog.LevelError}, []slog.Level{executor, swarm})
	executor, _ = logLevels(t, []string{golog}, config.Flags{"log.level": {Name: "--log-level", Value: "error"}})
	require.Equal(t, slog.LevelError, executor)
}

func TestLogFormat(t *testing.T) {
	before := golog.GetConfig()
	t.Cleanup(func() { golog.SetupLogging(before) })
	for value, want := range map[string]golog.LogFormat{"json": golog.JSONOutput, "text": golog.PlaintextOutput} {
		cfg, err := config.Read("", []string{"WALLETNODE_LOG_FORMAT=" + value}, nil)
		require.NoError(t, err)
		require.NoError(t, pointLogging(cfg, []string{"GOLOG_LOG_FMT=color"}, false, false))
		require.Equal(t, want, golog.GetConfig().Format, value)
		require.True(t, golog.GetConfig().Stderr)
		require.False(t, golog.GetConfig().Stdout, "stdout is for data")
	}
	cfg, err := config.Read("", nil, nil)
	require.NoError(t, err)
	require.NoError(t, pointLogging(cfg, nil, true, false))
	require.Equal(t, golog.ColorizedOutput, golog.GetConfig().Format)
	require.NoError(t, pointLogging(cfg, []string{"GOLOG_LOG_FMT=color"}, false, true)) // go-log still has it from before
	require.Equal(t, golog.PlaintextOutput, golog.GetConfig().Format, "--no-color wins over GOLOG_LOG_FMT")
}
