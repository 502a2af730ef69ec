package ethereum

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/secretfile"
)

func headersFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "headers")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestHeadersGoWithRequestsAndHandshakes(t *testing.T) {
	headers, err := ReadHeadersFile(headersFile(t,
		"# the vendor's token\n\nAuthorization: Bearer a:b c\r\n  x-project-id :\tseven\nX-Project-Id: eight\n"))
	require.NoError(t, err)
	require.Equal(t, Headers{"Authorization": {"Bearer a:b c"}, "X-Project-Id": {"seven", "eight"}}, headers)
	f := newFake(t, 1)
	for _, url := range bothOf(f) {
		settings := config(url)
		settings.Headers = headers
		client := open(t, settings)
		_, err = client.ChainID(t.Context())
		require.NoError(t, err)
		require.Equal(t, "Bearer a:b c", f.seen.Get("Authorization"))
		require.Equal(t, []string{"seven", "eight"}, f.seen.Values("X-Project-Id"))
		f.seen = nil
	}
}

func TestHeadersAreNotShown(t *testing.T) {
	settings := config("http://example.org")
	settings.Headers = Headers{"Authorization": {"secret"}, "X-Key": {"secret"}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("Endpoint", "headers", settings.Headers, "config", settings)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("Endpoint", "headers", settings.Headers, "config", settings)
	for _, shown := range []string{
		log.String(), fmt.Sprintf("%v %+v %#v %s", settings, settings, settings, settings.Headers),
	} {
		require.Contains(t, shown, "Authorization")
		require.NotContains(t, shown, "secret")
	}
}

func TestAFileOfHeadersIsChecked(t *testing.T) {
	for text, complaint := range map[string]string{
		"":                           "no headers in it",
		"# nothing\n":                "no headers in it",
		"A: b\nsecret":               `line 2: want "Name: value"`,
		": secret":                   "line 1: the text before the colon is no header name",
		"A b: secret":                "no header name",
		"sécret: x":                  "no header name",
		"A:":                         "line 1: header A has no value",
		"A: sec\x00ret":              "the value of header A has characters",
		"A: secrét":                  "the value of header A has characters",
		"A: sec\rB: ret":             "the value of header A has characters",
		"Host: secret":               "header Host is set by the connection itself",
		"content-type: secret":       "header Content-Type is set",
		"Sec-WebSocket-Key: secret":  "header Sec-Websocket-Key is set",
		strings.Repeat("A: b\n", 33): "line 33: more than 32 headers",
		"A: " + strings.Repeat("s", maxHeadersFile): "more than 16384 bytes",
	} {
		_, err := ReadHeadersFile(headersFile(t, text))
		require.ErrorContains(t, err, complaint)
		require.NotContains(t, err.Error(), "secr")
	}
	if runtime.GOOS != "windows" {
		path := headersFile(t, "A: b")
		require.NoError(t, os.Chmod(path, 0o644))
		_, err := ReadHeadersFile(path)
		require.ErrorIs(t, err, secretfile.ErrExposed)
	}
}

func FuzzHeadersFile(f *testing.F) {
	f.Add([]byte("# token\nAuthorization: Bearer x\n"))
	f.Add([]byte("A: b\r\nB:c"))
	f.Add([]byte("A: b\rHost: c"))
	f.Fuzz(func(t *testing.T, text []byte) {
		headers, err := parseHeaders(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, headers)
		total := 0
		for name, values := range headers {
			require.False(t, reserved(name), name)
			require.NotEmpty(t, name)
			for _, value := range values {
				total++
				require.NotEmpty(t, value)
				require.False(t, strings.ContainsAny(name+value, "\r\n\x00"))
			}
		}
		require.LessOrEqual(t, total, maxHeaders)
	})
}
