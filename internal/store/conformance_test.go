package store

import (
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
)

// making makes an empty store and returns what opens it, again and again: each call closes what the last one opened.
type making func(t *testing.T, retention Retention) (open func() *Store)

// conformance is what every engine must do alike.
var conformance = map[string]func(t *testing.T, open func() *Store){
	"R1 a window is opened once":                           testOpenOnce,
	"R1 missed windows move the last window":               testMissed,
	"R1 a new store starts after a window":                 testStartAfter,
	"R1 an open row is resumed, a finished one stays":      testResume,
	"R1 a wallet never begun with has a result too":        testUnbegun,
	"R1 open rows are found by wallet":                     testOpenRows,
	"R1 a window nobody began is open":                     testOpenUnbegun,
	"R1 racing results have one winner":                    testOneWinner,
	"R2 the first own proposal stays":                      testOwn,
	"R2 racing proposals have one winner":                  testOneOwn,
	"R2 statements are kept once, in order of arrival":     testStatements,
	"R2 one author cannot fill the store":                  testStatementBound,
	"R2 what the leader said is told from what others did": testLeaderWords,
	"R4 a fault is recorded once and keeps its verdict":    testFaultMerge,
	"R4 faults are found by each filter":                   testFaultFilters,
	"R7 the action stands with its result":                 testActionWithResult,
	"R7 a started action is pending after a restart":       testActionLife,
	"R7 an action without a signer is tried again":         testRetry,
	"R7 what is signed, refused or revoked stays":          testRetryOutcomes,
	"R3 a revoked action is not tried again":               testRetryRevoked,
	"R7 revocation":                                        testRevocation,
	"R3 two statements of the leader revoke by themselves": testProvedRevocation,
	"wallets":                    testWallets,
	"windows are listed":         testListing,
	"a window in detail":         testDetail,
	"every proposal comes back":  testProposals,
	"values out of range":        testRange,
	"nothing is stored by error": testAllOrNothing,
}

func testConformance(t *testing.T, make making) {
	t.Helper()
	for name, run := range conformance {
		t.Run(name, func(t *testing.T) { run(t, make(t, Retention{})) })
	}
	t.Run("retention", func(t *testing.T) { testRetention(t, make) })
}

var (
	walletA = chain.WalletID{0xa}
	walletB = chain.WalletID{0xb}
	mallory = chain.Operator{0x66}
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
)

// window is window number n of the network's schedule.
func window(n uint64) coordination.Window {
	w, ok := coordination.RFC12().Window(chain.Height(n * 900))
	if !ok {
		panic("no window")
	}
	return w
}

func opened(n uint64) coordination.Opened {
	w := window(n)
	return coordination.Opened{Block: w.Block, At: w.Block + 2, Hash: chain.Hash{byte(n)}, Time: noon}
}

// agreed is a result that orders a heartbeat.
func agreed(wallet chain.WalletID, n uint64) coordination.Result {
	w := window(n)
	return coordination.Result{
		Wallet: wallet, Window: w, Role: coordination.RoleFollower, Seed: [32]byte{1, 2}, Leader: chain.Operator{7},
		Proposal: proposal.Heartbeat{Message: [16]byte{9}}, ReceivedAt: w.Block + 5, OpenedAt: w.Block + 1,
		Reason: coordination.ReasonOK, Detail: "fine",
	}
}

func fault(wallet chain.WalletID, n uint64, kind faults.Kind, culprit chain.Operator) faults.Fault {
	return faults.Fault{
		Key:        faults.Key{Wallet: wallet, Window: window(n).Block, Kind: kind, Culprit: culprit},
		Attributed: true, Detail: "seat 3", ObservedAt: window(n).ActiveEnd,
		Evidence: [][]byte{{1, 1}},
		Observer: faults.Observer{OpenedAt: window(n).Block, Peers: 4, ClockAge: time.Second, SeedAgreed: true},
	}
}

// silent is a result without agreement that carries faults.
func silent(wallet chain.WalletID, n uint64, list ...faults.Fault) coordination.Result {
	r := agreed(wallet, n)
	r.Proposal, r.ReceivedAt, r.Reason, r.Faults = nil, 0, coordination.ReasonLeaderIdle, list
	return r
}

func record(t *testing.T, s *Store, r coordination.Result) {
	t.Helper()
	won, err := s.RecordResult(t.Context(), r)
	require.NoError(t, err)
	require.True(t, won)
}

func testOpenOnce(t *testing.T, open func() *Store) {
	s := open()
	last, err := s.LastWindow(t.Context())
	require.NoError(t, err)
	require.Zero(t, last)

	require.NoError(t, s.OpenWindow(t.Context(), opened(2)))
	require.ErrorIs(t, s.OpenWindow(t.Context(), opened(2)), errStaleWindow)
	require.ErrorIs(t, s.OpenWindow(t.Context(), opened(1)), errStaleWindow)

	last, err = open().LastWindow(t.Context())
	require.NoError(t, err)
	require.Equal(t, opened(2), last)
}

