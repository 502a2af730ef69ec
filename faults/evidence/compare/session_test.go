package compare_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// pair makes two operators that heard the same of n wallets in common in 64 windows, but for what one of them leaves out of
// the last one; each has foreign wallets too.
func pair(t require.TestingT, n, foreign int, without ...int) (alice, bob *member) {
	const last = 64 * frequency
	var common []chain.Wallet
	for i := range n {
		common = append(common, wallet(t, i, 3, 1, 2))
	}
	alone := func(seed, from int) []chain.Wallet {
		wallets := append([]chain.Wallet(nil), common...)
		for i := range foreign {
			wallets = append(wallets, wallet(t, from+i, seed, 4))
		}
		return wallets
	}
	alice, bob = newMember(1, last-frequency, alone(1, 2000)...), newMember(2, last-frequency, alone(2, 4000)...)
	for _, m := range []*member{alice, bob} {
		for i, w := range m.wallets {
			for window := chain.Height(frequency); window <= last; window += frequency {
				if i < n && window == last && contains(without, i) {
					continue
				}
				require.NoError(t, m.ledger.Put(claimed(w, window, byte(window/frequency))))
			}
		}
	}
	return alice, bob
}

func contains(list []int, i int) bool {
	for _, x := range list {
		if x == i {
			return true
		}
	}
	return false
}

// divided are two with 1000 wallets in common and 100 each of their own, to whom the leader of one, where, said two things in a window.
func divided(t testing.TB, where int, last chain.Height) (alice, bob *member) {
	t.Helper()
	alice, bob = pair(t, 1000, 100, where)
	for i, m := range []*member{alice, bob} {
		s := says(t, 3, where, last, i)
		m.keep(s)
		require.NoError(t, m.ledger.Put(evidence.Entry{
			Wallet: s.Wallet, Window: last, Status: evidence.Said, Leader: s.Operator, Sender: s.Operator, Statement: s.Digest,
		}))
		m.close(t, last)
	}
	return alice, bob
}

// One wallet's leader said one thing here and another there. Among 1000 wallets in common and 64 windows, and with wallets that
// only one side has, that takes at most 8 round trips and 4 kB besides the statements.
func TestOneDivergenceAmongAThousandWalletsTakesEightRoundTripsAnd4kB(t *testing.T) {
	const where, last = 500, 64 * frequency
	alice, bob := divided(t, where, last)
	s, learned := talk(t, alice, bob, alice.asks(bob, last))
	require.True(t, s.Complete())
	require.Len(t, s.Findings(), 1)
	requireProof(t, s.Findings()[0])
	require.Len(t, learned, 1, "and the other side has the proof too")
	requireProof(t, learned[0])
	require.Equal(t, s.Findings()[0].Proof.ID(), learned[0].Proof.ID(), "it is one proof")
	requireLittle(t, s.Traffic())
	t.Logf("%+v", s.Traffic())

	// Wherever the difference lies.
	random := rand.New(rand.NewPCG(1, 2))
	most := compare.Traffic{}
	for range 8 {
		w, window := alice.wallets[random.IntN(1000)], chain.Height(1+random.IntN(64))*frequency
		if w.ID() == says(t, 3, where, last, 0).Wallet {
			continue
		}
		other := claimed(w, window, 99)
		cfg := alice.asks(bob, last)
		mine := says(t, 3, where, last, 1)
		theirs := evidence.Entry{Wallet: mine.Wallet, Window: last, Status: evidence.Said, Leader: mine.Operator, Sender: mine.Operator, Statement: mine.Digest}
		cfg.Known = heads.Known{
			mine.Wallet: {{Window: last, Attested: &theirs}}, // found before
			w.ID():      {{Window: window, Attested: &other}},
		}
		s, _ := talk(t, alice, bob, cfg)
		require.Len(t, s.Findings(), 1)
		require.Equal(t, window, s.Findings()[0].Window)
		requireLittle(t, s.Traffic())
		most.Rounds, most.Bytes = max(most.Rounds, s.Traffic().Rounds), max(most.Bytes, s.Traffic().Bytes)
	}
	t.Logf("at most %+v", most)
}

// BenchmarkComparison is the same once more, for its time: both sides, with the trees of 1000 wallets at hand.
func BenchmarkComparison(b *testing.B) {
	const where, last = 500, 64 * frequency
	alice, bob := divided(b, where, last)
	var took compare.Traffic
	for b.Loop() {
		s, _ := talk(b, alice, bob, alice.asks(bob, last))
		require.True(b, s.Complete())
		requireProof(b, s.Findings()[0])
		took = s.Traffic()
	}
	b.ReportMetric(float64(took.Rounds), "rounds")
	b.ReportMetric(float64(took.Bytes), "B")
	b.ReportMetric(float64(took.Statements), "B/statements")
}

