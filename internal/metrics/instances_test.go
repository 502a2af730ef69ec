package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheFleetIsShownAsItIsAtTheScrape(t *testing.T) {
	n := &node{}
	r := newRecorder(n)
	before := series(t, r)
	require.Equal(t, "0", before["lease_seconds"])
	require.Equal(t, "0", before[`instances{state="dead"}`])

	n.fleet = Fleet{
		Served: 3, Lease: 8500 * time.Millisecond, States: map[string]int{"serving": 2, "dead": 1},
		Unowned: 4, Halted: 5, Bans: 6, Age: 1500 * time.Millisecond, Alarms: 7,
	}
	after := series(t, r)
	for name, want := range map[string]string{
		"wallets_served": "3", "lease_seconds": "8.5", `instances{state="serving"}`: "2", `instances{state="dead"}`: "1",
		`instances{state="idle"}`: "0", "wallets_unowned": "4", "wallets_halted": "5", "bans": "6",
		"shared_age_seconds": "1.5", "alarms_total": "7",
	} {
		require.Equal(t, want, after[name], name)
	}
}

// A node on a database of its own has no lease, and an alert on one would never be silent.
func TestANodeAloneHasNoFleet(t *testing.T) {
	n := &node{}
	found := series(t, New(Sources{Clock: n, Network: n, Node: n}))
	for _, name := range []string{"lease_seconds", "wallets_served", "shared_age_seconds", `instances{state="dead"}`} {
		require.NotContains(t, found, name)
	}
}
