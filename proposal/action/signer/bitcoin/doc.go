// Package bitcoin builds the transactions that wallets sign, judges those that signers are asked for, works out what is
// signed, and verifies what was. Everything here but Directory is a pure function of values: who signs and who asks run the
// same code and come to the same bytes.
//
// Amounts are satoshi. Hashes of transactions are in internal byte order, as the Bridge has them; only txID turns them round.
package bitcoin
