package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// evidenceSuite is what every engine must do alike with evidence.
var evidenceSuite = map[string]func(t *testing.T, open func() attester){
	"what is on record is attested":                         testDraft,
	"heads are a chain, also after a restart":               testHeadChain,
	"one head wins":                                         testOneHead,
	"a head is not stored over what has changed":            testStaleDraft,
	"silence bars signing and proposing":                    testBar,
	"what was acted on is not attested as silent":           testNotSilent,
	"a head that was stored and not sent is sent as it is":  testUnsent,
	"a gap is filled once":                                  testFill,
	"heads below a filled gap can be opened after a start":  testOpenAfterFill,
	"a head lost with data bars its window":                 testLost,
	"heads of others":                                       testOthersHeads,
	"differences":                                           testDifferences,
	"quotes are bounded":                                    testQuotes,
	"two statements are proved when the second one arrives": testProofOfStatements,
	"a misdeed has one proof":                               testProofs,
	"long proofs of one operator are bounded":               testLongProofs,
	"who has a proof is written once":                       testHolders,
	"no culprit keeps others from being told of":            testUntold,
	"a proof and its fault name each other":                 testFaultsProof,
}

func TestEvidence(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, run := range evidenceSuite {
				t.Run(name, func(t *testing.T) { run(t, attesting(t, way.make(t, Retention{}), way.alone)) })
			}
		})
	}
}

func testDraft(t *testing.T, open func() attester) {
	s := open()
	spoken, silentOne, late, own, doubled, unfinished := commonWallet(t, 10), commonWallet(t, 11), commonWallet(t, 12), commonWallet(t, 13), commonWallet(t, 14), commonWallet(t, 15)
	s.serve(t, spoken, silentOne, late, own, doubled, unfinished)
	foreign, err := chain.NewWallet(commonWallet(t, 16).Key(), []chain.Operator{operator(9)})
	require.NoError(t, err)
	require.NoError(t, s.ImportWallet(t.Context(), foreign, noon))

	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, spoken, 1, 1)))
	tardy := said(t, 2, late, 1, 1)
	tardy.ArrivedAt = window(1).ActiveEnd
	require.NoError(t, s.SaveStatement(t.Context(), tardy))
	mine := payloadOf(ourKey, own, 1, 1)
	_, err = s.SaveOwn(t.Context(), own.ID(), 900, coordination.OwnProposal{Payload: mine, Envelope: []byte("sent"), SentAt: 901})
	require.NoError(t, err)
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, doubled, 1, 1)))
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, doubled, 1, 2)))
	for _, w := range []chain.Wallet{spoken, silentOne, late, doubled} {
		record(t, s.Store, ended(w, 1, operator(2)))
	}
	record(t, s.Store, ended(own, 1, operator(ourKey)))
	record(t, s.Store, ended(foreign, 1, operator(9)))
	_, err = s.Begin(t.Context(), unfinished.ID(), window(1), 901)
	require.NoError(t, err)

	d, err := s.log.drafted(t, 900)
	require.NoError(t, err)
	require.Len(t, d.Wallets, 6)
	got := map[chain.WalletID]evidence.Entry{}
	for _, e := range d.New {
		got[e.Wallet] = e
	}
	heard := said(t, 2, spoken, 1, 1)
	require.Equal(t, map[chain.WalletID]evidence.Entry{
		spoken.ID():    {Wallet: spoken.ID(), Window: 900, Status: evidence.Said, Leader: operator(2), Sender: operator(2), Statement: heard.Digest},
		silentOne.ID(): {Wallet: silentOne.ID(), Window: 900, Status: evidence.None, Leader: operator(2)},
		late.ID():      {Wallet: late.ID(), Window: 900, Status: evidence.Late, Leader: operator(2), Sender: operator(2), Statement: tardy.Digest},
		own.ID():       {Wallet: own.ID(), Window: 900, Status: evidence.Said, Leader: operator(1), Sender: operator(1), Statement: statementOf(t, said(t, ourKey, own, 1, 1)).Digest},
		doubled.ID():   {Wallet: doubled.ID(), Window: 900, Status: evidence.Twice, Leader: operator(2), Sender: operator(2)},
	}, got)
	envelope, there, err := s.log.Own(t.Context(), own.ID(), 900)
	require.NoError(t, err)
	require.True(t, there)
	require.Equal(t, []byte("sent"), envelope)
	_, err = s.log.drafted(t, 901)
	require.ErrorContains(t, err, "no window begins")
}

