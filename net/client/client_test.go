package client

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// silent takes a request and never answers. The server sees that its client goes only once it has read the body.
var silent = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
})

func TestAnyInstanceIsAskedAndThoseThatAreDownArePassedOver(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", nil)
		c := w.client(nil, "a", "b", "c", "nowhere")
		defer c.Close()
		answered := map[string]int{}
		for range 40 {
			id, err := name(c.Any(t.Context(), Request{Method: http.MethodGet, Path: "/any"}))
			require.NoError(t, err)
			answered[id]++
		}
		require.Equal(t, 40, answered["b"]+answered["c"])
		require.Equal(t, "Bearer word", w.shown["b:80"])
	})
}

func TestUnreachableInstancesAreSaidToBeSo(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		c := w.client(nil, "x", "y")
		defer c.Close()
		for _, ask := range []func() error{
			func() error {
				_, err := c.Any(t.Context(), Request{Method: http.MethodGet, Path: "/any"})
				return err
			},
			func() error { _, err := who(t.Context(), c); return err },
			func() error { _, err := c.Directory(t.Context()); return err },
			func() error { return c.Watch(t.Context(), "/watch", func(Update) error { return nil }) },
		} {
			err := ask()
			require.ErrorIs(t, err, ErrUnreachable)
			require.ErrorIs(t, err, errDown)
		}
	})
}

func TestAnInstanceThatHangsIsPassedOver(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", silent)
		c := w.client(nil, "a", "b")
		defer c.Close()
		for range 5 {
			began := time.Now()
			id, err := name(c.Any(t.Context(), Request{Method: http.MethodGet, Path: "/any"}))
			require.NoError(t, err)
			require.Equal(t, "b", id)
			require.LessOrEqual(t, time.Since(began), DefaultTimeout, "virtual seconds")
		}
	})
}

func TestAnAnswerThatStopsHalfwayIsAnError(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			_, _ = out.Write([]byte("half"))
			_ = http.NewResponseController(out).Flush()
			<-r.Context().Done()
		}))
		c := w.client(nil, "a")
		defer c.Close()
		response, err := c.Any(t.Context(), Request{Method: http.MethodGet, Path: "/any"})
		require.NoError(t, err)
		_, err = io.ReadAll(response.Body)
		require.ErrorIs(t, err, errSilent)
		require.NoError(t, response.Body.Close())
	})
}

func TestAnInstanceThatIsUnwellIsPassedOver(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		unwell := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			writeJSON(out, http.StatusServiceUnavailable, "starting")
		})
		w.set("a:80", unwell)
		c := w.client(nil, "a", "b")
		defer c.Close()
		for range 5 {
			id, err := name(c.Any(t.Context(), Request{Method: http.MethodGet, Path: "/any"}))
			require.NoError(t, err)
			require.Equal(t, "b", id)
		}
		w.set("b:80", unwell)
		response, err := c.Any(t.Context(), Request{Method: http.MethodGet, Path: "/any"})
		require.NoError(t, err)
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, "if all are, that is the answer")
		require.NoError(t, response.Body.Close())
	})
}

// What may have been carried out is not sent again; what was never sent is.
func TestARequestThatChangesSomethingIsSentOnce(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", silent)
		c := w.client(nil, "a")
		defer c.Close()
		post := Request{Method: http.MethodPost, Path: "/any", Body: []byte("{}")}
		_, err := c.Any(t.Context(), post)
		require.ErrorIs(t, err, ErrUnanswered)
		_, err = c.Wallet(t.Context(), wallet, post)
		require.ErrorIs(t, err, ErrUnanswered)
		require.Equal(t, []string{"a:80 POST /any", "a:80 POST /any"}, w.requests())

		elsewhere := w.client(nil, "x", "y", "b")
		defer elsewhere.Close()
		id, err := name(elsewhere.Any(t.Context(), post))
		require.NoError(t, err)
		require.Equal(t, "b", id)
	})
}

func TestPathsAndQueriesArriveAsTheyAre(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		seen := make(chan string, 1)
		w.set("a:80", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.RequestURI }))
		c := w.client(nil, "a")
		defer c.Close()
		response, err := c.Any(t.Context(), Request{Method: http.MethodGet, Path: "/v1/x/a%2Fb", Query: map[string][]string{"q": {"1 2"}}})
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, "/v1/x/a%2Fb?q=1+2", <-seen)
	})
}

func TestAContextThatEndsIsTheError(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", silent)
		c := w.client(nil, "a", "b")
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.Any(ctx, Request{Method: http.MethodGet, Path: "/any"})
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no bootstrap":        {},
		"too many":            {Bootstrap: make([]string, maxBootstrap+1)},
		"a path":              {Bootstrap: []string{"https://a/b"}},
		"a query":             {Bootstrap: []string{"https://a?b"}},
		"a user":              {Bootstrap: []string{"https://me@a"}},
		"another scheme":      {Bootstrap: []string{"unix:///a"}},
		"no host":             {Bootstrap: []string{"https://"}},
		"a line's end":        {Bootstrap: []string{"https://a\n"}},
		"letters beyond":      {Bootstrap: []string{"https://ä"}},
		"negative":            {Bootstrap: []string{"https://a"}, Timeout: -1},
		"negative as well":    {Bootstrap: []string{"https://a"}, Silence: -1},
		"what cannot be read": {Bootstrap: []string{"https://%zz"}},
	} {
		_, err := New(cfg)
		require.Error(t, err, name)
	}
	require.Equal(t, []origin{{"https", "a:443"}, {"http", "a:80"}, {"http", "[::1]:9"}}, originsOf([]string{"https://A/", "http://a", "http://[::1]:9", "nothing"}))
}
