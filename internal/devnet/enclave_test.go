package devnet

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// signedIn returns the transactions that an operator's node has of a wallet, the oldest first.
func signedIn(t *testing.T, dir string, wallet chain.WalletID) []*wire.MsgTx {
	t.Helper()
	r, err := store.OpenReader(t.Context(), "sqlite:"+filepath.Join(dir, "walletnode.db"))
	require.NoError(t, err)
	defer r.Close()
	rows, err := r.Signings(t.Context(), wallet, 1_000_000, 100)
	require.NoError(t, err)
	all := make([]*wire.MsgTx, len(rows))
	for i, s := range rows {
		all[len(rows)-1-i] = new(wire.MsgTx)
		require.NoError(t, all[len(rows)-1-i].Deserialize(bytes.NewReader(s.Signed)))
	}
	return all
}

// The whole way: three operators with two signers each, which are processes of their own, generate a key over the network, and
// with it sign what they agree on in two windows. The judge has verified the signatures; this looks at how they follow from
// each other.
func TestSignersMakeAndUseAWallet(t *testing.T) {
	beside(t)
	r := play(t, Config{Scenario: "calm", Windows: 2, Operators: 3, Wallets: 1, Seats: 5, Enclaves: 2, Seed: 3})
	requireExpected(t, r, 2)
	require.Contains(t, r.notes, "wallet 1: key generation: 3 active")
	require.Len(t, r.intro.Wallets, 1)
	wallet := r.intro.Wallets[0]
	var first []*wire.MsgTx
	for _, o := range r.intro.Operators {
		all := signedIn(t, o.Dir, wallet.ID())
		require.Len(t, all, 2)
		if first == nil {
			first = all
		}
		require.Equal(t, first[0].TxHash(), all[0].TxHash())
		require.Equal(t, first[1].TxHash(), all[1].TxHash())
		require.Equal(t, wire.OutPoint{Hash: first[0].TxHash()}, all[1].TxIn[0].PreviousOutPoint, "window 1's change is what window 2 pays from")
		require.Len(t, all[1].TxOut, 2, "the change, and the one request that is open: those of window 1 are settled")

		reader, err := store.OpenReader(t.Context(), "sqlite:"+filepath.Join(o.Dir, "walletnode.db"))
		require.NoError(t, err)
		placed, err := reader.Assignments(t.Context())
		require.NoError(t, err)
		require.NoError(t, reader.Close())
		require.Len(t, placed, 1)
		require.Equal(t, wallet.ID(), placed[0].Wallet)
		require.Equal(t, placement.Assigned, placed[0].State)
		require.Contains(t, []string{"enclave-1", "enclave-2"}, placed[0].Backend)
	}
	for _, o := range r.intro.Operators {
		for _, id := range []string{"enclave-1", "enclave-2"} {
			said, err := os.ReadFile(filepath.Join(o.Dir, id, "signer.log"))
			require.NoError(t, err)
			require.Contains(t, string(said), "Mailbox is followed", "what leaders proposed came from there, not from the node's word")
			require.FileExists(t, filepath.Join(o.Dir, id, "feed", "signer."+id+".node", "place.json"))
		}
	}
	for i, report := range r.reports {
		for _, row := range report.Rows {
			require.Equal(t, "ok", *row.Outcome)
			require.Equal(t, first[i].TxID(), *row.Transaction)
		}
		require.Contains(t, windowText(report), "signed transaction "+first[i].TxID()[:10])
	}
}

// The wallets that the network's Bridge knows today, 2 of 3: their operators generate a key of ECDSA over the network, redeem with it
// and then show by a heartbeat that they can sign. That what is signed is P2WPKH's, and the Bridge's heartbeat, the judge has verified.
func TestSignersMakeAndUseACMPWallet(t *testing.T) {
	beside(t)
	if testing.Short() || bubble.Watched {
		t.Skip("CMP takes half a minute of a processor; run without -short and -race")
	}
	for scenario, kind := range map[string]proposal.Kind{"calm": proposal.KindRedemption, "heartbeats": proposal.KindHeartbeat} {
		r := play(t, Config{Scenario: scenario, Windows: 1, Operators: 3, Wallets: 1, Seats: 3, Enclaves: 1, Seed: 3, Scheme: signer.CMP})
		requireExpected(t, r, 1)
		require.Len(t, r.reports[0].Rows, 3)
		for _, row := range r.reports[0].Rows {
			require.Equal(t, []string{kind.String(), "ok"}, []string{*row.Action, *row.Outcome})
		}
		if kind != proposal.KindRedemption {
			continue
		}
		for _, o := range r.intro.Operators {
			all := signedIn(t, o.Dir, r.intro.Wallets[0].ID())
			require.Len(t, all, 1)
			key := r.intro.Wallets[0].Key()
			require.Len(t, all[0].TxIn[0].Witness, 2, "an ECDSA signature, and the key")
			require.Equal(t, key[1:33], all[0].TxIn[0].Witness[1][1:])
		}
	}
}

