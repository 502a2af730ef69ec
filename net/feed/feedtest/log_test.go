package feedtest_test

import (
	"testing"

	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

func TestTheLogInMemory(t *testing.T) {
	feedtest.Suite(t, 1, func(*testing.T) func() pipeline.Log {
		l := feedtest.New()
		return func() pipeline.Log { return l }
	})
}