func testHeadChain(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	var before evidence.Head
	for n := uint64(1); n <= 3; n++ {
		require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, w, n, 1)))
		record(t, s.Store, ended(w, n, operator(2)))
		h := attest(t, s.log, n)
		require.EqualValues(t, 1<<n-1, h.Windows)
		if n > 1 {
			require.Equal(t, evidence.Follows, evidence.LinkOf(before, h))
		}
		before = h
		s = open()
		state, err := s.log.State(t.Context())
		require.NoError(t, err)
		require.Equal(t, h, state.Head)
		ledger, last, err := state.Ledger(testChain, operator(ourKey))
		require.NoError(t, err)
		require.NotNil(t, last, "the head can be opened after a restart")
		o, some := last.Open(w.ID(), window(n).Block)
		require.True(t, some)
		require.NoError(t, o.Under(h))
		_, some = ledger.Entry(w.ID(), 900)
		require.True(t, some)
	}
}

func testOneHead(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 2, operator(2)))
	d, err := s.log.drafted(t, 1800)
	require.NoError(t, err)
	h := signedOf(t, s.log, d)
	require.ErrorContains(t, s.log.settle(t, d, signedHead(t, 2, h)), "not that of the draft")

	errs := make([]error, 4)
	var racing sync.WaitGroup
	for i := range errs {
		racing.Go(func() { errs[i] = s.log.settle(t, d, h) })
	}
	racing.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, exchange.ErrAttested)
	}
	require.Equal(t, 1, won)
	require.ErrorIs(t, s.log.settle(t, exchange.Draft{Window: 900}, signedHead(t, ourKey, evidence.Head{
		Chain: testChain, Window: 900, Windows: 1, Root: noHead(t, 900).Root,
	})), exchange.ErrAttested, "no head of an earlier window follows")
	entries, err := s.journal.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 1, "what was refused is not written down")
}

func testStaleDraft(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	attest(t, s.log, 1)
	record(t, s.Store, ended(w, 2, operator(2)))
	d, err := s.log.drafted(t, 1800)
	require.NoError(t, err)
	_, filled, err := s.log.Fill(t.Context(), statementOf(t, said(t, 2, w, 1, 1)), 2000)
	require.NoError(t, err)
	require.True(t, filled)
	require.ErrorIs(t, s.log.settle(t, d, signedOf(t, s.log, d)), exchange.ErrStale)
	attest(t, s.log, 2)
}

func testBar(t *testing.T, open func() attester) {
	s := open()
	w, free := commonWallet(t, 10), commonWallet(t, 11)
	s.serve(t, w, free)
	record(t, s.Store, ended(w, 1, operator(2)))
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, free, 1, 1)))
	record(t, s.Store, ended(free, 1, operator(2)))
	attest(t, s.log, 1)

	barred := intent(1)
	barred.Wallet = w.ID()
	allowed := barred
	allowed.Wallet = free.ID()
	save := s.SaveIntent
	if s.sibling != nil {
		save = s.sibling.pen.SaveIntent
	}
	require.ErrorIs(t, save(t.Context(), barred), signing.ErrBarred)
	_, there, err := s.Signing(t.Context(), w.ID(), 900)
	require.NoError(t, err)
	require.False(t, there)
	require.NoError(t, save(t.Context(), allowed))
	own := coordination.OwnProposal{Payload: payloadOf(ourKey, w, 1, 1), Envelope: []byte{1}}
	if s.sibling == nil {
		_, err = s.SaveOwn(t.Context(), w.ID(), 900, own)
		require.ErrorIs(t, err, signing.ErrBarred)
	} else {
		fence, err := s.sibling.prove(w.ID())
		require.NoError(t, err)
		_, err = s.Claim(t.Context(), fence, 900)
		require.NoError(t, err)
		_, err = s.SaveProposal(t.Context(), fence, 900, own)
		require.ErrorIs(t, err, signing.ErrBarred)
		require.ErrorIs(t, err, cluster.ErrDoubtful, "whoever asks stops asking")
	}

	// A gap that was filled stays barred: the operator told that it had heard nothing.
	_, filled, err := s.log.Fill(t.Context(), statementOf(t, said(t, 2, w, 1, 1)), 1500)
	require.NoError(t, err)
	require.True(t, filled)
	require.ErrorIs(t, save(t.Context(), barred), signing.ErrBarred)
}

