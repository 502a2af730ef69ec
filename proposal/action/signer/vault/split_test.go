package vault

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// An operator that commits to one thing towards some signers and to another towards others gets no signature, and gets nobody
// blamed who may be honest: the sets are compared before a share is looked at.
func TestSplitCommitmentsOfASignatureBlameNobody(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	key := r.generate(signer.FROST, 3)
	r.at(firstWindow)
	p := r.heartbeat(key, firstWindow, 1)
	topic, id := signer.SigningTopic(key.Wallet), p.session()
	require.Equal(t, []chain.Seat{1, 2, 3}, p.signers)
	cheat := r.houses[1]
	first := map[*house][]byte{}
	for _, h := range r.houses {
		a, err := p.ask(h, 1, nil)
		require.NoError(t, err)
		first[h] = r.say(h, topic, id, 1, a.Out)
	}
	other := map[*house][]byte{r.houses[0]: first[r.houses[0]], cheat: r.say(cheat, topic, id, 1, r.freshCommitments(key, p))}
	second := map[*house][]byte{}
	for i, h := range r.houses {
		heard := first
		if i == 2 {
			heard = other
		}
		a, err := p.ask(h, 2, others(heard, h))
		require.NoError(t, err)
		second[h] = r.say(h, topic, id, 2, a.Out)
	}
	for _, i := range []int{0, 2} {
		for range 2 {
			reply, err := p.ask(r.houses[i], 3, others(second, r.houses[i]))
			require.ErrorIs(t, err, signer.ErrSplit)
			require.Empty(t, reply)
		}
	}
	p.attempt = 2
	r.sign(key, p)
}
