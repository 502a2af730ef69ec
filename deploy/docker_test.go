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
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
)

type service struct {
	Image       string
	Build       struct{ Context, Dockerfile string }
	Environment map[string]string
	Ports       []string
	Volumes     []string
	DependsOn   []string `yaml:"depends_on"`
	StopGrace   string   `yaml:"stop_grace_period"`
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
}

type compose struct {
	Services map[string]service
	Volumes  map[string]any
}

var operators = []string{"operator-1", "operator-2", "operator-3"}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	readYAML(t, "docker/compose.yml", &c)
	require.Len(t, c.Services, 5)
	return c
}

// instructions reads a Dockerfile: the arguments of each instruction, in their order.
func instructions(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("docker/Dockerfile")
	require.NoError(t, err)
	found := map[string][]string{}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, ok := strings.Cut(line, " ")
		require.True(t, ok, line)
		found[name] = append(found[name], strings.Join(strings.Fields(rest), " "))
	}
	return found
}

func TestImageIsMadeOfThisProgramAndRunsAsNobody(t *testing.T) {
	d := instructions(t)
	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	require.Len(t, d["FROM"], 2)
	require.Regexp(t, `^golang:`+regexp.QuoteMeta(version)+`\.\d+-bookworm AS build$`, d["FROM"][0], "pinned, and new enough for go.mod")
	require.Equal(t, "gcr.io/distroless/static-debian12:nonroot", d["FROM"][1])
	require.Equal(t, []string{"65532:65532"}, d["USER"])
	require.Contains(t, d["RUN"][1], "CGO_ENABLED=0", "there is no C library in the image")
	require.Contains(t, d["RUN"][1], "./cmd/walletnode")
	require.Contains(t, d["COPY"], "--from=build /out/walletnode /usr/local/bin/walletnode")
	require.Equal(t, []string{`["/usr/local/bin/walletnode"]`}, d["ENTRYPOINT"])
	require.Equal(t, []string{`["start"]`}, d["CMD"])
	require.Equal(t, []string{"3919/tcp 3919/udp 9601/tcp"}, d["EXPOSE"])
	for _, listen := range config.Default().Network.Listen {
		require.Contains(t, listen, "/3919")
	}
	for _, setting := range strings.Fields(d["ENV"][0]) {
		name, _, _ := strings.Cut(setting, "=")
		require.True(t, knownVariable(name), name)
	}
}

func knownVariable(name string) bool {
	known := []string{"WALLETNODE_CONFIG", config.PasswordVariable}
	for _, key := range config.Keys() {
		known = append(known, config.Variable(key))
	}
	return slices.Contains(known, name)
}

// dotenv reads what stands for the variables of the compose file.
func dotenv(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("docker/env.example")
	require.NoError(t, err)
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			values[name] = value
		}
	}
	return values
}

var variable = regexp.MustCompile(`\$\{(\w+):-\}`)

// environment returns what a service's process finds in its environment.
func environment(s service, values map[string]string) []string {
	var environ []string
	for name, text := range s.Environment {
		environ = append(environ, name+"="+variable.ReplaceAllStringFunc(text, func(v string) string {
			return values[variable.FindStringSubmatch(v)[1]]
		}))
	}
	return environ
}

func TestComposeAndItsExampleNameTheSameVariables(t *testing.T) {
	text, err := os.ReadFile("docker/compose.yml")
	require.NoError(t, err)
	values := dotenv(t)
	used := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, values, m[1])
		used[m[1]] = true
	}
	require.Len(t, used, len(values), "env.example has a variable that nothing uses")
	require.Equal(t, strings.Count(string(text), "${"), len(variable.FindAllString(string(text), -1)))
}

func TestOperatorsOfTheComposeFileAreConfiguredWhole(t *testing.T) {
	c, values := readCompose(t), dotenv(t)
	hosts := map[string]bool{}
	for i, name := range operators {
		s, ok := c.Services[name]
		require.True(t, ok, name)
		for variable := range s.Environment {
			require.True(t, knownVariable(variable), "%s: nobody knows %s", name, variable)
		}
		cfg, err := config.Load("", append(environment(s, values), "WALLETNODE_OPERATOR_KEY_FILE=/data/operator.json"), nil)
		require.NoError(t, err, name)
		require.Len(t, cfg.Network.Peers, 2, "the two others")
		for _, address := range cfg.Network.Peers {
			require.NotContains(t, address, "/"+name+"/")
			require.Regexp(t, `^/dns4/operator-[1-3]/tcp/3919/p2p/`, address)
		}
		grace, err := time.ParseDuration(s.StopGrace)
		require.NoError(t, err)
		require.Greater(t, grace, cfg.Node.ShutdownGrace, "a node that drains is killed")
		require.True(t, s.ReadOnly)
		require.Equal(t, []string{"ALL"}, s.CapDrop)

		own := "./operators/" + string("123"[i])
		require.Equal(t, []string{own + "/data:/data", own + "/password:" + cfg.Operator.PasswordFile + ":ro"}, s.Volumes)
		for _, port := range s.Ports {
			require.Regexp(t, `^\d+:3919/(tcp|udp)$`, port)
			require.False(t, hosts[port], port)
			hosts[port] = true
		}
		require.Len(t, s.Ports, 2)
	}
}

