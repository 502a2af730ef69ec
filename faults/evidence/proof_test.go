package evidence_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal"
)

var update = flag.Bool("update", false, "write the golden proof instead of comparing it")

func TestTwoDifferingStatementsOfOneSlotAreAProof(t *testing.T) {
	for about, second := range map[string]words{
		"another fee":    with(func(w *words) { w.proposal = redemption(2000) }),
		"another action": with(func(w *words) { w.proposal = heartbeat(1) }),
		"a no-op":        with(func(w *words) { w.proposal = proposal.Noop{} }),
		"another seat":   with(func(w *words) { w.seat = 1 }),
	} {
		a, b := statement(t, honest()), statement(t, second)
		p, err := evidence.Prove(chainID, a, b)
		require.NoError(t, err, about)
		swapped, err := evidence.Prove(chainID, b, a)
		require.NoError(t, err, about)
		require.Equal(t, p, swapped, "%s: one contradiction is one proof", about)

		got, err := evidence.Verify(p.Encode(), trusted(t))
		require.NoError(t, err, about)
		require.Equal(t, p, got)
		require.Equal(t, a.Slot, got.Slot())
		require.EqualValues(t, chainID, got.Chain)
		require.Equal(t, evidence.TwoStatements, got.Kind)
		require.Less(t, len(p.Encode()), 1000, about)
		require.Equal(t, hex.EncodeToString(p.Encode()[len(p.Encode())-32:]), p.ID())
	}
}

// However much two proposals hold, the rest of a proof stays under 2 kB.
func TestAProofIsShortButForItsProposals(t *testing.T) {
	large := func(fee int64) proposal.Proposal {
		p := proposal.Redemption{TxFee: big.NewInt(fee)}
		for range 1000 {
			p.OutputScripts = append(p.OutputScripts, bytes.Repeat([]byte{byte(fee)}, 34))
		}
		return p
	}
	a, b := with(func(w *words) { w.proposal = large(1) }), with(func(w *words) { w.proposal = large(2) })
	p, err := evidence.Prove(chainID, statement(t, a), statement(t, b))
	require.NoError(t, err)
	const proposals = 2 * 1000 * (34 + 2)
	require.Less(t, len(p.Encode()), proposals+2000)
	_, err = evidence.Verify(p.Encode(), trusted(t))
	require.NoError(t, err)
}

// The form of proofs is for ever: what was written once is read by every later version.
func TestTheFormOfAProofIsPinned(t *testing.T) {
	const path = "testdata/two-statements.hex"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(proved(t))+"\n"), 0o644))
	}
	golden, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(golden)), hex.EncodeToString(proved(t)))
}

func TestAProofIsRefusedWithItsReason(t *testing.T) {
	both := contradiction(t)
	a, b := both[0].Signed(), both[1].Signed()
	other := func(change func(w *words)) []byte {
		return with(func(w *words) { w.proposal = redemption(2000); change(w) }).bytes()
	}
	ordered := func(x, y []byte) []byte { // refused whichever stands first, and not for their order
		return forged(t, nil, x, y)
	}
	for about, row := range map[string]struct {
		proof []byte
		want  evidence.Reason
	}{
		"nothing":             {nil, evidence.Damaged},
		"text":                {[]byte(strings.Repeat("no proof ", 20)), evidence.Damaged},
		"cut off":             {proved(t)[:500], evidence.Damaged},
		"something behind":    {append(proved(t), '\n'), evidence.Damaged},
		"too long":            {make([]byte, evidence.MaxProof+1), evidence.TooLarge},
		"no protobuf":         {resealed([]byte{0xff}), evidence.Malformed},
		"no messages":         {forged(t, nil), evidence.Malformed},
		"one message":         {forged(t, nil, a), evidence.Malformed},
		"three messages":      {forged(t, nil, a, b, b), evidence.Malformed},
		"no chain":            {forged(t, func(p *pb.Proof) { p.Chain = 0 }, a, b), evidence.Malformed},
		"swapped halves":      {forged(t, nil, b, a), evidence.HalvesSwapped},
		"one message twice":   {forged(t, nil, a, a), evidence.SameStatement},
		"retransmission":      {ordered(honest().bytes(), with(func(w *words) { w.seqno++ }).bytes()), evidence.SameStatement},
		"high s first":        {forged(t, nil, malleate(t, a), b), evidence.HighS},
		"high s second":       {forged(t, nil, a, malleate(t, b)), evidence.HighS},
		"key field":           {forged(t, nil, a, withKey(t, b)), evidence.NotCanonical},
		"fields out of order": {forged(t, nil, a, rotated(t, b)), evidence.NotCanonical},
		"unknown field":       {resealed(append(unsealed(proved(t)), 0xf8, 0x06, 0x01)), evidence.NotCanonical},
		"digest twice":        {resealed(proved(t)), evidence.NotCanonical},
		"long varint":         {resealed(append([]byte{0x08, 0x81, 0x00}, unsealed(proved(t))[2:]...)), evidence.NotCanonical},
		"other window":        {ordered(a, other(func(w *words) { w.block = 2700 })), evidence.SlotsDiffer},
		"other operator":      {ordered(a, other(func(w *words) { w.key = 2 })), evidence.SlotsDiffer},
		"other wallet":        {ordered(a, other(func(w *words) { w.wallet = walletKey(201) })), evidence.SlotsDiffer},
		"no window":           {ordered(a, other(func(w *words) { w.block = 1801 })), evidence.NoWindow},
		"other topic":         {ordered(a, other(func(w *words) { w.topic = wire.ChannelName(walletKey(201)) })), evidence.OtherTopic},
		"other type":          {ordered(a, other(func(w *words) { w.kind = "tbtc/other" })), evidence.OtherType},
		"other sender":        {ordered(a, other(func(w *words) { w.sender = 2 })), evidence.OtherSender},
		"other payload":       {ordered(a, other(func(w *words) { w.payload = []byte("hello") })), evidence.Malformed},
		"not signed":          {ordered(a, change(t, b, func(m *pb.PubsubMessage) { m.Signature = nil })), evidence.BadSignature},
		"another's signature": {ordered(a, change(t, b, func(m *pb.PubsubMessage) { sign(2, m) })), evidence.BadSignature},
	} {
		p, err := evidence.Verify(row.proof, trusted(t))
		requireRefused(t, err, row.want, about)
		verdict, reason := evidence.Judge(err)
		require.Equal(t, evidence.Invalid, verdict, about)
		require.Equal(t, row.want, reason, about)
		require.Zero(t, p, about)
	}
}

