package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/openapitest"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestABackendBehindHTTPAnswersAsItDoesItself(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	ctx := t.Context()

	health, err := c.Health(ctx)
	require.NoError(t, err)
	require.Equal(t, w.backend.health, health)

	keys, err := c.Keys(ctx, nil, 1)
	require.NoError(t, err)
	require.Equal(t, []signer.Key{w.backend.keys[0].Key}, keys)
	keys, err = c.Keys(ctx, &w.backend.keys[0].Wallet, 5000)
	require.NoError(t, err)
	require.Equal(t, []signer.Key{w.backend.keys[1].Key}, keys)
	keys, err = c.Keys(ctx, &w.backend.keys[1].Wallet, 5)
	require.NoError(t, err)
	require.Empty(t, keys)

	key, err := c.Key(ctx, w.key.Wallet)
	require.NoError(t, err)
	require.Equal(t, w.key, key)

	w.backend.asked = nil
	asked := signer.SignRound{Session: w.session, Round: 1, Term: signer.Term{Generation: 2, Epoch: 3}, Open: w.opening()}
	asked.Open.Intent.Transaction = &signer.Transaction{Raw: []byte{1}, Prevouts: []signer.Prevout{{Value: 5, Script: []byte{2}}}, Previous: [][]byte{{3}}}
	reply, err := c.Sign(ctx, asked)
	require.NoError(t, err)
	require.Equal(t, w.backend.reply, reply)
	next := signer.SignRound{Session: w.session, Round: 2, In: [][]byte{[]byte("signed"), []byte("too")}}
	w.backend.reply = signer.RoundReply{Done: &signer.Outcome{Signature: make([]byte, 64)}}
	reply, err = c.Sign(ctx, next)
	require.NoError(t, err)
	require.Equal(t, w.backend.reply, reply)

	begin := signer.GenerateRound{Session: w.session, Round: 1, Open: &signer.Opening{Invitation: []byte("i"), Acceptances: [][]byte{{1}, {2}}, Self: chain.Operator{1}, Height: 5}}
	w.backend.reply = signer.RoundReply{Done: &signer.Outcome{Key: &w.key}}
	reply, err = c.Generate(ctx, begin)
	require.NoError(t, err)
	require.Equal(t, w.backend.reply, reply)

	state, err := c.Session(ctx, w.session)
	require.NoError(t, err)
	require.Equal(t, w.session, state.Session)
	require.Equal(t, w.key.Wallet, state.Wallet)
	require.NoError(t, c.Abort(ctx, w.session))
	require.NoError(t, c.Abort(ctx, signer.SessionID{77}), "what was never begun is left as it is")
	protection, err := c.Protection(ctx, w.key.Wallet)
	require.NoError(t, err)
	require.Equal(t, uint64(7), protection.Signatures)
	change := signer.StateChange{State: signer.KeyActive, Term: signer.Term{Epoch: 1}, Record: []byte("all signed")}
	require.NoError(t, c.SetState(ctx, w.key.Wallet, change))
	require.Equal(t, []any{asked, next, begin, w.session, w.key.Wallet, change}, w.backend.heard())
}

func TestABackendThatCannotWriteSaysSoInItsHealth(t *testing.T) {
	w := newWorld(t)
	w.backend.health.StoreOK, w.backend.health.Detail = false, "the disk is full"
	health, err := w.dial(t).Health(t.Context())
	require.NoError(t, err)
	require.Equal(t, w.backend.health, health)
	response, _ := w.send(t, w.raw(t, w.node), http.MethodGet, "/v1/health", "")
	require.Equal(t, http.StatusInsufficientStorage, response.StatusCode)
}

