package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// positions finds where each key stands in a document that parses, by the names that field has: tables, lists of tables
// and their items too, each where it is first named.
func positions(name string, doc []byte) map[string]Origin {
	p := placing{at: map[string]Origin{}, items: map[string]int{}, name: name}
	p.parser.Reset(doc)
	var table []part
	for p.parser.NextExpression() {
		node := p.parser.Expression()
		switch path := parts(node); node.Kind {
		case unstable.KeyValue:
			p.value(slices.Concat(table, path), node.Value())
		case unstable.ArrayTable:
			table = path
			p.note(path[:len(path)-1])
			p.item(path)
		default:
			table = path
			p.note(path)
		}
	}
	return p.at
}

// placing is a document being read for its positions.
type placing struct {
	parser unstable.Parser
	name   string
	at     map[string]Origin
	items  map[string]int // how many items of a list of tables have begun
}

// part is one word of a key's path.
type part struct {
	name string         // as keys of the configuration are written
	node *unstable.Node // the first word of the expression that it stands in
}

// parts returns the words of an expression's dotted key. Deeper than maxDepth there is no key of ours, and a hostile file
// gets nothing for its length.
func parts(node *unstable.Node) (path []part) {
	var first *unstable.Node
	for it := node.Key(); it.Next() && len(path) < maxDepth; {
		if first == nil {
			first = it.Node()
		}
		path = append(path, part{bare(string(it.Node().Data)), first})
	}
	return path
}

// key names a path. A list of tables on the way stands for its newest item, as TOML has it.
func (p *placing) key(path []part) string {
	key := ""
	for i, word := range path {
		if i > 0 {
			key += "."
		}
		key += word.name
		if n := p.items[key]; n > 0 {
			key = itemKey(key, n-1)
		}
	}
	return key
}

// note notes a path and every table on the way to it.
func (p *placing) note(path []part) {
	for i, word := range path {
		p.put(p.key(path[:i+1]), word.node)
	}
}

func (p *placing) put(key string, node *unstable.Node) {
	if _, seen := p.at[key]; !seen {
		start := p.parser.Shape(node.Raw).Start
		p.at[key] = Origin{Source: FromFile, Name: p.name, Line: start.Line, Column: start.Column}
	}
}

// item begins the next item of a list and notes both.
func (p *placing) item(path []part) {
	parent, last := p.key(path[:len(path)-1]), path[len(path)-1]
	list := strings.TrimPrefix(parent+"."+last.name, ".")
	p.put(list, last.node)
	p.items[list]++
	p.put(p.key(path), last.node)
}

// value notes a key and what its value holds: an inline table has keys, and a list of them items.
func (p *placing) value(path []part, value *unstable.Node) {
	p.note(path)
	if len(path) > maxDepth {
		return
	}
	switch value.Kind {
	case unstable.InlineTable:
		p.inline(path, value)
	case unstable.Array:
		for it := value.Children(); it.Next(); {
			p.item(path)
			if it.Node().Kind == unstable.InlineTable {
				p.inline(path, it.Node())
			}
		}
	}
}

func (p *placing) inline(path []part, table *unstable.Node) {
	for it := table.Children(); it.Next(); {
		p.value(slices.Concat(path, parts(it.Node())), it.Node().Value())
	}
}

// maxDepth is more than the longest path of a key has words.
const maxDepth = 6

// bare returns a word of a key as TOML can write it without quotes, or else quoted, so that a dot or a bracket in it is
// never taken for one of ours.
func bare(word string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return strconv.Quote(word)
}
