package clustertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
)

// Bench is a store on the bench.
type Bench struct {
	Store cluster.Store // empty
	// TTL is what leases of the suite last: as short as the store's clock and speed allow.
	TTL time.Duration
	// Pass lets time pass on the database's clock.
	Pass func(time.Duration)
	// Promote makes the database's history another one; no commit is lost.
	Promote func()
}

// Suite is what every store has to pass. Open gives each case a store of its own.
func Suite(t *testing.T, open func(t *testing.T) Bench) {
	for name, run := range map[string]func(*testing.T, desk){
		"a session is opened once":                       opensOnce,
		"a renewal counts from what it found":            renewsByCount,
		"an expired session is not renewed":              expires,
		"a closed session gives its wallets back":        closes,
		"a renewal tells the status":                     tellsStatus,
		"wallets are added once":                         addsOnce,
		"a move holds for its owner and epoch":           movesByEpoch,
		"a move needs its cause":                         movesForCause,
		"balance has a pace":                             balancesByPace,
		"who lost wallets for its health is barred":      bars,
		"a claim needs its fence":                        claimsByFence,
		"a claim's proposal is stored once":              savesOnce,
		"an empty claim is taken over, a filled one not": takesOver,
		"what was forgotten is put back":                 reconciles,
		"another history voids every session":            voids,
		"a doubtful window waits for every journal":      doubts,
		"a doubt reaches as far as any member saw":       doubtsAsFarAsAnybody,
		"who is gone for long is not waited for":         mourns,
	} {
		t.Run(name, func(t *testing.T) { run(t, desk{open(t), t}) })
	}
}

// desk is a bench with what the cases do again and again.
type desk struct {
	Bench
	t *testing.T
}

func wallet(n byte) chain.WalletID { return chain.WalletID{n} }

// join opens a session.
func (d desk) join(id cluster.InstanceID, status cluster.Status) cluster.Seal {
	h := cluster.Holder{Instance: id, Boot: cluster.NewBoot()}
	g, err := d.Store.OpenSession(d.t.Context(), cluster.Opening{
		Holder: h, Token: cluster.NewToken(), TTL: d.TTL, Status: status,
		Profile: cluster.Profile{URLs: []string{"https://" + string(id) + ".example", "http://" + string(id) + ".onion"}, Version: "v1"},
	})
	require.NoError(d.t, err)
	require.NotEmpty(d.t, g)
	return cluster.Seal{Holder: h, Generation: g}
}

func (d desk) renew(s cluster.Seal, count uint64, status cluster.Status) error {
	return d.Store.RenewSession(d.t.Context(), cluster.Renewal{
		Holder: s.Holder, Generation: s.Generation, Count: count, Token: cluster.NewToken(), TTL: d.TTL, Status: status,
	})
}

func (d desk) view() cluster.View {
	v, err := d.Store.View(d.t.Context())
	require.NoError(d.t, err)
	return v
}

func (d desk) member(id cluster.InstanceID) cluster.Member {
	for _, m := range d.view().Members {
		if m.Instance == id {
			return m
		}
	}
	require.Fail(d.t, "no member "+string(id))
	return cluster.Member{}
}

func (d desk) assigned(w chain.WalletID) cluster.Assignment {
	for _, a := range d.view().Wallets {
		if a.Wallet == w {
			return a
		}
	}
	require.Fail(d.t, "no such wallet")
	return cluster.Assignment{}
}

func (d desk) add(wallets ...chain.WalletID) {
	require.NoError(d.t, d.Store.AddWallets(d.t.Context(), wallets))
}

// move makes one move and reports whether it held.
func (d desk) move(by cluster.Seal, w chain.WalletID, to cluster.Seal, cause cluster.Cause) bool {
	a := d.assigned(w)
	return d.moved(by, cluster.Move{Wallet: w, From: a.Owner, Epoch: a.Epoch, To: to.Holder, Cause: cause})
}

func (d desk) moved(by cluster.Seal, m cluster.Move) bool {
	done, err := d.Store.Move(d.t.Context(), by, []cluster.Move{m}, 0)
	require.NoError(d.t, err)
	if len(done) == 1 {
		require.Equal(d.t, cluster.Assignment{Wallet: m.Wallet, Owner: m.To, Epoch: m.Epoch + 1}, done[0])
		require.Equal(d.t, done[0], d.assigned(m.Wallet))
	}
	return len(done) == 1
}

