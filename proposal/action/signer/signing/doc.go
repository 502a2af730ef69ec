// Package signing is the nodes' side of a threshold signature: attempts, and the handlers that carry actions out with them.
//
//	Order ─► handler: intent, stored ─► attempts of 41 blocks: who is there ─► who signs ─► rounds with the backends ─► result, verified
//	                                                                                                   └─► told to those who come late
//
// A node signs nothing and holds no share: it names the signers, carries what their backends say, and checks the outcome with another
// library than the one that made it. The intent of a window is written down before anybody is asked, and is the same after a restart and
// for a successor. Whoever is silent or cheats is named and left out of the next attempt; at the action's last block it ends without a
// signature. Nothing here sends a transaction to Bitcoin; a Broadcaster would.
//
//	service.go, carryout.go, prepare.go       an order on its way to its outcome, and what it takes
//	heartbeat.go, redemption.go               the handlers of the two kinds that can be signed
//	log.go, ports.go, message.go              what is written down, what the service stands on, what nodes say to each other
//	run.go, schedule.go, ear.go, standing.go  the attempts at one intent: when, what is heard, who is waited for
//	attempt.go, board.go, choose.go           one attempt: who is there, and who is named to sign
//	rounds.go, explain.go, conclude.go        its rounds with the backend, why it failed, how it ends
//	proof.go                                  two signed messages that prove who broke one
//	search.go, ancestors.go                   earlier transactions of the wallet, asked for and given
//	afterglow.go, witness.go, stay.go         who stays on the topic: to tell what was signed, or to learn it
package signing
