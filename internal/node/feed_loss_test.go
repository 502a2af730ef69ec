package node

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer/mailbox"
)

// oneSigner is the mailbox of the house's signer.
var oneSigner = feed.Resident(SignerMailbox("one"), alone)

// house is one node's place: its database and its directory, and the way of subscribers to whichever process is there.
type house struct {
	t    *testing.T
	dir  string
	node *Node
	stop func()

	mu      sync.Mutex
	way     *inward
	streams []io.Closer
}

func (h *house) database() string { return filepath.Join(h.dir, "database") }

// start begins a process at a height.
func (h *house) start(height chain.Height) {
	h.t.Helper()
	key := keyOf("ours")
	w := told
	w.wasClosed = new(bool)
	data := filepath.Join(h.dir, "data")
	require.NoError(h.t, os.MkdirAll(data, 0o700))
	n, err := Assemble(h.t.Context(), Config{
		Operator: keys.Operator{Key: key, Address: operatorOf(key)}, Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store: store.Config{DSN: h.database()}, Dir: data, Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
		Feed: &FeedConfig{Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Signers: []string{"one"}},
	}, Parts{Chain: seeds{still{w}, new(atomic.Int64), new(atomic.Bool)}, Network: func(net.Config, net.Deps) (Network, error) { return quietNetwork{}, nil }})
	require.NoError(h.t, err)
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	at(n, height)
	go func() { ended <- n.Run(ctx) }()
	h.node = n
	h.mu.Lock()
	h.way = &inward{n: n}
	h.mu.Unlock()
	h.stop = func() {
		h.mu.Lock()
		streams := h.streams
		h.way, h.streams = nil, nil
		h.mu.Unlock()
		for _, s := range streams {
			require.NoError(h.t, s.Close())
		}
		cancel()
		require.NoError(h.t, <-ended)
	}
}

// Located implements feedclient.Instances.
func (h *house) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.way == nil {
		return nil, fmt.Errorf("the process is stopped: %w", client.ErrUnreachable)
	}
	response, err := h.way.Located(ctx, r)
	if err == nil && r.Stream {
		h.streams = append(h.streams, response.Body)
	}
	return response, err
}

// propose stores what a leader said about a wallet.
func (h *house) propose(wallet chain.WalletID, window chain.Height) []byte {
	h.t.Helper()
	seed := sha256.Sum256([]byte("test leader"))
	key := secp256k1.PrivKeyFromBytes(seed[:])
	payload := proposal.EncodeMessage(proposal.Message{Sender: 1, Block: window, Wallet: wallet, Proposal: proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}})
	envelope := wire.EncodeEnvelope(wire.Envelope{Sender: wire.PublicKeyOf(key), Payload: payload, Type: proposal.MessageType, Sequence: 1})
	signed := wire.SignPubsub(key, "/channel", envelope, binary.BigEndian.AppendUint64(nil, 1)).Bytes()
	require.NoError(h.t, h.node.store.SaveStatement(h.t.Context(), coordination.Statement{
		Wallet: wallet, Window: window, Author: chain.Operator{7}, Seat: 1, Digest: sha256.Sum256(payload), Payload: payload, Signed: signed, ArrivedAt: window + 2,
	}))
	return signed
}

// follower follows a mailbox until the test ends.
type follower struct {
	mu     sync.Mutex
	got    map[string]int
	seals  map[feed.Epoch]feed.Hash
	last   feed.Epoch
	lost   []feed.Handover
	blames []feed.Blame
	export func() feed.Export
	ended  chan error
}

func (h *house) follow(mailbox string) *follower { return following(h.t, h, mailbox) }

// following follows a mailbox by way of some instances until the test ends.
func following(t *testing.T, instances feedclient.Instances, mailbox string) *follower {
	t.Helper()
	f := &follower{got: map[string]int{}, seals: map[feed.Epoch]feed.Hash{}, ended: make(chan error, 1)}
	own, err := feedclient.Open(feedclient.Config{
		Instances: instances, Mailbox: mailbox, Operator: operatorOf(keyOf("ours")), Dir: t.TempDir(), Acknowledge: true,
		Deliver: func(_ context.Context, d feedclient.Delivery) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.got[string(d.Payload)]++
			return d.Wrong
		},
		Sealed: func(_ context.Context, s feed.Seal, blames []feed.Blame) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.seals[s.Epoch], f.last, f.blames = s.Hash(), s.Epoch, append(f.blames, blames...)
			return nil
		},
		Lost: func(_ context.Context, l feed.Handover) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.lost = append(f.lost, l)
			return nil
		},
	})
	require.NoError(t, err)
	f.export = own.Export
	ctx, cancel := context.WithCancel(t.Context())
	go func() { f.ended <- own.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-f.ended, context.Canceled)
	})
	return f
}

