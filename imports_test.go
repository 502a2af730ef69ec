// Package walletnode_test holds the rules that concern the whole tree.
package walletnode_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/walletnode/walletnode/"

// room is one row of the table in docs/architecture.md.
type room struct {
	path       string
	mayImport  []string // rooms; a room below one of them is not included unless it is named
	everything bool
}

// rooms reads the table of rooms: | `path/` | subject | `a`, `b` |, where `internal/*` stands for every internal room and
// "all" for every room.
func rooms(t *testing.T) []room {
	t.Helper()
	text, err := os.ReadFile("docs/architecture.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `([a-z/]+)/` \\| .* \\| ([^|]*) \\|$")
	name := regexp.MustCompile("`([a-z/*]+)`")
	var found []room
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		r := room{path: m[1], everything: m[2] == "all"}
		for _, n := range name.FindAllStringSubmatch(m[2], -1) {
			r.mayImport = append(r.mayImport, n[1])
		}
		found = append(found, r)
	}
	require.Greater(t, len(found), 10, "the table of rooms was not found")
	return found
}

// home returns the room a package belongs to: the one with the longest path that holds it.
func home(rooms []room, pkg string) (room, bool) {
	best := room{}
	for _, r := range rooms {
		if (pkg == r.path || strings.HasPrefix(pkg, r.path+"/")) && len(r.path) > len(best.path) {
			best = r
		}
	}
	return best, best.path != ""
}

func (r room) allows(other room) bool {
	if r.everything || other.path == r.path {
		return true
	}
	for _, name := range r.mayImport {
		if name == other.path || name == "internal/*" && strings.HasPrefix(other.path, "internal/") {
			return true
		}
	}
	return false
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err)
	rooms := rooms(t)
	used := map[string]bool{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		path := strings.TrimPrefix(pkg.ImportPath, module)
		if path+"/" == module {
			continue // this test
		}
		from, ok := home(rooms, path)
		require.True(t, ok, "%s is in no room of docs/architecture.md", path)
		used[from.path] = true
		for _, imported := range pkg.Imports {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			to, ok := home(rooms, strings.TrimPrefix(imported, module))
			require.True(t, ok, "%s is in no room", imported)
			require.True(t, from.allows(to), "%s imports %s: room %s may not import %s", path, imported, from.path, to.path)
		}
	}
	for _, r := range rooms {
		require.True(t, used[r.path], "docs/architecture.md has a room %s that does not exist", r.path)
	}
}