func testNotSilent(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	d, err := s.log.drafted(t, 900)
	require.NoError(t, err)
	require.Equal(t, evidence.None, d.New[0].Status)
	what := intent(1)
	what.Wallet = w.ID()
	require.NoError(t, s.SaveIntent(t.Context(), what))
	require.ErrorIs(t, s.log.settle(t, d, signedOf(t, s.log, d)), exchange.ErrStale, "it acted meanwhile")
	d, err = s.log.drafted(t, 900)
	require.NoError(t, err)
	require.Empty(t, d.New, "of an act without a statement on record nothing is attested")
	require.NoError(t, s.log.settle(t, d, signedOf(t, s.log, d)))
	require.NoError(t, s.SaveIntent(t.Context(), what), "again")
}

// failing is a journal on a disk that is full.
type failing struct {
	cluster.Log
	full bool
}

func (f *failing) Append(e cluster.Entry) error {
	if f.full {
		return errors.New("no space left on device")
	}
	return f.Log.Append(e)
}

func testUnsent(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	disk := &failing{Log: s.journal, full: true}
	s.log.cfg.Journal = disk
	d, err := s.log.drafted(t, 900)
	require.NoError(t, err)
	h := signedOf(t, s.log, d)
	require.ErrorContains(t, s.log.settle(t, d, h), "no space left", "what is not written down is not sent")
	_, err = s.log.Unsent(t.Context())
	require.Error(t, err)

	s = open() // killed between storing and sending
	left, err := s.log.Unsent(t.Context())
	require.NoError(t, err)
	require.Equal(t, []evidence.Head{h}, left, "the same bytes, and no second head")
	entries, err := s.journal.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, h.Signed(), entries[0].Own.Envelope, "it is on the disk before it is sent")
	_, err = s.log.Unsent(t.Context())
	require.NoError(t, err)
	entries, err = s.journal.Entries()
	require.NoError(t, err)
	require.Len(t, entries, 1, "it is written down once")

	require.NoError(t, s.log.Sent(t.Context(), 900))
	left, err = open().log.Unsent(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
}

func testFill(t *testing.T, open func() attester) {
	s := open()
	w, ours := commonWallet(t, 10), commonWallet(t, 11)
	s.serve(t, w, ours)
	record(t, s.Store, ended(w, 1, operator(2)))
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, ours, 1, 1)))
	record(t, s.Store, ended(ours, 1, operator(2)))
	fill := func(key byte, w chain.Wallet, n uint64, what byte) (evidence.Entry, bool) {
		e, filled, err := s.log.Fill(t.Context(), statementOf(t, said(t, key, w, n, what)), 2000)
		require.NoError(t, err)
		return e, filled
	}
	_, filled := fill(2, w, 2, 1)
	require.False(t, filled, "nothing is attested of it")
	attest(t, s.log, 1)
	_, filled = fill(3, w, 1, 1)
	require.False(t, filled, "what somebody else than the leader says fills no gap")
	e, filled := fill(2, w, 1, 1)
	require.True(t, filled)
	require.Equal(t, evidence.Late, e.Status)
	_, filled = fill(2, w, 1, 1)
	require.False(t, filled)
	_, filled = fill(2, w, 1, 2)
	require.False(t, filled, "an entry changes once")
	_, filled = fill(2, ours, 1, 1)
	require.False(t, filled, "there was no gap")

	statements, err := s.log.Statements(t.Context(), w.ID(), 900)
	require.NoError(t, err)
	require.Len(t, statements, 2, "of the leader, and two of it that differ")
	proofs, err := s.Proofs(t.Context(), exchange.ProofFilter{})
	require.NoError(t, err)
	require.Len(t, proofs, 1, "a second one that was learned of is proved, too")
	state, err := open().log.State(t.Context())
	require.NoError(t, err)
	require.Contains(t, state.Entries, exchange.Attested{Entry: e, Filled: 900})
}

