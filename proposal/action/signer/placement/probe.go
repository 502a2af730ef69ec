package placement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// suspicion is how many probes in a row fail before a backend is out of use: one may meet a restart.
const suspicion = 3

// Standing is how a backend fares, as far as this instance can tell.
type Standing string

// The standings.
const (
	Unknown Standing = "unknown" // it has not answered yet, or is not asked
	Healthy Standing = "healthy"
	Suspect Standing = "suspect" // three probes in a row failed
	Foreign Standing = "foreign" // it is not the one that it was
)

// Standings returns every standing.
func Standings() []Standing { return []Standing{Unknown, Healthy, Suspect, Foreign} }

// member is a backend and what this instance has seen of it.
type member struct {
	Member
	wake  chan struct{} // capacity 1: a nudge that finds one waiting is the same nudge
	calls tally

	// guarded by the pool's lock
	standing Standing
	failures int   // probes that failed in a row
	trouble  error // of the newest probe
	health   signer.Health
	seen     time.Time // of the newest answer
	compared time.Time // when its keys were last compared with the records; zero if that is to be done before it is used
	signed   bool      // since it was compared
	holds    holdings
	unfrozen map[chain.WalletID]string // keys that it was to freeze and did not, and why
	probes   uint64
	failed   uint64 // probes
}

func (m *member) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// forget has a backend looked at as if for the first time.
func (m *member) forget() {
	m.standing, m.failures, m.compared, m.holds = Unknown, 0, time.Time{}, holdings{}
}

// watch looks after one backend until ctx ends.
func (p *Pool) watch(ctx context.Context, m *member) {
	select {
	case <-p.ready: // what the operator said is known
	case <-ctx.Done():
		return
	}
	for {
		if p.asked(m) {
			p.probed(ctx, m, p.probe(ctx, m))
		}
		if !rest(ctx, probePause, m.wake) {
			return
		}
	}
}

// asked reports whether a backend is asked for anything.
func (p *Pool) asked(m *member) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known.word(m).State == Failed {
		m.forget()
		return false
	}
	return true
}

// probe asks a backend how it is, who it is, and now and then what it holds.
func (p *Pool) probe(ctx context.Context, m *member) error {
	asking, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	began := time.Now()
	health, err := m.Backend.Health(asking)
	m.calls.observe(time.Since(began), err)
	if err != nil {
		return err
	}
	if err := p.identify(ctx, m, health); err != nil {
		return err
	}
	p.mu.Lock()
	if m.health.BootID != health.BootID {
		m.compared = time.Time{} // started again, perhaps from an older copy of its files
	}
	m.health, m.seen = health, time.Now()
	due := m.compared.IsZero() || m.signed || time.Since(m.compared) >= sweepPause
	p.mu.Unlock()
	switch {
	case !health.StoreOK:
		return fmt.Errorf("%w: %s", signer.ErrStoreFailed, health.Detail)
	case health.Detail != "":
		return errors.New(health.Detail)
	case due:
		return p.reconcile(ctx, m)
	}
	return nil
}

// identify makes sure that a backend is the one that it was, on whichever instance it was first seen.
func (p *Pool) identify(ctx context.Context, m *member, health signer.Health) error {
	if health.BackendID == "" {
		return fmt.Errorf("%w: it does not say who it is", errOtherBackend)
	}
	p.mu.RLock()
	recorded := p.known.words[m.ID].Identity
	for id, w := range p.known.words {
		if id != m.ID && w.Identity == health.BackendID {
			defer p.mu.RUnlock()
			return fmt.Errorf("%w: it is the one called %s", errOtherBackend, id)
		}
	}
	p.mu.RUnlock()
	if recorded == "" {
		var err error
		if recorded, err = p.cfg.Log.Identify(ctx, m.ID, health.BackendID); err != nil {
			return ours{err}
		}
	}
	if recorded != health.BackendID {
		return fmt.Errorf("%w: it says that it is %.40q, and was %q; if that is meant, say \"walletnode signers activate --rekey %s\"",
			errOtherBackend, health.BackendID, recorded, m.ID)
	}
	return nil
}

// ours is an error that is not the backend's: the records could not be read or written.
type ours struct{ error }

// Unwrap gives the error itself.
func (o ours) Unwrap() error { return o.error }

// probed notes what a probe came to.
func (p *Pool) probed(ctx context.Context, m *member, err error) {
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m.probes++
	m.trouble = err
	was := m.standing
	var own ours
	switch {
	case err == nil:
		m.standing, m.failures = Healthy, 0
	case errors.As(err, &own):
		return
	case errors.Is(err, errOtherBackend):
		m.standing = Foreign
		m.failed++
	default:
		m.failed++
		if m.failures++; m.failures >= suspicion {
			m.standing = Suspect
		}
	}
	if m.standing != was {
		p.tell(m)
	}
}

// tell logs a standing that has changed.
func (p *Pool) tell(m *member) {
	log := p.cfg.Logger.With("signer", m.ID)
	switch m.standing {
	case Healthy:
		log.Info("Signer is healthy", "identity", m.health.BackendID, "keys", m.health.Keys, "version", m.health.Version)
	case Foreign:
		log.Error("Another signer answers: it is not used", "error", m.trouble)
	case Suspect:
		log.Error("Signer does not work: its wallets cannot sign", "error", m.trouble)
	}
}
