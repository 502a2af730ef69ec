package quorum

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrMembers says that the endpoints are wrong as they are configured, and that nothing was changed.
var ErrMembers = errors.New("chain endpoints")

// Reload makes members the pool's endpoints. It checks them, opens those that are new and polls each once before
// anything changes; an error means that nothing did, and is ErrMembers where the members are to blame: also where there
// is a quorum and they would have none. Those that stay (by their key) keep connection, status, history and cordon. Those that go are closed when their calls in flight have ended, which Reload does not wait for. Run must be
// running.
func (p *Pool) Reload(ctx context.Context, members []Member) error {
	if err := checkMembers(members); err != nil {
		return fmt.Errorf("%w: %w", ErrMembers, err)
	}
	select {
	case <-p.reloading: // one at a time, or two would open the same endpoint
		defer func() { p.reloading <- struct{}{} }()
	case <-p.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	var added []Member
	if err := p.command(ctx, func() error {
		added = p.book.unknown(members)
		return nil
	}); err != nil {
		return err
	}
	links, err := open(added)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMembers, err)
	}
	reports := warm(ctx, p.config, links, p.state.Load().ring)
	if ctx.Err() != nil {
		closeAll(links)
		return ctx.Err()
	}
	err = p.command(ctx, func() error {
		if err := p.book.tryOut(members, links, reports); err != nil {
			return err
		}
		p.book.enrol(members, links)
		p.book.judge(time.Now(), reports...)
		return nil
	})
	if err != nil {
		closeAll(links)
		return err
	}
	p.log.Info("Chain endpoints reloaded", "endpoints", len(members), "added", len(added))
	return nil
}

// unknown returns the members that the book has no endpoint for.
func (b *book) unknown(members []Member) []Member {
	known := make(map[string]bool, len(b.tracks))
	for _, t := range b.tracks {
		known[t.member.key()] = true
	}
	var added []Member
	for _, m := range members {
		if !known[m.key()] {
			added = append(added, m)
		}
	}
	return added
}

// Cordon takes an endpoint out of use until Uncordon or the end of the process: nothing is asked of it but polls. Its vote
// group keeps its place among the configured ones, so that taking endpoints out never makes a majority smaller. ErrNeeded
// if that would end the quorum, or leave nobody who answers reads.
func (p *Pool) Cordon(name string) error { return p.setCordon(name, true) }

// Uncordon lets an endpoint back into use, after three clean polls.
func (p *Pool) Uncordon(name string) error { return p.setCordon(name, false) }

func (p *Pool) setCordon(name string, cordoned bool) error {
	return p.command(context.Background(), func() error { return p.book.setCordon(name, cordoned) })
}

func (b *book) setCordon(name string, cordoned bool) error {
	for _, t := range b.tracks {
		if t.member.Name != name {
			continue
		}
		if cordoned && !t.cordoned {
			if err := b.spare(t); err != nil {
				return err
			}
		}
		if t.cordoned = cordoned; cordoned {
			b.judge(time.Now(), t.report)
		}
		t.link.want()
		return nil
	}
	return fmt.Errorf("%w: %q", errUnknownEndpoint, name)
}
