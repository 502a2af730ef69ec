package signing

import (
	"context"
	"log/slog"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action"
)

// afterglow is a topic after its action has ended well: whoever announces itself for another attempt is told the result, and
// whoever asks for the transaction that was spent is given it.
type afterglow struct {
	wallet chain.WalletID
	until  chain.Height
	self   chain.Operator
	topic  Topic
	answer result
	lender *lender
	log    *slog.Logger

	stopping chan struct{} // closed by stop
	once     sync.Once
	ended    chan struct{} // closed when the topic is
}

func newAfterglow(r *run, e ending) *afterglow {
	return &afterglow{
		wallet: r.wallet.ID(), until: r.schedule.end, self: r.cfg.Self, topic: r.topic, log: r.log,
		answer: result{about{r.wallet.ID(), r.order.Window, r.digest, e.attempt}, e.signatures}, lender: r.lender,
		stopping: make(chan struct{}), ended: make(chan struct{}),
	}
}

func (a *afterglow) stop() { a.once.Do(func() { close(a.stopping) }) }

// end closes the topic.
func (a *afterglow) end() {
	if err := a.topic.Close(); err != nil {
		a.log.Debug("Could not close a topic", "error", err)
	}
	close(a.ended)
}

// last answers until the action's last block for signing, until stop, or until ctx ends.
func (a *afterglow) last(ctx context.Context, clock action.Clock) {
	defer a.end()
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		defer cancel()
		over, done := context.WithCancel(ctx)
		defer done()
		watch.Go(func() {
			select {
			case <-a.stopping:
				done()
			case <-over.Done():
			}
		})
		_ = clock.Until(over, a.until)
	})
	for answered := false; ; {
		said, err := a.topic.Next(ctx)
		if err != nil {
			return
		}
		content, err := decode(said.Data)
		if m, ok := content.(wanted); err == nil && ok {
			a.lender.hear(ctx, a.topic, said.By, m)
		}
		asks, ok := content.(announcement)
		if err != nil || answered || !ok || said.By == a.self || asks.intent != a.answer.intent || asks.attempt <= a.answer.attempt {
			continue
		}
		answered = a.topic.Publish(ctx, encode(a.answer)) == nil // from now on the topic repeats it
	}
}
