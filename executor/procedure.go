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

	own              *proposal.Message // what this node said as leader; nil if nothing
	sentAt           chain.Height
	broadcasting     bool
	generationFailed bool
	passedOver       []string // actions of the checklist that could not be proposed, each with its reason
	storeErr         error    // why what was said before could not be read, or our proposal not be written down
	saveErr          error    // why unsaved is not empty
	retransmissions  sync.WaitGroup

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

// findLeader reads the seed block, at every head until it succeeds; false if ctx ended before.
func (p *procedure) findLeader(ctx context.Context) bool {
	for {
		changed := p.Clock.Changed()
		block, err := p.Headers.Header(ctx, p.window.SeedBlock)
		if err == nil {
			p.elect(block.Hash)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		p.seedErr = err
		p.log.Warn("Could not read the seed block", "block", p.window.SeedBlock, "error", err)
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
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
func (p *procedure) speaks() bool { return p.leads() && (p.own != nil || p.nothingHeard()) }

// reload takes in what was written down before a restart; false if ctx ended before it could be read. Without it
// the node could contradict itself.
func (p *procedure) reload(ctx context.Context) bool {
	for {
		changed := p.Clock.Changed()
		err := p.tryReload(ctx)
		if err == nil {
			return true
		}
		if p.relieved(err) || ctx.Err() != nil {
			return false
		}
		p.storeErr = err
		p.log.Error("Could not read what was said before", "error", err)
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (p *procedure) tryReload(ctx context.Context) error {
	own, said, err := p.Journal.Own(ctx, p.Wallet.ID(), p.window.Block)
	if err != nil {
		return err
	}
	statements, err := p.Journal.Statements(ctx, p.Wallet.ID(), p.window.Block)
	if err != nil {
		return err
	}
	if said && p.leads() {
		if err := p.adopt(own); err != nil {
			return err
		}
	}
	for _, s := range statements {
		p.admit(s)
	}
	p.storeErr = nil
	return nil
}

// adopt takes a stored proposal as what this node said.
func (p *procedure) adopt(own coordination.OwnProposal) error {
	message, err := proposal.DecodeMessage(own.Payload)
	if err != nil {
		return errors.Join(errors.New("the stored proposal cannot be decoded"), err)
	}
	p.own, p.sentAt = &message, own.SentAt
	p.hearing.hear(coordination.Statement{
		Wallet:    p.Wallet.ID(),
		Window:    p.window.Block,
		Author:    p.Self,
		Seat:      message.Sender,
		Digest:    message.Digest(),
		Payload:   own.Payload,
		ArrivedAt: own.SentAt,
	}, message)
	return nil
}

// admit decodes a statement that is written down and takes it into the hearing. The channel only delivers what
// decodes, so a statement that does not was damaged in the store.
func (p *procedure) admit(s coordination.Statement) {
	message, err := proposal.DecodeMessage(s.Payload)
	if err != nil {
		p.log.Error("A stored statement cannot be decoded", "author", s.Author, "error", err)
		return
	}
	p.hearing.hear(s, message)
	if first, ok := p.hearing.candidate(); ok && p.trial.tries == 0 {
		p.trial.arrived = first.ArrivedAt
	}
}
