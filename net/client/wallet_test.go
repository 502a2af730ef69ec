package client

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// played runs a test under virtual time, with instances a, b and c, and ends a client's connections before its bubble.
func played(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t)) })
}

func TestARedirectLeadsToTheOwnerWhoIsRemembered(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.says("a", answer{owner: "b", epoch: 3})
		w.says("b", answer{mine: true})
		c := w.client(nil, "a")
		defer c.Close()
		for range 3 {
			id, err := who(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, "b", id)
		}
		require.Equal(t, []string{
			"a:80 GET /wallet", "a:80 GET /v1/directory", "b:80 GET /wallet", "b:80 GET /wallet", "b:80 GET /wallet",
		}, w.requests(), "the owner is asked directly from the second time on")
		require.Equal(t, w.operator(), c.Operator(), "trusted on first use, and told")
	})
}

func TestAForgedRedirectToAForeignHostIsRefused(t *testing.T) {
	for name, urls := range map[string][]string{
		"another host":          {"http://evil"},
		"another port":          {"http://b:81"},
		"another scheme":        {"https://b:80"},
		"a name that looks so":  {"http://b.evil"},
		"a user that looks so":  {"http://b@evil"},
		"a path":                {"http://b/elsewhere"},
		"no URL":                {},
		"none that can be read": {"://", "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			played(t, func(t *testing.T, w *world) {
				foreign := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a foreign host was asked") })
				for _, host := range []string{"evil:80", "b:81", "b.evil:80"} {
					w.set(host, foreign)
				}
				w.says("a", answer{owner: "b", urls: urls, epoch: 3})
				c := w.client(nil, "a")
				defer c.Close()
				_, err := who(t.Context(), c)
				require.ErrorIs(t, err, ErrForeignHost)
				require.Zero(t, w.count("evil:80")+w.count("b:81")+w.count("b.evil:80")+w.count("b:80"), "nobody was even dialled")
			})
		})
	}
}

// One instance in wrong hands must not keep a client from the others.
func TestAForgedRedirectIsPassedOverIfAnotherInstanceKnowsBetter(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.says("a", answer{owner: "b", urls: []string{"http://evil"}, epoch: 99})
		w.says("c", answer{owner: "b", epoch: 3})
		w.says("b", answer{mine: true})
		c := w.client(nil, "a", "c")
		defer c.Close()
		id, err := who(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "b", id)
		require.Zero(t, w.count("evil:80"))
	})
}

func TestARedirectLoopEnds(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.says("a", answer{owner: "b", epoch: 3})
		w.says("b", answer{owner: "a", epoch: 3})
		c := w.client(nil, "a")
		defer c.Close()
		_, err := who(t.Context(), c)
		require.ErrorIs(t, err, ErrTooManyHops)
		require.LessOrEqual(t, len(w.requests()), 3*(MaxHops+2), "each start ends after MaxHops")
	})
}

func TestAfterALoopTheNextInstanceIsAsked(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.says("a", answer{owner: "b", epoch: 3})
		w.says("b", answer{owner: "a", epoch: 3})
		w.says("c", answer{mine: true})
		c := w.client(nil, "a", "b", "c")
		defer c.Close()
		id, err := who(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "c", id)
	})
}

// The owner dies. For the rest of its lease the others name it, then nobody serves the wallet, then b does.
func TestAFailoverNeedsNoHuman(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.says("a", answer{mine: true})
		w.says("b", answer{owner: "a", epoch: 5})
		w.says("c", answer{owner: "a", epoch: 5})
		c := w.client(nil, "b", "c")
		defer c.Close()
		id, err := who(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "a", id)

		w.set("a:80", nil)
		time.AfterFunc(10*time.Second, func() {
			w.says("b", answer{})
			w.says("c", answer{})
		})
		time.AfterFunc(12*time.Second, func() {
			w.says("b", answer{mine: true})
			w.says("c", answer{owner: "b", epoch: 6})
		})
		began := time.Now()
		id, err = who(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "b", id)
		require.Less(t, time.Since(began), 15*time.Second, "virtual seconds")
	})
}

func TestASmallerEpochIsNeverBelievedAgain(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.listed = []string{"a", "b"} // so that c is not begun at
		w.says("a", answer{owner: "b", epoch: 6})
		w.says("b", answer{mine: true})
		c := w.client(nil, "a")
		defer c.Close()
		_, err := who(t.Context(), c)
		require.NoError(t, err)

		w.set("b:80", nil)
		w.says("a", answer{owner: "c", epoch: 5}) // a replica that lags
		w.says("c", answer{mine: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(30*time.Second, func() { w.says("a", answer{mine: true}) })
		id, err := who(ctx, c)
		require.NoError(t, err)
		require.Equal(t, "a", id)
		require.Zero(t, w.count("c:80"), "whom only the smaller epoch names")
	})
}

