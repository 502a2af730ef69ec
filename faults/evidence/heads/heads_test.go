package heads_test

import (
	"encoding/binary"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/wire"
)

const (
	chainID   = 11155111
	frequency = 900
	operators = 100
)

func secret(seed int) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(binary.BigEndian.AppendUint32([]byte{1}, uint32(seed)))
}

// wallets makes n wallets in which all operators but one hold a seat: each has nearly all in common with each, and no two of
// them quite the same.
func wallets(t require.TestingT, n int) []chain.Wallet {
	var all []chain.Operator
	for seed := range operators {
		all = append(all, wire.PublicKeyOf(secret(seed)).Operator())
	}
	made := make([]chain.Wallet, n)
	for i := range made {
		roster := slices.Clone(all)
		if without := 2 + i%(operators-2); i >= operators {
			roster = slices.Delete(roster, without, without+1)
		}
		w, err := chain.NewWallet(chain.PublicKey(wire.PublicKeyOf(secret(1000+i)).Uncompressed()), roster)
		require.NoError(t, err)
		made[i] = w
	}
	return made
}

func entry(w chain.Wallet, window chain.Height) evidence.Entry {
	leader := w.Roster()[int(window/frequency)%len(w.Roster())]
	return evidence.Entry{
		Wallet: w.ID(), Window: window, Status: evidence.Said, Leader: leader, Sender: leader, Statement: [32]byte{1, byte(window / frequency)},
	}
}

func sign(seed int, h evidence.Head) []byte {
	return wire.SignPubsub(secret(seed), evidence.HeadsTopic, evidence.EncodeHead(h), binary.BigEndian.AppendUint64(nil, 1<<60)).Bytes()
}

// full is a ledger of operator 0 with 63 windows in it, and the window that comes next.
func full(t require.TestingT, all []chain.Wallet) (*heads.Ledger, chain.Height) {
	const last = 20_000 * frequency // as high as the chain is
	l := heads.NewLedger(chainID, all[0].Roster()[0], evidence.Head{
		Operator: all[0].Roster()[0], Chain: chainID, Window: last, Windows: 1<<63 - 1,
	})
	for _, w := range all {
		for i := range chain.Height(63) {
			require.NoError(t, l.Put(entry(w, last-i*frequency)))
		}
	}
	return l, last + frequency
}

func TestHeadsOfAHundredOperatorsTake25kB(t *testing.T) {
	all := wallets(t, 30)
	l, window := full(t, all)
	a, err := l.Close(window, all)
	require.NoError(t, err)
	h := a.Head
	h.Wallets = 1000
	total := 0
	for seed := range operators {
		total += len(sign(seed, h))
	}
	require.LessOrEqual(t, total, 25_000)
	t.Logf("%d bytes", total)
}

// What one operator attests of the wallets it has in common with another is what the other attests of them.
func TestTwoOperatorsHaveOneViewOfWhatTheyHaveInCommon(t *testing.T) {
	all := wallets(t, 12)
	first, second := all[:8], all[4:]
	roots := map[chain.Operator]tree.Hash{}
	for i, own := range [][]chain.Wallet{first, second} {
		self := all[0].Roster()[i]
		l := heads.NewLedger(chainID, self, evidence.Head{})
		for _, w := range own {
			require.NoError(t, l.Put(entry(w, frequency)))
		}
		a, err := l.Close(frequency, own)
		require.NoError(t, err)
		view, path, ok := a.Common(all[0].Roster()[1-i])
		require.True(t, ok)
		require.Equal(t, a.Head.Root, tree.Join(a.Wallets(), path.Root(tree.Name(all[0].Roster()[1-i]), view.Tree.Root())))
		_, _, ok = a.Common(self)
		require.False(t, ok, "nobody compares with itself")
		common := []chain.WalletID{all[4].ID(), all[5].ID(), all[6].ID(), all[7].ID()}
		roots[self] = l.Expect(a.Head, common, nil).Tree.Root()
		require.NotEqual(t, tree.Empty, roots[self])
	}
	require.Equal(t, roots[all[0].Roster()[0]], roots[all[0].Roster()[1]])
}

func TestALedgerForgetsWhatIsOlderThanAHeadsSpan(t *testing.T) {
	all := wallets(t, 2)
	l, window := full(t, all)
	_, ok := l.Entry(all[0].ID(), window-63*frequency)
	require.True(t, ok)
	_, err := l.Close(window+frequency, all)
	require.NoError(t, err)
	_, ok = l.Entry(all[0].ID(), window-63*frequency)
	require.False(t, ok)
	require.Error(t, l.Put(evidence.Entry{Window: window + 1}), "and takes nothing that cannot be")
	require.Error(t, l.Put(evidence.Entry{Window: window, Status: 9}))
}

// BenchmarkWindow is what a window costs one operator of 1000 wallets among 100 operators: its own head, and everybody else's
// read and checked. The goals are 0.1 CPU seconds and 25 kB. Beside it stands the verification of the others' signatures alone.
func BenchmarkWindow(b *testing.B) {
	all := wallets(b, 1000)
	l, window := full(b, all)
	var others [][]byte
	sample, err := heads.NewLedger(chainID, all[0].Roster()[0], evidence.Head{}).Close(window, nil)
	require.NoError(b, err)
	size := 0
	for seed := 1; seed < operators; seed++ {
		h := sample.Head
		h.Windows, h.Previous, h.Wallets, h.Root = 1<<63-1, [32]byte{1}, 1000, tree.Hash{byte(seed)}
		others = append(others, sign(seed, h))
		size += len(others[len(others)-1])
	}
	var entries []evidence.Entry
	for _, w := range all {
		entries = append(entries, entry(w, window))
	}
	var messages []wire.PubsubMessage
	for _, signed := range others {
		m, err := wire.ParsePubsub(signed)
		require.NoError(b, err)
		messages = append(messages, m)
	}
	var whole, bare time.Duration
	for b.Loop() {
		start := used(b)
		for _, m := range messages {
			if _, err := m.Verify(); err != nil {
				b.Fatal(err)
			}
		}
		before := used(b)
		bare += before - start
		for _, e := range entries {
			e.Window = window
			if err := l.Put(e); err != nil {
				b.Fatal(err)
			}
		}
		a, err := l.Close(window, all)
		if err != nil {
			b.Fatal(err)
		}
		own := sign(0, a.Head)
		if _, err := a.With(own); err != nil {
			b.Fatal(err)
		}
		for _, signed := range others {
			if _, err := evidence.ReadHead(signed); err != nil {
				b.Fatal(err)
			}
		}
		window += frequency
		whole += used(b) - before
	}
	b.ReportMetric(whole.Seconds()/float64(b.N), "cpu-s/window")
	b.ReportMetric(bare.Seconds()/float64(b.N), "cpu-s/verifications")
	b.ReportMetric(whole.Seconds()/bare.Seconds(), "of-verifications")
	b.ReportMetric(float64(size+len(sign(0, sample.Head))), "B/window")
}

// used is the CPU time of this process so far.
func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
