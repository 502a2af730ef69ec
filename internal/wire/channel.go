package wire

import (
	"fmt"
	"strings"

	"github.com/walletnode/walletnode/chain"
)

// What stands around the wallet's key in the name of its coordination channel.
const (
	channelPrefix = "tbtc-"
	channelSuffix = "-coordination"
)

// ChannelName returns the name of a wallet's coordination channel, which is also its pubsub topic:
// tbtc-<uncompressed public key in lower-case hex>-coordination.
func ChannelName(wallet chain.PublicKey) string {
	return channelPrefix + wallet.String() + channelSuffix
}

// ParseChannelName returns the wallet's key that a channel's name holds: exactly what ChannelName writes. Everything else is
// ErrMalformed.
func ParseChannelName(name string) (chain.PublicKey, error) {
	inner, ok := strings.CutPrefix(name, channelPrefix)
	inner, coordination := strings.CutSuffix(inner, channelSuffix)
	if !ok || !coordination {
		return chain.PublicKey{}, fmt.Errorf("%w: %.200q is no coordination channel", ErrMalformed, name)
	}
	key, err := chain.ParsePublicKey(inner)
	if err != nil {
		return chain.PublicKey{}, fmt.Errorf("%w: channel name: %w", ErrMalformed, err)
	}
	if ChannelName(key) != name {
		return chain.PublicKey{}, fmt.Errorf("%w: the name of a channel has its key in lower-case hex", ErrMalformed)
	}
	return key, nil
}
