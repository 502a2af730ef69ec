package evidence_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// announcement is what the operator of seed signs before a signature for a slot.
func announcement(t require.TestingT, seed byte, wallet chain.WalletID, window chain.Height) []byte {
	return says(seed, signer.SigningTopic(wallet), announced(t, wallet, window))
}

func announced(t require.TestingT, wallet chain.WalletID, window chain.Height) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Announcement{
		Announcement: &pb.SigningAnnouncement{Wallet: wallet[:], Window: uint64(window), Intent: make([]byte, 32), Attempt: 1, Seats: []byte{2}},
	}})
	require.NoError(t, err)
	return data
}

func quote(t require.TestingT, signed []byte) evidence.Quote {
	q, err := evidence.ReadQuote(signed)
	require.NoError(t, err)
	return q
}

// headProofs are proofs of the kinds that heads make, against the operator of key 2.
func headProofs(t require.TestingT) map[evidence.Kind]evidence.Proof {
	made := chained(t, 3, some(t, 3)...)
	other := made[1].Head
	other.Root[0]++
	second := signHead(t, 2, other)
	two, err := evidence.ProveTwoHeads(made[1].Head, second)
	require.NoError(t, err)
	fork, err := evidence.ProveFork(second, made[2].Head)
	require.NoError(t, err)
	o, ok := made[2].Open(ourWallet.Hash(), 1800)
	require.True(t, ok)
	denial, err := evidence.ProveDenial(made[2].Head, o, quote(t, announcement(t, 2, ourWallet.Hash(), 1800)))
	require.NoError(t, err)
	return map[evidence.Kind]evidence.Proof{evidence.TwoHeads: two, evidence.Fork: fork, evidence.Denial: denial}
}

func TestProofsOfHeadsAreVerifiedByAListAlone(t *testing.T) {
	for kind, p := range headProofs(t) {
		got, err := evidence.Verify(p.Encode(), trusted(t))
		require.NoError(t, err, kind)
		require.Equal(t, p, got)
		require.Equal(t, kind, got.Kind)
		require.EqualValues(t, chainID, got.Chain)
		require.Equal(t, operator(2), got.Slot().Operator)
		require.Empty(t, got.Statements())

		for about, row := range map[string]struct {
			list evidence.Operators
			want evidence.Reason
		}{
			"another chain":    {listOf(t, 1, ourWallet, 1, 2), evidence.OtherChain},
			"a foreign roster": {listOf(t, chainID, ourWallet, 1, 3, 4), map[bool]evidence.Reason{true: evidence.NotAMember, false: evidence.OtherList}[kind == evidence.Denial]},
		} {
			_, err = evidence.Verify(p.Encode(), row.list)
			requireRefused(t, err, row.want, about)
		}
	}
	another := listOf(t, chainID, walletKey(201), 2)
	for kind, want := range map[evidence.Kind]evidence.Verdict{
		evidence.TwoHeads: evidence.Valid, evidence.Fork: evidence.Valid, evidence.Denial: evidence.Unusable,
	} {
		_, err := evidence.Verify(headProofs(t)[kind].Encode(), another)
		verdict, _ := evidence.Judge(err)
		require.Equal(t, want, verdict, kind)
	}
}

// The forms of proofs are for ever, and those of the list they are judged by.
func TestTheFormsOfProofsOfHeadsArePinned(t *testing.T) {
	requireGolden(t, "operators.json", listFile(t, trusted(t)))
	for kind, p := range headProofs(t) {
		requireGolden(t, strings.ReplaceAll(string(kind), "_", "-")+".hex", []byte(hex.EncodeToString(p.Encode())+"\n"))
	}
}

func requireGolden(t *testing.T, name string, want []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, want, 0o644))
	}
	golden, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(golden))
}

// listFile writes a list of operators as a file of them.
func listFile(t *testing.T, list evidence.Operators) []byte {
	data, err := json.MarshalIndent(map[string]any{
		"chain": list.Chain, "walletPublicKey": list.Wallet.Key().String(), "operators": list.Wallet.Roster(),
	}, "", "  ")
	require.NoError(t, err)
	read, err := evidence.ParseOperators(data)
	require.NoError(t, err)
	require.Equal(t, list, read)
	return append(data, '\n')
}