func TestAWalletThatNobodyServesIsWaitedForWithinTheContext(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		c := w.client(nil, "a", "b")
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, err := who(ctx, c)
		require.ErrorIs(t, err, ErrNoOwner)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		time.AfterFunc(5*time.Second, func() { w.says("b", answer{mine: true}) })
		id, err := who(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "b", id)
	})
}

// An instance that is only being put together must not keep a client from one that knows.
func TestAnInstanceThatStartsIsPassedOver(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			writeJSON(out, http.StatusServiceUnavailable, "starting")
		}))
		w.says("b", answer{mine: true})
		c := w.client(nil, "a", "b")
		defer c.Close()
		for range 5 {
			id, err := who(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, "b", id)
		}
	})
}

func TestAContextThatEndsWhileAnInstanceIsSilentEndsTheQuestion(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("a:80", silent)
		c := w.client(nil, "a")
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := who(ctx, c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// An owner that has several addresses is reached at the first one that answers.
func TestEachURLOfTheOwnerIsTried(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set("b.onion:80", w.instance("b"))
		w.says("b", answer{mine: true})
		w.says("a", answer{owner: "b", urls: []string{"http://b-is-down", "http://b.onion"}, epoch: 1})
		w.listed = []string{"a", "b-is-down", "b.onion"}
		c := w.client(nil, "a")
		defer c.Close()
		id, err := who(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "b", id)
		require.Equal(t, 1, w.count("b-is-down:80"))
	})
}

// An instance that joins later is in the directory by then.
func TestADirectoryIsReadAgainForAHostItDoesNotHaveYet(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.says("a", answer{owner: "b", epoch: 1})
		w.says("b", answer{mine: true})
		c := w.client(nil, "a")
		defer c.Close()
		_, err := who(t.Context(), c)
		require.NoError(t, err)
		time.Sleep(time.Second) // virtual: directories are told apart by the second
		w.set("d:80", w.instance("d"))
		w.says("d", answer{mine: true})
		w.listed = append(w.listed, "d")
		w.says("a", answer{owner: "d", epoch: 2})
		w.says("b", answer{owner: "d", epoch: 2})
		id, err := who(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "d", id)
	})
}

func TestADirectoryOfAnotherOperatorIsNotBelieved(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.says("a", answer{owner: "b", epoch: 1})
		w.says("b", answer{mine: true})
		pinned := w.client(func(cfg *Config) { cfg.Operator = chain.Operator{1} }, "a")
		defer pinned.Close()
		_, err := who(t.Context(), pinned)
		require.ErrorIs(t, err, ErrForeignHost)
		require.ErrorIs(t, err, ErrOtherOperator)
		_, err = pinned.Directory(t.Context())
		require.ErrorIs(t, err, ErrOtherOperator)

		first := w.client(nil, "a")
		defer first.Close()
		_, err = first.Directory(t.Context())
		require.NoError(t, err)
		other, err := crypto.ToECDSA(crypto.Keccak256([]byte("other")))
		require.NoError(t, err)
		w.key = other
		_, err = first.Directory(t.Context())
		require.ErrorIs(t, err, ErrOtherOperator, "the one trusted first stays the one")
	})
}

// A copy from before an instance was given up must not bring its hosts back.
func TestAnOlderDirectoryDoesNotReplaceANewerOne(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		c := w.client(nil, "a")
		defer c.Close()
		old := w.directory()
		time.Sleep(time.Minute)
		w.listed = []string{"a"}
		_, err := c.Directory(t.Context())
		require.NoError(t, err)
		w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { writeJSON(out, http.StatusOK, old) }))
		have, err := c.Directory(t.Context())
		require.NoError(t, err)
		require.Len(t, have.Instances, 1)
	})
}

func TestWhatIsNoRedirectIsRefused(t *testing.T) {
	for name, body := range map[string]string{"not JSON": "<html>", "too long": `{"owner":"` + strings.Repeat("a", maxRedirect) + `"}`, "empty": ""} {
		t.Run(name, func(t *testing.T) {
			played(t, func(t *testing.T, w *world) {
				w.set("a:80", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
					out.Header().Set("Location", "http://b/")
					out.WriteHeader(http.StatusTemporaryRedirect)
					_, _ = out.Write([]byte(body))
				}))
				c := w.client(nil, "a")
				defer c.Close()
				_, err := who(t.Context(), c)
				require.ErrorIs(t, err, ErrForeignHost)
				require.Zero(t, w.count("b:80"))
			})
		})
	}
}

func TestOwnersThatAreRememberedAreBounded(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		c := w.client(nil, "a")
		defer c.Close()
		require.NoError(t, c.trust(w.directory()))
		for i := range maxOwners + 10 {
			id := chain.WalletID{byte(i), byte(i >> 8), byte(i >> 16)}
			_, err := c.follow(t.Context(), id, nil, Redirect{URLs: []string{"http://b"}, Epoch: 1})
			require.NoError(t, err)
		}
		require.Len(t, c.owners, maxOwners)
	})
}