func testOpenAfterFill(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	for n := uint64(1); n <= 2; n++ {
		record(t, s.Store, ended(w, n, operator(2)))
		attest(t, s.log, n)
		_, filled, err := s.log.Fill(t.Context(), statementOf(t, said(t, 2, w, n, 1)), window(n).End+50)
		require.NoError(t, err)
		require.True(t, filled)
		s = open()
		state, err := s.log.State(t.Context())
		require.NoError(t, err)
		ledger, last, err := state.Ledger(testChain, operator(ourKey))
		require.NoError(t, err)
		require.NotNil(t, last)
		o, some := last.Open(w.ID(), window(n).Block)
		require.True(t, some)
		require.Equal(t, evidence.None, o.Entry.Status, "as the head has it")
		e, some := ledger.Entry(w.ID(), window(n).Block)
		require.True(t, some)
		require.Equal(t, evidence.Late, e.Status, "as the next one will have it")
		if n == 2 {
			o, some = last.Open(w.ID(), 900)
			require.True(t, some)
			require.Equal(t, evidence.Late, o.Entry.Status)
		}
	}
}

func testLost(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	first := attest(t, s.log, 1)
	lost, err := s.log.Lost(t.Context(), first)
	require.NoError(t, err)
	require.False(t, lost, "it is known")

	// A head of window 2 was sent by us, and the store knows nothing of it.
	forgotten := signedHead(t, ourKey, evidence.Head{Chain: testChain, Window: 1800, Windows: 1, Root: noHead(t, 1800).Root})
	for range 2 {
		lost, err = s.log.Lost(t.Context(), forgotten)
		require.NoError(t, err)
		require.True(t, lost)
	}
	_, err = s.log.Lost(t.Context(), signedHead(t, 2, evidence.Head{Chain: testChain, Window: 900, Windows: 1, Root: forgotten.Root}))
	require.ErrorContains(t, err, "not our own")
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, w, 2, 1)))
	record(t, s.Store, ended(w, 2, operator(2)))
	d, err := s.log.drafted(t, 1800)
	require.NoError(t, err)
	require.ErrorIs(t, s.log.settle(t, d, signedOf(t, s.log, d)), exchange.ErrAttested, "its window is skipped")
	what := intent(2)
	what.Wallet = w.ID()
	require.ErrorIs(t, s.SaveIntent(t.Context(), what), signing.ErrBarred, "nobody knows any more what it attested")

	record(t, s.Store, ended(w, 3, operator(2)))
	next := attest(t, s.log, 3)
	require.Equal(t, evidence.Skipped, evidence.LinkOf(forgotten, next), "suspicion, and no proof")
	require.False(t, next.Attests(1800))
	require.Equal(t, evidence.Follows, evidence.LinkOf(first, next))
	left, err := s.log.Unsent(t.Context())
	require.NoError(t, err)
	require.Equal(t, []evidence.Head{first, next}, left, "what is lost is not sent again")
}

