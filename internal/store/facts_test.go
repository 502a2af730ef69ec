package store

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// telling tells in words what is stored, signed with a hash.
func telling(origin string) *Telling {
	return &Telling{
		Origin: origin,
		Encode: func(t Tiding) (feed.Kind, []byte) {
			switch {
			case t.Opened != nil:
				return feed.KindResult, fmt.Appendf(nil, "opened %v at %v", t.Opened.Block, t.Opened.At)
			case t.Own != nil:
				return feed.KindProposal, fmt.Appendf(nil, "own %x", t.Own.Payload)
			case t.Statement != nil:
				return feed.KindProposal, fmt.Appendf(nil, "heard %x", t.Statement.Signed)
			case t.Result != nil:
				return feed.KindResult, fmt.Appendf(nil, "result %v %s", t.Result.Window.Block, t.Result.Reason)
			case t.Amendment != nil:
				return feed.KindFault, fmt.Appendf(nil, "fault %s", t.Amendment.Fault.Kind)
			case t.Ended != nil:
				return feed.KindAction, fmt.Appendf(nil, "ended %s at %d", t.Ended.Outcome, t.Ended.At)
			case t.Retried != nil:
				return feed.KindAction, fmt.Appendf(nil, "retried at %d", t.Retried.At)
			}
			return feed.KindAction, fmt.Appendf(nil, "signed %x", t.Signed.Raw)
		},
		Sign: factsOf(origin).SignItems,
	}
}

// factsOf signs what an origin tells.
func factsOf(origin string) feed.Signer {
	seed := sha256.Sum256([]byte("test-" + origin))
	s, err := feed.NewSigner(origin, ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		panic(err)
	}
	return s
}

// signedFact checks that its origin signed a fact.
func signedFact(t testing.TB, f Fact) {
	t.Helper()
	require.NotNil(t, f.Witness)
	require.Equal(t, feed.Origin{Source: f.Origin, Number: f.Number}, f.Witness.Origin)
	require.NoError(t, feed.Keyring{f.Origin: feed.Keys(factsOf(f.Origin).Public())}.VerifyWitness(f.Item(), *f.Witness))
}

func openTelling(t testing.TB, dsn, origin string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{DSN: dsn, Telling: telling(origin)}, testChain, genesis, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// told returns what an origin has told, and checks numbers, windows and signatures.
func told(t *testing.T, r Reader, origin string) (texts []string) {
	t.Helper()
	facts, err := r.Facts(t.Context(), origin, 0, 1000)
	require.NoError(t, err)
	for i, f := range facts {
		require.EqualValues(t, i+1, f.Number)
		signedFact(t, f)
		require.NoError(t, f.Item().Check())
		texts = append(texts, string(f.Payload))
	}
	return texts
}

// toldWrites are all of which a store tells, in an order in which each succeeds, with what it tells.
var toldWrites = []struct {
	text string
	do   func(ctx context.Context, s scribe) error
}{
	{"heard 0109", func(ctx context.Context, s scribe) error { return s.SaveStatement(ctx, statement(1, 9)) }},
	{"result 900 ok", func(ctx context.Context, s scribe) error {
		_, err := s.RecordResult(ctx, agreed(walletA, 1))
		return err
	}},
	{"fault leader_mistake", func(ctx context.Context, s scribe) error {
		return s.RecordAmendment(ctx, coordination.Amendment{Wallet: walletA, Window: window(1), Fault: fault(walletA, 1, faults.LeaderMistake, mallory)})
	}},
	{"", func(ctx context.Context, s scribe) error { return s.StartAction(ctx, walletA, 900, 985) }},
	{"", func(ctx context.Context, s scribe) error { return s.SaveIntent(ctx, intent(1)) }},
	{"signed 0102", func(ctx context.Context, s scribe) error {
		return s.SaveSigned(ctx, walletA, 900, signing.Success{Raw: []byte{1, 2}, TxHash: signer.Digest{5}, At: 990})
	}},
	{"ended signed at 991", func(ctx context.Context, s scribe) error { return s.FinishAction(ctx, walletA, 900, "signed", "", 991) }},
}

func TestWhatIsStoredIsToldOnceAndInItsOrder(t *testing.T) {
	for name, fresh := range map[string]func() string{
		"SQLite": t.TempDir, "PostgreSQL": func() string { return pgtest.Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTelling(t, fresh(), "node")
			ctx := t.Context()
			own := coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}, SentAt: 901}
			want := []string{"own 01"}
			for range 2 {
				_, err := s.SaveOwn(ctx, walletA, 900, own)
				require.NoError(t, err)
			}
			for _, w := range toldWrites {
				require.NoError(t, w.do(ctx, s.scribe), w.text)
				if w.text != "" {
					want = append(want, w.text)
				}
			}
			require.Equal(t, want, told(t, s.Reader, "node"))
			for _, w := range toldWrites {
				if w.text != "fault leader_mistake" { // each amendment says something
					require.True(t, errors.Is(w.do(ctx, s.scribe), errFinished) || w.do(ctx, s.scribe) == nil, w.text)
				}
			}
			require.Equal(t, want, told(t, s.Reader, "node"), "what is stored already is not told again")
			origins, err := s.Origins(ctx)
			require.NoError(t, err)
			require.Equal(t, map[string]uint64{"node": uint64(len(want))}, origins)
			select {
			case <-s.Told():
			default:
				t.Fatal("nobody was woken")
			}
		})
	}
}

