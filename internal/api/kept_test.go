package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// failing is records whose database may be away.
type failing struct {
	Records
	err error
}

func (f *failing) Windows(ctx context.Context, filter store.WindowFilter) (view.Windows, error) {
	if f.err != nil {
		return view.Windows{}, f.err
	}
	return f.Records.Windows(ctx, filter)
}

func (f *failing) Faults(ctx context.Context, filter faults.Filter) (view.Faults, error) {
	if f.err != nil {
		return view.Faults{}, f.err
	}
	return f.Records.Faults(ctx, filter)
}

func (f *failing) Wallets(ctx context.Context) (view.Wallets, error) {
	if f.err != nil {
		return view.Wallets{}, f.err
	}
	return f.Records.Wallets(ctx)
}

// What was answered before is answered while the database is away, marked with its age; what was never asked is not known.
func TestTheLastAnswersAreGivenWhileTheDatabaseIsAway(t *testing.T) {
	w := newWorld(t)
	records := &failing{Records: w.Records}
	w.Records = records
	before := map[string]string{}
	for _, target := range []string{"/v1/windows?limit=1&from=900", "/v1/faults", "/v1/wallets"} {
		answer := w.send(t, http.MethodGet, target, "")
		require.Equal(t, http.StatusOK, answer.Code, target)
		require.Empty(t, answer.Header().Get(staleHeader), "it is of now")
		before[target] = answer.Body.String()
	}
	for _, gone := range []error{store.ErrUnreachable, store.ErrNoAnswer, store.ErrRefused} {
		records.err = fmt.Errorf("read windows: %w", gone)
		for target, want := range before {
			answer := w.send(t, http.MethodGet, target, "")
			require.Equal(t, http.StatusOK, answer.Code, target)
			require.Equal(t, want, answer.Body.String(), target)
			age, stale := staleness(answer.Header())
			require.True(t, stale)
			require.GreaterOrEqual(t, age, time.Duration(0))
		}
		require.Equal(t, http.StatusOK, w.send(t, http.MethodGet, "/v1/windows?from=900&limit=1", "").Code, "the same question")
		require.Equal(t, codeStoreAway, w.problem(t, http.StatusServiceUnavailable, "/v1/windows").Error.Code, "another question")
	}
	told := 0
	c := w.client(t)
	c.Stale = func(time.Duration) { told++ }
	list, err := c.Wallets(t.Context())
	require.NoError(t, err)
	require.Len(t, list.Wallets, 1)
	require.Equal(t, 1, told)

	records.err = store.ErrCorrupt
	require.Equal(t, "failed", w.problem(t, http.StatusInternalServerError, "/v1/faults").Error.Code, "what is broken is not hidden")
	records.err = nil
	_, err = c.Wallets(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, told, "it is back")
}

// A node with a database of its own keeps nothing: such a database is never away.
func TestNothingIsKeptOfADatabaseOfTheNodesOwn(t *testing.T) {
	w := newWorld(t)
	w.cluster.alone = true
	records := &failing{Records: w.Records}
	w.Records = records
	require.Equal(t, http.StatusOK, w.send(t, http.MethodGet, "/v1/wallets", "").Code)
	records.err = store.ErrNoAnswer
	require.Equal(t, codeStoreAway, w.problem(t, http.StatusServiceUnavailable, "/v1/wallets").Error.Code)
}

// Bans and stopped wallets are in memory at every moment, so that they are told also to who asks for the first time.
func TestBansAndHaltsFromMemoryAreMarked(t *testing.T) {
	w := newWorld(t)
	w.cluster.bans = []shared.Ban{{Operator: w.live.wallet.Roster()[0]}}
	w.cluster.age = 90*time.Second + time.Millisecond
	for _, target := range []string{"/v1/bans", "/v1/halts"} {
		answer := w.send(t, http.MethodGet, target, "")
		require.Equal(t, http.StatusOK, answer.Code)
		require.Equal(t, "90", answer.Header().Get(staleHeader))
	}
	w.cluster.err = store.ErrUnreachable
	require.Equal(t, codeStoreAway, w.problem(t, http.StatusServiceUnavailable, "/v1/bans").Error.Code, "an old answer is not kept as a new one")
}

func TestTheMemoryOfAnswersHasBounds(t *testing.T) {
	var m memory
	answer := func(question string, size int) known {
		return known{question: question, document: []byte(strings.Repeat("x", size))}
	}
	for i := range maxKept {
		m.keep(answer(fmt.Sprint(i), 1))
	}
	_, ok := m.recall("0")
	require.True(t, ok)
	m.keep(answer("one more", 1))
	_, ok = m.recall("0")
	require.True(t, ok, "it was asked for a moment ago")
	_, ok = m.recall("1")
	require.False(t, ok, "nobody has asked for it for the longest time")
	require.Len(t, m.known, maxKept)

	m.keep(answer("large", maxKeptBytes-len("large")))
	require.Len(t, m.known, 1)
	m.keep(answer("0", 2))
	require.Len(t, m.known, 1)
	require.Equal(t, 3, m.bytes)
	m.keep(answer("0", maxKeptBytes+1))
	require.Empty(t, m.known, "what is kept in place of a newer answer would be taken for it")
	require.Zero(t, m.bytes)
}
