package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
)

// unit is a service unit: the values of each key, in their order.
type unit map[string][]string

func readUnit(t *testing.T) unit {
	t.Helper()
	return readUnitOf(t, "systemd/walletnode.service")
}

func readUnitOf(t *testing.T, path string) unit {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	found := unit{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		require.True(t, ok, line)
		found[key] = append(found[key], value)
	}
	return found
}

func (u unit) duration(t *testing.T, key string) time.Duration {
	t.Helper()
	require.Len(t, u[key], 1, key)
	d, err := time.ParseDuration(strings.Replace(u[key][0], "min", "m", 1))
	require.NoError(t, err)
	return d
}

func TestUnitStopsAndWatchesAsTheNodeDoes(t *testing.T) {
	u := readUnit(t)
	require.Equal(t, []string{"notify"}, u["Type"])
	require.Greater(t, u.duration(t, "TimeoutStopSec"), config.Default().Node.ShutdownGrace, "a node that drains is killed")
	require.GreaterOrEqual(t, u.duration(t, "WatchdogSec"), 30*time.Second, "a node with a slow disk is killed")
	require.Contains(t, u["SuccessExitStatus"], "130")
	require.Contains(t, u["RestartPreventExitStatus"], "2")
	for _, key := range []string{"NoNewPrivileges", "MemoryDenyWriteExecute", "PrivateUsers", "ProtectKernelTunables"} {
		require.Equal(t, []string{"yes"}, u[key], key)
	}
	require.Equal(t, []string{"strict"}, u["ProtectSystem"])
	require.Equal(t, []string{""}, u["CapabilityBoundingSet"])
	require.NotContains(t, u, "ProcSubset", "without /proc/stat there is no process_start_time_seconds, which alerts ask for")
	for _, family := range []string{"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"} {
		require.Contains(t, strings.Fields(u["RestrictAddressFamilies"][0]), family)
	}
}

func TestUnitWritesWhereItMayAndReadsThePasswordItIsGiven(t *testing.T) {
	u := readUnit(t)
	require.Equal(t, []string{"/usr/local/bin/walletnode start --data-dir /var/lib/" + u["StateDirectory"][0]}, u["ExecStart"])
	require.Equal(t, []string{"/usr/local/bin/walletnode endpoints reload --data-dir /var/lib/" + u["StateDirectory"][0]}, u["ExecReload"])
	require.Equal(t, []string{"0700"}, u["StateDirectoryMode"])
	name, _, ok := strings.Cut(u["LoadCredential"][0], ":")
	require.True(t, ok)
	require.Equal(t, []string{config.Variable("operator.password_file") + "=%d/" + name}, u["Environment"])
}

// verify asks systemd what it thinks of a unit whose program is there.
func verify(t *testing.T, edit func(string) string) string {
	t.Helper()
	analyze := tool(t, "systemd-analyze", "systemd")
	text, err := os.ReadFile("systemd/walletnode.service")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "walletnode.service")
	there := strings.ReplaceAll(string(text), "=/usr/local/bin/walletnode", "=/bin/true")
	require.NoError(t, os.WriteFile(path, []byte(edit(there)), 0o600))
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	if err != nil {
		return err.Error() + ": " + string(out)
	}
	// It looks at the machine's other units too.
	var about []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "walletnode") {
			about = append(about, line)
		}
	}
	return strings.Join(about, "")
}

func TestSystemdKnowsEveryKeyOfTheUnit(t *testing.T) {
	require.Empty(t, verify(t, func(text string) string { return text }))
	require.Contains(t, verify(t, func(text string) string {
		return strings.Replace(text, "ProtectClock=", "ProtectClok=", 1)
	}), "ProtectClok")
}

func TestSystemdFindsLittleExposed(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	// 20 of 100, as --threshold counts them; a unit without any protection has 96.
	out, err := exec.Command(analyze, "security", "--offline=yes", "--no-pager", "--threshold=20", "systemd/walletnode.service").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
