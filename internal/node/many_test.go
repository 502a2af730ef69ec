package node

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// A leader that dies in its window is succeeded, and the successor says the very same.
func TestAWindowOfAnInstanceThatDiedIsBroughtToItsEndByAnother(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	f.pass(902, a)
	w := f.wallets[0]
	var heard []net.Message
	f.await("the leader speaks", func() bool {
		heard = f.heard(w, 900, heard)
		return len(heard) == 1
	})
	b := f.start("b")
	f.await("the other instance is there", func() bool { return len(b.sharing.Instances().Instances) == 2 })

	a.crash()
	f.await("the successor goes on", func() bool {
		entries, err := b.sharing.siblings.sent.Entries()
		return err == nil && len(entries) == 1 // it is about to say the same
	})
	f.pass(985, b)
	f.await("the window ends", func() bool {
		row, err := b.row(w, 900)
		return err == nil && row.Reason != ""
	})
	row, err := b.row(w, 900)
	require.NoError(t, err)
	require.Equal(t, []any{coordination.RoleLeader, coordination.ReasonNoop}, []any{row.Role, row.Reason})
	require.Len(t, f.heard(w, 900, heard), 1, "nothing else was ever said")
}

func TestAnInstanceThatStopsHandsItsWalletsOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 3)
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	b := f.start("b")
	f.await("the wallets are shared out", func() bool { return len(a.serves(f)) == 2 && len(b.serves(f)) == 1 })
	a.stop()
	f.awaitAll(b)
	row, found, err := b.store.Session(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, found && row.Left > 0, "it gave its session back")
}

func TestAWindowIsFinishedByWhoTakesItOverAfterItsEnd(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	f.pass(901, a)
	f.await("the leader speaks", func() bool { return len(f.heard(f.wallets[0], 900, nil)) == 1 })
	a.crash()
	f.pass(1050)
	b := f.start("b")
	f.awaitAll(b)
	f.await("the window is judged", func() bool {
		row, err := b.row(f.wallets[0], 900)
		return err == nil && row.Reason == coordination.ReasonNoop
	})
	found, err := b.store.Faults(t.Context(), faults.Filter{})
	require.NoError(t, err)
	require.Empty(t, found)
}

// Whoever else speaks with the operator's key stops the wallet everywhere, until a person lets it go on.
func TestAWalletThatSomebodyElseSpeaksForIsStoppedEverywhere(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 2)
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	b := f.start("b")
	f.await("the wallets are shared out", func() bool { return len(a.serves(f)) == 1 && len(b.serves(f)) == 1 })
	stolen := f.wallets[0]
	f.pass(890, a, b) // the thief does not wait for the window
	f.net.Inject(onNetwork(f.key), stolen, forged(f, stolen, 900))
	f.await("it is on the list", func() bool {
		list, _, err := b.sharing.Halts(t.Context())
		return err == nil && len(list.Halts) == 1 && list.Halts[0].Wallet == stolen.ID()
	})
	for _, c := range []*craft{a, b} {
		f.await("every instance knows", func() bool {
			return !c.sharing.checkHalts().OK && !c.sharing.siblings.custody.Serves(stolen.ID()) && c.sharing.Fleet().Halted == 1
		})
	}
	require.Positive(t, a.sharing.Fleet().Alarms+b.sharing.Fleet().Alarms)
	f.pass(903, a, b)
	f.await("the other wallet goes on", func() bool { return len(a.serves(f))+len(b.serves(f)) == 1 })

	require.ErrorIs(t, b.sharing.Resume(t.Context(), chain.WalletID{9}), shared.ErrNotHalted)
	f.pass(1000, a, b)
	require.NoError(t, b.sharing.Resume(t.Context(), stolen.ID()))
	f.await("it goes on", func() bool {
		return len(a.serves(f))+len(b.serves(f)) == 2 && a.sharing.checkHalts().OK && b.sharing.checkHalts().OK
	})
}

