package bitcoin

import (
	"bytes"
	"errors"
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

const cap1BTC = 100_000_000

// mutation changes one thing about a redemption that is right. It returns false where there is no such thing to change.
type mutation struct {
	rule signer.Rule
	tx   func(*rapid.T, *scene, *wire.MsgTx) bool // of the transaction itself
	rest func(*rapid.T, *scene) bool              // of all else
}

var mutations = map[string]mutation{
	"version":   {rule: signer.RuleProposal, tx: func(_ *rapid.T, _ *scene, tx *wire.MsgTx) bool { tx.Version = 2; return true }},
	"lock time": {rule: signer.RuleProposal, tx: func(_ *rapid.T, _ *scene, tx *wire.MsgTx) bool { tx.LockTime = 1; return true }},
	"sequence": {rule: signer.RuleProposal, tx: func(_ *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.TxIn[0].Sequence--
		return true
	}},
	"second input": {rule: signer.RuleProposal, tx: addInput},
	"signed": {rule: signer.RuleProposal, tx: func(_ *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.TxIn[0].Witness = wire.TxWitness{{1}}
		return true
	}},
	"script signature": {rule: signer.RuleProposal, tx: func(_ *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.TxIn[0].SignatureScript = []byte{1}
		return true
	}},
	"an output is missing": {rule: signer.RuleProposal, tx: func(t *rapid.T, s *scene, tx *wire.MsgTx) bool {
		if len(s.requests) == 1 {
			return false // would leave the change alone, or nothing
		}
		i := len(tx.TxOut) - 1 - rapid.IntRange(0, len(s.requests)-1).Draw(t, "missing")
		tx.TxOut = append(tx.TxOut[:i], tx.TxOut[i+1:]...)
		return true
	}},
	"an output twice": {rule: signer.RuleProposal, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.AddTxOut(tx.TxOut[rapid.IntRange(0, len(tx.TxOut)-1).Draw(t, "twice")])
		return true
	}},
	"two outputs change places": {rule: signer.RuleProposal, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		n := len(tx.TxOut)
		if n < 2 {
			return false
		}
		i := rapid.IntRange(0, n-2).Draw(t, "left")
		j := rapid.IntRange(i+1, n-1).Draw(t, "right")
		tx.TxOut[i], tx.TxOut[j] = tx.TxOut[j], tx.TxOut[i]
		return true
	}},
	"an output pays nothing": {rule: signer.RuleProposal, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.TxOut[rapid.IntRange(0, len(tx.TxOut)-1).Draw(t, "output")].Value = 0
		return true
	}},
	"an output pays a negative amount": {rule: signer.RuleProposal, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.TxOut[rapid.IntRange(0, len(tx.TxOut)-1).Draw(t, "output")].Value = -1
		return true
	}},
	"outputs are more than all bitcoin": {rule: signer.RuleProposal, tx: func(_ *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.TxOut[0].Value = maxValue + 1
		return true
	}},
	"an output pays somebody else": {rule: signer.RuleChange, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		out := tx.TxOut[rapid.IntRange(0, len(tx.TxOut)-1).Draw(t, "output")]
		out.PkScript = bytes.Clone(out.PkScript)
		out.PkScript[rapid.IntRange(0, len(out.PkScript)-2).Draw(t, "byte")] ^= 0x40
		return true
	}},
	"one output more": {rule: signer.RuleChange, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.AddTxOut(wire.NewTxOut(1, wpkh(0xdd)))
		return true
	}},
	"an output less valuable": {rule: signer.RuleFee, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		out := tx.TxOut[rapid.IntRange(0, len(tx.TxOut)-1).Draw(t, "output")]
		out.Value -= rapid.Int64Range(1, out.Value-1).Draw(t, "less")
		return true
	}},
	"an output more valuable": {rule: signer.RuleFee, tx: func(t *rapid.T, _ *scene, tx *wire.MsgTx) bool {
		tx.TxOut[rapid.IntRange(0, len(tx.TxOut)-1).Draw(t, "output")].Value += rapid.Int64Range(1, 1_000_000).Draw(t, "more")
		return true
	}},
	"the change goes to miners": {rule: signer.RuleFee, tx: func(_ *rapid.T, s *scene, tx *wire.MsgTx) bool {
		if len(tx.TxOut) == len(s.requests) {
			return false
		}
		tx.TxOut = tx.TxOut[1:]
		return true
	}},
	"another outpoint, where the previous transaction is told": {
		rule: signer.RulePrevious,
		tx: func(t *rapid.T, s *scene, tx *wire.MsgTx) bool {
			from := &tx.TxIn[0].PreviousOutPoint
			if rapid.Bool().Draw(t, "hash") {
				from.Hash[rapid.IntRange(0, 31).Draw(t, "byte")]++
			} else {
				from.Index += rapid.Uint32Range(1, 1000).Draw(t, "index")
			}
			return len(s.tx.Previous) > 0
		},
	},
	"trailing byte": {rule: signer.RuleProposal, rest: func(_ *rapid.T, s *scene) bool { s.tx.Raw = append(s.tx.Raw, 0); return true }},
	"cut": {rule: signer.RuleProposal, rest: func(t *rapid.T, s *scene) bool {
		s.tx.Raw = s.tx.Raw[:rapid.IntRange(0, len(s.tx.Raw)-1).Draw(t, "length")]
		return true
	}},
	"too long": {rule: signer.RuleProposal, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Raw = append(s.tx.Raw, make([]byte, MaxTransaction)...)
		return true
	}},
	"no previous output": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool { s.tx.Prevouts = nil; return true }},
	"two previous outputs": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Prevouts = append(s.tx.Prevouts, s.tx.Prevouts[0])
		return true
	}},
	"another previous script": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Prevouts[0].Script = wpkh(7)
		return true
	}},
	"no previous value": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool { s.tx.Prevouts[0].Value = 0; return true }},
	"absurd previous value": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Prevouts[0].Value = maxValue + 1
		return true
	}},
	"another previous value, where the transaction is told": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Prevouts[0].Value++
		return len(s.tx.Previous) > 0
	}},
	"another previous value, where it is not": {rule: signer.RuleFee, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Prevouts[0].Value++
		return len(s.tx.Previous) == 0
	}},
	"no previous transaction for P2WPKH": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Previous = nil
		return s.Scheme == signer.CMP
	}},
	"two previous transactions": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Previous = [][]byte{bare(s.previous), bare(s.previous)}
		return true
	}},
	"a malformed previous transaction": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		s.tx.Previous = [][]byte{nil}
		return true
	}},
	"another previous transaction": {rule: signer.RulePrevious, rest: func(_ *rapid.T, s *scene) bool {
		other := s.previous.Copy()
		other.LockTime++
		s.tx.Previous = [][]byte{bare(other)}
		return true
	}},
	"another wallet": {rule: signer.RuleChange, rest: func(_ *rapid.T, s *scene) bool {
		s.Wallet = newPurse(s.Scheme, s.secret+1).Wallet
		tx, err := ParseUnsigned(s.tx.Raw)
		return err == nil && len(tx.TxOut) > len(s.requests)
	}},
	"another proposed fee": {rule: signer.RuleFee, rest: func(_ *rapid.T, s *scene) bool {
		s.proposal.TxFee = new(big.Int).Add(s.proposal.TxFee, big.NewInt(1))
		return true
	}},
	"an absurd proposed fee": {rule: signer.RuleFee, rest: func(_ *rapid.T, s *scene) bool {
		// As large as it is, its low 64 bits are those of the right one.
		s.proposal.TxFee = new(big.Int).Add(s.proposal.TxFee, new(big.Int).Lsh(big.NewInt(1), 64))
		return true
	}},
	"another proposed script": {rule: signer.RuleChange, rest: func(t *rapid.T, s *scene) bool {
		s.proposal.OutputScripts[rapid.IntRange(0, len(s.requests)-1).Draw(t, "script")] = wpkh(0xdd)
		return true
	}},
	"one proposed script more": {rule: signer.RuleProposal, rest: func(_ *rapid.T, s *scene) bool {
		s.proposal.OutputScripts = append(s.proposal.OutputScripts, wpkh(0xdd))
		return true
	}},
	"a proposed script is the wallet's": {rule: signer.RuleChange, rest: func(_ *rapid.T, s *scene) bool {
		s.proposal.OutputScripts = append(s.proposal.OutputScripts, s.Script())
		return true
	}},
	"no scheme": {rule: signer.RuleProposal, rest: func(_ *rapid.T, s *scene) bool { s.Scheme = ""; return true }},
}

