package node

import (
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
)

// A client is one of the endpoints of a quorum; neither package knows the other.
var _ quorum.Endpoint = (*ethereum.Client)(nil)
