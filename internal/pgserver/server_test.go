package pgserver

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// made makes a server, and ends it with the test.
func made(t *testing.T, how func() (*Server, error)) *Server {
	t.Helper()
	s, err := how()
	if errors.Is(err, ErrNotInstalled) && os.Getenv("WALLETNODE_REQUIRE_TOOLS") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoDirExists(t, s.dir)
	})
	return s
}

// rows counts those of the table that the tests write to.
func rows(t *testing.T, s *Server) (n int) {
	t.Helper()
	require.NoError(t, ask(s.URL("postgres"), `SELECT COUNT(*) FROM things`, &n))
	return n
}

func add(t *testing.T, s *Server) {
	t.Helper()
	require.NoError(t, Execute(s.URL("postgres"), `CREATE TABLE IF NOT EXISTS things (n int)`, `INSERT INTO things VALUES (1)`))
}

func TestAServerKeepsItsFilesWhileItIsDown(t *testing.T) {
	s := made(t, New)
	add(t, s)
	require.Error(t, s.Up(), "it runs")
	require.FileExists(t, s.Socket())

	require.NoError(t, s.Down())
	require.NoError(t, s.Down())
	require.Error(t, Execute(s.URL("postgres")))
	require.NoError(t, s.Up())
	require.Equal(t, 1, rows(t, s))

	add(t, s)
	require.NoError(t, s.Crash())
	require.NoError(t, s.Up())
	require.Equal(t, 2, rows(t, s), "what was committed is there after a crash")
}

func TestFilesOfAnEarlierTimeComeBack(t *testing.T) {
	s := made(t, New)
	require.Error(t, s.Keep(), "it runs")
	add(t, s)
	require.NoError(t, s.Down())
	require.Error(t, s.Restore(), "nothing was kept")
	require.NoError(t, s.Keep())
	require.NoError(t, s.Up())
	add(t, s)
	require.Error(t, s.Restore(), "it runs")
	for range 2 { // the copy may be used again
		require.NoError(t, s.Down())
		require.NoError(t, s.Restore())
		require.NoError(t, s.Up())
		require.Equal(t, 1, rows(t, s))
	}
}

func TestAPromotedStandbyLacksWhatItNeverReceived(t *testing.T) {
	primary := made(t, New)
	add(t, primary)
	standby := made(t, primary.Standby)
	require.NoError(t, standby.Await(primary))
	require.Equal(t, 1, rows(t, standby))
	require.Error(t, Execute(standby.URL("postgres"), `INSERT INTO things VALUES (1)`), "it follows")

	require.NoError(t, standby.Down())
	add(t, primary)
	require.NoError(t, primary.Crash())
	require.NoError(t, standby.Up())
	require.NoError(t, standby.Promote())
	require.Equal(t, 1, rows(t, standby))
	add(t, standby)
	var timeline string
	require.NoError(t, ask(standby.URL("postgres"), `SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)`, &timeline))
	require.Equal(t, "00000002", timeline)
}