// Each error of a backend, through the server and the client, is the same error to the caller.
func TestErrorsTravelBothWays(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t, func(c *Config) { c.Sign, c.Read, c.Generate, c.Health = patience, patience, patience, patience })
	for _, v := range verdicts {
		if v.err == nil || v.code == "no_route" || v.code == "not_kept" || v.code == "too_large" || v.code == "busy" { // the last is asked again, see below
			continue
		}
		w.backend.fail(fmt.Errorf("why it is so: %w", v.err))
		_, err := c.Sign(t.Context(), signer.SignRound{Session: w.session, Round: 1, Open: w.opening()})
		require.ErrorIs(t, err, v.err, v.code)
		require.ErrorContains(t, err, "why it is so")
		_, err = c.Generate(t.Context(), signer.GenerateRound{Session: w.session, Round: 1, Open: &signer.Opening{Self: chain.Operator{1}}})
		require.ErrorIs(t, err, v.err, v.code)
		for _, other := range verdicts {
			if other.err != nil && other.code != v.code {
				require.NotErrorIs(t, err, other.err, v.code)
			}
		}
	}
	refused := &signer.Refused{Rule: signer.RuleSlot, Detail: "the window is bound to aa"}
	w.backend.fail(fmt.Errorf("sign: %w", refused))
	_, err := c.Sign(t.Context(), signer.SignRound{Session: w.session, Round: 1, Open: w.opening()})
	var have *signer.Refused
	require.ErrorAs(t, err, &have)
	require.Equal(t, refused, have)
	require.Contains(t, w.log.String(), "rule=slot")

	w.backend.fail(errors.New("something odd"))
	_, err = c.Sign(t.Context(), signer.SignRound{Session: w.session, Round: 1, Open: w.opening()})
	require.ErrorContains(t, err, `500 failed: "something odd"`)
}

// answersOf lists which statuses a route's document has.
func answersOf(doc object, r route) map[string]bool {
	found := map[string]bool{}
	for status := range doc["paths"].(object)[r.path].(object)[strings.ToLower(r.method)].(object)["responses"].(object) {
		found[status] = true
	}
	return found
}

// Every route answers every error with a status that its document has, in the form that the document says; and every status
// of the document can be the answer.
func TestEveryAnswerIsInTheDocument(t *testing.T) {
	w := newWorld(t)
	var doc object
	require.NoError(t, json.Unmarshal(document, &doc))
	c := w.raw(t, w.node)
	replace := strings.NewReplacer("{wallet}/dkg", w.session.Placeholder().String()+"/dkg", "{wallet}", w.key.Wallet.String(), "{session}", w.session.String(), "{r}", "1")
	open, err := marshal(SignBody{Open: w.opening()})
	require.NoError(t, err)
	bodies := map[string]string{
		"/v1/sign/{session}/round/{r}":              string(open),
		"/v1/keys/{wallet}/dkg/{session}/round/{r}": `{"term":{"generation":0,"epoch":0},"open":{"invitation":"","acceptances":[],"self":"` + chain.Operator{1}.String() + `","height":1}}`,
		"/v1/keys/{wallet}/state":                   `{"state":"frozen","term":{"generation":0,"epoch":0}}`,
	}
	errs := []error{nil, errors.New("odd"), signer.Refuse(signer.RuleFee, "too much")}
	for _, v := range verdicts {
		if v.err != nil {
			errs = append(errs, v.err)
		}
	}
	asked := 0
	w.server.SetFeed(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked%2 == 0 {
			http.Error(w, "of that nothing", http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte("kept"))
	}))
	for _, r := range routes() {
		t.Run(r.method+r.path, func(t *testing.T) {
			listed, seen := answersOf(doc, r), map[string]bool{}
			note := func(response answer, raw string) {
				status := strconv.Itoa(response.StatusCode)
				require.True(t, listed[status], "status %s: %s", status, raw)
				seen[status] = true
				described := doc["paths"].(object)[r.path].(object)[strings.ToLower(r.method)].(object)["responses"].(object)[status].(object)
				content, some := described["content"].(object)
				require.Equal(t, some, raw != "")
				if some && content[mediaBytes] != nil {
					require.Equal(t, "kept", raw)
				} else if some {
					var have any
					require.NoError(t, json.Unmarshal([]byte(raw), &have))
					require.NoError(t, openapitest.Conforms(doc, content[mediaJSON].(object)["schema"].(object), have, "answer"))
				}
				if described["headers"] != nil {
					require.Equal(t, "1", response.Header.Get("Retry-After"))
				}
			}
			path := replace.Replace(r.path)
			for _, err := range errs {
				w.backend.fail(err)
				w.backend.keyErr, w.backend.stateErr = err, err
				note(w.send(t, c, r.method, path, bodies[r.path]))
			}
			w.backend.fail(nil)
			w.backend.keyErr, w.backend.stateErr = nil, nil
			w.server.SetAccess(Access{}) // while the connection is open
			note(w.send(t, c, r.method, path, bodies[r.path]))
			w.permit(t, roles(), "*")
			note(w.send(t, c, r.method, path+"?more=1", bodies[r.path]))
			if r.body != nil {
				note(w.send(t, c, r.method, path, strings.Repeat(" ", maxBody+1)))
			}
			for range maxRequests {
				w.server.slots <- struct{}{}
			}
			note(w.send(t, c, r.method, path, bodies[r.path]))
			for range maxRequests {
				<-w.server.slots
			}
			require.Equal(t, listed, seen)
		})
	}
}

