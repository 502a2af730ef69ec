package node

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
)

// The watcher goes by what its log can do: taken for one of its own, a sibling's window would be an error.
func TestTheLogOfManyInstancesIsKnownAsSuch(t *testing.T) {
	var pen *store.Pen
	_, shared := counted(fenced{pen: pen}, nil).(coordination.SharedLog)
	require.True(t, shared)
	var alone *store.Store
	_, shared = counted(alone, nil).(coordination.SharedLog)
	require.False(t, shared)
}
