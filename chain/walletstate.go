package chain

import "fmt"

// WalletState is a wallet's state on the host chain, with the contract's numbers.
type WalletState uint8

// The states of a wallet. A wallet that the chain does not know is in the zero state.
const (
	WalletUnknown WalletState = iota
	WalletLive
	WalletMovingFunds
	WalletClosing
	WalletClosed
	WalletTerminated
)

var walletStateNames = [...]string{"unknown", "live", "moving_funds", "closing", "closed", "terminated"}

// Valid reports whether the contract knows the number.
func (s WalletState) Valid() bool { return int(s) < len(walletStateNames) }

// String returns the state's name in snake_case.
func (s WalletState) String() string {
	if !s.Valid() {
		return fmt.Sprintf("wallet_state(%d)", uint8(s))
	}
	return walletStateNames[s]
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (s WalletState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