func requireLittle(t *testing.T, took compare.Traffic) {
	t.Helper()
	require.LessOrEqual(t, took.Rounds, 8)
	require.LessOrEqual(t, took.Bytes, 4096)
}

func requireProof(t require.TestingT, f compare.Finding) {
	require.Equal(t, compare.Contradiction, f.Kind)
	require.NotNil(t, f.Proof)
	proof, err := evidence.Decode(f.Proof.Encode())
	require.NoError(t, err)
	require.Equal(t, f.Wallet, proof.Slot().Wallet)
	require.Equal(t, f.Window, proof.Slot().Window)
}

func TestEqualHistoriesTakeOneRoundTrip(t *testing.T) {
	alice, bob := pair(t, 30, 5)
	alice.close(t, 64*frequency)
	bob.close(t, 64*frequency)
	s, _ := talk(t, alice, bob, alice.asks(bob, 64*frequency))
	require.True(t, s.Complete())
	require.Empty(t, s.Findings())
	require.Equal(t, 1, s.Traffic().Rounds)
	require.Equal(t, operator(2), s.Head().Operator)
}

// short makes two operators of three wallets, who heard nothing of the first and the second one's leader in the first window.
func short(t require.TestingT) (alice, bob *member) {
	wallets := []chain.Wallet{wallet(t, 0, 3, 1, 2), wallet(t, 1, 3, 1, 2), wallet(t, 2, 3, 1, 2)}
	alice, bob = newMember(1, 0, wallets...), newMember(2, 0, wallets...)
	for _, m := range []*member{alice, bob} {
		for i := range 2 {
			require.NoError(t, m.ledger.Put(evidence.Entry{Wallet: wallets[i].ID(), Window: frequency, Leader: operator(3)}))
		}
	}
	return alice, bob
}

// hears has a member hear a statement of operator 3 about the third wallet.
func (m *member) hears(t require.TestingT, variant int) evidence.Statement {
	s := says(t, 3, 2, frequency, variant)
	m.keep(s)
	require.NoError(t, m.ledger.Put(evidence.Entry{
		Wallet: s.Wallet, Window: s.Window, Status: evidence.Said, Leader: s.Operator, Sender: s.Operator, Statement: s.Digest,
	}))
	return s
}

func (m *member) hearsNothing(t require.TestingT) {
	require.NoError(t, m.ledger.Put(evidence.Entry{Wallet: m.wallets[2].ID(), Window: frequency, Leader: operator(3)}))
}

// Who lacks a message gets it, without guilt, and attests it as late; then nothing is left to find.
func TestAGapIsFilledOnWhicheverSideItIs(t *testing.T) {
	alice, bob := short(t)
	s := alice.hears(t, 0)
	bob.hearsNothing(t)
	alice.close(t, frequency)
	bob.close(t, frequency)

	asked, _ := talk(t, bob, alice, bob.asks(alice, frequency))
	require.Len(t, asked.Findings(), 1)
	gap := asked.Findings()[0]
	require.Equal(t, compare.Ours, gap.Kind)
	require.Equal(t, s.Signed(), gap.Statement.Signed())

	asked, learned := talk(t, alice, bob, alice.asks(bob, frequency))
	require.Equal(t, compare.Theirs, asked.Findings()[0].Kind)
	require.Equal(t, compare.Ours, learned[0].Kind)
	require.Equal(t, s.Digest, learned[0].Statement.Digest)

	late := *gap.Mine
	late.Status, late.Sender, late.Statement = evidence.Late, s.Operator, s.Digest
	require.NoError(t, bob.ledger.Put(late))
	bob.keep(s)
	alice.close(t, 2*frequency)
	bob.close(t, 2*frequency)
	asked, _ = talk(t, bob, alice, bob.asks(alice, 2*frequency))
	require.Equal(t, compare.Same, asked.Findings()[0].Kind, "late is not in time")

	cfg := bob.asks(alice, 2*frequency)
	cfg.Known = asked.Explains()
	asked, _ = talk(t, bob, alice, cfg)
	require.Empty(t, asked.Findings(), "what was explained is expected")
	require.Equal(t, 1, asked.Traffic().Rounds)
}

func TestAStatementThatIsNotKeptAnyMoreIsNoMisdeed(t *testing.T) {
	alice, bob := short(t)
	alice.hears(t, 0)
	bob.hearsNothing(t)
	alice.close(t, frequency)
	clear(alice.kept)
	s, _ := talk(t, bob, alice, bob.asks(alice, frequency))
	require.Equal(t, compare.Unshown, s.Findings()[0].Kind)
}

