package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	block  = regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	inline = regexp.MustCompile("`([^`]+)`")
	// The program, on this machine or in a container; elsewhere walletnode is the name of a user, a service or a file.
	call = regexp.MustCompile(`(?:^(?:sudo )?(?:-u walletnode )?|[;|(] *)walletnode((?: [^\s;|)]+)*)|docker compose (?:run --rm operator-\d|exec operator-\d /usr/local/bin/walletnode)((?: [^\s;|)]+)*)`)
)

// calls returns the calls of the program that stand in the code of a page, without "walletnode".
func calls(text string) []string {
	var code []string
	rest := block.ReplaceAllStringFunc(text, func(b string) string {
		code = append(code, strings.Split(block.FindStringSubmatch(b)[1], "\n")...)
		return ""
	})
	for _, m := range inline.FindAllStringSubmatch(rest, -1) {
		code = append(code, strings.Join(strings.Fields(m[1]), " "))
	}
	var found []string
	for _, line := range code {
		for _, m := range call.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
			found = append(found, strings.TrimSpace(m[1]+m[2]))
		}
	}
	return found
}

// helps returns the help of a command, false if there is none.
func helps(program string, path ...string) ([]byte, bool) {
	out, err := exec.Command(program, append(slices.Clone(path), "--help")...).CombinedOutput()
	return out, err == nil
}

// wrong says what the program does not know of a call. It asks for the help of the command.
func wrong(t *testing.T, program, args string) string {
	t.Helper()
	var path, flags []string
	for _, word := range strings.Fields(args) {
		switch {
		case strings.HasPrefix(word, "-"):
			name, _, _ := strings.Cut(word, "=")
			flags = append(flags, name)
		case len(flags) == 0 && len(path) < 2 && regexp.MustCompile(`^[a-z-]+$`).MatchString(word):
			path = append(path, word)
		}
	}
	help, known := helps(program, path...)
	if !known || !regexp.MustCompile(`(?m)^\s*`+strings.Join(append([]string{"walletnode"}, path...), " ")+` - `).Match(help) {
		return "no such command"
	}
	global, known := helps(program)
	require.True(t, known)
	for _, flag := range flags {
		if !regexp.MustCompile(`(?m)(^|[\s,])` + flag + `([\s,=]|$)`).Match(append(slices.Clone(help), global...)) {
			return "no flag " + flag
		}
	}
	return ""
}

// A page that is read at three in the morning must not name what is not there.
func TestEveryCommandThatOperatorsAreToldToRunExists(t *testing.T) {
	run := program(t)
	pages, err := filepath.Glob(runbooks + "/*.md")
	require.NoError(t, err)
	told := map[string]string{}
	for _, page := range append(pages, "README.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, c := range calls(string(text)) {
			told[c] = page
		}
	}
	require.Greater(t, len(told), 20)
	var healthcheck []string
	_, command, ok := strings.Cut(instructions(t)["HEALTHCHECK"][0], "CMD ")
	require.True(t, ok)
	require.NoError(t, json.Unmarshal([]byte(command), &healthcheck))
	require.Equal(t, "/usr/local/bin/walletnode", healthcheck[0])
	told[strings.Join(healthcheck[1:], " ")] = "docker/Dockerfile"
	for c, page := range told {
		require.Empty(t, wrong(t, run, c), "%s: walletnode %s", page, c)
	}
	require.Equal(t, "no such command", wrong(t, run, "windows forget"))
	require.Equal(t, "no flag --since", wrong(t, run, "windows list --since 1h"))
	require.ElementsMatch(t, []string{"windows list", "version", "init --force"},
		calls("`walletnode windows\nlist` as `systemctl status walletnode`:\n```sh\nsudo -u walletnode walletnode version\n"+
			"   docker compose run --rm operator-1 init --force\nchown walletnode: /var/lib/walletnode\n```\n"))
}
