package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
)

// The unit of an instance is the unit of a node but for what names the instance.
func TestTheUnitOfAnInstanceDiffersInItsNameAlone(t *testing.T) {
	node, instance := readUnit(t), readUnitOf(t, "systemd/walletnode@.service")
	require.Equal(t, []string{
		"/usr/local/bin/walletnode start --config /etc/walletnode/config.toml --data-dir /var/lib/walletnode/%i --instance-id %i",
	}, instance["ExecStart"])
	require.Equal(t, []string{"walletnode/%i"}, instance["StateDirectory"])
	require.Contains(t, instance["Description"][0], "%i")
	require.NotContains(t, instance["RestartPreventExitStatus"][0], "75", "who holds the name may end")
	require.Equal(t, []string{"0"}, instance["StartLimitIntervalSec"], "a database may be away for as long as it takes")
	for _, key := range []string{"ExecStart", "ExecReload", "StateDirectory", "Description", "EnvironmentFile", "StartLimitIntervalSec", "StartLimitBurst"} {
		delete(node, key)
		delete(instance, key)
	}
	require.Equal(t, node, instance)
}

func TestSystemdKnowsEveryKeyOfTheUnitOfAnInstance(t *testing.T) {
	analyze := tool(t, "systemd-analyze", "systemd")
	text, err := os.ReadFile("systemd/walletnode@.service")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "walletnode@a.service")
	there := strings.ReplaceAll(string(text), "=/usr/local/bin/walletnode", "=/bin/true")
	require.NoError(t, os.WriteFile(path, []byte(there), 0o600))
	out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "walletnode@")
}

func TestInstancesOfTheComposeFileDifferInTheirNameAndShareADatabase(t *testing.T) {
	var c compose
	readYAML(t, "docker/instances.yml", &c)
	require.Len(t, c.Services, 4)
	values := dotenv(t)
	values["DATABASE_PASSWORD"] = "secret"
	names := map[string]bool{}
	for _, name := range []string{"instance-a", "instance-b", "instance-c"} {
		s, ok := c.Services[name]
		require.True(t, ok, name)
		for variable := range s.Environment {
			require.True(t, knownVariable(variable), "%s: nobody knows %s", name, variable)
		}
		cfg, err := config.Load("", environment(s, values), nil)
		require.NoError(t, err, name)
		require.Equal(t, "postgres://walletnode:secret@database/walletnode?sslmode=disable", cfg.StoreDSN())
		require.Equal(t, "instance-"+cfg.Cluster.InstanceID, name)
		require.True(t, strings.HasPrefix(s.Volumes[0], "./instances/"+cfg.Cluster.InstanceID+":"), "a journal of its own")
		require.Equal(t, []string{"database"}, s.DependsOn)
		names[cfg.Cluster.InstanceID] = true
	}
	require.Len(t, names, 3)
}
