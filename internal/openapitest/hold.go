package openapitest

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Hold holds a document, which a package has embedded from its openapi.json, to what is made of its routes; or it writes that
// file, for the program to be built with it.
func Hold(t *testing.T, made Object, embedded []byte, update bool) {
	t.Helper()
	want, err := json.MarshalIndent(made, "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	if update {
		require.NoError(t, os.WriteFile("openapi.json", want, 0o644)) //nolint:gosec // a file of the project
		return
	}
	require.Equal(t, string(want), string(embedded), "run go test . -run OpenAPI -update here")
}
