package executor

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// procedure is one wallet's one window. The goroutine that called Coordinate owns it; only retransmissions run
// beside it, and they touch nothing of it.
type procedure struct {
	*Executor
	window   coordination.Window
	openedAt chain.Height
	log      *slog.Logger

	seed    [32]byte
	seedErr error    // why the leader is not known
	hearing *hearing // nil until the leader is known
	trial   trial    // of the hearing's candidate
	unsaved []net.Message
	quit    context.CancelFunc // ends the run; its goroutines may call it

	said            speech
	storeErr        error // why what was said before could not be read, or our proposal not be written down
	saveErr         error // why unsaved is not empty
	retransmissions sync.WaitGroup

	sawPeers bool                // somebody of the group was connected at some time
	resumed  bool                // its result was stored before this run, which knows nothing of silence
	banned   bool                // the leader was banned at some time that we looked
	tookUp   chain.Height        // when we took the window up, if its active phase was over then; else 0
	amended  map[faults.Key]bool // faults already reported, and whether as late
}

// newProcedure returns a procedure and the context of its run, which ends with ctx or when the procedure is relieved.
func (e *Executor) newProcedure(ctx context.Context, w coordination.Window, openedAt chain.Height) (*procedure, context.Context) {
	ctx, quit := context.WithCancel(ctx)
	return &procedure{
		Executor: e,
		window:   w,
		openedAt: openedAt,
		log:      e.Logger.With("wallet", e.Wallet.ID(), "window", w.Block),
		quit:     quit,
		said:     speech{muted: muted{coordination.ReasonChainStalled, "the active phase was over before it was our turn"}},
		amended:  make(map[faults.Key]bool),
	}, ctx
}

// relieved ends the run if err says that this instance does not serve the wallet any more: what is left to be done is
// another's, and nothing is wrong.
func (p *procedure) relieved(err error) bool {
	if !errors.Is(err, chain.ErrNotServed) {
		return false
	}
	p.log.Debug("Not responsible for the wallet any more", "error", err)
	p.quit()
	return true
}

// leave ends the run. What was taken from the channel and is not written down goes back to it: whoever serves the wallet
// next must not take the leader for silent.
func (p *procedure) leave() {
	p.quit()
	if len(p.unsaved) > 0 {
		p.Channel.Return(p.window.Block, p.unsaved)
	}
}

// look takes a sample of who is in view.
func (p *procedure) look() net.Sight {
	sight := p.Channel.Sight()
	p.sawPeers = p.sawPeers || sight.Operators > 0
	return sight
}

// observer is our own state, to be kept beside an accusation of culprit. What counts is all of c .. now, also before
// we opened the window: a node that was not there from the first block on cannot know that the leader was silent.
// Opening a few heads late while subscribed and connected is no blindness: the message is kept for us.
func (p *procedure) observer(culprit chain.Operator) faults.Observer {
	sight, c := p.look(), p.window.Block
	return faults.Observer{
		OpenedAt:       p.openedAt,
		Peers:          sight.Operators,
		CutOff:         !sight.Subscribed || sight.Operators == 0 || sight.Since > c || p.Clock.First() > c,
		ClockAge:       p.Clock.Age(),
		ClockLapsed:    p.Clock.LapsedAfter(c),
		HeadsDoubted:   p.Clock.DoubtedAfter(c),
		SeedAgreed:     p.hearing != nil,
		ParamsMismatch: p.Channel.Mismatched(culprit),
	}
}

func (p *procedure) elect(safe chain.Hash) {
	p.seed, p.seedErr = Seed(p.Wallet.ID(), safe), nil
	leader, checklist := p.Electorate.Elect(p.seed, p.window.Index)
	p.hearing = &hearing{wallet: p.Wallet, window: p.window, leader: leader, checklist: checklist}
	p.banned = p.Banned(leader)
	p.log.Debug("Leader elected", "leader", p.hearing.leader, "checklist", names(p.hearing.checklist))
}

// names writes kinds for a log line, which would show a slice of them as bytes.
func names(kinds []proposal.Kind) string {
	texts := make([]string, len(kinds))
	for i, kind := range kinds {
		texts[i] = kind.String()
	}
	return strings.Join(texts, " ")
}

// leads reports whether this node's operator leads the window.
func (p *procedure) leads() bool { return p.hearing != nil && p.hearing.leader == p.Self }

// speaks reports whether this node is the one to propose. If our operator has spoken already, from elsewhere, a
// proposal of our own would be the second: then we judge that one like everybody else.
func (p *procedure) speaks() bool { return p.leads() && (p.said.own != nil || p.nothingHeard()) }