func TestADenialIsOfTheStatementsOwnLeaderToo(t *testing.T) {
	own := with(func(w *words) { w.key, w.seat = 2, 2 })
	made := chained(t, 2, some(t, 3)...)
	o, _ := made[1].Open(ourWallet.Hash(), 1800)
	_, err := evidence.ProveDenial(made[1].Head, o, quote(t, own.bytes()))
	requireRefused(t, err, evidence.NoConflict, "it did not lead: its leader was silent")

	l := heads.NewLedger(chainID, operator(2), evidence.Head{})
	require.NoError(t, l.Put(evidence.Entry{Wallet: ourWallet.Hash(), Window: 1800, Leader: operator(2)}))
	a, err := l.Close(1800, some(t, 1))
	require.NoError(t, err)
	p, err := evidence.ProveDenial(signHead(t, 2, a.Head), open(t, a), quote(t, own.bytes()))
	require.NoError(t, err)
	got, err := evidence.Verify(p.Encode(), trusted(t))
	require.NoError(t, err)
	entry, message, ok := got.Denied()
	require.True(t, ok)
	require.Equal(t, evidence.None, entry.Status)
	require.True(t, message.Leading)
}

func TestProofsOfHeadsStayUnder2kB(t *testing.T) {
	var wallets []chain.Wallet
	for i := range 1000 {
		key := ourWallet
		if i > 0 {
			key = secretKey(uint16(i))
		}
		wallets = append(wallets, walletOf(t, key, 1, 2))
	}
	made := chained(t, 3, wallets...)
	other := made[1].Head
	other.Root[0]++
	second := signHead(t, 2, other)
	two, err := evidence.ProveTwoHeads(made[1].Head, second)
	require.NoError(t, err)
	fork, err := evidence.ProveFork(second, made[2].Head)
	require.NoError(t, err)
	require.Less(t, len(two.Encode()), 700)
	require.Less(t, len(fork.Encode()), 700)
	most := 0
	for i := 0; i < len(wallets); i += 100 {
		w := wallets[i]
		o, _ := made[2].Open(w.ID(), 2700)
		denial, err := evidence.ProveDenial(made[2].Head, o, quote(t, announcement(t, 2, w.ID(), 2700)))
		require.NoError(t, err)
		most = max(most, len(denial.Encode()))
	}
	require.Less(t, most, 2000)
	t.Logf("two heads %d bytes, fork %d, denial at most %d", len(two.Encode()), len(fork.Encode()), most)
}

func TestWhatHeadsDoNotProveIsRefused(t *testing.T) {
	made := chained(t, 3, some(t, 3)...)
	first, last := made[0].Head, made[2].Head
	o, _ := made[2].Open(ourWallet.Hash(), 1800)
	of := func(window chain.Height, seed byte) evidence.Quote {
		return quote(t, announcement(t, seed, ourWallet.Hash(), window))
	}
	elsewhere := signHead(t, 2, func() evidence.Head { h := last; h.Chain = 5; return h }())
	theirs := signHead(t, 3, last)
	said := heardHead(t)
	for about, row := range map[string]struct {
		err  error
		want evidence.Reason
	}{
		"one head twice":                {second(evidence.ProveTwoHeads(last, last)), evidence.SameStatement},
		"a retransmission":              {second(evidence.ProveTwoHeads(last, resigned(t, last))), evidence.SameStatement},
		"heads of two windows":          {second(evidence.ProveTwoHeads(first, last)), evidence.SlotsDiffer},
		"heads of two operators":        {second(evidence.ProveTwoHeads(theirs, last)), evidence.SlotsDiffer},
		"heads of two chains":           {second(evidence.ProveTwoHeads(elsewhere, last)), evidence.SlotsDiffer},
		"a chain as it should be":       {second(evidence.ProveFork(made[1].Head, last)), evidence.NoConflict},
		"no neighbours":                 {second(evidence.ProveFork(first, last)), evidence.NoConflict},
		"a fork of two operators":       {second(evidence.ProveFork(theirs, last)), evidence.SlotsDiffer},
		"a message of another window":   {second(evidence.ProveDenial(last, o, of(2700, 2))), evidence.SlotsDiffer},
		"another's message":             {second(evidence.ProveDenial(last, o, of(1800, 3))), evidence.SlotsDiffer},
		"an entry under another head":   {second(evidence.ProveDenial(first, o, of(1800, 2))), evidence.BadPath},
		"a statement that was attested": {second(evidence.ProveDenial(said.Head, open(t, said), of(1800, 2))), evidence.NoConflict},
	} {
		requireRefused(t, row.err, row.want, about)
	}
}

