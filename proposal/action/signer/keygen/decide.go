package keygen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Errors of what an operator asks for, told apart with errors.Is.
var (
	// ErrUnknown says that there is no such key generation: it was never heard of, or its invitation has expired.
	ErrUnknown = errors.New("there is no such key generation")
	// ErrTooMany says that as many key generations run as can.
	ErrTooMany = errors.New("too many key generations are running")
	// ErrNoBackend says that no backend can take the shares.
	ErrNoBackend = errors.New("no signer backend can generate the shares")
	// ErrEnded says that the service does not run.
	ErrEnded = errors.New("key generation has ended with the node")
)

// Request asks for a new wallet.
type Request struct {
	Roster    []chain.Operator // of each seat, in seat order
	Threshold int
	Scheme    signer.Scheme
}

// RosterOf gives each operator its number of seats, one after the other: the form in which people ask for a wallet.
func RosterOf(operators []chain.Operator, seats []int) ([]chain.Operator, error) {
	if len(operators) == 0 {
		return nil, fmt.Errorf("%w: there are no operators", ErrTerms)
	}
	if len(operators) != len(seats) {
		return nil, fmt.Errorf("%w: %d operators and %d numbers of seats: want one for each operator", ErrTerms, len(operators), len(seats))
	}
	var roster []chain.Operator
	for i, op := range operators {
		switch {
		case op.IsZero():
			return nil, fmt.Errorf("%w: operator %d is the zero address", ErrTerms, i+1)
		case slices.Contains(operators[:i], op):
			return nil, fmt.Errorf("%w: operator %v stands there twice: add its seats up", ErrTerms, op)
		case seats[i] < 1:
			return nil, fmt.Errorf("%w: operator %v has %d seats, want 1 at least", ErrTerms, op, seats[i])
		case seats[i] > chain.MaxSeats-len(roster):
			return nil, fmt.Errorf("%w: more than %d seats", ErrTerms, chain.MaxSeats)
		}
		roster = append(roster, slices.Repeat([]chain.Operator{op}, seats[i])...)
	}
	return roster, nil
}

// Create invites the roster's operators to generate a wallet's key, and accepts for our own.
func (s *Service) Create(ctx context.Context, r Request) (signer.SessionID, error) {
	now := time.Now()
	inv := Invitation{
		Terms:   Terms{s.cfg.ChainID, s.cfg.Genesis, slices.Clone(r.Roster), r.Threshold, r.Scheme},
		Nonce:   NewNonce(),
		Expires: time.Unix(now.Add(validity).Unix(), 0),
		By:      s.self,
	}
	doc, err := SignInvitation(s.cfg.Key, inv)
	if err != nil {
		return signer.SessionID{}, err
	}
	s.deciding.Lock()
	defer s.deciding.Unlock()
	session := inv.Session()
	row := Row{Session: session, Invitation: doc, State: Invited, Created: now, Changed: now}
	if err := s.cfg.Log.AddKeygen(ctx, row); err != nil {
		return signer.SessionID{}, err
	}
	if err := s.accept(ctx, row, inv); err != nil {
		return signer.SessionID{}, errors.Join(err, s.cfg.Placement.Abandon(ctx, session), s.cfg.Log.ForgetKeygen(ctx, session, Invited))
	}
	return session, nil
}

// Accept takes part in a key generation that our operator was invited to.
func (s *Service) Accept(ctx context.Context, session signer.SessionID) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	row, inv, err := s.invited(ctx, session)
	if err != nil {
		return err
	}
	return s.accept(ctx, row, inv)
}

// invited returns a row on which the operator can still decide.
func (s *Service) invited(ctx context.Context, session signer.SessionID) (Row, Invitation, error) {
	row, ok, err := s.cfg.Log.Keygen(ctx, session)
	if err != nil {
		return Row{}, Invitation{}, err
	}
	if !ok {
		return Row{}, Invitation{}, fmt.Errorf("%w: %v", ErrUnknown, session)
	}
	inv, err := ReadInvitation(row.Invitation)
	if err != nil {
		return Row{}, Invitation{}, err
	}
	if row.State != Invited {
		return Row{}, Invitation{}, fmt.Errorf("%w: it is %s", ErrOtherState, row.State)
	}
	return row, inv, inv.CheckTime(time.Now())
}

// accept picks the backend, writes its acceptance down and begins. The deciding lock is held.
func (s *Service) accept(ctx context.Context, row Row, inv Invitation) error {
	if err := s.room(ctx); err != nil {
		return err
	}
	backend, err := s.cfg.Placement.Choose(ctx, row.Session, inv.Scheme)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBackend, err)
	}
	health, err := backend.Health(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBackend, err)
	}
	if !health.StoreOK || !health.Accepting || !slices.Contains(health.Schemes, inv.Scheme) {
		return fmt.Errorf("%w: backend %s takes no %s keys now: %s", ErrNoBackend, health.BackendID, inv.Scheme, health.Detail)
	}
	sealTo, err := backend.SealTo(ctx, row.Session)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBackend, err)
	}
	signed, err := SignAcceptance(s.cfg.Key, Acceptance{Session: row.Session, Backend: health.BackendID, SealTo: sealTo})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoBackend, err)
	}
	row.State, row.Acceptances, row.Instance, row.Changed = Accepted, [][]byte{signed}, s.cfg.Instance, time.Now()
	if err := s.cfg.Log.SaveKeygen(ctx, row, Invited); err != nil {
		return err
	}
	select {
	case s.begun <- row:
		return nil
	case <-s.ended:
		return ErrEnded // it is written down, and begins with the node
	case <-ctx.Done():
		return ctx.Err() // as above, but Run finds it when it prunes
	}
}

// room reports whether one more key generation can run.
func (s *Service) room(ctx context.Context) error {
	rows, err := s.cfg.Log.Keygens(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, row := range rows {
		if row.State.Open() && row.State != Invited {
			n++
		}
	}
	if n >= maxRunning {
		return fmt.Errorf("%w: %d; decline one, or wait", ErrTooMany, n)
	}
	return nil
}

// Decline refuses an invitation, or ends a key generation that has not begun to generate.
func (s *Service) Decline(ctx context.Context, session signer.SessionID) error {
	s.deciding.Lock()
	defer s.deciding.Unlock()
	row, ok, err := s.cfg.Log.Keygen(ctx, session)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: %v", ErrUnknown, session)
	}
	from := row.State
	if from != Invited && from != Accepted {
		return fmt.Errorf("%w: it is %s", ErrOtherState, from)
	}
	row.State, row.Detail, row.Changed = Declined, "by the operator", time.Now()
	if from == Accepted && row.Instance != s.cfg.Instance {
		return fmt.Errorf("%w: instance %s has accepted it: decline it there", ErrOtherState, row.Instance)
	}
	if err := s.cfg.Log.SaveKeygen(ctx, row, from); err != nil {
		return err
	}
	s.mu.Lock()
	p := s.live[session]
	s.mu.Unlock()
	if p != nil {
		close(p.declined) // once: the row is declined now, and never again
	}
	return s.cfg.Placement.Abandon(ctx, session)
}
