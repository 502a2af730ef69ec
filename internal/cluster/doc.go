// Package cluster lets one operator run many instances on one shared database: each instance has a session, each wallet
// one responsible instance with a growing epoch, each (wallet, window) one claim, and what is said for it is said once.
//
//	Session ─Tenure─► Keeper ─Fence─► Desk ─the bytes to send─► the caller's broadcast
//	   │ renews          │ plans, moves  │ claims, stores, writes its journal
//	   └─────────────────┴───────────────┴──────► the shared store (Sessions, Assignments, Claims)
//
// Epochs are safety, leases are liveness. Which guarantee comes from where:
//
//   - Never two different proposals for one (wallet, window): the claim's row. It is one per (wallet, window), its bytes
//     are stored before they are sent and never change, and whoever comes later sends those. This needs no clock.
//   - Nobody writes for a wallet that is another's: the fence. Every write checks, in its own transaction and with the
//     wallet's row locked, that session and epoch are still those that it was given. This needs no clock either.
//   - A wallet is served soon after its instance died: the lease. It is the database's clock that ends it, and if that
//     clock jumps, wallets move early or late, and nothing else happens.
//   - An instance that lost its lease stops by itself, though nobody can tell it: the holder's deadline, counted on its own
//     monotonic clock from before its last renewal was sent. It spares the network the words of an instance that is not
//     responsible any more; that those words are harmless is the claim's doing.
//   - A copy of an instance (a restored snapshot of its machine) ends: the renewal counter. Both renew the same count, one
//     of them finds it gone, and ends. What both did until then went through the same claims.
//   - The database forgot what it had acknowledged (a promoted replica, a restored backup): the generation and the journal.
//     The generation makes every older session void; each instance's file knows what was sent, and it is put back before
//     anything new is claimed. Windows that may have been served by an instance that is not there to say so are left out.
//
// The package knows no SQL, no network and no chain: stores satisfy its interfaces, which package clustertest has a suite
// for, with a database in memory that fails in every way that a real one does.
//
//	values.go, store.go, timing.go      the nouns, what a store must do, and how long a lease is
//	session.go, tenure.go               that an instance lives
//	keeper.go, assign.go                who serves which wallet
//	claim.go, phase.go                  what is said for a window, and when nobody moves a wallet
//	journal.go, entry.go, watermark.go  an instance's own files: what was sent, and how far the database had got
package cluster
