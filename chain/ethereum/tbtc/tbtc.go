// Package tbtc is the Go binding of the part of the tBTC v2 contracts that the node touches: Bridge and
// WalletProposalValidator. interfaces.sol is the source; it is compiled and bound together with the devnet's
// contracts, which implement it (go generate ./internal/devnet/contracts).
package tbtc