func TestAProofOfAnotherVersionIsUnusable(t *testing.T) {
	both := contradiction(t)
	for about, change := range map[string]func(p *pb.Proof){
		"version": func(p *pb.Proof) { p.Version = 2 },
		"kind":    func(p *pb.Proof) { p.Kind = 9 },
	} {
		_, err := evidence.Verify(forged(t, change, both[0].Signed(), both[1].Signed()), trusted(t))
		requireRefused(t, err, evidence.NewerVersion, about)
		verdict, _ := evidence.Judge(err)
		require.Equal(t, evidence.Unusable, verdict)
	}
}

func TestAProofIsJudgedByTheVerifiersList(t *testing.T) {
	for about, row := range map[string]struct {
		list    evidence.Operators
		verdict evidence.Verdict
		want    evidence.Reason
	}{
		"the wallet's":       {trusted(t), evidence.Valid, ""},
		"a seat alone":       {listOf(t, chainID, ourWallet, 1), evidence.Valid, ""},
		"of another chain":   {listOf(t, 1, ourWallet, 1), evidence.Unusable, evidence.OtherChain},
		"of another wallet":  {listOf(t, chainID, walletKey(201), 1), evidence.Unusable, evidence.OtherWallet},
		"without the member": {listOf(t, chainID, ourWallet, 2, 3, 4), evidence.Invalid, evidence.NotAMember},
		"none":               {evidence.Operators{}, evidence.Unusable, evidence.OtherChain},
	} {
		p, err := evidence.Verify(proved(t), row.list)
		verdict, reason := evidence.Judge(err)
		require.Equal(t, row.verdict, verdict, "%s: %v", about, err)
		require.Equal(t, row.want, reason, about)
		require.Equal(t, operator(1), p.Slot().Operator, "%s: who verifies can still see what it says", about)
	}
}

// A damaged copy is never taken for a proof, whichever bit it lost.
func TestOneFlippedBitMakesAProofInvalid(t *testing.T) {
	proof, list := proved(t), trusted(t)
	for bit := range 8 * len(proof) {
		_, err := evidence.Verify(flipped(proof, bit), list)
		verdict, reason := evidence.Judge(err)
		require.Equal(t, evidence.Invalid, verdict, "bit %d", bit)
		require.Equal(t, evidence.Damaged, reason, "bit %d", bit)
	}
}

func TestAProofThatIsCutOffAnywhereIsInvalid(t *testing.T) {
	proof, list := proved(t), trusted(t)
	for n := range proof {
		_, err := evidence.Verify(proof[:n], list)
		requireRefused(t, err, evidence.Damaged, "cut off")
	}
}

