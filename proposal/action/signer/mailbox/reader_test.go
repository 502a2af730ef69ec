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
	"path/filepath"
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
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestMain(m *testing.M) { bubble.Main(m) }

const window chain.Height = 900

func wallet(n byte) chain.WalletID { return chain.WalletID{n} }

// statement is a heartbeat that a leader proposes.
func statement(w chain.WalletID, block chain.Height, tail byte) []byte {
	return statementBy("test leader", w, block, tail)
}

func statementBy(name string, w chain.WalletID, block chain.Height, tail byte) []byte {
	seed := sha256.Sum256([]byte(name))
	key := secp256k1.PrivKeyFromBytes(seed[:])
	payload := proposal.EncodeMessage(proposal.Message{Sender: 1, Block: block, Wallet: w, Proposal: proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, tail}}})
	envelope := wire.EncodeEnvelope(wire.Envelope{Sender: wire.PublicKeyOf(key), Payload: payload, Type: proposal.MessageType, Sequence: 1})
	return wire.SignPubsub(key, "/channel", envelope, binary.BigEndian.AppendUint64(nil, 1)).Bytes()
}

// instance is one with a feed and a mailbox, which says what a test makes of it.
type instance struct {
	t       *testing.T
	name    string
	mailbox string
	signer  feed.Signer
	feed    *pipeline.Feed
	heights chan chain.Height
	keys    feedclient.Keys
	sent    uint64
	twist   func(*feedclient.Line) // set before the first reader
	refuse  atomic.Int64           // status of every answer, if it is not 0
}

func played(t *testing.T, play func(t *testing.T, i *instance)) {
	synctest.Test(t, func(t *testing.T) {
		i, stop := begun(t, "alpha", "signer")
		i.keys = keysOf(t, i)
		i.at(window)
		play(t, i)
		stop()
	})
}

func signerOf(t *testing.T, name string) feed.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte("test-" + name))
	s, err := feed.NewSigner(name, ed25519.NewKeyFromSeed(seed[:]))
	require.NoError(t, err)
	return s
}

