//go:build unix

package vault

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// processor returns how much CPU time the process has used.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSigning11Of20 signs heartbeats in the vaults of eleven operators, and beside it with the bare scheme: CPU time of
// each party, and what vaults, their disks and signed messages add to it.
func BenchmarkSigning11Of20(b *testing.B) {
	r := newRig(b, slices.Repeat([]int{1}, 20)...)
	key := r.generate(signer.FROST, 11)
	window := firstWindow
	var within, bare time.Duration
	for b.Loop() {
		r.at(window)
		r.traffic = nil
		p := r.heartbeat(key, window, 1)
		begin := processor(b)
		r.sign(key, p)
		within += processor(b) - begin
		begin = processor(b)
		r.signBarely(b, key, p)
		bare += processor(b) - begin
		window += frequency
	}
	parties := float64(b.N * key.Threshold)
	b.ReportMetric(within.Seconds()*1000/parties, "ms-cpu/party")
	b.ReportMetric(bare.Seconds()*1000/parties, "ms-cpu-bare/party")
	b.ReportMetric(float64(within)/float64(bare), "ratio")
	b.ReportMetric(float64(len(slices.Concat(r.traffic...))), "bytes/signature")
}

// signBarely makes the same signature without vaults, messages or disks.
func (r *rig) signBarely(b *testing.B, key signer.KeyDetail, p plan) {
	b.Helper()
	what, err := bitcoin.Signables(bitcoin.Wallet{Key: chain.PublicKey(key.GroupKey), Scheme: key.Scheme}, p.proposal, nil)
	require.NoError(b, err)
	id := p.session()
	parties := map[chain.Seat]*scheme.Signing{}
	var said []scheme.Message
	for _, seat := range p.signers {
		v := r.houses[seat-1].vault
		k, err := v.readKey(b.Context(), key.Wallet)
		require.NoError(b, err)
		secret, err := v.secret(k)
		require.NoError(b, err)
		share, err := scheme.ParseShare(key.Scheme, secret.Shares[seat])
		require.NoError(b, err)
		parties[seat], err = scheme.NewSigning(id[:], share, p.signers, what[0])
		require.NoError(b, err)
		step, err := parties[seat].Begin()
		require.NoError(b, err)
		said = append(said, step.Out...)
	}
	for len(said) > 0 {
		var next []scheme.Message
		for _, seat := range p.signers {
			step, err := parties[seat].Round(messagesFor(seat, said, nil))
			require.NoError(b, err)
			next = append(next, step.Out...)
		}
		said = next
	}
}