// A peer that was down has no head of that window, and says so in its next one: nothing has to be walked down to.
func TestAnOutageOfThePeerIsExpected(t *testing.T) {
	alice, bob := short(t)
	bob.ledger = heads.NewLedger(chainID, operator(2), evidence.Head{})
	alice.hears(t, 0)
	alice.close(t, frequency)
	for _, m := range []*member{alice, bob} {
		require.NoError(t, m.ledger.Put(evidence.Entry{Wallet: m.wallets[0].ID(), Window: 2 * frequency, Leader: operator(3)}))
		m.close(t, 2*frequency)
	}
	s, _ := talk(t, alice, bob, alice.asks(bob, 2*frequency))
	require.Empty(t, s.Findings())
	require.Equal(t, 1, s.Traffic().Rounds)

	// The other way round everything of that window is missing here; it ends, and with nobody's guilt.
	s, _ = talk(t, bob, alice, bob.asks(alice, 2*frequency))
	require.True(t, s.Complete())
	require.Len(t, s.Findings(), 3)
	for _, f := range s.Findings() {
		require.NotEqual(t, compare.Contradiction, f.Kind)
		require.Nil(t, f.Mine)
	}
	cfg := bob.asks(alice, 2*frequency)
	cfg.Known = s.Explains()
	s, _ = talk(t, bob, alice, cfg)
	require.Empty(t, s.Findings())
}

func TestAWalletThatThePeerDoesNotAttestIsNoted(t *testing.T) {
	alice, bob := short(t)
	alice.hears(t, 0)
	bob.wallets = bob.wallets[:2]
	alice.close(t, frequency)
	bob.close(t, frequency)
	s, _ := talk(t, alice, bob, alice.asks(bob, frequency))
	require.Len(t, s.Findings(), 1)
	require.Equal(t, compare.Theirs, s.Findings()[0].Kind)
	require.Nil(t, s.Findings()[0].Theirs)

	_, _, err := compare.Respond(mustNext(t, alice.asks(bob, 2*frequency)), operator(1), bob, bob)
	require.ErrorIs(t, err, compare.ErrRefused, "no such head")
	_, _, err = compare.Respond(mustNext(t, alice.asks(bob, frequency)), operator(9), bob, bob)
	require.ErrorIs(t, err, compare.ErrRefused, "nothing in common")
}

func mustNext(t require.TestingT, cfg compare.Config) []byte {
	req, more := compare.NewSession(cfg).Next()
	require.True(t, more)
	return req
}

// A peer that never answers is given up with the context; nothing else waits for it.
func TestBadInputAPeerThatNeverAnswers(t *testing.T) {
	alice, bob := short(t)
	bob.close(t, frequency)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := compare.NewSession(alice.asks(bob, frequency))
	err := s.Run(ctx, func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, s.Findings())
	require.False(t, s.Complete())
}

// A peer whose every entry is another than ours can be walked down without end. It is looked into as far as the bounds go.
func TestBadInputAnEndlessTree(t *testing.T) {
	alice, bob := pair(t, 300, 0)
	bob.ledger = heads.NewLedger(chainID, operator(2), evidence.Head{
		Operator: operator(2), Chain: chainID, Window: 63 * frequency, Windows: 1<<63 - 1,
	})
	for _, w := range bob.wallets {
		for window := chain.Height(frequency); window <= 64*frequency; window += frequency {
			require.NoError(t, bob.ledger.Put(claimed(w, window, 200)))
		}
	}
	bob.close(t, 64*frequency)
	s, _ := talk(t, alice, bob, alice.asks(bob, 64*frequency))
	require.False(t, s.Complete())
	require.LessOrEqual(t, s.Traffic().Rounds, compare.MaxRounds)
	require.LessOrEqual(t, len(s.Findings()), compare.MaxFindings)
	require.NotEmpty(t, s.Findings())
	_, more := s.Next()
	require.False(t, more)
}

func TestRunEndsWithTheFirstRefusal(t *testing.T) {
	alice, bob := short(t)
	bob.close(t, frequency)
	calls := 0
	err := compare.NewSession(alice.asks(bob, frequency)).Run(t.Context(), func(context.Context, []byte) ([]byte, error) {
		calls++
		return []byte{0xff}, nil
	})
	require.ErrorIs(t, err, compare.ErrRefused)
	require.Equal(t, 1, calls)
	away := errors.New("away")
	err = compare.NewSession(alice.asks(bob, frequency)).Run(t.Context(), func(context.Context, []byte) ([]byte, error) { return nil, away })
	require.ErrorIs(t, err, away)
}

// signed are messages that are on record, whatever is asked for.
func signed(quotes ...evidence.Quote) func([]evidence.Entry) []evidence.Quote {
	return func([]evidence.Entry) []evidence.Quote { return quotes }
}

