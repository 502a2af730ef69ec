package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const runbooks = "../docs/runbooks"

type alert struct {
	Name        string `yaml:"alert"`
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	readYAML(t, "prometheus/rules.yml", &file)
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	require.Greater(t, len(all), 20)
	return all
}

// page returns the name of an alert's runbook: WalletnodeDiskNearlyFull has disk-nearly-full.md.
func (a alert) page() string {
	words := regexp.MustCompile(`[A-Z][a-z]+`).FindAllString(strings.TrimPrefix(a.Name, "Walletnode"), -1)
	return strings.ToLower(strings.Join(words, "-")) + ".md"
}

func TestEveryAlertAsksForMetricsThatNodesServe(t *testing.T) {
	b := served(t)
	for _, a := range alerts(t) {
		require.Empty(t, b.complaints(a.Expr), a.Name)
	}
}

func TestEveryAlertSaysWhatItIsAboutAndWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	label := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, a := range alerts(t) {
		require.False(t, seen[a.Name], a.Name)
		seen[a.Name] = true
		require.Regexp(t, `^Walletnode([A-Z][a-z]+)+$`, a.Name)
		require.Contains(t, []string{"critical", "warning", "info"}, a.Labels["severity"], a.Name)
		require.Equal(t, "https://github.com/walletnode/walletnode/blob/main/docs/runbooks/"+a.page(), a.Annotations["runbook_url"])
		require.Contains(t, a.Annotations["summary"], "{{ $labels.instance }}", a.Name)
		require.NotEmpty(t, a.Annotations["description"], a.Name)
		for _, text := range a.Annotations {
			for _, m := range label.FindAllStringSubmatch(text, -1) {
				q, err := parse(a.Expr)
				require.NoError(t, err)
				// What an aggregation drops is empty in the text.
				require.True(t, m[1] == "instance" || slices.Contains(q.grouping, m[1]), "%s: %s", a.Name, m[0])
			}
		}
	}
}

func TestEveryAlertHasItsRunbookAndEveryRunbookItsAlert(t *testing.T) {
	var pages []string
	for _, a := range alerts(t) {
		pages = append(pages, a.page())
		text, err := os.ReadFile(filepath.Join(runbooks, a.page()))
		require.NoError(t, err)
		require.Regexp(t, "(?s)^# "+a.Name+"\n\nSeverity: "+a.Labels["severity"]+`\..*\n## What it means\n.*\n## How to look\n.*\n## What to do\n`, string(text), a.page())
	}
	entries, err := os.ReadDir(runbooks)
	require.NoError(t, err)
	var there []string
	for _, e := range entries {
		there = append(there, e.Name())
	}
	require.ElementsMatch(t, pages, there)
}

func promtool(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(tool(t, "promtool", "prometheus"), args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestPromtoolAcceptsTheRulesAndTheConfiguration(t *testing.T) {
	promtool(t, "check", "config", "prometheus/prometheus.yml")
	require.Contains(t, promtool(t, "check", "rules", "--lint=all", "--lint-fatal", "prometheus/rules.yml"), "SUCCESS")
}

func TestEveryRuleFiresWhenItShouldAndOnlyThen(t *testing.T) {
	tested := map[string]bool{}
	for _, path := range []string{"prometheus/rules_test.yml", "prometheus/rules_day_test.yml"} {
		promtool(t, "test", "rules", path)
		var file struct {
			Tests []struct {
				Cases []struct {
					Name   string `yaml:"alertname"`
					Alerts []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		readYAML(t, path, &file)
		for _, it := range file.Tests {
			for _, c := range it.Cases {
				tested[c.Name] = tested[c.Name] || len(c.Alerts) > 0
			}
		}
	}
	for _, a := range alerts(t) {
		require.True(t, tested[a.Name], "no test in which %s fires", a.Name)
	}
}

// An operator who is woken looks for the reason that the list shows.
func TestTheRunbookOfAnEndpointKnowsEveryReason(t *testing.T) {
	source, err := os.ReadFile("../chain/quorum/reason.go")
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(runbooks, "endpoint-not-used.md"))
	require.NoError(t, err)
	reasons := regexp.MustCompile(`(?m)^\s+\w+\s+(?:Reason )?\s*= "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	require.GreaterOrEqual(t, len(reasons), 25)
	for _, m := range reasons {
		if m[1] != "ok" {
			require.Contains(t, string(page), "`"+m[1]+"`")
		}
	}
}
