// Package placement says which backend holds which wallet's shares, and finds out whether it really does.
//
// A new wallet's backend is chosen by weight among those that take new ones, written down before its key is generated and confirmed
// after it; from then on the wallet stays there, whatever is added, removed or put in another order, until the operator says that its key
// was moved. What each backend holds is compared with what is written down. A wallet that two backends hold, or whose key is not the
// wallet's, is signed for by neither; one whose backend is down waits for that one, and delays no other.
package placement
