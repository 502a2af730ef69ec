package exchange_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

type answerer = func(ctx context.Context, by chain.Operator, request []byte) ([]byte, error)

// answers replaces what an operator answers to one kind of questions.
func (w *world) answers(n byte, protocol string, answer answerer) {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	w.ops[n].answer = map[string]answerer{protocol: answer}
}

func TestAPeerThatNeverAnswersIsCutOff(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		w.startAll()
		w.answers(3, exchange.CompareProtocol, func(ctx context.Context, _ chain.Operator, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		w.hears(900, 1, 1, 2, 3)
		w.to(900 + over)
		c := w.ops[1].service.Counters()
		require.EqualValues(t, 1, c.Comparisons, "the other one was compared with all the same")
		require.EqualValues(t, 1, c.ComparisonsFailed)

		began := time.Now()
		r, err := w.ops[1].service.Compare(t.Context(), operator(3))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(began))
		require.False(t, r.Complete)
		require.Zero(t, r.Traffic.Rounds)
	})
}

// forest is all that an operator attests: more wallets in common than there are.
type forest struct{ attested *heads.Attested }

func (f forest) Attested(window chain.Height) (*heads.Attested, bool) {
	return f.attested, window == f.attested.Head.Window
}

func (forest) Statements(chain.WalletID, chain.Height) [][]byte { return nil }

// plant makes a head of operator 2 over wallets that it says it has in common with operator 1, each with an entry, every part of which
// is really below it.
func plant(t *testing.T, wallets int) forest {
	ledger := heads.NewLedger(chainID, operator(2), evidence.Head{})
	var all []chain.Wallet
	for i := range wallets {
		id := secp256k1.PrivKeyFromBytes(binary.BigEndian.AppendUint32([]byte{9}, uint32(i))) //nolint:gosec // positive
		w, err := chain.NewWallet(chain.PublicKey(wire.PublicKeyOf(id).Uncompressed()), []chain.Operator{operator(1), operator(2)})
		require.NoError(t, err)
		require.NoError(t, ledger.Put(evidence.Entry{Wallet: w.ID(), Window: 900, Leader: operator(2)}))
		all = append(all, w)
	}
	a, err := ledger.Close(900, all)
	require.NoError(t, err)
	a, err = a.With(wire.SignPubsub(key(2), evidence.HeadsTopic, evidence.EncodeHead(a.Head), make([]byte, 8)).Bytes())
	require.NoError(t, err)
	return forest{a}
}

// A peer that attests a tree without an end, all of which is as it says, is asked so many times and no more, and nothing of it is kept.
func TestAPeerWithAnEndlessTreeIsCutOff(t *testing.T) {
	grown := plant(t, 2*compare.MaxRounds*compare.MaxSteps)
	inWorld(t, []byte{1, 2}, func(t *testing.T, w *world) {
		w.start(1)
		asked := 0
		liar := w.hub.plug("liar", key(2))
		w.hub.mu.Lock()
		liar.answer = map[string]answerer{exchange.CompareProtocol: func(_ context.Context, by chain.Operator, request []byte) ([]byte, error) {
			asked++
			answer, _, err := compare.Respond(request, by, grown, grown)
			return answer, err
		}}
		w.hub.mu.Unlock()
		w.to(900 + 120)
		w.hub.inject(evidence.HeadsTopic, key(2), evidence.EncodeHead(grown.attested.Head))
		synctest.Wait()
		r, err := w.ops[1].service.Compare(t.Context(), operator(2))
		require.NoError(t, err)
		require.False(t, r.Complete, "there is more of it")
		require.Equal(t, compare.MaxRounds, r.Traffic.Rounds)
		require.Equal(t, compare.MaxRounds, asked)
		require.LessOrEqual(t, len(r.Findings), compare.MaxFindings)
		require.Empty(t, w.ops[1].log.kept())
		require.EqualValues(t, 1, w.ops[1].service.Counters().ComparisonsFailed)
		w.hub.unplug(liar)
	})
}

