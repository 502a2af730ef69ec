package config

import (
	"reflect"
	"slices"
	"strings"
)

// field is one key of the configuration and the place in a Config that holds it.
type field struct {
	key   string // "table.key"
	value reflect.Value
}

// fields lists every key of c in the order of the struct. The struct is the only list of keys there is; file,
// environment and sample are all measured against it.
func fields(c *Config) []field {
	var all []field
	root := reflect.ValueOf(c).Elem()
	for i := range root.NumField() {
		table := root.Type().Field(i).Tag.Get("toml")
		if table == "" {
			continue // not a table: the origins
		}
		for j := range root.Field(i).NumField() {
			key := root.Field(i).Type().Field(j).Tag.Get("toml")
			all = append(all, field{table + "." + key, root.Field(i).Field(j)})
		}
	}
	return all
}

// Keys returns every key ("table.key") in the order of the struct.
func Keys() []string {
	var keys []string
	for _, f := range fields(new(Config)) {
		keys = append(keys, f.key)
	}
	return keys
}

// tables returns the tables' names in the order of the struct.
func tables() []string {
	var names []string
	for _, key := range Keys() {
		table, _, _ := strings.Cut(key, ".")
		names = append(names, table)
	}
	return slices.Compact(names)
}