// A peer that says in its head that the leader was silent, and had announced its seats for what that leader proposed: proved by whoever
// heard the announcement, whether it heard the leader or not.
func TestAPeerThatDeniesWhatItActedOnIsProvedToHave(t *testing.T) {
	for about, heard := range map[string]bool{"who heard the leader": true, "who did not": false} {
		alice, bob := short(t)
		if heard {
			alice.hears(t, 0)
		} else {
			alice.hearsNothing(t)
		}
		bob.hearsNothing(t)
		alice.close(t, frequency)
		bob.close(t, frequency)
		cfg := alice.asks(bob, frequency)
		cfg.Quotes = func(silent []evidence.Entry) []evidence.Quote {
			require.NotEmpty(t, silent)
			for _, e := range silent {
				require.Equal(t, evidence.None, e.Status)
			}
			return signed(
				announces(t, 2, bob.wallets[2], frequency), announces(t, 3, bob.wallets[2], frequency), announces(t, 2, bob.wallets[2], 2*frequency),
			)(silent)
		}
		s, _ := talk(t, alice, bob, cfg)
		require.True(t, s.Complete())
		var denied []compare.Finding
		for _, f := range s.Findings() {
			if f.Kind == compare.Denied {
				denied = append(denied, f)
			}
		}
		require.Len(t, denied, 1, about)
		proof, err := evidence.Decode(denied[0].Proof.Encode())
		require.NoError(t, err)
		require.Equal(t, evidence.Denial, proof.Kind)
		require.Equal(t, operator(2), proof.Slot().Operator)
		require.LessOrEqual(t, s.Traffic().Rounds, 5)
	}

	// One who heard and acted denies nothing.
	alice, bob := short(t)
	alice.hearsNothing(t)
	bob.hears(t, 0)
	alice.close(t, frequency)
	bob.close(t, frequency)
	cfg := alice.asks(bob, frequency)
	cfg.Quotes = signed(announces(t, 2, bob.wallets[2], frequency))
	s, _ := talk(t, alice, bob, cfg)
	require.Len(t, s.Findings(), 1)
	require.Equal(t, compare.Ours, s.Findings()[0].Kind)
}

func TestAnOpeningThatWasNotAskedForIsRefused(t *testing.T) {
	for about, change := range map[string]func(a *pb.CompareAnswer){
		"none":          func(a *pb.CompareAnswer) { a.Openings = nil },
		"two":           func(a *pb.CompareAnswer) { a.Openings = append(a.Openings, a.Openings[0]) },
		"a damaged one": func(a *pb.CompareAnswer) { a.Openings[0].Views[0]++ },
		"no path":       func(a *pb.CompareAnswer) { a.Openings[0].Wallets = nil },
		"too many":      func(a *pb.CompareAnswer) { a.Openings = make([]*pb.Opening, compare.MaxOpenings+1) },
	} {
		alice, bob := short(t)
		alice.hearsNothing(t)
		bob.hearsNothing(t)
		alice.close(t, frequency)
		bob.close(t, frequency)
		cfg := alice.asks(bob, frequency)
		cfg.Quotes = signed(announces(t, 2, bob.wallets[2], frequency))
		s := compare.NewSession(cfg)
		refused := s.Run(t.Context(), func(_ context.Context, req []byte) ([]byte, error) {
			data, _, err := compare.Respond(req, operator(1), bob, bob)
			require.NoError(t, err)
			answer := new(pb.CompareAnswer)
			require.NoError(t, proto.Unmarshal(data, answer))
			if len(answer.Openings) > 0 {
				change(answer)
			}
			return proto.Marshal(answer)
		})
		require.ErrorIs(t, refused, compare.ErrRefused, about)
		require.Empty(t, s.Findings())
	}
}

// What the peer is offered counts as explained once it has answered: a comparison that is broken off before offers it again.
func TestWhatThePeerDidNotTakeIsOfferedAgain(t *testing.T) {
	alice, bob := differing(t)
	cfg := alice.asks(bob, frequency)
	broken := compare.NewSession(cfg)
	for len(broken.Findings()) == 0 {
		req, more := broken.Next()
		require.True(t, more)
		answer, _, err := compare.Respond(req, operator(1), bob, bob)
		require.NoError(t, err)
		require.NoError(t, broken.Take(answer))
	}
	_, more := broken.Next() // what it offers is lost
	require.True(t, more)
	require.Equal(t, compare.Contradiction, broken.Findings()[0].Kind)
	require.Empty(t, broken.Explains())

	cfg.Known = broken.Explains()
	whole, learned := talk(t, alice, bob, cfg)
	require.Len(t, learned, 1)
	require.Equal(t, compare.Contradiction, learned[0].Kind, "both can prove it now")
	cfg.Known = whole.Explains()
	again, learned := talk(t, alice, bob, cfg)
	require.Empty(t, again.Findings())
	require.Empty(t, learned)
}
