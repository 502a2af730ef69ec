package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net/feed"
)

// keep copies all that the server's database has but how it is steered.
func (s steeredServer) keep() {
	pgtest.Exec(s.t, s.dsn, `CREATE SCHEMA kept`, `DO $$ DECLARE t TEXT; BEGIN
		FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'steering' LOOP
			EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', t, t);
		END LOOP; END $$`)
	s.t.Cleanup(func() { pgtest.Exec(s.t, s.dsn, `DROP SCHEMA kept CASCADE`) })
}

// putBack has the database be as it was kept, on another server.
func (s steeredServer) putBack() {
	pgtest.Exec(s.t, s.dsn, `DO $$ DECLARE t TEXT; BEGIN
		FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'kept' LOOP
			EXECUTE format('DELETE FROM public.%I', t);
			EXECUTE format('INSERT INTO public.%I OVERRIDING SYSTEM VALUE SELECT * FROM kept.%I', t, t);
		END LOOP; END $$`)
	s.set(`history = history + 1`)
	s.pass(time.Minute) // it takes longer than a second
}

// tellingAs opens the store for another process, that tells what it stores.
func (s steeredServer) tellingAs(name string) *Store {
	s.t.Helper()
	w, err := cluster.OpenWatermark(filepath.Join(s.t.TempDir(), "database.seen"))
	require.NoError(s.t, err)
	at := mustRemote(s.t, s.dsn)
	s.steer(at)
	at.remember(w)
	own := openCluster(s.t, at)
	told, err := newTeller(telling(name), quiet)
	require.NoError(s.t, err)
	own.tells(told)
	return own
}

// factsAfter reads all that an origin told after a number, of each series.
func factsAfter(t *testing.T, r Reader, origin string, after uint64) (list []Fact) {
	t.Helper()
	for {
		page, err := r.Facts(t.Context(), origin, after, 1000)
		require.NoError(t, err)
		if len(page) == 0 {
			return list
		}
		for i, f := range page {
			require.Equal(t, page[0].Number+uint64(i), f.Number, "a page has no gap")
			signedFact(t, f)
		}
		list, after = append(list, page...), page[len(page)-1].Number
	}
}

// One copy is put back twice, and once more, and has forgotten of one origin the newest facts and of the other one all. What they tell then
// is numbered by a later series each time.
func TestADatabaseThatWasPutBackNumbersNoFactTwice(t *testing.T) {
	s := steered(t)
	stores := map[cluster.InstanceID]*Store{"a": s.tellingAs("a"), "b": s.tellingAs("b")}
	wallets := map[cluster.InstanceID]chain.WalletID{"a": walletA, "b": walletB}
	digest := byte(0)
	tell := func(by *sibling, n int) {
		for range n {
			digest++
			st := statement(1, digest)
			st.Wallet = wallets[by.seal.Instance]
			require.NoError(t, by.pen.SaveStatement(t.Context(), st))
		}
	}
	join := func(name cluster.InstanceID) *sibling {
		i := newSibling(t, stores[name], name)
		i.take(wallets[name])
		return i
	}
	a, b := join("a"), join("b")
	tell(a, 3)
	s.keep()
	tell(a, 4)
	tell(b, 2)

	signed := map[feed.Origin]feed.Item{}
	last := map[string]uint64{}
	note := func(origin string, list []Fact) {
		for _, f := range list {
			at := feed.Origin{Source: origin, Number: f.Number}
			was, there := signed[at]
			require.True(t, !there || was == f.Item(), "number %d of %s is of two items", f.Number, origin)
			signed[at], last[origin] = f.Item(), max(last[origin], f.Number)
		}
	}
	note("a", factsAfter(t, s.Reader, "a", 0))
	note("b", factsAfter(t, s.Reader, "b", 0))
	require.EqualValues(t, map[string]uint64{"a": 7, "b": 2}, last, "in the first generation they count from 1")
	for range 3 {
		s.putBack()
		require.ErrorIs(t, a.pen.SaveStatement(t.Context(), statement(1, 99)), cluster.ErrFenced, "nothing is told before it is noticed")
		require.NoError(t, a.pen.FinishOpen(t.Context(), 900, coordination.ReasonNodeDown))
		a, b = join("a"), join("b")
		tell(a, 2)
		tell(b, 3)
		for origin, want := range map[string]int{"a": 2, "b": 3} {
			since := factsAfter(t, s.Reader, origin, last[origin])
			require.Len(t, since, want)
			require.True(t, feed.BeginsSeries(since[0].Number))
			note(origin, factsAfter(t, s.Reader, origin, 0))
		}
		kept := factsAfter(t, s.Reader, "a", 0)
		require.Len(t, kept, 5, "what the copy has, and what came since")
	}
	origins, err := s.Origins(t.Context())
	require.NoError(t, err)
	require.Equal(t, last, origins)
	require.NoError(t, stores["a"].CloseSession(t.Context(), a.seal.Holder)) // a restart is none
	tell(join("a"), 1)
	require.Equal(t, last["a"]+1, factsAfter(t, s.Reader, "a", last["a"])[0].Number)
}

// What an archived wallet left open is finished without a wallet's fence, and a window is opened without one: in a database that was put back
// neither is told before that is noticed.
func TestNothingIsToldOfArchivedWalletsBeforeAnotherGenerationIsNoticed(t *testing.T) {
	s := steered(t)
	own := s.tellingAs("a")
	ctx := t.Context()
	a := newSibling(t, own, "a")
	w := testWallet(t, 1, mallory)
	a.take(w.ID())
	require.NoError(t, s.ImportWallet(ctx, w, noon))
	require.NoError(t, own.OpenWindow(ctx, opened(1)))
	_, err := a.pen.Begin(ctx, w.ID(), window(1), 901)
	require.NoError(t, err)
	_, err = s.writes.db.ExecContext(ctx, `UPDATE wallets SET archived = TRUE`)
	require.NoError(t, err)
	s.keep()
	s.putBack()
	require.NoError(t, a.pen.FinishOpen(ctx, 900, coordination.ReasonNodeDown))
	require.NoError(t, a.pen.OpenWindow(ctx, opened(2)))
	list := factsAfter(t, s.Reader, "a", 0)
	require.Len(t, list, 1, "the opening of before")
	a = newSibling(t, own, "a")
	require.NoError(t, a.pen.FinishOpen(ctx, 900, coordination.ReasonNodeDown))
	list = factsAfter(t, s.Reader, "a", list[0].Number)
	require.Len(t, list, 1)
	require.True(t, feed.BeginsSeries(list[0].Number))
}
