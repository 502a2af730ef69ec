package signing

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// afterglow is a topic after its action has ended well: whoever announces itself for another attempt is told the result, and
// whoever asks for the transaction that was spent is given it.
type afterglow struct {
	cfg    Config
	topic  Topic
	answer result
	lender *lender
}

func newAfterglow(r *run, e ending) *stay {
	a := &afterglow{
		cfg: r.cfg, topic: r.topic, lender: r.lender,
		answer: result{about{r.wallet.ID(), r.order.Window, r.digest, e.attempt}, e.signatures},
	}
	return newStay(r.wallet.ID(), r.schedule.end, a.play, r.closeTopic)
}

func (a *afterglow) play(ctx context.Context) {
	answered := false
	a.cfg.heed(ctx, a.topic, func(by chain.Operator, content any) (enough bool) {
		switch m := content.(type) {
		case announcement:
			if !answered && by != a.cfg.Self && m.intent == a.answer.intent && m.attempt > a.answer.attempt {
				answered = a.topic.Publish(ctx, encode(a.answer)) == nil // from now on the topic repeats it
			}
		case wanted:
			a.lender.hear(ctx, a.topic, by, m)
		}
		return false
	})
}
