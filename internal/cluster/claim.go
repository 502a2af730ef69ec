package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/pause"
)

// Log is what a Desk writes its sendings down in: a Journal.
type Log interface {
	// Append returns once the entry will survive a crash.
	Append(e Entry) error
	// Entries returns what was appended, oldest first.
	Entries() ([]Entry, error)
}

// DeskConfig is what a Desk needs; every field is required.
type DeskConfig struct {
	Claims  Claims
	Journal Log
	// Status is asked before a window is claimed: an instance that is unwell leaves it to others.
	Status func() Status
	// Timeout is how long one request is waited for, and Retry the pause after one whose outcome is not known.
	Timeout, Retry time.Duration

	Logger *slog.Logger
}

// Desk decides what this operator says for a (wallet, window), whichever of its instances says it.
type Desk struct{ cfg DeskConfig }

// NewDesk checks the configuration.
func NewDesk(cfg DeskConfig) (*Desk, error) {
	if cfg.Claims == nil || cfg.Journal == nil || cfg.Status == nil || cfg.Timeout <= 0 || cfg.Retry <= 0 || cfg.Logger == nil {
		return nil, errors.New("desk: a dependency is missing")
	}
	return &Desk{cfg: cfg}, nil
}

// Propose returns the bytes that may be sent for a window. It claims the window under the wallet's epoch; if nothing is
// stored for it yet it calls build, whose outcome is stored unless another's was first; what is stored is written to the
// journal; and only then, with the lease still held by the holder's own clock, it is returned. The caller asks
// Tenure.May once more right before it sends, and sends exactly what came back.
//
// An outcome that is not known is asked for again until ctx ends. ErrFenced, ErrLapsed, ErrUnhealthy and ErrDoubtful say
// that this instance sends nothing now; build's error is returned as it is, and leaves the claim empty for another try. The
// caller tries again for as long as the window lasts and Keeper.Holds: a fence also fails for the moment in which a lease
// ran out in the database while its renewal was under way, and a doubt ends.
func (d *Desk) Propose(ctx context.Context, t *Tenure, a Assignment, window chain.Height,
	build func(context.Context) (coordination.OwnProposal, error),
) (coordination.OwnProposal, error) {
	if status := d.cfg.Status(); !status.Healthy {
		return coordination.OwnProposal{}, ErrUnhealthy
	}
	fence := t.Fence(a)
	claim, err := d.settle(ctx, t, "claim window", func(ctx context.Context) (Claim, error) {
		return d.cfg.Claims.Claim(ctx, fence, window)
	})
	if err != nil {
		return coordination.OwnProposal{}, err
	}
	if !claim.Filled() {
		own, err := build(ctx)
		if err != nil {
			return coordination.OwnProposal{}, err
		}
		if len(own.Payload) == 0 {
			return coordination.OwnProposal{}, errors.New("proposal is empty")
		}
		claim, err = d.settle(ctx, t, "store proposal", func(ctx context.Context) (Claim, error) {
			return d.cfg.Claims.SaveProposal(ctx, fence, window, own)
		})
		if err != nil {
			return coordination.OwnProposal{}, err
		}
	}
	if err := d.cfg.Journal.Append(newEntry(fence, window, claim.Own)); err != nil {
		return coordination.OwnProposal{}, err
	}
	if err := t.May(); err != nil {
		return coordination.OwnProposal{}, err
	}
	return claim.Own, nil
}

// settle repeats a request until its outcome is known. Both requests may be repeated: a claim that is ours already is
// returned, and so is a proposal that is stored already. That is also how a commit without an answer is read again.
func (d *Desk) settle(ctx context.Context, t *Tenure, what string, request func(context.Context) (Claim, error)) (Claim, error) {
	for {
		if err := t.May(); err != nil {
			return Claim{}, fmt.Errorf("%s: %w", what, err)
		}
		claim, err := d.ask(ctx, request)
		switch {
		case err == nil:
			return claim, nil
		case errors.Is(err, ErrFenced), errors.Is(err, ErrDoubtful), errors.Is(err, ErrSessionLost):
			return Claim{}, fmt.Errorf("%s: %w", what, err)
		}
		d.cfg.Logger.Debug("Outcome not known, asking again", "request", what, "error", err)
		if err := pause.For(ctx, d.cfg.Retry); err != nil {
			return Claim{}, fmt.Errorf("%s: %w", what, err)
		}
	}
}

func (d *Desk) ask(ctx context.Context, request func(context.Context) (Claim, error)) (Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	return request(ctx)
}
