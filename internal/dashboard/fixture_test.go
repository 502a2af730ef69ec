package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/dashboard"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// patience is how long a test waits for what must come: a machine that does ten things at once is slow.
const patience = 2 * time.Minute

// fake is a source whose board a test changes.
type fake struct {
	mu        sync.Mutex
	board     view.Board
	refreshes int
	broken    error // what Refresh returns
	traces    map[chain.Height]view.Trace
	signings  map[chain.WalletID]view.Signing // of any window
}

func (f *fake) Board() view.Board {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.board
}

func (f *fake) Refresh(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refreshes++
	return f.broken
}

// News says that there is no feed.
func (f *fake) News(context.Context, func()) error { return errors.New("no feed") }

func (f *fake) Record(_ context.Context, block chain.Height, _ *chain.WalletID) (view.Trace, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	trace, ok := f.traces[block]
	if !ok {
		return view.Trace{}, fmt.Errorf("%w: nothing is recorded of window %d", store.ErrNotFound, block)
	}
	return trace, nil
}

func (f *fake) Signings(_ context.Context, _ chain.Height, wallet chain.WalletID) (view.Signings, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.signings[wallet]; ok {
		return view.Signings{Signings: []view.Signing{s}}, nil
	}
	return view.Signings{}, store.ErrNotFound
}

// change has the next snapshot show another board.
func (f *fake) change(edit func(b *view.Board)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	edit(&f.board)
}

func (f *fake) refreshed() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refreshes
}

// serve runs a dashboard of a source until the test ends.
func serve(t *testing.T, source dashboard.Source, token string) *httptest.Server {
	t.Helper()
	s, err := dashboard.New(dashboard.Config{Token: token, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	s.Open(source)
	return run(t, s)
}

func run(t *testing.T, s *dashboard.Server) *httptest.Server {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		stop()
		require.NoError(t, <-ended)
	})
	return server
}

func operator(n byte) (op chain.Operator) {
	for i := range op {
		op[i] = n*17 + byte(i)*n*3
	}
	return op
}

func wallet(n byte) (id chain.WalletID) {
	for i := range id {
		id[i] = n*29 + byte(i)*7
	}
	return id
}

// newest is the present window of the fixture, in its active phase.
const newest = 230 * 900

// sample is an operator with three instances, five wallets and six fellow operators, of whom some misbehave.
func sample() *fake {
	fellows := []chain.Operator{operator(1), operator(2), operator(3), operator(4), operator(5), operator(6), operator(7)}
	windows := view.LastWindows(newest)
	var tally store.Tally
	for i, w := range windows {
		for n := range fellows {
			led := store.ResultTally{Block: w, Leader: fellows[n], Reason: coordination.ReasonOK, Wallets: 1}
			switch {
			case (i*7+n*5)%11 > 6 || w == newest:
				continue
			case n == 5 && i%9 == 4:
				tally.Faults = append(tally.Faults, store.FaultTally{Block: w, Culprit: fellows[n], Kind: faults.LeaderIdle, Attributed: true, Wallets: 1})
				continue
			case n == 3 && i == 31:
				tally.Faults = append(tally.Faults, store.FaultTally{Block: w, Culprit: fellows[n], Kind: faults.LeaderMistake, Attributed: true, Wallets: 1})
				continue
			case n == 4 && i == 18:
				tally.Faults = append(tally.Faults, store.FaultTally{Block: w, Culprit: fellows[n], Kind: faults.LeaderEquivocation, Attributed: true, Wallets: 1})
				continue
			case n == 2 && i == 23:
				led.Reason = coordination.ReasonNoQuorum
			}
			tally.Results = append(tally.Results, led)
		}
	}
	tally.Faults = append(tally.Faults, store.FaultTally{Block: newest, Culprit: operator(6), Kind: faults.LeaderImpersonation, Attributed: true, Wallets: 1})
	tally.Missed = []coordination.Missed{{First: windows[9], Last: windows[10], Reason: coordination.ReasonNodeDown}}

	f := &fake{traces: map[chain.Height]view.Trace{}}
	f.board.Live = live(fellows)
	f.board.Records = view.BoardRecords{Version: 1, Heat: view.NewHeat(windows, fellows, operator(1), tally)}
	ok, open, finished, redemption := coordination.ReasonOK, view.WindowOpen, view.WindowFinished, "Redemption"
	for n := byte(1); n <= 5; n++ {
		w := view.BoardWallet{Wallet: wallet(n), Seats: 100, OwnSeats: 12 + int(n), Operators: 7, Leader: &fellows[n], State: &open}
		if n == 2 {
			w.State, w.Reason, w.Action = &finished, &ok, &redemption
		}
		f.board.Records.Wallets = append(f.board.Records.Wallets, w)
	}
	for i, fault := range []faults.Fault{
		{Key: faults.Key{Wallet: wallet(3), Window: newest, Kind: faults.LeaderImpersonation, Culprit: operator(6)}, Attributed: true, Detail: "claimed seat 17"},
		{Key: faults.Key{Wallet: wallet(1), Window: windows[49], Kind: faults.LeaderIdle, Culprit: operator(6)}, Attributed: true},
		{Key: faults.Key{Wallet: wallet(4), Window: windows[31], Kind: faults.LeaderMistake, Culprit: operator(4)}, Attributed: true, Detail: "refused: Redemption request is not old enough"},
		{Key: faults.Key{Wallet: wallet(4), Window: windows[18], Kind: faults.LeaderEquivocation, Culprit: operator(5)}, Attributed: true},
	} {
		at := time.Date(2026, 3, 9, 14, 20, 0, 0, time.UTC).Add(-time.Duration(i) * 26 * time.Hour)
		f.board.Records.Faults = append(f.board.Records.Faults, view.NewBoardFault(faults.Record{Fault: fault, ID: fault.ID(), StoredAt: at}))
	}
	f.traces[newest] = record(f.board.Records.Faults[0])
	return f
}