func TestWhatIsNotStoredIsNotTold(t *testing.T) {
	s := openTelling(t, t.TempDir(), "node")
	bad := agreed(walletA, 1)
	bad.Faults = []faults.Fault{fault(walletA, 1, faults.LeaderMistake, mallory), fault(walletA, 1, "unheard", mallory)}
	_, err := s.RecordResult(t.Context(), bad)
	require.Error(t, err)
	require.ErrorIs(t, s.FinishAction(t.Context(), walletA, 900, "signed", "", 991), ErrNotFound)
	require.ErrorIs(t, s.SaveSigned(t.Context(), walletA, 900, signing.Success{Raw: []byte{1}, TxHash: signer.Digest{}, At: 990}), ErrNotFound)
	require.Empty(t, told(t, s.Reader, "node"))
	require.NoError(t, s.SaveStatement(t.Context(), statement(1, 9)))
	require.Len(t, told(t, s.Reader, "node"), 1, "no number was left out")
}

func TestAWindowThatNobodyCarriedThroughIsTold(t *testing.T) {
	s := openTelling(t, t.TempDir(), "node")
	ctx := t.Context()
	require.NoError(t, s.ImportWallet(ctx, testWallet(t, 1, mallory), noon))
	require.NoError(t, s.OpenWindow(ctx, opened(1)))
	_, err := s.Begin(ctx, walletB, window(1), 901)
	require.NoError(t, err)
	require.NoError(t, s.FinishOpen(ctx, 900, coordination.ReasonNodeDown))
	require.NoError(t, s.FinishOpen(ctx, 900, coordination.ReasonNodeDown))
	require.Equal(t, []string{fmt.Sprintf("opened 900 at %v", opened(1).At), "result 900 node_down"}, told(t, s.Reader, "node"))
}

func TestAnInstanceTellsOfTheWalletsThatItServes(t *testing.T) {
	dsn := pgtest.Database(t)
	a, b := newSibling(t, openTelling(t, dsn, "a"), "a"), newSibling(t, openTelling(t, dsn, "b"), "b")
	a.take(walletA)
	for _, w := range penWrites {
		require.ErrorIs(t, w.do(t.Context(), b.pen, walletA), chain.ErrNotServed)
		require.NoError(t, w.do(t.Context(), a.pen, walletA))
	}
	require.Equal(t, []string{"heard 01", "result 900 ok", "fault leader_mistake", "ended no_signer at 1001"}, told(t, b.store.Reader, "a"))
	b.take(walletA) // and a does not know yet
	require.ErrorIs(t, penWrites[1].do(t.Context(), a.pen, walletA), cluster.ErrFenced)
	_, err := b.store.Claim(t.Context(), b.fences[walletA], 1800)
	require.NoError(t, err)
	own := coordination.OwnProposal{Payload: []byte{3}, Envelope: []byte{4}, SentAt: 1801}
	for range 2 {
		_, err = b.store.SaveProposal(t.Context(), b.fences[walletA], 1800, own)
		require.NoError(t, err)
	}
	require.Len(t, told(t, a.store.Reader, "a"), 4)
	require.Equal(t, []string{"own 03"}, told(t, a.store.Reader, "b"))
}

