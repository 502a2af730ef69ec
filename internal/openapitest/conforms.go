package openapitest

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Conforms checks a value, as encoding/json reads one into an any, against a schema of a document: the part of JSON Schema that
// Schemas uses. Unknown fields are refused. at is what the value is called in errors.
func Conforms(doc, schema Object, have any, at string) error {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		component, ok := doc["components"].(Object)["schemas"].(Object)[name].(Object)
		if !ok {
			return fmt.Errorf("%s: the document has no %s", at, ref)
		}
		return Conforms(doc, component, have, at)
	}
	if some, ok := schema["anyOf"].([]any); ok {
		var err error
		for _, one := range some {
			if err = Conforms(doc, one.(Object), have, at); err == nil {
				return nil
			}
		}
		return err
	}
	if schema["type"] == nil {
		return nil
	}
	kinds, many := schema["type"].([]any)
	if !many {
		kinds = []any{schema["type"]}
	}
	if !slices.ContainsFunc(kinds, func(kind any) bool { return isOf(kind, have) }) {
		return fmt.Errorf("%s: %v is not %v", at, have, schema)
	}
	switch have := have.(type) {
	case float64:
		if least, ok := schema["minimum"].(float64); ok && have < least {
			return fmt.Errorf("%s: %v is less than %v", at, have, least)
		}
	case string:
		return text(schema, have, at)
	case []any:
		for i, item := range have {
			if err := Conforms(doc, schema["items"].(Object), item, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case Object:
		return object(doc, schema, have, at)
	}
	return nil
}

// isOf tells whether a value is of a type of JSON Schema.
func isOf(kind, have any) bool {
	n, isNumber := have.(float64)
	switch kind {
	case "number":
		return isNumber
	case "integer":
		return isNumber && n == float64(int64(n))
	}
	return kind == map[reflect.Kind]any{
		reflect.Invalid: "null", reflect.Bool: "boolean", reflect.String: "string", reflect.Slice: "array", reflect.Map: "object",
	}[reflect.ValueOf(have).Kind()]
}

func text(schema Object, have, at string) error {
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, any(have)) {
		return fmt.Errorf("%s: %q is none of %v", at, have, enum)
	}
	if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(have) {
		return fmt.Errorf("%s: %q is not %s", at, have, pattern)
	}
	return nil
}

func object(doc, schema, have Object, at string) error {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := have[name.(string)]; !there {
			return fmt.Errorf("%s: %v is missing", at, name)
		}
	}
	properties, described := schema["properties"].(Object)
	for name, field := range have {
		property, known := properties[name].(Object)
		if !known {
			property, known = schema["additionalProperties"].(Object)
		}
		if !known && described {
			return fmt.Errorf("%s: unknown field %s", at, name)
		}
		if !known {
			continue
		}
		if err := Conforms(doc, property, field, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}
