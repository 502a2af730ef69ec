package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// An operator's log tells of a window once for each wallet, whatever happened in it: as leader with tasks that cannot be
// done and requests that must be left out, as follower, with an action or without.
func TestAtInfoTheLogHasOneLinePerWindowAndWallet(t *testing.T) {
	one, two := newWallet(1, 0, 1, 2), newWallet(2, 0, 1, 2, 2)
	withMocknet(t, 3, func(t *testing.T, w *world) {
		logs := map[int]*bytes.Buffer{}
		w.logger = func(n int) *slog.Logger {
			logs[n] = new(bytes.Buffer)
			return slog.New(slog.NewJSONHandler(logs[n], nil))
		}
		asked := must(w.chain.Header(t.Context(), 700)).Time
		w.chain.requests = []chain.RedemptionRequest{
			{Script: []byte{0, 20, 1}, RequestedAmount: 1_000_000, TxMaxFee: 100_000, RequestedAt: asked},
			{Script: []byte{0, 20, 2}, RequestedAmount: 1_000_000, TxMaxFee: 1, RequestedAt: asked}, // bears no fee
		}
		for n := range 3 {
			w.start(n)
		}
		windows := []chain.Height{900, 1800, 2700, 3600} // the fourth has a deposit sweep on its checklist
		w.pass(3500)
		for i := range w.chain.requests { // nothing is due any more: the leader goes on to what it cannot do
			w.chain.requests[i].RequestedAt = asked.Add(time.Hour * 24 * 365)
		}
		w.pass(3810)
		w.stopAll()
		for n, log := range logs {
			found, opened := map[string]int{}, map[chain.Height]int{}
			for line := range bytes.Lines(log.Bytes()) {
				var head struct {
					Level, Msg, Wallet string
					Window             chain.Height
				}
				require.NoError(t, json.Unmarshal(line, &head), "%s", line)
				require.Equal(t, "INFO", head.Level, "%s", line)
				if head.Msg == "Window opened" { // once for all wallets
					opened[head.Window]++
				}
				if head.Wallet == "" {
					continue
				}
				found[fmt.Sprint(head.Window, head.Wallet)]++
				require.Equal(t, "Window ended", head.Msg)
				var all map[string]any
				require.NoError(t, json.Unmarshal(line, &all))
				require.Equal(t, []string{
					"action", "detail", "faults", "leader", "level", "msg", "reason", "received_block", "role", "time", "wallet", "window",
				}, slices.Sorted(maps.Keys(all)), "who reads the log by machine relies on the keys")
				want := []any{"ok", "Redemption"}
				if head.Window == 3600 {
					want = []any{"noop", "Noop"}
				}
				require.Equal(t, want, []any{all["reason"], all["action"]}, "%s", line)
			}
			for _, window := range windows {
				require.Equal(t, 1, opened[window], "node %d", n)
				for _, wallet := range w.wallets {
					require.Equal(t, 1, found[fmt.Sprint(window, wallet.ID().String())], "node %d", n)
				}
			}
			require.Len(t, found, len(windows)*len(w.wallets), "node %d", n)
		}
	}, one, two)
}
