package bubble_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/bubble"
)

func TestMain(m *testing.M) { bubble.Main(m) }

// Many goroutines look at timers that are due; on more than one processor this ends the process under the race detector.
func TestTimersThatAreDueAtOnceAreSurvived(t *testing.T) {
	const loops, rounds = 16, 20000
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		for range loops {
			go func() {
				for range rounds {
					timer := time.NewTimer(0)
					<-timer.C
				}
				done <- struct{}{}
			}()
		}
		for range loops {
			<-done
		}
	})
	require.Positive(t, runtime.GOMAXPROCS(0))
}
