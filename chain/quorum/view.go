package quorum

import "github.com/walletnode/walletnode/chain"

// View is what one endpoint stands by: its newest header and the hashes below it that its headers name, as far as they
// are known. It is immutable.
type View struct {
	hashes map[chain.Height]chain.Hash
	head   chain.Header
}

// At returns the hash that the endpoint stands by at a height; false if that is not known.
func (v *View) At(h chain.Height) (chain.Hash, bool) {
	if v == nil {
		return chain.Hash{}, false
	}
	hash, ok := v.hashes[h]
	return hash, ok
}

// Head returns the endpoint's newest header.
func (v *View) Head() chain.Header { return v.head }
