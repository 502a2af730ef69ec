// Package signing is the nodes' side of a threshold signature: attempts, and the handlers that carry actions out with them.
//
//	Order ─► handler: intent, stored ─► attempts of 41 blocks: who is there ─► who signs ─► rounds with the backends ─► result, verified
//	                                                                                                   └─► told to those who come late
//
// A node signs nothing and holds no share: it names the signers, carries what their backends say, and checks the outcome with another
// library than the one that made it. The intent of a window is written down before anybody is asked, and is the same after a restart and
// for a successor. Whoever is silent or cheats is named and left out of the next attempt; at the action's last block it ends without a
// signature. Nothing here sends a transaction to Bitcoin; a Broadcaster would.
package signing
