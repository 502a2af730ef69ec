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
//
//	vault.go, lock_unix.go, lock_other.go, ledger.go    the directory, who has it, and its database
//	identity.go, box.go, password.go                    the backend's name and keys; secrets at rest, and the password over them
//	keys.go, protection.go, export.go                   keys and their states; what keeps one from signing twice, also elsewhere
//	session.go, ceremony.go                             sessions: a round asked for, and the own seats' parts in it
//	generate.go, dispute.go                             generating a key, and telling who broke that
//	sign.go, statement.go, mailbox.go, rules.go         signing: what the leader said, by the node or by the mailbox, and the rules
//	heard.go, author.go, parcel.go                      what other operators' backends say: signed, and sealed to one
package vault
