package wire

import "github.com/walletnode/walletnode/chain"

// ChannelName returns the name of a wallet's coordination channel, which is also its pubsub topic:
// tbtc-<uncompressed public key in lower-case hex>-coordination.
func ChannelName(wallet chain.PublicKey) string {
	return "tbtc-" + wallet.String() + "-coordination"
}