// give makes a new wallet somebody's.
func (d desk) give(w chain.WalletID, to cluster.Seal) cluster.Fence {
	d.add(w)
	require.True(d.t, d.move(to, w, to, cluster.CauseOrphan))
	return cluster.Fence{Seal: to, Wallet: w, Epoch: d.assigned(w).Epoch}
}

func said(text string) coordination.OwnProposal {
	return coordination.OwnProposal{Payload: []byte(text), Envelope: []byte("envelope of " + text), SentAt: 905}
}

var well = cluster.Status{Healthy: true}

func opensOnce(t *testing.T, d desk) {
	a := d.join("a", well)
	_, err := d.Store.OpenSession(t.Context(), cluster.Opening{Holder: cluster.Holder{Instance: "a", Boot: cluster.NewBoot()}, TTL: d.TTL})
	require.ErrorIs(t, err, cluster.ErrInstanceTaken)
	row, found, err := d.Store.Session(t.Context(), "a")
	require.NoError(t, err)
	require.True(t, found && row.Current)
	require.Equal(t, a, cluster.Seal{Holder: row.Holder, Generation: row.Generation})
	require.Zero(t, row.Count)
	require.Greater(t, row.Left, time.Duration(0))
	require.LessOrEqual(t, row.Left, d.TTL)
	_, found, err = d.Store.Session(t.Context(), "b")
	require.NoError(t, err)
	require.False(t, found)

	d.Pass(d.TTL + time.Millisecond)
	again := d.join("a", well)
	require.NotEqual(t, a.Boot, again.Boot)
	require.ErrorIs(t, d.renew(a, 0, well), cluster.ErrSessionLost)
	require.NoError(t, d.renew(again, 0, well))
}

func renewsByCount(t *testing.T, d desk) {
	a := d.join("a", well)
	require.NoError(t, d.renew(a, 0, well))
	require.ErrorIs(t, d.renew(a, 0, well), cluster.ErrSessionLost, "a copy that renews the same count")
	require.ErrorIs(t, d.renew(a, 2, well), cluster.ErrSessionLost)
	require.NoError(t, d.renew(a, 1, well))
	other := a
	other.Generation = "another"
	require.ErrorIs(t, d.renew(other, 2, well), cluster.ErrSessionLost)
	other = a
	other.Boot = cluster.NewBoot()
	require.ErrorIs(t, d.renew(other, 2, well), cluster.ErrSessionLost)
	row, _, err := d.Store.Session(t.Context(), "a")
	require.NoError(t, err)
	require.EqualValues(t, 2, row.Count)
}

func expires(t *testing.T, d desk) {
	a := d.join("a", well)
	d.Pass(d.TTL / 2)
	require.NoError(t, d.renew(a, 0, well))
	d.Pass(d.TTL / 2)
	require.True(t, d.member("a").Live())
	d.Pass(d.TTL/2 + time.Millisecond)
	require.False(t, d.member("a").Live())
	require.ErrorIs(t, d.renew(a, 1, well), cluster.ErrSessionLost)
	_, err := d.Store.Move(t.Context(), a, nil, 0)
	require.ErrorIs(t, err, cluster.ErrSessionLost)
	_, err = d.Store.Reconcile(t.Context(), a, nil, 900)
	require.ErrorIs(t, err, cluster.ErrSessionLost)
}

func closes(t *testing.T, d desk) {
	a, b := d.join("a", well), d.join("b", well)
	f := d.give(wallet(1), a)
	require.NoError(t, d.Store.CloseSession(t.Context(), cluster.Holder{Instance: "a", Boot: cluster.NewBoot()}))
	require.True(t, d.member("a").Live(), "another boot's row is left alone")
	require.NoError(t, d.Store.CloseSession(t.Context(), a.Holder))
	require.NoError(t, d.Store.CloseSession(t.Context(), a.Holder), "once more is no error")
	_, found, err := d.Store.Session(t.Context(), "a")
	require.NoError(t, err)
	require.False(t, found)
	require.Equal(t, cluster.Assignment{Wallet: wallet(1), Epoch: f.Epoch + 1}, d.assigned(wallet(1)))
	_, err = d.Store.Claim(t.Context(), f, 900)
	require.ErrorIs(t, err, cluster.ErrFenced)
	require.True(t, d.move(b, wallet(1), b, cluster.CauseOrphan))
}

