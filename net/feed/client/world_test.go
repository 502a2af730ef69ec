package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	netclient "github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

const window = 900

// world is an instance with a feed, in a bubble, that answers as internal/api does. What it says can be twisted, and cut.
type world struct {
	t       *testing.T
	name    string
	log     *feedtest.Log
	feed    *pipeline.Feed
	heights chan chain.Height
	sent    uint64
	keys    Keys

	mu      sync.Mutex
	down    bool
	status  int // of every answer, if it is not 0
	twist   func(Line) Line
	moved   *Line    // what follows the seal of epoch 1 in mailbox a, and ends the stream
	cut     int      // a stream breaks off after so many lines, 0 never
	asked   []string // "METHOD path?query"
	acked   []feed.Number
	streams int // under way
}

// sealAgain has alpha seal the first epoch of an export once more, after another one.
func sealAgain(t testing.TB, x feed.Export) {
	second := *x.Epochs[0].Seal
	second.Previous = feed.Hash{1}
	s, err := feed.NewSigner("alpha", instanceKey("alpha"))
	require.NoError(t, err)
	second.Sign(s)
	x.Epochs[0].Seal = &second
}

func operatorKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("test operator")))
	require.NoError(t, err)
	return key
}

func instanceKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("test-" + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func wallet(n uint64) chain.WalletID {
	h := sha256.Sum256(fmt.Appendf(nil, "test-wallet-%d", n))
	return chain.WalletID(h[:20])
}

// played runs a test in a bubble, in epoch 1 of a feed with two mailboxes that get everything.
func played(t *testing.T, play func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := begin(t, "alpha")
		play(t, w)
		stop()
	})
}

// begin starts an instance in epoch 1.
func begin(t *testing.T, name string) (w *world, end func()) { return beginWith(t, name, 0) }

// beginWith bounds how many entries a mailbox holds that are not acknowledged; 0 for as many as the feed has it.
func beginWith(t *testing.T, name string, room uint64) (w *world, end func()) {
	return beginAs(t, name, room, "a", "b")
}

// beginAs begins with some mailboxes.
func beginAs(t *testing.T, name string, room uint64, mailboxes ...string) (w *world, end func()) {
	key := instanceKey(name)
	s, err := feed.NewSigner(name, key)
	require.NoError(t, err)
	log := feedtest.New()
	f, err := pipeline.New(pipeline.Config{Signer: s, Log: log, Sources: []string{"node", "other"}, WindowBlocks: window, MailboxBound: room})
	require.NoError(t, err)
	w = &world{t: t, name: name, log: log, feed: f, heights: make(chan chain.Height)}
	w.keys, err = NewKeys(feed.Keyring{name: feed.Keys(key.Public().(ed25519.PublicKey))}, 1, time.Now(), operatorKey(t))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx, w.heights) }()
	w.subscribe(ctx, mailboxes...)
	w.at(window)
	return w, func() {
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}

// subscribe has those mailboxes get everything from the next epoch on.
func (w *world) subscribe(ctx context.Context, mailboxes ...string) {
	w.t.Helper()
	var list []feed.Subscription
	for _, m := range mailboxes {
		list = append(list, feed.Subscription{Mailbox: m})
	}
	_, err := w.feed.Subscribe(ctx, list)
	require.NoError(w.t, err)
}

// at shows a height and waits until all has come to rest.
func (w *world) at(h chain.Height) {
	w.t.Helper()
	w.heights <- h
	synctest.Wait()
}

// submit tells n messages, of wallets in turn.
func (w *world) submit(n int) {
	w.t.Helper()
	var list []pipeline.Message
	for range n {
		number := w.sent + uint64(len(list)) + 1
		list = append(list, pipeline.Message{Wallet: wallet(number % 5), Kind: feed.KindProposal, Payload: fmt.Appendf(nil, "message %d", number)})
	}
	require.NoError(w.t, w.feed.Submit(w.t.Context(), "node", w.sent+1, list))
	w.sent += uint64(n)
	synctest.Wait()
}

// set changes how the instance answers.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.asked...)
}

var errDown = errors.New("host is down")

// Located implements Instances.
func (w *world) Located(ctx context.Context, r netclient.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked = append(w.asked, r.Method+" "+r.Path+"?"+r.Query.Encode())
	down, status := w.down, w.status
	w.mu.Unlock()
	answer := httptest.NewRecorder()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case down:
		return nil, fmt.Errorf("%w: %w", netclient.ErrUnreachable, errDown)
	case status != 0:
		answer.WriteHeader(status)
		return answer.Result(), nil
	case r.Path == "/v1/feed/keys":
		require.NoError(w.t, json.NewEncoder(answer).Encode(w.keys))
		return answer.Result(), nil
	case r.Method == http.MethodPost:
		var n struct{ Number feed.Number }
		require.NoError(w.t, json.Unmarshal(r.Body, &n))
		if err := w.feed.Acknowledge(ctx, path.Base(path.Dir(r.Path)), n.Number); err != nil {
			answer.WriteHeader(http.StatusConflict)
		}
		w.set(func() { w.acked = append(w.acked, n.Number) })
		return answer.Result(), nil
	}
	return &http.Response{StatusCode: http.StatusOK, Body: w.stream(ctx, path.Base(r.Path), r.Query)}, nil
}