func testMissed(t *testing.T, open func() *Store) {
	s := open()
	require.NoError(t, s.OpenWindow(t.Context(), opened(2)))
	m := coordination.Missed{First: 2700, Last: 4500, Reason: coordination.ReasonNodeDown, NotedAt: 4700}
	require.NoError(t, s.RecordMissed(t.Context(), m))
	require.NoError(t, s.RecordMissed(t.Context(), m), "a repetition changes nothing")
	last, err := s.LastWindow(t.Context())
	require.NoError(t, err)
	require.Equal(t, coordination.Opened{Block: 4500}, last)
	require.ErrorIs(t, s.OpenWindow(t.Context(), opened(5)), errStaleWindow)

	m.Last = 5400
	require.ErrorIs(t, s.RecordMissed(t.Context(), m), errStaleWindow, "window 3 is accounted for")
	m.First = 4600
	m.Last = 4599
	require.Error(t, s.RecordMissed(t.Context(), m), "a range that ends before it begins")
	m = coordination.Missed{First: 5400, Last: 5400, Reason: "no such reason"}
	require.Error(t, s.RecordMissed(t.Context(), m))

	s = open()
	require.NoError(t, s.OpenWindow(t.Context(), opened(6)))
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, &coordination.Missed{First: 2700, Last: 4500, Reason: coordination.ReasonNodeDown, NotedAt: 4700}, rows[0].Missed)
}

func testStartAfter(t *testing.T, open func() *Store) {
	require.NoError(t, open().StartAfter(t.Context(), 1800))
	s := open()
	require.NoError(t, s.StartAfter(t.Context(), 1800), "a repetition changes nothing")
	require.ErrorIs(t, s.StartAfter(t.Context(), 2700), errStaleWindow)
	last, err := s.LastWindow(t.Context())
	require.NoError(t, err)
	require.Equal(t, coordination.Opened{Block: 1800}, last)
	_, err = s.WindowDetail(t.Context(), 1800)
	require.ErrorIs(t, err, ErrNotFound, "it was neither opened nor missed")
	require.NoError(t, s.OpenWindow(t.Context(), opened(3)))
	require.ErrorIs(t, s.StartAfter(t.Context(), 1800), errStaleWindow)
}

func testResume(t *testing.T, open func() *Store) {
	s := open()
	progress, err := s.Begin(t.Context(), walletA, window(1), 903)
	require.NoError(t, err)
	require.Equal(t, coordination.Progress{OpenedAt: 903}, progress)
	_, err = s.Begin(t.Context(), walletB, window(1), 903)
	require.NoError(t, err)
	_, err = s.Begin(t.Context(), walletA, window(2), 1800)
	require.NoError(t, err)

	s = open()
	progress, err = s.Begin(t.Context(), walletA, window(1), 950)
	require.NoError(t, err)
	require.Equal(t, coordination.Progress{OpenedAt: 903}, progress, "resumed")
	record(t, s, agreed(walletA, 1))

	s = open()
	require.NoError(t, s.FinishOpen(t.Context(), 900, coordination.ReasonNodeDown))
	won, err := s.RecordResult(t.Context(), silent(walletB, 1, fault(walletB, 1, faults.LeaderIdle, mallory)))
	require.NoError(t, err)
	require.False(t, won, "finished as node_down already")
	progress, err = s.Begin(t.Context(), walletA, window(1), 960)
	require.NoError(t, err)
	require.Equal(t, coordination.Progress{OpenedAt: 903, Finished: true}, progress)

	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.True(t, rows[0].Open, "a later window is not finished with the earlier ones")
	require.Empty(t, rows[0].Reason)
	require.Equal(t, coordination.ReasonOK, rows[1].Reason, "the result came first")
	require.Equal(t, chain.Height(903), rows[1].OpenedAt, "the first opening counts")
	require.Equal(t, coordination.ReasonNodeDown, rows[2].Reason)
	require.Zero(t, rows[2].Faults, "nothing of a late result is stored")
	require.Error(t, s.FinishOpen(t.Context(), 900, ""))
}

