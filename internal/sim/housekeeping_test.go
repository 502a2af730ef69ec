package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store"
)

func TestANodeDeletesWhatItsRetentionNoLongerKeeps(t *testing.T) {
	wallet := newWallet(1, 0)
	withMocknet(t, 1, func(t *testing.T, w *world) {
		w.retention = store.Retention{Windows: 2, Evidence: 3}
		w.start(0)
		w.pass(4*900 + 300)
		rows, err := w.nodes[0].Store().Windows(t.Context(), store.WindowFilter{})
		require.NoError(t, err)
		var blocks []int
		for _, row := range rows {
			blocks = append(blocks, int(row.Block))
		}
		require.Equal(t, []int{3600, 2700}, blocks)
	}, wallet)
}
