package signer

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// Channel carries what the operators of one wallet, or of one key generation, say to each other about it. Messages can be
// lost, repeated and reordered, by anybody; none can be forged.
type Channel interface {
	// Publish says something, signed by the operator's key. It is heard here as well, as by everybody else.
	Publish(ctx context.Context, data []byte) error
	// Next returns what was said next; an error once ctx or the channel has ended.
	Next(ctx context.Context) (Said, error)
}

// Said is one message.
type Said struct {
	By     chain.Operator
	Data   []byte
	Signed []byte // the whole pubsub message, exactly as it was signed
}
