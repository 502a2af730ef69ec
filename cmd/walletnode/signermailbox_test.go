package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/pipeline"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
)

// A signer as a process of its own signs what came through its mailbox, whatever the node shows, and nothing else; also after a start.
func TestASignerTakesLeadersMessagesFromItsMailbox(t *testing.T) {
	p := office(t, "alpha", "signed too", "signer.s.alpha")
	p.heights <- 9900
	const token = "0123456789abcdef0123456789abcdef"
	office := &api.Server{Feeds: p, Logger: slog.New(slog.DiscardHandler), Guard: api.Guard{
		Token:       "another word, which is the operator's",
		Subscribers: []api.Subscriber{{Name: "signer", Token: token, Mailboxes: []string{"signer.s"}, May: []api.Right{api.RightFollow, api.RightAcknowledge}}},
	}}
	node := httptest.NewServer(office.Handler())
	defer node.Close()

	private, err := secp256k1.GeneratePrivateKeyFromRand(rand.Reader)
	require.NoError(t, err)
	o := &soleOperator{key: private, op: wire.PublicKeyOf(private).Operator()}
	s := startSigner(t)
	health, err := s.dial(t, s.config).Health(t.Context())
	require.NoError(t, err)
	require.Equal(t, signer.FeedOff, health.Feed)
	require.Contains(t, s.said(t), "The node's word is taken for what leaders say")
	key := o.generate(t, s.dial(t, s.config))
	s.stop(t)

	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "feed-token"), []byte(token+"\n"), 0o600))
	settings := filepath.Join(s.dir, daemon.SettingsFile)
	text, err := os.ReadFile(settings) //nolint:gosec // the test's own
	require.NoError(t, err)
	off := []byte(feedText(daemon.FeedSettings{Mode: daemon.FeedOff}))
	require.True(t, bytes.Contains(text, off))
	text = bytes.Replace(text, off, fmt.Appendf(nil, "[feed]\nurls = [%q]\noperator = %q\nmailbox = \"signer.s\"\ntoken_file = \"feed-token\"\nwait = \"1s\"\n\n[[feed.peers]]\nurl = %q\nfingerprint = %q\n\n",
		node.URL, alphaKeys(t).Operator, s.config.URL, s.config.Fingerprint), 1)
	require.NoError(t, os.WriteFile(settings, text, 0o600))
	s.start(t)
	backend := s.dial(t, s.config)
	require.Eventually(t, func() bool {
		health, err := backend.Health(t.Context())
		return err == nil && health.Feed == signer.FeedFollows
	}, 2*time.Minute, 10*time.Millisecond)
	require.NotContains(t, s.said(t), "The node's word is taken")
	shown := o.begin(key, 9900, 1)
	var refused *signer.Refused
	_, err = backend.Sign(t.Context(), shown)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, signer.RuleFeed, refused.Rule, "a leader signed what the node shows, and the mailbox does not have it")

	require.NoError(t, p.Submit(t.Context(), "node", 4, []pipeline.Message{{Wallet: key.Wallet, Kind: feed.KindProposal, Payload: shown.Open.Intent.Statement}}))
	for range 2 {
		// What is in the mailbox was told before, so the signer waits for it only as long as it takes to get there.
		require.Eventually(t, func() bool {
			box, err := p.log.Mailbox(t.Context(), "signer.s.alpha", 0)
			return err == nil && box.Acknowledged == 4
		}, 2*time.Minute, 10*time.Millisecond)
		open := *shown.Open
		open.Intent.Statement = []byte("whatever the node shows")
		open.Attempt++
		shown.Open = &open
		shown.Session = signer.SigningSession(open.Intent.Digest(heartbeatOf(9900)), 0, open.Attempt, open.Signers)
		reply, err := signAll(t, backend, shown)
		require.NoError(t, err)
		require.Len(t, reply.Done.Signature, 64)
		s.stop(t)
		s.start(t)
		backend = s.dial(t, s.config)
	}
	agreesWithAnotherSubscriber(t, s, node.URL)
	s.stop(t)
	require.NoDirExists(t, filepath.Join(s.dir, "vault", "feed"))
	require.FileExists(t, filepath.Join(s.dir, "feed", "signer.s.alpha", "place.json"))
	require.NotContains(t, s.said(t), token)

	// A mailbox that cannot be had is no reason to sign without one.
	node.Close()
	s.start(t)
	backend = s.dial(t, s.config)
	_, err = o.heartbeat(t, backend, key, 10800)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, signer.RuleFeed, refused.Rule)
	health, err = backend.Health(t.Context())
	require.NoError(t, err)
	require.Equal(t, signer.FeedAway, health.Feed)
	require.NotEmpty(t, health.FeedDetail)
	s.stop(t)
}

