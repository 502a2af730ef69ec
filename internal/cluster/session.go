package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/walletnode/walletnode/internal/pause"
)

// closing bounds the request that gives a session back. It outlives the context: wallets that are given back are served
// at once, those of a session that expires after a lease.
const closing = time.Second

// SessionConfig is what a Session needs; every field is required.
type SessionConfig struct {
	Instance InstanceID
	Profile  Profile
	Timing   Timing
	Store    Sessions
	// Status is asked before each renewal and must return at once.
	Status func() Status
	// Now is time.Now, or a test's: deadlines are counted by its monotonic reading.
	Now    func() time.Time
	Logger *slog.Logger
}

// Session keeps this instance's lease: it opens a session, renews it, and when it is lost opens the next.
type Session struct {
	cfg    SessionConfig
	nudged chan struct{} // capacity 1: a nudge that finds one waiting is the same nudge
	// tried are the latest openings, whose outcome may show late, even under a later session. Run's loop owns it.
	tried []opening
}

// NewSession checks the configuration.
func NewSession(cfg SessionConfig) (*Session, error) {
	if cfg.Store == nil || cfg.Status == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("session: a dependency is missing")
	}
	if _, err := ParseInstanceID(string(cfg.Instance)); err != nil {
		return nil, err
	}
	if err := cfg.Timing.Validate(); err != nil {
		return nil, err
	}
	return &Session{cfg: cfg, nudged: make(chan struct{}, 1)}, nil
}

// Nudge has the session renewed at once, so that the others learn a changed status without waiting for its turn.
func (s *Session) Nudge() {
	select {
	case s.nudged <- struct{}{}:
	default:
	}
}

// Run holds one session after another until ctx ends. Of each it calls hold, with a context that ends when the session
// is lost, and waits for it to return before it opens the next one: nothing of a lost session runs beside a new one. It
// returns nil when ctx ends or hold returned nil while its session lasted, hold's error, or one of these: ErrCloned and
// ErrInstanceTaken if another process runs under the same name. A database that cannot be reached is waited for.
func (s *Session) Run(ctx context.Context, hold func(context.Context, *Tenure) error) error {
	for {
		l, err := s.open(ctx)
		if err != nil {
			return unlessOver(ctx, err)
		}
		if again, err := s.serve(ctx, l, hold); !again {
			return unlessOver(ctx, err)
		}
	}
}

// unlessOver hides what is but the end of the context.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// lease is a session as its loop knows it.
type lease struct {
	tenure *Tenure
	count  uint64 // of the row, as far as is known
	token  Token  // of the row, as far as is known
	// attempts are renewals of this count whose outcome is not known. One of them at most can ever commit. They are a
	// handful: a session without a known renewal is over after a lease.
	attempts []attempt
}

type attempt struct {
	token Token
	sent  time.Time
}

// known books a renewal, or the opening, that is known to have happened.
func (l *lease) known(count uint64, a attempt, t Timing) {
	l.count, l.token, l.attempts = count, a.token, nil
	l.tenure.grant.Store(&grant{sent: a.sent, lasts: t.TTL - t.Margin})
}

// serve renews a session and runs hold until one of them ends. It reports whether another session shall follow.
func (s *Session) serve(ctx context.Context, l *lease, hold func(context.Context, *Tenure) error) (again bool, err error) {
	seal := l.tenure.seal
	log := s.cfg.Logger.With("boot", seal.Boot)
	log.Info("Session opened", "generation", seal.Generation)
	held, end := context.WithCancelCause(ctx)
	defer end(nil)
	ended := make(chan error, 1)
	go func() { ended <- hold(held, l.tenure) }()

	over, cause := s.renewals(held, l, end, ended)
	switch {
	case !over: // hold still runs
		if ctx.Err() == nil {
			l.tenure.end() // lost: no word leaves any more
		}
		end(cause)
		err = <-ended
	case held.Err() != nil: // it returned because the session was lost, which the loop did not see first: it may have waited for an answer
		over, err, cause = false, cause, context.Cause(held)
	default:
		err = cause
	}
	l.tenure.end()

	if !errors.Is(cause, ErrCloned) { // a copy's row has our holder, and is not ours any more
		s.giveBack(ctx, seal.Holder)
	}
	switch {
	case ctx.Err() != nil || over:
		log.Info("Session closed")
		return false, err
	case errors.Is(cause, ErrCloned):
		return false, cause
	}
	log.Warn("Session lost", "error", cause)
	return true, nil
}

// giveBack removes the session's row, even where it seems lost: if it is not there any more, nothing happens.
func (s *Session) giveBack(ctx context.Context, h Holder) {
	request, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if err := s.cfg.Store.CloseSession(request, h); err != nil {
		s.cfg.Logger.Debug("Could not give the session back", "error", err)
	}
}

// renewals renews until the session is lost, its context ends (over is false), or hold returns (over is true).
func (s *Session) renewals(ctx context.Context, l *lease, end context.CancelCauseFunc, ended <-chan error) (over bool, err error) {
	// The deadline is watched beside the loop, which may be waiting for an answer when it passes.
	deadline := time.AfterFunc(l.tenure.Left(), func() { end(ErrLapsed) })
	defer deadline.Stop()
	timer := time.NewTimer(s.cfg.Timing.Renewal)
	defer timer.Stop()
	for {
		select {
		case err := <-ended:
			return true, err
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-s.nudged:
		case <-timer.C:
		}
		began := s.cfg.Now()
		known, err := s.renew(ctx, l)
		if err != nil {
			return false, err
		}
		if err := l.tenure.May(); err != nil {
			return false, err
		}
		deadline.Reset(l.tenure.Left())
		pause := s.cfg.Timing.Renewal
		if !known {
			pause /= 5 // five more tries fit before the next would have been due
		}
		timer.Reset(max(0, pause-s.cfg.Now().Sub(began)))
	}
}

