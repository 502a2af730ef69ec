package mailbox

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
	"github.com/walletnode/walletnode/proposal"
)

func TestMain(m *testing.M) { bubble.Main(m) }

const window chain.Height = 900

// leader signs what leaders say.
func leader() *secp256k1.PrivateKey {
	seed := sha256.Sum256([]byte("test leader"))
	return secp256k1.PrivKeyFromBytes(seed[:])
}

func wallet(n byte) chain.WalletID { return chain.WalletID{n} }

// statement is a heartbeat that a leader proposes.
func statement(w chain.WalletID, block chain.Height, tail byte) []byte {
	payload := proposal.EncodeMessage(proposal.Message{Sender: 1, Block: block, Wallet: w, Proposal: proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, tail}}})
	envelope := wire.EncodeEnvelope(wire.Envelope{Sender: wire.PublicKeyOf(leader()), Payload: payload, Type: proposal.MessageType, Sequence: 1})
	return wire.SignPubsub(leader(), "/channel", envelope, binary.BigEndian.AppendUint64(nil, 1)).Bytes()
}

// instance is one with a feed and the mailbox signer, which says what a test makes of it.
type instance struct {
	t       *testing.T
	feed    *pipeline.Feed
	heights chan chain.Height
	keys    feedclient.Keys
	sent    uint64
	twist   func(*feedclient.Line) // set before the first reader
	refuse  atomic.Int64           // status of every answer, if it is not 0
}

func played(t *testing.T, play func(t *testing.T, i *instance)) {
	synctest.Test(t, func(t *testing.T) {
		seed := sha256.Sum256([]byte("test-alpha"))
		key := ed25519.NewKeyFromSeed(seed[:])
		s, err := feed.NewSigner("alpha", key)
		require.NoError(t, err)
		i := &instance{t: t, heights: make(chan chain.Height)}
		i.feed, err = pipeline.New(pipeline.Config{Signer: s, Log: feedtest.New(), Sources: []string{"node"}, WindowBlocks: uint64(window)})
		require.NoError(t, err)
		operator, err := crypto.ToECDSA(crypto.Keccak256([]byte("test operator")))
		require.NoError(t, err)
		i.keys, err = feedclient.NewKeys(feed.Keyring{"alpha": {key.Public().(ed25519.PublicKey)}}, time.Now(), operator)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- i.feed.Run(ctx, i.heights) }()
		_, err = i.feed.Subscribe(ctx, []feed.Subscription{{Mailbox: "signer"}})
		require.NoError(t, err)
		i.at(window)
		play(t, i)
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

func (i *instance) at(h chain.Height) {
	i.heights <- h
	synctest.Wait()
}

// tell submits one record.
func (i *instance) tell(w chain.WalletID, kind feed.Kind, payload []byte) {
	i.t.Helper()
	i.sent++
	require.NoError(i.t, i.feed.Submit(i.t.Context(), "node", i.sent, []pipeline.Message{{Wallet: w, Kind: kind, Payload: payload}}))
	synctest.Wait()
}

// Located implements feedclient.Instances.
func (i *instance) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	answer := func(status int, body any) (*http.Response, error) {
		raw, err := json.Marshal(body)
		return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(raw))}, err
	}
	switch {
	case i.refuse.Load() != 0:
		return answer(int(i.refuse.Load()), nil)
	case r.Path == "/v1/feed/keys":
		return answer(http.StatusOK, i.keys)
	case r.Method == http.MethodPost:
		return answer(http.StatusOK, nil)
	}
	in, out := io.Pipe()
	lines := json.NewEncoder(out)
	var from pipeline.Position
	if number := r.Query.Get("number"); number != "" {
		require.NoError(i.t, json.Unmarshal([]byte(number), &from.Number))
	}
	if epoch := r.Query.Get("epoch"); epoch != "" {
		require.NoError(i.t, json.Unmarshal([]byte(epoch), &from.Epoch))
		from.Sealed = true
	}
	go func() {
		err := lines.Encode(feedclient.Line{Begin: &feedclient.Begin{Mailbox: path.Base(r.Path), Instance: "alpha", Number: from.Number}})
		if err == nil {
			err = i.feed.Follow(ctx, "signer", from, func(n pipeline.News) error {
				l := feedclient.LineOf(n)
				if i.twist != nil {
					i.twist(&l)
				}
				return lines.Encode(l)
			})
		}
		out.CloseWithError(errors.Join(err, io.EOF))
	}()
	return &http.Response{StatusCode: http.StatusOK, Body: in}, nil
}

