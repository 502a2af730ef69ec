package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/wire"
)

// Errors of Compare beside those of the network.
var (
	// ErrStranger says that no wallet is shared with an operator.
	ErrStranger = errors.New("no wallet is shared with the operator")
	// ErrNoHead says that there is nothing to compare yet: no window is over here, or no head of the other one was heard of the
	// last ones.
	ErrNoHead = errors.New("there is no head to compare with")

	errStarting = errors.New("evidence is not ready here yet: come again later")
)

const (
	// rounds is how many times after a window others are chosen to compare with: soon, and once more for heads that come later.
	// firstRound and laterRound are how many blocks after our own head.
	firstRound chain.Height = 8
	laterRound chain.Height = 60
	// together is how many comparisons are made at a time.
	together = 3
	// behind is how many windows the head of another may be older than ours to be compared with.
	behind = 1
)

// Report is what a comparison came to.
type Report struct {
	Peer     chain.Operator
	Window   chain.Height  // of the head that was compared with
	Head     evidence.Head // the peer's, zero if it showed none
	Findings []compare.Finding
	Traffic  compare.Traffic
	Complete bool     // all differences were looked into
	Proofs   []string // IDs of what was proved
	Filled   int      // gaps of ours that it filled

	known heads.Known // what is explained now
}

// compareAll compares histories with a few others after each window.
func (s *Service) compareAll(ctx context.Context) {
	for {
		var window chain.Height
		select {
		case window = <-s.closed:
		case <-ctx.Done():
			return
		}
		began := s.cfg.Clock.Height()
		done := map[chain.Operator]bool{}
		for _, after := range []chain.Height{firstRound, laterRound} {
			if s.cfg.Clock.Until(ctx, began+after) != nil {
				return
			}
			s.round(ctx, window, done)
		}
		if s.cfg.Clock.Until(ctx, window+duration+telling) != nil {
			return
		}
		s.heads.hush(ctx, s.record.newer(window)...)
	}
}

// round compares with some of those whose head of a window was heard, the suspect ones first, then whoever chance picks.
func (s *Service) round(ctx context.Context, window chain.Height, done map[chain.Operator]bool) {
	if err := s.record.refresh(ctx); err != nil {
		if ctx.Err() == nil {
			s.cfg.Logger.Error("Could not read what was attested", "error", err)
		}
		return
	}
	operators, _ := s.company.others()
	others := slices.DeleteFunc(slices.Clone(operators), func(op chain.Operator) bool { return done[op] || op == s.self })
	chosen := s.neighbours.order(others, window, s.cfg.Few)
	chosen = chosen[:min(len(chosen), max(0, s.cfg.Few-len(done)))]
	var g errgroup.Group
	g.SetLimit(together)
	for _, op := range chosen {
		done[op] = true
		g.Go(func() error {
			if _, err := s.compare(ctx, op, window); err != nil && ctx.Err() == nil {
				s.cfg.Logger.Info("A comparison of histories was not brought to its end", "operator", op, "window", window, "error", err)
			}
			return nil
		})
	}
	_ = g.Wait() // none returns an error
}

// Compare compares histories with an operator now, by the newest head of it that was heard. With an error the report holds what was
// found until then. Errors are ErrStranger, ErrNoHead, compare.ErrRefused for answers that are none, and the network's.
func (s *Service) Compare(ctx context.Context, operator chain.Operator) (Report, error) {
	if err := s.record.refresh(ctx); err != nil {
		return Report{Peer: operator}, fmt.Errorf("read what was attested: %w", err)
	}
	stranger := operator == s.self || !s.company.now().holds(operator)
	ledger, newest := s.record.newest()
	ready := ledger != nil && newest != 0
	window, found := s.neighbours.newest(operator, newest)
	switch {
	case stranger:
		return Report{Peer: operator}, fmt.Errorf("%v: %w", operator, ErrStranger)
	case !ready:
		return Report{Peer: operator}, fmt.Errorf("%w: this operator has not attested any window yet", ErrNoHead)
	case !found:
		return Report{Peer: operator}, fmt.Errorf("%w: none of %v was heard for window %d or the one before", ErrNoHead, operator, newest)
	}
	return s.compare(ctx, operator, window)
}

// compare makes one comparison and keeps what comes of it.
func (s *Service) compare(ctx context.Context, peer chain.Operator, window chain.Height) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	report := Report{Peer: peer, Window: window}
	var unread error
	session, err := s.session(ctx, peer, window, &unread)
	if err == nil {
		err = s.ask(ctx, peer, session)
		err = errors.Join(err, unread) // which asking may have set
		report.Head, report.Findings, report.Traffic, report.Complete = session.Head(), session.Findings(), session.Traffic(), session.Complete()
		report.known = session.Explains()
		err = errors.Join(err, s.keep(context.WithoutCancel(ctx), &report)) // what was found counts, also if time is over
	}
	failed := err != nil || !report.Complete
	s.neighbours.compared(peer, !failed)
	s.tally.count(func(c *Counters) {
		if failed {
			c.ComparisonsFailed++
		} else {
			c.Comparisons++
		}
	})
	return report, err
}

