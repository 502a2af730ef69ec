package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// maxFile is the largest configuration file read, in bytes: a hundred times what a real one has. A larger one is
// an error; it is a path that was mistyped.
const maxFile = 1 << 20

// readFile reads the whole of a configuration file.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read from
	doc, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(doc) > maxFile {
		return nil, fmt.Errorf("read configuration: %s is larger than %d bytes", path, maxFile)
	}
	return doc, nil
}

// parseTOML parses a document. A document that is not TOML is one complaint; nothing else can be said of it then.
func parseTOML(name string, doc []byte) (tree map[string]any, err error) {
	if err := toml.Unmarshal(doc, &tree); err != nil {
		return nil, Complaints{syntaxComplaint(name, err)}
	}
	return tree, nil
}

// applyTOML stores the values of a document in c and returns everything that is wrong with it. name stands in
// complaints as the file.
func applyTOML(c *Config, name string, doc []byte, tree map[string]any) Complaints {
	at := positions(name, doc)
	known := map[string]field{}
	for _, f := range fields(c) {
		known[f.key] = f
	}
	var wrong Complaints
	for _, leaf := range leaves(tree) {
		origin := at[leaf.key]
		f, ok := known[leaf.key]
		if !ok || !leaf.inTable {
			wrong = append(wrong, Complaint{origin, leaf.key, unknownKey(leaf.key)})
			continue
		}
		if err := assign(f.value, leaf.value); err != nil {
			wrong = append(wrong, Complaint{origin, leaf.key, err.Error()})
		}
		c.origins[leaf.key] = origin
	}
	return wrong
}

func syntaxComplaint(name string, err error) Complaint {
	origin := Origin{Source: FromFile, Name: name, Line: 1, Column: 1}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		origin.Line, origin.Column = decode.Position()
	}
	return Complaint{origin, "", "not TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
}

// leaf is one key of the document with its value. What stands where a table of the configuration should, or beyond
// its two levels, is a leaf too: it ends as an unknown key.
type leaf struct {
	key     string
	value   any
	inTable bool // false for "log.level" = ..., whose quotes make it one key with a dot in its name
}

func leaves(tree map[string]any) []leaf {
	var all []leaf
	for _, table := range slices.Sorted(maps.Keys(tree)) {
		inner, ok := tree[table].(map[string]any)
		if !ok || !slices.Contains(tables(), table) {
			all = append(all, leaf{table, tree[table], false})
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(inner)) {
			all = append(all, leaf{table + "." + key, inner[key], true})
		}
	}
	return all
}

// unknownKey explains a key that does not exist, with the one that was probably meant: the same key in another
// table, or one that is spelt almost so.
func unknownKey(key string) string {
	table, name, inTable := strings.Cut(key, ".")
	if !inTable {
		if slices.Contains(tables(), table) {
			return "want a table: [" + table + "]"
		}
		return "unknown table or key" + didYouMean(table, tables())
	}
	if best, ok := suggest(key, Keys()); ok {
		return "unknown key (did you mean " + best + "?)"
	}
	for _, candidate := range Keys() {
		if strings.HasSuffix(candidate, "."+name) {
			return "unknown key (did you mean " + candidate + "?)"
		}
	}
	return "unknown key"
}

// positions finds where each key of the first two levels stands in a document that parses.
func positions(name string, doc []byte) map[string]Origin {
	at := map[string]Origin{}
	note := func(p *unstable.Parser, path []string, node *unstable.Node) {
		key := strings.Join(path[:min(len(path), 2)], ".")
		start := p.Shape(node.Raw).Start
		if _, seen := at[key]; !seen {
			at[key] = Origin{Source: FromFile, Name: name, Line: start.Line, Column: start.Column}
		}
	}
	var p unstable.Parser
	p.Reset(doc)
	var table []string
	for p.NextExpression() {
		node := p.Expression()
		path, first := keyPath(node)
		if node.Kind != unstable.KeyValue {
			table = path
			note(&p, path[:1], first)
			note(&p, path, first)
			continue
		}
		full := append(slices.Clone(table), path...)
		note(&p, full[:1], first)
		note(&p, full, first)
		if value := node.Value(); value.Kind == unstable.InlineTable && len(full) == 1 {
			for it := value.Children(); it.Next(); {
				inner, key := keyPath(it.Node())
				note(&p, append(slices.Clone(full), inner...), key)
			}
		}
	}
	return at
}

// keyPath returns the dotted key of an expression and the node of its first part.
func keyPath(node *unstable.Node) (path []string, first *unstable.Node) {
	for it := node.Key(); it.Next(); {
		if first == nil {
			first = it.Node()
		}
		path = append(path, string(it.Node().Data))
	}
	return path, first
}
