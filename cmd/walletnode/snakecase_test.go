package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreign are the fields whose content is the protocol's own JSON, with its names; foreignTypes are the structs that are such
// JSON: the cases of explain, what it answers to them, and lists of operators, which are wallet manifests.
var (
	foreign      = []string{"message", "proposal"}
	foreignTypes = []string{"explainCase", "explanation", "operatorsFile"}
)

var snake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// oddNames walks a decoded document and returns the names in it that are not in snake case, those of maps included. What is
// foreign is passed over.
func oddNames(document any) (odd []string) {
	switch d := document.(type) {
	case []any:
		for _, item := range d {
			odd = append(odd, oddNames(item)...)
		}
	case map[string]any:
		for name, value := range d {
			if !snake.MatchString(name) {
				odd = append(odd, name)
			}
			if !slices.Contains(foreign, name) {
				odd = append(odd, oddNames(value)...)
			}
		}
	}
	return odd
}

func TestOddNamesAreSeenWhereverTheyStand(t *testing.T) {
	var document any
	require.NoError(t, json.Unmarshal([]byte(`{"good_name": [{"badName": {"Worse": 1}}], "message": {"senderID": 1}, "map": {"a-b": 1}}`), &document))
	require.ElementsMatch(t, []string{"badName", "Worse", "a-b"}, oddNames(document))
}

// Whatever a command writes with --json is made of structs, whose tags are all the names there are but for the keys of maps.
// Those call sees, with every document that a test has a command write.
func TestNamesInJSONAreSnakeCase(t *testing.T) {
	structs, spared := 0, 0
	for _, room := range []string{".", "../../internal/view", "../../internal/api", "../../internal/check", "../../internal/config", "../../faults", "../../faults/evidence"} {
		files, err := filepath.Glob(room + "/*.go")
		require.NoError(t, err)
		require.NotEmpty(t, files, room)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				if typed, ok := n.(*ast.TypeSpec); ok && slices.Contains(foreignTypes, typed.Name.Name) {
					spared++
					return false
				}
				structure, ok := n.(*ast.StructType)
				if !ok {
					return true
				}
				named := false
				for _, field := range structure.Fields.List {
					name, tagged := jsonName(t, field)
					named = named || tagged
					if tagged && name != "-" {
						require.Regexp(t, snake, name, file)
					}
					if selector, ok := field.Type.(*ast.SelectorExpr); ok && tagged && selector.Sel.Name == "RawMessage" {
						require.Contains(t, foreign, name, "%s: JSON of which nobody here knows the names", file)
					}
				}
				for _, field := range structure.Fields.List { // a field that was forgotten would have Go's name
					if _, tagged := jsonName(t, field); named && !tagged && len(field.Names) > 0 {
						require.False(t, field.Names[0].IsExported(), "%s: %s", file, field.Names[0])
					}
				}
				if named {
					structs++
				}
				return true
			})
		}
	}
	require.Greater(t, structs, 50)
	require.Equal(t, len(foreignTypes), spared)
}

// jsonName returns a field's name in JSON, and whether its tag gives one.
func jsonName(t *testing.T, field *ast.Field) (name string, tagged bool) {
	t.Helper()
	if field.Tag == nil {
		return "", false
	}
	tag, err := strconv.Unquote(field.Tag.Value)
	require.NoError(t, err)
	value, tagged := reflect.StructTag(tag).Lookup("json")
	name, _, _ = strings.Cut(value, ",")
	return name, tagged && name != ""
}
