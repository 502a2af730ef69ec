package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreign are words of statements that some database behind PostgreSQL's protocol does not know, or that leave something in a
// session that a pooler gives to somebody else.
var foreign = regexp.MustCompile(`(?i)\b(pg_\w*advisory\w*|LISTEN|UNLISTEN|NOTIFY|pg_notify|PREPARE|DEALLOCATE|EXECUTE|DISCARD|TEMP|TEMPORARY|UNLOGGED|` +
	`LOCK\s+TABLE|SKIP\s+LOCKED|NOWAIT|SERIAL|BIGSERIAL|NEXTVAL|CURRENT_TIMESTAMP|set_config|TRIGGER|DO\s+\$\$|WITH\s+HOLD|DECLARE)\b|\bnow\(\)`)

// setting is a statement that changes a session, and not a row.
var setting = regexp.MustCompile(`(?is)^\s*(SET|RESET|SHOW)\s`)

// ofTransaction is a setting of one transaction. There is one, which correctness does not rest on.
var ofTransaction = regexp.MustCompile(`(?i)\bSET\s+(LOCAL|SESSION)\b`)

// sqlText tells SQL from other texts of the package.
var sqlText = regexp.MustCompile(`(?s)\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE|VALUES|FOR UPDATE|ON CONFLICT)\b|^\s*(SET|RESET|SHOW|LISTEN|NOTIFY)\s`)

// Nothing but rows, conditional updates and row locks is what correctness rests on.
func TestStatementsNeedNothingButRowsAndTheirLocks(t *testing.T) {
	migrations, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	texts := map[string]string{}
	for _, file := range migrations {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[file] = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(string(content), "")
	}
	for at, text := range literals(t) {
		if ofTransaction.MatchString(text) {
			require.Equal(t, beginWriting, text, at)
		}
		if sqlText.MatchString(text) {
			texts[at] = text
		}
	}
	require.Greater(t, len(texts), 50, "the statements were not found")
	for at, text := range texts {
		require.Empty(t, foreign.FindString(text), "%s: %s", at, text)
		require.False(t, setting.MatchString(text), "%s: %s", at, text)
	}
}

// The test above sees what it is there for.
func TestForeignStatementsAreSeen(t *testing.T) {
	for _, text := range []string{
		`SELECT pg_advisory_xact_lock(1)`, `LISTEN changes`, `SELECT pg_notify('a', '')`, `SET statement_timeout = 1`,
		`CREATE TEMP TABLE a (b INT)`, `SELECT a FROM b FOR UPDATE SKIP LOCKED`, `INSERT INTO a VALUES (now())`, `PREPARE a AS SELECT 1`,
	} {
		require.True(t, foreign.MatchString(text) || setting.MatchString(text), text)
	}
}

// literals returns the string literals of the package's code by their places.
func literals(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found, set := map[string]string{}, token.NewFileSet()
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(set, file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, err := strconv.Unquote(l.Value)
				require.NoError(t, err)
				found[set.Position(l.Pos()).String()] = text
			}
			return true
		})
	}
	return found
}
