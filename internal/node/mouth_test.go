package node

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

// out is a channel that keeps what was sent.
type out struct {
	executor.Channel
	sent [][]byte
}

func (o *out) Publish(_ context.Context, envelope []byte) error {
	o.sent = append(o.sent, envelope)
	return nil
}

// claimed is a journal that reads what the database has.
type claimed struct {
	coordination.Journal
	db *clustertest.DB
}

func (c claimed) Own(ctx context.Context, wallet chain.WalletID, window chain.Height) (coordination.OwnProposal, bool, error) {
	claim, found, err := c.db.FindClaim(ctx, wallet, window)
	return claim.Own, found && claim.Filled(), err
}

// speaking runs a test with a wallet that is served, and a way to make its mouth.
func speaking(t *testing.T, test func(t *testing.T, db *clustertest.DB, c *custody, sent *sentLog, open func() (*mouth, *out))) {
	t.Helper()
	dir := t.TempDir()
	withTenure(t, func(t *testing.T, db *clustertest.DB, tenure *cluster.Tenure) {
		id := chain.WalletID{1}
		require.NoError(t, db.AddWallets(t.Context(), []chain.WalletID{id}))
		_, err := db.Reconcile(t.Context(), tenure.Seal(), nil, 0)
		require.NoError(t, err)
		moved, err := db.Move(t.Context(), tenure.Seal(), []cluster.Move{{Wallet: id, To: tenure.Seal().Holder, Cause: cluster.CauseOrphan}}, time.Minute)
		require.NoError(t, err)
		require.Len(t, moved, 1)
		c := newCustody(newHalts().stopped)
		c.begin(tenure)
		c.hold(cluster.Holdings{Mine: map[chain.WalletID]cluster.Assignment{id: moved[0]}, At: time.Now()})
		log := slog.New(slog.DiscardHandler)
		sent, err := openSentLog(dir+"/"+sentFile, log)
		require.NoError(t, err)
		defer func() { require.NoError(t, sent.close()) }()
		desk, err := cluster.NewDesk(cluster.DeskConfig{
			Claims: db, Journal: sent, Status: func() cluster.Status { return cluster.Status{Healthy: true} },
			Timeout: time.Second, Retry: time.Second, Logger: log,
		})
		require.NoError(t, err)
		test(t, db, c, sent, func() (*mouth, *out) {
			o := &out{}
			return newMouth(id, c, desk, o, claimed{db: db}), o
		})
	})
}

var spoken = coordination.OwnProposal{Payload: []byte("payload"), Envelope: []byte("envelope"), SentAt: 901}

func TestNothingLeavesThatWasNotWrittenDown(t *testing.T) {
	speaking(t, func(t *testing.T, db *clustertest.DB, _ *custody, sent *sentLog, open func() (*mouth, *out)) {
		m, o := open()
		require.ErrorIs(t, m.Publish(t.Context(), spoken.Envelope), errNotWritten)
		own, err := m.SaveOwn(t.Context(), m.wallet, 900, spoken)
		require.NoError(t, err)
		require.Equal(t, spoken, own)
		require.NoError(t, m.Publish(t.Context(), own.Envelope))
		require.Equal(t, [][]byte{spoken.Envelope}, o.sent)
		entries, err := sent.Entries()
		require.NoError(t, err)
		require.Len(t, entries, 1)
		claim, found, err := db.FindClaim(t.Context(), m.wallet, 900)
		require.NoError(t, err)
		require.True(t, found && claim.Filled())
		require.ErrorIs(t, m.Publish(t.Context(), []byte("something else")), errNotWritten)
	})
}

// Whoever comes later says what is stored, and writes down in his own journal that he does.
func TestWhatIsStoredPassesTheDeskBeforeItIsSentAgain(t *testing.T) {
	speaking(t, func(t *testing.T, _ *clustertest.DB, _ *custody, sent *sentLog, open func() (*mouth, *out)) {
		first, _ := open()
		_, err := first.SaveOwn(t.Context(), first.wallet, 900, spoken)
		require.NoError(t, err)

		later, o := open()
		other := coordination.OwnProposal{Payload: []byte("another"), Envelope: []byte("other")}
		own, err := later.SaveOwn(t.Context(), later.wallet, 900, other)
		require.NoError(t, err)
		require.Equal(t, spoken.Envelope, own.Envelope)

		last, o2 := open()
		own, found, err := last.Own(t.Context(), last.wallet, 900)
		require.NoError(t, err)
		require.True(t, found)
		require.NoError(t, last.Publish(t.Context(), own.Envelope))
		require.Empty(t, o.sent)
		require.Equal(t, [][]byte{spoken.Envelope}, o2.sent)
		entries, err := sent.Entries()
		require.NoError(t, err)
		require.Len(t, entries, 3)
	})
}

func TestNothingLeavesOnceTheTermIsOver(t *testing.T) {
	speaking(t, func(t *testing.T, db *clustertest.DB, c *custody, _ *sentLog, open func() (*mouth, *out)) {
		m, o := open()
		_, err := m.SaveOwn(t.Context(), m.wallet, 900, spoken)
		require.NoError(t, err)
		db.SetDown(true)
		time.Sleep(cluster.DefaultTiming().TTL)
		require.ErrorIs(t, m.Publish(t.Context(), spoken.Envelope), chain.ErrNotServed)
		_, err = m.SaveOwn(t.Context(), m.wallet, 1800, spoken)
		require.ErrorIs(t, err, chain.ErrNotServed)
		require.Empty(t, o.sent)
		db.SetDown(false)

		gone, o := open()
		require.Zero(t, gone.term)
		_, _, err = gone.Own(t.Context(), gone.wallet, 900)
		require.NoError(t, err)
		require.ErrorIs(t, gone.Publish(t.Context(), spoken.Envelope), chain.ErrNotServed)
		require.Empty(t, o.sent)
		require.Zero(t, c.Term(m.wallet))
	})
}

// A wallet that comes back is served under another term: what was at work under the first one says nothing any more.
func TestAMouthIsOfOneTermAlone(t *testing.T) {
	speaking(t, func(t *testing.T, _ *clustertest.DB, c *custody, _ *sentLog, open func() (*mouth, *out)) {
		m, o := open()
		_, err := m.SaveOwn(t.Context(), m.wallet, 900, spoken)
		require.NoError(t, err)
		_, a, term, err := c.session(m.wallet)
		require.NoError(t, err)
		c.lapse(m.wallet, term)
		time.Sleep(time.Millisecond)
		c.hold(cluster.Holdings{Mine: map[chain.WalletID]cluster.Assignment{m.wallet: a}, At: time.Now()})
		require.NotZero(t, c.Term(m.wallet))
		require.ErrorIs(t, m.Publish(t.Context(), spoken.Envelope), chain.ErrNotServed)
		require.Empty(t, o.sent)
	})
}
