package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
	"github.com/walletnode/walletnode/proposal/action"
)

// postOffice is a node's feed with mailboxes; it implements api.Feeds.
type postOffice struct {
	*pipeline.Feed
	t       *testing.T
	name    string
	boxes   []string // the names of its mailboxes
	log     *feedtest.Log
	heights chan chain.Height
	moved   string
}

// instanceKey signs for an instance; alpha's also what is in net/feed/testdata.
func instanceKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("test-" + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func alphaKeys(t *testing.T) feedclient.Keys { return keysOf(t, "alpha") }

func keysOf(t *testing.T, instances ...string) feedclient.Keys {
	t.Helper()
	operator, err := crypto.ToECDSA(crypto.Keccak256([]byte("test operator")))
	require.NoError(t, err)
	ring := feed.Keyring{}
	for _, name := range instances {
		ring[name] = feed.Keys(instanceKey(name).Public().(ed25519.PublicKey))
	}
	keys, err := feedclient.NewKeys(ring, 1, time.Unix(1_800_000_000, 0), operator)
	require.NoError(t, err)
	return keys
}

// posted runs the API of a node whose feed got three messages in epoch 1, which is sealed; it returns the data directory.
func posted(t *testing.T) (dir string, p *postOffice) {
	t.Helper()
	p = office(t, "alpha", "signed too")
	dir = t.TempDir()
	serveAPI(t, dir, &api.Server{Feeds: p, Logger: slog.New(slog.DiscardHandler)})
	return dir, p
}

// office is an instance whose feed got three messages in epoch 1, which is sealed. It has the mailboxes a and b, and those that are named.
func office(t *testing.T, name, third string, more ...string) *postOffice {
	t.Helper()
	s, err := feed.NewSigner(name, instanceKey(name))
	require.NoError(t, err)
	p := &postOffice{t: t, name: name, boxes: append([]string{"a", "b"}, more...), log: feedtest.New(), heights: make(chan chain.Height)}
	p.Feed, err = pipeline.New(pipeline.Config{Signer: s, Log: p.log, Sources: []string{"node", "other"}, WindowBlocks: 900})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, p.heights) }()
	t.Cleanup(func() {
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	var list []feed.Subscription
	for _, box := range p.boxes {
		list = append(list, feed.Subscription{Mailbox: box})
	}
	_, err = p.Subscribe(ctx, list)
	require.NoError(t, err)
	p.heights <- 900
	event, err := json.Marshal(view.Event{Event: view.EventResult, Detail: "all is well"})
	require.NoError(t, err)
	require.NoError(t, p.Submit(ctx, "node", 1, []pipeline.Message{
		{Wallet: chain.WalletID{1}, Kind: feed.KindProposal, Payload: []byte("signed")},
		{Wallet: chain.WalletID{1}, Kind: feed.KindResult, Payload: event},
		{Wallet: chain.WalletID{2}, Kind: feed.KindProposal, Payload: []byte(third)},
	}))
	p.heights <- 1800
	require.Eventually(t, func() bool {
		seal, err := p.log.NextSeal(ctx, 0)
		return err == nil && seal != nil
	}, time.Minute, time.Millisecond)
	return p
}

func (p *postOffice) Mailboxes(ctx context.Context) (list []view.Mailbox, err error) {
	for _, name := range p.boxes {
		s, err := p.log.Mailbox(ctx, name, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, view.Mailbox{
			Mailbox: name, Instance: "alpha", Self: true, Wallets: []chain.WalletID{}, Kinds: []string{}, URLs: []string{}, First: 1, Last: s.Last,
			Acknowledged: s.Acknowledged, MovingTo: p.moved,
		})
	}
	return list, nil
}

func (p *postOffice) Move(_ context.Context, _, to string) error {
	if to != "beta" {
		return fmt.Errorf("%w: instance %q", store.ErrNotFound, to)
	}
	p.moved = to
	return nil
}

func (p *postOffice) Export(ctx context.Context, mailbox string) (feed.Export, error) {
	return p.exportUntil(ctx, mailbox, 1)
}

// exportUntil waits for an epoch's seal.
func (p *postOffice) exportUntil(ctx context.Context, mailbox string, last feed.Epoch) (feed.Export, error) {
	r, err := feed.NewReader(p.name, mailbox, keysOf(p.t, p.name).Ring(), feed.Start{}, feedclient.DefaultPolicy)
	if err != nil {
		return feed.Export{}, err
	}
	done := fmt.Errorf("that is all")
	err = p.Follow(ctx, mailbox, pipeline.Position{}, func(n pipeline.News) error {
		if n.Seal == nil {
			return r.Entry(n.Delivered.Entry, n.Delivered.Payload)
		}
		if _, err := r.Seal(*n.Seal, n.Subscriptions); err != nil || n.Seal.Epoch < last {
			return err
		}
		return done
	})
	if err != done { //nolint:errorlint // it is passed on as it is
		return feed.Export{}, err
	}
	return r.Export(), nil
}

func (p *postOffice) Heads(ctx context.Context, instance string, from feed.Epoch) (view.FeedHeads, error) {
	if instance != "" && instance != p.name {
		return view.FeedHeads{Instance: instance, Heads: []view.FeedHead{}}, nil
	}
	heads := view.FeedHeads{Instance: p.name, Heads: []view.FeedHead{}}
	for s, err := p.log.FirstSeal(ctx); ; s, err = p.log.NextSeal(ctx, s.Epoch) {
		if err != nil || s == nil {
			return heads, err
		}
		if s.Epoch >= from {
			heads.Heads = append(heads.Heads, view.FeedHead{Epoch: s.Epoch, Seal: s.Hash().String()})
		}
	}
}

func (p *postOffice) Keys(context.Context) (feedclient.Keys, error) { return alphaKeys(p.t), nil }

func TestMailboxesAreListedAndMoved(t *testing.T) {
	dir, p := posted(t)
	text := succeed(t, "", "feed", "mailboxes", "--data-dir", dir)
	require.Regexp(t, `^MAILBOX +INSTANCE +WALLETS +KINDS +LAST +ACKNOWLEDGED +DETAIL\na +alpha +all +all +3 +0 +-\nb +alpha`, text)
	require.Equal(t, "mailbox a goes on at beta with the next epoch\n", succeed(t, "", "feed", "move", "a", "--to", "beta", "--data-dir", dir))
	require.Equal(t, "beta", p.moved)
	require.Contains(t, succeed(t, "", "feed", "mailboxes", "--data-dir", dir), "moves to beta")
	got := call(t, "", "feed", "move", "a", "--to", "gamma", "--data-dir", dir)
	require.Equal(t, codeNotFound, got.code)
	require.Contains(t, got.stderr, "walletnode feed mailboxes shows what there is")
	require.Equal(t, codeUsage, call(t, "", "feed", "move", "a", "--data-dir", dir).code)
}

// It tells what comes, acknowledges that, and writes what was verified to a file that another command verifies offline.
func TestAMailboxIsFollowed(t *testing.T) {
	dir, p := posted(t)
	state := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	var out strings.Builder
	app := newApp(nil, &out, &out)
	ended := make(chan error, 1)
	go func() {
		ended <- app.RunContext(ctx, []string{"walletnode", "--data-dir", dir, "feed", "follow", "--mailbox", "a", "--state", state, "--export", filepath.Join(state, "out")})
	}()
	require.Eventually(t, func() bool {
		s, err := p.log.Mailbox(t.Context(), "a", 0)
		_, exported := os.Stat(filepath.Join(state, "out"))
		return err == nil && s.Acknowledged == 3 && exported == nil
	}, time.Minute, time.Millisecond, "it acknowledges what it told, and writes the epoch")
	stop()
	require.NoError(t, <-ended)
	require.Contains(t, out.String(), "1 proposal of wallet "+chain.WalletID{1}.String()+", epoch 1, record 1 of node (6 bytes)\n2 result of wallet ")
	require.Contains(t, out.String(), " (all is well)\n")
	keys := filepath.Join(state, "keys")
	succeed(t, "", "feed", "keys", "-o", keys, "--data-dir", dir)
	require.Regexp(t, `^agree\n +export +mailbox a of alpha: 1 epochs \(1 to 1\), 3 entries\n$`, succeed(t, "", "feed", "verify", "--keys", keys, filepath.Join(state, "out")))
	altered := filepath.Join(state, "altered")
	require.NoError(t, os.WriteFile(altered, forged(t, filepath.Join(state, "out")), 0o600))
	got := call(t, "", "feed", "verify", "--keys", keys, altered)
	require.Equal(t, codeUnusable, got.code)
	require.Contains(t, got.stdout, "or it was altered since", "nobody can be blamed for what anybody can alter")

	for want, args := range map[int][]string{
		codeNotFound: {"--mailbox", "nowhere"},
		codeUsage:    {"--mailbox", "b", "--state", state},
		codeFailure:  {"--mailbox", "b", "--export", filepath.Join(state, "no", "such"), "--json"},
	} {
		got := call(t, "", append([]string{"feed", "follow", "--data-dir", dir}, args...)...)
		require.Equal(t, want, got.code, "%v: %s", args, got.stderr)
	}
	for _, args := range [][]string{{"--policy", "forget"}, {"--epochs", "0"}} {
		require.Equal(t, codeUsage, call(t, "", append([]string{"feed", "follow", "--mailbox", "a", "--data-dir", dir}, args...)...).code)
	}
}

func TestWhatIsToldOfAMailboxAsJSON(t *testing.T) {
	dir, _ := posted(t)
	// The second epoch's export cannot be written: that ends the command.
	got := call(t, "", "feed", "follow", "--mailbox", "a", "--json", "--export", filepath.Join(dir, "no", "such"), "--data-dir", dir)
	require.Equal(t, codeFailure, got.code)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	require.Len(t, lines, 3)
	var first, second view.FeedLine
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &second))
	require.Equal(t, []byte("signed"), first.Entry.Payload)
	require.Equal(t, "all is well", second.Entry.Event.Detail)
}