// What is not below the head that was signed ends the comparison at once.
func TestAPeerWhoseAnswersAreNotBelowItsHeadIsAskedOnce(t *testing.T) {
	inWorld(t, []byte{1, 2}, func(t *testing.T, w *world) {
		w.start(1)
		asked := 0
		liar := w.hub.plug("liar", key(2))
		head := evidence.Head{Chain: chainID, Window: 900, Windows: 1, Wallets: 1, Root: tree.Hash{1}}
		w.hub.mu.Lock()
		liar.answer = map[string]answerer{exchange.CompareProtocol: func(context.Context, chain.Operator, []byte) ([]byte, error) {
			asked++
			signed := wire.SignPubsub(key(2), evidence.HeadsTopic, evidence.EncodeHead(head), make([]byte, 8))
			return proto.Marshal(&pb.CompareAnswer{
				Head: signed.Bytes(), Wallets: make([]byte, 32), Common: make([]byte, 32),
				Steps: []*pb.CompareStepAnswer{{Fragment: slices.Repeat([]byte{0xff}, tree.MaxFragment)}},
			})
		}}
		w.hub.mu.Unlock()
		w.to(900 + 120)
		w.hub.inject(evidence.HeadsTopic, key(2), evidence.EncodeHead(head))
		synctest.Wait()
		r, err := w.ops[1].service.Compare(t.Context(), operator(2))
		require.ErrorIs(t, err, compare.ErrRefused)
		require.Zero(t, r.Traffic.Rounds)
		require.Equal(t, 1, asked)
		require.Empty(t, w.ops[1].log.kept())
		w.hub.unplug(liar)
	})
}

func TestTwoHeadsOfOneWindowAreProvedAndTold(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		w.start(1)
		w.start(2)
		w.to(900 + 120)
		empty := tree.Join(tree.Empty, tree.Empty)
		for _, chainOfHeads := range []evidence.Head{
			{Chain: chainID, Window: 900, Windows: 1, Wallets: 0, Root: empty},
			{Chain: chainID, Window: 900, Windows: 1, Wallets: 1, Root: tree.Hash{1}},
			{Chain: chainID, Window: 900, Windows: 1, Wallets: 1, Root: tree.Hash{2}}, // a third one proves nothing more
		} {
			w.hub.inject(evidence.HeadsTopic, key(3), evidence.EncodeHead(chainOfHeads))
			synctest.Wait()
		}
		for _, n := range []byte{1, 2} {
			proofs := w.ops[n].log.kept()
			require.Len(t, proofs, 1)
			require.Equal(t, evidence.TwoHeads, proofs[0].Kind)
			require.Equal(t, evidence.Slot{Window: 900, Operator: operator(3)}, proofs[0].Slot)
			require.EqualValues(t, 1, w.ops[n].service.Counters().HeadsHeard["guilty"])
		}
	})
}

func TestWhatIsNoHeadIsRefused(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		w.start(1)
		w.to(900 + 120)
		good := evidence.Head{Chain: chainID, Window: 900, Windows: 1, Wallets: 1, Root: tree.Hash{1}}
		foreign, future, impossible, many := good, good, good, good
		foreign.Chain = 1
		future.Window = 900 * 77
		impossible.Wallets = 0
		many.Wallets = evidence.MaxWallets + 1
		for _, h := range []evidence.Head{foreign, impossible, many} {
			w.hub.inject(evidence.HeadsTopic, key(3), evidence.EncodeHead(h))
		}
		w.hub.inject(evidence.HeadsTopic, key(3), []byte("none"))
		w.hub.inject(evidence.HeadsTopic, key(3), evidence.EncodeHead(future))
		w.hub.inject(evidence.HeadsTopic, key(3), evidence.EncodeHead(future))
		synctest.Wait()
		c := w.ops[1].service.Counters()
		require.EqualValues(t, 4, c.HeadsRefused)
		require.EqualValues(t, 1, c.HeadsHeard["useless"])
		require.Empty(t, w.ops[1].log.others)
	})
}

// A head of ours that is told, and that the log does not know, was signed before data was lost: no other one is made.
func TestAHeadOfOursThatWasForgottenBarsItsWindow(t *testing.T) {
	inWorld(t, []byte{1, 2}, func(t *testing.T, w *world) {
		w.start(1)
		w.to(900 + 90)
		w.height(900 + 100)
		w.hub.inject(evidence.HeadsTopic, key(1), evidence.EncodeHead(evidence.Head{Chain: chainID, Window: 900, Windows: 1, Wallets: 1, Root: tree.Hash{1}}))
		synctest.Wait()
		require.Len(t, w.ops[1].log.lost, 1)
		w.to(1800 + over)
		made := w.ops[1].log.attested()
		require.Len(t, made, 1)
		require.EqualValues(t, 1800, made[0].Window)
		c := w.ops[1].service.Counters()
		require.NotZero(t, c.HeadsSkipped)
		require.EqualValues(t, 1, c.HeadsLost)
	})
}

