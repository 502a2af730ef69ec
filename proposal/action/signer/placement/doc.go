// Package placement says which backend holds which wallet's shares, and finds out whether it really does.
//
// A new wallet's backend is chosen by weight among those that take new ones, written down before its key is generated and confirmed
// after it; from then on the wallet stays there, whatever is added, removed or put in another order, until the operator says that its key
// was moved. What each backend holds is compared with what is written down. A wallet that two backends hold, or whose key is not the
// wallet's, is signed for by neither; one whose backend is down waits for that one, and delays no other.
//
//	placement.go                 what is written down: assignments, and what operators say of backends
//	pool.go, probe.go, tally.go  the backends, how they fare, and how long they take
//	choose.go, assign.go         which one takes a new wallet
//	reconcile.go, move.go        whether it holds what is written down; a key that was moved
//	serve.go, status.go          which one signs for a wallet, and how all this is shown
package placement
