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
package keygen
