// Package keygen is the nodes' side of a key generation: invitation, acceptance, rounds, and what all operators sign at its end.
//
//	invitation ─► pending ─accept─► acceptance ─all are there─► rounds with the backend ─► attestation ─all agree─► active
//
// The documents are pubsub messages, each signed by an operator on a topic of its own on which nothing is ever published:
// the topic's name keeps one kind of document from being taken for another. They stand by themselves, so anybody can carry them.
// Between those who take part the talk goes over one topic per session.
//
// One instance runs a session: of an operator's instances that share a database the one that accepted it. The secrets of an
// open session are in its backend's memory alone, so a session whose instance or backend is lost fails and is begun anew,
// with another nonce; one that had come to its attestation is finished after a restart.
//
// Documents come first, and know nothing of what follows them: signer backends and tools read them without a service.
//
//	document.go, invitation.go, acceptance.go     how a document is signed and read; who is asked for what, and who takes part
//	bundle.go, attestation.go                     what is said at the end of a round; what all attest, and the record of it
//	dispute.go                                    what it takes to tell who of a pair has broken a key generation
//	log.go, ports.go, status.go                   what is written down, what the service stands on, what it shows
//	service.go, decide.go, pending.go             the sessions of one operator: begun, accepted, declined, buried
//	play.go, rounds.go, attest.go                 one session from its acceptances to an active wallet
//	hearing.go, heard.go                          what is heard in it, and what that comes to
//	retell.go, failing.go                         what is said again, and what is said when it fails
//	blame.go, examine.go                          who has broken it, in a session and afterwards, by what was signed
package keygen
