package keygen

import (
	"context"
	"sync"
	"time"

	"github.com/walletnode/walletnode/internal/wire/pb"
)

// acceptAgain says our acceptance again after a restart: who waits for it may have been away, or restart, too.
func (p *play) acceptAgain(ctx context.Context) {
	for _, signed := range p.row.Acceptances {
		if a, err := ReadAcceptance(signed); err != nil || a.By != p.s.self {
			continue
		}
		if err := p.say(ctx, encodeMessage(&pb.SignerMessage{Body: &pb.SignerMessage_Acceptance{Acceptance: signed}})); err != nil {
			p.log.DebugContext(ctx, "Acceptance was not said again", "error", err)
		}
	}
}

// retelling says again, meanwhile, what our backend said in rounds that an earlier run or another instance has played: who
// has not come as far may have lost it in a restart of its own, and would take us for absent. The function that is returned
// ends that.
func (p *play) retelling(ctx context.Context) func() {
	ctx, stop := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() { p.retell(ctx) })
	return func() {
		stop()
		told.Wait()
	}
}

// retell asks the backend for all rounds once more: for the same questions it gives the answers that it has stored.
func (p *play) retell(ctx context.Context) {
	backend, err := p.s.cfg.Placement.Chosen(ctx, p.row.Session)
	if err != nil {
		p.log.DebugContext(ctx, "What was said in rounds is not said again", "error", err)
		return
	}
	p.backend = backend
	var in [][]byte
	for round := 1; round <= MaxRounds; round++ {
		reply, err := p.ask(ctx, round, in, time.Now().Add(giveUp))
		if err == nil && len(reply.Out) > 0 {
			err = p.utter(ctx, round, reply.Out)
		}
		if err != nil || reply.Done != nil || len(reply.Culprits) > 0 {
			if err != nil && ctx.Err() == nil {
				p.log.DebugContext(ctx, "What was said in a round is not said again", "round", round, "error", err)
			}
			return
		}
		for {
			changed := p.heard.next()
			heard, absent := p.heard.bundlesOf(round)
			if len(absent) == 0 {
				in = heard
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}