// The node ended between opening a window and beginning with its wallets.
func testUnbegun(t *testing.T, open func() *Store) {
	s := open()
	before, after, idle := testWallet(t, 1, mallory), testWallet(t, 2, mallory), testWallet(t, 3, mallory)
	require.NoError(t, s.ImportWallet(t.Context(), before, noon))
	require.NoError(t, s.ImportWallet(t.Context(), idle, noon))
	require.NoError(t, s.OpenWindow(t.Context(), coordination.Opened{Block: 900, At: 901, Time: noon.Add(time.Hour)}))
	require.NoError(t, s.ImportWallet(t.Context(), after, noon.Add(2*time.Hour)))
	finish := func(block chain.Height) []chain.WalletID {
		s = open()
		for range 2 { // a second restart adds nothing
			require.NoError(t, s.FinishOpen(t.Context(), block, coordination.ReasonNodeDown))
		}
		rows, err := s.Windows(t.Context(), WindowFilter{From: block, To: block})
		require.NoError(t, err)
		var wallets []chain.WalletID
		for _, row := range rows {
			wallets = append(wallets, row.Wallet)
		}
		return wallets
	}
	require.ElementsMatch(t, []chain.WalletID{before.ID(), idle.ID()}, finish(900), "none was begun; one was not there yet")

	// Some were begun: those that never take part stay out.
	stranger := testWallet(t, 4, mallory)
	require.NoError(t, s.ImportWallet(t.Context(), stranger, noon))
	require.NoError(t, s.OpenWindow(t.Context(), coordination.Opened{Block: 1800, At: 1800, Time: noon.Add(3 * time.Hour)}))
	_, err := s.Begin(t.Context(), before.ID(), window(2), 1800)
	require.NoError(t, err)
	require.ElementsMatch(t, []chain.WalletID{before.ID(), idle.ID()}, finish(1800))

	require.NoError(t, s.RecordMissed(t.Context(), coordination.Missed{First: 2700, Last: 2700, Reason: coordination.ReasonNodeDown}))
	require.Len(t, finish(2700), 1, "a missed window has its range and no more")
}

// racers is how many goroutines race in the tests below: as many as there are wallets in the largest operation.
const racers = 1000

func testOneWinner(t *testing.T, open func() *Store) {
	s := open()
	var winners atomic.Int32
	race(func(i int) {
		r := agreed(walletA, 1)
		r.ReceivedAt = chain.Height(i) //nolint:gosec // small
		r.Faults = []faults.Fault{fault(walletA, 1, faults.LeaderMistake, mallory)}
		won, err := s.RecordResult(t.Context(), r)
		if err != nil {
			t.Error(err)
		}
		if won {
			winners.Add(1)
		}
	})
	require.EqualValues(t, 1, winners.Load())
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, 1, rows[0].Faults)
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 1)
}

func race(run func(i int)) {
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() { run(i) })
	}
	wg.Wait()
}

func testOwn(t *testing.T, open func() *Store) {
	s := open()
	_, there, err := s.Own(t.Context(), walletA, 900)
	require.NoError(t, err)
	require.False(t, there)

	first := coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}, SentAt: 901, SentTime: time.Unix(1_800_000_000, 123_456_789).UTC()}
	kept, err := s.SaveOwn(t.Context(), walletA, 900, first)
	require.NoError(t, err)
	require.Equal(t, first, kept)

	s = open()
	second := coordination.OwnProposal{Payload: []byte{3}, Envelope: []byte{4}, SentAt: 950}
	kept, err = s.SaveOwn(t.Context(), walletA, 900, second)
	require.NoError(t, err)
	require.Equal(t, first, kept, "what was said once is said again")
	kept, there, err = s.Own(t.Context(), walletA, 900)
	require.NoError(t, err)
	require.True(t, there)
	require.Equal(t, first, kept)
	kept, err = s.SaveOwn(t.Context(), walletA, 1800, second)
	require.NoError(t, err)
	require.Equal(t, second, kept, "another window")
}

func testOneOwn(t *testing.T, open func() *Store) {
	s := open()
	var said sync.Map
	race(func(i int) {
		payload := big.NewInt(int64(i) + 1).Bytes()
		kept, err := s.SaveOwn(t.Context(), walletA, 900, coordination.OwnProposal{Payload: payload, Envelope: payload, SentAt: 901})
		if err != nil {
			t.Error(err)
		}
		said.Store(string(kept.Payload), true)
	})
	count := 0
	said.Range(func(any, any) bool { count++; return true })
	require.Equal(t, 1, count, "all are told to send the same bytes")
}

func statement(author byte, digest byte) coordination.Statement {
	return coordination.Statement{
		Wallet: walletA, Window: 900, Author: chain.Operator{author}, Seat: 3, Digest: [32]byte{digest},
		Payload: []byte{digest}, Signed: []byte{author, digest}, ArrivedAt: 905, ReceivedAt: noon,
	}
}