func TestAnOpeningIsOfNoWallet(t *testing.T) {
	opening, err := json.Marshal(view.NewOpening(coordination.Opened{Block: 900, At: 907}, "T"))
	require.NoError(t, err)
	e := feed.Entry{Mailbox: "a", Number: 3, Record: feed.Record{Seq: 7, Epoch: 1, Item: feed.NewItem("node", 5, chain.WalletID{}, feed.KindResult, opening)}}
	var out strings.Builder
	require.NoError(t, writeFeedEntry(&out, view.NewFeedEntry("node", e, opening, nil), len(opening)))
	require.Equal(t, "3 result, epoch 1, record 7 of node: T window 900: opened at block 907\n", out.String())
}

// What an action's record says is told whole, and not as an event of a window.
func TestWhatBecameOfAnActionIsTold(t *testing.T) {
	wallet := chain.WalletID{1}
	of := store.Tiding{Wallet: wallet, Window: 900}
	ended, retried, signed, heartbeat := of, of, of, of
	ended.Ended = &store.Ended{Outcome: action.SignerUnavailable, Detail: "it is away", At: 991}
	retried.Retried = &store.Retried{At: 992}
	signed.Signed = &store.Signed{Raw: []byte{1}, TxHash: [32]byte{0xab}, At: 993}
	heartbeat.Signed = &store.Signed{At: 994}
	for want, tiding := range map[string]store.Tiding{
		"ended at block 991: signer_unavailable (it is away)":           ended,
		"tried again at block 992":                                      retried,
		"signed at block 993, transaction ab" + strings.Repeat("0", 62): signed,
		"signed at block 994":                                           heartbeat,
	} {
		payload, err := json.Marshal(view.NewActionNews(tiding, "T"))
		require.NoError(t, err)
		e := feed.Entry{Mailbox: "a", Number: 3, Record: feed.Record{Seq: 7, Epoch: 1, Item: feed.NewItem("node", 5, wallet, feed.KindAction, payload)}}
		doc := view.NewFeedEntry("node", e, payload, nil)
		require.Nil(t, doc.Event)
		require.Equal(t, view.NewActionNews(tiding, "T"), *doc.Action)
		var out strings.Builder
		require.NoError(t, writeFeedEntry(&out, doc, len(payload)))
		require.Equal(t, fmt.Sprintf("3 action of wallet %v, epoch 1, record 7 of node: window 900: %s\n", wallet, want), out.String())
	}
}