func tellsStatus(t *testing.T, d desk) {
	a := d.join("a", cluster.Status{Standby: true})
	m := d.member("a")
	require.Equal(t, cluster.Status{Standby: true}, m.Status)
	require.Equal(t, cluster.Profile{URLs: []string{"https://a.example", "http://a.onion"}, Version: "v1"}, m.Profile)
	require.Equal(t, a.Holder, m.Holder)
	d.Pass(d.TTL / 2)
	now := cluster.Status{Healthy: true, Draining: true, Detail: "no peers"}
	require.NoError(t, d.renew(a, 0, now))
	m = d.member("a")
	require.Equal(t, now, m.Status)
	require.GreaterOrEqual(t, m.Age, d.TTL/2)
	require.Equal(t, a.Generation, d.view().Generation)
}

func addsOnce(t *testing.T, d desk) {
	a := d.join("a", well)
	f := d.give(wallet(1), a)
	d.add(wallet(1), wallet(2))
	d.add()
	require.Len(t, d.view().Wallets, 2)
	require.Equal(t, cluster.Assignment{Wallet: wallet(1), Owner: a.Holder, Epoch: f.Epoch}, d.assigned(wallet(1)))
	require.Equal(t, cluster.Assignment{Wallet: wallet(2)}, d.assigned(wallet(2)))
}

func movesByEpoch(t *testing.T, d desk) {
	a, b := d.join("a", well), d.join("b", well)
	f := d.give(wallet(1), a)
	require.EqualValues(t, 1, f.Epoch)
	good := cluster.Move{Wallet: wallet(1), From: a.Holder, Epoch: 1, To: b.Holder, Cause: cluster.CauseBalance}
	for _, spoil := range []func(*cluster.Move){
		func(m *cluster.Move) { m.Epoch = 0 },
		func(m *cluster.Move) { m.Epoch = 2 },
		func(m *cluster.Move) { m.From = b.Holder },
		func(m *cluster.Move) { m.From = cluster.Holder{} },
		func(m *cluster.Move) { m.From.Boot = cluster.NewBoot() },
		func(m *cluster.Move) { m.To.Boot = cluster.NewBoot() },
		func(m *cluster.Move) { m.Wallet = wallet(9) },
		func(m *cluster.Move) { m.Cause = "whim" },
	} {
		m := good
		spoil(&m)
		require.False(t, d.moved(b, m), "%+v", m)
	}
	require.True(t, d.moved(b, good))
	require.False(t, d.moved(b, good), "once")

	many := []cluster.Move{{Wallet: wallet(1), From: b.Holder, Epoch: 2, To: a.Holder, Cause: cluster.CauseBalance}}
	for n := byte(2); n < 12; n++ {
		d.add(wallet(n))
		many = append(many, cluster.Move{Wallet: wallet(n), To: a.Holder, Cause: cluster.CauseOrphan})
	}
	many[5].Epoch = 7 // this one alone does not hold
	done, err := d.Store.Move(t.Context(), a, many, 0)
	require.NoError(t, err)
	require.Len(t, done, 10)
}

func movesForCause(t *testing.T, d desk) {
	ill, draining := d.join("ill", cluster.Status{}), d.join("draining", cluster.Status{Healthy: true, Draining: true})
	a, b := d.join("a", well), d.join("b", well)
	d.give(wallet(1), a)
	for _, cause := range []cluster.Cause{cluster.CauseOrphan, cluster.CauseDrain, cluster.CauseHealth} {
		require.False(t, d.move(b, wallet(1), b, cause), "%s", cause)
	}
	for _, taker := range []cluster.Seal{ill, draining} {
		require.False(t, d.move(a, wallet(1), taker, cluster.CauseBalance))
	}
	require.NoError(t, d.renew(a, 0, cluster.Status{}))
	require.False(t, d.move(b, wallet(1), b, cluster.CauseDrain))
	require.True(t, d.move(b, wallet(1), b, cluster.CauseHealth))
	require.NoError(t, d.renew(a, 1, well))
	require.NoError(t, d.renew(b, 0, cluster.Status{Healthy: true, Draining: true}))
	require.False(t, d.move(a, wallet(1), a, cluster.CauseHealth))
	require.True(t, d.move(a, wallet(1), a, cluster.CauseDrain))

	d.Pass(d.TTL + time.Millisecond)
	c := d.join("c", well)
	require.True(t, d.move(c, wallet(1), c, cluster.CauseOrphan))
}

