package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// complete asks the script, in a bash of its own, for what could stand at the end of a line.
func complete(t testing.TB, script string, words ...string) []string {
	t.Helper()
	line := append([]string{"walletnode"}, words...)
	quoted := make([]string, len(line))
	for i, word := range line {
		quoted[i] = shellWord(word)
	}
	program := fmt.Sprintf("source %s\nCOMP_WORDS=(%s)\nCOMP_CWORD=%d\n_walletnode\nprintf '%%s\\n' \"${COMPREPLY[@]}\"\n",
		script, strings.Join(quoted, " "), len(line)-1)
	out, err := exec.CommandContext(t.Context(), "bash", "--norc", "-c", program).Output() //nolint:gosec // the test's own script
	require.NoError(t, err)
	return strings.Fields(string(out))
}

func TestBashCompletesCommandsFlagsAndFiles(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("there is no bash here")
	}
	script := writeFile(t, "walletnode.bash", succeed(t, "", "completion", "bash"))
	out, err := exec.CommandContext(t.Context(), "bash", "-n", script).CombinedOutput() //nolint:gosec // as above
	require.NoError(t, err, "%s", out)

	all := complete(t, script, "")
	for _, command := range newApp(nil, nil, nil).Commands {
		require.Contains(t, all, command.Name)
	}
	require.Equal(t, []string{"validate"}, complete(t, script, "config", "v"))
	require.Equal(t, []string{"--origins"}, complete(t, script, "config", "print", "--or"))
	require.Equal(t, []string{"--data-dir"}, complete(t, script, "config", "print", "--da"), "the program's flags stand anywhere")
	require.Equal(t, []string{"list"}, complete(t, script, "--data-dir", "config", "wallets", "l"), "a flag's value is no command")
	require.Equal(t, []string{"list"}, complete(t, script, "--data-dir", "=", "x", "wallets", "l"))
	require.Empty(t, complete(t, script, "windows", "list", "--wallet", ""))
	require.NotContains(t, complete(t, script, "windows", "list", "--"), "--origins")

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "more"), 0o700))
	prefix := filepath.Join(dir, "m")
	require.ElementsMatch(t, []string{dir + "/manifest.json", dir + "/more"}, complete(t, script, "--config", prefix))
	require.ElementsMatch(t, []string{dir + "/manifest.json", dir + "/more"}, complete(t, script, "wallets", "import", prefix))
	require.Equal(t, []string{dir + "/more"}, complete(t, script, "--data-dir", prefix))
}

func TestOtherShellsGetEveryCommandAndFlag(t *testing.T) {
	for _, shell := range []string{"zsh", "fish"} {
		text := succeed(t, "", "completion", shell)
		for _, s := range grammar() {
			require.Contains(t, text, `"`+s.path+`"`, shell)
			for _, f := range s.flags {
				require.Contains(t, text, strings.TrimLeft(f.names[0], "-"), shell)
			}
		}
		if path, err := exec.LookPath(shell); err == nil {
			out, err := exec.CommandContext(t.Context(), path, "-n", writeFile(t, "script", text)).CombinedOutput() //nolint:gosec // as above
			require.NoError(t, err, "%s", out)
		}
	}
}

// The fish script knows one list of flags that take a value, for all commands.
func TestAFlagTakesAValueInEveryCommandOrInNone(t *testing.T) {
	taking := valued(grammar())
	for _, s := range grammar() {
		for _, f := range s.flags {
			if f.value == "" {
				require.False(t, slices.Contains(taking, f.names[0]), "%s %s", s.path, f.names[0])
			}
		}
	}
}