func TestForgedProofsOfHeadsAreRefusedWithTheirReason(t *testing.T) {
	proofs := headProofs(t)
	raw := func(kind evidence.Kind, change func(p *pb.Proof)) []byte {
		p := new(pb.Proof)
		require.NoError(t, proto.Unmarshal(unsealed(proofs[kind].Encode()), p))
		change(p)
		body, err := proto.MarshalOptions{Deterministic: true}.Marshal(p)
		require.NoError(t, err)
		return resealed(body)
	}
	swap := func(p *pb.Proof) { p.Halves[0], p.Halves[1] = p.Halves[1], p.Halves[0] }
	for _, kind := range []evidence.Kind{evidence.TwoHeads, evidence.Fork, evidence.Denial} {
		for about, row := range map[string]struct {
			change func(p *pb.Proof)
			want   evidence.Reason
		}{
			"swapped halves": {swap, evidence.HalvesSwapped},
			"high s":         {func(p *pb.Proof) { p.Halves[1] = malleate(t, p.Halves[1]) }, evidence.HighS},
			"high s first":   {func(p *pb.Proof) { p.Halves[0] = malleate(t, p.Halves[0]) }, evidence.HighS},
			"a key field":    {func(p *pb.Proof) { p.Halves[0] = withKey(t, p.Halves[0]) }, evidence.NotCanonical},
			"another chain":  {func(p *pb.Proof) { p.Chain++ }, evidence.NotCanonical},
			"one half":       {func(p *pb.Proof) { p.Halves = p.Halves[:1] }, evidence.Malformed},
			"a statement":    {func(p *pb.Proof) { p.Halves[0] = honest().bytes() }, evidence.OtherTopic},
		} {
			_, err := evidence.Verify(raw(kind, row.change), trusted(t))
			requireRefused(t, err, row.want, string(kind)+": "+about)
		}
	}
	for about, row := range map[string]struct {
		change func(p *pb.Proof)
		want   evidence.Reason
	}{
		"no opening":       {func(p *pb.Proof) { p.Opening = nil }, evidence.Malformed},
		"no path":          {func(p *pb.Proof) { p.Opening.Windows = nil }, evidence.Malformed},
		"another entry":    {func(p *pb.Proof) { p.Opening.Entry.Leader[0]++ }, evidence.BadPath},
		"an odd entry":     {func(p *pb.Proof) { p.Opening.Entry.Status = 1 }, evidence.BadHead},
		"a status unknown": {func(p *pb.Proof) { p.Opening.Entry.Status = 4 }, evidence.Malformed},
		"another view":     {func(p *pb.Proof) { p.Opening.Views[3]++ }, evidence.BadPath},
	} {
		_, err := evidence.Verify(raw(evidence.Denial, row.change), trusted(t))
		requireRefused(t, err, row.want, about)
	}
	_, err := evidence.Verify(raw(evidence.TwoHeads, func(p *pb.Proof) { p.Opening = &pb.Opening{} }), trusted(t))
	requireRefused(t, err, evidence.NotCanonical, "an opening where none belongs")
}

// What was damaged is known as damaged; and who computes the digest anew has no proof of anything else.
func TestOneFlippedBitMakesAProofOfHeadsInvalid(t *testing.T) {
	list := trusted(t)
	for kind, p := range headProofs(t) {
		proof := p.Encode()
		for bit := range 8 * len(proof) {
			_, err := evidence.Verify(flipped(proof, bit), list)
			requireRefused(t, err, evidence.Damaged, string(kind))
		}
		body := unsealed(proof)
		for bit := range 8 * len(body) {
			if bit/8%9 != 0 || bit%8 != bit/72%8 {
				continue // each check costs a verification
			}
			_, err := evidence.Verify(resealed(flipped(body, bit)), list)
			require.Error(t, err, "%s: bit %d", kind, bit)
		}
	}
}

