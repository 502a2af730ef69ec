package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/dashboard"
	"github.com/walletnode/walletnode/internal/view"
)

const word = "a-word-of-thirty-two-characters-or-more"

// handler is that of a dashboard that does not run, which is enough for what is no event.
func handler(t *testing.T, source dashboard.Source, token string) http.Handler {
	t.Helper()
	s, err := dashboard.New(dashboard.Config{Token: token, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	if source != nil {
		s.Open(source)
	}
	return s.Handler()
}

func ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(path string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestThePageIsSmallCompressedAndKnownAgain(t *testing.T) {
	h, total := handler(t, nil, ""), 0
	for _, path := range []string{"/", "/app.js", "/style.css", "/icon.svg"} {
		plain := ask(h, get(path))
		require.Equal(t, http.StatusOK, plain.Code, path)
		require.Equal(t, "nosniff", plain.Header().Get("X-Content-Type-Options"))
		require.Contains(t, plain.Header().Get("Content-Security-Policy"), "default-src 'self'")
		require.NotContains(t, plain.Header().Get("Content-Security-Policy"), "unsafe")
		total += plain.Body.Len()

		small := ask(h, get(path, "Accept-Encoding", "gzip, br"))
		require.Equal(t, "gzip", small.Header().Get("Content-Encoding"))
		unpacked, err := gzip.NewReader(small.Body)
		require.NoError(t, err)
		same, err := io.ReadAll(unpacked)
		require.NoError(t, err)
		require.Equal(t, plain.Body.Bytes(), same)

		again := ask(h, get(path, "If-None-Match", plain.Header().Get("ETag")))
		require.Equal(t, http.StatusNotModified, again.Code)
		require.Zero(t, again.Body.Len())
	}
	require.Less(t, total, 600<<10)
	require.Equal(t, http.StatusNotFound, ask(h, get("/LICENSES.txt")).Code)
	require.Equal(t, http.StatusNotFound, ask(h, get("/dashboard.go")).Code)
}

func TestWithoutATokenOnlyThisMachineIsAnswered(t *testing.T) {
	h := handler(t, sample(), "")
	for host, status := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:1": 200, "[::1]:9": 200, "evil.example.org": 403, "127.0.0.1.evil.example.org": 403, "": 403,
	} {
		for _, path := range []string{"/", fmt.Sprintf("/record?window=%d", newest)} {
			r := get(path)
			r.Host = host
			require.Equal(t, status, ask(h, r).Code, "%s%s", host, path)
		}
	}
}

func TestTheTokenIsShownOnceAndKeptInNoScriptsReach(t *testing.T) {
	h := handler(t, sample(), word)
	question := fmt.Sprintf("/record?window=%d", newest)
	login := func(token string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "https://node.example.org/login", strings.NewReader(url.Values{"token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return ask(h, r)
	}
	require.Equal(t, http.StatusOK, ask(h, get("/")).Code, "the page itself tells nothing")
	for _, path := range []string{"/events", "/session", question} {
		require.Equal(t, http.StatusUnauthorized, ask(h, get(path)).Code, path)
		require.Equal(t, http.StatusUnauthorized, ask(h, get(path, "Cookie", "walletnode_dashboard="+word)).Code, path)
	}
	for _, wrong := range []string{"", word + "x", word[1:], strings.Repeat("x", 1<<20)} {
		refused := login(wrong)
		require.Equal(t, http.StatusForbidden, refused.Code)
		require.Empty(t, refused.Result().Cookies())
	}
	require.Equal(t, http.StatusForbidden, login(word, "Sec-Fetch-Site", "cross-site").Code, "a foreign page's form")

	admitted := login(word)
	require.Equal(t, http.StatusNoContent, admitted.Code)
	cookie := admitted.Result().Cookies()[0]
	require.True(t, cookie.HttpOnly)
	require.True(t, cookie.Secure, "it came by TLS")
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.NotContains(t, cookie.Value, word)
	pass := cookie.Name + "=" + cookie.Value
	require.Equal(t, http.StatusOK, ask(h, get(question, "Cookie", pass)).Code)
	require.Equal(t, http.StatusNoContent, ask(h, get("/session", "Cookie", pass)).Code)
	require.Equal(t, http.StatusOK, ask(handler(t, sample(), word), get(question, "Cookie", pass)).Code, "a sibling with the same token takes it")
	require.Equal(t, http.StatusUnauthorized, ask(handler(t, sample(), word+"2"), get(question, "Cookie", pass)).Code, "it ends with its token")
	require.Equal(t, http.StatusForbidden, ask(handler(t, sample(), ""), httptest.NewRequest(http.MethodPost, "http://localhost/login", nil)).Code)
}

func TestAnAddressForOthersNeedsAToken(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		s, err := dashboard.New(dashboard.Config{Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		_, err = s.Listen(t.Context(), address)
		require.ErrorContains(t, err, "api.token_file", address)
	}
	s, err := dashboard.New(dashboard.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	none, err := s.Listen(t.Context(), "")
	require.NoError(t, err)
	require.Nil(t, none)
	l, err := s.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestARecordIsWhatWasAskedFor(t *testing.T) {
	source := sample()
	h := handler(t, source, "")
	for query, status := range map[string]int{
		"": 400, "?window=x": 400, "?window=-900": 400, "?window=900&wallet=0x12": 400, "?window=900&operator=nobody": 400, "?window=900": 404,
		fmt.Sprintf("?window=%d", newest): 200,
	} {
		require.Equal(t, status, ask(h, get("/record"+query)).Code, query)
	}
	require.Equal(t, http.StatusServiceUnavailable, ask(handler(t, nil, ""), get("/record?window=900")).Code, "the node is starting")

	// Of a window of many wallets it has those that concern the operator, and of these no more than one can read.
	leader, culprit, nobody := operator(2), operator(3), operator(9)
	var trace view.Trace
	for n := range 200 {
		w := view.WalletTrace{Window: view.Window{Leader: &leader}}
		if n >= 195 {
			w.Leader, w.Faults = &nobody, []view.Fault{{Culprit: culprit}}
		}
		trace.Wallets = append(trace.Wallets, w)
	}
	source.traces[1800] = trace
	for op, want := range map[chain.Operator][2]int{leader: {50, 145}, culprit: {5, 0}, operator(7): {0, 0}, {}: {50, 150}} {
		query := "/record?window=1800"
		if !op.IsZero() {
			query += "&operator=" + op.String()
		}
		var got dashboard.Record
		require.NoError(t, json.Unmarshal(ask(h, get(query)).Body.Bytes(), &got))
		require.Equal(t, want, [2]int{len(got.Wallets), got.More}, query)
	}
	require.Len(t, source.traces[1800].Wallets, 200, "the source's own is left alone")
}

func TestWhatTheStoreSaysOfItsPathsIsNotToldToViewers(t *testing.T) {
	source := &failing{sample()}
	w := ask(handler(t, source, ""), get("/record?window=900"))
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.NotContains(t, w.Body.String(), "/var/lib")
	require.False(t, bytes.Contains(w.Body.Bytes(), []byte("password")))
}

type failing struct{ *fake }

func (failing) Record(_ context.Context, _ chain.Height, _ *chain.WalletID) (view.Trace, error) {
	return view.Trace{}, errors.New("open /var/lib/walletnode: password")
}
