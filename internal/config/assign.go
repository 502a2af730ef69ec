package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

var durationType = reflect.TypeFor[time.Duration]()

// assign stores a value of the file (string, bool, int64, float64 or a list of them) in dst. It converts nothing
// that a reader could misread: a number is not a string and 1.5 is not a whole number.
func assign(dst reflect.Value, value any) error {
	if text, ok := value.(string); ok {
		return assignText(dst, text)
	}
	switch v := value.(type) {
	case int64:
		return assignInt(dst, v)
	case float64:
		if dst.Kind() == reflect.Float64 && !math.IsNaN(v) && !math.IsInf(v, 0) {
			dst.SetFloat(v)
			return nil
		}
	case bool:
		if dst.Kind() == reflect.Bool {
			dst.SetBool(v)
			return nil
		}
	case []any:
		if dst.Kind() == reflect.Slice {
			return assignList(dst, v)
		}
	}
	return fmt.Errorf("want %s, have %s", wanted(dst), describe(value))
}

// assignText stores a string of the file. Only texts are written as strings there.
func assignText(dst reflect.Value, text string) error {
	if !isText(dst) {
		return fmt.Errorf("want %s, have the string %q", wanted(dst), text)
	}
	return parse(dst, text)
}

// parse stores a value written as text, as the environment and flags have it.
func parse(dst reflect.Value, text string) error {
	if dst.Type() == durationType {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf(`want a duration like "90s" or "2m", have %q`, text)
		}
		dst.SetInt(int64(d))
		return nil
	}
	if u, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return parseAddress(u, text)
	}
	switch dst.Kind() {
	case reflect.String:
		dst.SetString(text)
		return nil
	case reflect.Bool:
		return parsed(dst, text, strconv.ParseBool, dst.SetBool)
	case reflect.Int, reflect.Int64:
		return parsed(dst, text, parseInt, dst.SetInt)
	case reflect.Uint64:
		return parsed(dst, text, parseUint, dst.SetUint)
	case reflect.Float64:
		return parsed(dst, text, parseFloat, dst.SetFloat)
	default: // a list of strings, separated by commas
		dst.Set(reflect.ValueOf(splitList(text)))
		return nil
	}
}

func parseInt(s string) (int64, error)   { return strconv.ParseInt(s, 10, 64) }
func parseUint(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }
func parseFloat(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return 0, errors.New("not finite")
	}
	return f, err
}

func parsed[T any](dst reflect.Value, text string, read func(string) (T, error), set func(T)) error {
	v, err := read(text)
	if err != nil {
		return fmt.Errorf("want %s, have %q", wanted(dst), text)
	}
	set(v)
	return nil
}

func assignInt(dst reflect.Value, v int64) error {
	switch dst.Kind() {
	case reflect.Int, reflect.Int64:
		if dst.Type() == durationType {
			return fmt.Errorf(`want a duration with its unit, like "%ds"`, v)
		}
		dst.SetInt(v)
	case reflect.Uint64:
		if v < 0 {
			return fmt.Errorf("want %s, have %d", wanted(dst), v)
		}
		dst.SetUint(uint64(v))
	case reflect.Float64:
		dst.SetFloat(float64(v))
	default:
		return fmt.Errorf("want %s, have %d", wanted(dst), v)
	}
	return nil
}

func assignList(dst reflect.Value, values []any) error {
	list := make([]string, 0, len(values))
	var errs []error
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			errs = append(errs, fmt.Errorf("item %d: want a string, have %s", i+1, describe(v)))
			continue
		}
		list = append(list, text)
	}
	dst.Set(reflect.ValueOf(list))
	return errors.Join(errs...)
}

// splitList reads "a, b"; an empty text is an empty list.
func splitList(text string) []string {
	list := []string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// isText reports whether the file writes values of this place as strings.
func isText(dst reflect.Value) bool {
	_, text := dst.Addr().Interface().(encoding.TextUnmarshaler)
	return text || dst.Kind() == reflect.String || dst.Type() == durationType
}

func wanted(dst reflect.Value) string {
	switch {
	case dst.Type() == durationType:
		return `a duration like "90s"`
	case dst.Kind() == reflect.Bool:
		return "true or false"
	case dst.Kind() == reflect.Int, dst.Kind() == reflect.Int64:
		return "a whole number"
	case dst.Kind() == reflect.Uint64:
		return "a whole number, 0 or more"
	case dst.Kind() == reflect.Float64:
		return "a number"
	case dst.Kind() == reflect.Slice:
		return "a list of strings"
	default:
		return "a string"
	}
}

func describe(value any) string {
	switch v := value.(type) {
	case map[string]any:
		return "a table"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the string %q", v)
	case bool, int64, float64:
		return fmt.Sprint(v)
	default: // the four kinds of dates
		return "a date or time"
	}
}
