package store

// beginWriting begins a transaction that writes. One that nobody goes on with is ended by the server in half the time of a
// usual lease: a process that froze, or was cut off, between two statements would otherwise keep its wallets' rows from those
// that take them over. The setting is the transaction's own and goes with it, so it stays in no session; nothing but the time of
// a take-over depends on it.
const beginWriting = `begin isolation level read committed; set local idle_in_transaction_session_timeout = '5s'`