// A window that siblings open is told by whoever is the first, and nothing is told of one that was not opened.
func TestAWindowsOpeningIsToldOnceBeforeWhatHappensInIt(t *testing.T) {
	dsn := pgtest.Database(t)
	a, b := newSibling(t, openTelling(t, dsn, "a"), "a"), newSibling(t, openTelling(t, dsn, "b"), "b")
	ctx := t.Context()
	require.NoError(t, a.pen.StartAfter(ctx, 900))
	require.NoError(t, b.pen.OpenWindow(ctx, opened(2)))
	later := opened(2)
	later.At++
	require.NoError(t, a.pen.OpenWindow(ctx, later))
	a.take(walletA)
	require.NoError(t, penWrites[1].do(ctx, a.pen, walletA))
	require.NoError(t, a.pen.OpenWindow(ctx, opened(3)))
	require.Equal(t, []string{fmt.Sprintf("opened 1800 at %v", opened(2).At)}, told(t, a.store.Reader, "b"))
	require.Equal(t, []string{"heard 01", fmt.Sprintf("opened 2700 at %v", opened(3).At)}, told(t, a.store.Reader, "a"))

	alone := openTelling(t, t.TempDir(), "node")
	require.NoError(t, alone.StartAfter(ctx, 900))
	require.NoError(t, alone.OpenWindow(ctx, opened(2)))
	require.ErrorIs(t, alone.OpenWindow(ctx, opened(2)), errStaleWindow)
	require.Equal(t, []string{fmt.Sprintf("opened 1800 at %v", opened(2).At)}, told(t, alone.Reader, "node"))
	for _, s := range []*Store{a.store, b.store, alone} {
		select {
		case <-s.Told():
		default:
			t.Error("nobody was woken")
		}
	}
}

func TestAnActionThatIsTriedAgainIsTold(t *testing.T) {
	s := openTelling(t, t.TempDir(), "node")
	record(t, s, agreed(walletA, 1))
	require.NoError(t, s.FinishAction(t.Context(), walletA, 900, action.SignerUnavailable, "", 991))
	_, err := s.RetryAction(t.Context(), walletA, 900, 992)
	require.NoError(t, err)
	_, err = s.RetryAction(t.Context(), walletA, 900, 993)
	require.ErrorIs(t, err, ErrNotRetryable)
	require.NoError(t, s.FinishAction(t.Context(), walletA, 900, action.OK, "", 994))
	require.Equal(t, []string{
		"result 900 ok", fmt.Sprintf("ended %s at 991", action.SignerUnavailable), "retried at 992", fmt.Sprintf("ended %s at 994", action.OK),
	}, told(t, s.Reader, "node"))
}

func TestFactsAreReadInPages(t *testing.T) {
	big := telling("node")
	big.Encode = func(Tiding) (feed.Kind, []byte) { return feed.KindFault, make([]byte, feed.MaxPayload) }
	s, err := Open(t.Context(), Config{DSN: t.TempDir(), Telling: big}, testChain, genesis, quiet)
	require.NoError(t, err)
	for n := range byte(12) {
		require.NoError(t, s.SaveStatement(t.Context(), statement(n+1, n)))
	}
	page, err := s.Facts(t.Context(), "node", 1, 100)
	require.NoError(t, err)
	require.Len(t, page, 8)
	page, err = s.Facts(t.Context(), "node", 9, 2)
	require.NoError(t, err)
	require.EqualValues(t, []uint64{10, 11}, []uint64{page[0].Number, page[1].Number})
	require.NoError(t, s.Close())

	big.Encode = func(Tiding) (feed.Kind, []byte) { return feed.KindFault, make([]byte, feed.MaxPayload+1) }
	s, err = Open(t.Context(), Config{DSN: t.TempDir(), Telling: big}, testChain, genesis, quiet)
	require.NoError(t, err)
	require.NoError(t, s.SaveStatement(t.Context(), statement(1, 1)), "what is stored does not depend on what can be told of it")
	require.Empty(t, told(t, s.Reader, "node"))
	require.NoError(t, s.Close())
}

func TestWhoTellsHasAName(t *testing.T) {
	nobody := telling("node")
	nobody.Origin = "No Name"
	_, err := Open(t.Context(), Config{DSN: t.TempDir(), Telling: nobody}, testChain, genesis, quiet)
	require.ErrorIs(t, err, feed.ErrMalformed)
}

// The number that a process thinks its origin stands at is a guess: a transaction may have been rolled back, or somebody else have begun a series.
func TestFactsAreNumberedByTheDatabaseWhateverTheProcessThinks(t *testing.T) {
	for name, fresh := range map[string]func() string{
		"SQLite": t.TempDir, "PostgreSQL": func() string { return pgtest.Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTelling(t, fresh(), "a")
			for n, guess := range []uint64{0, 1, 0, 2, 3, 1000, 6, 7} {
				s.teller.last.Store(guess)
				tellMany(t, s, 1)
				require.Len(t, told(t, s.Reader, "a"), n+1)
				require.EqualValues(t, n+1, s.teller.last.Load(), "it knows better then")
			}
		})
	}
}