func TestWhatTheComposeFileMountsIsThere(t *testing.T) {
	c := readCompose(t)
	for name, s := range c.Services {
		if s.Build.Dockerfile != "" {
			require.FileExists(t, filepath.Join("docker", s.Build.Context, s.Build.Dockerfile))
		} else {
			require.Regexp(t, `^[a-z/]+:v?\d+\.\d+\.\d+$`, s.Image, "%s is not pinned", name)
		}
		for _, volume := range s.Volumes {
			source, _, ok := strings.Cut(volume, ":")
			require.True(t, ok, volume)
			switch {
			case strings.HasPrefix(source, "./operators/"): // what init makes
			case strings.HasPrefix(source, "."):
				_, err := os.Stat(filepath.Join("docker", source))
				require.NoError(t, err, name)
				require.True(t, strings.HasSuffix(volume, ":ro"), volume)
			default:
				require.Contains(t, c.Volumes, source, name)
			}
		}
		for _, port := range s.Ports {
			if !slices.Contains(operators, name) {
				require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s has no password worth the name", name)
			}
		}
		for _, other := range s.DependsOn {
			require.Contains(t, c.Services, other)
		}
	}
}

func TestPrometheusAndGrafanaFindWhatTheyRead(t *testing.T) {
	c := readCompose(t)
	var prometheus struct {
		RuleFiles []string `yaml:"rule_files"`
		Scrape    []struct {
			Job     string                       `yaml:"job_name"`
			Targets []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, "prometheus/prometheus.yml", &prometheus)
	var targets []string
	for _, name := range operators {
		_, port, ok := strings.Cut(c.Services[name].Environment[config.Variable("metrics.listen")], ":")
		require.True(t, ok)
		targets = append(targets, name+":"+port)
	}
	require.Equal(t, "walletnode", prometheus.Scrape[0].Job, "the alerts know this name")
	require.Equal(t, targets, prometheus.Scrape[0].Targets[0].Targets)
	for _, file := range prometheus.RuleFiles {
		require.Contains(t, c.Services["prometheus"].Volumes, "../prometheus/"+file+":/etc/prometheus/"+file+":ro")
	}

	var source struct {
		Datasources []struct{ Type, URL string }
	}
	readYAML(t, "grafana/provisioning/datasources/prometheus.yml", &source)
	require.Equal(t, "prometheus", source.Datasources[0].Type)
	require.Equal(t, "http://prometheus:9090", source.Datasources[0].URL)
	var provider struct {
		Providers []struct{ Options struct{ Path string } }
	}
	readYAML(t, "grafana/provisioning/dashboards/walletnode.yml", &provider)
	require.Contains(t, c.Services["grafana"].Volumes, "../grafana/walletnode.json:"+provider.Providers[0].Options.Path+"/walletnode.json:ro")
}

// What deploy/README.md tells to do in containers, with the image's environment and this machine's directories.
func TestInitInAContainerMakesWhatStartReads(t *testing.T) {
	run := program(t)
	c, values, data := readCompose(t), dotenv(t), t.TempDir()
	password := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(password, []byte("secret\n"), 0o600))
	environ := append(environment(c.Services["operator-1"], values), strings.Fields(instructions(t)["ENV"][0])...)
	for i, entry := range environ {
		environ[i] = strings.NewReplacer("=/data", "="+data, "=/run/secrets/operator-password", "="+password).Replace(entry)
	}
	call := func(args ...string) string {
		command := exec.Command(run, args...)
		command.Env = environ
		command.Dir = t.TempDir()
		var complaint strings.Builder
		command.Stderr = &complaint
		out, err := command.Output()
		require.NoError(t, err, "%v: %s", args, complaint.String())
		return string(out)
	}
	var made struct {
		PeerID string `json:"peer_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(call("init", "--light", "--password-file", password, "--json")), &made))
	require.NotEmpty(t, made.PeerID)
	call("config", "validate")
	require.Contains(t, call("keys", "inspect", "--password-file", password), "0x")
}