func TestABanHoldsOnEveryInstance(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.pass(801)
	a, b := f.start("a"), f.start("b")
	f.await("both are there", func() bool {
		return len(a.sharing.Instances().Instances) == 2 && len(b.sharing.Instances().Instances) == 2
	})
	_, err := a.sharing.AddBan(t.Context(), shared.Ban{Operator: f.other.Operator(), Reason: "lies", By: "operator"}, time.Hour)
	require.NoError(t, err)
	for _, c := range []*craft{a, b} {
		f.await("it is in force", func() bool {
			return c.member.Banned(f.other.Operator()) && c.sharing.lists.bans.banned(f.other.Operator())
		})
	}
	list, _, err := b.sharing.Bans(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{f.other.Operator().String(), "lies"}, []string{list.Bans[0].Operator, list.Bans[0].Reason})
	require.NoError(t, b.sharing.RemoveBan(t.Context(), shared.Ban{Operator: f.other.Operator()}))
	f.await("it is lifted", func() bool { return !a.member.Banned(f.other.Operator()) && !b.member.Banned(f.other.Operator()) })
	_, err = a.sharing.AddBan(t.Context(), shared.Ban{Operator: operatorOf(f.key)}, 0)
	require.ErrorIs(t, err, shared.ErrOwnOperator)
}

func TestAnInstanceDrainsAndResignsWhenItIsAsked(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 2)
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	b := f.start("b")
	f.await("both are seen", func() bool {
		return len(a.sharing.Instances().Instances) == 2 && len(b.sharing.Instances().Instances) == 2
	})
	_, err := a.sharing.Wish(t.Context(), "c", shared.Drain)
	require.ErrorIs(t, err, store.ErrNotFound)
	f.wish(b, "a", shared.Drain)
	f.awaitAll(b)
	f.await("the other one drains", func() bool {
		i := b.sharing.Instances().Instances[0]
		return i.State == view.InstanceDraining && i.Wish == string(shared.Drain) && len(i.Wallets) == 0
	})
	f.await("it knows who has its wallets", func() bool {
		owner, mine, _, err := a.sharing.Owner(f.wallets[0].ID())
		return err == nil && !mine && owner.Owner == "b" && owner.URLs[0] == "https://b.example.org"
	})

	f.wish(b, "a", shared.None)
	f.await("it is at work again", func() bool { return b.sharing.Instances().Instances[0].State != view.InstanceDraining })
	f.wish(b, "b", shared.Resign)
	require.NoError(t, b.end(), "a process that was asked to end has not failed")
	f.awaitAll(a)
	wishes, err := a.sharing.lists.store.Wishes(t.Context())
	require.NoError(t, err)
	require.Empty(t, wishes, "it may start again")
}

// wish has one instance ask another for something.
func (f *fleet) wish(by *craft, instance string, d shared.Desire) {
	f.t.Helper()
	_, err := by.sharing.Wish(f.t.Context(), instance, d)
	require.NoError(f.t, err)
}

// What a stopped instance was asked for holds at its next start: it is shown, and can be taken back.
func TestAWishForAnInstanceThatWasStoppedIsSeen(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.pass(801)
	a, b := f.start("a"), f.start("b")
	f.await("both are seen", func() bool {
		return len(a.sharing.Instances().Instances) == 2 && len(b.sharing.Instances().Instances) == 2
	})
	f.wish(a, "b", shared.Drain)
	f.await("it has heard", func() bool { return b.sharing.siblings.desire() == shared.Drain })
	b.stop()
	f.await("it is seen without a session", func() bool {
		list := a.sharing.Instances().Instances
		return len(list) == 2 && list[1].ID == "b" && list[1].Boot == "" && list[1].State == view.InstanceDead && list[1].Wish == string(shared.Drain)
	})
	f.wish(a, "b", shared.None)
	f.await("it is gone", func() bool { return len(a.sharing.Instances().Instances) == 1 })
	_, err := a.sharing.Wish(t.Context(), "b", shared.None)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// A dead instance that is to resign is removed, and its next start is one like any other.
func TestADeadInstanceThatResignsIsRemoved(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.pass(801)
	a, b := f.start("a"), f.start("b")
	f.await("both are seen", func() bool {
		return len(a.sharing.Instances().Instances) == 2 && len(b.sharing.Instances().Instances) == 2
	})
	f.wish(a, "b", shared.Drain)
	b.crash()
	f.await("it is dead", func() bool {
		list := a.sharing.Instances().Instances
		return len(list) == 2 && list[1].State == view.InstanceDead
	})
	f.await("it is removed", func() bool { // by the database's clock it may die a moment later than a takes it to
		removed, err := a.sharing.Wish(t.Context(), "b", shared.Resign)
		return err == nil && removed
	})
	f.await("it is not listed", func() bool { return len(a.sharing.Instances().Instances) == 1 })
	_, err := a.sharing.Wish(t.Context(), "b", shared.Resign)
	require.ErrorIs(t, err, store.ErrNotFound)

	b = f.start("b")
	f.await("it is there again", func() bool {
		return len(a.sharing.Instances().Instances) == 2 && a.sharing.Instances().Instances[1].State != view.InstanceDead
	})
	require.Equal(t, shared.None, b.sharing.siblings.desire())
}

func TestADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	f.await("the instance is shown", func() bool { return len(a.sharing.Instances().Instances) == 1 })
	a.gate.set(true)
	f.await("nothing is served", func() bool { return len(a.serves(f)) == 0 })
	f.await("what is shown is marked", func() bool { return a.sharing.Instances().Stale })
	require.Equal(t, "a", a.sharing.Instances().Instances[0].ID)
	require.False(t, a.sharing.checkLease().OK)
	status, err := a.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, []any{"a", true, false}, []any{status.Instance, status.Stale, status.Ready})
	_, mine, wait, err := a.sharing.Owner(f.wallets[0].ID())
	require.NoError(t, err)
	require.False(t, mine, "nobody's lease lasts")
	require.Positive(t, wait)

	a.gate.set(false)
	f.awaitAll(a)
	f.await("what is shown is fresh", func() bool { return !a.sharing.Instances().Stale && a.sharing.checkLease().OK })
}