// The Bridge has one request for a script of a wallet, and its validator refuses a proposal that names one twice.
func TestAScriptIsPaidOnceInARedemption(t *testing.T) {
	for _, scheme := range signer.Schemes() {
		p := newPurse(scheme, 1)
		main, previous := p.fund(1_000_000, 0)
		one, other := request(wpkh(1), 100_000), request(wpkh(2), 100_000)
		for _, requests := range [][]chain.RedemptionRequest{{one, one}, {one, other, one}, {one, other}} {
			fee := big.NewInt(1000)
			prop := proposal.Redemption{TxFee: fee}
			for _, r := range requests {
				prop.OutputScripts = append(prop.OutputScripts, r.Script)
			}
			tx, err := Redemption(p.Wallet, main, previous, requests, fee)
			require.NoError(t, err)
			err = Judge(p.Wallet, prop, &tx, 1_000_000)
			if len(requests) == 2 && !bytes.Equal(requests[0].Script, requests[1].Script) {
				require.NoError(t, err)
				continue
			}
			refused, ok := errors.AsType[*signer.Refused](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, signer.RuleProposal, refused.Rule)
			require.ErrorContains(t, err, "twice")
		}
	}
}

func addInput(_ *rapid.T, _ *scene, tx *wire.MsgTx) bool {
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{5}}, Sequence: redemptionSequence})
	return true
}

