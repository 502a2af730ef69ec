package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const signerUnit = "systemd/walletnode-signer.service"

func TestTheSignersUnitIsAsConfinedAsTheNodes(t *testing.T) {
	node, signer := readUnit(t), readUnitOf(t, signerUnit)
	for _, key := range []string{
		"Type", "NotifyAccess", "NoNewPrivileges", "CapabilityBoundingSet", "AmbientCapabilities", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices",
		"DevicePolicy", "PrivateUsers", "ProtectClock", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules",
		"ProtectKernelTunables", "ProtectProc", "LockPersonality", "MemoryDenyWriteExecute", "RemoveIPC", "RestrictNamespaces", "RestrictRealtime",
		"RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallFilter", "UMask", "StateDirectoryMode", "RestartPreventExitStatus", "SuccessExitStatus",
	} {
		require.NotEmpty(t, node[key], key)
		require.Equal(t, node[key], signer[key], key)
	}
	require.Equal(t, []string{"0"}, signer["LimitCORE"], "a dump would have key shares in it")
	require.NotEqual(t, node["User"], signer["User"], "who takes over the node must not have the shares")
	require.Greater(t, signer.duration(t, "TimeoutStopSec"), 15*time.Second, "a signer that ends is killed")
	require.GreaterOrEqual(t, signer.duration(t, "WatchdogSec"), 30*time.Second, "a signer with a slow disk is killed")
}

func TestTheSignersUnitReadsWhatTheProgramReads(t *testing.T) {
	u := readUnitOf(t, signerUnit)
	dir := "/var/lib/" + u["StateDirectory"][0]
	require.Equal(t, []string{"/usr/local/bin/walletnode signer run --dir " + dir}, u["ExecStart"])
	name, _, ok := strings.Cut(u["LoadCredential"][0], ":")
	require.True(t, ok)
	source, err := os.ReadFile("../cmd/walletnode/signer.go")
	require.NoError(t, err)
	variable, value, ok := strings.Cut(u["Environment"][0], "=")
	require.True(t, ok)
	require.Contains(t, string(source), `"`+variable+`"`)
	require.Equal(t, "%d/"+name, value)
}

func TestSystemdKnowsEveryKeyOfTheSignersUnit(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	text, err := os.ReadFile(signerUnit)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "walletnode-signer.service")
	there := strings.ReplaceAll(string(text), "=/usr/local/bin/walletnode", "=/bin/true")
	require.NoError(t, os.WriteFile(path, []byte(there), 0o600))
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "walletnode-signer")

	out, err = exec.Command(analyze, "security", "--offline=yes", "--no-pager", "--threshold=20", signerUnit).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
