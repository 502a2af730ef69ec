package devnet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/config"
)

// A guest that never comes makes a leader who is silent, or nobody notices; either way the others are judged as if it
// were not there.
func TestTheJudgeDoesNotAnswerForGuests(t *testing.T) {
	guests := []chain.Operator{{1}, {2}}
	dir := t.TempDir()
	r := &recording{}
	cfg := Config{
		Operators: 3, Wallets: 1, Seats: 4, BlockTime: blockTime, FastIdle: true, Windows: 1, Scenario: "idle-leader", Seed: 3,
		Guests: guests, Dir: dir, Screen: r, Program: []string{"/nonexistent"},
	}
	sum, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.True(t, sum.Expected, "%q", sum.Differences)
	require.Equal(t, 3*2, sum.Results, "what was recorded of the guests' wallet is shown")

	file, err := os.Open(filepath.Join(dir, guestManifest))
	require.NoError(t, err)
	defer file.Close()
	wallet, err := coordination.ParseManifest(file)
	require.NoError(t, err)
	require.Equal(t, 5, wallet.Seats())
	for _, guest := range guests {
		require.True(t, wallet.Holds(guest))
	}
	shown := false
	for _, row := range r.reports[0].Rows {
		shown = shown || row.Wallet == wallet.ID()
	}
	require.True(t, shown)

	settings, err := os.ReadFile(filepath.Join(dir, guestSettings))
	require.NoError(t, err)
	environment := append(strings.Split(strings.TrimSpace(string(settings)), "\n")[1:], config.Variable("operator.key_file")+"=key.json")
	read, err := config.Load("", environment, nil)
	require.NoError(t, err, "with a key they are a whole configuration")
	require.Len(t, read.Network.Peers, 3)
	require.EqualValues(t, 1337, read.Ethereum.ChainID)
	require.Zero(t, read.Ethereum.MaxHeaderAge)
}

func TestGuestsAreOthers(t *testing.T) {
	cfg := Config{
		Operators: 2, Wallets: 1, Seats: 2, BlockTime: blockTime, Windows: 1, Scenario: "calm", Seed: 3,
		Guests: []chain.Operator{{1}, {1}}, Dir: t.TempDir(), Screen: &recording{},
	}
	require.ErrorContains(t, cfg.Validate(), "is nobody, or named twice")
	cfg.Guests = []chain.Operator{{}}
	require.ErrorContains(t, cfg.Validate(), "is nobody, or named twice")
	cfg.Guests = make([]chain.Operator, maxOperators-1)
	require.ErrorContains(t, cfg.Validate(), "2 operators and 49 guests are more than 50")

	cfg.Guests = []chain.Operator{{2}}
	d := devnet{cfg: cfg, lot: drawLot(cfg.Seed)}
	require.ErrorContains(t, d.invite([]chain.Operator{{1}, {2}}), "an operator of the devnet's own has this address")
	require.NoError(t, d.invite([]chain.Operator{{1}, {3}}))
}

func TestTheDevnetSaysHowAGuestsNodeIsStarted(t *testing.T) {
	wallet, err := makeWallet(drawLot(1), 0, 3, []chain.Operator{{1}, {2}})
	require.NoError(t, err)
	text := intro(Intro{Dir: "/net", Operators: []Member{{Operator: chain.Operator{2}, Dir: "/net/operator-1"}}, Guests: []Guest{{chain.Operator{1}, wallet}}})
	for _, line := range []string{
		"  set -a; . /net/guest.env; set +a\n", "  walletnode check all\n", "  walletnode wallets import /net/wallet-guest.json\n", "  walletnode start\n",
	} {
		require.Contains(t, text, line)
	}
}