func testStatements(t *testing.T, open func() *Store) {
	s := open()
	want := []coordination.Statement{statement(2, 9), statement(1, 8), statement(2, 1)}
	for _, st := range want {
		require.NoError(t, s.SaveStatement(t.Context(), st))
	}
	again := statement(1, 8)
	again.Signed, again.ArrivedAt = []byte{77}, 950
	require.NoError(t, s.SaveStatement(t.Context(), again), "a retransmission is the same statement")

	have, err := open().Statements(t.Context(), walletA, 900)
	require.NoError(t, err)
	require.Equal(t, want, have)
	have, err = open().Statements(t.Context(), walletB, 900)
	require.NoError(t, err)
	require.Empty(t, have)
}

func testStatementBound(t *testing.T, open func() *Store) {
	s := open()
	for i := range 3 * maxStatements {
		require.NoError(t, s.SaveStatement(t.Context(), statement(1, byte(i+1))))
	}
	require.NoError(t, s.SaveStatement(t.Context(), statement(2, 1)))
	have, err := s.Statements(t.Context(), walletA, 900)
	require.NoError(t, err)
	require.Len(t, have, maxStatements+1)
	require.Equal(t, statement(1, 1), have[0], "the first stay")
	require.Equal(t, statement(2, 1), have[maxStatements], "another author has room of its own")
}

func testLeaderWords(t *testing.T, open func() *Store) {
	s := open()
	said := func(wallet chain.WalletID) []LeaderWord {
		words, err := s.LeaderWords(t.Context(), wallet, 900)
		require.NoError(t, err)
		return words
	}
	for _, st := range []coordination.Statement{statement(6, 1), statement(7, 9), statement(6, 2), statement(7, 3)} {
		require.NoError(t, s.SaveStatement(t.Context(), st))
	}
	require.Empty(t, said(walletA), "who leads is not known before the result")
	record(t, s, agreed(walletA, 1))
	record(t, s, agreed(walletB, 1))
	record(t, s, agreed(walletA, 2))
	s = open()
	heard := []LeaderWord{{Payload: []byte{9}, Message: []byte{7, 9}}, {Payload: []byte{3}, Message: []byte{7, 3}}}
	require.Equal(t, heard, said(walletA), "of the leader alone, in order of arrival")
	require.Empty(t, said(walletB))

	for wallet, n := range map[chain.WalletID]byte{walletA: 4, walletB: 5} {
		_, err := s.SaveOwn(t.Context(), wallet, 900, coordination.OwnProposal{Payload: []byte{n}, Envelope: []byte{n, n}, SentAt: 901})
		require.NoError(t, err)
	}
	require.Equal(t, append([]LeaderWord{{Payload: []byte{4}, Own: true, Message: []byte{4, 4}}}, heard...), said(walletA), "our own first")
	require.Equal(t, []LeaderWord{{Payload: []byte{5}, Own: true, Message: []byte{5, 5}}}, said(walletB))
}

func testFaultMerge(t *testing.T, open func() *Store) {
	s := open()
	first := fault(walletA, 1, faults.LeaderIdle, mallory)
	first.Attributed = false
	twin := first
	twin.Attributed, twin.Detail, twin.Evidence = true, "other", [][]byte{{1, 1}, {2, 2}, {3, 3}}
	record(t, s, silent(walletA, 1, first, twin))

	late := first
	late.Late, late.Evidence = true, nil
	a := coordination.Amendment{Wallet: walletA, Window: window(1), Fault: late}
	require.NoError(t, s.RecordAmendment(t.Context(), a))
	require.NoError(t, s.RecordAmendment(t.Context(), a), "a repetition changes nothing")
	a.Fault.Late = false
	require.NoError(t, s.RecordAmendment(t.Context(), a), "late stays late")
	a.Fault = fault(walletA, 1, faults.LeaderEquivocation, mallory)
	require.NoError(t, s.RecordAmendment(t.Context(), a))
	a.Fault.Kind = "no_such_kind"
	require.Error(t, s.RecordAmendment(t.Context(), a))

	records, err := open().Faults(t.Context(), faults.Filter{})
	require.NoError(t, err)
	require.Len(t, records, 2)
	want := first
	want.Late, want.Evidence = true, [][]byte{{1, 1}, {2, 2}}
	require.Equal(t, want, records[1].Fault, "the first verdict, at most two messages, late")
	require.Equal(t, fault(walletA, 1, faults.LeaderEquivocation, mallory), records[0].Fault)
	for _, r := range records {
		require.Equal(t, r.Key.ID(), r.ID)
		require.WithinDuration(t, time.Now(), r.StoredAt, time.Minute)
		one, err := s.Fault(t.Context(), r.ID)
		require.ErrorContains(t, err, "closed", "the store was opened anew")
		require.Zero(t, one)
	}
	s = open()
	one, err := s.Fault(t.Context(), records[0].ID)
	require.NoError(t, err)
	require.Equal(t, records[0], one)
	_, err = s.Fault(t.Context(), "nothing")
	require.ErrorIs(t, err, ErrNotFound)
}

