package store

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

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