func TestTwoProcessesDoNotRunAsOneInstance(t *testing.T) {
	t.Parallel()
	f := newFleet(t, pgtest.Database(t), 1)
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	_, err := f.assemble("b", a.dir)
	require.ErrorIs(t, err, errDirectoryTaken)

	twin := f.start("a")
	lasting := a // unless the machine kept it from renewing, and the second one is the first then
	select {
	case err = <-twin.ended:
		twin.ended <- nil
	case err = <-a.ended:
		a.ended <- nil
		lasting = twin
	}
	require.ErrorIs(t, err, cluster.ErrInstanceTaken)
	f.awaitAll(lasting)
}

// A database whose files were brought back has forgotten what was sent: it is put back before anything else is said.
func TestWhatARestoredDatabaseForgotIsPutBack(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	pgtest.Exec(t, server.URL("postgres"), "CREATE DATABASE restored")
	f := newFleet(t, server.URL("restored"), 1)
	w := f.wallets[0]
	f.pass(801)
	a := f.start("a")
	f.awaitAll(a)
	require.NoError(t, server.Down())
	require.NoError(t, server.Keep())
	require.NoError(t, server.Up())
	f.awaitAll(a)
	f.pass(902, a)
	var heard []net.Message
	f.await("the leader speaks", func() bool {
		heard = f.heard(w, 900, heard)
		return len(heard) == 1
	})
	said, found, err := a.store.Own(t.Context(), w.ID(), 900)
	require.NoError(t, err)
	require.True(t, found)

	require.NoError(t, server.Down())
	require.NoError(t, server.Restore())
	require.NoError(t, server.Up())
	f.await("it is put back", func() bool {
		own, found, err := a.store.Own(t.Context(), w.ID(), 900)
		return err == nil && found && string(own.Envelope) == string(said.Envelope)
	})
	f.await("it is said again", func() bool {
		entries, err := a.sharing.siblings.sent.Entries()
		return err == nil && len(entries) > 1
	})
	f.pass(985, a)
	f.await("the window ends", func() bool {
		row, err := a.row(w, 900)
		return err == nil && row.Reason == coordination.ReasonNoop
	})
	require.Len(t, f.heard(w, 900, heard), 1, "nothing else was ever said")
	require.True(t, a.sharing.checkHalts().OK, "what was put back is no stranger's")
}

func TestANodeOnASharedDatabaseHasAName(t *testing.T) {
	_, err := assembleOn(t, "postgres:///nowhere")
	require.ErrorContains(t, err, "one of many instances")
}

// forged is an envelope that says something in a window which none of our instances says: they have nothing to propose.
func forged(f *fleet, w chain.Wallet, window chain.Height) []byte {
	payload := proposal.EncodeMessage(proposal.Message{
		Sender: w.LowestSeat(operatorOf(f.key)), Block: window, Wallet: w.ID(), Proposal: proposal.Heartbeat{Message: [16]byte{1}},
	})
	return net.Seal(wire.PublicKeyOf(onNetwork(f.key)), payload, 1)
}
