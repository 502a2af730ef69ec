package signing

import (
	"context"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action"
)

// stay is what is still done on a wallet's topic after an action has ended, until the action's last block for signing.
type stay struct {
	wallet chain.WalletID
	until  chain.Height
	play   func(ctx context.Context) // until ctx ends, or nothing is left to be done
	close  func()                    // of the topic; called once

	stopping chan struct{} // closed by stop
	once     sync.Once
	ended    chan struct{} // closed when the topic is
}

func newStay(wallet chain.WalletID, until chain.Height, play func(ctx context.Context), closeTopic func()) *stay {
	return &stay{wallet: wallet, until: until, play: play, close: closeTopic, stopping: make(chan struct{}), ended: make(chan struct{})}
}

func (s *stay) stop() { s.once.Do(func() { close(s.stopping) }) }

// end closes the topic.
func (s *stay) end() {
	s.close()
	close(s.ended)
}

// last plays until the action's last block for signing, until stop, or until ctx ends.
func (s *stay) last(ctx context.Context, clock action.Clock) {
	defer s.end()
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		defer cancel()
		over, done := untilChanged(ctx, s.stopping)
		defer done()
		_ = clock.Until(over, s.until)
	})
	s.play(ctx)
}

// heed hands what operators say on a topic to hear, until that is enough for it or ctx ends. What cannot be read is passed over.
func (c Config) heed(ctx context.Context, topic Topic, hear func(by chain.Operator, content any) (enough bool)) {
	for {
		said, err := topic.Next(ctx)
		if err != nil {
			return
		}
		if content, err := c.read(said); err == nil && hear(said.By, content) {
			return
		}
	}
}
