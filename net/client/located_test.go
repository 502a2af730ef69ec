package client

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
)

// sends answers 307 with where else to ask.
func sends(owner string, urls ...string) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
		writeJSON(out, http.StatusTemporaryRedirect, Redirect{Owner: owner, URLs: urls})
	})
}

// at puts a handler for one path before what an instance answers otherwise.
func (w *world) at(id, path string, h http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/", w.instance(id))
	mux.Handle(path, h)
	w.set(id+":80", mux)
}

func TestWhatOneInstanceHasIsFoundAtIt(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.at("a", "/box", sends("b", "http://b"))
		w.at("b", "/box", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { writeJSON(out, http.StatusOK, "b") }))
		c := w.client(nil, "a")
		defer c.Close()
		id, err := name(c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/box"}))
		require.NoError(t, err)
		require.Equal(t, "b", id)
		require.Equal(t, []string{"a:80 GET /box", "a:80 GET /v1/directory", "b:80 GET /box"}, w.requests())
	})
}

func TestNobodyIsLedToAHostThatTheOperatorDidNotSign(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.at("a", "/box", sends("evil", "http://evil"))
		w.set("evil:80", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { writeJSON(out, http.StatusOK, "evil") }))
		c := w.client(nil, "a")
		defer c.Close()
		_, err := c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/box"})
		require.ErrorIs(t, err, ErrForeignHost)
		require.Zero(t, w.count("evil:80"))
	})
}

// Who asks one instance hears that one, or nobody: another one that answers in its place is not asked.
func TestOneInstanceIsAskedByItsName(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		c := w.client(nil, "a")
		defer c.Close()
		ask := func(id string) (string, error) {
			return name(c.Instance(t.Context(), id, Request{Method: http.MethodGet, Path: "/any"}))
		}
		id, err := ask("b")
		require.NoError(t, err)
		require.Equal(t, "b", id)
		w.set("b:80", nil)
		for range 5 {
			_, err = ask("b")
			require.ErrorIs(t, err, ErrUnreachable)
		}
		_, err = ask("evil")
		require.ErrorIs(t, err, ErrNotListed)
		w.set("a:80", nil)
		id, err = ask("c")
		require.NoError(t, err, "the list is known")
		require.Equal(t, "c", id)
	})
}

func TestInstancesThatNameEachOtherAreLeft(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.at("a", "/box", sends("b", "http://b"))
		w.at("b", "/box", sends("a", "http://a"))
		c := w.client(nil, "a")
		defer c.Close()
		_, err := c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/box"})
		require.ErrorIs(t, err, ErrTooManyHops)
	})
}

func TestAnInstanceThatIsDownOrUnwellIsPassedOver(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", nil)
		w.at("b", "/any", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			writeJSON(out, http.StatusServiceUnavailable, "b")
		}))
		c := w.client(nil, "a", "b", "c")
		defer c.Close()
		for range 10 {
			id, err := name(c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/any"}))
			require.NoError(t, err)
			require.Equal(t, "c", id)
		}
		w.set("c:80", nil)
		response, err := c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/any"})
		require.NoError(t, err)
		closeBody(response)
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
		w.set("b:80", nil)
		_, err = c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/any"})
		require.ErrorIs(t, err, ErrUnreachable)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = c.Located(ctx, Request{Method: http.MethodGet, Path: "/any"})
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestAStreamMayBeSilentForLongerThanAnAnswer(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(out).Flush()
			select {
			case <-time.After(2 * DefaultTimeout): // of the bubble
				writeJSON(out, http.StatusOK, "a")
			case <-r.Context().Done():
			}
		}))
		c := w.client(nil, "a")
		defer c.Close()
		id, err := name(c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/any", Stream: true}))
		require.NoError(t, err)
		require.Equal(t, "a", id)
		_, err = name(c.Located(t.Context(), Request{Method: http.MethodGet, Path: "/any"}))
		require.ErrorIs(t, err, errSilent)
	})
}

func TestATextIsSignedByOneKeyAndInOneWay(t *testing.T) {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("operator")))
	require.NoError(t, err)
	s, err := SignText("text", key)
	require.NoError(t, err)
	by, err := SignerOf("text", s)
	require.NoError(t, err)
	require.Equal(t, crypto.PubkeyToAddress(key.PublicKey).Hex(), by.String())
	other, err := SignerOf("another", s)
	require.True(t, err != nil || other != by)
	for i := range s {
		forged := append(Signature{}, s...)
		forged[i] ^= 1
		who, err := SignerOf("text", forged)
		require.True(t, err != nil || who != by, "byte %d", i)
	}
	_, err = SignerOf("text", s[1:])
	require.ErrorIs(t, err, ErrSignature)
}
