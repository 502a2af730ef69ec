package check

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// dateServer is a web server that refuses everything, as endpoints refuse what is not a call; it tells its time all the same.
func dateServer(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("the path of an endpoint can hold an access key, and was sent")
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	require.NotEmpty(t, server.URL)
	return server.URL
}
