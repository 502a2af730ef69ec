package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/secretfile"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/view"
)

// asProgram is the variable that makes the test binary the program itself, for tests that need a process.
const asProgram = "TEST_RUNS_AS_WALLETNODE"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(pgtest.Run(m))
}

// outcome is what a command left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// call runs the program in process. Whatever it writes with --json must be JSON with names as they have to be.
func call(t testing.TB, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"walletnode"}, args...), strings.NewReader(stdin), &stdout, &stderr)
	if slices.Contains(args, "--json") && !slices.Contains(args, "--help") {
		for documents := json.NewDecoder(bytes.NewReader(stdout.Bytes())); documents.More(); {
			var document any
			require.NoError(t, documents.Decode(&document), "%v", args)
			require.Empty(t, oddNames(document), "%v", args)
		}
	}
	return outcome{code, stdout.String(), stderr.String()}
}

// succeed runs the program and returns what it wrote to stdout.
func succeed(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	got := call(t, stdin, args...)
	require.Zero(t, got.code, got.stderr)
	require.Empty(t, got.stderr)
	return got.stdout
}

func TestUsageErrorsAreCode2AndLeaveStdoutEmpty(t *testing.T) {
	for want, args := range map[string][]string{
		`unknown command "wibble"`:               {"wibble"},
		`unknown command "wobble"`:               {"windows", "wobble"},
		"flag provided but not defined: -wibble": {"version", "--wibble"},
		"flag needs an argument: --config":       {"windows", "list", "--config"},
		`version: "x" is one argument too many`:  {"version", "x"},
		"windows show needs BLOCK":               {"windows", "show"},
		`window "soon": want the number`:         {"windows", "show", "soon"},
		"block 901 begins no window":             {"windows", "show", "901"},
		"block 0 begins no window":               {"windows", "show", "0"},
		"--limit: want 0 or more, have -1":       {"faults", "list", "--limit=-1"},
		`--kind: unknown fault kind "rude"`:      {"faults", "list", "--kind", "rude"},
		"--culprit: operator address":            {"faults", "list", "--culprit", "0x12"},
		`--reason: unknown reason "boredom"`:     {"windows", "list", "--reason", "boredom"},
		`--state: unknown state "ajar"`:          {"windows", "list", "--state", "ajar"},
		"--wallet: wallet public key hash":       {"windows", "list", "--wallet", "12"},
		"wallets import needs FILE...":           {"wallets", "import"},
		"read configuration: open /none":         {"windows", "list", "--config", "/none"},
		"--log-level: log.level: want debug":     {"wallets", "list", "--log-level", "loud"},
		"explain: \"b\" is one argument too":     {"explain", "a", "b"},
		"invalid value \"x\" for flag -limit":    {"windows", "list", "-limit", "x"},
	} {
		got := call(t, "", args...)
		require.Equal(t, codeUsage, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, want, "%v", args)
		require.Empty(t, got.stdout, "%v", args)
	}
}

func TestHelpIsWrittenWhereItWasAskedFor(t *testing.T) {
	require.Contains(t, succeed(t, "", "--help"), "--log-format")
	require.Contains(t, succeed(t, "", "windows", "list", "--help"), "--reason")
	require.Contains(t, succeed(t, "", "windows", "show", "900", "-h"), "walletnode windows show", "whoever is at a loss has typed the rest")
	for _, args := range [][]string{nil, {"message"}} {
		got := call(t, "", args...)
		require.Equal(t, codeUsage, got.code, "%v", args)
		require.Contains(t, got.stdout, "COMMANDS", "%v", args)
	}
}

func TestExitCodes(t *testing.T) {
	wrapped := func(err error) error { return fmt.Errorf("list windows: %w", err) }
	for want, err := range map[int]error{
		codeOK:          nil,
		codeFailure:     errors.New("x"),
		codeUsage:       wrapped(config.Complaints{{Why: "x"}}),
		codeNotFound:    wrapped(store.ErrNotFound),
		codeInUse:       wrapped(store.ErrLocked),
		codeInterrupted: wrapped(exit(codeInterrupted, errors.New("x"))),
	} {
		require.Equal(t, want, exitCode(err), "%v", err)
	}
	for _, mistake := range []error{
		secretfile.Unusable{Err: errors.New("x")}, view.ErrConfiguration, api.ErrInvalid, ethereum.ErrWrongChain, store.ErrWrongChain,
	} {
		require.Equal(t, codeUsage, exitCode(wrapped(mistake)), "%v", mistake)
	}
}

func TestArrangeLetsFlagsStandAnywhere(t *testing.T) {
	app := &cli.App{
		Flags: globalFlags(),
		Commands: []*cli.Command{group("windows", "", &cli.Command{
			Name:  "show",
			Flags: []cli.Flag{jsonFlag(), &cli.StringFlag{Name: "wallet", Aliases: []string{"w"}}},
		})},
	}
	for line, want := range map[string]string{
		"":                                        "",
		"windows show 900 --json":                 "windows show --json 900",
		"windows show 900 -w 0x12 --json":         "windows show -w 0x12 --json 900",
		"windows show 900 --wallet=0x12":          "windows show --wallet=0x12 900",
		"windows show 900 --config f --json":      "--config f windows show --json 900",
		"windows -c f show 900":                   "-c f windows show 900",
		"windows --log-level=debug show 900":      "--log-level=debug windows show 900",
		"windows show - --json":                   "windows show --json -",
		"windows show --json -- --config -x":      "windows show --json -- --config -x",
		"windows show 900 --wibble --json":        "windows show --wibble --json 900",
		"windows show 900 --wallet":               "windows show --wallet 900",
		"wibble --json --config f":                "--config f --json wibble",
		"windows show 900 --help":                 "windows show --help",
		"windows wobble --help":                   "windows --help wobble",
		"--data-dir d windows show --wallet show": "--data-dir d windows show --wallet show",
	} {
		got, err := arrange(app, append([]string{"walletnode"}, strings.Fields(line)...))
		require.NoError(t, err)
		require.Equal(t, append([]string{"walletnode"}, strings.Fields(want)...), got, line)
	}
}

func TestVersion(t *testing.T) {
	require.True(t, strings.HasPrefix(succeed(t, "", "version"), "walletnode "))
	var b build
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "version", "--json")), &b))
	require.NotEmpty(t, b.Version)
	require.Contains(t, b.Platform, "/")

	info := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
	}}
	info.Main.Version = "v1.2.3"
	b = readBuild(info, true)
	require.Equal(t, "2026-01-02T03:04:05Z", b.Time)
	require.True(t, strings.HasPrefix(b.String(), "walletnode v1.2.3 (commit 0123456789ab, modified) go"), b.String())
	require.Equal(t, "(unknown)", readBuild(nil, false).Version)
}
