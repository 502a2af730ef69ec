package exchange

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// slow is a network that takes a minute to send anything, whatever the context says.
type slow struct {
	Network
	opened atomic.Int32
	closed atomic.Int32
}

func (s *slow) Open(Conversation) (Topic, error) {
	s.opened.Add(1)
	return &slowTopic{slow: s}, nil
}

type slowTopic struct{ slow *slow }

func (*slowTopic) Publish(context.Context, []byte) error {
	time.Sleep(time.Minute)
	return nil
}

func (*slowTopic) Next(ctx context.Context) (Said, error) {
	<-ctx.Done()
	return Said{}, ctx.Err()
}

func (*slowTopic) Forget([]byte) {}

func (t *slowTopic) Close() error {
	t.slow.closed.Add(1)
	return nil
}

// A house under weather stood still for this: the topic was to be closed for its operators had changed, and what was being sent kept it
// under a mutex.
func TestWhatIsBeingSentKeepsNobodyWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &slow{}
		v := newVoice(network, Conversation{Name: "x"}, slog.New(slog.DiscardHandler))
		changed := make(chan struct{})
		others := func() ([]chain.Operator, <-chan struct{}) {
			if network.opened.Load() > 0 {
				return make([]chain.Operator, 2), nil
			}
			return make([]chain.Operator, 2), changed
		}
		ctx, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			v.run(ctx, others, nil, func() {})
		}()
		synctest.Wait()
		began, sent := time.Now(), make(chan time.Duration)
		go func() {
			require.True(t, v.say(ctx, []byte("a")))
			sent <- time.Since(began)
		}()
		synctest.Wait()
		close(changed)

		soon, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		require.False(t, v.say(soon, []byte("b")))
		v.hush(soon)
		require.Equal(t, time.Second, time.Since(began))
		require.Zero(t, network.closed.Load(), "not while something is being sent on it")

		require.Equal(t, time.Minute, <-sent)
		synctest.Wait()
		require.EqualValues(t, 1, network.closed.Load())
		require.EqualValues(t, 2, network.opened.Load())
		end()
		<-ended
		require.EqualValues(t, 2, network.closed.Load())
	})
}