func testFaultFilters(t *testing.T, open func() *Store) {
	s := open()
	unattributed := fault(walletB, 2, faults.LeaderIdle, mallory)
	unattributed.Attributed = false
	all := []faults.Fault{
		fault(walletA, 3, faults.LeaderMistake, mallory),
		unattributed,
		fault(walletA, 1, faults.LeaderIdle, chain.Operator{1}),
		fault(walletA, 1, faults.LeaderIdle, chain.Operator{2}),
	}
	for _, f := range all {
		require.NoError(t, s.RecordAmendment(t.Context(), coordination.Amendment{Wallet: f.Wallet, Window: window(uint64(f.Window) / 900), Fault: f}))
	}
	yes, no := true, false
	for _, filter := range []faults.Filter{
		{},
		{Kind: faults.LeaderIdle},
		{Culprit: mallory},
		{Wallet: &walletA},
		{From: 1800},
		{To: 1800},
		{From: 1800, To: 1800},
		{Attributed: &yes},
		{Attributed: &no},
		{Kind: faults.LeaderIdle, Wallet: &walletA, Culprit: chain.Operator{2}},
		{Kind: "x"},
	} {
		var want, have []faults.Fault
		for _, f := range all {
			if filter.Match(f) {
				want = append(want, f)
			}
		}
		records, err := s.Faults(t.Context(), filter)
		require.NoError(t, err)
		for _, r := range records {
			have = append(have, r.Fault)
		}
		require.Equal(t, want, have, "%+v", filter)
		filter.Limit = 1
		records, err = s.Faults(t.Context(), filter)
		require.NoError(t, err)
		require.Len(t, records, min(1, len(want)), "the limit counts faults")
	}
}

func testActionWithResult(t *testing.T, open func() *Store) {
	s := open()
	record(t, s, agreed(walletA, 1))
	record(t, s, silent(walletB, 1))
	noop := agreed(walletB, 2)
	noop.Proposal, noop.Reason = proposal.Noop{}, coordination.ReasonNoop
	record(t, s, noop)
	won, err := s.RecordResult(t.Context(), agreed(walletA, 1))
	require.NoError(t, err)
	require.False(t, won)

	want, acts := agreed(walletA, 1).Order()
	require.True(t, acts)
	pending, err := open().PendingActions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []proposal.Order{want}, pending)
}

func testActionLife(t *testing.T, open func() *Store) {
	s := open()
	record(t, s, agreed(walletA, 1))
	record(t, s, agreed(walletB, 1))
	require.NoError(t, s.StartAction(t.Context(), walletA, 900, 1000))

	s = open()
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 2, "started without an outcome is pending again")
	require.NoError(t, s.StartAction(t.Context(), walletA, 900, 1100))
	require.NoError(t, s.FinishAction(t.Context(), walletA, 900, "no_signer", "none\x00", 1200))
	require.NoError(t, s.FinishAction(t.Context(), walletA, 900, "expired", "", 1300), "the first outcome stays")
	require.ErrorIs(t, s.StartAction(t.Context(), walletA, 900, 1400), errFinished)
	require.ErrorIs(t, s.StartAction(t.Context(), walletA, 1800, 1900), ErrNotFound)
	require.ErrorIs(t, s.FinishAction(t.Context(), walletA, 1800, "expired", "", 1900), ErrNotFound)
	require.Error(t, s.FinishAction(t.Context(), walletB, 900, "", "", 1900))

	s = open()
	pending, err = s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, walletB, pending[0].Wallet)

	order, _ := agreed(walletA, 1).Order()
	yes := true
	finished, err := s.Actions(t.Context(), ActionFilter{Finished: &yes, Wallet: &walletA, From: 900, To: 900, Limit: 5})
	require.NoError(t, err)
	require.Equal(t, []Action{{Order: order, StartedAt: 1000, Outcome: "no_signer", Detail: "none", FinishedAt: 1200}}, finished)
	require.True(t, finished[0].Finished())
}

