package keygen

import (
	"bytes"
	"context"
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
	if slices.ContainsFunc(rows, func(r Row) bool { return r.Session == session }) {
		return true // known, or played back
	}
	if all, of := s.pending(rows, inv.By); all >= maxPending || of >= maxPendingOf {
		log.WarnContext(ctx, "Invitation ignored: decide on those that are pending, or let them expire", "session", session, "by", inv.By,
			"pending", all, "of_inviter", of)
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

// pending counts invitations that are not decided on, and those of them by one inviter. Only Run's loop calls it.
func (s *Service) pending(rows []Row, by chain.Operator) (all, of int) {
	inviters := map[signer.SessionID]chain.Operator{}
	for _, row := range rows {
		if row.State != Invited {
			continue
		}
		inviter, known := s.inviters[row.Session]
		if !known { // to read one takes verifying it
			if inv, err := ReadInvitation(row.Invitation); err == nil {
				inviter = inv.By
			}
		}
		inviters[row.Session] = inviter
		all++
		if inviter == by {
			of++
		}
	}
	s.inviters = inviters
	return all, of
}

// orphaned is how long after its last change a key generation of an instance that is not heard of any more counts as failed.
const orphaned = 48 * time.Hour

// prune forgets what was not accepted in time, for no replay of it can be accepted, ends what the instance that ran it
// left behind, and begins what was accepted without our hearing of it.
func (s *Service) prune(ctx context.Context, g *errgroup.Group) {
	rows, err := s.cfg.Log.Keygens(ctx)
	if err != nil {
		return // the store is away; a minute later is early enough
	}
	now := time.Now()
	for _, row := range rows {
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
