package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
)

// process is one run of an instance: the real session, keeper and desk, between a database and a network that ill can
// befall. Ill is anything but an orderly stop.
type process struct {
	world *world
	id    cluster.InstanceID
	name  string // of this run, in what it says
	disk  *disk
	lag   time.Duration // of its head behind the chain's

	mu       sync.Mutex
	dead     bool          // killed: nothing it does reaches anybody any more
	resumed  chan struct{} // not nil while stopped: closed when it may go on
	cut      bool          // from the database
	mute     bool          // cut from its peers
	unwell   bool          // and knows it
	draining bool
	ahead    time.Duration // of its own clock before the world's

	cancel context.CancelFunc
	ended  chan struct{}
}

// disk is an instance's journal in memory. It survives the process, and a copy of the machine has its own.
type disk struct {
	mu      sync.Mutex
	entries []cluster.Entry
	// forgetful makes it a mistake: what was written cannot be read.
	forgetful bool
}

func (d *disk) Append(e cluster.Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, e)
	return nil
}

func (d *disk) Entries() ([]cluster.Entry, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.forgetful {
		return nil, nil
	}
	return slices.Clone(d.entries), nil
}

func (d *disk) copied() *disk {
	entries, _ := d.Entries()
	return &disk{entries: entries, forgetful: d.forgetful}
}

// journal is the disk as a process that may be stopped writes it.
type journal struct {
	*disk
	p *process
}

func (j journal) Append(e cluster.Entry) error {
	if !j.p.gate() {
		return errKilled
	}
	err := j.disk.Append(e)
	j.p.gate()
	return err
}

var errKilled = errors.New("killed")

// gate is passed wherever a process could be stopped or killed between two steps; false if it was killed.
func (p *process) gate() bool {
	for {
		p.mu.Lock()
		wait, dead := p.resumed, p.dead
		p.mu.Unlock()
		if dead {
			return false
		}
		if wait == nil {
			return true
		}
		<-wait
	}
}

func (p *process) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *process) stop() {
	p.set(func() {
		if p.resumed == nil {
			p.resumed = make(chan struct{})
		}
	})
}

func (p *process) resume() {
	p.set(func() {
		if p.resumed != nil {
			close(p.resumed)
			p.resumed = nil
		}
	})
}

// kill ends the process such that nothing of it is seen any more.
func (p *process) kill() {
	p.set(func() { p.dead = true })
	p.resume()
	p.cancel()
	<-p.ended
}

func (p *process) status() cluster.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cluster.Status{Healthy: !p.unwell, Draining: p.draining}
}

func (p *process) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.ahead)
}

func (p *process) height() (chain.Height, bool) { return p.world.height(p.lag), true }

// launch starts a process, or a copy of one if row is not nil.
func (w *world) launch(id cluster.InstanceID, d *disk, row *cluster.SessionRow) *process {
	w.runs++
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{
		world: w, id: id, name: fmt.Sprintf("%s#%d", id, w.runs), disk: d, cancel: cancel, ended: make(chan struct{}),
		lag: time.Duration(w.dice.IntN(3000)) * time.Millisecond,
	}
	quiet := slog.New(slog.DiscardHandler)
	session, err := cluster.NewSession(cluster.SessionConfig{
		Instance: id, Timing: cluster.DefaultTiming(), Store: line{w.store, p}, Status: p.status, Now: p.now, Logger: quiet,
	})
	w.must(err)
	keeper, err := cluster.NewKeeper(cluster.KeeperConfig{
		Store: line{w.store, p}, Journal: journal{d, p}, Height: p.height, Schedule: rhythm,
		Wallets: func(context.Context) ([]chain.WalletID, error) { return w.wallets, nil },
		Rules:   cluster.Rules{Settle: cluster.DefaultTiming().TTL, Pace: cluster.DefaultPace},
		Poll:    time.Second, Timeout: 2500 * time.Millisecond, Now: p.now, Logger: quiet,
		Contradicted: func(all []cluster.Entry) { w.contradicted(p, all) },
	})
	w.must(err)
	desk, err := cluster.NewDesk(cluster.DeskConfig{
		Claims: line{w.store, p}, Journal: journal{d, p}, Status: p.status,
		Timeout: 2500 * time.Millisecond, Retry: 200 * time.Millisecond, Logger: quiet,
	})
	w.must(err)
	hold := func(ctx context.Context, t *cluster.Tenure) error {
		var work sync.WaitGroup
		work.Go(func() { _ = keeper.Run(ctx, t) })
		work.Go(func() { p.work(ctx, t, keeper, desk) })
		work.Wait()
		return nil
	}
	go func() {
		defer close(p.ended)
		if row != nil {
			err = session.RunCopy(ctx, *row, hold)
		} else {
			err = session.Run(ctx, hold)
		}
		p.set(func() { p.dead = true })
		w.gaveUp(p, err)
	}()
	return p
}