// The node ended between writing the second statement down and reporting what it proves.
func testProvedRevocation(t *testing.T, open func() *Store) {
	s := open()
	r := agreed(walletA, 1)
	record(t, s, r)
	revoked := func() bool {
		s = open()
		revoked, err := s.ActionRevoked(t.Context(), walletA, 900)
		require.NoError(t, err)
		return revoked
	}
	say := func(author chain.Operator, n byte) {
		require.NoError(t, s.SaveStatement(t.Context(), coordination.Statement{
			Wallet: walletA, Window: 900, Author: author, Seat: 1, Digest: [32]byte{n}, Payload: []byte{n}, Signed: []byte{n}, ReceivedAt: noon,
		}))
	}
	say(r.Leader, 1)
	say(chain.Operator{0x77}, 2)
	say(chain.Operator{0x77}, 3)
	require.False(t, revoked(), "what others say revokes nothing")
	say(r.Leader, 4)
	require.True(t, revoked())

	led := agreed(walletB, 1)
	record(t, s, led)
	_, err := s.SaveOwn(t.Context(), walletB, 900, coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{1}, SentAt: 900})
	require.NoError(t, err)
	require.NoError(t, s.SaveStatement(t.Context(), coordination.Statement{
		Wallet: walletB, Window: 900, Author: led.Leader, Seat: 1, Digest: [32]byte{9}, Payload: []byte{9}, Signed: []byte{9}, ReceivedAt: noon,
	}))
	own, err := s.ActionRevoked(t.Context(), walletB, 900)
	require.NoError(t, err)
	require.True(t, own, "our key was used against what we said")

	// Another instance had said it, and the database forgot that until it was put back.
	other := chain.WalletID{0xc}
	heard := agreed(other, 1)
	record(t, s, heard)
	require.NoError(t, s.SaveStatement(t.Context(), coordination.Statement{
		Wallet: other, Window: 900, Author: heard.Leader, Seat: 1, Digest: [32]byte{5}, Payload: []byte{5}, Signed: []byte{5}, ReceivedAt: noon,
	}))
	_, err = s.SaveOwn(t.Context(), other, 900, coordination.OwnProposal{Payload: []byte{5}, Envelope: []byte{6}, SentAt: 900})
	require.NoError(t, err)
	own, err = s.ActionRevoked(t.Context(), other, 900)
	require.NoError(t, err)
	require.False(t, own, "our own words contradict nobody")
}

func testRevocation(t *testing.T, open func() *Store) {
	s := open()
	record(t, s, agreed(walletA, 1))
	record(t, s, agreed(walletB, 1))
	require.NoError(t, s.FinishAction(t.Context(), walletB, 900, "no_signer", "", 1200))
	for _, wallet := range []chain.WalletID{walletA, walletB} {
		revoked, err := s.ActionRevoked(t.Context(), wallet, 900)
		require.NoError(t, err)
		require.False(t, revoked)
		a := coordination.Amendment{Wallet: wallet, Window: window(1), Fault: fault(wallet, 1, faults.LeaderEquivocation, mallory), Revoke: true}
		require.NoError(t, s.RecordAmendment(t.Context(), a))
		a.Fault = faults.Fault{}
		require.NoError(t, s.RecordAmendment(t.Context(), a), "a revocation alone, and again")
	}
	s = open()
	for _, wallet := range []chain.WalletID{walletA, walletB} {
		revoked, err := s.ActionRevoked(t.Context(), wallet, 900)
		require.NoError(t, err)
		require.True(t, revoked)
	}
	_, err := s.ActionRevoked(t.Context(), walletA, 1800)
	require.ErrorIs(t, err, ErrNotFound, "who asks about nothing must not sign")
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 1, "a revoked action still needs its outcome")
	actions, err := s.Actions(t.Context(), ActionFilter{Wallet: &walletB})
	require.NoError(t, err)
	require.Equal(t, "no_signer", actions[0].Outcome, "an outcome is not rewritten")
	require.True(t, actions[0].Revoked)
}

// testWallet makes a wallet with a key that nobody checked: the store asks only that the ID is the key's hash.
func testWallet(t testing.TB, n byte, roster ...chain.Operator) chain.Wallet {
	t.Helper()
	w, err := chain.NewWallet(chain.PublicKey{4, n}, roster)
	require.NoError(t, err)
	return w
}

func testWallets(t *testing.T, open func() *Store) {
	s := open()
	one, two := testWallet(t, 1, mallory, chain.Operator{1}), testWallet(t, 2, mallory)
	require.NoError(t, s.ImportWallet(t.Context(), one, noon))
	require.NoError(t, s.ImportWallet(t.Context(), two, noon))
	require.NoError(t, s.ImportWallet(t.Context(), one, noon.Add(time.Hour)), "the same roster changes nothing")
	require.Error(t, s.ImportWallet(t.Context(), chain.Wallet{}, noon))

	err := s.ImportWallet(t.Context(), testWallet(t, 1, mallory, chain.Operator{2}), noon)
	require.ErrorIs(t, err, errOtherRoster)
	require.ErrorContains(t, err, "seat 2")
	err = s.ImportWallet(t.Context(), testWallet(t, 2, mallory, mallory), noon)
	require.ErrorIs(t, err, errOtherRoster)
	require.ErrorContains(t, err, "1 seats are stored, 2 offered")

	s = open()
	all, err := s.AllWallets(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []WalletRecord{{Wallet: one, ImportedAt: noon}, {Wallet: two, ImportedAt: noon}}, all)
	active, err := s.Wallets(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []chain.Wallet{one, two}, active)

	id := two.ID()
	_, err = s.writes.db.ExecContext(t.Context(), `UPDATE wallets SET archived = TRUE WHERE wallet = $1`, id[:])
	require.NoError(t, err)
	active, err = s.Wallets(t.Context())
	require.NoError(t, err)
	require.Equal(t, []chain.Wallet{one}, active)
}