func testOthersHeads(t *testing.T, open func() attester) {
	s := open()
	root := noHead(t, 900).Root
	theirs := func(key byte, n uint64, chainID uint64) evidence.Head {
		return signedHead(t, key, evidence.Head{Chain: chainID, Window: window(n).Block, Windows: 1, Root: root})
	}
	for _, h := range []evidence.Head{theirs(3, 2, testChain), theirs(2, 1, testChain), theirs(2, 2, testChain), theirs(2, 2, 5)} {
		require.NoError(t, s.log.SaveHeads(t.Context(), []evidence.Head{h}))
	}
	require.ErrorContains(t, s.log.SaveHeads(t.Context(), []evidence.Head{theirs(ourKey, 1, testChain)}), "our own")
	s = open()
	all, err := s.HeadsFrom(t.Context(), 900)
	require.NoError(t, err)
	require.Len(t, all, 3, "the first one stays")
	require.Equal(t, theirs(2, 1, testChain), all[0])
	require.Contains(t, all, theirs(2, 2, testChain))
	all, err = s.log.HeadsFrom(t.Context(), 1800)
	require.NoError(t, err)
	require.Len(t, all, 2)
}

func testDifferences(t *testing.T, open func() attester) {
	s := open()
	a, b := commonWallet(t, 10).ID(), commonWallet(t, 11).ID()
	none := evidence.Entry{Wallet: a, Window: 900, Status: evidence.None, Leader: operator(3)}
	late := evidence.Entry{Wallet: a, Window: 900, Status: evidence.Late, Leader: operator(3), Sender: operator(3), Statement: [32]byte{1}}
	require.NoError(t, s.log.Explain(t.Context(), operator(2), heads.Known{a: {{Window: 900, Attested: &none}}, b: {{Window: 1800}}}, nil))
	require.NoError(t, s.log.Explain(t.Context(), operator(2), heads.Known{a: {{Window: 900, Attested: &late}}}, []exchange.Slot{{Wallet: a, Window: 900}}))
	require.NoError(t, s.log.Explain(t.Context(), operator(3), heads.Known{a: {{Window: 2700}}}, nil))
	s = open()
	known, err := s.log.Known(t.Context(), operator(2), 900)
	require.NoError(t, err)
	require.Equal(t, heads.Known{a: {{Window: 900, Attested: &late}}, b: {{Window: 1800}}}, known)
	known, err = s.log.Known(t.Context(), operator(2), 1800)
	require.NoError(t, err)
	require.Equal(t, heads.Known{b: {{Window: 1800}}}, known)
}

func testQuotes(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, w, 1, 1)))
	first := announced(t, 2, w.ID(), 1, 1)
	require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{first}))
	require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{announced(t, 2, w.ID(), 1, 2)}))
	require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{announced(t, 3, w.ID(), 1, 1)}))
	s = open()
	about := evidence.Entry{Wallet: w.ID(), Window: 900, Leader: operator(3)}
	quoted := func(entries ...evidence.Entry) []evidence.Quote {
		got, err := s.log.Quotes(t.Context(), operator(2), entries)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, []evidence.Quote{first}, quoted(about), "the first announcement of the slot")
	about.Leader = operator(2)
	got := quoted(about, evidence.Entry{Wallet: w.ID(), Window: 1800, Leader: operator(2)})
	require.Len(t, got, 2, "its own statement, too, where it led")
	require.Equal(t, first, got[0])
	require.True(t, got[1].Leading)
	require.Empty(t, quoted())
	about.Window = 1800
	require.Empty(t, quoted(about))
	require.Empty(t, quoted(evidence.Entry{Wallet: chain.WalletID{9}, Window: 900, Leader: operator(2)}))

	for i := range exchange.MaxQuotes + 3 {
		wallet := chain.WalletID{1, byte(i >> 8), byte(i)}
		require.NoError(t, s.log.SaveQuotes(t.Context(), []evidence.Quote{announced(t, 2, wallet, 2, 1)}))
	}
	require.Equal(t, []int64{exchange.MaxQuotes}, numbers(t, s.Store, `SELECT COUNT(*) FROM quotes WHERE block = 1800`))

	var all []evidence.Entry
	for n := uint64(3); n <= 8; n++ {
		var quotes []evidence.Quote
		for i := range exchange.MaxQuotes {
			wallet := chain.WalletID{1, byte(i)}
			quotes, all = append(quotes, announced(t, 2, wallet, n, 1)), append(all, evidence.Entry{Wallet: wallet, Window: window(n).Block})
		}
		require.NoError(t, s.log.SaveQuotes(t.Context(), quotes))
	}
	require.Len(t, quoted(all...), exchange.MaxQuoted, "of a peer that denies all that it has acted on")

	// One that says of each of 64 000 slots that it led and was silent costs a question for each window, and one for each denial that can be proved.
	all = nil
	for n := uint64(1); n <= evidence.Span; n++ {
		for i := range 1000 {
			all = append(all, evidence.Entry{Wallet: chain.WalletID{2, byte(i >> 8), byte(i)}, Window: window(n).Block, Leader: operator(2)})
		}
	}
	all = append(all, evidence.Entry{Wallet: w.ID(), Window: 900, Leader: operator(2)})
	asked := &countingQuerier{querier: s.db}
	got, err := selectQuotes(t.Context(), asked, operator(2), all)
	require.NoError(t, err)
	require.Len(t, got, 2, "and what it did sign there is found")
	require.Equal(t, 2*evidence.Span+2, asked.asked)
}

