package proposal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// ErrNeedsBitcoinSource says that a kind of proposal cannot be made because the node reads no Bitcoin data. Whoever
// leads skips the kind and says so.
var ErrNeedsBitcoinSource = errors.New("needs a bitcoin source")

// Request is what a generator is told.
type Request struct {
	Wallet chain.WalletID
	Height chain.Height // of the head that the leader acts on
	Now    time.Time    // that head's own time; ages of requests are counted by it (rule R8)
}

// Generator makes the leader's proposals of one kind.
type Generator interface {
	Kind() Kind
	// Generate returns a proposal that the validator would pass at the request's head; nil and no error if there
	// is nothing to do.
	Generate(ctx context.Context, r Request) (Proposal, error)
}

// Generators has one generator for each kind that a checklist can hold: all but Noop.
type Generators struct{ byKind map[Kind]Generator }

// NewGenerators refuses a table with a gap, or with two generators for one kind.
func NewGenerators(generators ...Generator) (Generators, error) {
	byKind := make(map[Kind]Generator, len(generators))
	for _, g := range generators {
		if byKind[g.Kind()] != nil {
			return Generators{}, fmt.Errorf("two generators for proposal kind %v", g.Kind())
		}
		byKind[g.Kind()] = g
	}
	for _, k := range Kinds() {
		if byKind[k] == nil && k != KindNoop {
			return Generators{}, fmt.Errorf("no generator for proposal kind %v", k)
		}
	}
	return Generators{byKind}, nil
}

// Generate makes a proposal of a kind; nil and no error if there is nothing to do.
func (g Generators) Generate(ctx context.Context, kind Kind, r Request) (Proposal, error) {
	generator := g.byKind[kind]
	if generator == nil {
		return nil, fmt.Errorf("no generator for proposal kind %v", kind)
	}
	return generator.Generate(ctx, r)
}

// HeartbeatGenerator makes heartbeats. There is always something to do: whether one is due is the checklist's say.
type HeartbeatGenerator struct{}

// Kind implements Generator.
func (HeartbeatGenerator) Kind() Kind { return KindHeartbeat }

// Generate implements Generator.
func (HeartbeatGenerator) Generate(_ context.Context, r Request) (Proposal, error) {
	return Heartbeat{Message: HeartbeatMessage(r.Wallet, r.Height)}, nil
}

// NeedsBitcoin stands in for the generator of a kind that takes Bitcoin data: DepositSweep, MovingFunds or
// MovedFundsSweep. Generate always fails with ErrNeedsBitcoinSource.
func NeedsBitcoin(kind Kind) Generator { return needsBitcoin{kind} }

type needsBitcoin struct{ kind Kind }

func (g needsBitcoin) Kind() Kind { return g.kind }

func (g needsBitcoin) Generate(context.Context, Request) (Proposal, error) {
	return nil, fmt.Errorf("%v %w", g.kind, ErrNeedsBitcoinSource)
}