// forgetful is an instance that lost data after what it delivered.
type forgetful struct{ *postOffice }

func (f forgetful) Follow(ctx context.Context, mailbox string, from pipeline.Position, deliver func(pipeline.News) error) error {
	var last feed.Entry
	return f.postOffice.Follow(ctx, mailbox, from, func(n pipeline.News) error {
		if n.Seal == nil {
			last = n.Delivered.Entry
			return deliver(n)
		}
		s, err := feed.NewSigner("alpha", instanceKey("alpha"))
		require.NoError(f.t, err)
		h := feed.Handover{Mailbox: mailbox, From: "alpha", To: "alpha", Number: last.Number, Head: last.Hash(), Skips: 100}
		require.NoError(f.t, h.Take(s))
		return errors.Join(deliver(pipeline.News{Handover: &h}), deliver(n))
	})
}

func TestALossIsTold(t *testing.T) {
	dir := t.TempDir()
	serveAPI(t, dir, &api.Server{Feeds: forgetful{office(t, "alpha", "signed too")}, Logger: slog.New(slog.DiscardHandler)})
	args := []string{"feed", "follow", "--mailbox", "a", "--export", filepath.Join(dir, "no", "such"), "--data-dir", dir} // which ends it
	got := call(t, "", args...)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stdout, "\nalpha has lost data: what came after any seal is void, and what is left of it comes again after entry 103\n")
	got = call(t, "", append(args, "--json")...)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	var line view.FeedLine
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &line))
	require.Equal(t, view.FeedLoss{Mailbox: "a", Instance: "alpha", Left: 3, Goes: 103}, *line.Lost)
}

