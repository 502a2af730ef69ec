package evidence_test

import (
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// says signs data on a topic with the key of seed.
func says(seed byte, topic string, data []byte) []byte {
	return wire.SignPubsub(secret(seed), topic, data, binary.BigEndian.AppendUint64(nil, 5)).Bytes()
}

// signHead signs what a head says with the key of seed, true or not, and reads it.
func signHead(t require.TestingT, seed byte, h evidence.Head) evidence.Head {
	signed, err := evidence.ReadHead(says(seed, evidence.HeadsTopic, evidence.EncodeHead(h)))
	require.NoError(t, err)
	return signed
}

// silence is the entry of a window in which the operator of key 1 was to lead and was not heard.
func silence(wallet chain.WalletID, window chain.Height) evidence.Entry {
	return evidence.Entry{Wallet: wallet, Window: window, Leader: operator(1)}
}

func heard(status evidence.Status, s evidence.Statement) evidence.Entry {
	return evidence.Entry{
		Wallet: s.Wallet, Window: s.Window, Status: status, Leader: s.Operator, Sender: s.Operator, Statement: s.Digest,
	}
}

// walletOf makes a wallet whose seats the operators of some seeds hold.
func walletOf(t require.TestingT, key chain.PublicKey, seats ...byte) chain.Wallet {
	return listOf(t, chainID, key, seats...).Wallet
}

// chained closes windows 900, 1800, ... for the operator of key 2, who heard nothing of wallets.
func chained(t require.TestingT, windows int, wallets ...chain.Wallet) []*heads.Attested {
	l := heads.NewLedger(chainID, operator(2), evidence.Head{})
	var made []*heads.Attested
	for i := range windows {
		window := chain.Height(900 * (i + 1))
		for _, w := range wallets {
			require.NoError(t, l.Put(silence(w.ID(), window)))
		}
		a, err := l.Close(window, wallets)
		require.NoError(t, err)
		a, err = a.With(signHead(t, 2, a.Head).Signed())
		require.NoError(t, err)
		made = append(made, a)
	}
	return made
}

func some(t require.TestingT, n int) []chain.Wallet {
	wallets := []chain.Wallet{walletOf(t, ourWallet, 1, 2, 3, 4)}
	for i := 1; i < n; i++ {
		wallets = append(wallets, walletOf(t, walletKey(byte(100+i)), 1, 2, 5))
	}
	return wallets
}

func TestAHeadChainsToTheOneBefore(t *testing.T) {
	made := chained(t, 70, some(t, 3)...)
	for i, a := range made {
		require.EqualValues(t, 900*(i+1), a.Head.Window)
		require.Equal(t, 3, a.Head.Wallets)
		before, chained := a.Head.PreviousWindow()
		require.Equal(t, i > 0, chained)
		if i > 0 {
			require.Equal(t, made[i-1].Head.Window, before)
			require.Equal(t, made[i-1].Head.ID(), a.Head.Previous)
			require.Equal(t, evidence.Follows, evidence.LinkOf(made[i-1].Head, a.Head))
		}
		if i > 1 {
			require.Equal(t, evidence.Unrelated, evidence.LinkOf(made[i-2].Head, a.Head))
		}
		require.Equal(t, i < 64, a.Head.Attests(900), "64 windows and no more")
		require.False(t, a.Head.Attests(a.Head.Window+900))
		require.False(t, a.Head.Attests(a.Head.Window-1))
	}
}

func TestEveryAttestedEntryOpensUnderItsHead(t *testing.T) {
	wallets := some(t, 5)
	made := chained(t, 66, wallets...)
	last := made[len(made)-1]
	for _, w := range wallets {
		for window := chain.Height(900); window <= last.Head.Window; window += 900 {
			o, ok := last.Open(w.ID(), window)
			require.Equal(t, last.Head.Attests(window), ok)
			if !ok {
				continue
			}
			require.NoError(t, o.Under(last.Head))
			requireRefused(t, o.Under(made[64].Head), evidence.BadPath, "another head")
			o.Entry.Leader = operator(3)
			requireRefused(t, o.Under(last.Head), evidence.BadPath, "another entry")
		}
	}
	_, ok := last.Open(walletKey(150).Hash(), 900)
	require.False(t, ok)
}

func TestAnEntryChangesFromNoneToLateAlone(t *testing.T) {
	first, second := statement(t, honest()), statement(t, with(func(w *words) { w.proposal = redemption(2) }))
	none := silence(first.Wallet, first.Window)
	twice := heard(evidence.Twice, first)
	twice.Statement = [32]byte{}
	all := []evidence.Entry{none, heard(evidence.Said, first), heard(evidence.Said, second), heard(evidence.Late, first), heard(evidence.Late, second), twice}
	for i, from := range all {
		require.NoError(t, from.Check())
		for j, to := range all {
			allowed := i == j || i == 0 && to.Status == evidence.Late
			require.Equal(t, allowed, from.Becomes(to) == nil, "%v to %v", from.Status, to.Status)
			l := heads.NewLedger(chainID, operator(2), evidence.Head{})
			require.NoError(t, l.Put(from))
			require.Equal(t, allowed, l.Put(to) == nil)
		}
	}
	require.True(t, none.Bars())
	require.True(t, all[3].Bars(), "and it stays barred")
	require.False(t, all[1].Bars())
}

// Two honest observers of one window have one leaf, and every field counts.
func TestTheHashOfAnEntryIsPinnedAndOfAllFields(t *testing.T) {
	e := heard(evidence.Said, statement(t, honest()))
	hash := e.Hash()
	require.Equal(t, "ed02907f", hex.EncodeToString(hash[:4]))
	seen := map[tree.Hash]bool{hash: true}
	for _, change := range []func(e *evidence.Entry){
		func(e *evidence.Entry) { e.Wallet[0]++ }, func(e *evidence.Entry) { e.Window += 900 }, func(e *evidence.Entry) { e.Status = evidence.Late },
		func(e *evidence.Entry) { e.Leader[0]++ }, func(e *evidence.Entry) { e.Sender[0]++ }, func(e *evidence.Entry) { e.Statement[0]++ },
	} {
		other := e
		change(&other)
		require.False(t, seen[other.Hash()])
		seen[other.Hash()] = true
	}
}

func TestAHeadIsRefusedWithItsReason(t *testing.T) {
	good := chained(t, 3, some(t, 3)...)[2].Head
	content := func(change func(h *evidence.Head)) []byte {
		h := good
		change(&h)
		return says(2, evidence.HeadsTopic, evidence.EncodeHead(h))
	}
	unknown := protowire.AppendVarint(protowire.AppendTag(evidence.EncodeHead(good), 50, protowire.VarintType), 1)
	for about, row := range map[string]struct {
		message []byte
		want    evidence.Reason
	}{
		"nothing":                {nil, evidence.BadSignature},
		"other topic":            {says(2, "news", evidence.EncodeHead(good)), evidence.OtherTopic},
		"no protobuf":            {says(2, evidence.HeadsTopic, []byte{0xff}), evidence.Malformed},
		"no root":                {says(2, evidence.HeadsTopic, []byte{8, 1}), evidence.Malformed},
		"another's":              {change(t, good.Signed(), func(m *pb.PubsubMessage) { sign(3, m) }), evidence.BadSignature},
		"an unknown field":       {says(2, evidence.HeadsTopic, unknown), evidence.NotCanonical},
		"no chain":               {content(func(h *evidence.Head) { h.Chain = 0 }), evidence.BadHead},
		"no window":              {content(func(h *evidence.Head) { h.Window++ }), evidence.NoWindow},
		"window 0":               {content(func(h *evidence.Head) { h.Window = 0 }), evidence.NoWindow},
		"not its own window":     {content(func(h *evidence.Head) { h.Windows = 6 }), evidence.BadHead},
		"windows before the 1st": {content(func(h *evidence.Head) { h.Windows = 0xf }), evidence.BadHead},
		"no predecessor":         {content(func(h *evidence.Head) { h.Previous = [32]byte{} }), evidence.BadHead},
		"one without a window":   {content(func(h *evidence.Head) { h.Windows = 1 }), evidence.BadHead},
		"too many wallets":       {content(func(h *evidence.Head) { h.Wallets = evidence.MaxWallets + 1 }), evidence.BadHead},
		"none, with a root":      {content(func(h *evidence.Head) { h.Wallets = 0 }), evidence.BadHead},
	} {
		_, err := evidence.ReadHead(row.message)
		requireRefused(t, err, row.want, about)
	}
}

func TestAHeadWithAnImpossibleCountIsRefused(t *testing.T) {
	wallets := some(t, 9)
	a := chained(t, 1, wallets...)[0]
	o, _ := a.Open(wallets[0].ID(), 900)
	for _, count := range []int{1, o.Wallets.Leaves() - 1} {
		h := a.Head
		h.Wallets = count
		requireRefused(t, o.Under(h), evidence.BadHead, "fewer than the path shows")
	}
	alone := chained(t, 1, wallets[0])[0]
	o, _ = alone.Open(wallets[0].ID(), 900)
	h := alone.Head
	h.Wallets = 2
	requireRefused(t, o.Under(h), evidence.BadHead, "more than the path can belong to")
}

// After a loss of data windows are skipped, or the chain begins anew; neither is a misdeed.
func TestALossOfDataLeavesSuspicionAlone(t *testing.T) {
	wallets := some(t, 2)
	before := chained(t, 5, wallets...)
	remembered := before[2].Head // and not those of the windows after it
	l := heads.NewLedger(chainID, operator(2), remembered)
	require.NoError(t, l.Put(silence(ourWallet.Hash(), 5400)))
	a, err := l.Close(5400, wallets)
	require.NoError(t, err)
	later := signHead(t, 2, a.Head)
	require.Equal(t, evidence.Skipped, evidence.LinkOf(before[4].Head, later))
	require.Equal(t, evidence.Follows, evidence.LinkOf(remembered, later))
	require.False(t, later.Attests(4500))
	_, err = evidence.ProveFork(before[4].Head, later)
	requireRefused(t, err, evidence.NoConflict, "skipped")

	l = heads.NewLedger(chainID, operator(2), evidence.Head{})
	a, err = l.Close(5400, wallets)
	require.NoError(t, err)
	anew := signHead(t, 2, a.Head)
	require.Equal(t, evidence.Anew, evidence.LinkOf(before[4].Head, anew))
	_, err = evidence.ProveFork(before[4].Head, anew)
	requireRefused(t, err, evidence.NoConflict, "anew")

	_, err = l.Close(5400, wallets)
	require.ErrorIs(t, err, heads.ErrOrder, "and never two of one window")
	require.Equal(t, evidence.Unrelated, evidence.LinkOf(before[0].Head, signHead(t, 3, a.Head)))
}

func TestAttestedTakesNoOtherHeadThanItsOwn(t *testing.T) {
	a := chained(t, 2, some(t, 2)...)
	_, err := a[0].With(a[1].Head.Signed())
	require.ErrorContains(t, err, "says something else")
	_, err = a[0].With(nil)
	requireRefused(t, err, evidence.BadSignature, "nothing")
}

func FuzzReadHead(f *testing.F) {
	good := chained(f, 2, some(f, 2)...)
	f.Add(evidence.EncodeHead(good[0].Head))
	f.Add(evidence.EncodeHead(good[1].Head))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := evidence.ReadHead(says(2, evidence.HeadsTopic, content))
		heard, unheard := new(evidence.Hearing).Head(says(2, evidence.HeadsTopic, content))
		require.Equal(t, err == nil, unheard == nil, "the signature is all that is not looked at")
		require.Equal(t, h, heard)
		if err != nil {
			verdict, reason := evidence.Judge(err)
			require.Equal(t, evidence.Invalid, verdict)
			require.Contains(t, evidence.Reasons(evidence.Invalid), reason)
			return
		}
		require.Equal(t, content, evidence.EncodeHead(h))
		before, chained := h.PreviousWindow()
		require.Equal(t, chained, h.Attests(before), "what comes before is attested")
	})
}

func FuzzReadEntry(f *testing.F) {
	for _, e := range []evidence.Entry{silence(ourWallet.Hash(), 900), heard(evidence.Said, statement(f, honest()))} {
		data, err := proto.Marshal(evidence.EntryForm(e))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		raw := new(pb.Entry)
		if proto.Unmarshal(data, raw) != nil {
			return
		}
		e, err := evidence.ReadEntry(raw)
		if err != nil {
			return
		}
		again, err := evidence.ReadEntry(evidence.EntryForm(e))
		require.NoError(t, err)
		require.Equal(t, e, again)
	})
}