// work proposes for each wallet that is this instance's, once a window, for as long as the session lasts.
func (p *process) work(ctx context.Context, t *cluster.Tenure, keeper *cluster.Keeper, desk *cluster.Desk) {
	type task struct {
		wallet chain.WalletID
		window chain.Height
		epoch  cluster.Epoch
	}
	var running sync.WaitGroup
	defer running.Wait()
	begun := make(map[task]bool)
	for {
		held, changed := keeper.Holdings()
		height, _ := p.height()
		if window, active := rhythm.At(height); active {
			for _, id := range p.world.wallets { // in a fixed order: a schedule can be played again
				a, mine := held.Mine[id]
				job := task{id, window.Block, a.Epoch}
				if !mine || begun[job] {
					continue
				}
				begun[job] = true
				running.Go(func() { p.serve(ctx, t, a, window, keeper, desk) })
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-time.After(time.Second):
		}
	}
}

// serve tries until the window's proposal was sent twice, the active phase is over or the session is.
func (p *process) serve(ctx context.Context, t *cluster.Tenure, a cluster.Assignment, window coordination.Window,
	keeper *cluster.Keeper, desk *cluster.Desk,
) {
	luck, sent := p.world.luck(p.name, a.Wallet, a.Epoch), 0
	for ctx.Err() == nil {
		own, err := desk.Propose(ctx, t, a, window.Block, func(ctx context.Context) (coordination.OwnProposal, error) {
			return p.build(ctx, a.Wallet, window)
		})
		if errors.Is(err, cluster.ErrFenced) && !keeper.Holds(a) {
			return // the next epoch is another task
		}
		if err == nil && p.send(t, a.Wallet, window, own) {
			if sent++; sent == 2 {
				return
			}
		}
		if height, _ := p.height(); height >= window.ActiveEnd || wait(ctx, time.Duration(luck.Int64N(int64(3*time.Second)))) != nil {
			return
		}
	}
}

// build makes a proposal that no other call makes.
func (p *process) build(ctx context.Context, wallet chain.WalletID, window coordination.Window) (coordination.OwnProposal, error) {
	luck := p.world.luck(p.name, wallet, window)
	if err := wait(ctx, time.Duration(luck.Int64N(int64(6*time.Second)))); err != nil {
		return coordination.OwnProposal{}, err
	}
	if luck.IntN(20) == 0 {
		return coordination.OwnProposal{}, errors.New("no proposal could be made")
	}
	height, _ := p.height()
	payload := fmt.Sprintf("%s for wallet %x in %d, at %v", p.name, wallet[0], window.Block, p.world.elapsed())
	return coordination.OwnProposal{Payload: []byte(payload), Envelope: []byte("envelope of " + payload), SentAt: height}, nil
}

// send is the last step. The process may be stopped between the look at its clock and the network.
func (p *process) send(t *cluster.Tenure, wallet chain.WalletID, window coordination.Window, own coordination.OwnProposal) bool {
	if t.May() != nil || !p.gate() {
		return false
	}
	p.mu.Lock()
	mute := p.mute
	p.mu.Unlock()
	if mute {
		return false
	}
	p.world.heard(p, wallet, window, own)
	return true
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// line is a process's connection to the database.
type line struct {
	cluster.Store
	p *process
}

// through runs one request over the line.
func through[T any](ctx context.Context, l line, request func() (T, error)) (T, error) {
	var none T
	if !l.p.gate() {
		return none, errKilled
	}
	l.p.mu.Lock()
	cut := l.p.cut
	l.p.mu.Unlock()
	if cut {
		<-ctx.Done() // no packet comes back
		return none, ctx.Err()
	}
	answer, err := request()
	if !l.p.gate() {
		return none, errKilled
	}
	return answer, err
}

func (l line) OpenSession(ctx context.Context, o cluster.Opening) (cluster.Generation, error) {
	return through(ctx, l, func() (cluster.Generation, error) { return l.Store.OpenSession(ctx, o) })
}

func (l line) RenewSession(ctx context.Context, r cluster.Renewal) error {
	_, err := through(ctx, l, func() (struct{}, error) { return struct{}{}, l.Store.RenewSession(ctx, r) })
	return err
}

func (l line) CloseSession(ctx context.Context, h cluster.Holder) error {
	_, err := through(ctx, l, func() (struct{}, error) { return struct{}{}, l.Store.CloseSession(ctx, h) })
	return err
}

func (l line) Session(ctx context.Context, id cluster.InstanceID) (row cluster.SessionRow, found bool, err error) {
	row, err = through(ctx, l, func() (cluster.SessionRow, error) {
		row, found, err = l.Store.Session(ctx, id)
		return row, err
	})
	return row, found && err == nil, err
}

func (l line) View(ctx context.Context) (cluster.View, error) {
	return through(ctx, l, func() (cluster.View, error) { return l.Store.View(ctx) })
}

func (l line) AddWallets(ctx context.Context, wallets []chain.WalletID) error {
	_, err := through(ctx, l, func() (struct{}, error) { return struct{}{}, l.Store.AddWallets(ctx, wallets) })
	return err
}

func (l line) Move(ctx context.Context, by cluster.Seal, moves []cluster.Move, pace time.Duration) ([]cluster.Assignment, error) {
	return through(ctx, l, func() ([]cluster.Assignment, error) { return l.Store.Move(ctx, by, moves, pace) })
}

func (l line) Claim(ctx context.Context, f cluster.Fence, window chain.Height) (cluster.Claim, error) {
	return through(ctx, l, func() (cluster.Claim, error) { return l.Store.Claim(ctx, f, window) })
}

func (l line) SaveProposal(ctx context.Context, f cluster.Fence, window chain.Height, own coordination.OwnProposal) (cluster.Claim, error) {
	return through(ctx, l, func() (cluster.Claim, error) { return l.Store.SaveProposal(ctx, f, window, own) })
}

func (l line) Reconcile(ctx context.Context, by cluster.Seal, entries []cluster.Entry, horizon chain.Height) (cluster.Reconciliation, error) {
	return through(ctx, l, func() (cluster.Reconciliation, error) { return l.Store.Reconcile(ctx, by, entries, horizon) })
}

var _ cluster.Store = (*clustertest.DB)(nil)