// countingQuerier counts what is asked of it.
type countingQuerier struct {
	querier
	asked int
}

// QueryContext implements querier.
func (q *countingQuerier) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	q.asked++
	return q.querier.QueryContext(ctx, query, args...)
}

func testProofOfStatements(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	save := s.SaveStatement
	if s.sibling != nil {
		save = s.sibling.pen.SaveStatement
	}
	for range 2 {
		require.NoError(t, save(t.Context(), said(t, 2, w, 1, 1)))
	}
	require.NoError(t, save(t.Context(), said(t, 3, w, 1, 2)))
	found, err := s.Proofs(t.Context(), exchange.ProofFilter{})
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, save(t.Context(), said(t, 2, w, 1, 2)))
	require.NoError(t, save(t.Context(), said(t, 2, w, 1, 3)))
	found, err = open().Proofs(t.Context(), exchange.ProofFilter{})
	require.NoError(t, err)
	require.Len(t, found, 1)
	p, err := evidence.Verify(found[0].Encoded, evidence.Operators{Chain: testChain, Wallet: w})
	require.NoError(t, err)
	require.Equal(t, found[0].Slot, p.Slot())
	require.Equal(t, operator(2), p.Slot().Operator)
}

func testProofs(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	prove := func(key byte, n uint64, a, b byte) evidence.Proof {
		p, err := evidence.Prove(testChain, statementOf(t, said(t, key, w, n, a)), statementOf(t, said(t, key, w, n, b)))
		require.NoError(t, err)
		return p
	}
	older, newer := prove(2, 1, 1, 2), prove(3, 2, 1, 2)
	for i, p := range []evidence.Proof{older, newer} {
		id, first, err := s.log.SaveProof(t.Context(), p, operator(4), chain.Height(1000+i))
		require.NoError(t, err)
		require.True(t, first)
		require.Equal(t, p.ID(), id)
	}
	id, first, err := s.log.SaveProof(t.Context(), prove(2, 1, 2, 3), chain.Operator{}, 2000)
	require.NoError(t, err)
	require.False(t, first, "another proof of the same misdeed")
	require.Equal(t, older.ID(), id)

	s = open()
	found, err := s.Proofs(t.Context(), exchange.ProofFilter{})
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, newer.ID(), found[0].ID, "the newest window first")
	wallet, nobodys := w.ID(), chain.WalletID{1}
	for _, f := range []struct {
		filter exchange.ProofFilter
		want   int
	}{
		{exchange.ProofFilter{Culprit: operator(2)}, 1},
		{exchange.ProofFilter{Wallet: &wallet}, 2},
		{exchange.ProofFilter{Wallet: &nobodys}, 0},
		{exchange.ProofFilter{From: 1800}, 1},
		{exchange.ProofFilter{To: 900}, 1},
		{exchange.ProofFilter{Limit: 1}, 1},
		{exchange.ProofFilter{Kind: evidence.Fork}, 0},
		{exchange.ProofFilter{Kind: evidence.TwoStatements}, 2},
	} {
		found, err := s.Proofs(t.Context(), f.filter)
		require.NoError(t, err)
		require.Len(t, found, f.want, "%+v", f.filter)
	}
	_, err = s.Proof(t.Context(), "nothing")
	require.ErrorIs(t, err, exchange.ErrUnknown)
	require.ErrorIs(t, err, ErrNotFound)

	for _, op := range []byte{4, 3, 3} {
		here, err := s.log.Holds(t.Context(), older.ID(), operator(op))
		require.NoError(t, err)
		require.True(t, here)
	}
	here, err := s.log.Holds(t.Context(), "nothing", operator(3))
	require.NoError(t, err)
	require.False(t, here)
	one, err := s.Proof(t.Context(), older.ID())
	require.NoError(t, err)
	require.ElementsMatch(t, []chain.Operator{operator(3), operator(4)}, one.Holders)
	require.Equal(t, older.Encode(), one.Encoded)
	require.Equal(t, operator(4), one.From)
	require.EqualValues(t, 1000, one.At)
	require.False(t, one.Told)

	untold, err := s.log.Untold(t.Context(), 5)
	require.NoError(t, err)
	require.Len(t, untold, 2)
	require.Equal(t, newer.ID(), untold[0].ID, "the newest first")
	require.Nil(t, untold[0].Encoded)
	require.Len(t, untold[1].Holders, 2)
	require.NoError(t, s.log.Told(t.Context(), newer.ID()))
	untold, err = s.log.Untold(t.Context(), 5)
	require.NoError(t, err)
	require.Len(t, untold, 1)
	require.Equal(t, older.ID(), untold[0].ID)
}

