package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// protocolNames are the types whose names the protocol gives, in its test vectors: what explain reads and writes.
var protocolNames = []string{"explainCase", "explanation"}

// The documents of every command and route are made of the structs of these packages. docs/cli.md promises snake_case.
func TestEveryNameInADocumentIsSnakeCase(t *testing.T) {
	tagged := 0
	for _, dir := range []string{".", "../../internal/view", "../../internal/api", "../../internal/check", "../../internal/devnet", "../../faults", "../../chain/quorum"} {
		files, err := filepath.Glob(dir + "/*.go")
		require.NoError(t, err)
		require.NotEmpty(t, files, dir)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok && slices.Contains(protocolNames, spec.Name.Name) {
					return false
				}
				if s, ok := n.(*ast.StructType); ok {
					tagged += checkNames(t, name, s)
				}
				return true
			})
		}
	}
	require.Greater(t, tagged, 200, "the structs are found")
}

// checkNames judges the fields of a struct that becomes JSON, and returns how many have a name of their own.
func checkNames(t *testing.T, file string, s *ast.StructType) (tagged int) {
	t.Helper()
	var bare []string
	for _, field := range s.Fields.List {
		tag := ""
		if field.Tag != nil {
			tag = reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json")
		}
		name, _, _ := strings.Cut(tag, ",")
		switch {
		case name == "-":
		case name != "":
			tagged++
			require.Regexp(t, snakeCase, name, file)
		case len(field.Names) > 0 && field.Names[0].IsExported():
			bare = append(bare, field.Names[0].Name)
		}
	}
	if tagged > 0 {
		require.Empty(t, bare, "%s: encoding/json would name them in its own way", file)
	}
	return tagged
}

func TestDocumentsAreSnakeCaseButForWhatTheProtocolNames(t *testing.T) {
	node := newRunning(t)
	fault := node.history(t)
	for _, args := range [][]string{
		{"windows", "list"},
		{"windows", "show", "3600"},
		{"windows", "show", "4500"},
		{"proposals", "list"},
		{"proposals", "show", "3600"},
		{"actions", "list"},
		{"actions", "show", "3600"},
		{"faults", "list"},
		{"faults", "show", fault.ID()},
		{"faults", "summary"},
		{"wallets", "list"},
		{"wallets", "show", walletID},
		{"store", "status"},
		{"keys", "list"},
		{"version"},
	} {
		doc := document(t, succeed(t, "", append(args, "--json", "--offline", "--data-dir", node.dir)...))
		require.NotEmpty(t, doc)
		for _, name := range namesIn(doc) {
			require.Regexp(t, snakeCase, name, "%v", args)
		}
	}
	shown := succeed(t, "", "windows", "show", "3600", "--json", "--offline", "--data-dir", node.dir)
	require.Contains(t, shown, "redeemersOutputScripts", "the protocol's names are in message and proposal, which namesIn passes over")
}

// namesIn returns the names of a document, but for those that the protocol gives.
func namesIn(v any) (names []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			names = append(names, name)
			if name != "message" && name != "proposal" {
				names = append(names, namesIn(inner)...)
			}
		}
	case []any:
		for _, inner := range v {
			names = append(names, namesIn(inner)...)
		}
	}
	return names
}
