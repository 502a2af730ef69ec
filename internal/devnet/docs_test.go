package devnet

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the generated documents instead of comparing them")

// page is what the page about scenarios takes from the code; the rest of it is prose, in the template.
type page struct {
	Scenarios              []Scenario
	Least                  []string // how many operators the scenarios need, from the fewest
	Many                   []string // those that can be played with many instances
	Strikes                []struct{ Kind, Happens string }
	LastBegin, DatabaseEnd int
	// SigningBegin and SigningEnd are the blocks from a window's first at which a strike can befall who signs.
	SigningBegin, SigningEnd int
}

func newPage() page {
	p := page{Scenarios: Scenarios(), LastBegin: lastBegin, DatabaseEnd: databaseEnd, SigningBegin: signingBegin, SigningEnd: signingBegin + signingSpan}
	for _, s := range scenarios {
		if s.many {
			p.Many = append(p.Many, s.Name)
		}
	}
	for _, kind := range strikeKinds() {
		p.Strikes = append(p.Strikes, struct{ Kind, Happens string }{string(kind), kind.Happens()})
	}
	for n := 2; n <= maxOperators; n++ { // one operator alone can be calm, which says nothing
		var names []string
		for _, s := range scenarios {
			if s.operators == n {
				names = append(names, "`"+s.Name+"`")
			}
		}
		if len(names) > 0 {
			p.Least = append(p.Least, fmt.Sprintf("%d operators for %s", n, strings.Join(names, ", ")))
		}
	}
	return p
}

func TestScenariosAreDocumented(t *testing.T) {
	parsed, err := template.ParseFiles("testdata/scenarios.md.tmpl")
	require.NoError(t, err)
	var want strings.Builder
	require.NoError(t, parsed.Execute(&want, newPage()))
	const path = "../../docs/scenarios.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(want.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(have), "run the command that the page names")
}
