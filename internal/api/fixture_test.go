package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// live is a node at a moment.
type live struct {
	ready  bool
	wallet chain.Wallet
	err    error // of every question that can fail

	cordoned bool
	retried  []chain.WalletID
}

func (l *live) Readiness(context.Context) view.Readiness {
	checks := []view.Check{{Name: "state", OK: l.ready, Reason: "not yet", Current: "syncing", Required: "active"}}
	return view.NewReadiness("syncing", checks)
}

func (l *live) Status(ctx context.Context) (view.Status, error) {
	next, err := l.Next(ctx)
	return view.Status{
		State: "active", Since: view.Time(time.Unix(1, 0)), Operator: l.wallet.Roster()[0], Listening: []string{}, Checks: []view.Check{},
		Head: view.NewHead(chain.Head{Header: chain.Header{Height: 4505}, ReceivedAt: time.Now()}, false), Window: view.NewPhase(4505), Next: &next,
		Last: []view.Window{},
	}, err
}

func (l *live) Next(context.Context) (view.Next, error) {
	next, w := view.NewNext(5390, 12*time.Second)
	next.Wallets = append(next.Wallets, view.Elect(l.wallet, w, chain.Hash{5}, l.wallet.Roster()[0]))
	return next, l.err
}

func (l *live) Explain(_ context.Context, id chain.WalletID, block chain.Height) (view.Election, error) {
	w, ok := coordination.RFC12().Window(block)
	if !ok || id != l.wallet.ID() {
		return view.Election{}, store.ErrNotFound
	}
	return view.Elect(l.wallet, w, chain.Hash{5}, chain.Operator{}), l.err
}

func (l *live) Peers() view.Peers {
	return view.NewPeers([]net.PeerInfo{{ID: "peer", State: net.PeerAdmitted, Operator: chain.Operator{7}, TermsKnown: true, Addrs: []string{"/ip4/127.0.0.1/tcp/1"}}, {ID: "other"}})
}

func (l *live) StoreState(context.Context) (view.StoreState, error) {
	return view.NewStoreState(store.Figures{Path: "walletnode.db", Newest: 4500, LastBackup: &store.Copy{File: "copy", At: time.Unix(1, 0)}}, "4711", true, store.Retention{}), l.err
}

func (l *live) Ping(_ context.Context, peer string) (view.Pong, error) {
	return view.NewPong(peer, time.Millisecond), l.err
}

func (l *live) Endpoints() (view.Endpoints, error) {
	peers, height, took := 7, chain.Height(4505), 0.02
	return view.Endpoints{
		Mode: "quorum", Quorum: true, Agreed: &view.Agreed{Block: 4505, At: "now"}, Votes: 2, Groups: 3, Needed: 2,
		Endpoints: []view.Endpoint{
			{Name: "primary", Roles: []quorum.Role{"read"}, Status: "healthy", Reason: "ok", Height: &height, Peers: &peers, P50: &took, P95: &took, Cordoned: l.cordoned, Siblings: []view.Opinion{{Instance: "b", Status: "unhealthy", Detail: "lag: 3 blocks behind", Since: "now"}}},
			{Name: "other", Roles: []quorum.Role{}, Status: "unresponsive", Reason: "timeout", Siblings: []view.Opinion{}},
		},
	}, l.err
}

func (l *live) EndpointHistory(name string) (view.EndpointHistory, error) {
	if name != "primary" {
		return view.EndpointHistory{}, fmt.Errorf("%w: endpoint %q", store.ErrNotFound, name)
	}
	return view.EndpointHistory{Name: name, Changes: []view.EndpointChange{{At: "now", Status: "healthy", Reason: "ok"}}}, l.err
}

func (l *live) Cordon(name string, cordoned bool) error {
	if _, err := l.EndpointHistory(name); err != nil {
		return err
	}
	l.cordoned = cordoned
	return nil
}

func (l *live) RetryAction(_ context.Context, wallet chain.WalletID, window chain.Height) error {
	switch {
	case window != 3600:
		return fmt.Errorf("%w: action in window %d", store.ErrNotFound, window)
	case l.err != nil:
		return l.err
	}
	l.retried = append(l.retried, wallet)
	return nil
}

func (l *live) reload(context.Context) (view.Reload, error) {
	return view.Reload{Added: []string{"four"}, Removed: []string{}, Changed: []string{}, Restart: []string{"log.level"}, Warnings: []string{}}, l.err
}

// levels is a log.
type levels map[string]string

func (l levels) Levels() map[string]string { return l }

func (l levels) SetLevel(subsystem, level string) error {
	switch {
	case level != "debug" && level != "info":
		return fmt.Errorf("%w, have %q", ErrLogLevel, level)
	case l[subsystem] == "":
		return fmt.Errorf("%w: subsystem %q", store.ErrNotFound, subsystem)
	}
	l[subsystem] = level
	return nil
}

// world is a server with a history behind it.
type world struct {
	*Server
	live    *live
	cluster *cluster
	fault   faults.Fault

	ceremonies *ceremonies
	enclaves   *enclaves
}

