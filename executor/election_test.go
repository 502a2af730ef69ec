package executor

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math/rand"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
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

		elected, listed := NewElectorate(row.Operators).Elect(seed, row.WindowIndex)
		require.Equal(t, row.Leader, elected, "row %d", i)
		require.Equal(t, Checklist(seed, row.WindowIndex), listed, "row %d", i)

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

// naive elects as the protocol is written down: two fresh generators, texts sorted as texts.
func naive(seed [32]byte, roster []chain.Operator, index uint64) (chain.Operator, []proposal.Kind) {
	texts := make(map[string]chain.Operator)
	for _, op := range roster {
		texts[op.String()] = op
	}
	sorted := slices.Sorted(maps.Keys(texts))
	forLeader := rand.New(rand.NewSource(int64(binary.BigEndian.Uint64(seed[:8]))))
	forLeader.Shuffle(len(sorted), func(i, j int) { sorted[i], sorted[j] = sorted[j], sorted[i] })
	list := []proposal.Kind{proposal.KindRedemption}
	if index%4 == 0 {
		list = append(list, proposal.KindDepositSweep, proposal.KindMovedFundsSweep, proposal.KindMovingFunds)
	}
	forChecklist := rand.New(rand.NewSource(int64(binary.BigEndian.Uint64(seed[:8]))))
	if forChecklist.Float64() < 0.0625 {
		list = append(list, proposal.KindHeartbeat)
	}
	return texts[sorted[0]], list
}

func TestOneSeedingElectsAsTwoDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roster := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chain.Operator {
			return chain.Operator(rapid.SliceOfN(rapid.Byte(), 20, 20).Draw(t, "operator"))
		}), 1, 40).Draw(t, "roster")
		roster = append(roster, roster[0])
		seed := sha256.Sum256(rapid.SliceOf(rapid.Byte()).Draw(t, "seed")) // rapid prefers small numbers
		index := rapid.Uint64Range(1, 1000).Draw(t, "index")
		wantLeader, wantList := naive(seed, roster, index)
		leader, list := NewElectorate(roster).Elect(seed, index)
		require.Equal(t, wantLeader, leader)
		require.Equal(t, wantList, list)
	})
}

func TestOneOperatorDrawsNothingAndTheChecklistIsTheSame(t *testing.T) {
	heartbeats := 0
	for i := range byte(200) {
		seed := sha256.Sum256([]byte{i})
		_, list := NewElectorate([]chain.Operator{{1}}).Elect(seed, 1)
		require.Equal(t, Checklist(seed, 1), list)
		heartbeats += len(list) - 1
	}
	require.Positive(t, heartbeats)
}

// The one case in which the first draw does not decide: it rounds up to 1, and the generator draws again.
func TestADrawThatRoundsUpToOneIsDrawnAgain(t *testing.T) {
	again := 0
	for i := range byte(200) {
		seed := sha256.Sum256([]byte{i})
		require.Equal(t, heartbeat(newRNG(seed)), heartbeatFrom(1<<63-1, seed))
		if heartbeatFrom(1<<63-1, seed) {
			again++
		}
	}
	require.Positive(t, again)
	require.False(t, heartbeatFrom(1<<63-1024, [32]byte{}), "the greatest number that stays below 1")
}

func TestAnElectorateIsKeptUntilTheRosterChanges(t *testing.T) {
	key, err := chain.ParsePublicKey(vectors(t)[0].WalletPublicKey)
	require.NoError(t, err)
	wallet := func(roster ...chain.Operator) chain.Wallet {
		w, err := chain.NewWallet(key, roster)
		require.NoError(t, err)
		return w
	}
	a, b, c := chain.Operator{1}, chain.Operator{2}, chain.Operator{3}
	var kept Electorates
	first := kept.Of(wallet(a, b, a))
	require.ElementsMatch(t, []chain.Operator{a, b}, first.sorted)
	require.Same(t, &first.sorted[0], &kept.Of(wallet(a, b, a)).sorted[0])
	require.ElementsMatch(t, []chain.Operator{a, c}, kept.Of(wallet(a, c, a)).sorted)
	require.ElementsMatch(t, []chain.Operator{a, c}, kept.Of(wallet(a, c)).sorted)
}
