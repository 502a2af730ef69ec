package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

const otherWord = "fedcba9876543210fedcba9876543210"

// A subscriber with a token of its own reads its mailbox over HTTP, is told of the epoch's seal, and what it acknowledges is recorded.
func TestASubscriberFollowsItsMailbox(t *testing.T) {
	w, m := newWorld(t), newMailroom(t)
	w.Feeds = m
	w.Guard = Guard{Token: word, Subscribers: []Subscriber{{Name: "signer", Token: otherWord, Mailboxes: []string{"a"}, May: []Right{RightFollow, RightAcknowledge}}}}
	server := httptest.NewServer(w.Handler())
	defer server.Close()
	instances, err := client.New(client.Config{Bootstrap: []string{server.URL}, Token: otherWord})
	require.NoError(t, err)
	defer instances.Close()
	seen, sealed := make(chan feed.Number), make(chan []feed.Blame, 1)
	f, err := feedclient.Open(feedclient.Config{
		Instances: instances, Mailbox: "a", Operator: m.keys.Operator, Dir: t.TempDir(), Acknowledge: true,
		Deliver: func(ctx context.Context, d feedclient.Delivery) error {
			select {
			case seen <- d.Entry.Number:
				return d.Wrong
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Sealed: func(_ context.Context, s feed.Seal, blames []feed.Blame) error {
			if s.Epoch == 1 {
				sealed <- blames
			}
			return nil
		},
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	m.submit(20)
	for n := feed.Number(1); n <= 20; n++ {
		require.Equal(t, n, <-seen)
	}
	m.heights <- 1800
	require.Empty(t, <-sealed)
	require.Eventually(t, func() bool {
		s, err := m.log.Mailbox(t.Context(), "a", 0)
		require.NoError(t, err)
		return s.Acknowledged == 20
	}, time.Minute, time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Eventually(t, func() bool { return w.followers.count() == 0 }, time.Minute, time.Millisecond, "who goes is not followed any more")
}

// ask answers one request, as the one with the token.
func (w world) ask(t *testing.T, token, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	r.Host = "localhost"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return answerOf(w.Handler(), r)
}

// What is not permitted is denied: to each right its mailboxes, and to a subscriber nothing but the feed.
func TestASubscriberMayDoWhatIsListedAndNothingElse(t *testing.T) {
	w := newWorld(t)
	w.Feeds = newMailroom(t)
	const ack, move = "/acknowledge", "/move"
	tokens := map[string]string{"reader": strings.Repeat("r", 32), "mover": strings.Repeat("m", 32), "nothing": strings.Repeat("n", 32)}
	w.Guard = Guard{Token: word, Subscribers: []Subscriber{
		{Name: "reader", Token: tokens["reader"], Mailboxes: []string{"a"}, May: []Right{RightFollow, RightAcknowledge}},
		{Name: "mover", Token: tokens["mover"], Mailboxes: []string{"*"}, May: []Right{RightMove}},
		{Name: "nothing", Token: tokens["nothing"]},
		{Name: "nobody"}, // no token: nobody is it
	}}
	acknowledge, toBeta := `{"number":0}`, `{"to":"beta"}`
	for _, c := range []struct {
		who, method, mailbox, route, body string
		status                            int
	}{
		{"reader", "GET", "a", "/export", "", 200},
		{"reader", "GET", "b", "/export", "", 403},
		{"reader", "GET", "b", "", "", 403},
		{"reader", "POST", "a", ack, acknowledge, 200},
		{"reader", "POST", "b", ack, acknowledge, 403},
		{"reader", "POST", "a", move, toBeta, 403},
		{"mover", "POST", "a", move, toBeta, 200},
		{"mover", "GET", "a", "", "", 403},
		{"mover", "GET", "a", "/export", "", 403},
		{"mover", "POST", "a", ack, acknowledge, 403},
		{"nothing", "GET", "a", "", "", 403},
		{"nothing", "POST", "a", ack, acknowledge, 403},
		{"nothing", "POST", "a", move, toBeta, 403},
	} {
		target := "/v1/feed/mailboxes/" + c.mailbox + c.route
		answer := w.ask(t, tokens[c.who], c.method, target, c.body)
		require.Equal(t, c.status, answer.Code, "%s: %s %s: %s", c.who, c.method, target, answer.Body)
		if c.status == http.StatusForbidden {
			require.ErrorIs(t, decodeProblem(answer.Code, answer.Body.Bytes()), ErrForbidden)
		}
	}
	for _, r := range routes() {
		target := strings.NewReplacer("{", "", "}", "").Replace(r.path)
		answer := w.ask(t, tokens["nothing"], r.method, target, "{}")
		if r.forSubscribers || r.path == "/healthz" {
			require.Contains(t, []int{http.StatusOK, http.StatusConflict}, answer.Code, r.path)
			continue
		}
		require.Equal(t, http.StatusForbidden, answer.Code, "%s %s", r.method, r.path)
	}
	for _, token := range []string{"", otherWord} {
		require.Equal(t, http.StatusUnauthorized, w.ask(t, token, "GET", "/v1/feed/keys", "").Code)
	}
	for who, want := range map[string]int{"reader": 1, "mover": 4, "nothing": 0} {
		var list struct{ Mailboxes []any }
		require.NoError(t, json.Unmarshal(w.ask(t, tokens[who], "GET", "/v1/feed/mailboxes", "").Body.Bytes(), &list))
		require.Len(t, list.Mailboxes, want, who)
	}
	w.Guard.Token = "" // on this machine: who shows a token has its rights, who shows none is the operator
	require.Equal(t, http.StatusForbidden, w.ask(t, tokens["nothing"], "GET", "/v1/wallets", "").Code)
	require.Equal(t, http.StatusOK, w.ask(t, "", "GET", "/v1/wallets", "").Code)
}

func TestBadInputToTheFeedIsRefusedWithAReason(t *testing.T) {
	w, m := newWorld(t), newMailroom(t)
	box := "/v1/feed/mailboxes/"
	require.ErrorIs(t, refusal(t, w, "GET", box, "", 409), ErrNoFeed)
	w.Feeds = m
	m.submit(2)
	require.Eventually(t, func() bool {
		s, err := m.log.Mailbox(t.Context(), "a", 0)
		return err == nil && s.Last == 2
	}, time.Minute, time.Millisecond)
	require.ErrorIs(t, refusal(t, w, "GET", box+"nowhere", "", 404), pipeline.ErrNoMailbox)
	require.ErrorIs(t, refusal(t, w, "POST", box+"nowhere/acknowledge", `{"number":1}`, 404), pipeline.ErrNoMailbox)
	require.ErrorIs(t, refusal(t, w, "POST", box+"nowhere/move", `{"to":"beta"}`, 404), pipeline.ErrNoMailbox)
	err := refusal(t, w, "POST", box+"a/acknowledge", `{"number":3}`, 409)
	require.ErrorIs(t, err, pipeline.ErrFuture)
	require.ErrorContains(t, err, "ends with 2, and 3 acknowledges an entry that does not exist yet")
	require.ErrorIs(t, refusal(t, w, "GET", box+"a?number=3&instance=alpha", "", 409), pipeline.ErrFuture)
	require.ErrorIs(t, refusal(t, w, "POST", box+"a/move", `{"to":"gamma"}`, 404), store.ErrNotFound)
	require.ErrorIs(t, refusal(t, w, "GET", box+"d", "", 503), ErrNoOwner)
	for _, query := range []string{"number=1", "instance=alpha", "epoch=1", "number=x&instance=alpha", "number=-1&instance=alpha", "number=1&instance=A+B", "other=1"} {
		require.ErrorIs(t, refusal(t, w, "GET", box+"a?"+query, "", 400), ErrInvalid, query)
	}
	for _, wrong := range []string{"", "{", `{"number":-1}`, `{"numbers":1}`, `{"number":1}{}`} {
		require.ErrorIs(t, refusal(t, w, "POST", box+"a/acknowledge", wrong, 400), ErrInvalid, wrong)
	}
	require.ErrorIs(t, refusal(t, w, "POST", box+"a/move", `{"to":"A B"}`, 400), ErrInvalid)
	require.Empty(t, m.moves)
}

// refusal is why a request of the operator's was refused.
func refusal(t *testing.T, w world, method, target, body string, status int) error {
	t.Helper()
	target = strings.TrimSuffix(target, "/")
	answer := w.ask(t, "", method, target, body)
	require.Equal(t, status, answer.Code, "%s %s: %s", method, target, answer.Body)
	return decodeProblem(answer.Code, answer.Body.Bytes())
}

func TestAMailboxThatIsElsewhereIsLedTo(t *testing.T) {
	w := newWorld(t)
	w.Feeds = newMailroom(t)
	answer := w.ask(t, "", "GET", "/v1/feed/mailboxes/c", "")
	require.Equal(t, http.StatusTemporaryRedirect, answer.Code)
	var to client.Redirect // what net/client reads of it
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &to))
	require.Equal(t, client.Redirect{Owner: "beta", URLs: []string{"http://beta.example:1"}}, to)
	address := socket(t)
	w.serve(t, address)
	c, err := NewClient(address)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Located(t.Context(), client.Request{Method: http.MethodGet, Path: "/v1/feed/mailboxes/c"}) //nolint:bodyclose // there is none
	require.ErrorIs(t, err, errElsewhere)
	require.ErrorContains(t, err, "beta")
}

func TestTheOperatorSeesAndMovesMailboxes(t *testing.T) {
	w, m := newWorld(t), newMailroom(t)
	w.Feeds = m
	address := socket(t)
	w.serve(t, address)
	c, err := NewClient(address)
	require.NoError(t, err)
	defer c.Close()
	list, err := c.Mailboxes(t.Context())
	require.NoError(t, err)
	want, err := m.Mailboxes(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, list.Mailboxes)
	keys, err := c.FeedKeys(t.Context())
	require.NoError(t, err)
	require.Equal(t, m.keys.Ring(), keys.Ring())
	heads, err := c.FeedHeads(t.Context(), "beta", 7)
	require.NoError(t, err)
	wantHeads, err := m.Heads(t.Context(), "beta", 7)
	require.NoError(t, err)
	require.Len(t, heads.Heads, 2)
	require.Equal(t, wantHeads, heads)
	_, err = c.FeedHeads(t.Context(), "no such name", 0)
	require.Error(t, err)
	move, err := c.MoveMailbox(t.Context(), "a", "beta")
	require.NoError(t, err)
	require.Equal(t, "beta", move.To)
	require.Equal(t, []string{"a to beta"}, m.moves)
	_, err = c.MoveMailbox(t.Context(), "c", "alpha")
	require.ErrorIs(t, err, ErrStays, "it is told over the wire")
	m.keys.Instances[0].ID = "mallory"
	_, err = c.FeedKeys(t.Context())
	require.ErrorIs(t, err, feedclient.ErrKeys)
}

// More subscribers than are served at once are told so; a stream ends with its node, and says why.
func TestTheNumberOfFollowersIsBounded(t *testing.T) {
	w, m := newWorld(t), newMailroom(t)
	w.Feeds = m
	address := socket(t)
	stop := w.serve(t, address)
	c, err := NewClient(address)
	require.NoError(t, err)
	defer c.Close()
	taken := make([]func(), maxFollowers)
	for i := range taken {
		taken[i], err = w.followers.enter(nil)
		require.NoError(t, err)
	}
	follow := client.Request{Method: http.MethodGet, Path: "/v1/feed/mailboxes/a", Stream: true}
	full, err := c.Located(t.Context(), follow)
	require.NoError(t, err)
	defer full.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, full.StatusCode)
	taken[0]()
	stream, err := c.Located(t.Context(), follow)
	require.NoError(t, err)
	defer stream.Body.Close()
	require.Equal(t, http.StatusOK, stream.StatusCode)
	lines := bufio.NewScanner(stream.Body)
	require.True(t, lines.Scan())
	begin, _, err := feedclient.ParseLine(lines.Bytes())
	require.NoError(t, err)
	require.Equal(t, &feedclient.Begin{Mailbox: "a", Instance: "alpha"}, begin.Begin)
	stop()
	for lines.Scan() {
		require.Empty(t, lines.Bytes())
	}
	require.Equal(t, maxFollowers-1, w.followers.count())
}

// One subscriber's token takes a few of the places, however often it comes; the others' are left.
func TestOneSubscriberDoesNotTakeAllPlaces(t *testing.T) {
	var f followers
	greedy, other := &Subscriber{Name: "greedy"}, &Subscriber{Name: "other"}
	var leave []func()
	for range maxFollowersOne {
		end, err := f.enter(greedy)
		require.NoError(t, err)
		leave = append(leave, end)
	}
	_, err := f.enter(greedy)
	require.ErrorIs(t, err, errTooManyOfOne)
	status, code := classify(err)
	require.Equal(t, http.StatusServiceUnavailable, status, "a client that is told so comes again")
	require.Equal(t, "busy", code)
	end, err := f.enter(other)
	require.NoError(t, err)
	end()
	leave[0]()
	_, err = f.enter(greedy)
	require.NoError(t, err)
	require.Equal(t, maxFollowersOne, f.count())
}

// Whatever a position is, it is refused or means what it says.
func FuzzPosition(f *testing.F) {
	f.Add("number=1&instance=alpha&epoch=3")
	f.Add("")
	f.Add("epoch=1")
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery = raw
		q := &query{values: r.URL.Query()}
		at, known := q.position()
		if q.done() != nil {
			return
		}
		require.Equal(t, known, at.Instance != "")
		if !known {
			require.Equal(t, pipeline.Position{}, at)
			return
		}
		require.NoError(t, feed.CheckName(at.Instance))
	})
}

var _ Feeds = (*mailroom)(nil)

var _ feedclient.Instances = (*Client)(nil)

// count is how many streams are under way.
func (f *followers) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all
}
