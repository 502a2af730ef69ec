// Package walletnode_test holds the rules that concern the whole tree.
package walletnode_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
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

// graph is which rooms each room imports, by what is compiled into the program: tests may look further. A room without code has no
// entry.
type graph map[string]map[string]bool

// imports reads the graph with the Go tool, and fails if a package is in no room.
func imports(t *testing.T, rooms []room) graph {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	require.NoError(t, err)
	found := graph{}
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
		if found[from.path] == nil {
			found[from.path] = map[string]bool{}
		}
		for _, imported := range pkg.Imports {
			if !strings.HasPrefix(imported, module) {
				continue
			}
			to, ok := home(rooms, strings.TrimPrefix(imported, module))
			require.True(t, ok, "%s is in no room", imported)
			require.True(t, from.allows(to), "%s imports %s: room %s may not import %s", path, imported, from.path, to.path)
			if to.path != from.path {
				found[from.path][to.path] = true
			}
		}
	}
	return found
}

func TestImportsPointOneWay(t *testing.T) {
	rooms := rooms(t)
	found := imports(t, rooms)
	for _, r := range rooms {
		require.NotNil(t, found[r.path], "docs/architecture.md has a room %s that does not exist", r.path)
		require.False(t, found.reaches(r.path, r.path), "%s stands on itself by way of other rooms", r.path)
		for _, name := range r.mayImport {
			if name != "internal/*" {
				require.True(t, found[r.path][name], "docs/architecture.md lets %s import %s, which it does not", r.path, name)
			}
		}
	}
}

// reaches says whether a room stands on another one, be it through others.
func (g graph) reaches(from, to string) bool {
	seen, next := map[string]bool{}, slices.Collect(maps.Keys(g[from]))
	for len(next) > 0 {
		room := next[0]
		next = next[1:]
		if room == to {
			return true
		}
		if !seen[room] {
			seen[room] = true
			next = slices.AppendSeq(next, maps.Keys(g[room]))
		}
	}
	return false
}

// subjects is the part of the graph that is about the seven subjects.
func (g graph) subjects() graph {
	surround := func(room string, _ bool) bool {
		return strings.HasPrefix(room, "internal/") || strings.HasPrefix(room, "cmd/") || room == "deploy"
	}
	part := graph{}
	for from, to := range g {
		if !surround(from, true) {
			part[from] = maps.Clone(to)
			maps.DeleteFunc(part[from], surround)
		}
	}
	return part
}

// drawn is the graph for Mermaid. An arrow goes from a room to each that it imports, but to none that it stands on through another one.
func (g graph) drawn() string {
	var arrows []string
	for from, imported := range g {
		for to := range imported {
			further := false
			for other := range imported {
				further = further || g.reaches(other, to)
			}
			if !further {
				arrows = append(arrows, fmt.Sprintf("    %s[%s] --> %s[%s]\n", strings.ReplaceAll(from, "/", "_"), from, strings.ReplaceAll(to, "/", "_"), to))
			}
		}
	}
	slices.Sort(arrows)
	return "```mermaid\ngraph TD\n" + strings.Join(arrows, "") + "```\n"
}

var update = flag.Bool("update", false, "draw the rooms of docs/architecture.md anew")

func TestTheDrawingOfTheRoomsIsOfTheCodeAsItIs(t *testing.T) {
	const page, begin, end = "docs/architecture.md", "<!-- drawn: go test . -run Drawing -update -->\n", "<!-- end of the drawing -->\n"
	before, rest, found := strings.Cut(text(t, page), begin)
	require.True(t, found)
	_, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := before + begin + imports(t, rooms(t)).subjects().drawn() + end + after
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(want), 0o644)) //nolint:gosec // a page for everybody
	}
	require.Equal(t, want, text(t, page))
}
