package config

import (
	"errors"
	"fmt"
	"reflect"
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
			// The namespace is "Config.table.key", and "Config.table.key[1]" for an item of a list.
			key := strings.TrimPrefix(f.Namespace(), "Config.")
			key, _, item := strings.Cut(key, "[")
			why := explain(f)
			if item {
				why = fmt.Sprintf("%q: %s", f.Value(), why)
			}
			wrong = append(wrong, Complaint{c.Origin(key), key, why})
		}
	}
	return append(wrong, c.crossChecks()...)
}

// crossChecks are the rules that need more than one key.
func (c Config) crossChecks() Complaints {
	windows, evidence := c.Store.RetentionWindows, c.Store.RetentionEvidence
	if evidence < windows {
		const key = "store.retention_evidence"
		return Complaints{{c.Origin(key), key, "evidence must be kept at least as long as windows (store.retention_windows)"}}
	}
	return nil
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
