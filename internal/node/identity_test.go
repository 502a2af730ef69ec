package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
)

// witness is a chain that says which one it is, or that it does not know.
type witness struct {
	Chain     // asked for nothing else
	id        uint64
	genesis   chain.Hash
	unsure    error // of the first block
	unsureID  error
	wasClosed *bool
}

func (w witness) ChainID(context.Context) (uint64, error)     { return w.id, w.unsureID }
func (w witness) Genesis(context.Context) (chain.Hash, error) { return w.genesis, w.unsure }
func (w witness) Close()                                      { *w.wasClosed = true }

// nowhere is a network that is never run.
type nowhere struct{ Network }

func (nowhere) Close() error { return nil }

// birth assembles a node on a data directory, ends it, and returns what it tells peers of its chain.
func birth(t *testing.T, dir string, w witness) (params [32]byte, err error) {
	t.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	closed := false
	w.wasClosed = &closed
	n, err := Assemble(t.Context(), Config{
		Operator: keys.Operator{Key: key}, Freshness: chain.Freshness{MaxSilence: time.Minute}, BlockTime: time.Second, FeeRate: 1,
		Store:  store.Config{DSN: dir},
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: w, Network: func(cfg net.Config, _ net.Deps) (Network, error) {
		params = cfg.Params
		return nowhere{}, nil
	}})
	if err == nil {
		require.NoError(t, n.Close())
	}
	require.True(t, closed)
	return params, err
}

var (
	errUnsure = fmt.Errorf("%w: 1 of 3 vote groups agree on block 0, needed are 2", chain.ErrNoQuorum)
	told      = witness{id: 5, genesis: chain.Hash{9}}
)

func TestANewStoreIsNotBoundWithoutAQuorum(t *testing.T) {
	for name, w := range map[string]witness{
		"its first block":         {id: 5, unsure: errUnsure},
		"one endpoint's word":     {id: 5, genesis: chain.Hash{8}, unsure: errUnsure}, // said beside the error, and not listened to
		"not even the chain's ID": {unsureID: errUnsure},
	} {
		dir := t.TempDir()
		_, err := birth(t, dir, w)
		require.ErrorIs(t, err, ErrUnvouched, name)
		require.ErrorIs(t, err, chain.ErrNoQuorum, name)
		require.ErrorContains(t, err, "1 of 3 vote groups agree", name)
		_, _, err = store.BoundTo(t.Context(), dir)
		require.ErrorIs(t, err, store.ErrNotFound, name)
		_, err = birth(t, dir, told)
		require.NoError(t, err, "%s: once the endpoints agree it starts", name)
	}
}

func TestAnExistingStoreKnowsItsChainWhereTheEndpointsDoNotAgree(t *testing.T) {
	dir := t.TempDir()
	first, err := birth(t, dir, told)
	require.NoError(t, err)
	for name, w := range map[string]witness{
		"its first block":         {id: 5, unsure: errUnsure},
		"one endpoint's word":     {id: 5, genesis: chain.Hash{8}, unsure: errUnsure},
		"not even the chain's ID": {unsureID: errUnsure},
	} {
		again, err := birth(t, dir, w)
		require.NoError(t, err, name)
		require.Equal(t, first, again, "%s: it is the same chain to its peers", name)
	}
}

func TestAnExistingStoreBelievesAnAgreedChainOverItsOwn(t *testing.T) {
	dir := t.TempDir()
	_, err := birth(t, dir, told)
	require.NoError(t, err)
	for name, w := range map[string]witness{
		"another first block":                 {id: 5, genesis: chain.Hash{8}},
		"another chain":                       {id: 6, genesis: chain.Hash{9}},
		"another configured chain, no quorum": {id: 6, unsure: errUnsure},
	} {
		_, err := birth(t, dir, w)
		require.ErrorIs(t, err, store.ErrWrongChain, name)
	}
	away := errors.New("connection refused")
	_, err = birth(t, dir, witness{id: 5, unsure: away})
	require.ErrorIs(t, err, away, "one endpoint alone, which does not answer, is as before")
}
