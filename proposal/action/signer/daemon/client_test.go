package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// impostor is a server with the real one's key that answers what it likes.
func (w *world) impostor(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewUnstartedServer(answer)
	server.EnableHTTP2 = true
	server.TLS = serverTLS(w.self, func(Fingerprint) error { return nil })
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// says answers every request with one text.
func says(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", mediaJSON)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func to(url string) func(*Config) { return func(c *Config) { c.URL = url } }

func TestBadInputAChangedBackendKey(t *testing.T) {
	w := newWorld(t)
	other, _, _ := identity(t)
	c := w.dial(t, func(c *Config) { c.Fingerprint = other.Fingerprint })
	for name, call := range w.calls() {
		err := call(c, t.Context())
		require.ErrorIs(t, err, ErrOtherBackend, name)
		require.NotErrorIs(t, err, ErrUnreachable, name)
		require.ErrorContains(t, err, w.self.Fingerprint.String(), "%s: which key it has is told", name)
		require.ErrorContains(t, err, other.Fingerprint.String(), name)
	}
	require.Empty(t, w.backend.heard(), "nothing was said to it")
}

// gone returns the URL of an address at which nobody listens.
func gone(t *testing.T) string {
	t.Helper()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return "https://" + l.Addr().String()
}

func TestTheBackupURLLeadsToTheSameBackend(t *testing.T) {
	w := newWorld(t)
	dead := gone(t)
	c := w.dial(t, func(c *Config) { c.URL, c.BackupURL = dead, w.url })
	for name, call := range w.calls() {
		require.NoError(t, call(c, t.Context()), name)
	}
	require.Equal(t, int32(1), c.usable.Load(), "the next call begins with the one that answers")

	// Another key behind the backup is another backend.
	stranger := newWorld(t)
	c = w.dial(t, func(c *Config) { c.URL, c.BackupURL = dead, stranger.url })
	_, err := c.Key(t.Context(), w.key.Wallet)
	require.ErrorIs(t, err, ErrOtherBackend)
	require.Empty(t, stranger.backend.heard())
}

func TestHealthBringsTheFirstURLBack(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t, func(c *Config) { c.BackupURL = w.url + "/" })
	c.usable.Store(1)
	_, err := c.Key(t.Context(), w.key.Wallet)
	require.NoError(t, err)
	require.Equal(t, int32(1), c.usable.Load())
	_, err = c.Health(t.Context())
	require.NoError(t, err)
	require.Zero(t, c.usable.Load())
}

func TestABackendThatIsDownIsUnreachable(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t, to(gone(t)), func(c *Config) { c.Read, c.Sign, c.Generate = time.Millisecond, time.Millisecond, time.Millisecond })
	for name, call := range w.calls() {
		require.ErrorIs(t, call(c, t.Context()), ErrUnreachable, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Health(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrUnreachable, "the caller's own wish is no fault of the backend")
}

// A backend that takes connections and requests, and does not answer.
func TestBadInputABackendThatAnswersSlowly(t *testing.T) {
	w := newWorld(t)
	url := w.impostor(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := w.dial(t, to(url), func(c *Config) {
		c.Health, c.Read, c.Sign, c.Generate = 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond, 100*time.Millisecond
	})
	for name, call := range w.calls() {
		require.ErrorIs(t, call(c, t.Context()), ErrUnreachable, name)
	}
	// One that begins to answer, and goes on for ever.
	url = w.impostor(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaJSON)
		_, _ = io.WriteString(w, `{"keys":[`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	c = w.dial(t, to(url), func(c *Config) { c.Read = 100 * time.Millisecond })
	_, err := c.Keys(t.Context(), nil, 1)
	require.ErrorIs(t, err, ErrUnreachable)
}

// An address that swallows everything leaves the backup its part of the time.
func TestASilentFirstURLLeavesTimeForTheBackup(t *testing.T) {
	w := newWorld(t)
	silent, err := stdnet.Listen("tcp", "127.0.0.1:0") // the system takes the connections, and nobody answers
	require.NoError(t, err)
	defer silent.Close()
	c := w.dial(t, func(c *Config) { c.URL, c.BackupURL, c.Read = "https://"+silent.Addr().String(), w.url, 8*time.Second })
	_, err = c.Key(t.Context(), w.key.Wallet)
	require.NoError(t, err)
}

// A reply that is lost is asked for again with the same bytes.
func TestALostReplyIsAskedForAgainByteForByte(t *testing.T) {
	w := newWorld(t)
	reply, err := marshal(signer.RoundReply{Out: []signer.Parcel{{Data: []byte("x")}}})
	require.NoError(t, err)
	var mu sync.Mutex
	var heard [][]byte
	url := w.impostor(t, func(rw http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		heard = append(heard, append([]byte(r.URL.Path), raw...))
		lost := len(heard) < 3
		mu.Unlock()
		if lost {
			panic(http.ErrAbortHandler) // the connection breaks
		}
		says(http.StatusOK, string(reply))(rw, r)
	})
	got, err := w.dial(t, to(url)).Sign(t.Context(), signer.SignRound{Session: w.session, Round: 1, Open: w.opening()})
	require.NoError(t, err)
	require.Equal(t, []byte("x"), got.Out[0].Data)
	require.Len(t, heard, 3)
	require.True(t, bytes.Equal(heard[0], heard[1]) && bytes.Equal(heard[1], heard[2]))
}

func TestBadInputABackendThatAnswersTwice(t *testing.T) {
	w := newWorld(t)
	url := w.impostor(t, says(http.StatusOK, `{"out":[]}{"out":[]}`))
	_, err := w.dial(t, to(url)).Sign(t.Context(), signer.SignRound{Session: w.session, Round: 2})
	require.ErrorIs(t, err, errUnfit)
	require.ErrorContains(t, err, "it answers twice")

	// The same round, asked twice, has one reply.
	said := 0
	c := w.dial(t, to(w.impostor(t, func(rw http.ResponseWriter, r *http.Request) {
		said++
		says(http.StatusOK, fmt.Sprintf(`{"out":[{"data":"AAA%d"}]}`, min(said, 3)%3))(rw, r)
	})))
	ask := signer.SignRound{Session: w.session, Round: 2, In: [][]byte{[]byte("a")}}
	_, err = c.Sign(t.Context(), ask)
	require.NoError(t, err)
	_, err = c.Sign(t.Context(), ask)
	require.ErrorIs(t, err, errUnfit)
	require.ErrorContains(t, err, "twice, and differently")
	ask.In = [][]byte{[]byte("b")}
	for range 2 {
		_, err = c.Sign(t.Context(), ask)
		require.NoError(t, err, "another question has an answer of its own, and it stays the same")
	}
}

func TestRepliesAreRememberedWithinBounds(t *testing.T) {
	m := replies{known: map[[32]byte][32]byte{}}
	for i := range maxReplies + 10 {
		require.NoError(t, m.same(fmt.Sprint(i), nil, signer.RoundReply{}))
	}
	require.Len(t, m.known, maxReplies)
	require.Len(t, m.order, maxReplies)
	other := signer.RoundReply{Out: []signer.Parcel{{}}}
	require.NoError(t, m.same("9", nil, other), "the oldest are forgotten")
	require.Error(t, m.same(fmt.Sprint(maxReplies), nil, other))
}

// asJSON is a document as an object, to be changed.
func asJSON(t *testing.T, v any) object {
	t.Helper()
	raw, err := marshal(v)
	require.NoError(t, err)
	var out object
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func TestBadInputAnotherWalletsKey(t *testing.T) {
	w := newWorld(t)
	foreign := w.foreign
	mixed := w.key // the right name over another key
	mixed.GroupKey = foreign.GroupKey
	short := w.key
	short.Verification = map[chain.Seat]signer.HexBytes{1: bytes.Repeat([]byte{1}, 33)}
	holes := w.key
	holes.Verification = map[chain.Seat]signer.HexBytes{1: w.key.Verification[1], 2: w.key.Verification[2], 200: w.key.Verification[3]}
	seats := w.key
	seats.Seats = []chain.Seat{3, 3}
	above := w.key
	above.Threshold = 4
	empty := w.key
	empty.GroupKey = nil
	for name, k := range map[string]signer.KeyDetail{
		"another wallet's": foreign, "another key under its name": mixed, "shares missing": short, "shares of no seat": holes,
		"doubled seats": seats, "a threshold above the seats": above, "no key": empty,
	} {
		raw, err := marshal(k)
		require.NoError(t, err)
		_, err = w.dial(t, to(w.impostor(t, says(http.StatusOK, string(raw))))).Key(t.Context(), w.key.Wallet)
		require.ErrorIs(t, err, errUnfit, name)

		made, err := marshal(signer.RoundReply{Done: &signer.Outcome{Key: &k}})
		require.NoError(t, err)
		c := w.dial(t, to(w.impostor(t, says(http.StatusOK, string(made)))))
		_, err = c.Generate(t.Context(), signer.GenerateRound{Session: w.session, Round: 3})
		require.ErrorIs(t, err, errUnfit, name)
	}
	lists := map[string][]signer.Key{
		"twice": {w.key.Key, w.key.Key}, "mixed": {mixed.Key}, "too many": {w.backend.keys[0].Key, w.backend.keys[1].Key, w.backend.keys[1].Key},
		"descending": {w.backend.keys[1].Key, w.backend.keys[0].Key},
	}
	for name, list := range lists {
		raw, err := marshal(KeyList{list})
		require.NoError(t, err)
		_, err = w.dial(t, to(w.impostor(t, says(http.StatusOK, string(raw))))).Keys(t.Context(), nil, 2)
		require.ErrorIs(t, err, errUnfit, name)
	}
	raw, err := marshal(KeyList{[]signer.Key{w.backend.keys[0].Key}})
	require.NoError(t, err)
	_, err = w.dial(t, to(w.impostor(t, says(http.StatusOK, string(raw))))).Keys(t.Context(), &w.backend.keys[0].Wallet, 2)
	require.ErrorContains(t, err, "does not follow", "a page that begins where the last one ended would never end")
}

func TestAnAnswerThatFitsNothingIsRefused(t *testing.T) {
	w := newWorld(t)
	sign := func(b signer.Backend, ctx context.Context) error {
		_, err := b.Sign(ctx, signer.SignRound{Session: w.session, Round: 2})
		return err
	}
	generate := func(b signer.Backend, ctx context.Context) error {
		_, err := b.Generate(ctx, signer.GenerateRound{Session: w.session, Round: 2})
		return err
	}
	calls := w.calls()
	calls["sign"], calls["generate"] = sign, generate
	whole, err := marshal(signer.RoundReply{Done: &signer.Outcome{Key: &w.key}})
	require.NoError(t, err)
	for name, row := range map[string]struct {
		call   string
		status int
		text   string
	}{
		"no document":                   {"key", 200, ``},
		"another form":                  {"keys", 200, `[]`},
		"a redirect":                    {"key", 302, `{}`},
		"a code that is unknown":        {"key", 418, `{"error":"x","code":"teapot"}`},
		"a status that is another's":    {"key", 410, `{"error":"x","code":"frozen"}`},
		"an error without a code":       {"key", 410, `{"error":"x"}`},
		"a refusal without a rule":      {"sign", 412, `{"error":"x","code":"refused"}`},
		"a rule that is none":           {"sign", 412, `{"error":"x","code":"refused","rule":"slot\u001b[2J"}`},
		"a rule without end":            {"sign", 412, `{"error":"x","code":"refused","rule":"` + strings.Repeat("a", 1000) + `"}`},
		"a health of nobody":            {"health", 200, `{}`},
		"a health with a strange error": {"health", 507, `{}`},
		"no key to seal to":             {"seal to", 200, `{"seal_to":"` + strings.Repeat("0", 64) + `"}`},
		"another session":               {"session", 200, `{"session":"` + strings.Repeat("0", 64) + `"}`},
		"another wallet's protection":   {"protection", 200, `{"wallet":"` + w.foreign.Wallet.String() + `"}`},
		"a short signature":             {"sign", 200, `{"done":{"signature":"00"}}`},
		"a key for a signature":         {"sign", 200, string(whole)},
		"a signature for a key":         {"generate", 200, `{"done":{"signature":"` + strings.Repeat("0", 128) + `"}}`},
		"nothing for a key":             {"generate", 200, `{"done":{}}`},
		"a culprit without a seat":      {"sign", 200, `{"culprits":[{"seat":0,"operator":"` + chain.Operator{1}.String() + `","detail":""}]}`},
		"an outcome with culprits":      {"sign", 200, `{"done":{"signature":"` + strings.Repeat("0", 128) + `"},"culprits":[{"seat":1,"operator":"` + chain.Operator{1}.String() + `","detail":""}]}`},
		"parcels without end":           {"sign", 200, `{"out":[` + strings.Repeat(`{"data":""},`, maxParcels) + `{"data":""}]}`},
		"more than any answer has":      {"sign", 200, strings.Repeat(" ", maxAnswer+1)},
		"a document where none is":      {"abort", 200, `{}`},
		"no document where one is":      {"session", 204, ``},
	} {
		err := calls[row.call](w.dial(t, to(w.impostor(t, says(row.status, row.text)))), t.Context())
		require.ErrorIs(t, err, errUnfit, "%s: %v", name, err)
	}
	url := w.impostor(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `{}`)
	})
	_, err = w.dial(t, to(url)).Session(t.Context(), w.session)
	require.ErrorIs(t, err, errUnfit)
	require.ErrorContains(t, err, "text/html")
}

func TestANewerBackendMayTellMore(t *testing.T) {
	w := newWorld(t)
	doc := asJSON(t, w.key)
	doc["colour"] = "blue"
	raw, err := marshal(doc)
	require.NoError(t, err)
	key, err := w.dial(t, to(w.impostor(t, says(http.StatusOK, string(raw))))).Key(t.Context(), w.key.Wallet)
	require.NoError(t, err)
	require.Equal(t, w.key, key)
}

func TestALongErrorIsCutOff(t *testing.T) {
	err := errorOf(http.StatusLocked, Problem{Error: strings.Repeat("x", 1<<20), Code: "frozen"})
	require.ErrorIs(t, err, signer.ErrFrozen)
	require.Less(t, len(err.Error()), 2000)
}

// What a backend writes ends in logs and on terminals: it brings no control characters there.
func TestWhatABackendWritesCanBeShown(t *testing.T) {
	w := newWorld(t)
	hostile := "seat \x04 \x1b[2J\nerror=none"
	reply := signer.RoundReply{Culprits: []signer.Culprit{{Seat: 4, By: chain.Operator{1}, Detail: hostile}}}
	raw, err := marshal(reply)
	require.NoError(t, err)
	c := w.dial(t, to(w.impostor(t, says(http.StatusOK, string(raw)))))
	have, err := c.Sign(t.Context(), signer.SignRound{Session: w.session, Round: 2})
	require.NoError(t, err)
	require.Equal(t, signer.Printable(hostile), have.Culprits[0].Detail)
	require.NotContains(t, have.Culprits[0].Detail, "\x1b")

	bad := w.backend.health
	bad.Detail, bad.Version = hostile, hostile
	raw, err = marshal(bad)
	require.NoError(t, err)
	health, err := w.dial(t, to(w.impostor(t, says(http.StatusOK, string(raw))))).Health(t.Context())
	require.NoError(t, err)
	require.Equal(t, signer.Printable(hostile), health.Detail)
	require.Equal(t, signer.Printable(hostile), health.Version)

	frozen := w.key
	frozen.State, frozen.Why = signer.KeyFrozen, hostile
	raw, err = marshal(frozen)
	require.NoError(t, err)
	key, err := w.dial(t, to(w.impostor(t, says(http.StatusOK, string(raw))))).Key(t.Context(), w.key.Wallet)
	require.NoError(t, err)
	require.Equal(t, signer.Printable(hostile), key.Why)

	require.NotContains(t, errorOf(http.StatusLocked, Problem{Error: hostile, Code: "frozen"}).Error(), "\x1b")
	_, told := problemOf(fmt.Errorf("%w: %s", signer.ErrFrozen, hostile))
	require.NotContains(t, told.Error, "\x1b", "nor does it leave")
}

func TestDialSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	for why, change := range map[string]func(*Config){
		"want a URL like https": func(c *Config) { c.URL = "http://127.0.0.1:1" },
		`"": want a URL`:        func(c *Config) { c.URL = "" },
		"10.0.0.7:9720":         func(c *Config) { c.URL = "https://h/path" },
		`"https://u@h:1"`:       func(c *Config) { c.BackupURL = "https://u@h:1" },
		"no fingerprint":        func(c *Config) { c.Fingerprint = Fingerprint{} },
		"read certificate":      func(c *Config) { c.Certificate = "/none" },
		"certificate's key":     func(c *Config) { c.Key = "/none" },
		"less than nothing":     func(c *Config) { c.Sign = -1 },
		"SOCKS5 proxy":          func(c *Config) { c.Proxy = "http://h" },
		"private key":           func(c *Config) { _, _, c.Key = identity(t) },
	} {
		config := w.config
		change(&config)
		_, err := Dial(config)
		require.ErrorContains(t, err, why)
	}
}

func TestTheDefaultsAreThoseOfTheProtocol(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t, func(c *Config) { c.Health, c.Read, c.Sign, c.Generate = 0, 0, 0, 0 })
	require.Equal(t, []time.Duration{time.Second, 10 * time.Second, 5 * time.Second, time.Minute}, []time.Duration{c.limits.Health, c.limits.Read, c.limits.Sign, c.limits.Generate})
}

// Whatever ALPN comes to, the same is answered.
func TestBothVersionsOfHTTPAreSpoken(t *testing.T) {
	w := newWorld(t)
	for _, protocol := range []string{"h2", "http/1.1"} {
		connection, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{ //nolint:gosec // the test's own server
			InsecureSkipVerify: true, Certificates: []tls.Certificate{w.node.Certificate}, NextProtos: []string{protocol},
		})
		require.NoError(t, err)
		require.Equal(t, protocol, connection.ConnectionState().NegotiatedProtocol)
		require.NoError(t, connection.Close())
	}
	response, served := w.send(t, w.raw(t, w.node), http.MethodGet, "/openapi.json", "")
	require.JSONEq(t, string(document), served)
	require.Equal(t, 1, response.ProtoMajor)
	require.Equal(t, http.StatusOK, response.StatusCode)
}

// All wallets sign when a window ends. Their time begins when it is their turn, and the server is never too busy for them.
func TestManyCallsAtOnceWaitForTheirTurn(t *testing.T) {
	const calls = 5 * maxCalls
	w := newWorld(t)
	w.backend.entered, w.backend.released = make(chan struct{}, calls), make(chan struct{})
	c := w.dial(t)
	ended := make(chan error, calls)
	for i := range calls {
		go func() {
			_, err := c.Sign(t.Context(), signer.SignRound{Session: w.session, Round: 2, In: [][]byte{{byte(i)}}})
			ended <- err
		}()
	}
	for range maxCalls {
		<-w.backend.entered
	}
	_, err := c.Health(t.Context())
	require.NoError(t, err, "health waits for nobody")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Key(ctx, w.key.Wallet)
	require.ErrorIs(t, err, context.Canceled)
	close(w.backend.released)
	for range calls {
		require.NoError(t, <-ended)
	}
	require.Equal(t, maxCalls, w.backend.most)
}