func testListing(t *testing.T, open func() *Store) {
	s := open()
	record(t, s, silent(walletA, 1, fault(walletA, 1, faults.LeaderIdle, mallory)))
	unattributed := fault(walletA, 2, faults.LeaderIdle, mallory)
	unattributed.Attributed = false
	record(t, s, silent(walletA, 2, unattributed, fault(walletA, 2, faults.LeaderImpersonation, mallory)))
	require.NoError(t, s.RecordMissed(t.Context(), coordination.Missed{First: 2700, Last: 3600, Reason: coordination.ReasonChainStalled, NotedAt: 4000}))
	record(t, s, agreed(walletA, 5))
	record(t, s, agreed(walletB, 5))
	require.NoError(t, s.FinishAction(t.Context(), walletB, 4500, "no_signer", "", 4700))
	_, err := s.Begin(t.Context(), walletA, window(6), 5401)
	require.NoError(t, err)

	for name, row := range map[string]struct {
		filter WindowFilter
		want   []chain.Height
	}{
		"all":              {WindowFilter{}, []chain.Height{5400, 4500, 4500, 3600, 1800, 900}},
		"wallet":           {WindowFilter{Wallet: &walletB}, []chain.Height{4500, 3600}},
		"range":            {WindowFilter{From: 1800, To: 2700}, []chain.Height{3600, 1800}},
		"after a range":    {WindowFilter{From: 4500}, []chain.Height{5400, 4500, 4500}},
		"before a range":   {WindowFilter{To: 2699}, []chain.Height{1800, 900}},
		"limit":            {WindowFilter{Limit: 4}, []chain.Height{5400, 4500, 4500, 3600}},
		"open":             {WindowFilter{States: []WindowState{StateOpen}}, []chain.Height{5400}},
		"finished":         {WindowFilter{States: []WindowState{StateFinished}, To: 4499}, []chain.Height{1800, 900}},
		"missed":           {WindowFilter{States: []WindowState{StateMissed}}, []chain.Height{3600}},
		"open and missed":  {WindowFilter{States: []WindowState{StateMissed, StateOpen}}, []chain.Height{5400, 3600}},
		"finished or open": {WindowFilter{States: []WindowState{StateFinished, StateOpen}, Limit: 2}, []chain.Height{5400, 4500}},
		"reasons": {
			WindowFilter{Reasons: []coordination.Reason{coordination.ReasonLeaderIdle, coordination.ReasonChainStalled}},
			[]chain.Height{3600, 1800, 900},
		},
	} {
		rows, err := s.Windows(t.Context(), row.filter)
		require.NoError(t, err, name)
		var have []chain.Height
		for _, w := range rows {
			have = append(have, w.Block)
		}
		require.Equal(t, row.want, have, name)
	}
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	require.True(t, rows[0].Open)
	require.True(t, rows[1].Pending)
	require.False(t, rows[2].Pending)
	require.Equal(t, "no_signer", rows[2].Outcome)
	require.Equal(t, 2, rows[4].Faults)
	require.Equal(t, 1, rows[4].Attributed)

	want := agreed(walletA, 5)
	have := rows[1]
	require.WithinDuration(t, time.Now(), have.RecordedAt, time.Minute)
	have.RecordedAt = time.Time{}
	require.Equal(t, WindowRow{
		Block: 4500, Wallet: walletA, OpenedAt: want.OpenedAt, Role: want.Role, Seed: want.Seed, Leader: want.Leader,
		Proposal: want.Proposal, ReceivedAt: want.ReceivedAt, Reason: want.Reason, Detail: want.Detail, Pending: true,
	}, have)
}

