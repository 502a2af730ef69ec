package bitcoin

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// The formulas of docs/decisions/019, written out.
func TestAHeartbeatSignsWhatIsDocumented(t *testing.T) {
	beat := proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8}}
	tag := sha256.Sum256([]byte("walletnode/heartbeat/1"))
	tagged := sha256.Sum256(slices.Concat(tag[:], tag[:], beat.Message[:]))
	inner := sha256.Sum256(beat.Message[:])
	double := sha256.Sum256(inner[:])
	for scheme, want := range map[signer.Scheme][32]byte{signer.FROST: tagged, signer.CMP: double} {
		p := newPurse(scheme, 3)
		require.NoError(t, Judge(p.Wallet, beat, nil, 0))
		what, err := Signables(p.Wallet, beat, nil)
		require.NoError(t, err)
		require.Equal(t, []signer.Signable{want}, what)
		require.NoError(t, Verify(p.Wallet, what[0], p.sign(what[0])))
		require.ErrorIs(t, Verify(newPurse(scheme, 4).Wallet, what[0], p.sign(what[0])), errSignature)
	}
}

// These pin the two forms: another one is another protocol.
func TestAHeartbeatsHashesDoNotChange(t *testing.T) {
	message := [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	require.Equal(t, "c4759f7e1bb8949eb841637f31882b423b85702cb40a97bd743a3c7da85fc50e", heartbeat(signer.FROST, message).String())
	require.Equal(t, "02b0ccb86fc04402f578c454784b6b258d70e233ef19c6c8b1d9c10db7b4e4f5", heartbeat(signer.CMP, message).String())
}

func TestSignablesNeedATransactionAndAScheme(t *testing.T) {
	p := newPurse(signer.FROST, 1)
	_, err := Signables(p.Wallet, proposal.Redemption{}, nil)
	require.ErrorContains(t, err, "there is no transaction to sign")
	_, err = Signables(Wallet{p.Key, "x"}, proposal.Heartbeat{}, nil)
	require.ErrorContains(t, err, `there is no "x"`)
	_, err = Signables(p.Wallet, proposal.Redemption{}, &signer.Transaction{Raw: []byte{1}})
	require.ErrorContains(t, err, "it ends too early")
	_, tx := p.fund(1000, 0)
	tx.TxIn[0].Witness, tx.TxIn[0].SignatureScript = nil, nil
	_, err = Signables(p.Wallet, proposal.Redemption{}, &signer.Transaction{Raw: bare(tx)})
	require.ErrorContains(t, err, "0 previous outputs for 1 inputs")
	foreign := []signer.Prevout{{Value: 1, Script: wpkh(1)}}
	_, err = Signables(p.Wallet, proposal.Redemption{}, &signer.Transaction{Raw: bare(tx), Prevouts: foreign})
	require.ErrorContains(t, err, "input 0: it does not spend a P2TR output")
	_, err = Outpoints(&signer.Transaction{})
	require.Error(t, err)
}
