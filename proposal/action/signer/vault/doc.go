// Package vault is a signer backend: key shares at rest, sessions, and the rules that keep it from signing twice.
//
// A vault is one directory that one process has open. In it are an SQLite database, whose every transaction is on the disk
// before anything that follows from it leaves, and the master key, under the operator's password. Whatever is secret is
// encrypted with the master key, and bound to the row that it stands in. The nonces of open sessions are in memory alone: a
// restart ends the sessions.
//
// What a vault demands before it takes part in a signature, and what it answers otherwise (signer.Refused names the rule):
//
//	statement  the intent carries the signed coordination message of an operator who holds a seat of the wallet, for exactly
//	           this wallet and window
//	proposal   change, fee, previous: the transaction is what that message proposes, see package bitcoin
//	slot       a window of a wallet is bound to one intent for ever
//	window     windows never go back, and never lie further ahead than blocks can have been made since the key was generated
//	           and since the newest window was signed for
//	nonce      a session answers each round for one set of messages only; its nonces serve once
//	outpoint   an output that an intent spends belongs to that intent, until one of a later window names all that it replaces
//	double     what pays a redeemer's script shares an input with every transaction that paid it before, or descends from it
//	rate       a window has a greatest number of sessions
//	term       the instance that asks is not one that was superseded
//	feed       the leader's message came through the backend's own mailbox of the operator's feed, if it has one
//	seats      the signers are seats of the wallet, at least as many as its threshold, some of them here
//
// A session's name is the hash of all that it signs and of who signs it, and what it answered is stored: who asks the same
// again is given the same bytes, and nothing else.
package vault
