package devnet

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

func TestTheChainIsSlowForAsLongAsSomebodySigns(t *testing.T) {
	const first = 1000
	cheated := func(number uint32) signing.Attempt {
		return signing.Attempt{Number: number, Signers: []int{1, 2}, Result: signing.ResultCheated}
	}
	listless := signing.Attempt{Number: 1, Result: signing.ResultNoList}
	done := signing.Attempt{Number: 1, Signers: []int{1, 2}, Result: signing.ResultSigned}
	row := func(seat chain.Seat, pending bool, begun uint32, ended ...signing.Attempt) attempting {
		return attempting{[]chain.Seat{seat}, pending, signing.Signing{Begun: begun, Attempts: ended}}
	}
	for name, c := range map[string]struct {
		rows []attempting
		now  bool
		next chain.Height
	}{
		"nobody has a signer that runs": {nil, false, 0},
		"all have signed":               {[]attempting{row(1, false, 1, done), row(2, false, 1, done)}, false, 0},
		"nobody has begun":              {[]attempting{row(1, true, 0), row(2, true, 0)}, true, 0},
		"it is under way":               {[]attempting{row(1, true, 1), row(2, true, 0)}, true, 0},
		"one has the result already":    {[]attempting{row(1, false, 1, done), row(2, true, 1)}, true, 0},
		"one signer does not know yet that it failed": {
			[]attempting{row(1, true, 1, cheated(1)), row(2, true, 1), row(3, true, 1)}, true, 0,
		},
		"only who was not to sign waits for it": {
			[]attempting{row(1, true, 1, cheated(1)), row(2, true, 1, cheated(1)), row(3, true, 1)}, false, first + attemptBlocks,
		},
		"no signers were named, and one still waits": {[]attempting{row(1, true, 1, listless), row(2, true, 1)}, true, 0},
		"no signers were named":                      {[]attempting{row(1, true, 1, listless), row(2, true, 1, listless)}, false, first + attemptBlocks},
		"no signers were named, and one was not there": {
			[]attempting{row(1, true, 1, listless), row(2, false, 0)}, false, first + attemptBlocks,
		},
		"the next one is under way": {
			[]attempting{row(1, true, 1, cheated(1)), row(2, true, 2, cheated(1))}, true, 0,
		},
		"it failed twice": {
			[]attempting{row(1, true, 2, cheated(1), cheated(2)), row(2, true, 2, cheated(1), cheated(2))}, false, first + 2*attemptBlocks,
		},
	} {
		now, next := underWay(c.rows, first)
		require.Equal(t, []any{c.now, c.next}, []any{now, next}, name)
	}
}