func balancesByPace(t *testing.T, d desk) {
	a, b := d.join("a", well), d.join("b", well)
	d.give(wallet(1), a)
	d.give(wallet(2), a)
	require.Equal(t, cluster.Never, d.view().Rested)
	round := func(epoch cluster.Epoch, from, to cluster.Seal) []cluster.Assignment {
		done, err := d.Store.Move(t.Context(), b, []cluster.Move{
			{Wallet: wallet(1), From: from.Holder, Epoch: epoch, To: to.Holder, Cause: cluster.CauseBalance},
			{Wallet: wallet(2), From: from.Holder, Epoch: epoch, To: to.Holder, Cause: cluster.CauseBalance},
		}, d.TTL/2)
		require.NoError(t, err)
		return done
	}
	require.Len(t, round(1, a, b), 2, "the moves of one round hold together")
	require.Less(t, d.view().Rested, d.TTL/2)
	require.Empty(t, round(2, b, a))
	d.Pass(d.TTL / 2)
	require.Len(t, round(2, b, a), 2)
}

func bars(t *testing.T, d desk) {
	ill, a := d.join("ill", well), d.join("a", well)
	d.give(wallet(1), ill)
	require.NoError(t, d.renew(ill, 0, cluster.Status{}))
	require.Zero(t, d.member("ill").BarredThrough)
	owner := d.assigned(wallet(1))
	require.True(t, d.moved(a, cluster.Move{
		Wallet: wallet(1), From: owner.Owner, Epoch: owner.Epoch, To: a.Holder, Cause: cluster.CauseHealth, BarFrom: 9,
	}))
	require.EqualValues(t, 9, d.member("ill").BarredThrough)
	require.Zero(t, d.member("a").BarredThrough)
	d.Pass(d.TTL + time.Millisecond)
	d.join("ill", well)
	require.EqualValues(t, 9, d.member("ill").BarredThrough, "a restart does not lift it")
}

func claimsByFence(t *testing.T, d desk) {
	a := d.join("a", well)
	f := d.give(wallet(1), a)
	for _, spoil := range []func(*cluster.Fence){
		func(f *cluster.Fence) { f.Epoch++ },
		func(f *cluster.Fence) { f.Epoch-- },
		func(f *cluster.Fence) { f.Boot = cluster.NewBoot() },
		func(f *cluster.Fence) { f.Instance = "b" },
		func(f *cluster.Fence) { f.Generation = "another" },
		func(f *cluster.Fence) { f.Wallet = wallet(2) },
	} {
		bad := f
		spoil(&bad)
		_, err := d.Store.Claim(t.Context(), bad, 900)
		require.ErrorIs(t, err, cluster.ErrFenced, "%+v", bad)
		_, err = d.Store.SaveProposal(t.Context(), bad, 900, said("something"))
		require.ErrorIs(t, err, cluster.ErrFenced, "%+v", bad)
	}
	_, found, err := d.Store.FindClaim(t.Context(), wallet(1), 900)
	require.NoError(t, err)
	require.False(t, found)

	claim, err := d.Store.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	require.Equal(t, cluster.Claim{Wallet: wallet(1), Window: 900, Holder: a.Holder, Epoch: f.Epoch}, claim)
	again, err := d.Store.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	require.Equal(t, claim, again)

	d.Pass(d.TTL + time.Millisecond)
	_, err = d.Store.Claim(t.Context(), f, 900)
	require.ErrorIs(t, err, cluster.ErrFenced, "its lease is over")
	_, err = d.Store.SaveProposal(t.Context(), f, 900, said("something"))
	require.ErrorIs(t, err, cluster.ErrFenced)
}

func savesOnce(t *testing.T, d desk) {
	f := d.give(wallet(1), d.join("a", well))
	_, err := d.Store.SaveProposal(t.Context(), f, 900, said("unclaimed"))
	require.ErrorIs(t, err, cluster.ErrFenced, "nothing is stored that was not claimed")
	_, err = d.Store.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	claim, err := d.Store.SaveProposal(t.Context(), f, 900, said("first"))
	require.NoError(t, err)
	require.Equal(t, said("first"), claim.Own)
	for range 2 {
		claim, err = d.Store.SaveProposal(t.Context(), f, 900, said("second"))
		require.NoError(t, err)
		require.Equal(t, said("first"), claim.Own, "what comes back is what must be sent")
	}
	claim, err = d.Store.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	require.Equal(t, said("first"), claim.Own)
	found, ok, err := d.Store.FindClaim(t.Context(), wallet(1), 900)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, claim, found)
	_, ok, err = d.Store.FindClaim(t.Context(), wallet(1), 1800)
	require.NoError(t, err)
	require.False(t, ok)
}

