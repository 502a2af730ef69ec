package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("STORE_TEST_ROLE"); role != "" {
		helperMain(role, os.Getenv("STORE_TEST_DIR"))
	}
	os.Exit(pgtest.Run(m))
}

// helperMain is what the other process does: it opens the store, says so, and then holds it, or writes until it is killed.
func helperMain(role, dsn string) {
	s, err := openBriefly(context.Background(), dsn)
	if err == nil && role == "tell" {
		var t *teller
		t, err = newTeller(telling("node"), quiet)
		s.tells(t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	if role == "hold" {
		select {}
	}
	for n := uint64(1); ; n++ {
		writeWindow(s, n)
	}
}

// openBriefly opens a store as a node does.
func openBriefly(ctx context.Context, dsn string) (*Store, error) {
	at, err := parsePlace(dsn)
	if err != nil {
		return nil, err
	}
	return openLocked(ctx, at, binding{strconv.Itoa(testChain), genesis.String()}, quiet)
}

// walletsPerWindow is how many wallets the writing process has; they write at once, so commits are shared.
const walletsPerWindow = 8

// writeWindow does what a node does in a window and prints "window wallet won" for each acknowledged result.
func writeWindow(s *Store, n uint64) {
	ctx := context.Background()
	last, err := s.LastWindow(ctx)
	check(err)
	if last.Block < window(n).Block {
		check(s.OpenWindow(ctx, opened(n)))
	}
	done := make(chan string)
	for i := range walletsPerWindow {
		go func() {
			wallet := chain.WalletID{byte(i)}
			progress, err := s.Begin(ctx, wallet, window(n), window(n).Block)
			check(err)
			if progress.Finished {
				done <- ""
				return
			}
			r := agreed(wallet, n)
			r.Faults = []faults.Fault{fault(wallet, n, faults.LeaderMistake, mallory)}
			won, err := s.RecordResult(ctx, r)
			check(err)
			done <- fmt.Sprintf("%d %d %t\n", n, i, won)
		}()
	}
	for range walletsPerWindow {
		fmt.Print(<-done)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (h *helper) pid() string { return strconv.Itoa(h.cmd.Process.Pid) }

// kill ends the process as kill -9 does; SIGKILL gives it no chance to tidy up.
func (h *helper) kill() {
	_ = h.cmd.Process.Kill() // it may have ended already
	_ = h.cmd.Wait()
}

// TestR1KillLosesNoResultAndRepeatsNone kills a writing process at random points. After each kill the store is whole, holds every
// result that was acknowledged, each once and each with its fault and action, and the next process goes on from there.
func TestR1KillLosesNoResultAndRepeatsNone(t *testing.T) {
	t.Parallel()
	t.Run("a file", func(t *testing.T) { killed(t, t.TempDir(), 25) })
	t.Run("a server", func(t *testing.T) { killed(t, pgtest.Database(t), 8) })
}

func killed(t *testing.T, dsn string, kills int) {
	t.Helper()
	acknowledged := make(map[[2]int]bool)
	for life := range kills {
		h := startHelper(t, "write", dsn)
		// The moment of the kill is what is random here: in some lives from before the file exists on, in the others, which
		// see to it that there is something to lose, from the first result on. A machine may take longer to start a process
		// than any such moment.
		timer := time.AfterFunc(time.Hour, func() { _ = h.cmd.Process.Kill() })
		soon := func() { timer.Reset(time.Duration(rand.Int64N(int64(200 * time.Millisecond)))) }
		armed := life%2 == 0 && !Shared(dsn)
		if armed {
			soon()
		}
		for h.out.Scan() {
			var n, i int
			var won bool
			if _, err := fmt.Sscanf(h.out.Text(), "%d %d %t", &n, &i, &won); err != nil {
				continue // "ready", or the line that the kill cut off
			}
			require.True(t, won, "a finished window is not run again")
			require.False(t, acknowledged[[2]int{n, i}], "nothing is acknowledged twice")
			acknowledged[[2]int{n, i}] = true
			if !armed {
				armed = true
				soon()
			}
		}
		timer.Stop()
		h.kill()
		verifyAfterCrash(t, dsn, acknowledged)
	}
	require.NotEmpty(t, acknowledged, "the process got to write")
	t.Logf("%d results acknowledged in %d lives", len(acknowledged), kills)
}

func verifyAfterCrash(t *testing.T, dsn string, acknowledged map[[2]int]bool) {
	t.Helper()
	s, err := openBriefly(t.Context(), dsn)
	require.NoError(t, err)
	if !Shared(dsn) {
		var verdict string
		require.NoError(t, s.db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
		require.Equal(t, "ok", verdict)
	}
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	finished := 0
	for _, row := range rows {
		if row.Open {
			continue
		}
		finished++
		require.Equal(t, coordination.ReasonOK, row.Reason)
		require.Equal(t, 1, row.Faults, "a result is never without its fault")
	}
	require.Len(t, pending, finished, "a result is never without its action")
	stored := make(map[[2]int]bool, len(rows))
	for _, row := range rows {
		stored[[2]int{int(row.Block / 900), int(row.Wallet[0])}] = !row.Open //nolint:gosec // small
	}
	for key := range acknowledged {
		require.True(t, stored[key], "window %d wallet %d was acknowledged", key[0], key[1])
	}
	require.NoError(t, s.Close())
}
