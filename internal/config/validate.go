package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// Validate checks every rule and returns all that are broken as Complaints, nil if none is.
func (c Config) Validate() error { return c.broken().sorted().orNil() }

// broken returns the complaints of Validate.
func (c Config) broken() Complaints {
	var wrong Complaints
	var failed validator.ValidationErrors
	if err := newValidator().Struct(c); errors.As(err, &failed) {
		for _, f := range failed {
			key, item := keyOf(f.Namespace())
			why := explain(f)
			if item {
				why = fmt.Sprintf("%q: %s", f.Value(), why)
			}
			wrong = append(wrong, c.complaint(key, why))
		}
	}
	return append(wrong, c.crossChecks(wrong)...)
}

// keyOf makes a key of what the validator calls a field: "Config.table.key"; "Config.table.key[1]" for an item of a list,
// which is told of the list; "Config.table.list[1].key" for a key of an item, counted from 0.
func keyOf(namespace string) (key string, item bool) {
	key = strings.TrimPrefix(namespace, "Config.")
	if strings.HasSuffix(key, "]") {
		key, item = key[:strings.LastIndexByte(key, '[')], true
	}
	return countFromOne(key), item
}

// countFromOne counts the items in a key as the reader of a file does.
func countFromOne(key string) string {
	list, rest, ok := strings.Cut(key, "[")
	index, rest, closed := strings.Cut(rest, "]")
	i, err := strconv.Atoi(index)
	if !ok || !closed || err != nil {
		return key
	}
	return itemKey(list, i) + rest
}

// complaint names the place of a key, or else the item of a list that lacks it.
func (c Config) complaint(key, why string) Complaint {
	origin, ok := c.origins[key]
	if at := strings.LastIndexByte(key, ']'); !ok && at >= 0 {
		origin = c.origins[key[:at+1]]
	}
	return Complaint{origin, key, why}
}

// crossChecks are the rules that need more than one key. broken is what is wrong with single ones.
func (c Config) crossChecks(broken Complaints) Complaints {
	var wrong Complaints
	if c.Store.RetentionEvidence < c.Store.RetentionWindows {
		wrong = append(wrong, c.complaint("store.retention_evidence", "evidence must be kept at least as long as windows (store.retention_windows)"))
	}
	return slices.Concat(wrong, c.checkMulti(), c.checkCluster(broken), c.checkSigners(broken), c.checkAPI(broken), c.checkDashboard(broken), c.checkFeed())
}

// newValidator knows the rules of the struct's tags: those of the library and the node's own.
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("toml") })
	for tag, rule := range rules {
		check := func(level validator.FieldLevel) bool { return rule(level.Field().String()) == nil }
		if err := v.RegisterValidation(tag, check, true); err != nil {
			panic(err) // a tag's name is not acceptable: no configuration can cause it
		}
	}
	return v
}

// explain says in words which rule a value breaks.
func explain(f validator.FieldError) string {
	if rule, ok := rules[f.Tag()]; ok {
		return rule(fmt.Sprint(f.Value())).Error()
	}
	list := f.Kind() == reflect.Slice
	switch f.Tag() {
	case "required":
		return "required, and not set"
	case "oneof":
		return fmt.Sprintf("want one of %s, have %q", strings.ReplaceAll(f.Param(), " ", ", "), f.Value())
	case "unique":
		return "has an item twice"
	case "ne":
		return fmt.Sprintf("%q is taken", f.Param())
	case "min":
		if list {
			return "want at least " + f.Param() + " item"
		}
		return fmt.Sprintf("want at least %s, have %v", f.Param(), f.Value())
	case "max":
		if list {
			return "want at most " + f.Param() + " items"
		}
		return fmt.Sprintf("want at most %s, have %v", f.Param(), f.Value())
	default:
		return "breaks the rule " + f.Tag()
	}
}
