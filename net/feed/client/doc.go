// Package client follows a mailbox of an operator's feed over HTTP: it verifies as it reads, keeps its place on disk, and goes on at
// whichever instance has the mailbox.
//
//	instance ─ lines over HTTP ─► Follower ─ feed.Reader verifies ─► Deliver ─► acknowledged
//	                                 └─ a directory: place, keys, epochs that are not verified with others yet
//
// It believes one operator's list of keys, and what is signed by those keys. A mailbox whose numbers or links are broken is not read on;
// a payload that is not the recorded one is left out, and said to be wrong. What was taken is not handed over again, but for what was
// taken right before a crash. Each epoch is compared with what other subscribers got, if any are named: what proves somebody's guilt is
// kept in the directory, and what differs without a proof blames nobody.
//
//	follower.go, stream.go, take.go            following: what is asked for, connections, what is done with each line
//	line.go, lines.go, witness.go              the lines of a stream; what origins signed of an entry
//	keys.go, belief.go                         the list of keys, and which is believed
//	place.go, stays.go                         what is kept on the disk: the place, and epochs
//	archive.go, serve.go, peer.go, piece.go    what is kept as others see it: read, shown over HTTP, asked for there
//	comparing.go, comparison.go                comparing after each epoch; what a comparison comes to
//	meeting.go, crossing.go                    two who read from one instance, and from two
package client
