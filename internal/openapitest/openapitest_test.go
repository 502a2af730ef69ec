package openapitest

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// form is a form of everything that documents have.
type form struct {
	base
	Name  string            `json:"name"` // what it is called
	Count uint64            `json:"count"`
	Ratio float64           `json:"ratio"`
	When  time.Time         `json:"when"` // writes itself as text
	Next  *form             `json:"next"`
	List  []int             `json:"list"`
	Raw   []byte            `json:"raw"`
	Free  json.RawMessage   `json:"free"`
	More  map[string]string `json:"more"`
	Maybe bool              `json:"maybe,omitempty"`
	Inner struct {
		Kind kind `json:"kind"`
	} `json:"inner"`
}

type base struct {
	// Base is the first one's.
	Base int `json:"base"` // with a second line
}

type kind string

func document(t *testing.T, nullLists bool) Object {
	t.Helper()
	comments, err := Comments("*_test.go")
	require.NoError(t, err)
	s := Schemas{Components: Object{}, Comments: comments, NullLists: nullLists, Special: func(t reflect.Type) Object {
		if t == reflect.TypeFor[kind]() {
			return Object{"type": "string", "enum": []any{"a", "b"}, "pattern": "^[a-c]$"}
		}
		return nil
	}}
	require.Equal(t, Object{"$ref": "#/components/schemas/form"}, s.Of(reflect.TypeFor[form]()))
	raw, err := json.Marshal(Object{"components": Object{"schemas": s.Components}})
	require.NoError(t, err)
	var doc Object
	require.NoError(t, json.Unmarshal(raw, &doc))
	return doc
}

func written(t *testing.T, f form) Object {
	t.Helper()
	raw, err := json.Marshal(f)
	require.NoError(t, err)
	var have Object
	require.NoError(t, json.Unmarshal(raw, &have))
	return have
}

var ref = Object{"$ref": "#/components/schemas/form"}

func TestSchemasAreThoseOfWhatIsWritten(t *testing.T) {
	full := form{Free: json.RawMessage(`[1]`), List: []int{1}, Raw: []byte{1}, More: map[string]string{"a": "b"}}
	full.Inner.Kind = "a"
	holder := full
	holder.Next = &full
	doc := document(t, false)
	require.NoError(t, Conforms(doc, ref, written(t, holder), "form"))
	bare := form{Free: json.RawMessage(`null`)}
	bare.Inner.Kind = "b"
	require.ErrorContains(t, Conforms(doc, ref, written(t, bare), "form"), "is not", "a list is never null")
	nulls := document(t, true)
	have := written(t, bare)
	delete(have, "next")
	fields := nulls["components"].(Object)["schemas"].(Object)["form"].(Object)
	fields["required"] = []any{"name"} // pointers that are left out say so by omitempty, which this one does not
	require.NoError(t, Conforms(nulls, ref, have, "form"))

	schema := doc["components"].(Object)["schemas"].(Object)["form"].(Object)
	require.Equal(t, "form is a form of everything that documents have.", schema["description"])
	properties := schema["properties"].(Object)
	require.Equal(t, "what it is called", properties["name"].(Object)["description"])
	require.Equal(t, "Base is the first one's. with a second line", properties["base"].(Object)["description"])
	require.NotContains(t, schema["required"], "maybe")
	require.Contains(t, schema["required"], "base")
}

// The checker must see what is wrong.
func TestConformsFindsWhatDiffers(t *testing.T) {
	doc := document(t, false)
	full := form{Free: json.RawMessage(`{}`), List: []int{1}, Raw: []byte{1}, More: map[string]string{}}
	full.Inner.Kind = "a"
	for field, bad := range map[string]any{
		"name": 1.0, "count": -1.0, "ratio": "x", "when": nil, "next": 1.0, "list": []any{1.5}, "raw": []any{}, "more": Object{"a": 1.0}, "base": 1.5, "unknown": 1.0, "maybe": "yes",
		"inner": Object{"kind": "d"},
	} {
		have := written(t, full)
		require.NoError(t, Conforms(doc, ref, have, "form"))
		have[field] = bad
		require.ErrorContains(t, Conforms(doc, ref, have, "form"), "form", field)
	}
	have := written(t, full)
	delete(have, "name")
	require.ErrorContains(t, Conforms(doc, ref, have, "form"), "name is missing")
	for _, inner := range []Object{{"kind": "c"}, {}} { // it fits the pattern, and is none of the list
		have = written(t, full)
		have["inner"] = inner
		require.Error(t, Conforms(doc, ref, have, "form"))
	}
	require.ErrorContains(t, Conforms(doc, Object{"type": "string", "pattern": "^a$"}, "b", "x"), "^a$")
	require.ErrorContains(t, Conforms(doc, Object{"$ref": "#/components/schemas/Other"}, "b", "x"), "has no")
	require.ErrorContains(t, Conforms(doc, ref, nil, "x"), "is not")
}

func TestWhatHasNoSchemaIsTold(t *testing.T) {
	s := Schemas{Components: Object{}, Special: func(reflect.Type) Object { return nil }}
	require.Panics(t, func() { s.Of(reflect.TypeFor[chan int]()) })
	_, err := Comments("*.nothing")
	require.Error(t, err)
}