// count is how many payloads that have a text in them were delivered.
func (f *follower) count(text string) (n int) {
	for payload, times := range f.got {
		if strings.Contains(payload, text) {
			n += times
		}
	}
	return n
}

// await waits until something holds of what was followed.
func (f *follower) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return holds()
	}, patient, 20*time.Millisecond, what)
}

// A database file is put back to an earlier state: subscribers that had read on are told of the loss and go on by themselves, the signer's
// mailbox with them, and nothing that anybody holds proves two seals.
func TestAfterADatabaseFileWasPutBackSubscribersAreToldAndGoOn(t *testing.T) {
	t.Parallel()
	h := &house{t: t, dir: t.TempDir()}
	h.start(9010)
	require.Eventually(t, func() bool {
		list, err := h.node.Feeds().Mailboxes(t.Context())
		return err == nil && len(list) == 3 && list[2].Self
	}, patient, 20*time.Millisecond)
	letters, err := mailbox.New(mailbox.Config{
		Instances: h, Mailbox: oneSigner, Operator: operatorOf(keyOf("ours")), Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	reading := make(chan error, 1)
	go func() { reading <- letters.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-reading)
	})
	all := h.follow(toolsMailbox)
	tell := func(wallet byte, window chain.Height) {
		t.Helper()
		signed := h.propose(chain.WalletID{wallet}, window)
		all.await(t, "it is told", func() bool { return all.got[string(signed)] > 0 })
		require.Eventually(t, func() bool {
			list, _, err := letters.Statements(chain.WalletID{wallet}, window)
			return err == nil && len(list) > 0
		}, patient, 20*time.Millisecond, "the signer has it")
	}
	pass := func(height chain.Height) {
		t.Helper()
		at(h.node, height)
		all.await(t, "the epoch is sealed", func() bool { return all.last+1 == feed.Epoch(height/900) })
	}
	tell(1, 9000)
	pass(9910)
	heads, err := h.node.Feeds().Heads(t.Context(), "", 0)
	require.NoError(t, err)
	all.mu.Lock()
	require.Len(t, heads.Heads, len(all.seals))
	for _, head := range heads.Heads {
		require.Equal(t, all.seals[head.Epoch].String(), head.Seal, "what the instance says it sealed is what subscribers were given")
	}
	all.mu.Unlock()
	h.stop()
	was := filepath.Join(h.dir, "copy")
	require.NoError(t, os.CopyFS(was, os.DirFS(h.database())))

	h.start(9911)
	tell(2, 9900)
	pass(10810)
	tell(3, 10800) // of an epoch that is not sealed
	require.Empty(t, all.lost, "a restart is no loss")
	h.stop()
	require.NoError(t, os.RemoveAll(h.database()))
	require.NoError(t, os.CopyFS(h.database(), os.DirFS(was)))

	h.start(10815)
	tell(4, 10800)
	pass(11710)
	tell(5, 11700)
	pass(12610)
	all.mu.Lock()
	require.Len(t, all.lost, 1)
	require.EqualValues(t, []any{true, feed.Epoch(11)}, []any{all.lost[0].Loss(), all.lost[0].Before}, "it goes on after the last seal that was told")
	require.Empty(t, all.blames)
	all.mu.Unlock()
	require.EqualValues(t, 3, fed{h.node}.Fed().Losses, "of each mailbox, for the metric")
	_, _, err = letters.Statements(chain.WalletID{5}, 11700)
	require.NoError(t, err, "the signer relies on its mailbox")

	late := h.follow(toolsMailbox) // one that has read nothing of what was lost
	late.await(t, "it reads on to the end", func() bool { return late.last == 13 })
	late.mu.Lock()
	for e, seal := range late.seals {
		all.mu.Lock()
		was, known := all.seals[e]
		all.mu.Unlock()
		require.True(t, !known || was == seal, "epoch %d was sealed twice", e)
	}
	late.mu.Unlock()
	ring, err := h.node.feed.instance.Keyring(t.Context())
	require.NoError(t, err)
	signers := h.follow(oneSigner)
	signers.await(t, "it reads on to the end", func() bool { return signers.last == 13 })
	findings, blames, err := feed.Compare(t.Context(), all.export(), signers.export(), ring)
	require.NoError(t, err)
	require.Empty(t, findings, "nothing is proved")
	require.Empty(t, blames)
	h.stop()
}