func testDetail(t *testing.T, open func() *Store) {
	s := open()
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	own := coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}, SentAt: 901, SentTime: time.Unix(1_800_000_000, 1).UTC()}
	_, err := s.SaveOwn(t.Context(), walletA, 900, own)
	require.NoError(t, err)
	require.NoError(t, s.SaveStatement(t.Context(), statement(1, 1)))
	r := agreed(walletA, 1)
	r.Faults = []faults.Fault{fault(walletA, 1, faults.LeaderImpersonation, mallory)}
	record(t, s, r)
	record(t, s, silent(walletB, 1))
	require.NoError(t, s.RecordMissed(t.Context(), coordination.Missed{First: 1800, Last: 3600, Reason: coordination.ReasonNodeDown}))

	detail, err := s.WindowDetail(t.Context(), 900)
	require.NoError(t, err)
	first := opened(1)
	require.Equal(t, &first, detail.Opened)
	require.Nil(t, detail.Missed)
	require.Len(t, detail.Wallets, 2)
	a, b := detail.Wallets[0], detail.Wallets[1]
	require.Equal(t, walletA, a.Wallet)
	require.Equal(t, &own, a.Own)
	require.Equal(t, []coordination.Statement{statement(1, 1)}, a.Statements)
	require.Len(t, a.Records, 1)
	require.Equal(t, r.Faults[0], a.Records[0].Fault)
	require.Equal(t, proposal.Heartbeat{Message: [16]byte{9}}, a.Action.Proposal)
	require.Equal(t, WalletDetail{WindowRow: b.WindowRow}, b, "nothing of another wallet")

	detail, err = s.WindowDetail(t.Context(), 900, walletB)
	require.NoError(t, err)
	require.Equal(t, []WalletDetail{b}, detail.Wallets)

	detail, err = s.WindowDetail(t.Context(), 2700)
	require.NoError(t, err)
	require.Equal(t, chain.Height(3600), detail.Missed.Last)
	_, err = s.WindowDetail(t.Context(), 4500)
	require.ErrorIs(t, err, ErrNotFound)
}

func testProposals(t *testing.T, open func() *Store) {
	s := open()
	fee := big.NewInt(1 << 40)
	all := []proposal.Proposal{
		proposal.Noop{},
		proposal.Heartbeat{Message: [16]byte{1, 15: 2}},
		proposal.DepositSweep{Deposits: []proposal.DepositKey{{FundingTxHash: proposal.TxHash{3}, FundingOutputIndex: 4}}, RevealBlocks: []int64{-5}, TxFee: fee},
		proposal.Redemption{OutputScripts: [][]byte{{1, 2}, {3}}, TxFee: fee},
		proposal.MovingFunds{Targets: []chain.WalletID{walletA, walletB}, TxFee: fee},
		proposal.MovedFundsSweep{TxHash: proposal.TxHash{6}, OutputIndex: 7, TxFee: fee},
	}
	require.Len(t, all, len(proposal.Kinds()))
	for i, p := range all {
		r := agreed(walletA, uint64(i)+1) //nolint:gosec // six
		r.Proposal = p
		record(t, s, r)
	}
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	for i, p := range all {
		require.Equal(t, p, rows[len(rows)-1-i].Proposal)
	}
}

func testRange(t *testing.T, open func() *Store) {
	s := open()
	for name, err := range map[string]error{
		"height": s.OpenWindow(t.Context(), coordination.Opened{Block: 1 << 63, Time: noon}),
		"time":   s.OpenWindow(t.Context(), coordination.Opened{Block: 900, Time: time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)}),
	} {
		require.ErrorContains(t, err, "out of range", name)
	}
	r := silent(walletA, 1)
	for range 1000 {
		r.Detail += "revert \xff\x00 ü"
	}
	record(t, s, r)
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	require.LessOrEqual(t, len(rows[0].Detail), maxText)
	require.Contains(t, rows[0].Detail, "revert  ü")
}

// testAllOrNothing: a result whose second fault cannot be stored leaves no trace, though it shares its commit with others.
func testAllOrNothing(t *testing.T, open func() *Store) {
	s := open()
	bad := agreed(walletA, 1)
	bad.Faults = []faults.Fault{fault(walletA, 1, faults.LeaderIdle, mallory), {Key: faults.Key{Kind: "no_such_kind"}}}
	release := holdTurn(s)
	failed, stored := make(chan error, 1), make(chan error, 50)
	go func() { _, err := s.RecordResult(t.Context(), bad); failed <- err }()
	for i := range cap(stored) {
		go func() {
			_, err := s.RecordResult(t.Context(), silent(walletB, uint64(i)+1)) //nolint:gosec // small
			stored <- err
		}()
	}
	awaitQueue(s, cap(stored)+1)
	release()
	require.Error(t, <-failed)
	for range cap(stored) {
		require.NoError(t, <-stored)
	}
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	require.Len(t, rows, cap(stored))
	records, err := s.Faults(t.Context(), faults.Filter{})
	require.NoError(t, err)
	require.Empty(t, records)
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Empty(t, pending)

	bad.Reason = "no such reason"
	_, err = s.RecordResult(t.Context(), bad)
	require.Error(t, err)
}