// Operator 2 attests that the leader was silent and announces its seats for the signature of what the leader proposed.
func TestADenialIsProvedFromWhatWasHeardAboutSignatures(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		w.startAll()
		w.hears(900, 1, 1, 3)
		w.to(900 + 100)
		body := &pb.SignerMessage{Body: &pb.SignerMessage_Announcement{Announcement: &pb.SigningAnnouncement{
			Wallet: idOf(w.wallet), Window: 900, Intent: make([]byte, 32),
		}}}
		data, err := proto.Marshal(body)
		require.NoError(t, err)
		signed := wire.SignPubsub(key(2), "/walletnode/signing/1/"+w.wallet.ID().String(), data, binary.BigEndian.AppendUint64(nil, 1)).Bytes()
		for range 3 {
			w.ops[3].service.Quote(signed)
		}
		w.ops[3].service.Quote([]byte("nothing"))
		w.to(900 + over)
		require.Len(t, w.ops[3].log.quotes, 1)
		proofs := w.ops[3].log.kept()
		require.Len(t, proofs, 1)
		require.Equal(t, evidence.Denial, proofs[0].Kind)
		require.Equal(t, evidence.Slot{Wallet: w.wallet.ID(), Window: 900, Operator: operator(2)}, proofs[0].Slot)
		require.Len(t, w.ops[1].log.kept(), 1, "told to the others")
	})
}

func idOf(w chain.Wallet) []byte {
	id := w.ID()
	return id[:]
}

// Whoever tells of proofs that are none, or are of another wallet, has them looked at once.
func TestProofsThatAreNoneAreRefused(t *testing.T) {
	foreign := wallet(t, 9, 7, 8)
	p, err := evidence.Prove(chainID, says(t, 7, foreign, 900, 1), says(t, 7, foreign, 900, 2))
	require.NoError(t, err)
	broken := p.Encode()
	broken[len(broken)/2] ^= 1
	ours := wallet(t, 1, 1, 2, 3)
	padded, err := evidence.Prove(chainID, saysWith(t, 3, ours, 900, 1, make([]byte, 67<<10)), saysWith(t, 3, ours, 900, 2, make([]byte, 67<<10)))
	require.NoError(t, err)
	_, err = evidence.Verify(padded.Encode(), evidence.Operators{Chain: chainID, Wallet: ours})
	require.NoError(t, err, "nothing but its size speaks against it")
	for name, data := range map[string][]byte{
		"of another wallet": p.Encode(), "broken": broken, "nothing": nil, "long": make([]byte, evidence.MaxProof+1), "padded": padded.Encode(),
	} {
		t.Run(name, func(t *testing.T) {
			id := p.ID()
			if name == "padded" {
				id = padded.ID()
			}
			inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
				w.startAll()
				w.to(900 + 150)
				w.answers(3, exchange.ProofProtocol, func(context.Context, chain.Operator, []byte) ([]byte, error) { return data, nil })
				asked := w.ops[3].questions()
				for window := range uint64(3) {
					raw, err := proto.Marshal(&pb.ProofNews{Window: window, Told: [][]byte{hexOf(t, id)}})
					require.NoError(t, err)
					w.hub.inject(exchange.ProofsTopic, key(3), raw)
					synctest.Wait()
				}
				require.Empty(t, w.ops[1].log.kept())
				require.EqualValues(t, 1, w.ops[1].service.Counters().ProofsRefused)
				require.Equal(t, 2, w.ops[3].questions()-asked, "once by each")
			})
		})
	}
}

