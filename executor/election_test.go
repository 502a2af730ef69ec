package executor

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// vector is one row of coordination.json, made by the reference client.
type vector struct {
	WalletPublicKey           string
	WalletPublicKeyHash       string
	CoordinationBlock         chain.Height
	WindowIndex               uint64
	SafeBlock                 chain.Height
	SafeBlockHash             chain.Hash
	Operators                 []chain.Operator
	Seed                      string
	Leader                    chain.Operator
	LeaderSeats               []int
	Checklist                 []string
	NumericSortWouldPickOther bool
}

func vectors(t testing.TB) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/coordination.json")
	require.NoError(t, err)
	var rows []vector
	require.NoError(t, json.Unmarshal(raw, &rows))
	require.NotEmpty(t, rows)
	return rows
}

func TestElectionReproducesEveryReferenceVector(t *testing.T) {
	numeric := 0
	for i, row := range vectors(t) {
		key, err := chain.ParsePublicKey(row.WalletPublicKey)
		require.NoError(t, err, "row %d", i)
		wallet, err := chain.NewWallet(key, row.Operators)
		require.NoError(t, err, "row %d", i)
		require.Equal(t, row.WalletPublicKeyHash, wallet.ID().Hex(), "row %d", i)

		seed := Seed(wallet.ID(), row.SafeBlockHash)
		require.Equal(t, row.Seed, hex.EncodeToString(seed[:]), "row %d", i)
		leader := Leader(seed, row.Operators)
		require.Equal(t, row.Leader, leader, "row %d", i)
		var seats []int
		for _, s := range wallet.SeatsOf(leader) {
			seats = append(seats, int(s))
		}
		require.Equal(t, row.LeaderSeats, seats, "row %d", i)
		require.EqualValues(t, seats[0], wallet.LowestSeat(leader), "row %d", i)

		names := []string{}
		for _, kind := range Checklist(seed, row.WindowIndex) {
			names = append(names, kind.String())
		}
		require.Equal(t, append([]string{}, row.Checklist...), names, "row %d", i)

		w, isWindow := coordination.RFC12().Window(row.CoordinationBlock)
		require.Equal(t, row.WindowIndex, w.Index, "row %d", i)
		if isWindow {
			require.Equal(t, row.SafeBlock, w.SeedBlock, "row %d", i)
		}
		if row.NumericSortWouldPickOther {
			numeric++
		}
	}
	require.Positive(t, numeric, "the vectors must hold cases in which sorting addresses as numbers is wrong")
}

func TestAllMembersNameOneLeaderWhateverTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roster := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chain.Operator {
			return chain.Operator(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "operator"))
		}), 1, 40).Draw(t, "roster")
		seed := [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		want := Leader(seed, roster)
		require.Contains(t, roster, want)

		learned := rapid.Permutation(roster).Draw(t, "order in which another member learned the operators")
		again := append(learned, learned[0]) // one seat more for somebody changes nothing
		require.Equal(t, want, Leader(seed, again))
	})
}

func TestNoLeaderWithoutOperatorsAndNoChecklistWithoutWindow(t *testing.T) {
	require.True(t, Leader([32]byte{1}, nil).IsZero())
	require.Empty(t, Checklist([32]byte{1}, 0))
}