// session begins a comparison with what is on record here. Unread says after it what could not be read in its course.
func (s *Service) session(ctx context.Context, peer chain.Operator, window chain.Height, unread *error) (*compare.Session, error) {
	known, err := s.cfg.Log.Known(ctx, peer, oldest(window))
	if err != nil {
		return nil, fmt.Errorf("read what is known of %v: %w", peer, err)
	}
	quotes := func(silent []evidence.Entry) []evidence.Quote {
		list, err := s.cfg.Log.Quotes(ctx, peer, silent)
		if err != nil {
			*unread = fmt.Errorf("read what %v signed: %w", peer, err)
		}
		return list
	}
	ledger, _ := s.record.newest()
	return compare.NewSession(compare.Config{
		Chain: s.cfg.Chain, Self: s.self, Peer: peer, Window: window, Common: s.company.now().common(peer),
		Ledger: ledger, Known: known, Shelf: s.shelf(ctx), Quotes: quotes,
	}), nil
}

// ask runs a comparison over a line of its own.
func (s *Service) ask(ctx context.Context, peer chain.Operator, session *compare.Session) error {
	line, err := s.cfg.Network.Inquire(ctx, CompareProtocol, peer)
	if err != nil {
		return err
	}
	defer line.Close()
	return session.Run(ctx, line.Ask)
}

// keep stores what a comparison found.
func (s *Service) keep(ctx context.Context, r *Report) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var errs []error
	var open []Slot
	for _, f := range r.Findings {
		s.tally.count(func(c *Counters) { c.Findings[f.Kind]++ })
		id, filled, err := s.take(ctx, f)
		errs = append(errs, err)
		if filled {
			r.Filled++
		}
		if id != "" && !slices.Contains(r.Proofs, id) {
			r.Proofs = append(r.Proofs, id)
		}
		if f.Kind == compare.Unshown || f.Kind == compare.Ours && f.Mine != nil && !filled {
			open = append(open, Slot{f.Wallet, f.Window})
		}
	}
	if len(r.known) > 0 {
		errs = append(errs, s.cfg.Log.Explain(ctx, r.Peer, r.known, open))
	}
	if r.Filled > 0 {
		errs = append(errs, s.record.refresh(ctx))
	}
	return errors.Join(errs...)
}

// take stores what one finding comes to: the ID of a proof, or a gap that it filled.
func (s *Service) take(ctx context.Context, f compare.Finding) (id string, filled bool, err error) {
	now := s.cfg.Clock.Height()
	switch {
	case f.Proof != nil && (f.Kind == compare.Denied || current(f.Window, now)):
		id, _ = s.prove(ctx, *f.Proof, chain.Operator{}) // it has said what went wrong
		return id, false, nil
	case f.Kind == compare.Ours && f.Statement != nil && f.Mine != nil:
		// Of what nothing is attested there is no gap, and nobody could have us keep all that he says. Who is no member has said
		// nothing.
		if w, ours := s.company.now().wallets[f.Wallet]; ours && w.Holds(f.Statement.Operator) {
			_, filled, err = s.cfg.Log.Fill(ctx, *f.Statement, now)
		}
	}
	return "", filled, err
}

// shelf is a compare.Shelf: it has what was heard, and what this operator said itself.
type shelf func(wallet chain.WalletID, window chain.Height) [][]byte

// Statements implements compare.Shelf.
func (f shelf) Statements(wallet chain.WalletID, window chain.Height) [][]byte {
	return f(wallet, window)
}

func (s *Service) shelf(ctx context.Context) shelf {
	return func(wallet chain.WalletID, window chain.Height) [][]byte {
		heard, err := s.cfg.Log.Statements(ctx, wallet, window)
		var own []byte
		said := false
		if err == nil {
			own, said, err = s.cfg.Log.Own(ctx, wallet, window)
		}
		if err != nil {
			if ctx.Err() == nil {
				s.cfg.Logger.Error("Could not read what was said in a window", "wallet", wallet, "window", window, "error", err)
			}
			return nil
		}
		if w, ours := s.company.now().wallets[wallet]; said && ours {
			m := wire.SignPubsub(s.cfg.Key, wire.ChannelName(w.Key()), own, binary.BigEndian.AppendUint64(nil, uint64(window)))
			heard = append([][]byte{m.Bytes()}, heard...)
		}
		return heard
	}
}

// answerComparison answers what another operator asks about our heads, and keeps what it offers.
func (s *Service) answerComparison(ctx context.Context, by chain.Operator, request []byte) ([]byte, error) {
	member := by != s.self && s.company.now().holds(by)
	ledger, _ := s.record.newest()
	switch {
	case !member:
		return nil, ErrStranger
	case ledger == nil:
		return nil, errStarting
	}
	answer, offered, err := compare.Respond(request, by, s, s.shelf(ctx))
	if err != nil {
		return nil, err
	}
	s.tally.count(func(c *Counters) { c.Answers++ })
	for _, f := range compare.WeighOffered(s.cfg.Chain, ledger, s.shelf(ctx), offered) {
		if _, _, err := s.take(ctx, f); err != nil {
			return nil, errors.New("what was offered cannot be stored here now: come again later")
		}
	}
	return answer, nil
}