func takesOver(t *testing.T, d desk) {
	a, b := d.join("a", well), d.join("b", well)
	first := d.give(wallet(1), a)
	for _, window := range []chain.Height{900, 1800} {
		_, err := d.Store.Claim(t.Context(), first, window)
		require.NoError(t, err)
	}
	_, err := d.Store.SaveProposal(t.Context(), first, 900, said("by a"))
	require.NoError(t, err)
	require.True(t, d.move(b, wallet(1), b, cluster.CauseBalance))
	second := cluster.Fence{Seal: b, Wallet: wallet(1), Epoch: first.Epoch + 1}

	filled, err := d.Store.Claim(t.Context(), second, 900)
	require.NoError(t, err)
	require.Equal(t, said("by a"), filled.Own)
	require.Equal(t, a.Holder, filled.Holder)
	_, err = d.Store.SaveProposal(t.Context(), first, 1800, said("too late"))
	require.ErrorIs(t, err, cluster.ErrFenced)
	_, err = d.Store.SaveProposal(t.Context(), second, 1800, said("too early"))
	require.ErrorIs(t, err, cluster.ErrFenced, "the claim is still that of the epoch before")
	empty, err := d.Store.Claim(t.Context(), second, 1800)
	require.NoError(t, err)
	require.Equal(t, cluster.Claim{Wallet: wallet(1), Window: 1800, Holder: b.Holder, Epoch: second.Epoch}, empty)
	saved, err := d.Store.SaveProposal(t.Context(), second, 1800, said("by b"))
	require.NoError(t, err)
	require.Equal(t, said("by b"), saved.Own)
}

func reconciles(t *testing.T, d desk) {
	a := d.join("a", well)
	f := d.give(wallet(1), a)
	require.False(t, d.member("a").Reconciled)
	for _, window := range []chain.Height{900, 1800} {
		_, err := d.Store.Claim(t.Context(), f, window)
		require.NoError(t, err)
	}
	_, err := d.Store.SaveProposal(t.Context(), f, 900, said("known"))
	require.NoError(t, err)
	entry := func(window chain.Height, text string) cluster.Entry {
		own := said(text)
		return cluster.Entry{
			Wallet: wallet(1), Window: window, Holder: a.Holder, Generation: a.Generation, Epoch: f.Epoch,
			Digest: cluster.Digest(own), Own: own,
		}
	}
	entries := []cluster.Entry{entry(900, "known"), entry(900, "other"), entry(1800, "kept"), entry(1800, "kept"), entry(2700, "gone")}
	done, err := d.Store.Reconcile(t.Context(), a, entries, 2700)
	require.NoError(t, err)
	require.Equal(t, []cluster.Entry{entries[2], entries[4]}, done.Restored)
	require.Equal(t, []cluster.Entry{entries[1]}, done.Contradicted)
	require.True(t, d.member("a").Reconciled)
	for window, text := range map[chain.Height]string{900: "known", 1800: "kept", 2700: "gone"} {
		claim, err := d.Store.Claim(t.Context(), f, window)
		require.NoError(t, err)
		require.Equal(t, said(text), claim.Own)
	}
	claim, err := d.Store.Claim(t.Context(), f, 3600)
	require.NoError(t, err, "in the first generation nothing is doubtful")
	require.False(t, claim.Filled())
	done, err = d.Store.Reconcile(t.Context(), a, nil, 2700)
	require.NoError(t, err)
	require.Empty(t, done.Restored)
}

func voids(t *testing.T, d desk) {
	a, b := d.join("a", well), d.join("b", well)
	f := d.give(wallet(1), a)
	_, err := d.Store.Claim(t.Context(), f, 900)
	require.NoError(t, err)
	d.Promote()

	require.ErrorIs(t, d.renew(a, 0, well), cluster.ErrSessionLost)
	_, err = d.Store.Claim(t.Context(), f, 900)
	require.ErrorIs(t, err, cluster.ErrFenced)
	_, err = d.Store.SaveProposal(t.Context(), f, 900, said("something"))
	require.ErrorIs(t, err, cluster.ErrFenced)
	_, err = d.Store.Move(t.Context(), a, nil, 0)
	require.ErrorIs(t, err, cluster.ErrSessionLost)
	_, err = d.Store.Reconcile(t.Context(), a, nil, 900)
	require.ErrorIs(t, err, cluster.ErrSessionLost)
	row, found, err := d.Store.Session(t.Context(), "b")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, b.Holder, row.Holder)
	require.False(t, row.Current)
	require.False(t, d.member("a").Live())

	again := d.join("a", well) // at once: what is void need not expire
	require.NotEqual(t, a.Generation, again.Generation)
	require.Equal(t, again.Generation, d.view().Generation)
	require.True(t, d.member("a").Live())
	require.False(t, d.member("a").Reconciled)
	require.False(t, d.member("b").Current)
	require.True(t, d.move(again, wallet(1), again, cluster.CauseOrphan), "the owner's session is void")
	require.Equal(t, again.Generation, d.join("b", well).Generation, "whoever comes next finds it")
	require.NoError(t, d.renew(again, 0, well))
	mixed := again
	mixed.Generation = a.Generation
	require.ErrorIs(t, d.renew(mixed, 1, well), cluster.ErrSessionLost)
}

