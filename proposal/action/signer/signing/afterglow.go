package signing

import (
	"bytes"
	"context"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

// afterglow is a topic after its action has ended well: the result is told there if those whose turn it was before did not, whoever
// announces itself for another attempt is told it, and whoever asks for the transaction that was spent is given it.
type afterglow struct {
	cfg     Config
	topic   Topic
	answer  result
	standIn chain.Height // as in ending
	lender  *lender
}

func newAfterglow(r *run, e ending) *stay {
	a := &afterglow{
		cfg: r.cfg, topic: r.topic, lender: r.lender, standIn: e.standIn,
		answer: result{about{r.wallet.ID(), r.order.Window, r.digest, e.attempt}, e.signatures},
	}
	return newStay(r.wallet.ID(), r.schedule.end, a.play, r.closeTopic)
}

func (a *afterglow) play(ctx context.Context) {
	waiting, told := context.WithCancel(ctx)
	var standIn sync.WaitGroup
	defer standIn.Wait()
	defer told()
	if a.standIn > 0 {
		standIn.Go(func() { a.tellIn(waiting, a.standIn) })
	}
	answered := false
	a.cfg.heed(ctx, a.topic, func(by chain.Operator, content any) (enough bool) {
		switch m := content.(type) {
		case announcement:
			if !answered && by != a.cfg.Self && m.intent == a.answer.intent && m.attempt > a.answer.attempt {
				answered = a.tell(ctx) // from now on the topic repeats it
			}
		case result:
			if by != a.cfg.Self && bytes.Equal(encode(m), encode(a.answer)) { // another one may not be the wallet's signature
				told()
			}
		case wanted:
			a.lender.hear(ctx, a.topic, by, m)
		}
		return false
	})
}

// tellIn tells the result at a height, unless ctx ends before: then somebody else has, or the topic is about to be closed.
func (a *afterglow) tellIn(ctx context.Context, at chain.Height) {
	for a.cfg.Clock.Until(ctx, at) == nil && !a.tell(ctx) {
		at = a.cfg.Clock.Height() + 1
	}
}

// tell reports whether the result could be told.
func (a *afterglow) tell(ctx context.Context) bool {
	return a.topic.Publish(ctx, encode(a.answer)) == nil
}
