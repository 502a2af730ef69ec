package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const coordinationVectors = "../../executor/testdata/coordination.json"

// readRows reads a file of vectors as objects, field by field.
func readRows(t testing.TB, path string) []map[string]json.RawMessage {
	t.Helper()
	raw, err := os.ReadFile(path) //nolint:gosec // a file of the project
	require.NoError(t, err)
	var rows []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &rows))
	require.NotEmpty(t, rows)
	return rows
}

func TestExplainReproducesEveryReferenceVector(t *testing.T) {
	rows := readRows(t, coordinationVectors)
	lines := strings.Split(strings.TrimSuffix(succeed(t, "", "explain", coordinationVectors), "\n"), "\n")
	require.Len(t, lines, len(rows))
	for i, line := range lines {
		var got map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		require.Len(t, got, 7)
		for name, value := range got {
			require.JSONEq(t, string(rows[i][name]), string(value), "row %d, %s", i, name)
		}
	}
}

func TestExplainReadsArraysLinesAndPrettyObjectsAlike(t *testing.T) {
	raw, err := os.ReadFile(coordinationVectors)
	require.NoError(t, err)
	want := succeed(t, "", "explain", coordinationVectors)
	var asLines, pretty strings.Builder
	for _, row := range readRows(t, coordinationVectors) {
		line, err := json.Marshal(row)
		require.NoError(t, err)
		asLines.Write(append(line, '\n'))
		indented, err := json.MarshalIndent(row, "", "  ")
		require.NoError(t, err)
		pretty.Write(indented)
	}
	require.Equal(t, want, succeed(t, "\n "+string(raw), "explain"))
	require.Equal(t, want, succeed(t, asLines.String(), "explain", "-"))
	require.Equal(t, want, succeed(t, pretty.String(), "explain"))
	require.Empty(t, succeed(t, " \n", "explain"))
	require.Empty(t, succeed(t, "[ ]", "explain"))
}

func TestExplainNamesTheBadCaseAfterWritingTheGoodOnes(t *testing.T) {
	row := readRows(t, coordinationVectors)[0]
	good, err := json.Marshal(row)
	require.NoError(t, err)
	change := func(name, value string) string {
		bad := map[string]json.RawMessage{}
		for k, v := range row {
			bad[k] = v
		}
		bad[name] = json.RawMessage(value)
		raw, err := json.Marshal(bad)
		require.NoError(t, err)
		return string(raw)
	}
	many := `["` + strings.TrimSuffix(strings.Repeat(`0xBB1DEa58E35a0deFa40F1c73200888d4d44db50B","`, 256), `,"`) + `]`
	for want, bad := range map[string]string{
		"case 2: wallet public key: want 130 hex digits":           change("walletPublicKey", `"04"`),
		"case 2: wallet public key: ":                              change("walletPublicKey", `"04`+strings.Repeat("11", 64)+`"`),
		"case 2: coordinationBlock is missing":                     change("coordinationBlock", `null`),
		"case 2: json: cannot unmarshal number -900":               change("coordinationBlock", `-900`),
		"case 2: safe block hash: want 64 hex digits, have 2":      change("safeBlockHash", `"00"`),
		"case 2: wallet has no seats":                              change("operators", `[]`),
		"case 2: wallet has 256 seats, more than 255":              change("operators", many),
		"case 2: seat 1: operator address 0xcc7bba720c89402711da1": change("operators", `["0xcc7bba720c89402711da14dc23b6911771f84185"]`),
		"case 2: json: cannot unmarshal array":                     `[1]`,
		"case 2: invalid character":                                `hello`,
		"case 2: unexpected EOF":                                   `{"operators":`,
	} {
		got := call(t, string(good)+"\n"+bad, "explain")
		require.Equal(t, codeFailure, got.code, want)
		require.Contains(t, got.stderr, want)
		require.Equal(t, 1, strings.Count(got.stdout, "\n"), "the case before is answered")
	}
	for want, input := range map[string]string{
		"case 2: the array has no end": "[" + string(good),
		"case 2: something follows":    "[" + string(good) + "] x",
		"case 2: expected comma":       "[" + string(good) + string(good) + "]",
	} {
		got := call(t, input, "explain")
		require.Equal(t, codeFailure, got.code, want)
		require.Contains(t, got.stderr, want)
	}
	got := call(t, "", "explain", filepath.Join(t.TempDir(), "none"))
	require.Equal(t, codeUsage, got.code)
}

func TestExplainOfABlockThatBeginsNoWindowHasAnEmptyChecklist(t *testing.T) {
	row := readRows(t, coordinationVectors)[0]
	row["coordinationBlock"] = json.RawMessage("901")
	raw, err := json.Marshal(row)
	require.NoError(t, err)
	require.Contains(t, succeed(t, string(raw), "explain"), `"windowIndex":0,`)
	require.Contains(t, succeed(t, string(raw), "explain"), `"checklist":[]`)
}

func FuzzExplain(f *testing.F) {
	raw, err := os.ReadFile(coordinationVectors)
	require.NoError(f, err)
	f.Add(string(raw[:2000]))
	f.Add(`{"walletPublicKey":null}{}[]`)
	f.Fuzz(func(t *testing.T, input string) {
		got := call(t, input, "explain")
		require.Contains(t, []int{codeOK, codeFailure}, got.code)
		require.Equal(t, got.code == codeFailure, got.stderr != "")
	})
}
