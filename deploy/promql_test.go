package deploy_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// query is what an expression asks for; its grammar is the tools' to check.
type query struct {
	selectors []selector
	grouping  []string // labels after by, without, on, ignoring, group_left, group_right
}

type selector struct {
	metric   string
	matchers []matcher
}

type matcher struct{ label, operator, value string }

var (
	token   = regexp.MustCompile(`^(?:\s+|"[^"]*"|[a-zA-Z_:][a-zA-Z0-9_:]*|\$[a-z_]+|[0-9.]+[a-z]*|=~|!~|!=|==|>=|<=|[-+*/%^<>=(){}\[\],])`)
	joining = []string{"by", "without", "on", "ignoring", "group_left", "group_right"}
	words   = []string{"and", "or", "unless", "bool", "offset"}
)

// parse finds what an expression asks for.
func parse(expression string) (query, error) {
	var tokens []string
	for rest := expression; rest != ""; {
		next := token.FindString(rest)
		if next == "" {
			return query{}, fmt.Errorf("cannot read %q", rest)
		}
		if rest = rest[len(next):]; strings.TrimSpace(next) != "" {
			tokens = append(tokens, next)
		}
	}
	var q query
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	for i := 0; i < len(tokens); i++ {
		name := tokens[i]
		switch {
		case !regexp.MustCompile(`^[a-zA-Z_:]`).MatchString(name), slices.Contains(words, name):
		case slices.Contains(joining, name) && at(i+1) == "(":
			for i += 2; at(i) != ")"; i++ {
				if i >= len(tokens) {
					return query{}, fmt.Errorf("the labels of %s do not end", name)
				}
				if tokens[i] != "," {
					q.grouping = append(q.grouping, tokens[i])
				}
			}
		case slices.Contains(joining, name):
		case at(i+1) == "(" || slices.Contains(joining, at(i+1)): // a function or an aggregation
		default:
			s := selector{metric: name}
			if at(i+1) == "{" {
				for i += 2; at(i) != "}"; i++ {
					if at(i) == "," {
						continue
					}
					if i+3 >= len(tokens) {
						return query{}, fmt.Errorf("the matchers of %s do not end", name)
					}
					s.matchers = append(s.matchers, matcher{tokens[i], tokens[i+1], strings.Trim(tokens[i+2], `"`)})
					i += 2
				}
			}
			q.selectors = append(q.selectors, s)
		}
	}
	if len(q.selectors) == 0 {
		return query{}, fmt.Errorf("%q asks for nothing", expression)
	}
	return q, nil
}

// added are the labels that Prometheus adds to every series.
var added = []string{"job", "instance"}

// complaints says what an expression asks for that no node serves.
func (b book) complaints(expression string) []string {
	q, err := parse(expression)
	if err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	known := slices.Clone(added)
	for _, s := range q.selectors {
		labels, ok := b[s.metric]
		if !ok {
			wrong = append(wrong, "no metric "+s.metric)
			continue
		}
		for name := range labels {
			known = append(known, name)
		}
		for _, m := range s.matchers {
			wrong = append(wrong, b.mismatch(s.metric, m)...)
		}
	}
	for _, name := range q.grouping {
		if !slices.Contains(known, name) {
			wrong = append(wrong, "no metric of it has the label "+name)
		}
	}
	return wrong
}

func (b book) mismatch(metric string, m matcher) []string {
	values, ok := b[metric][m.label]
	switch {
	case slices.Contains(added, m.label):
		return nil
	case !ok:
		return []string{metric + " has no label " + m.label}
	}
	asked := []string{m.value}
	if strings.HasSuffix(m.operator, "~") {
		asked = strings.Split(m.value, "|")
	}
	var wrong []string
	for _, value := range asked {
		if !slices.Contains(values, value) {
			wrong = append(wrong, fmt.Sprintf("%s has no %s %q", metric, m.label, value))
		}
	}
	return wrong
}

func TestComplaintsNameWhatNoNodeServes(t *testing.T) {
	b := served(t)
	for expression, want := range map[string]string{
		`walletnode_ready == 0`:     "",
		`up{job="walletnode"} == 0`: "",
		`sum by (job, reason) (increase(walletnode_windows_total{reason=~"ok|noop"}[4h])) > 0`:                "",
		`walletnode_ready and on (job, instance) time() - process_start_time_seconds < 4 * 3600`:              "",
		`histogram_quantile(0.9, sum(rate(walletnode_store_commit_seconds_bucket[$__rate_interval])) by(le))`: "",
		`walletnode_raedy == 0`:                                      "no metric walletnode_raedy",
		`walletnode_peers{stat="admitted"}`:                          "walletnode_peers has no label stat",
		`walletnode_peers{state="gone"}`:                             `walletnode_peers has no state "gone"`,
		`walletnode_peers{job="x", state!="gone"}`:                   `walletnode_peers has no state "gone"`,
		`walletnode_windows_total{reason=~"ok|missed"}`:              `walletnode_windows_total has no reason "missed"`,
		`sum by (kind) (walletnode_windows_total)`:                   "no metric of it has the label kind",
		`rate(walletnode_store_commit_seconds[5m])`:                  "no metric walletnode_store_commit_seconds",
		`walletnode_ready unless on (wallet) walletnode_clock_stale`: "no metric of it has the label wallet",
		`walletnode_ready{`:                                          "the matchers of walletnode_ready do not end",
		`sum by (job`:                                                "the labels of by do not end",
		`time() > 5`:                                                 `"time() > 5" asks for nothing`,
		`walletnode_ready ; walletnode_ready`:                        `cannot read "; walletnode_ready"`,
	} {
		require.Equal(t, want, strings.Join(b.complaints(expression), "\n"), expression)
	}
}
