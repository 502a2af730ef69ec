package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// field is one key of the configuration and the place in a Config that holds it.
type field struct {
	key   string // "table.key"; in a list of tables "table.list[2].key", counted from 1
	value reflect.Value
}

// fields lists every key of c that holds a value, in the order of the struct. The struct is the only list of keys there
// is; file, environment and sample are all measured against it.
func fields(c *Config) []field {
	var all []field
	walk(reflect.ValueOf(c).Elem(), "", func(key string, place reflect.Value) {
		if !isTable(place.Type()) && !isTables(place.Type()) {
			all = append(all, field{key, place})
		}
	})
	return all
}

// walk visits every place below a struct: tables, lists of tables and their items, and values, in the order of the
// structs, a table before what it holds.
func walk(table reflect.Value, prefix string, visit func(key string, place reflect.Value)) {
	for i := range table.NumField() {
		tag := table.Type().Field(i).Tag.Get("toml")
		if tag == "" {
			continue // no key: the origins
		}
		key, place := prefix+tag, table.Field(i)
		visit(key, place)
		switch {
		case isTable(place.Type()):
			walk(place, key+".", visit)
		case isTables(place.Type()):
			for j := range place.Len() {
				walk(place.Index(j), itemKey(key, j)+".", visit)
			}
		}
	}
}

func isTable(t reflect.Type) bool  { return t.Kind() == reflect.Struct }
func isTables(t reflect.Type) bool { return t.Kind() == reflect.Slice && isTable(t.Elem()) }

// itemKey names the item of a list of tables; i counts from 0, the name from 1, as the reader of a file does.
func itemKey(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i+1) }

// Keys returns every key that always is ("table.key"), in the order of the struct. What stands in lists of tables is not
// among them.
func Keys() []string {
	var keys []string
	for _, f := range fields(new(Config)) {
		keys = append(keys, f.key)
	}
	return keys
}

// names returns every key, table and list of tables.
func names() []string {
	var all []string
	walk(reflect.ValueOf(new(Config)).Elem(), "", func(key string, _ reflect.Value) { all = append(all, key) })
	return all
}

// lists returns the lists of tables.
func lists() []string {
	var all []string
	walk(reflect.ValueOf(new(Config)).Elem(), "", func(key string, place reflect.Value) {
		if isTables(place.Type()) {
			all = append(all, key)
		}
	})
	return all
}

// tables returns the names of the tables at the top, in the order of the struct.
func tables() []string {
	return slices.DeleteFunc(names(), func(name string) bool { return strings.Contains(name, ".") })
}

// keyed returns the field of a struct that a key stands for, false if there is none.
func keyed(table reflect.Value, key string) (reflect.Value, bool) {
	for i := range table.NumField() {
		if tag := table.Type().Field(i).Tag.Get("toml"); tag != "" && tag == key {
			return table.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// keysOf returns the keys of a struct's fields.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("toml"); tag != "" {
			keys = append(keys, tag)
		}
	}
	return keys
}