// renew sends one renewal and reports whether it is known to have happened. An error says that the session is over.
func (s *Session) renew(ctx context.Context, l *lease) (known bool, err error) {
	a := attempt{token: NewToken(), sent: s.cfg.Now()}
	l.attempts = append(l.attempts, a)
	seal := l.tenure.seal
	request, cancel := context.WithTimeout(ctx, s.cfg.Timing.Renewal)
	defer cancel()
	err = s.cfg.Store.RenewSession(request, Renewal{
		Holder: seal.Holder, Generation: seal.Generation, Count: l.count, Token: a.token,
		TTL: s.cfg.Timing.TTL, Status: s.status(),
	})
	if err == nil {
		l.known(l.count+1, a, s.cfg.Timing)
		return true, nil
	}
	s.cfg.Logger.Warn("Could not renew the session", "error", err, "left", l.tenure.Left())
	reread, cancel := context.WithTimeout(ctx, s.cfg.Timing.Renewal)
	defer cancel()
	row, found, readErr := s.cfg.Store.Session(reread, s.cfg.Instance)
	if readErr != nil {
		return false, nil // nothing is known; the deadline decides
	}
	return l.compare(row, found, s.cfg.Timing)
}

// compare tells from the row whether a renewal happened whose answer said otherwise, or did not come. An error says that
// the session is over.
func (l *lease) compare(row SessionRow, found bool, t Timing) (known bool, err error) {
	switch {
	case !found || !row.Current || row.Holder != l.tenure.seal.Holder:
		return false, ErrSessionLost // who has the row now, if anybody, the next opening finds out
	}
	for _, a := range l.attempts {
		if a.token == row.Token {
			l.known(row.Count, a, t)
			return true, nil
		}
	}
	switch {
	case row.Token != l.token || row.Count != l.count:
		return false, ErrCloned // somebody who knows the boot and the count drew a token that is none of ours
	case row.Left <= 0:
		return false, ErrSessionLost
	}
	return false, nil // it may still happen, and if it does the next look tells
}

func (s *Session) status() Status {
	status := s.cfg.Status()
	if len(status.Detail) > maxDetail {
		status.Detail = strings.ToValidUTF8(status.Detail[:maxDetail], "") // databases refuse half a letter
	}
	return status
}

// maxOpenings bounds the openings whose outcome is remembered. One that is older and commits after all is another's row
// to us, and expires.
const maxOpenings = 16

// opening is one try to open a session.
type opening struct {
	holder Holder
	attempt
}

// open tries until a session is open. Each try draws a new boot, so that one that commits late is never taken for a
// later one. A row of another boot is waited for, as after a crash, until it expires; if it is renewed twice meanwhile,
// its process lives: ErrInstanceTaken. Once is what a dead process may have had under way.
func (s *Session) open(ctx context.Context) (*lease, error) {
	var other SessionRow // a row of another boot, as first seen
	for {
		o := opening{Holder{s.cfg.Instance, NewBoot()}, attempt{NewToken(), s.cfg.Now()}}
		if s.tried = append(s.tried, o); len(s.tried) > maxOpenings {
			s.tried = s.tried[1:]
		}
		l, err := s.tryOpen(ctx, o)
		if err == nil && l.tenure.May() == nil {
			return l, nil
		}
		if err != nil {
			s.cfg.Logger.Debug("Could not open a session", "error", err)
		}
		row, found, err := s.readOwn(ctx)
		if err == nil && found && row.Left > 0 && row.Current {
			if l := s.adopt(row); l != nil {
				if l.tenure.May() == nil {
					return l, nil
				}
				s.giveBack(ctx, row.Holder) // learned of too late to be used
				continue
			}
			if row.Boot != other.Boot {
				other = row
			} else if row.Count > other.Count+1 {
				return nil, fmt.Errorf("%w: %s", ErrInstanceTaken, s.cfg.Instance)
			}
		}
		if err := pause.For(ctx, s.cfg.Timing.Renewal/5); err != nil {
			return nil, err
		}
	}
}

func (s *Session) tryOpen(ctx context.Context, o opening) (*lease, error) {
	request, cancel := context.WithTimeout(ctx, s.cfg.Timing.Renewal)
	defer cancel()
	generation, err := s.cfg.Store.OpenSession(request, Opening{
		Holder: o.holder, Token: o.token, TTL: s.cfg.Timing.TTL, Profile: s.cfg.Profile, Status: s.status(),
	})
	if err != nil {
		return nil, err
	}
	return s.lease(o, generation, 0), nil
}

func (s *Session) lease(o opening, g Generation, count uint64) *lease {
	l := &lease{tenure: &Tenure{seal: Seal{Holder: o.holder, Generation: g}, now: s.cfg.Now}}
	l.known(count, o.attempt, s.cfg.Timing)
	return l
}

func (s *Session) readOwn(ctx context.Context) (SessionRow, bool, error) {
	request, cancel := context.WithTimeout(ctx, s.cfg.Timing.Renewal)
	defer cancel()
	return s.cfg.Store.Session(request, s.cfg.Instance)
}

// adopt finds the try that a row comes from; nil if it is none of ours.
func (s *Session) adopt(row SessionRow) *lease {
	for _, o := range s.tried {
		if o.holder == row.Holder && o.token == row.Token {
			return s.lease(o, row.Generation, row.Count)
		}
	}
	return nil
}