// What a member pads is not held in memory until somebody looks into it.
func TestPaddedMessagesAboutSignaturesAreDropped(t *testing.T) {
	w := newWorld(t, 1, 2)
	service, err := exchange.New(exchange.Config{
		Chain: chainID, Key: key(1), Clock: w.clock, Log: w.ops[1].log, Network: w.hub.plug("a", key(1)), Logger: slog.New(slog.DiscardHandler),
		Wallets: func(context.Context) ([]chain.Wallet, error) { return nil, nil },
	})
	require.NoError(t, err)
	service.Quote(make([]byte, 16<<10))
	require.Zero(t, service.Counters().QuotesDropped, "it waits to be looked into")
	service.Quote(make([]byte, 16<<10+1))
	require.EqualValues(t, 1, service.Counters().QuotesDropped)
}

func hexOf(t *testing.T, id string) []byte {
	raw, err := hex.DecodeString(id)
	require.NoError(t, err)
	return raw
}

// Nobody can have us keep more than there are slots, or fetch without end.
func TestAFloodOfNewsIsBounded(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		w.startAll()
		w.to(900 + 150)
		w.answers(3, exchange.ProofProtocol, func(ctx context.Context, _ chain.Operator, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		for i := range 100 {
			raw := &pb.ProofNews{Window: uint64(i)}
			for j := range 64 {
				id := sha256.Sum256([]byte{byte(i), byte(j)})
				raw.Told = append(raw.Told, id[:])
			}
			data, err := proto.Marshal(raw)
			require.NoError(t, err)
			w.hub.inject(exchange.ProofsTopic, key(3), data)
		}
		synctest.Wait()
		asked := w.ops[3].questions()
		time.Sleep(time.Hour)
		require.LessOrEqual(t, w.ops[3].questions()-asked, 2*60, "one at a time, a minute each")
		// An honest operator's proof comes all the same, from whoever is asked next.
		w.hub.inject(exchange.ProofsTopic, key(3), make([]byte, 1<<16))
		synctest.Wait()
		require.EqualValues(t, 1, w.ops[1].service.Counters().NewsRefused)
	})
}

// A statement of somebody who is no member fills no gap, and one of a window long over is not kept.
func TestOfferedStatementsFillNothingButGaps(t *testing.T) {
	inWorld(t, []byte{1, 2, 3}, func(t *testing.T, w *world) {
		for n := range w.ops {
			w.ops[n].log.leader = chain.Operator{} // nobody knows who led
		}
		w.startAll()
		w.to(900 + over)
		statements := []evidence.Statement{
			says(t, 9, w.wallet, 900, 1),        // no member
			says(t, 1, w.wallet, 900*1000, 1),   // of a window to come
			says(t, 1, w.wallet, 900, 1),        // fills
			says(t, 2, w.wallet, 900*1000, 1),   // two that contradict each other, of no window that counts
			says(t, 2, w.wallet, 900*1000, 2),   //
			says(t, 1, wallet(t, 8, 1), 900, 1), // of no wallet in common
		}
		raw := &pb.CompareRequest{Window: 900}
		for _, s := range statements {
			raw.Statements = append(raw.Statements, s.Signed())
		}
		data, err := proto.Marshal(raw)
		require.NoError(t, err)
		line, err := w.ops[3].Inquire(t.Context(), exchange.CompareProtocol, operator(2))
		require.NoError(t, err)
		_, err = line.Ask(t.Context(), data)
		require.NoError(t, err)
		log := w.ops[2].log
		log.mu.Lock()
		defer log.mu.Unlock()
		require.Len(t, log.heard, 1)
		require.Equal(t, operator(1), log.heard[exchange.Slot{Wallet: w.wallet.ID(), Window: 900}][0].Operator)
		require.Empty(t, log.proofs)
	})
}

func TestStrangersAreAnsweredNothing(t *testing.T) {
	inWorld(t, []byte{1, 2}, func(t *testing.T, w *world) {
		w.startAll()
		w.to(900 + over)
		stranger := w.hub.plug("stranger", key(7))
		defer w.hub.unplug(stranger)
		for _, protocol := range []string{exchange.CompareProtocol, exchange.ProofProtocol} {
			line, err := stranger.Inquire(t.Context(), protocol, operator(1))
			require.NoError(t, err)
			_, err = line.Ask(t.Context(), make([]byte, 32))
			require.Error(t, err, protocol)
		}
		_, err := w.ops[1].service.Compare(t.Context(), operator(7))
		require.ErrorIs(t, err, exchange.ErrStranger)
		_, err = w.ops[1].service.Compare(t.Context(), operator(1))
		require.ErrorIs(t, err, exchange.ErrStranger)
	})
}