func live(fellows []chain.Operator) view.Live {
	instances := view.Instances{Self: "vienna-1", Shared: true, Instances: []view.Instance{
		{ID: "vienna-1", State: view.InstanceServing, Version: "v0.9.2", Healthy: true, LeaseMS: 8_400, Wallets: []chain.WalletID{wallet(1), wallet(4)}, Self: true, URLs: []string{"https://vienna-1.example.org:9443"}},
		{ID: "vienna-2", State: view.InstanceServing, Version: "v0.9.2", Healthy: true, LeaseMS: 9_100, Wallets: []chain.WalletID{wallet(2), wallet(5)}, URLs: []string{"https://vienna-2.example.org:9443"}},
		{ID: "oslo-1", State: view.InstanceServing, Version: "v0.9.1", Healthy: true, LeaseMS: 7_700, Wallets: []chain.WalletID{wallet(3)}, URLs: []string{"https://oslo-1.example.org:9443", "http://oslo1exampleonionaddress.onion:9000"}},
	}}
	l := view.Live{
		Operator: operator(1), Self: "vienna-1", Version: "v0.9.2", State: "active",
		Head:   &view.Head{Block: newest + 33, Time: "2026-03-09T14:26:35Z", Age: 4.2},
		Window: &view.Phase{Window: newest, Index: newest / 900, Phase: "active", Left: 47}, InSeconds: 564,
		Next: newest + 900, NextIn: 867, SeedIn: 835, Instances: instances, RecordsVersion: 1, Peers: []view.Peer{},
	}
	for i, op := range fellows[1:] {
		p := view.Peer{ID: fmt.Sprintf("16Uiu2HAm%032x", uint64(i+3)*0x9e3779b97f4a7c15), Operator: &op, State: net.PeerAdmitted}
		if i == 4 {
			p.State, p.LastError = net.PeerDisconnected, new("connection refused")
		}
		l.Peers = append(l.Peers, p)
	}
	height, latency := chain.Height(newest+33), 0.043
	endpoint := func(name string, serving bool) view.Endpoint {
		return view.Endpoint{Name: name, Group: name, Address: "wss://" + name + ".example.org", Serving: serving, Votes: true, Status: quorum.Healthy, Height: &height, P50: &latency}
	}
	sick := endpoint("provider-two", false)
	sick.Status, sick.Reason, sick.Detail, sick.Lag, sick.Votes = quorum.Unhealthy, "lagging", "14 blocks behind", 14, false
	l.Endpoints = &view.Endpoints{Mode: "quorum", Quorum: true, Votes: 2, Groups: 3, Needed: 2, Endpoints: []view.Endpoint{endpoint("own-node", true), endpoint("provider-one", false), sick}}
	return l
}

// record is what is stored of the window of a fault.
func record(f view.BoardFault) view.Trace {
	role, leader, open := coordination.RoleFollower, operator(3), view.WindowOpen
	return view.Trace{
		Window: f.Window, Index: uint64(f.Window / 900), Seed: f.Window - 32, Opened: &view.Opened{At: f.Window, Time: "2026-03-09T14:20:01Z"},
		Wallets: []view.WalletTrace{{
			Window:    view.Window{State: open, Window: f.Window, Wallet: &f.Wallet, Role: &role, Leader: &leader, Detail: "one message heard"},
			Checklist: []string{"Redemption", "Heartbeat"}, Proposal: json.RawMessage("null"),
			Statements: []view.Statement{{Author: f.Culprit, Seat: 17, Message: json.RawMessage(`{"proposal":{"kind":"Noop"}}`), ArrivedAt: f.Window + 4, Verdict: "impersonation"}},
			Faults:     []view.Fault{{ID: f.ID, Window: f.Window, Wallet: f.Wallet, Kind: f.Kind, Culprit: f.Culprit, Attributed: f.Attributed, Detail: f.Detail, Evidence: []string{}, Observer: faults.Observer{OpenedAt: f.Window, Peers: 5, SeedAgreed: true}}},
		}},
	}
}
