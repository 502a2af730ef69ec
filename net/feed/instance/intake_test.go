package instance

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

type keysOf struct {
	Ledger
	keys feed.Keyring
}

func (k keysOf) Keys(context.Context) (feed.Keyring, error) { return k.keys, nil }

// An instance's machine is replaced: it keeps its name and has a new key. Not all had taken in what it told with the old one.
func TestWhatAnInstanceToldWithItsEarlierKeyIsTakenIn(t *testing.T) {
	key := func(n byte) feed.Signer {
		s, err := feed.NewSigner("a", ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), n)))
		require.NoError(t, err)
		return s
	}
	was, is, foreign := key(1), key(2), key(3)
	fact := func(n uint64, by feed.Signer) Fact {
		f := Fact{Origin: "a", Number: n, Wallet: chain.WalletID{1}, Kind: feed.KindResult, Payload: []byte{byte(n)}}
		items := []feed.Item{feed.NewItem("a", n, f.Wallet, f.Kind, f.Payload)}
		f.Witness = feed.Witnesses(items, by.SignItems(items))[0]
		return f
	}
	for name, known := range map[string][]feed.Key{"both": feed.Keys(was.Public(), is.Public()), "the new one alone": feed.Keys(is.Public())} {
		in := intake{
			Instance: &Instance{
				cfg: Config{Ledger: keysOf{keys: feed.Keyring{"a": known}}, Logger: slog.New(slog.DiscardHandler)}, name: "b",
			},
			refused: map[string]uint64{},
		}
		good, err := in.verify(t.Context(), "a", []Fact{fact(7, was), fact(8, is), fact(9, foreign), fact(10, is)})
		require.NoError(t, err)
		if len(known) == 1 {
			require.Empty(t, good, name)
			require.EqualValues(t, 7, in.refused["a"])
			continue
		}
		require.Len(t, good, 2, "up to what is signed with no key of its: %s", name)
		require.EqualValues(t, 9, in.refused["a"])
	}
}
