package store

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
)

// FuzzStored feeds what a damaged row can hold to everything that decodes one: an error or a value, never a panic.
func FuzzStored(f *testing.F) {
	_, message := encodeProposal(walletA, 900, proposal.Heartbeat{})
	observer, err := json.Marshal(faults.Observer{Peers: 3})
	require.NoError(f, err)
	wallet := testWallet(f, 1, mallory)
	for _, seed := range [][]byte{nil, {0}, message, observer, encodeRoster(wallet.Roster()), []byte(`{"peers":1e99}`)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		if p, err := decodeProposal(walletA, 900, stored); err == nil && p != nil {
			_, again := encodeProposal(walletA, 900, p)
			same, err := decodeProposal(walletA, 900, again)
			require.NoError(t, err)
			require.Equal(t, p, same)
		} else if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
		}
		if _, err := decodeObserver(stored); err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
		}
		if w, err := decodeWallet(wallet.ID(), wallet.Key(), stored); err == nil {
			require.Equal(t, stored, encodeRoster(w.Roster()))
		}
		var id chain.WalletID
		if err := fixed(id[:]).Scan(stored); err == nil {
			require.Contains(t, []int{0, len(id)}, len(stored))
		}
		require.LessOrEqual(t, len(text(string(stored))), maxText)
	})
}

func TestADamagedRowIsAnErrorNotAPanic(t *testing.T) {
	for name, row := range map[string]struct {
		damage string
		read   func(s *Store) error
	}{
		"proposal":         {`UPDATE results SET proposal = x'ff'`, readWindows},
		"foreign proposal": {`UPDATE results SET block = 1800`, readWindows},
		"leader":           {`UPDATE results SET leader = x'01'`, readWindows},
		"height":           {`UPDATE results SET opened_at = -1`, readWindows},
		"number":           {`UPDATE results SET opened_at = 'x'`, readWindows},
		"seed":             {`UPDATE results SET seed = 7`, readDetail},
		"time":             {`UPDATE results SET recorded_time = 'x'`, readDetail},
		"observer":         {`UPDATE faults SET observer = '{"peers":"many"}'`, readDetail},
		"kind":             {`UPDATE faults SET kind = 'unheard'`, readFaults},
		"action":           {`UPDATE actions SET proposal = x''`, readActions},
		"statement":        {`UPDATE statements SET arrived_at = -5`, readDetail},
		"hash":             {`UPDATE windows SET hash = x'0102'`, readLastWindow},
		"roster":           {`UPDATE wallets SET roster = x'0102'`, readAllWallets},
		"no seats":         {`UPDATE wallets SET roster = x''`, readAllWallets},
	} {
		t.Run(name, func(t *testing.T) {
			s := openAt(t, t.TempDir(), Retention{})
			require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
			require.NoError(t, s.SaveStatement(t.Context(), statement(1, 1)))
			require.NoError(t, s.ImportWallet(t.Context(), testWallet(t, 1, mallory), noon))
			r := agreed(walletA, 1)
			r.Faults = []faults.Fault{fault(walletA, 1, faults.LeaderMistake, mallory)}
			record(t, s, r)
			require.NoError(t, row.read(s))
			_, err := s.writes.db.ExecContext(t.Context(), row.damage)
			require.NoError(t, err)
			require.ErrorIs(t, row.read(s), ErrCorrupt)
		})
	}
}

func TestAReasonOfALaterVersionIsShown(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	record(t, s, silent(walletA, 1))
	_, err := s.writes.db.ExecContext(t.Context(), `UPDATE results SET reason = 'of_tomorrow'`)
	require.NoError(t, err)
	rows, err := s.Windows(t.Context(), WindowFilter{})
	require.NoError(t, err)
	require.Equal(t, coordination.Reason("of_tomorrow"), rows[0].Reason)
}

func readWindows(s *Store) error {
	_, err := s.Windows(context.Background(), WindowFilter{})
	return err
}

func readDetail(s *Store) error {
	_, err := s.WindowDetail(context.Background(), 900)
	return err
}

func readFaults(s *Store) error {
	_, err := s.Faults(context.Background(), faults.Filter{})
	return err
}

func readActions(s *Store) error {
	_, err := s.PendingActions(context.Background())
	return err
}

func readLastWindow(s *Store) error {
	_, err := s.LastWindow(context.Background())
	return err
}

func readAllWallets(s *Store) error {
	_, err := s.AllWallets(context.Background())
	return err
}