// claim claims a window and returns what came of it.
func (d desk) claim(f cluster.Fence, window chain.Height) error {
	_, err := d.Store.Claim(d.t.Context(), f, window)
	return err
}

func (d desk) reconcile(s cluster.Seal, horizon chain.Height) {
	_, err := d.Store.Reconcile(d.t.Context(), s, nil, horizon)
	require.NoError(d.t, err)
}

// after makes the history another one, which the instances had parts in, and gives wallet 1 to a.
func (d desk) after(instances ...cluster.InstanceID) (cluster.Seal, cluster.Fence) {
	for _, id := range instances {
		d.join(id, well)
	}
	d.Promote()
	a := d.join("a", well)
	return a, d.give(wallet(1), a)
}

func doubts(t *testing.T, d desk) {
	a, f := d.after("b")
	require.ErrorIs(t, d.claim(f, 1800), cluster.ErrDoubtful, "nobody has compared anything")
	d.reconcile(a, 900)
	require.NoError(t, d.claim(f, 1800), "what begins later nobody can have served")
	require.ErrorIs(t, d.claim(f, 900), cluster.ErrDoubtful, "b has not compared its journal")

	d.Pass(d.TTL / 2)
	require.NoError(t, d.renew(a, 0, well))
	b := d.join("b", well)
	sent := said("by b")
	done, err := d.Store.Reconcile(t.Context(), b, []cluster.Entry{{
		Wallet: wallet(1), Window: 1800, Holder: b.Holder, Digest: cluster.Digest(sent), Own: sent,
	}}, 900)
	require.NoError(t, err)
	require.Len(t, done.Restored, 1)
	require.ErrorIs(t, d.claim(f, 900), cluster.ErrDoubtful, "who was forgotten altogether has a lease to come")
	claim, err := d.Store.Claim(t.Context(), f, 1800)
	require.NoError(t, err, "what is known is no doubt")
	require.Equal(t, sent, claim.Own)

	d.Pass(d.TTL / 2)
	require.NoError(t, d.renew(a, 1, well))
	require.NoError(t, d.claim(f, 900))
}

func doubtsAsFarAsAnybody(t *testing.T, d desk) {
	a, f := d.after("b", "c")
	d.reconcile(a, 900)
	d.Pass(d.TTL / 2)
	require.NoError(t, d.renew(a, 0, well))
	require.NoError(t, d.claim(f, 3600))
	b := d.join("b", well)
	d.reconcile(b, 1800)
	require.ErrorIs(t, d.claim(f, 1800), cluster.ErrDoubtful, "b saw further than a")
	sent := said("by b")
	_, err := d.Store.Reconcile(t.Context(), b, []cluster.Entry{{
		Wallet: wallet(2), Window: 2700, Holder: b.Holder, Digest: cluster.Digest(sent), Own: sent,
	}}, 1800)
	require.NoError(t, err)
	require.ErrorIs(t, d.claim(f, 2700), cluster.ErrDoubtful, "and has served further yet")
	require.NoError(t, d.claim(f, 4500))
}

func mourns(t *testing.T, d desk) {
	a, f := d.after("gone")
	d.reconcile(a, 900)
	again := func(wait time.Duration) {
		d.Pass(wait)
		a = d.join("a", well)
		require.True(t, d.move(a, wallet(1), a, cluster.CauseOrphan))
		f = cluster.Fence{Seal: a, Wallet: wallet(1), Epoch: d.assigned(wallet(1)).Epoch}
	}
	again(cluster.Mourning - d.TTL)
	require.ErrorIs(t, d.claim(f, 900), cluster.ErrDoubtful)
	again(2*d.TTL + time.Millisecond) // its own lease was counted first
	require.NoError(t, d.claim(f, 900))
}
