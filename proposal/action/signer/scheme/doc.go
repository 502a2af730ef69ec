// Package scheme runs one seat's part in a threshold scheme, and keeps the faults of the library that does the mathematics inside.
//
// A party goes in lockstep: Begin gives the seat's first messages, and each Round takes all that the other seats sent in the
// round before and gives the next. Messages are opaque to everybody else; they must reach the seat that they are for exactly
// as they were made, with the true name of the seat that made them, and those for one seat must be read by nobody else.
//
//	keygen.go, signing.go, verify.go         generating a key, signing, and whether a signature is right
//	party.go, rounds.go, frame.go, shape.go  a run of the library, its messages and the only form that they may have
//	fault.go, words.go, dealt.go             who broke a run: what the library says, and what a dealt share shows
//	share.go, sharecodec.go, cmp.go          a seat's share of the key, at rest and in the library's form
//	curve.go, tweak.go                       points and scalars; a Taproot key
//
// The library is github.com/taurusgroup/multi-party-sig (alpha, unaudited). What is known to be wrong with it, and what is
// done about it here:
//
//   - It decodes before it checks, and a crafted polynomial makes it panic, or allocate without bound. Every message is held
//     against the only form that an honest one can have (shape.go) before the library sees it, and no panic gets out.
//   - Its envelope can be an "abort", upon which it blames who reports one. Our envelope cannot say that (frame.go).
//   - It checks what a message proves before it checks that all have seen the same broadcasts, so that split broadcasts make
//     honest seats blame each other. We compare first, and then blame nobody: see Fault.Differ.
//   - Its pools deadlock, its Stop panics, and its own encodings lose seats from 128 on. None of them is used.
//   - Its threshold is the number of seats that may be corrupt: one less than ours, the number of seats that it takes.
package scheme
