// Package contracts holds the devnet's own Bridge and WalletProposalValidator with their Go binding. They
// implement the interfaces that the node's adapter is generated from (chain/ethereum/tbtc), so a node on the
// devnet runs the same adapter as on a real chain. README.md says how to generate everything anew.
package contracts

//go:generate npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
//go:generate node compile.js
//go:generate go run ./bindgen -pkg contracts Bridge WalletProposalValidator
//go:generate go run ./bindgen -dir ../../../chain/ethereum/tbtc -pkg tbtc Bridge WalletProposalValidator
