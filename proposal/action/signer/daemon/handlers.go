package daemon

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func (s *Server) health(ctx context.Context, _ client, _ request) (any, error) {
	return s.backend.Health(ctx)
}

func (s *Server) keys(ctx context.Context, c client, q request) (any, error) {
	if err := c.has(RoleRead); err != nil {
		return nil, err
	}
	after, limit, err := q.page()
	if err != nil {
		return nil, err
	}
	if c.all {
		list, err := s.backend.Keys(ctx, after, limit)
		return KeyList{append([]signer.Key{}, list...)}, err
	}
	list, err := s.permittedKeys(ctx, c, after, limit)
	return KeyList{list}, err
}

// permittedKeys asks for each wallet that a client may touch: the others are none of its business, not even their number.
func (s *Server) permittedKeys(ctx context.Context, c client, after *chain.WalletID, limit int) ([]signer.Key, error) {
	list := []signer.Key{}
	for _, wallet := range c.wallets {
		if after != nil && compareWallets(wallet, *after) <= 0 {
			continue
		}
		if len(list) == limit {
			break
		}
		key, err := s.backend.Brief(ctx, wallet)
		if errors.Is(err, signer.ErrUnknownKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, key)
	}
	return list, nil
}

func (s *Server) key(ctx context.Context, c client, q request) (any, error) {
	wallet, err := q.readable(c)
	if err != nil {
		return nil, err
	}
	return s.backend.Key(ctx, wallet)
}

func (s *Server) brief(ctx context.Context, c client, q request) (any, error) {
	wallet, err := q.readable(c)
	if err != nil {
		return nil, err
	}
	return s.backend.Brief(ctx, wallet)
}

func (s *Server) protection(ctx context.Context, c client, q request) (any, error) {
	wallet, err := q.readable(c)
	if err != nil {
		return nil, err
	}
	return s.backend.Protection(ctx, wallet)
}

func (s *Server) sealTo(ctx context.Context, c client, q request) (any, error) {
	session, err := q.generation()
	if err != nil {
		return nil, err
	}
	if err := c.may(session.Placeholder(), RoleDKG); err != nil {
		return nil, err
	}
	key, err := s.backend.SealTo(ctx, session)
	return SealKey{key}, err
}

func (s *Server) generate(ctx context.Context, c client, q request) (any, error) {
	if err := c.has(RoleDKG); err != nil {
		return nil, err
	}
	round, err := q.generateRound()
	if err != nil {
		return nil, err
	}
	if err := c.may(round.Session.Placeholder(), RoleDKG); err != nil {
		return nil, err
	}
	return s.backend.Generate(ctx, round)
}

func (s *Server) sign(ctx context.Context, c client, q request) (any, error) {
	if err := c.has(RoleSign); err != nil {
		return nil, err
	}
	round, err := q.signRound()
	if err != nil {
		return nil, err
	}
	if round.Open != nil {
		err = c.may(round.Open.Intent.Wallet, RoleSign)
	} else {
		_, err = s.permittedSession(ctx, c, round.Session, RoleSign)
	}
	if err != nil {
		return nil, err
	}
	return s.backend.Sign(ctx, round)
}

// permittedSession demands that a client may touch the wallet that a session is about. Only the backend knows which one it is.
func (s *Server) permittedSession(ctx context.Context, c client, id signer.SessionID, roles ...Role) (signer.SessionState, error) {
	if err := c.has(roles...); err != nil {
		return signer.SessionState{}, err
	}
	state, err := s.backend.Session(ctx, id)
	if err != nil {
		return state, err
	}
	return state, c.may(state.Wallet, roles...)
}

// sessionRoles are those that take a key, or what becomes one, through sessions.
var sessionRoles = []Role{RoleSign, RoleDKG}

func (s *Server) session(ctx context.Context, c client, q request) (any, error) {
	id, err := q.session()
	if err != nil {
		return nil, err
	}
	return s.permittedSession(ctx, c, id, sessionRoles...)
}

// abort leaves a session that was never begun as it is, so there is nothing to permit then.
func (s *Server) abort(ctx context.Context, c client, q request) (any, error) {
	id, err := q.session()
	if err != nil {
		return nil, err
	}
	if _, err := s.permittedSession(ctx, c, id, sessionRoles...); errors.Is(err, signer.ErrUnknownSession) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return nil, s.backend.Abort(ctx, id)
}

// setState lets who generates keys put them to use, since the record that all operators signed is what counts for that, and
// freeze those that were not yet: they are what a key generation that failed has left. Who signs with a key says that the backend
// has forgotten signatures: only the node can tell, and until somebody has told it a restored copy would sign again. All else is the
// administrator's.
func (s *Server) setState(ctx context.Context, c client, q request) (any, error) {
	wallet, err := q.wallet()
	if err != nil {
		return nil, err
	}
	var change signer.StateChange
	if err := q.decode(&change); err != nil {
		return nil, err
	}
	if change.State != signer.KeyActive && change.State != signer.KeyFrozen {
		return nil, malformed(errors.New("state: want active or frozen"))
	}
	forgotten := change.State == signer.KeyFrozen && change.Why == signer.WhyRolledBack
	roles := []Role{RoleAdmin, RoleDKG}
	if forgotten {
		roles = append(roles, RoleSign)
	}
	if err := c.may(wallet, roles...); err != nil {
		return nil, err
	}
	if !forgotten && c.has(RoleAdmin) != nil {
		key, err := s.backend.Brief(ctx, wallet)
		if err != nil {
			return nil, err
		}
		if key.State == signer.KeyFrozen || change.State == signer.KeyFrozen && key.State != signer.KeyPending {
			return nil, c.has(RoleAdmin)
		}
	}
	return nil, s.backend.SetState(ctx, wallet, change)
}

func (s *Server) openAPI(context.Context, client, request) (any, error) {
	return json.RawMessage(document), nil
}
