package quorum

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// One endpoint must not choose what a wallet pays, nor which coins it spends.
func TestWhatARedemptionIsBuiltFromNeedsMostGroups(t *testing.T) {
	a, b := ill{main: [32]byte{1}, bribe: 7}, ill{main: [32]byte{2}, bribe: 8}
	for name, c := range map[string]struct {
		ills map[string]ill
		main [32]byte
		adds uint64
		none bool // no quorum
	}{
		"all agree":               {nil, [32]byte{}, 0, false},
		"two lie alike":           {map[string]ill{"a": a, "b": a}, [32]byte{}, 0, false},
		"two lie, one is away":    {map[string]ill{"a": a, "b": a, "c": {refuse: true}}, [32]byte{}, 0, true},
		"two are away":            {map[string]ill{"a": {hang: true}, "b": {refuse: true}}, [32]byte{}, 0, false},
		"three are away":          {map[string]ill{"a": {hang: true}, "b": {hang: true}, "c": {refuse: true}}, [32]byte{}, 0, true},
		"three say so":            {map[string]ill{"a": a, "b": a, "d": a}, [32]byte{1}, 7, false},
		"three differ":            {map[string]ill{"a": a, "b": a, "d": b}, [32]byte{}, 0, true},
		"two do not have it":      {map[string]ill{"a": {fork: 400}, "b": {fork: 400}}, [32]byte{}, 0, false},
		"three do not have it":    {map[string]ill{"a": {lag: 200}, "b": {lag: 200}, "c": {lag: 200}}, [32]byte{}, 0, true},
		"two say that all is old": {map[string]ill{"a": {settled: true}, "b": {settled: true}}, [32]byte{}, 0, false},
		"two tell but one":        {map[string]ill{"a": {short: true}, "b": {short: true}}, [32]byte{}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				for who, i := range c.ills {
					r.fall(i, who)
				}
				main, mainErr := r.MainUTXOHash(t.Context(), chain.WalletID{})
				requests, err := r.RedemptionRequests(t.Context(), chain.WalletID{}, [][]byte{{9, 9}, {3}})
				if c.none {
					require.ErrorIs(t, mainErr, chain.ErrNoQuorum)
					require.ErrorIs(t, err, chain.ErrNoQuorum)
					require.Zero(t, main, "what a minority says is no answer")
					require.Empty(t, requests)
					return
				}
				require.NoError(t, mainErr)
				require.NoError(t, err)
				require.Equal(t, c.main, main)
				want := []chain.RedemptionRequest{trueRequest([]byte{9, 9}), trueRequest([]byte{3})}
				want[1].RequestedAmount += c.adds
				require.Equal(t, want, requests)
			})
		})
	}
}

func TestARequestIsGoneWhenMostGroupsSaySo(t *testing.T) {
	for n, want := range map[string]error{"ab": nil, "abc": chain.ErrNoRequest} {
		in(t, 5, nil, func(t *testing.T, r *rig) {
			for _, who := range n {
				r.fall(ill{settled: true}, string(who))
			}
			_, err := r.RedemptionRequests(t.Context(), chain.WalletID{}, [][]byte{{1}})
			require.ErrorIs(t, err, want, n)
			require.NotErrorIs(t, err, chain.ErrNoQuorum)
		})
	}
}

// The agreed head of an hour ago may still have requests that were paid since.
func TestNoRedemptionIsBuiltAtAnOldAgreement(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "a", "b")
		time.Sleep(twoPolls)
		synctest.Wait()
		_, err := r.MainUTXOHash(t.Context(), chain.WalletID{})
		require.ErrorIs(t, err, chain.ErrNoQuorum)
		_, err = r.RedemptionRequests(t.Context(), chain.WalletID{}, [][]byte{{1}})
		require.ErrorIs(t, err, chain.ErrNoQuorum)
		require.Zero(t, r.fakes[2].count("validate"), "nothing is asked at a block that nobody agrees on")
	})
}