func newWorld(t testing.TB) world {
	t.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	leader := chain.Operator{1}
	wallet, err := chain.NewWallet(chain.PublicKey(crypto.FromECDSAPub(&key.PublicKey)), []chain.Operator{leader, {2}, leader})
	require.NoError(t, err)
	s, err := store.Open(t.Context(), store.Config{DSN: t.TempDir()}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	w := world{live: &live{ready: true, wallet: wallet}, cluster: newCluster(), ceremonies: &ceremonies{}, enclaves: newEnclaves(wallet.ID())}
	w.fault = record(t, s, wallet)
	for _, kind := range []string{"two-statements", "two-heads"} {
		keepProof(t, s, kind)
	}
	w.Server = &Server{
		Records: view.Records{Store: s.Reader}, Live: w.live, Cluster: w.cluster, Keygens: w.ceremonies, Signers: w.enclaves, Feed: new(Feed), Log: levels{"net": "info", "chain": "info"},
		Reload: w.live.reload, Logger: slog.New(slog.DiscardHandler), Evidence: &neighbours{report: found(t)},
	}
	return w
}

// record stores a missed range, a finished window with a fault and an action, and an open window in which we led.
func record(t testing.TB, s *store.Store, wallet chain.Wallet) faults.Fault {
	t.Helper()
	ctx, id, schedule := t.Context(), wallet.ID(), coordination.RFC12()
	require.NoError(t, s.ImportWallet(ctx, wallet, time.Unix(1_800_000_000, 0)))
	_, err := s.Assign(ctx, signer.SessionID{1}, "enclave-1", placement.Derived)
	require.NoError(t, err)
	require.NoError(t, s.Confirm(ctx, signer.SessionID{1}, id))
	require.NoError(t, s.RecordMissed(ctx, coordination.Missed{First: 900, Last: 2700, Reason: coordination.ReasonNodeDown, NotedAt: 3601}))
	for _, block := range []chain.Height{3600, 4500} {
		w, _ := schedule.Window(block)
		require.NoError(t, s.OpenWindow(ctx, coordination.Opened{Block: block, At: block + 1, Hash: chain.Hash{2}, Time: time.Unix(1_800_000_000, 0)}))
		_, err := s.Begin(ctx, id, w, block+1)
		require.NoError(t, err)
	}
	agreed := proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(1234)}
	require.NoError(t, s.SaveStatement(ctx, coordination.Statement{
		Wallet: id, Window: 3600, Author: wallet.Roster()[0], Seat: 1, Digest: [32]byte{3}, Signed: []byte("signed"), ArrivedAt: 3605,
		Payload:    proposal.EncodeMessage(proposal.Message{Sender: 1, Block: 3600, Wallet: id, Proposal: agreed}),
		ReceivedAt: time.Unix(1_800_000_060, 0),
	}))
	fault := faults.Fault{
		Key:        faults.Key{Wallet: id, Window: 3600, Kind: faults.LeaderImpersonation, Culprit: chain.Operator{2}},
		Attributed: true, Evidence: [][]byte{[]byte("evidence")}, Observer: faults.Observer{SeedAgreed: true}, ObservedAt: 3680,
	}
	w, _ := schedule.Window(3600)
	_, err = s.RecordResult(ctx, coordination.Result{
		Wallet: id, Window: w, Role: coordination.RoleFollower, Seed: [32]byte{4}, Leader: wallet.Roster()[0], Proposal: agreed,
		ReceivedAt: 3605, OpenedAt: 3601, Faults: []faults.Fault{fault}, Reason: coordination.ReasonOK,
	})
	require.NoError(t, err)
	require.NoError(t, s.SaveIntent(ctx, asked(t, wallet)))
	require.NoError(t, s.BeginAttempt(ctx, id, 3600, 1))
	require.NoError(t, s.EndAttempt(ctx, id, 3600, signing.Attempt{
		Number: 1, Begun: 3700, Ended: 3736, Coordinator: wallet.Roster()[0], Signers: []int{1, 2}, Active: 2, Whole: true,
		Absent: []chain.Operator{{3}}, Silent: []chain.Operator{{2}}, Result: signing.ResultCheated, Detail: "it named two sets of signers",
	}, []signing.Blame{{Attempt: 1, Operator: chain.Operator{2}, Seat: 2, Misdeed: signing.MisdeedLists, Detail: "it named two sets of signers", Proof: [][]byte{{1}, {2}}}}))
	_, err = s.SaveOwn(ctx, id, 4500, coordination.OwnProposal{
		Payload:  proposal.EncodeMessage(proposal.Message{Sender: 1, Block: 4500, Wallet: id, Proposal: proposal.Noop{}}),
		Envelope: []byte("envelope"), SentAt: 4502,
	})
	require.NoError(t, err)
	return fault
}

// send answers a request without a network.
func (w world) send(t testing.TB, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	request.Host = "localhost"
	return answerOf(w.Handler(), request)
}

// problem demands that a request fails, and returns its code.
func (w world) problem(t testing.TB, status int, target string) Problem {
	t.Helper()
	answer := w.send(t, http.MethodGet, target, "")
	require.Equal(t, status, answer.Code, "%s: %s", target, answer.Body)
	var p Problem
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
	_, err := answer.Body.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	return p
}

// answerOf lets a handler answer.
func answerOf(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder
}
