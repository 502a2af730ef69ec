package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/wire"
)

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

	untold, err := s.log.Untold(t.Context(), 900, evidence.Span, 5)
	require.NoError(t, err)
	require.Len(t, untold, 2)
	require.Equal(t, newer.ID(), untold[0].ID, "the newest first")
	require.Nil(t, untold[0].Encoded)
	require.Len(t, untold[1].Holders, 2)
	require.NoError(t, s.log.Told(t.Context(), newer.ID()))
	untold, err = s.log.Untold(t.Context(), 900, evidence.Span, 5)
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
	untold, err := s.log.Untold(t.Context(), 900, evidence.Span, 3)
	require.NoError(t, err)
	var slots []evidence.Slot
	for _, p := range untold {
		require.Nil(t, p.Encoded)
		slots = append(slots, p.Slot)
	}
	require.Equal(t, []evidence.Slot{
		{Wallet: w.ID(), Window: 3600, Operator: operator(2)}, {Wallet: w.ID(), Window: 900, Operator: operator(3)}, {Wallet: w.ID(), Window: 2700, Operator: operator(2)},
	}, slots, "the newest of each, then the second of each")

	for _, rarely := range []uint64{evidence.Span, 77, 2*evidence.Span - 1} {
		told := 0
		for n := uint64(1); n <= 5*rarely; n++ {
			untold, err := s.log.Untold(t.Context(), window(n).Block, rarely, 9)
			require.NoError(t, err)
			due := exchange.Due(1000, window(n).Block, rarely)
			require.Equal(t, due, len(untold) == 5, "window %d", n)
			if due && n > 1+evidence.Span {
				told++
			}
		}
		require.Equal(t, 3, told, "after %d windows, twice and four times as many", rarely)
	}
}

// testLateProofs has proofs of windows of long ago, of which there may be any number.
func testLateProofs(t *testing.T, open func() attester) {
	s := open()
	save := func(key byte, n uint64, after chain.Height) error {
		w := commonWallet(t, 10)
		p, err := evidence.Prove(testChain, statementOf(t, said(t, key, w, n, 1)), statementOf(t, said(t, key, w, n, 2)))
		require.NoError(t, err)
		_, first, err := s.log.SaveProof(t.Context(), p, operator(4), window(n).Block+after)
		require.True(t, first || err != nil)
		return err
	}
	for n := range uint64(exchange.MaxProofsOf) {
		require.NoError(t, save(2, 1+n, exchange.Late+1))
	}
	require.ErrorIs(t, save(2, 500, exchange.Late+1), exchange.ErrEnough)
	require.NoError(t, save(2, 500, exchange.Late), "one that comes in time")
	require.NoError(t, save(3, 500, exchange.Late+1), "one about another")
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
