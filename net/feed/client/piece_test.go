package client

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// few is how many entries come in a piece here.
const few = 50

// small asks for few entries at a time, and ten times as many at most.
func small(t *testing.T, to http.Handler) *Peer {
	p := peer(t, to)
	require.Equal(t, pieceEntries, p.piece)
	p.piece, p.most = few, 10*few
	return p
}

// long is an archive of one epoch with so many entries, some with what their origin signed.
func long(t *testing.T, w *world, n int) Archive {
	s := w.follow("", nil)
	w.submit(1)
	w.at(2 * window)
	s.end()
	x := s.Export()
	k := &x.Epochs[0]
	e := k.Entries[0]
	by, err := feed.NewSigner("node", instanceKey("node"))
	require.NoError(t, err)
	witness := feed.Witness{Origin: feed.Origin{Source: "node", Number: 1}, Count: 1, Signature: by.SignItems([]feed.Item{e.Record.Item})}
	k.Entries, k.Witnesses = nil, nil
	for i := range n {
		e.Number = feed.Number(i + 1)
		k.Entries, k.Witnesses = append(k.Entries, e), append(k.Witnesses, nil)
		if i%(few*3/2) == 0 {
			k.Witnesses[i] = &witness
		}
	}
	return ArchiveOf("", x)
}

// An epoch of any length is fetched, piece by piece, and is the same as where it is kept.
func TestALongEpochIsFetchedInPieces(t *testing.T) {
	for n, asks := range map[int]int{1: 1, few - 1: 1, few: 2, 2*few + 7: 3} {
		played(t, func(t *testing.T, w *world) {
			kept, asked := long(t, w, n), 0
			d := &desk{archive: func() Archive { asked++; return kept }, busy: make(chan struct{}, 1), piece: few}
			x, err := small(t, d).Epoch(t.Context(), "alpha", 1)
			require.NoError(t, err)
			require.Equal(t, asks, asked)
			require.Len(t, x.Epochs[0].Entries, n)
			require.Equal(t, kept.Stays[0].Kept[0].Witnesses, x.Epochs[0].Witnesses)
			require.Equal(t, feed.Export{Instance: "alpha", Mailbox: "a", Epochs: kept.Stays[0].Kept}.Encode(), x.Encode())
		})
	}
}

// A subscriber that goes on for ever, or tells something else with each piece, is bounded.
func TestPiecesWithoutAnEndAreBounded(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		kept, asked := long(t, w, few), 0
		other := func(change func(*feed.Export)) http.Handler {
			return http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
				x, err := kept.Epoch(context.Background(), "alpha", 1)
				require.NoError(t, err)
				k := x.Epochs[0]
				k.Entries = append([]feed.Entry(nil), k.Entries...)
				for i := range k.Entries {
					k.Entries[i].Number += feed.Number(asked * few)
				}
				x.Epochs = []feed.Kept{k}
				if asked++; asked > 1 {
					change(&x)
				}
				_, _ = answer.Write(x.Encode())
			})
		}
		_, err := small(t, other(func(*feed.Export) {})).Epoch(t.Context(), "alpha", 1)
		require.ErrorIs(t, err, feed.ErrMalformed)
		require.LessOrEqual(t, asked, 11)
		for name, change := range map[string]func(*feed.Export){
			"the same again":   func(x *feed.Export) { x.Epochs[0].Entries[0].Number = 1 },
			"another mailbox":  func(x *feed.Export) { x.Mailbox = "c" },
			"another instance": func(x *feed.Export) { x.Instance = "beta" },
			"nothing more":     func(x *feed.Export) { x.Epochs[0].Entries, x.Epochs[0].Witnesses = nil, nil },
			"another seal": func(x *feed.Export) {
				seal := *x.Epochs[0].Seal
				seal.Count++
				x.Epochs[0].Seal = &seal
			},
		} {
			asked = 0
			x, err := small(t, other(change)).Epoch(t.Context(), "alpha", 1)
			require.NoError(t, err, name)
			require.Len(t, x.Epochs[0].Entries, few, name)
			require.Equal(t, 2, asked, name)
		}
		asked = 0
		_, err = small(t, other(func(x *feed.Export) { x.Epochs = nil })).Epoch(t.Context(), "alpha", 1)
		require.ErrorIs(t, err, feed.ErrMalformed)
	})
}
