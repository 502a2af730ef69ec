package keygen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Invited takes in an invitation that a peer handed over. It returns at once; what is too much is dropped.
func (s *Service) Invited(doc []byte) {
	select {
	case s.offered <- bytes.Clone(doc):
	default:
	}
}

// consider makes an invitation pending if it is one, for us, in time and not known yet. It reports whether it need not be
// looked at again.
func (s *Service) consider(ctx context.Context, doc []byte) bool {
	log := s.cfg.Logger
	inv, err := ReadInvitation(doc)
	if err != nil {
		log.DebugContext(ctx, "Invitation refused", "error", err)
		return true
	}
	session := inv.Session()
	if inv.ChainID != s.cfg.ChainID || inv.Genesis != s.cfg.Genesis || !slices.Contains(inv.Roster, s.self) {
		log.DebugContext(ctx, "Invitation is for others", "session", session, "by", inv.By)
		return true
	}
	now := time.Now()
	if err := inv.CheckTime(now); err != nil {
		log.DebugContext(ctx, "Invitation refused", "session", session, "by", inv.By, "error", err)
		return true
	}
	rows, err := s.cfg.Log.Keygens(ctx)
	if err != nil {
		if ctx.Err() == nil {
			log.WarnContext(ctx, "Invitation was not stored", "session", session, "by", inv.By, "error", err)
		}
		return false
	}
	if i := slices.IndexFunc(rows, func(r Row) bool { return r.Session == session }); i >= 0 {
		return s.extend(ctx, rows[i], inv, doc) // known, or played back
	}
	if why := s.crowded(ctx, rows, inv.By); why != "" {
		log.WarnContext(ctx, "Invitation ignored: decide on those that are pending, or let them expire", "session", session, "by", inv.By, "why", why)
		return false
	}
	row := Row{Session: session, Invitation: doc, State: Invited, Created: now, Changed: now}
	if err := s.cfg.Log.AddKeygen(ctx, row); err != nil {
		return false // a sibling was faster, or it is offered again
	}
	log.InfoContext(ctx, "Invited to generate a wallet's key", "session", session, "by", inv.By, "seats", len(inv.Roster),
		"threshold", inv.Threshold, "scheme", inv.Scheme, "expires", inv.Expires)
	return true
}

// extend has an invitation stand open for as long as the latest that was signed says: its name does not tell when it expires,
// so somebody could sign it again and have one operator give up, and name the others, while they still have time. What is
// accepted hears of it on the session's topic.
func (s *Service) extend(ctx context.Context, row Row, inv Invitation, doc []byte) bool {
	had, err := ReadInvitation(row.Invitation)
	if err != nil || row.State != Invited || !inv.extends(had, row.Created) {
		return true
	}
	s.deciding.Lock()
	defer s.deciding.Unlock()
	row.Invitation = doc
	err = s.cfg.Log.SaveKeygen(ctx, row, Invited)
	return err == nil || errors.Is(err, ErrOtherState)
}

// crowded tells why there is no room for one more pending invitation by an operator; empty if there is. Only Run's loop calls it.
func (s *Service) crowded(ctx context.Context, rows []Row, by chain.Operator) string {
	known := map[chain.Operator]bool{}
	if s.cfg.Known != nil {
		var err error
		if known, err = s.cfg.Known(ctx); err != nil {
			return "it is not known who is an operator: " + err.Error()
		}
	}
	all, of, strange := 0, 0, 0
	inviters := map[signer.SessionID]chain.Operator{}
	for _, row := range rows {
		if row.State != Invited {
			continue
		}
		inviter, read := s.inviters[row.Session]
		if !read { // to read one takes verifying it
			if inv, err := ReadInvitation(row.Invitation); err == nil {
				inviter = inv.By
			}
		}
		inviters[row.Session] = inviter
		all++
		if inviter == by {
			of++
		}
		if !known[inviter] {
			strange++
		}
	}
	s.inviters = inviters
	switch {
	case of >= maxPendingOf:
		return fmt.Sprintf("%d of this inviter are pending", of)
	case all >= maxPending:
		return fmt.Sprintf("%d are pending", all)
	case !known[by] && strange >= maxStrange:
		return fmt.Sprintf("%d of inviters with whom no wallet is shared are pending", strange)
	default:
		return ""
	}
}

// orphaned is how long after its last change a key generation of an instance that is not heard of any more counts as failed.
const orphaned = 48 * time.Hour

// prune forgets what was not accepted in time, for no replay of it can be accepted, ends or takes over what the instance that
// ran it left behind, and begins what was accepted without our hearing of it.
func (s *Service) prune(ctx context.Context, g *errgroup.Group) {
	rows, err := s.cfg.Log.Keygens(ctx)
	if err != nil {
		return // the store is away; a minute later is early enough
	}
	now := time.Now()
	for _, row := range rows {
		if row.Instance != s.cfg.Instance && row.Wallet != (chain.WalletID{}) && row.State != Active {
			s.adopt(ctx, g, row)
			continue
		}
		if !row.State.Open() && row.State != Declined {
			continue
		}
		inv, err := ReadInvitation(row.Invitation)
		expired := err != nil || !now.Before(inv.Expires)
		switch {
		case row.State.Open() && row.State != Invited && row.Instance == s.cfg.Instance:
			s.start(ctx, g, row)
		case expired && (row.State == Invited || row.State == Declined):
			err := s.cfg.Placement.Abandon(ctx, row.Session)
			if err == nil {
				err = s.cfg.Log.ForgetKeygen(ctx, row.Session, row.State)
			}
			if err != nil && ctx.Err() == nil {
				s.cfg.Logger.WarnContext(ctx, "Expired invitation stays", "session", row.Session, "error", err)
			}
		case expired && (row.State == Accepted || row.State == Running) && now.Sub(row.Changed) > orphaned:
			s.bury(ctx, row.Session, row.State)
		}
	}
}

// bury ends a session that another instance has left.
func (s *Service) bury(ctx context.Context, session signer.SessionID, from State) {
	row, ok, err := s.cfg.Log.Keygen(ctx, session)
	if err != nil || !ok {
		return
	}
	row.State, row.Detail, row.Changed = Failed, "instance "+row.Instance+", which ran it, did not finish it", time.Now()
	if s.cfg.Log.SaveKeygen(ctx, row, from) == nil {
		_ = s.cfg.Placement.Abandon(ctx, session) // or at the next start of the instance that ran it
	}
}

// adopt takes over what needs no secret of the instance that ran it, when that one does not run: the shares are there, and what
// is left to do, to hear what all attest and to put the wallet to use or to freeze it, may be done by several and again.
func (s *Service) adopt(ctx context.Context, g *errgroup.Group, row Row) {
	if s.cfg.Gone == nil || row.State == Failed && !s.lingers(row) {
		return
	}
	gone, err := s.cfg.Gone(ctx, row.Instance)
	if err == nil && gone {
		if err = s.cfg.Log.AdoptKeygen(ctx, row.Session, row.State, row.Instance, s.cfg.Instance); err == nil {
			s.cfg.Logger.InfoContext(ctx, "Key generation taken over", "session", row.Session, "wallet", row.Wallet, "of", row.Instance)
			row.Instance = s.cfg.Instance
			s.start(ctx, g, row)
		}
	}
	if err != nil && !errors.Is(err, ErrOtherState) && ctx.Err() == nil {
		s.cfg.Logger.WarnContext(ctx, "Key generation of another instance was not taken over", "session", row.Session, "error", err)
	}
}
