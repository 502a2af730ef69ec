package walletnode_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// declared returns what a file declares: functions, methods with their receiver's type before a dot, and types.
func declared(t *testing.T, path string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names[receiver(d)+d.Name.Name] = true
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if s, ok := s.(*ast.TypeSpec); ok {
					names[s.Name.Name] = true
				}
			}
		}
	}
	return names
}

// receiver is the type that a method belongs to, with a dot; empty for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	for {
		switch x := of.(type) {
		case *ast.StarExpr:
			of = x.X
		case *ast.IndexExpr:
			of = x.X
		case *ast.IndexListExpr:
			of = x.X
		case *ast.Ident:
			return x.Name + "."
		default:
			return "?."
		}
	}
}

// The account of one window's life names functions, which are where it says.
func TestTheLifeOfAWindowNamesFunctionsThatExist(t *testing.T) {
	_, section, found := strings.Cut(text(t, "docs/architecture.md"), "\n### Function by function\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	row := regexp.MustCompile(`(?m)^\| [^|]*\| \[([a-z/_]+\.go)\]\(\.\./([a-z/_]+\.go)\) \| ([^|]+) \|$`)
	name := regexp.MustCompile("`([A-Za-z.]+)`")
	places := row.FindAllStringSubmatch(section, -1)
	require.Len(t, places, strings.Count(section, "\n| ")-1, "a row has another form") // but the head
	named := 0
	for _, place := range places {
		require.Equal(t, place[1], place[2], "the link leads elsewhere")
		there, names := declared(t, place[1]), name.FindAllStringSubmatch(place[3], -1)
		require.Len(t, names, strings.Count(place[3], "`")/2, place[3])
		for _, n := range names {
			require.True(t, there[n[1]], "docs/architecture.md names %s in %s, which does not declare it", n[1], place[1])
			named++
		}
	}
	require.Greater(t, named, 60)
}

// A package that lists its files in its comment lists each of them, and none that is not there.
func TestPackagesThatListTheirFilesListThemAll(t *testing.T) {
	line := regexp.MustCompile(`(?m)^//\t((?:[a-z0-9_]+\.go(?:, )?)+) {2,}\S`)
	file := regexp.MustCompile(`[a-z0-9_]+\.go`)
	for _, dir := range []string{
		"chain/ethereum", "chain/quorum", "coordination", "executor", "faults/evidence", "faults/evidence/exchange",
		"internal/cluster", "internal/config", "internal/devnet", "internal/metrics", "internal/node", "internal/store", "internal/view",
		"net", "net/client", "net/feed", "net/feed/client", "net/feed/instance", "net/feed/pipeline",
		"proposal", "proposal/action", "proposal/action/signer", "proposal/action/signer/daemon", "proposal/action/signer/keygen",
		"proposal/action/signer/placement", "proposal/action/signer/scheme", "proposal/action/signer/signing", "proposal/action/signer/vault",
	} {
		paths, err := filepath.Glob(dir + "/*.go")
		require.NoError(t, err)
		listed, there := map[string]bool{}, map[string]bool{}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			there[filepath.Base(path)] = true
			comment, _, _ := strings.Cut(text(t, path), "\npackage ")
			for _, m := range line.FindAllStringSubmatch(comment, -1) {
				for _, name := range file.FindAllString(m[1], -1) {
					require.False(t, listed[name], "%s lists %s twice", dir, name)
					listed[name] = true
				}
			}
		}
		delete(there, "doc.go")
		require.Equal(t, there, listed, dir)
	}
}

// The documents of a key generation are read without the service that makes them: their files are a package by themselves.
func TestDocumentsOfAKeyGenerationStandByThemselves(t *testing.T) {
	cmd := exec.Command("go", "build", "-o", os.DevNull, "document.go", "invitation.go", "acceptance.go", "bundle.go", "attestation.go", "dispute.go")
	cmd.Dir = "proposal/action/signer/keygen"
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