// The digest keeps a copy whole; it is not what makes a proof. Who computes it anew after changing a bit has no proof either:
// only the fields that nobody signed can be changed, and then it is of another version or another chain.
func TestOneFlippedBitUnderANewDigestProvesNothing(t *testing.T) {
	body, list := unsealed(proved(t)), trusted(t)
	unsigned := 0
	for bit := range 8 * len(body) {
		if bit > 8*16 && bit%8 != bit/8%8 {
			continue // each costs two verifications: of what is signed one bit of each byte is enough
		}
		_, err := evidence.Verify(resealed(flipped(body, bit)), list)
		require.Error(t, err, "bit %d", bit)
		if verdict, reason := evidence.Judge(err); verdict == evidence.Unusable {
			require.Contains(t, []evidence.Reason{evidence.NewerVersion, evidence.OtherChain}, reason, "bit %d", bit)
			unsigned++
		}
	}
	require.NotZero(t, unsigned)
	require.Less(t, unsigned, 8*9, "version, kind and chain are 9 bytes with their tags")
}

// The package is what a verifier runs without trusting anything else: nothing in it can open a connection, start a
// program or read a store.
func TestVerificationNeedsNeitherNetworkNorStore(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	require.Contains(t, deps, "github.com/walletnode/walletnode/proposal")
	for _, dep := range deps {
		require.NotContains(t, []string{"net", "net/http", "os/exec", "crypto/tls"}, dep)
		for _, part := range []string{"libp2p/", "sqlite", "walletnode/internal/store", "walletnode/internal/node", "walletnode/net", "ethereum/rpc"} {
			require.NotContains(t, strings.Replace(dep, "internal/wire/pb", "", 1), part)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	proof, list := proved(b), trusted(b)
	for b.Loop() {
		if _, err := evidence.Verify(proof, list); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	both := contradiction(f)
	f.Add(unsealed(proved(f)))
	f.Add(unsealed(forged(f, nil, both[1].Signed(), both[0].Signed())))
	f.Add(unsealed(forged(f, nil, malleate(f, both[0].Signed()), both[1].Signed())))
	f.Add([]byte{})
	for _, name := range []string{"two-heads.hex", "fork.hex", "denial.hex"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		golden, err := hex.DecodeString(strings.TrimSpace(string(text)))
		require.NoError(f, err)
		_, err = evidence.Decode(golden)
		require.NoError(f, err)
		f.Add(unsealed(golden))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, data := range [][]byte{body, resealed(body)} {
			p, err := evidence.Decode(data)
			if err != nil {
				verdict, reason := evidence.Judge(err)
				require.Contains(t, evidence.Reasons(verdict), reason)
				require.NotEqual(t, evidence.Unreadable, reason, "every refusal has its reason")
				continue
			}
			require.Equal(t, data, p.Encode())
			switch p.Kind {
			case evidence.TwoStatements:
				both := p.Statements()
				require.Equal(t, both[0].Slot, both[1].Slot)
				require.Negative(t, bytes.Compare(both[0].Digest[:], both[1].Digest[:]))
			case evidence.TwoHeads, evidence.Fork:
				both := p.Heads()
				require.Equal(t, both[0].Operator, both[1].Operator)
				require.NotEqual(t, both[0].ID(), both[1].ID())
			case evidence.Denial:
				entry, quote, ok := p.Denied()
				require.True(t, ok)
				require.Equal(t, evidence.None, entry.Status)
				require.Equal(t, entry.Window, quote.Window)
				require.Equal(t, p.Heads()[0].Operator, quote.Operator)
			default:
				t.Fatalf("a proof of the kind %q", p.Kind)
			}
		}
	})
}

func FuzzReadStatement(f *testing.F) {
	f.Add(honest().bytes())
	f.Add(malleate(f, honest().bytes()))
	f.Fuzz(func(t *testing.T, message []byte) {
		s, err := evidence.ReadStatement(message)
		if err != nil {
			return
		}
		again, err := evidence.ReadStatement(s.Signed())
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}

func unsealed(proof []byte) []byte { return bytes.Clone(proof[:len(proof)-sealSize]) }

func flipped(data []byte, bit int) []byte {
	data = bytes.Clone(data)
	data[bit/8] ^= 1 << (bit % 8)
	return data
}

func withKey(t *testing.T, message []byte) []byte {
	return change(t, message, func(m *pb.PubsubMessage) { m.Key = wire.PublicKeyOf(secret(1)).Libp2p() })
}

// rotated moves a message's first field to its end.
func rotated(t *testing.T, message []byte) []byte {
	n := protowire.ConsumeFieldValue
	number, kind, tag := protowire.ConsumeTag(message)
	require.Positive(t, tag)
	size := n(number, kind, message[tag:])
	require.Positive(t, size)
	return append(bytes.Clone(message[tag+size:]), message[:tag+size]...)
}