// Exports are verified in a command that has neither a node nor a network.
func TestExportsAreVerifiedOffline(t *testing.T) {
	dir := t.TempDir()
	write := writesIn(t, dir)
	list := alphaKeys(t)
	raw, err := json.Marshal(list)
	require.NoError(t, err)
	keys := write("keys", raw)
	robbed, whole := filepath.FromSlash("../../net/feed/testdata/robbed.export"), filepath.FromSlash("../../net/feed/testdata/whole.export")
	verify := func(args ...string) (view.FeedVerdict, outcome) {
		got := call(t, "", append([]string{"feed", "verify", "--json", "--keys", keys}, args...)...)
		var v view.FeedVerdict
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &v), got.stdout)
		return v, got
	}
	proof := filepath.Join(dir, "proof")
	v, got := verify("--proof", proof, robbed, whole)
	require.Equal(t, codeInvalid, got.code)
	require.Equal(t, feedBlamed, v.Verdict)
	require.Len(t, v.Findings, 1)
	f := v.Findings[0]
	outbox := feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}.String()
	require.Equal(t, outbox, f.Accused)
	require.NotZero(t, f.Record)
	require.NotNil(t, f.Wallet)
	require.True(t, f.Trace[0].Accepts, "the outbox accepts the blame by what it signed")

	text := call(t, "", "feed", "verify", "--keys", keys, robbed, whole)
	require.Equal(t, codeInvalid, text.code)
	require.Contains(t, text.stdout, fmt.Sprintf("  proof     record %d of wallet %v, epoch 1: a recipient's mailbox lacks a record\n  to blame  %s\n", f.Record, *f.Wallet, outbox))

	p, got := verify(proof + ".1")
	require.Equal(t, codeInvalid, got.code)
	require.Equal(t, f.Accused, p.Findings[0].Accused)
	require.Equal(t, f.Record, p.Findings[0].Record)

	more := filepath.Join(dir, "more")
	v, got = verify("--proof", more, filepath.FromSlash("../../net/feed/testdata/repeated.export"), filepath.FromSlash("../../net/feed/testdata/once.export"))
	require.Equal(t, codeInvalid, got.code)
	require.Len(t, v.Findings, 1)
	require.Equal(t, feed.Disorders.String(), v.Findings[0].Fault)
	require.Equal(t, outbox, v.Findings[0].Accused)
	require.NotZero(t, v.Findings[0].Record)
	p, got = verify(more + ".1")
	require.Equal(t, codeInvalid, got.code)
	require.Equal(t, v.Findings[0].Record, p.Findings[0].Record)
	require.Equal(t, outbox, p.Findings[0].Accused)

	kept, err := os.ReadFile(whole)
	require.NoError(t, err)
	export, err := feed.DecodeExport(kept)
	require.NoError(t, err)
	require.NotEmpty(t, export.Epochs)
	export.Epochs = nil
	empty := write("empty", export.Encode())

	for name, args := range map[string][]string{
		"nothing":          {empty},
		"beside nothing":   {whole, empty},
		"another list":     {robbed, whole, "--operator", chain.Operator{7}.String()},
		"no operator":      {robbed, whole, "--operator", "me"},
		"no such file":     {filepath.Join(dir, "nowhere")},
		"no export":        {keys},
		"one with itself":  {robbed, robbed},
		"a forged proof":   {write("forged", forged(t, proof+".1"))},
		"a proof and more": {proof + ".1", whole},
	} {
		v, got := verify(append([]string{}, reorder(args)...)...)
		require.Equal(t, codeUnusable, got.code, "%s: %s", name, got.stdout)
		require.Equal(t, feedUnusable, v.Verdict)
		require.NotEmpty(t, v.Detail)
	}
	list.Instances[0].Key[0] ^= 1
	raw, err = json.Marshal(list)
	require.NoError(t, err)
	keys = write("others", raw)
	v, got = verify(robbed)
	require.Equal(t, codeUnusable, got.code, "a list of keys that nobody signed")
	require.Contains(t, v.Detail, "list of the instances' keys is not valid")
}

// reorder puts flags before arguments.
func reorder(args []string) []string {
	for i, a := range args {
		if strings.HasPrefix(a, "--") {
			return append(append([]string{}, args[i:]...), args[:i]...)
		}
	}
	return args
}

// forged is a file with its last bit flipped.
func forged(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name) //nolint:gosec // of the test's own
	require.NoError(t, err)
	raw[len(raw)-1] ^= 1
	return raw
}