func TestAnySingleMutationIsRefusedByTheRightRule(t *testing.T) {
	for name, m := range mutations {
		t.Run(name, func(t *testing.T) {
			tried := 0
			rapid.Check(t, func(t *rapid.T) {
				s := drawScene(t)
				if m.tx != nil {
					tx, err := ParseUnsigned(s.tx.Raw)
					require.NoError(t, err)
					if !m.tx(t, &s, tx) {
						t.Skip("nothing to change")
					}
					s.tx.Raw = Serialize(tx)
				} else if !m.rest(t, &s) {
					t.Skip("nothing to change")
				}
				tried++
				err := Judge(s.Wallet, s.proposal, &s.tx, cap1BTC)
				var refused *signer.Refused
				require.ErrorAs(t, err, &refused)
				require.Equal(t, m.rule, refused.Rule, "%v", err)
			})
			require.Positive(t, tried)
		})
	}
}

func TestTheFeeCapHoldsWhateverWasProposed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		fee := s.proposal.TxFee.Int64()
		require.NoError(t, Judge(s.Wallet, s.proposal, &s.tx, fee))
		require.Equal(t, signer.RuleFee, refusal(Judge(s.Wallet, s.proposal, &s.tx, fee-1)))
	})
	// A proposed fee of zero, with a transaction that pays none.
	p := newPurse(signer.FROST, 1)
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(&wire.TxIn{Sequence: redemptionSequence})
	tx.AddTxOut(wire.NewTxOut(5000, wpkh(1)))
	asked := signer.Transaction{Raw: bare(tx), Prevouts: []signer.Prevout{{Value: 5000, Script: p.Script()}}}
	prop := proposal.Redemption{OutputScripts: [][]byte{wpkh(1)}, TxFee: new(big.Int)}
	require.Equal(t, signer.RuleFee, refusal(Judge(p.Wallet, prop, &asked, cap1BTC)))
	prop.TxFee = nil
	require.Equal(t, signer.RuleFee, refusal(Judge(p.Wallet, prop, &asked, cap1BTC)))
}

