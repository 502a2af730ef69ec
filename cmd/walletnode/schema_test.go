package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// schema is a JSON Schema, as far as those in docs/schemas use the language.
type schema map[string]any

func readSchema(t *testing.T, name string) schema {
	t.Helper()
	text, err := os.ReadFile("../../docs/schemas/" + name)
	require.NoError(t, err)
	return schema(document(t, string(text)))
}

// complaints checks a document and returns what is wrong with it. A word of the language that is not known here is wrong
// too, so that no schema promises what nobody checks.
func (s schema) complaints(at string, doc any) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	for word, want := range s {
		switch word {
		case "$schema", "title", "description", "additionalProperties", "properties", "items":
		case "type":
			kinds, several := want.([]any)
			if !several {
				kinds = []any{want}
			}
			if !slices.ContainsFunc(kinds, func(kind any) bool { return isOf(kind, doc) }) {
				say("%v is not of type %v", doc, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), doc) {
				say("%v is none of %v", doc, want)
			}
		case "pattern":
			if text, ok := doc.(string); ok && !regexp.MustCompile(want.(string)).MatchString(text) {
				say("%q does not match %v", text, want)
			}
		case "minimum", "maximum":
			number, ok := doc.(float64)
			if bound := want.(float64); ok && (word == "minimum" && number < bound || word == "maximum" && number > bound) {
				say("%v is beyond the %s %v", number, word, bound)
			}
		case "minItems", "maxItems":
			list, ok := doc.([]any)
			if bound := int(want.(float64)); ok && (word == "minItems" && len(list) < bound || word == "maxItems" && len(list) > bound) {
				say("%d items are beyond the %s %d", len(list), word, bound)
			}
		case "required":
			object, ok := doc.(map[string]any)
			for _, name := range want.([]any) {
				if _, has := object[name.(string)]; ok && !has {
					say("lacks %v", name)
				}
			}
		default:
			say("the schema says %q, which nobody checks", word)
		}
	}
	switch doc := doc.(type) {
	case []any:
		for i, item := range doc {
			if items, ok := s["items"].(map[string]any); ok {
				wrong = append(wrong, schema(items).complaints(fmt.Sprintf("%s[%d]", at, i), item)...)
			}
		}
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for name, value := range doc {
			if property, ok := properties[name].(map[string]any); ok {
				wrong = append(wrong, schema(property).complaints(at+"."+name, value)...)
			} else if s["additionalProperties"] == false {
				say("has %q, which is not in the schema", name)
			}
		}
	}
	return wrong
}

func isOf(kind, doc any) bool {
	switch doc := doc.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && doc == math.Trunc(doc)
	case []any:
		return kind == "array"
	default:
		return kind == "object"
	}
}

func (s schema) requireFits(t *testing.T, raw string) {
	t.Helper()
	var doc any
	require.NoError(t, json.Unmarshal([]byte(raw), &doc), raw)
	require.Empty(t, s.complaints("it", doc), raw)
}

func TestTheSchemaCheckSeesWhatIsWrong(t *testing.T) {
	s := schema(document(t, `{"type": "object", "additionalProperties": false, "required": ["a"], "properties": {
		"a": {"type": ["integer", "null"], "minimum": 1, "maximum": 3}, "b": {"type": "array", "minItems": 1, "maxItems": 2,
		"items": {"type": "string", "pattern": "^x$"}}, "c": {"enum": ["u", null]}}}`))
	for _, good := range []string{`{"a": 1}`, `{"a": null, "b": ["x"], "c": null}`, `{"a": 3, "b": ["x", "x"], "c": "u"}`} {
		s.requireFits(t, good)
	}
	for _, bad := range []string{
		`[]`, `{}`, `{"a": 0}`, `{"a": 4}`, `{"a": 1.5}`, `{"a": "1"}`, `{"a": 1, "b": []}`, `{"a": 1, "b": ["x", "x", "x"]}`,
		`{"a": 1, "b": ["y"]}`, `{"a": 1, "b": "x"}`, `{"a": 1, "c": "v"}`, `{"a": 1, "d": 1}`,
	} {
		var doc any
		require.NoError(t, json.Unmarshal([]byte(bad), &doc))
		require.NotEmpty(t, s.complaints("it", doc), bad)
	}
	require.NotEmpty(t, schema{"oneOf": []any{}}.complaints("it", nil))
}