// A node that is down for a whole window learns neither what was agreed nor what was signed. In the next one it has to pay from a
// change that it has never heard of, which the others give it; nobody puts it into its directory of transactions.
func TestANodeThatMissedAWholeWindowSignsTheNext(t *testing.T) {
	beside(t)
	var absent chain.Operator
	r := play(t, Config{
		Scenario: "calm", Windows: 2, Operators: 3, Wallets: 1, Seats: 5, Enclaves: 1, Seed: 4, // of which 2, 1 and 2 seats
		plan: func(s stage) plan {
			if s.window.Index > 1 {
				return plan{}
			}
			absent = s.others(s.leaders())[0]
			return plan{down: []chain.Operator{absent}}
		},
	})
	requireExpected(t, r, 2)
	wallet := r.intro.Wallets[0]
	var whole, lacks []*wire.MsgTx
	for _, o := range r.intro.Operators {
		all := signedIn(t, o.Dir, wallet.ID())
		if o.Operator != absent {
			require.Len(t, all, 2)
			whole = all
			continue
		}
		lacks = all
		known, err := os.ReadDir(filepath.Join(o.Dir, transactionsName))
		require.NoError(t, err)
		require.Len(t, known, 1, "what funded the wallet, and no more")
	}
	require.Len(t, lacks, 1)
	require.Equal(t, whole[1].TxHash(), lacks[0].TxHash())
	require.Equal(t, whole[0].TxHash(), lacks[0].TxIn[0].PreviousOutPoint.Hash)
}

func TestTheBlockTimeIsPutIntoASignersSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "signer.toml")
	require.NoError(t, os.WriteFile(file, []byte("listen = \"127.0.0.1:1\"\nblock_time = \"12s\"\n[feed]\nmode = \"off\"\n"), 0o600))
	require.NoError(t, setBlockTime(file, 100*time.Microsecond))
	s, _, err := daemon.ReadSettings(file)
	require.NoError(t, err)
	require.EqualValues(t, 100*time.Microsecond, s.BlockTime)
	require.ErrorContains(t, setBlockTime(file, time.Second), "do not have one line")
}

func TestEnclavesAreForCalmNetworksOfSharedKeys(t *testing.T) {
	ok := Config{
		Operators: 5, Wallets: 1, Seats: 5, BlockTime: blockTime, Scenario: "calm", Dir: t.TempDir(), Screen: &recording{}, Enclaves: 4,
	}
	require.NoError(t, ok.Validate())
	for want, change := range map[string]func(*Config){
		"enclaves: 5 is not within 0 and 4":           func(c *Config) { c.Enclaves = 5 },
		"enclaves: -1 is not within 0 and 4":          func(c *Config) { c.Enclaves = -1 },
		"enclaves: wallets of 1 seats":                func(c *Config) { c.Operators, c.Seats = 1, 1 },
		"enclaves: it takes a second operator":        func(c *Config) { c.Operators, c.Instances = 1, 2 },
		"enclaves: scenario reorg is played without":  func(c *Config) { c.Scenario = "reorg" },
		"enclaves: scenario impostor is played witho": func(c *Config) { c.Scenario = "impostor" },
		"enclaves: a scheme is for signers":           func(c *Config) { c.Enclaves, c.Scheme = 0, signer.CMP },
		"enclaves: scheme: there is no":               func(c *Config) { c.Scheme = "rsa" },
		"cmp have at most 5 seats here, not 6":        func(c *Config) { c.Scheme, c.Seats = signer.CMP, 6 },
		"enclaves: scenario signer-cheats is about":   func(c *Config) { c.Scheme, c.Scenario = signer.CMP, "signer-cheats" },
	} {
		bad := ok
		change(&bad)
		require.ErrorContains(t, bad.Validate(), want)
	}
}
