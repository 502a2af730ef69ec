package node

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// minFree is how much room the store's disk must have left: 64 MiB, some thousand windows of a large node. It is told
// while there is time to act, before the first write fails.
const minFree = 64 << 20

// probeTimeout bounds the try at the store. A group of writes takes some 50 ms; who waits this long waits for a disk
// that does not answer.
const probeTimeout = 2 * time.Second

// Readiness says whether the node can do its work now: rule R8 and what else a window needs.
func (n *Node) Readiness(ctx context.Context) view.Readiness {
	checks := append([]view.Check{{}, n.chain.checkClock(), n.chain.checkEndpoints(), n.checkStore(ctx), n.checkDisk()}, n.checkWallets(ctx)...)
	checks = append(checks, n.sharing.checkLease(), n.sharing.checkJournal(), n.sharing.checkHalts())
	state, _ := n.stage.State() // last: a store that hangs takes its time, in which the node may have been told to stop
	checks[0] = checkState(state)
	return view.NewReadiness(string(state), checks)
}

func checkState(state State) view.Check {
	c := view.Check{Name: "state", OK: state == Active, Current: string(state), Required: string(Active)}
	switch state {
	case Starting:
		c.Reason = "the node is being put together"
	case Syncing:
		c.Reason = "no fresh block has arrived since the start"
	case Draining, Stopped:
		c.Reason = "the node was told to stop"
	case Active:
	}
	return c
}

// checkClock is rule R8: a stale clock is not ready.
func (f *followed) checkClock() view.Check {
	head := f.clock.Head()
	c := view.Check{
		Name: "chain_clock", OK: !f.clock.Stale(), Current: "no block yet",
		Required: fmt.Sprintf("a block received within %v", f.freshness.MaxSilence),
	}
	if f.freshness.MaxHeaderAge > 0 {
		c.Required += fmt.Sprintf(", no older than %v by its own time", f.freshness.MaxHeaderAge)
	}
	if !head.ReceivedAt.IsZero() {
		c.Current = fmt.Sprintf("block %d received %v ago, %v old by its own time",
			head.Height, f.clock.Age().Round(time.Second), time.Since(head.Time).Round(time.Second))
	}
	fresh := !head.ReceivedAt.IsZero() && f.clock.Age() <= f.freshness.MaxSilence
	switch {
	case c.OK:
	case fresh: // then it is the block's own time
		c.Reason = "the newest block is too old by its own time: the endpoint lags, or this machine's clock is ahead " +
			"(walletnode check clock tells which); the node neither leads nor accuses"
	default:
		c.Reason = "the chain endpoint shows no fresh block: the node neither leads nor accuses"
	}
	return c
}

func (n *Node) checkStore(ctx context.Context) view.Check {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c := view.Check{Name: "store", OK: true, Current: "writable", Required: "writable"}
	if err := n.store.Probe(ctx); err != nil {
		c.OK, c.Current, c.Reason = false, "not writable", err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			c.Reason = fmt.Sprintf("no write has ended for %v: its disk hangs, or another program keeps it locked", probeTimeout)
		}
	}
	return c
}

func (n *Node) checkDisk() view.Check {
	c := view.Check{Name: "disk", OK: true, Current: "unknown", Required: mebibytes(minFree) + " free"}
	dir, err := store.Directory(n.cfg.Store.DSN)
	if err != nil {
		return c // there is no directory to look at
	}
	if free, known := store.FreeBytes(dir); known {
		c.Current = mebibytes(free) + " free"
		if c.OK = free >= minFree; !c.OK {
			c.Reason = "the disk of the store is nearly full: " + dir
		}
	}
	return c
}

// onlyInstance is what a check of many instances shows of a node that is none.
const onlyInstance = "only instance"

// checkLease says whether the instance may serve wallets by its lease.
func (s *sharing) checkLease() view.Check {
	c := view.Check{Name: "lease", OK: true, Current: onlyInstance, Required: onlyInstance}
	if s.siblings == nil {
		return c
	}
	left, held := s.siblings.custody.left()
	c.Required = "a lease on the shared database"
	switch {
	case left > 0:
		c.Current = fmt.Sprintf("held as %s for another %v", s.cfg.Cluster.Instance, left.Round(time.Second/10))
	case held:
		c.OK, c.Current, c.Reason = false, "run out", "the shared database did not renew the lease in time: other instances take the wallets"
	default:
		c.OK, c.Current, c.Reason = false, "none", "no session on the shared database: it does not answer, or another process runs as "+string(s.cfg.Cluster.Instance)
	}
	return c
}

// checkJournal says whether what is sent can be written down first.
func (s *sharing) checkJournal() view.Check {
	c := view.Check{Name: "journal", OK: true, Current: onlyInstance, Required: onlyInstance}
	if s.siblings == nil {
		return c
	}
	c.Current, c.Required = "writable", "writable"
	if err := s.siblings.sent.broken(); err != nil {
		c.OK, c.Current, c.Reason = false, "not writable", err.Error()
	}
	return c
}

// checkHalts says whether wallets are stopped because somebody else spoke with the operator's key.
func (s *sharing) checkHalts() view.Check {
	c := view.Check{Name: "halts", OK: true, Current: "no wallet stopped", Required: "no wallet stopped"}
	if stopped := s.lists.halts.ids(); len(stopped) > 0 {
		c.OK, c.Current = false, fmt.Sprintf("%d wallets stopped", len(stopped))
		c.Reason = "somebody else may speak with the operator's key (walletnode wallets halted tells): " + some(stopped)
	}
	return c
}

func mebibytes(n uint64) string { return strconv.FormatUint(n>>20, 10) + " MiB" }

// checkWallets looks at each wallet of this operator: its channel is joined, and of those with other operators at
// least one is connected.
func (n *Node) checkWallets(ctx context.Context) []view.Check {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	joined := view.Check{Name: "wallets", OK: true}
	peers := view.Check{Name: "peers", OK: true}
	ours, err := n.members.Wallets(ctx)
	if err != nil {
		joined.OK, joined.Reason = false, err.Error()
		return []view.Check{joined}
	}
	var unjoined, shared, alone []chain.WalletID
	for _, w := range ours {
		channel := n.members.channel(w.ID())
		if channel == nil {
			unjoined = append(unjoined, w.ID())
			continue
		}
		if len(w.Operators()) == 1 {
			continue // all seats are ours: there is nobody to hear
		}
		shared = append(shared, w.ID())
		if channel.Sight().Operators == 0 {
			alone = append(alone, w.ID())
		}
	}
	joined.Current = fmt.Sprintf("%d channels joined", len(ours)-len(unjoined))
	joined.Required = fmt.Sprintf("%d channels joined", len(ours))
	if len(unjoined) > 0 {
		joined.OK, joined.Reason = false, "not joined: "+some(unjoined)
	}
	peers.Current = fmt.Sprintf("another operator connected for %d wallets", len(shared)-len(alone))
	peers.Required = fmt.Sprintf("another operator connected for %d wallets", len(shared))
	if len(alone) > 0 {
		peers.OK, peers.Reason = false, "connected to no other operator of "+some(alone)
	}
	return []view.Check{joined, peers}
}

// named is how many wallets a reason names: a node may have a thousand.
const named = 3

func some(ids []chain.WalletID) string {
	text := ""
	for i, id := range ids {
		if i == named {
			return fmt.Sprintf("%s and %d more", text, len(ids)-named)
		}
		if i > 0 {
			text += ", "
		}
		text += id.String()
	}
	return text
}