// padded is what an operator said in window n, under a sequence number of some length.
func padded(t testing.TB, key byte, w chain.Wallet, n uint64, what byte, size int) coordination.Statement {
	t.Helper()
	s := said(t, key, w, n, what)
	envelope := wire.EncodeEnvelope(wire.Envelope{Sender: wire.PublicKeyOf(secret(key)), Payload: s.Payload, Type: wire.CoordinationMessage, Sequence: 1})
	read, err := evidence.ReadStatement(wire.SignPubsub(secret(key), wire.ChannelName(w.Key()), envelope, make([]byte, size)).Bytes())
	require.NoError(t, err)
	s.Signed = read.Signed()
	return s
}

func testLongProofs(t *testing.T, open func() attester) {
	s := open()
	prove := func(key, wallet byte, n uint64, size int) evidence.Proof {
		w := commonWallet(t, wallet)
		p, err := evidence.Prove(testChain, statementOf(t, padded(t, key, w, n, 1, size)), statementOf(t, padded(t, key, w, n, 2, size)))
		require.NoError(t, err)
		return p
	}
	save := func(p evidence.Proof) (bool, error) {
		id, first, err := s.log.SaveProof(t.Context(), p, operator(4), 60000)
		require.True(t, err != nil || first == (id == p.ID()))
		return first, err
	}
	const long = longProof / 2
	for i := range exchange.MaxProofsOf {
		first, err := save(prove(2, byte(10+i/32), uint64(1+i%32), long)) //nolint:gosec // small
		require.NoError(t, err)
		require.True(t, first)
	}
	_, err := save(prove(2, 30, 5, long))
	require.ErrorIs(t, err, exchange.ErrEnough)
	first, err := save(prove(2, 10, 1, long+1))
	require.NoError(t, err)
	require.False(t, first, "of that misdeed there is one")
	for what, p := range map[string]evidence.Proof{
		"short": prove(2, 30, 5, 8), "about another": prove(3, 30, 5, long), "of a later time": prove(2, 30, 5+evidence.Span+32, long),
	} {
		first, err := save(p)
		require.NoError(t, err, what)
		require.True(t, first, what)
	}

	// A statement is kept all the same.
	w := commonWallet(t, 31)
	s.serve(t, w)
	for _, what := range []byte{1, 2} {
		require.NoError(t, s.SaveStatement(t.Context(), padded(t, 2, w, 6, what, long)))
	}
	kept, err := s.Statements(t.Context(), w.ID(), window(6).Block)
	require.NoError(t, err)
	require.Len(t, kept, 2)
	id := w.ID()
	proofs, err := s.Proofs(t.Context(), exchange.ProofFilter{Wallet: &id})
	require.NoError(t, err)
	require.Empty(t, proofs)
}