func TestWhatIsNoRouteIsTold(t *testing.T) {
	w := newWorld(t)
	c := w.raw(t, w.node)
	for _, ask := range []string{
		"GET /", "GET /v1", "DELETE /v1/keys", "POST /v1/health", "GET /v1/keys/x/dkg/y/round/1", "PUT /v1/keys/a/state",
		"POST /v1/keys/" + w.key.Wallet.String() + "/export", "GET /v1/keys/" + w.key.Wallet.String() + "/export", "POST /v1/import",
	} {
		method, path, _ := strings.Cut(ask, " ")
		response, raw := w.send(t, c, method, path, "")
		require.Equal(t, http.StatusNotFound, response.StatusCode, ask)
		require.Contains(t, raw, `"code":"no_route"`, ask)
	}
}

// What a client means by something that nobody hears is worse than an error.
func TestARequestIsReadStrictly(t *testing.T) {
	w := newWorld(t)
	c := w.raw(t, w.node)
	sign, state := "/v1/sign/"+w.session.String()+"/round/", "/v1/keys/"+w.key.Wallet.String()+"/state"
	dkg := "/v1/keys/" + w.session.Placeholder().String() + "/dkg/" + w.session.String() + "/round/"
	open, err := marshal(SignBody{Open: w.opening()})
	require.NoError(t, err)
	for name, row := range map[string]struct{ method, path, body, why string }{
		"unknown field":             {"POST", state, `{"state":"frozen","term":{"generation":0,"epoch":0},"force":true}`, "unknown field"},
		"unknown field, deep":       {"POST", sign + "2", `{"term":{"generation":0,"epoch":0,"more":1}}`, "unknown field"},
		"two documents":             {"POST", sign + "2", `{"term":{"generation":0,"epoch":0}}{}`, "something follows"},
		"no document":               {"POST", sign + "2", ``, "EOF"},
		"not JSON":                  {"POST", sign + "2", `term`, "invalid character"},
		"bytes that are not base64": {"POST", sign + "2", `{"term":{"generation":0,"epoch":0},"in":["*"]}`, "illegal base64"},
		"a negative epoch":          {"POST", sign + "2", `{"term":{"generation":0,"epoch":-1}}`, "epoch"},
		"round 0":                   {"POST", sign + "0", `{}`, "not a number from 1"},
		"round 65":                  {"POST", sign + "65", `{}`, "not a number from 1"},
		"round 01":                  {"POST", sign + "01", string(open), "not a number from 1"},
		"an opening in round 2":     {"POST", sign + "2", string(open), "open stands in round 1"},
		"no opening in round 1":     {"POST", sign + "1", `{"term":{"generation":0,"epoch":0}}`, "open stands in round 1"},
		"an opening in dkg round 2": {"POST", dkg + "2", `{"term":{"generation":0,"epoch":0},"open":{"invitation":"","acceptances":[],"self":"` + chain.Operator{}.String() + `","height":1}}`, "open stands in round 1"},
		"a foreign placeholder":     {"POST", "/v1/keys/" + w.key.Wallet.String() + "/dkg/" + w.session.String() + "/round/2", `{}`, "goes by"},
		"a foreign wallet's key":    {"GET", "/v1/keys/" + w.key.Wallet.String() + "/dkg/" + w.session.String(), ``, "goes by"},
		"a short session":           {"GET", "/v1/sign/00", ``, "64 hex digits"},
		"a short wallet":            {"GET", "/v1/keys/0x00", ``, "wallet"},
		"a pending wish":            {"POST", state, `{"state":"pending","term":{"generation":0,"epoch":0}}`, "want active or frozen"},
		"a limit of 0":              {"GET", "/v1/keys?limit=0", ``, "limit"},
		"a limit of 1001":           {"GET", "/v1/keys?limit=1001", ``, "limit"},
		"an empty after":            {"GET", "/v1/keys?after=", ``, "after"},
		"twice":                     {"GET", "/v1/keys?limit=1&limit=2", ``, "2 times"},
		"an unknown parameter":      {"GET", "/v1/health?deep=1", ``, "no parameter"},
		"a body where none is":      {"GET", "/v1/health", `{}`, "takes no body"},
		"an abort with a body":      {"POST", "/v1/sign/" + w.session.String() + "/abort", `{}`, "takes no body"},
	} {
		response, raw := w.send(t, c, row.method, row.path, row.body)
		require.Equal(t, http.StatusBadRequest, response.StatusCode, "%s: %s", name, raw)
		require.Contains(t, raw, row.why, name)
	}
	response, raw := w.send(t, c, http.MethodPost, sign+"2", `{"in":["`+strings.Repeat("A", maxBody)+`"]}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)
	require.Contains(t, raw, "more than 16777216 bytes")
	require.Empty(t, w.backend.heard())
}

func TestABusyServerIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	w.backend.entered, w.backend.released = make(chan struct{}, maxRequests), make(chan struct{})
	for range maxRequests - 1 {
		w.server.slots <- struct{}{}
	}
	c := w.dial(t)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Sign(t.Context(), signer.SignRound{Session: w.session, Round: 1, Open: w.opening()})
		ended <- err
	}()
	<-w.backend.entered
	response, _ := w.send(t, w.raw(t, w.node), http.MethodGet, "/v1/health", "")
	require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	_, err := c.Health(t.Context())
	require.ErrorIs(t, err, signer.ErrBusy, "health is not asked again")

	again := make(chan error, 1)
	go func() {
		_, err := c.Key(t.Context(), w.key.Wallet)
		again <- err
	}()
	close(w.backend.released)
	require.NoError(t, <-ended)
	require.NoError(t, <-again, "after a while there is room")
}

func TestABusyBackendIsAskedAgainWhenItWishes(t *testing.T) {
	require.Zero(t, pause(""))
	require.Zero(t, pause("-1"))
	require.Zero(t, pause("Wed, 21 Oct 2026 07:28:00 GMT"))
	require.Equal(t, int64(2), int64(pause("2").Seconds()))
	require.Equal(t, longestPause, pause("86400"))
}

func TestARequestOfACallerWhoGoesAwayEnds(t *testing.T) {
	w := newWorld(t)
	w.backend.entered, w.backend.released = make(chan struct{}, 1), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := w.dial(t).Sign(ctx, signer.SignRound{Session: w.session, Round: 1, Open: w.opening()})
		ended <- err
	}()
	<-w.backend.entered
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	// The fake lets go only with the request's context, and Cleanup waits for it.
	require.Len(t, slices.DeleteFunc(w.backend.heard(), func(a any) bool { _, ok := a.(signer.SignRound); return !ok }), 1)
}