func TestAQuoteIsRefusedWithItsReason(t *testing.T) {
	wallet := ourWallet.Hash()
	topic := signer.SigningTopic(wallet)
	result, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Result{Result: &pb.SigningResult{Wallet: wallet[:], Window: 1800}}})
	require.NoError(t, err)
	for about, row := range map[string]struct {
		message []byte
		want    evidence.Reason
	}{
		"a result, which anybody may tell on": {says(2, topic, result), evidence.OtherType},
		"another wallet's topic":              {says(2, signer.SigningTopic(walletKey(201).Hash()), announced(t, wallet, 1800)), evidence.OtherTopic},
		"no window":                           {says(2, topic, announced(t, wallet, 1801)), evidence.NoWindow},
		"no protobuf":                         {says(2, topic, []byte{0xff}), evidence.Malformed},
		"bound to nothing":                    {says(2, topic, []byte{0x1a, 0}), evidence.Malformed},
		"another's":                           {change(t, announcement(t, 2, wallet, 1800), func(m *pb.PubsubMessage) { sign(3, m) }), evidence.BadSignature},
		"another topic":                       {says(2, "news", announced(t, wallet, 1800)), evidence.OtherType},
	} {
		_, err := evidence.ReadQuote(row.message)
		requireRefused(t, err, row.want, about)
	}
}

// What was verified when it was heard is not verified once more; what is read again is.
func TestAQuoteIsTakenAsHeardAndVerifiedWhenItIsRead(t *testing.T) {
	wallet := ourWallet.Hash()
	signed := announcement(t, 2, wallet, 1800)
	heard, err := new(evidence.Hearing).Quote(signed)
	require.NoError(t, err)
	require.Equal(t, quote(t, signed), heard)

	message, err := wire.ParsePubsub(signed)
	require.NoError(t, err)
	other, err := wire.ParsePubsub(announcement(t, 3, wallet, 1800))
	require.NoError(t, err)
	forged := bytes.Replace(signed, message.From(), other.From(), 1)
	heard, err = new(evidence.Hearing).Quote(forged)
	require.NoError(t, err)
	_, err = evidence.ReadQuote(heard.Signed())
	requireRefused(t, err, evidence.BadSignature, "another's name")

	_, err = new(evidence.Hearing).Quote(honest().bytes())
	requireRefused(t, err, evidence.OtherTopic, "a statement is read, and never taken as heard")
	_, err = new(evidence.Hearing).Quote([]byte("nothing"))
	require.Error(t, err)
}

// A head that was heard was verified by the network, and is read without doing so again; what comes of it is read by ReadHead.
func TestAHeadIsTakenAsHeardAndVerifiedWhenItIsRead(t *testing.T) {
	var hearing evidence.Hearing
	for _, a := range chained(t, 2, some(t, 2)...) {
		signed := signHead(t, 2, a.Head).Signed()
		want, err := evidence.ReadHead(signed)
		require.NoError(t, err)
		heard, err := hearing.Head(signed)
		require.NoError(t, err)
		require.Equal(t, want, heard)

		message, err := wire.ParsePubsub(signed)
		require.NoError(t, err)
		other, err := wire.ParsePubsub(announcement(t, 3, ourWallet.Hash(), 1800))
		require.NoError(t, err)
		heard, err = hearing.Head(bytes.Replace(signed, message.From(), other.From(), 1))
		require.NoError(t, err)
		_, err = evidence.ReadHead(heard.Signed())
		requireRefused(t, err, evidence.BadSignature, "another's name")
	}
	_, err := hearing.Head(honest().bytes())
	requireRefused(t, err, evidence.OtherTopic, "a statement")
	_, err = hearing.Head([]byte("nothing"))
	require.Error(t, err)
}

func FuzzReadQuote(f *testing.F) {
	f.Add(announced(f, ourWallet.Hash(), 1800))
	f.Fuzz(func(t *testing.T, data []byte) {
		signed := says(2, signer.SigningTopic(ourWallet.Hash()), data)
		if heard, err := new(evidence.Hearing).Quote(signed); err == nil && heard.Leading {
			t.Fatal("taken for the leader's word without a look at the signature")
		}
		q, err := evidence.ReadQuote(signed)
		if err == nil {
			require.Equal(t, signed, q.Signed())
			require.Equal(t, ourWallet.Hash(), q.Wallet)
		}
	})
}
