package config

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Setting is one key with the value in effect and the place it was set.
type Setting struct {
	Key    string // "table.key"; in a list of tables "table.list[2].key", counted from 1
	Value  any    // string, bool, int64, uint64, float64 or []string; nil for an address that is not set
	Origin Origin
}

// Settings lists every key in the order of the struct. Durations and addresses are strings, as the file has them.
func (c Config) Settings() []Setting {
	var all []Setting
	for _, f := range fields(&c) {
		all = append(all, Setting{f.key, plain(f.value), c.Origin(f.key)})
	}
	return all
}

// plain returns a value as the file writes it.
func plain(v reflect.Value) any {
	switch v := v.Interface().(type) {
	case time.Duration:
		return v.String()
	case common.Address:
		if v == (common.Address{}) {
			return nil
		}
		return v.Hex()
	case []string:
		return append([]string{}, v...)
	case int:
		return int64(v)
	default:
		return v
	}
}

// hidden stands where a secret stood.
const hidden = "REDACTED"

// Redacted returns c without what providers hide their access keys in, and databases and proxies their passwords: user, path, query and
// fragment of URLs. The operator's password is not in a Config in the first place.
func (c Config) Redacted() Config {
	if !strings.HasPrefix(c.Store.DSN, sqliteScheme) {
		c.Store.DSN = redactURL(c.Store.DSN)
	}
	c.Ethereum.URL = redactURL(c.Ethereum.URL)
	c.Network.Proxy = redactURL(c.Network.Proxy)
	endpoints := slices.Clone(c.Ethereum.Multi.Endpoints)
	for i := range endpoints {
		endpoints[i].URL = redactURL(endpoints[i].URL)
	}
	c.Ethereum.Multi.Endpoints = endpoints
	return c
}

func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return hidden
	}
	switch {
	case u.Host != "":
	case u.Scheme != "":
		return hidden // a database reached through a socket
	default:
		return s // the path of a socket
	}
	bare := u.Scheme + "://" + u.Host
	if strings.TrimSuffix(s, "/") == bare {
		return s
	}
	return bare + "/" + hidden
}

// WriteTOML writes settings as a document that Load reads back; with origins, each line says where its value was set. A
// key without a value becomes a comment.
func WriteTOML(w io.Writer, settings []Setting, origins bool) error {
	var out strings.Builder
	table := ""
	for _, s := range settings {
		at := strings.LastIndexByte(s.Key, '.')
		in, key := s.Key[:at], s.Key[at+1:]
		if in != table {
			if table != "" {
				out.WriteByte('\n')
			}
			if list, _, item := strings.Cut(in, "["); item {
				fmt.Fprintf(&out, "[[%s]]\n", list)
			} else {
				fmt.Fprintf(&out, "[%s]\n", in)
			}
			table = in
		}
		if s.Value == nil {
			fmt.Fprintf(&out, "# %s is not set\n", key)
			continue
		}
		fmt.Fprintf(&out, "%s = %s", key, tomlText(s.Value))
		if origins {
			fmt.Fprintf(&out, " # %s", s.Origin.Describe())
		}
		out.WriteByte('\n')
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// Describe returns what String does, and "default" for a default.
func (o Origin) Describe() string {
	if o.Source == FromDefault {
		return "default"
	}
	return oneLine(o.String())
}

// oneLine keeps the name of a file from ending the comment it stands in.
func oneLine(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

func tomlText(value any) string {
	switch v := value.(type) {
	case string:
		return quote(v)
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = quote(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0" // a float without a point is an integer in TOML
		}
		return text
	default:
		return fmt.Sprint(v)
	}
}

// quote writes a TOML basic string. JSON's escapes are among TOML's; DEL alone need not be escaped there and must here.
func quote(s string) string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string can always be encoded
	}
	return strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), "\x7f", `\u007f`)
}