func TestOnlyWhatAProposalComesToIsSigned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		beat := proposal.Heartbeat{Message: proposal.HeartbeatMessage(s.Key.Hash(), 900)}
		for name, err := range map[string]error{
			"a transaction for a heartbeat":    Judge(s.Wallet, beat, &s.tx, cap1BTC),
			"a redemption without transaction": Judge(s.Wallet, s.proposal, nil, cap1BTC),
			"a redemption of nothing":          Judge(s.Wallet, proposal.Redemption{TxFee: s.proposal.TxFee}, &s.tx, cap1BTC),
			"a no-op":                          Judge(s.Wallet, proposal.Noop{}, nil, cap1BTC),
			"a kind to come":                   Judge(s.Wallet, proposal.MovingFunds{TxFee: s.proposal.TxFee}, &s.tx, cap1BTC),
			"nothing":                          Judge(s.Wallet, nil, &s.tx, cap1BTC),
		} {
			if rule := refusal(err); rule != signer.RuleProposal && rule != signer.RuleChange {
				t.Fatalf("%s: %v", name, err)
			}
		}
		require.NoError(t, Judge(s.Wallet, beat, nil, 0))
		beat.Message[rapid.IntRange(0, 7).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		require.Equal(t, signer.RuleProposal, refusal(Judge(s.Wallet, beat, nil, 0)))
	})
}

// refusal returns the rule that an error names; empty for any other.
func refusal(err error) signer.Rule {
	var refused *signer.Refused
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Rule
}

// FuzzJudge gives a backend what a node in strange hands might: what passes is what was proposed.
func FuzzJudge(f *testing.F) {
	p := newPurse(signer.CMP, 1)
	for _, scheme := range signer.Schemes() {
		p.Scheme = scheme
		for _, funds := range []uint64{10_000_000, 1_999_000} {
			main, previous := p.fund(funds, 1)
			tx, err := Redemption(p.Wallet, main, previous, []chain.RedemptionRequest{request(pkh(2), 2_000_000)}, big.NewInt(1000))
			require.NoError(f, err)
			f.Add(tx.Raw, int64(main.Value), p.Script(), tx.Previous[0], pkh(2), int64(1000), scheme == signer.FROST)
			f.Add(tx.Raw, int64(main.Value), p.Script(), []byte{}, pkh(2), int64(1000), scheme == signer.FROST)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, value int64, script, made, pays []byte, fee int64, tap bool) {
		w := Wallet{p.Key, signer.CMP}
		if tap {
			w.Scheme = signer.FROST
		}
		tx := &signer.Transaction{Raw: raw, Prevouts: []signer.Prevout{{Value: value, Script: script}}}
		if len(made) > 0 {
			tx.Previous = [][]byte{made}
		}
		prop := proposal.Redemption{OutputScripts: [][]byte{pays}, TxFee: big.NewInt(max(fee, 0))}
		err := Judge(w, prop, tx, cap1BTC)
		if err != nil {
			require.NotEmpty(t, refusal(err), "%v", err)
			return
		}
		parsed, err := ParseUnsigned(raw)
		require.NoError(t, err)
		left := value
		for i, out := range parsed.TxOut {
			left -= out.Value
			require.Equal(t, i == len(parsed.TxOut)-1, bytes.Equal(out.PkScript, pays))
		}
		require.Equal(t, fee, left)
		require.LessOrEqual(t, len(parsed.TxOut), 2)
		what, err := Signables(w, prop, tx)
		require.NoError(t, err)
		require.Len(t, what, 1)
	})
}