// agreesWithAnotherSubscriber has a subscriber of mailbox b compare with a signer's, over the signer's own server and with a certificate that
// may read. The signer's own peer is itself, of which nothing can come; that it was asked shows that it compares.
func agreesWithAnotherSubscriber(t *testing.T, s *signerProcess, node string) {
	t.Helper()
	own, err := daemon.LoadIdentity(s.config.Certificate, s.config.Key)
	require.NoError(t, err)
	address, via, err := daemon.FeedPeer{URL: s.config.URL, Fingerprint: s.config.Fingerprint}.Way(own)
	require.NoError(t, err)
	defer via.CloseIdleConnections()
	peer, err := feedclient.NewPeer(address, "", via)
	require.NoError(t, err)
	way, err := client.New(client.Config{Bootstrap: []string{node}, Token: "another word, which is the operator's"})
	require.NoError(t, err)
	defer way.Close()
	came := make(chan feedclient.Comparison, 16)
	f, err := feedclient.Open(feedclient.Config{
		Instances: way, Mailbox: "b", Operator: alphaKeys(t).Operator, Peers: []feedclient.Other{peer}, Dir: t.TempDir(),
		Deliver:  func(context.Context, feedclient.Delivery) error { return nil },
		Compared: func(_ context.Context, c feedclient.Comparison) { came <- c },
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	c := <-came
	require.Equal(t, feedclient.Agree, c.Verdict(), "%v", c.Wrong)
	require.Equal(t, "signer.s.alpha", c.Mailbox)
	require.Positive(t, c.Epochs)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Eventually(t, func() bool { return strings.Contains(s.said(t), "whether another subscriber got the same") }, 2*time.Minute, 10*time.Millisecond)
}

func TestSettingsOfASignersMailboxAreChecked(t *testing.T) {
	dir, prepared := preparedDir(t)
	whole, err := os.ReadFile(prepared.Settings)
	require.NoError(t, err)
	plain, _, found := strings.Cut(string(whole), "[feed]")
	require.True(t, found)
	operator := chain.Operator{7}.String()
	for text, want := range map[string]string{
		"":              "feed.urls: want where",
		`mailbox = "a"`: "feed.operator: want the operator's address",
		`urls = ["unix:///a"]` + "\noperator = \"" + operator + "\"\nmailbox = \"signer.a\"": "feed.urls: bootstrap: URL",
		`urls = ["http://a"]` + "\noperator = \"" + operator + "\"\nmailbox = \"A B\"":       "mailbox \"A B\": want signer. and the signer's id",
		`wait = "2h"`:                           "feed.wait: want at most 1m",
		"[[feed.peers]]\nurl = \"https://a:1\"": "has no fingerprint",
		"[[feed.peers]]\nurl = \"http://a:1\"\nfingerprint = \"" + someFingerprint + "\"": "feed.peers: signer backend: \"http://a:1\": want a URL like",
		`word = "2h"`: `there is no key "feed.word"`,
	} {
		require.NoError(t, os.WriteFile(prepared.Settings, []byte(plain+"[feed]\n"+text+"\n"), 0o600))
		got := call(t, "", "signer", "run", "--dir", dir)
		require.Equal(t, codeUsage, got.code, "%s: %s", text, got.stderr)
		require.Contains(t, got.stderr, want)
	}
	require.NoError(t, os.WriteFile(prepared.Settings, []byte(plain), 0o600))
	got := call(t, "", "signer", "run", "--dir", dir)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "feed.urls: want where the operator's instances are reached; or feed.mode = \"off\"", "nobody takes the node's word by an omission")
}
