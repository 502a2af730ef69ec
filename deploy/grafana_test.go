package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

type dashboard struct {
	UID         string
	Annotations struct{ List []struct{ Expr string } }
	Templating  struct{ List []struct{ Name string } }
	Panels      []struct {
		ID      int
		Type    string
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ RefID, Expr, LegendFormat string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("grafana/walletnode.json")
	require.NoError(t, err)
	var d dashboard
	require.NoError(t, json.Unmarshal(text, &d))
	require.Greater(t, len(d.Panels), 20)
	return d
}

func TestEveryPanelAsksForMetricsThatNodesServe(t *testing.T) {
	b, asked := served(t), map[string]bool{}
	for _, p := range readDashboard(t).Panels {
		require.Equal(t, p.Type == "row", len(p.Targets) == 0, p.Title)
		for _, target := range p.Targets {
			require.Empty(t, b.complaints(target.Expr), p.Title)
			q, err := parse(target.Expr)
			require.NoError(t, err)
			for _, s := range q.selectors {
				asked[s.metric] = true
				require.Equal(t, matcher{"job", "=", "$job"}, s.matchers[0], p.Title)
			}
		}
	}
	for name := range b {
		// The rest of a histogram, and what the panel on head age says better.
		part := strings.HasSuffix(name, "_sum") || strings.HasSuffix(name, "_count") || name == "walletnode_clock_stale"
		if strings.HasPrefix(name, "walletnode_") && !part {
			require.True(t, asked[name], "no panel shows %s", name)
		}
	}
}

func TestPanelsHaveIDsOfTheirOwnAndDoNotOverlap(t *testing.T) {
	ids, cells := map[int]string{}, map[[2]int]string{}
	for _, p := range readDashboard(t).Panels {
		require.Positive(t, p.ID)
		require.Empty(t, ids[p.ID], p.Title)
		ids[p.ID] = p.Title
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				require.Empty(t, cells[cell], "%s lies on it", p.Title)
				cells[cell] = p.Title
			}
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			require.False(t, refs[target.RefID], p.Title)
			refs[target.RefID] = true
			require.NotEmpty(t, target.LegendFormat, p.Title)
		}
	}
}

// Prometheus parses what Grafana would send it.
func TestPromtoolReadsEveryExpressionOfTheDashboard(t *testing.T) {
	d := readDashboard(t)
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__range", "7d", "$job", "walletnode", "$instance", ".*")
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			rules = append(rules, rule{"panel:expression", variables.Replace(target.Expr)})
		}
	}
	rules = append(rules, rule{"panel:expression", variables.Replace(d.Annotations.List[0].Expr)})
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": rules}}})
	require.NoError(t, err)
	require.NotContains(t, string(text), "$")
	path := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	promtool(t, "check", "rules", "--lint=none", path)
}