// follow starts a reader.
func (i *instance) follow(dir string) (r *Reader, stop func()) {
	i.t.Helper()
	r, err := New(Config{Instances: i, Mailbox: "signer", Operator: i.keys.Operator, Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(i.t, err)
	ctx, cancel := context.WithCancel(i.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	synctest.Wait()
	return r, func() {
		cancel()
		require.NoError(i.t, <-ended)
	}
}

func has(t *testing.T, r *Reader, w chain.WalletID, block chain.Height, want ...[]byte) {
	t.Helper()
	list, more, err := r.Statements(w, block)
	require.NoError(t, err)
	require.NotNil(t, more)
	require.Equal(t, len(want), len(list))
	for i := range want {
		require.Equal(t, want[i], list[i])
	}
}

func TestLeadersMessagesComeThroughTheMailbox(t *testing.T) {
	played(t, func(t *testing.T, i *instance) {
		r, stop := i.follow(t.TempDir())
		_, more, err := r.Statements(wallet(1), window)
		require.NoError(t, err)
		one, two := statement(wallet(1), window, 1), statement(wallet(1), window, 2)
		i.tell(wallet(1), feed.KindProposal, one)
		<-more // who waits is woken
		i.tell(wallet(1), feed.KindProposal, two)
		i.tell(wallet(1), feed.KindResult, one)
		i.tell(wallet(2), feed.KindProposal, one)                           // another wallet's
		i.tell(wallet(1), feed.KindProposal, []byte("hello"))               // none
		i.tell(wallet(1), feed.KindProposal, statement(wallet(1), 9000, 1)) // of a window far away
		has(t, r, wallet(1), window, one, two)
		has(t, r, wallet(2), window)
		has(t, r, wallet(1), 9000)
		stop()
	})
}

// After a start the open epoch is read again: a signer that was started between a leader's word and the signing has it.
func TestAStartForgetsNothingOfTheOpenWindow(t *testing.T) {
	played(t, func(t *testing.T, i *instance) {
		dir := t.TempDir()
		r, stop := i.follow(dir)
		i.tell(wallet(1), feed.KindProposal, statement(wallet(1), window, 1))
		i.at(2 * window)
		said := statement(wallet(1), 2*window, 1)
		i.tell(wallet(1), feed.KindProposal, said)
		has(t, r, wallet(1), 2*window, said)
		stop()
		r, stop = i.follow(dir)
		has(t, r, wallet(1), 2*window, said)
		stop()
		r, stop = i.follow(t.TempDir()) // also one that lost its place
		has(t, r, wallet(1), 2*window, said)
		stop()
	})
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	played(t, func(t *testing.T, i *instance) {
		r, stop := i.follow(t.TempDir())
		for n := range byte(2 * maxOfSlot) {
			i.tell(wallet(1), feed.KindProposal, statement(wallet(1), window, n))
		}
		list, _, err := r.Statements(wallet(1), window)
		require.NoError(t, err)
		require.Len(t, list, maxOfSlot)
		require.Equal(t, statement(wallet(1), window, 0), list[0], "those that came first")
		for e := chain.Height(2); e < 8; e++ {
			i.at(e * window)
			i.tell(wallet(1), feed.KindProposal, statement(wallet(1), e*window, 1))
		}
		require.Len(t, r.board.epochs, maxEpochs)
		has(t, r, wallet(1), window)
		has(t, r, wallet(1), 7*window, statement(wallet(1), 7*window, 1))
		stop()
	})
}

// An instance that gives the mailbox something else than it signs is not believed any more, until the signer is started again.
func TestAFalseMailboxIsNotReliedOn(t *testing.T) {
	for name, twist := range map[string]func(*instance, feed.Entry, *feedclient.Line){
		"a record altered": func(_ *instance, e feed.Entry, l *feedclient.Line) {
			if e.Number == 2 {
				e.Record.Item.Number += 5
				l.Entry = e.Encode()
			}
		},
		"an entry left out": func(_ *instance, e feed.Entry, l *feedclient.Line) {
			if e.Number == 2 {
				e.Number++
				l.Entry = e.Encode()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			played(t, func(t *testing.T, i *instance) {
				i.twist = func(l *feedclient.Line) {
					if l.Entry == nil {
						return
					}
					e, err := feed.DecodeEntry(l.Entry)
					require.NoError(t, err)
					twist(i, e, l)
				}
				dir := t.TempDir()
				r, stop := i.follow(dir)
				for n := range byte(3) {
					i.tell(wallet(n), feed.KindProposal, statement(wallet(n), window, n))
				}
				_, _, err := r.Statements(wallet(0), window)
				var blame feed.Blame
				require.ErrorAs(t, err, &blame)
				require.True(t, strings.HasPrefix(blame.Actor.String(), "alpha"))
				time.Sleep(time.Hour) // of the bubble
				_, _, err = r.Statements(wallet(0), window)
				require.Error(t, err, "time forgives nothing")
				stop()
			})
		})
	}
}

// A payload that is not its record's is not used, and the seal shows that the instance is to blame.
func TestAForgedMessageIsNotUsed(t *testing.T) {
	played(t, func(t *testing.T, i *instance) {
		forged := statement(wallet(1), window, 9)
		i.twist = func(l *feedclient.Line) {
			if l.Entry != nil {
				l.Payload = forged
			}
		}
		r, stop := i.follow(t.TempDir())
		i.tell(wallet(1), feed.KindProposal, statement(wallet(1), window, 1))
		has(t, r, wallet(1), window)
		i.at(2 * window)
		_, _, err := r.Statements(wallet(1), window)
		require.Error(t, err)
		stop()
	})
}

func TestAMailboxThatIsRefusedIsAskedForAgain(t *testing.T) {
	played(t, func(t *testing.T, i *instance) {
		i.refuse.Store(http.StatusForbidden)
		r, stop := i.follow(t.TempDir())
		said := statement(wallet(1), window, 1)
		i.tell(wallet(1), feed.KindProposal, said)
		i.refuse.Store(0)
		time.Sleep(2 * retryPause)
		synctest.Wait()
		has(t, r, wallet(1), window, said)
		stop()
	})
}

func TestAMailboxNeedsToKnowWhomToBelieve(t *testing.T) {
	good := Config{Instances: &instance{}, Mailbox: "signer", Operator: chain.Operator{1}, Logger: slog.New(slog.DiscardHandler)}
	for name, change := range map[string]func(*Config){
		"no instances": func(c *Config) { c.Instances = nil },
		"no mailbox":   func(c *Config) { c.Mailbox = "" },
		"no operator":  func(c *Config) { c.Operator = chain.Operator{} },
		"no logger":    func(c *Config) { c.Logger = nil },
	} {
		cfg := good
		change(&cfg)
		_, err := New(cfg)
		require.Error(t, err, name)
	}
	_, err := New(good)
	require.NoError(t, err)
}

// Whatever a record holds, it is kept as the wallet's and the window's that it is about, or left out.
func FuzzStatement(f *testing.F) {
	f.Add(statement(wallet(1), window, 1))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := newBoard()
		e := feed.Entry{Mailbox: "signer", Number: 1, Record: feed.Record{Seq: 1, Epoch: 1, Item: feed.NewItem("node", 1, wallet(1), feed.KindProposal, raw)}}
		err := b.put(e, raw)
		list, _, wrong := b.statements(wallet(1), window)
		require.NoError(t, wrong)
		if err == nil {
			require.Equal(t, [][]byte{raw}, append(list, b.epochs[1].slots[slot{wallet(1), 0}]...))
		} else {
			require.Empty(t, list)
		}
	})
}
