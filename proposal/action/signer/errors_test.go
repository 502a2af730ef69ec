package signer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// rules reads the rules' names out of the source: what is added there and nowhere else is missed here.
func rules(t *testing.T) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typed, _ := spec.Type.(*ast.Ident); typed == nil || typed.Name != "Rule" {
			return true
		}
		name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		names = append(names, name)
		return true
	})
	return names
}

// Operators look a refusal up on the page: it has every rule, and no other. So has the package that applies them.
func TestTheManualHasEveryRule(t *testing.T) {
	want := rules(t)
	require.Contains(t, want, string(signer.RuleSlot))
	require.Greater(t, len(want), 10)
	page, err := os.ReadFile("../../../docs/signer.md")
	require.NoError(t, err)
	table := regexp.MustCompile(`(?s)\| rule \| it demands \|.*?\n\n`).Find(page)
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllSubmatch(table, -1) {
		told = append(told, string(row[1]))
	}
	require.ElementsMatch(t, want, told)
	doc, err := os.ReadFile("vault/doc.go")
	require.NoError(t, err)
	for _, name := range want {
		require.Regexp(t, `(?m)^//\s.*\b`+name+`\b`, string(doc))
	}
	slices.Sort(want)
	require.Len(t, slices.Compact(want), len(told), "each once")
}