// begun starts an instance's feed.
func begun(t *testing.T, name, mailbox string) (i *instance, stop func()) {
	t.Helper()
	s := signerOf(t, name)
	i = &instance{t: t, name: name, mailbox: mailbox, signer: s, heights: make(chan chain.Height)}
	var err error
	i.feed, err = pipeline.New(pipeline.Config{Signer: s, Log: feedtest.New(), Sources: []string{"node", "other"}, WindowBlocks: uint64(window)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.feed.Run(ctx, i.heights) }()
	_, err = i.feed.Subscribe(ctx, []feed.Subscription{{Mailbox: mailbox}})
	require.NoError(t, err)
	return i, func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}

// keysOf is the operator's list of instances' keys.
func keysOf(t *testing.T, instances ...*instance) feedclient.Keys {
	t.Helper()
	operator, err := crypto.ToECDSA(crypto.Keccak256([]byte("test operator")))
	require.NoError(t, err)
	ring := feed.Keyring{}
	for _, i := range instances {
		ring[i.name] = feed.Keys(i.signer.Public())
	}
	keys, err := feedclient.NewKeys(ring, 1, time.Now(), operator)
	require.NoError(t, err)
	return keys
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
		err := lines.Encode(feedclient.Line{Begin: &feedclient.Begin{Mailbox: path.Base(r.Path), Instance: i.name, Number: from.Number}})
		if err == nil {
			err = i.feed.Follow(ctx, path.Base(r.Path), from, func(n pipeline.News) error {
				l := feedclient.LineOf(n)
				if i.twist != nil {
					i.twist(&l)
				}
				if l.Entry == nil && l.Seal == nil && l.End == nil { // it was taken away
					return nil
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
		for n := range byte(2 * maxOfAuthor) {
			i.tell(wallet(1), feed.KindProposal, statement(wallet(1), window, n))
			i.tell(wallet(1), feed.KindProposal, statement(wallet(1), window, 0)) // again, which takes no room
		}
		i.tell(wallet(1), feed.KindProposal, statementBy("another operator", wallet(1), window, 1))
		list, _, err := r.Statements(wallet(1), window)
		require.NoError(t, err)
		require.Len(t, list, maxOfAuthor+1)
		require.Equal(t, statement(wallet(1), window, 0), list[0], "those that came first")
		require.Equal(t, statementBy("another operator", wallet(1), window, 1), list[maxOfAuthor], "nobody takes another one's room")
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

// state wants what is told of the mailbox.
func state(t *testing.T, r *Reader, want signer.FeedState, detail string) {
	t.Helper()
	h := r.Feed()
	require.Equal(t, want, h.State, h.Detail)
	require.Contains(t, h.Detail, detail)
}

// Whoever stands between the instance and the signer cannot alter, drop or forge what comes without its being noticed: at the next entry, or at
// the latest with the window's seal. Nothing is signed from then on, until the whole mailbox was read anew and a seal shows that it is well.
func TestAnAlteredMailboxIsNotReliedOnUntilItIsWell(t *testing.T) {
	forged := statement(wallet(2), window, 9)
	for name, twist := range map[string]func(feed.Entry, *feedclient.Line){
		"a record altered": func(e feed.Entry, l *feedclient.Line) {
			if e.Number == 2 {
				e.Record.Item.Number += 5
				l.Entry = e.Encode()
			}
		},
		"an entry left out": func(e feed.Entry, l *feedclient.Line) {
			if e.Number == 2 {
				*l = feedclient.Line{}
			}
		},
		"the last one left out": func(e feed.Entry, l *feedclient.Line) {
			if e.Number == 3 {
				*l = feedclient.Line{}
			}
		},
		"a message forged": func(e feed.Entry, l *feedclient.Line) {
			if e.Number == 3 {
				l.Payload = forged
			}
		},
		"a record forged with its message": func(e feed.Entry, l *feedclient.Line) {
			if e.Number == 3 {
				e.Record.Item = feed.NewItem("node", 3, wallet(2), feed.KindProposal, forged)
				l.Entry, l.Payload = e.Encode(), forged
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			played(t, func(t *testing.T, i *instance) {
				var honest atomic.Bool
				i.twist = func(l *feedclient.Line) {
					if l.Entry == nil || honest.Load() {
						return
					}
					e, err := feed.DecodeEntry(l.Entry)
					require.NoError(t, err)
					twist(e, l)
				}
				dir := filepath.Join(t.TempDir(), "feed")
				r, stop := i.follow(dir)
				state(t, r, signer.FeedFollows, "")
				for n := range byte(3) {
					i.tell(wallet(n), feed.KindProposal, statement(wallet(n), window, n))
				}
				i.at(2 * window)
				_, _, err := r.Statements(wallet(0), window)
				var blame feed.Blame
				require.ErrorAs(t, err, &blame)
				require.True(t, strings.HasPrefix(blame.Actor.String(), "alpha"))
				state(t, r, signer.FeedFalse, "altered on its way")
				require.DirExists(t, dir+asideEnd, "it is left for people")
				time.Sleep(3 * time.Minute) // of the bubble
				_, _, err = r.Statements(wallet(0), window)
				require.Error(t, err, "time alone forgives nothing")

				honest.Store(true)
				time.Sleep(2 * lastPause)
				i.at(3 * window)
				said := statement(wallet(1), 3*window, 1)
				i.tell(wallet(1), feed.KindProposal, said)
				has(t, r, wallet(1), 3*window, said)
				state(t, r, signer.FeedFollows, "")
				stop()
			})
		})
	}
}

// What an instance's own signature shows to be false is not forgiven by reading it again.
func TestAFalseSealIsNotForgiven(t *testing.T) {
	played(t, func(t *testing.T, i *instance) {
		var honest atomic.Bool
		i.twist = func(l *feedclient.Line) {
			if l.Seal == nil || honest.Load() {
				return
			}
			seal, err := feed.DecodeSeal(l.Seal)
			require.NoError(t, err)
			seal.Commitments = seal.Commitments[1:]
			seal.Sign(i.signer)
			l.Seal = seal.Encode()
		}
		r, stop := i.follow(t.TempDir())
		i.at(2 * window)
		_, _, err := r.Statements(wallet(1), window)
		require.ErrorContains(t, err, "until the signer is started again")
		honest.Store(true)
		time.Sleep(2 * lastPause)
		i.at(3 * window)
		state(t, r, signer.FeedFalse, "until the signer is started again")
		stop()
	})
}

// A signer that was away for longer than its mailbox is kept goes on by itself with what is left, and blames nobody.
func TestWhoWasAwayForTooLongBeginsAnew(t *testing.T) {
	played(t, func(t *testing.T, i *instance) {
		var gone atomic.Bool
		i.twist = func(l *feedclient.Line) {
			if gone.CompareAndSwap(true, false) {
				*l = feedclient.Line{End: &feedclient.End{Code: feedclient.EndCollected, Message: "entry 2"}}
			}
		}
		dir := filepath.Join(t.TempDir(), "feed")
		_, stop := i.follow(dir)
		i.tell(wallet(1), feed.KindProposal, statement(wallet(1), window, 1))
		i.at(2 * window)
		stop()
		gone.Store(true)
		said := statement(wallet(1), 2*window, 1)
		i.tell(wallet(1), feed.KindProposal, said)
		r, stop := i.follow(dir)
		require.DirExists(t, dir+goneEnd, "it is left for people")
		state(t, r, signer.FeedAway, "not kept any more")
		time.Sleep(2 * firstPause)
		synctest.Wait()
		state(t, r, signer.FeedFollows, "")
		has(t, r, wallet(1), 2*window, said)
		require.NoDirExists(t, dir+asideEnd)
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
		state(t, r, signer.FeedAway, "403")
		time.Sleep(2 * lastPause)
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
		b := newBoard(newBell())
		e := feed.Entry{Mailbox: "signer", Number: 1, Record: feed.Record{Seq: 1, Epoch: 1, Item: feed.NewItem("node", 1, wallet(1), feed.KindProposal, raw)}}
		err := b.put(e, raw)
		list, wrong := b.statements(wallet(1), window)
		require.NoError(t, wrong)
		if err == nil {
			late, _ := b.statements(wallet(1), 0)
			require.Equal(t, [][]byte{raw}, append(list, late...))
		} else {
			require.Empty(t, list)
		}
	})
}
