package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
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
	d := document{c: c, at: positions(name, doc)}
	d.table(reflect.ValueOf(c).Elem(), "", tree)
	return d.wrong
}

// document is a file on its way into a Config.
type document struct {
	c     *Config
	at    map[string]Origin // where each key stands
	wrong Complaints
}

func (d *document) complain(key, why string) {
	d.wrong = append(d.wrong, Complaint{d.at[key], key, why})
}

// table stores a table of the document. What stands where a table should, or a key that does not exist, is a complaint
// and nothing below it is looked at.
func (d *document) table(dst reflect.Value, prefix string, tree map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		key, value := prefix+bare(name), tree[name]
		place, known := keyed(dst, name)
		switch {
		case !known && strings.Contains(prefix, "["):
			d.complain(key, "unknown key"+didYouMean(name, keysOf(dst.Type())))
		case !known:
			d.complain(key, unknownKey(key))
		case isTable(place.Type()):
			inner, ok := value.(map[string]any)
			if !ok {
				d.complain(key, "want a table: ["+key+"]")
				continue
			}
			d.table(place, key+".", inner)
		case isTables(place.Type()):
			d.tables(place, key, value)
		default:
			if err := assign(place, value); err != nil {
				d.complain(key, err.Error())
			}
			d.c.origins[key] = d.at[key]
		}
	}
}

// tables stores a list of tables. The document's size bounds how many they are; Validate says how many may be.
func (d *document) tables(dst reflect.Value, key string, value any) {
	items, ok := value.([]any)
	if !ok {
		d.complain(key, "want a list of tables: [["+key+"]]")
		return
	}
	d.c.origins[key] = d.at[key]
	dst.Set(reflect.MakeSlice(dst.Type(), len(items), len(items)))
	for i, item := range items {
		inner, ok := item.(map[string]any)
		if !ok {
			d.complain(key, fmt.Sprintf("item %d: want a table", i+1)) // what it is may be a URL with an access key
			continue
		}
		d.c.origins[itemKey(key, i)] = d.at[itemKey(key, i)]
		d.table(dst.Index(i), itemKey(key, i)+".", inner)
	}
}

func syntaxComplaint(name string, err error) Complaint {
	origin := Origin{Source: FromFile, Name: name, Line: 1, Column: 1}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		origin.Line, origin.Column = decode.Position()
	}
	return Complaint{origin, "", "not TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
}

// unknownKey explains a key that does not exist, with the one that was probably meant: one that is spelt almost so, or
// the same key in another table.
func unknownKey(key string) string {
	at := strings.LastIndexByte(key, '.')
	if at < 0 {
		return "unknown table or key" + didYouMean(key, tables())
	}
	if best, ok := suggest(key, names()); ok {
		return "unknown key (did you mean " + best + "?)"
	}
	for _, candidate := range names() {
		if strings.HasSuffix(candidate, key[at:]) {
			return "unknown key (did you mean " + candidate + "?)"
		}
	}
	return "unknown key"
}
