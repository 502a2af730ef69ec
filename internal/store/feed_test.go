package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// session proves the instance's own.
func (i *sibling) session() (cluster.Seal, error) { return i.seal, nil }

func TestTheFeedOfAnOnlyNode(t *testing.T) {
	feedtest.Suite(t, 4, func(t *testing.T) func() pipeline.Log {
		open := embedded(t, Retention{})
		return func() pipeline.Log {
			s := open()
			return reread{s.Feed("alpha", nil), s.Feed("alpha", nil)}
		}
	})
}

func TestTheFeedOfAnInstance(t *testing.T) {
	feedtest.Suite(t, 1, func(t *testing.T) func() pipeline.Log {
		open := served(t, Retention{})
		var last *sibling
		return func() pipeline.Log {
			if last != nil {
				require.NoError(t, last.store.CloseSession(t.Context(), last.seal.Holder))
			}
			last = newSibling(t, open(), "alpha")
			return last.store.Feed("alpha", last.session)
		}
	})
}
