// Package signer has the nouns of threshold signing and the promises between its parts. An operator's key shares live in
// signer backends ("enclaves"); the backends of a wallet's operators sign together, with the nodes as mere carriers.
//
//	proposal/action ─Order─► signing ─rounds─► Backend (vault, in this process or behind daemon) ─► scheme: one party per seat
//	                            │  ▲
//	                            ▼  │ signed bundles, one per operator and round
//	                          Channel (a topic of our own)
//
// A Backend is never given a bare hash. It is given an Intent, works out itself what is to be signed, and applies the rules of
// package vault to it, whatever the node says. Between the backends of different operators nothing is believed that is not
// signed by the operator it is said to be from, and what is meant for one seat is sealed to that seat's backend.
//
//	backend.go, errors.go       what a backend is asked and answers, and how it fails
//	values.go, hex.go, text.go  what is signed, and how values and texts of others are written
//	channel.go                  where backends hear each other
//	frozen.go                   why a key is frozen for ever
package signer
