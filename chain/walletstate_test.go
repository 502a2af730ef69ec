package chain

import "testing"

func TestWalletStatesHaveNames(t *testing.T) {
	for state, want := range map[WalletState]string{
		0: "unknown", 1: "live", 2: "moving_funds", 3: "closing", 4: "closed", 5: "terminated", 6: "wallet_state(6)",
	} {
		if got := state.String(); got != want || state.Valid() != (state < 6) {
			t.Errorf("state %d: %q, valid %v", uint8(state), got, state.Valid())
		}
	}
}
