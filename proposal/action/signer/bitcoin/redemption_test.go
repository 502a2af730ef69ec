package bitcoin

import (
	"math"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestARedemptionPaysTheChangeFirstAndThenEachRequestLessItsFees(t *testing.T) {
	for _, scheme := range signer.Schemes() {
		p := newPurse(scheme, 1)
		main, previous := p.fund(10_000_000, 2)
		requests := []chain.RedemptionRequest{request(wpkh(1), 2_000_000), request(pkh(2), 3_000_000), request(wpkh(3), 1_000_000)}
		built, err := Redemption(p.Wallet, main, previous, requests, big.NewInt(1001))
		require.NoError(t, err)
		tx, err := ParseUnsigned(built.Raw)
		require.NoError(t, err)
		require.Equal(t, int32(1), tx.Version)
		require.Zero(t, tx.LockTime)
		require.Len(t, tx.TxIn, 1)
		require.Equal(t, wire.OutPoint{Hash: main.TxHash, Index: 2}, tx.TxIn[0].PreviousOutPoint)
		require.Equal(t, uint32(math.MaxUint32), tx.TxIn[0].Sequence)
		require.Equal(t, []*wire.TxOut{
			{Value: 10_000_000 - 6_000_000 + 3000 /* the treasury's, which stays */, PkScript: p.Script()},
			{Value: 2_000_000 - 1000 - 333, PkScript: wpkh(1)},
			{Value: 3_000_000 - 1500 - 333, PkScript: pkh(2)},
			{Value: 1_000_000 - 500 - 335, PkScript: wpkh(3)}, // the last one bears the remainder
		}, tx.TxOut)
		require.Equal(t, []signer.Prevout{{Value: 10_000_000, Script: p.Script()}}, built.Prevouts)
		made, err := Parse(built.Previous[0])
		require.NoError(t, err)
		require.Equal(t, previous.TxHash(), made.TxHash())
	}
}

func TestARedemptionThatCannotBeBuiltSaysWhy(t *testing.T) {
	type parts struct {
		p        purse
		main     UTXO
		previous *wire.MsgTx
		requests []chain.RedemptionRequest
		fee      *big.Int
	}
	for name, c := range map[string]struct {
		spoil func(*parts)
		want  error
		says  string
	}{
		"nothing is wrong": {func(*parts) {}, nil, ""},
		"no request":       {func(c *parts) { c.requests = nil }, nil, "there is no request to pay"},
		"no fee":           {func(c *parts) { c.fee = nil }, errFee, "it is <nil> satoshi"},
		"fee of zero":      {func(c *parts) { c.fee = new(big.Int) }, errFee, "it is 0 satoshi"},
		"absurd fee": {func(c *parts) {
			c.fee = new(big.Int).Lsh(big.NewInt(1), 64)
		}, errFee, "it is 18446744073709551616 satoshi"},
		"share above its limit": {func(c *parts) {
			c.requests[1].TxMaxFee = 500
		}, errFee, "request 1 bears 500 satoshi at most, its share is 501"},
		"amount below its fee": {func(c *parts) {
			c.requests[0].RequestedAmount, c.requests[0].TreasuryFee = 500, 0
		}, errFee, "request 0 asks for 500 satoshi, of which 0 are the treasury's and 500 the fee"},
		"amount below the treasury's": {func(c *parts) {
			c.requests[0].TreasuryFee = 2_000_001
		}, errFee, "request 0 asks for 2000000 satoshi"},
		"amount of more than there is": {func(c *parts) {
			c.requests[0].RequestedAmount = math.MaxUint64
		}, errFee, "request 0 asks for"},
		"requests of more than there is": {func(c *parts) {
			c.requests[0].RequestedAmount, c.requests[1].RequestedAmount = maxValue, maxValue
		}, ErrFunds, "more than all bitcoin"},
		"dust": {func(c *parts) {
			c.requests[0].RequestedAmount = 1000 + 500 + 293
		}, errDust, "request 0 comes to 293 satoshi"},
		"just no dust": {func(c *parts) { c.requests[0].RequestedAmount = 1000 + 500 + 294 }, nil, ""},
		"too little": {func(c *parts) {
			c.main, c.previous = c.p.fund(4_997_999, 0)
		}, ErrFunds, "it has 4997999 satoshi, the requests and the fee take 4998000"},
		"just enough": {func(c *parts) { c.main, c.previous = c.p.fund(4_998_000, 0) }, nil, ""},
		"dust for change": {func(c *parts) {
			c.main, c.previous = c.p.fund(4_998_001, 0)
		}, errDust, "1 satoshi of change"},
		"no main UTXO":                 {func(c *parts) { c.main = UTXO{} }, ErrFunds, "0 satoshi"},
		"a main UTXO of absurd value":  {func(c *parts) { c.main.Value = math.MaxUint64 }, ErrFunds, ""},
		"no previous transaction":      {func(c *parts) { c.previous = nil }, errPrevious, "scheme cmp demands it"},
		"another previous transaction": {func(c *parts) { c.previous.LockTime++ }, errPrevious, "its hash is another one"},
		"another output":               {func(c *parts) { c.main.Index = 3 }, errPrevious, "it has no output 3"},
		"an output of somebody else": {func(c *parts) {
			c.main.Index, c.main.Value = 0, 1000
		}, errPrevious, "output 0 does not pay the wallet"},
		"another value": {func(c *parts) {
			c.main.Value++
		}, errPrevious, "output 2 has 10000000 satoshi, not 10000001"},
		"the wallet's own script": {func(c *parts) {
			c.requests[1].Script = c.p.Script()
		}, nil, "request 1 pays the wallet itself"},
		"no scheme": {func(c *parts) { c.p.Scheme = "gg18" }, nil, `there is no "gg18"`},
		"no key":    {func(c *parts) { c.p.Key = chain.PublicKey{4} }, nil, "wallet key"},
	} {
		t.Run(name, func(t *testing.T) {
			c0 := parts{p: newPurse(signer.CMP, 1), fee: big.NewInt(1001)}
			c0.requests = []chain.RedemptionRequest{request(wpkh(1), 2_000_000), request(wpkh(2), 3_000_000)}
			c0.requests[0].TreasuryFee, c0.requests[1].TreasuryFee = 1000, 1000
			c0.main, c0.previous = c0.p.fund(10_000_000, 2)
			c.spoil(&c0)
			tx, err := Redemption(c0.p.Wallet, c0.main, c0.previous, c0.requests, c0.fee)
			if c.want == nil && c.says == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.ErrorContains(t, err, c.says)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			require.Zero(t, tx)
		})
	}
}

// Bitcoin Core's usual thresholds.
func TestDustIsWhatNodesDoNotRelay(t *testing.T) {
	long := func(lead ...byte) []byte { return append(lead, make([]byte, 32)...) }
	for want, script := range map[int64][]byte{
		546: pkh(1), 294: wpkh(1), 330: long(op1, 32), 540: append(append([]byte{0xa9, 20}, make([]byte, 20)...), 0x87),
	} {
		require.Equal(t, want, dust(script))
	}
	require.Equal(t, int64(330), dust(long(op0, 32)))
	require.False(t, isWitness(long(op1, 31)))
	require.False(t, isWitness([]byte{op1, 1, 1}))
	require.True(t, isWitness([]byte{0x60, 2, 1, 1}))
	require.False(t, isWitness([]byte{0x61, 2, 1, 1}))
	require.False(t, isWitness(append([]byte{op0, 41}, make([]byte, 41)...)))
}

// Whatever is built is passed by every backend, and what comes of it by every Bitcoin node; its change is what the next one
// is built on.
func TestEveryRedemptionThatIsBuiltIsJudgedFineAndVerifies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		require.NoError(t, Judge(s.Wallet, s.proposal, &s.tx, s.proposal.TxFee.Int64()))
		signatures := s.signAll(s.proposal, &s.tx)
		what, err := Signables(s.Wallet, s.proposal, &s.tx)
		require.NoError(t, err)
		require.Len(t, what, 1)
		require.NoError(t, Verify(s.Wallet, what[0], signatures[0]))
		signed, err := Assemble(s.Wallet, &s.tx, signatures)
		require.NoError(t, err)

		unsigned, err := ParseUnsigned(s.tx.Raw)
		require.NoError(t, err)
		require.Equal(t, unsigned.TxHash(), signed.TxHash(), "a signature does not change the name of what it signs")
		back, err := Parse(Serialize(signed))
		require.NoError(t, err)
		require.NoError(t, Check(back, s.tx.Prevouts))
		spent, err := Outpoints(&s.tx)
		require.NoError(t, err)
		require.Equal(t, []signer.Outpoint{{TxHash: s.main.TxHash, Index: s.main.Index}}, spent)

		found, previous, ok := FindMain(s.main.Hash(), []*wire.MsgTx{signed, s.previous}, s.Script())
		require.True(t, ok)
		require.Equal(t, s.main, found)
		require.Equal(t, s.previous, previous)

		if len(signed.TxOut) == len(s.requests) || signed.TxOut[0].Value < 2000 {
			return // there is no change, or too little
		}
		change := UTXO{TxHash: signed.TxHash(), Value: uint64(signed.TxOut[0].Value)}
		next := []chain.RedemptionRequest{request(wpkh(99), change.Value-500)}
		next[0].TreasuryFee = 0
		found, previous, ok = FindMain(change.Hash(), []*wire.MsgTx{s.previous, back}, s.Script())
		require.True(t, ok)
		fee := big.NewInt(500)
		prop := proposal.Redemption{OutputScripts: [][]byte{wpkh(99)}, TxFee: fee}
		tx, err := Redemption(s.Wallet, found, previous, next, fee)
		require.NoError(t, err)
		require.NoError(t, Judge(s.Wallet, prop, &tx, 500))
		_, err = Assemble(s.Wallet, &tx, s.signAll(prop, &tx))
		require.NoError(t, err)
	})
}