// stream follows a mailbox until its reader closes it.
func (w *world) stream(ctx context.Context, mailbox string, query url.Values) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	in, out := io.Pipe()
	var from pipeline.Position
	number, _ := strconv.ParseUint(query.Get("number"), 10, 64)
	epoch, err := strconv.ParseUint(query.Get("epoch"), 10, 64)
	from.Number, from.Sealed, from.Epoch = feed.Number(number), err == nil, feed.Epoch(epoch)
	lines := 0
	send := func(l Line) error {
		w.mu.Lock()
		twist, cut := w.twist, w.cut
		w.mu.Unlock()
		if twist != nil {
			l = twist(l)
		}
		if lines++; cut > 0 && lines > cut {
			return errDown
		}
		raw, err := json.Marshal(l)
		require.NoError(w.t, err)
		_, err = out.Write(append(raw, '\n'))
		return err
	}
	w.set(func() { w.streams++ })
	go func() {
		defer w.set(func() { w.streams-- })
		state, err := w.log.Mailbox(ctx, mailbox, 0)
		if err == nil && !query.Has("number") {
			var page []pipeline.Delivered
			if page, err = w.log.Entries(ctx, mailbox, 0, 1); len(page) > 0 {
				from.Number = page[0].Entry.Number - 1
			}
		}
		if err == nil {
			err = send(Line{Begin: &Begin{Mailbox: mailbox, Instance: w.name, Number: from.Number, Acknowledged: state.Acknowledged}})
		}
		w.mu.Lock()
		moved := w.moved
		w.mu.Unlock()
		if err == nil && moved != nil && mailbox == "a" && from.Sealed && query.Get("instance") == w.name {
			err = errors.Join(send(*moved), errDown)
		}
		if err == nil {
			err = w.feed.Follow(ctx, mailbox, from, func(n pipeline.News) error {
				err := send(LineOf(n))
				w.mu.Lock()
				moved := w.moved
				w.mu.Unlock()
				if moved != nil && mailbox == "a" && n.Seal != nil && n.Seal.Epoch == 1 {
					err = errors.Join(err, send(*moved), errDown)
				}
				return err
			})
		}
		if errors.Is(err, pipeline.ErrCollected) {
			err = send(Line{End: &End{Code: EndCollected, Message: err.Error()}})
		}
		out.CloseWithError(errors.Join(err, io.EOF))
	}()
	return stoppable{in, cancel}
}

// stoppable is a stream's body, which ends the stream when it is closed.
type stoppable struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (s stoppable) Close() error {
	s.cancel()
	return s.PipeReader.Close()
}

// subscriber is a follower that runs, and what it was given.
type subscriber struct {
	*Follower
	t      *testing.T
	stop   context.CancelFunc
	ended  chan error
	seen   []feed.Number
	again  []feed.Number
	wrong  int
	blames []feed.Blame
	sealed []feed.Epoch
	fail   error // what Deliver returns from now on
}

// follow starts a follower; it is looked into once all has come to rest.
func (w *world) follow(dir string, change func(*Config)) *subscriber {
	w.t.Helper()
	s := &subscriber{t: w.t, ended: make(chan error, 1)}
	cfg := Config{Instances: w, Mailbox: "a", Operator: w.keys.Operator, Dir: dir, Acknowledge: dir != ""}
	cfg.Deliver = func(_ context.Context, d Delivery) error {
		switch {
		case s.fail != nil:
			return s.fail
		case d.Wrong != nil:
			s.wrong++
		case d.Again:
			s.again = append(s.again, d.Entry.Number)
		default:
			s.seen = append(s.seen, d.Entry.Number)
		}
		return nil
	}
	cfg.Sealed = func(_ context.Context, seal feed.Seal, blames []feed.Blame) error {
		s.sealed, s.blames = append(s.sealed, seal.Epoch), append(s.blames, blames...)
		return nil
	}
	if change != nil {
		change(&cfg)
	}
	var err error
	s.Follower, err = Open(cfg)
	require.NoError(w.t, err)
	var ctx context.Context
	ctx, s.stop = context.WithCancel(w.t.Context())
	go func() { s.ended <- s.Run(ctx) }()
	synctest.Wait()
	return s
}

// end stops a follower and expects that it ran until then.
func (s *subscriber) end() {
	s.t.Helper()
	s.stop()
	require.ErrorIs(s.t, <-s.ended, context.Canceled)
	synctest.Wait()
}

func upTo(from, to feed.Number) (list []feed.Number) {
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	return list
}