func testHolders(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	p, err := evidence.Prove(testChain, statementOf(t, said(t, 2, w, 1, 1)), statementOf(t, said(t, 2, w, 1, 2)))
	require.NoError(t, err)
	id, _, err := s.log.SaveProof(t.Context(), p, operator(4), 1000)
	require.NoError(t, err)
	writes := 0
	s.writes.observe = func(time.Duration) { writes++ }
	for range 3 {
		for of, want := range map[string]bool{id: true, "nothing": false} {
			here, err := s.log.Holds(t.Context(), of, operator(3))
			require.NoError(t, err)
			require.Equal(t, want, here)
		}
	}
	require.Equal(t, 1, writes)
}

func testUntold(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	for _, of := range []struct {
		culprit byte
		n       uint64
	}{{3, 1}, {2, 1}, {2, 2}, {2, 3}, {2, 4}} {
		p, err := evidence.Prove(testChain, statementOf(t, said(t, of.culprit, w, of.n, 1)), statementOf(t, said(t, of.culprit, w, of.n, 2)))
		require.NoError(t, err)
		_, first, err := s.log.SaveProof(t.Context(), p, operator(4), 1000)
		require.NoError(t, err)
		require.True(t, first)
	}
	untold, err := s.log.Untold(t.Context(), 3)
	require.NoError(t, err)
	var slots []evidence.Slot
	for _, p := range untold {
		require.Nil(t, p.Encoded)
		slots = append(slots, p.Slot)
	}
	require.Equal(t, []evidence.Slot{
		{Wallet: w.ID(), Window: 3600, Operator: operator(2)}, {Wallet: w.ID(), Window: 900, Operator: operator(3)}, {Wallet: w.ID(), Window: 2700, Operator: operator(2)},
	}, slots, "the newest of each, then the second of each")
}

func testFaultsProof(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	one, two := said(t, 2, w, 1, 1), said(t, 2, w, 1, 2)
	guilt := fault(w.ID(), 1, faults.LeaderEquivocation, operator(2))
	guilt.Evidence = [][]byte{one.Signed, two.Signed}
	other := fault(w.ID(), 1, faults.LeaderMistake, operator(2))
	r := ended(w, 1, operator(2))
	r.Faults = []faults.Fault{guilt, other}
	require.NoError(t, s.SaveStatement(t.Context(), one))
	require.NoError(t, s.SaveStatement(t.Context(), two))
	before, err := s.Versions(t.Context())
	require.NoError(t, err)
	record(t, s.Store, r)
	after, err := s.Versions(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, before, after)

	proofs, err := s.Proofs(t.Context(), exchange.ProofFilter{})
	require.NoError(t, err)
	require.Len(t, proofs, 1)
	require.Equal(t, guilt.ID(), proofs[0].Fault)
	records, err := open().Faults(t.Context(), faults.Filter{})
	require.NoError(t, err)
	require.Len(t, records, 2)
	for _, f := range records {
		if f.Kind == faults.LeaderEquivocation {
			require.Equal(t, proofs[0].ID, f.Proof)
			require.Len(t, f.Evidence, 2)
		} else {
			require.Empty(t, f.Proof)
		}
	}
}

// announced is an operator's announcement of its seats for a signature.
func announced(t testing.TB, key byte, wallet chain.WalletID, n uint64, what byte) evidence.Quote {
	t.Helper()
	raw := announcement(t, wallet, window(n).Block, what)
	q, err := evidence.ReadQuote(wire.SignPubsub(secret(key), "/walletnode/signing/1/"+wallet.String(), raw, []byte{1, 2, 3, 4, 5, 6, 7, 8}).Bytes())
	require.NoError(t, err)
	return q
}
