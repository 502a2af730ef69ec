package exchange_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// neverAnswers is a peer that takes a question and never answers.
func neverAnswers(ctx context.Context, _ chain.Operator, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Peers that do not answer are tried first again, and never take more than half of the eight places. Each takes one more when chance
// picks it for the first time, so what can be said of a single window depends on chance, and what can be said of many does not.
func TestThoseWhoDoNotAnswerKeepNobodyFromBeingCompared(t *testing.T) {
	const windows, mute = 16, 8
	ops := []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}
	inWorld(t, ops, func(t *testing.T, w *world) {
		w.startAll()
		for n := byte(20 - mute + 1); n <= 20; n++ {
			w.answers(n, exchange.CompareProtocol, neverAnswers)
		}
		for i := chain.Height(1); i <= windows; i++ {
			w.hears(900*i, 1, ops...)
			w.to(900*i + over)
		}
		c := w.ops[1].service.Counters()
		require.LessOrEqual(t, c.ComparisonsFailed, uint64(4*windows+mute))
		require.GreaterOrEqual(t, c.Comparisons, uint64(4*windows-mute))
	})
}

// Whoever tells of proofs that it does not give keeps nobody else's from being fetched.
func TestAProofIsFetchedBesideWhatAnotherMadeUp(t *testing.T) {
	inWorld(t, []byte{1, 2, 3, 4, 5}, func(t *testing.T, w *world) {
		for _, n := range []byte{1, 2, 5, 4} {
			w.start(n)
		}
		w.to(900 + 120)
		w.answers(4, exchange.ProofProtocol, neverAnswers)
		seq := 0
		tell := func() {
			raw := &pb.ProofNews{Window: uint64(seq)} //nolint:gosec // positive
			for range 64 {
				seq++
				id := sha256.Sum256([]byte{byte(seq), byte(seq >> 8), byte(seq >> 16)})
				raw.Told = append(raw.Told, id[:])
			}
			data, err := proto.Marshal(raw)
			require.NoError(t, err)
			w.hub.inject(exchange.ProofsTopic, key(4), data)
			synctest.Wait()
		}
		for range 6 {
			tell()
		}
		w.ops[2].log.hear(says(t, 3, w.wallet, 900, 1)) // operator 2 alone has seen both
		w.ops[2].log.hear(says(t, 3, w.wallet, 900, 2))
		w.ops[2].service.Proved()
		for i := chain.Height(2); i <= 4; i++ {
			for h := 900*i + 10; h <= 900*i+890; h += 40 {
				w.to(h)
				tell()
			}
		}
		require.Len(t, w.ops[1].log.kept(), 1)
		require.Len(t, w.ops[5].log.kept(), 1)
	})
}
