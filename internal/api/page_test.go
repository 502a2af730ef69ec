package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/view"
)

// The page stands beside the API and lets its viewers in by itself; what the API guards stays guarded, however the path is
// written.
func TestThePageStandsBesideTheAPI(t *testing.T) {
	entrance := NewEntrance(func() view.Status { return view.Status{} }, slog.New(slog.DiscardHandler))
	behind := Guard{Token: word}.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the API") }))
	h := entrance.withPage(behind)
	ask := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
		return answerOf(h, r)
	}
	require.Equal(t, http.StatusUnauthorized, ask("/dashboard/").Code, "there is no page yet")
	entrance.Show(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "the page at "+r.URL.Path) }))
	for path, want := range map[string]string{"/dashboard/": "the page at /", "/dashboard/events": "the page at /events"} {
		require.Equal(t, want, ask(path).Body.String())
	}
	moved := ask("/dashboard")
	require.Equal(t, http.StatusMovedPermanently, moved.Code)
	require.Equal(t, "/dashboard/", moved.Header().Get("Location"))
	for _, path := range []string{"/", "/v1/status", "/dashboards", "/x/dashboard/", "//dashboard/"} {
		require.Equal(t, http.StatusUnauthorized, ask(path).Code, path)
	}
	require.NotContains(t, ask("/dashboard/../v1/status").Body.String(), "the API")
}
