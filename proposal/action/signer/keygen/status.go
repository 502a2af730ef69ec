package keygen

import (
	"context"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Status is one key generation as people see it.
type Status struct {
	Row
	Invited Invitation   // what the row's invitation says
	Seats   []chain.Seat // our operator's
	// Progress is of those that run in this instance; zero of all others.
	Progress Progress
}

// Statuses returns every key generation that is known, the newest first.
func (s *Service) Statuses(ctx context.Context) ([]Status, error) {
	rows, err := s.cfg.Log.Keygens(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Status, 0, len(rows))
	for _, row := range rows {
		st, err := s.status(row)
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
}

// Status returns one key generation; ErrUnknown if there is no such one.
func (s *Service) Status(ctx context.Context, session signer.SessionID) (Status, error) {
	row, ok, err := s.cfg.Log.Keygen(ctx, session)
	if err != nil {
		return Status{}, err
	}
	if !ok {
		return Status{}, ErrUnknown
	}
	return s.status(row)
}

func (s *Service) status(row Row) (Status, error) {
	inv, err := ReadInvitation(row.Invitation)
	if err != nil {
		return Status{}, err
	}
	st := Status{Row: row, Invited: inv, Seats: inv.SeatsOf(s.self)}
	s.mu.Lock()
	p := s.live[row.Session]
	s.mu.Unlock()
	if p != nil && row.State.Open() {
		p.mu.Lock()
		defer p.mu.Unlock()
		st.Progress = p.progress
		st.Progress.Awaited = slices.Clone(st.Progress.Awaited)
	}
	return st, nil
}
