// Package bitcoin builds the transactions that wallets sign, works out what is signed, and verifies what was.
package bitcoin
