package vault

import (
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// maxReplaces is more intents than ever spent one output: a window a day for years.
const maxReplaces = 1000

// Sign implements signer.Backend.
func (v *Vault) Sign(ctx context.Context, r signer.SignRound) (signer.RoundReply, error) {
	c, err := v.take(ctx, turn{signing, r.Session, r.Round, r.Term, r.Open != nil, len(r.In) > 0})
	if err != nil {
		return signer.RoundReply{}, err
	}
	defer v.leave(c)
	if r.Round == 1 {
		return v.beginSigning(ctx, c, r)
	}
	return v.advanceSigning(ctx, c, r)
}

// asked is what a signing session is about, once that is known.
type asked struct {
	open     signer.SignOpen
	key      key
	proposal proposal.Proposal
	digest   signer.Digest // of the intent
	own      []chain.Seat  // that sign, and are here
}

func (v *Vault) beginSigning(ctx context.Context, c *ceremony, r signer.SignRound) (signer.RoundReply, error) {
	k, err := v.readKey(ctx, r.Open.Intent.Wallet)
	if err != nil {
		return signer.RoundReply{}, err
	}
	if err := v.admit(ctx, k.Wallet, r.Term); err != nil {
		return signer.RoundReply{}, err
	}
	if r.Open, err = v.fromMailbox(ctx, r, k); err != nil {
		return signer.RoundReply{}, err
	}
	q, err := readAsked(r, k)
	if err != nil {
		return signer.RoundReply{}, err
	}
	// The session's name is the hash of all that is asked for: to ask for it again is to ask the same.
	request := signer.Digest(r.Session)
	if a, found, err := v.answered(ctx, r.Session, 1, request, errNonceServed); err != nil || found {
		return reply(a, err)
	}
	return v.openSigning(ctx, c, r, q, request)
}

var errNonceServed = signer.Refuse(signer.RuleNonce, "the session answered this round for other messages; its nonces serve once")

// usable refuses a key that signs nothing.
func (k key) usable() error {
	switch k.State {
	case signer.KeyActive:
		return nil
	case signer.KeyPending:
		return fmt.Errorf("%w: wallet %v is pending: not every operator has confirmed its key", signer.ErrFrozen, k.Wallet)
	default:
		return fmt.Errorf("%w: wallet %v: %s", signer.ErrFrozen, k.Wallet, k.Why)
	}
}

// readAsked checks that a session is what its name says, and that the leader proposed it.
func readAsked(r signer.SignRound, k key) (asked, error) {
	q := asked{open: *r.Open, key: k}
	if err := k.usable(); err != nil {
		return asked{}, err
	}
	if len(q.open.Intent.Replaces) > maxReplaces || q.open.Input < 0 {
		return asked{}, fmt.Errorf("%w: input %d, %d intents to replace", signer.ErrMalformed, q.open.Input, len(q.open.Intent.Replaces))
	}
	if err := checkAncestors(q.open.Intent.Ancestors); err != nil {
		return asked{}, err
	}
	if err := q.checkSigners(); err != nil {
		return asked{}, err
	}
	p, err := proposed(k, q.open.Intent)
	if err != nil {
		return asked{}, err
	}
	q.proposal, q.digest = p, q.open.Intent.Digest(p)
	if id := signer.SigningSession(q.digest, q.open.Input, q.open.Attempt, q.open.Signers); id != r.Session {
		return asked{}, fmt.Errorf("%w: the session's name is %v, what it is about is %v", signer.ErrMalformed, r.Session, id)
	}
	return q, nil
}

// checkSigners wants enough seats of the wallet, some of them here.
func (q *asked) checkSigners() error {
	if err := signer.CheckSeats(q.open.Signers); err != nil {
		return signer.Refuse(signer.RuleSeats, "%v", err)
	}
	if len(q.open.Signers) < q.key.Threshold {
		return signer.Refuse(signer.RuleSeats, "%d signers are fewer than the threshold of %d", len(q.open.Signers), q.key.Threshold)
	}
	for _, seat := range q.open.Signers {
		if _, ok := q.key.holder(seat); !ok {
			return signer.Refuse(signer.RuleSeats, "the wallet has no seat %d", seat)
		}
		if slices.Contains(q.key.Seats, seat) {
			q.own = append(q.own, seat)
		}
	}
	if len(q.own) == 0 {
		return signer.Refuse(signer.RuleSeats, "none of the signers' seats is here")
	}
	return nil
}

// openSigning judges what is to be signed, makes the nonces, and binds the wallet to it before anything leaves.
func (v *Vault) openSigning(ctx context.Context, c *ceremony, r signer.SignRound, q asked, request signer.Digest) (signer.RoundReply, error) {
	wallet := bitcoin.Wallet{Key: q.key.public(), Scheme: q.key.Scheme}
	intent := q.open.Intent
	if err := bitcoin.Judge(wallet, q.proposal, intent.Transaction, v.cfg.FeeCap); err != nil {
		return signer.RoundReply{}, err
	}
	signables, err := bitcoin.Signables(wallet, q.proposal, intent.Transaction)
	if err != nil {
		return signer.RoundReply{}, err
	}
	if q.open.Input >= len(signables) {
		return signer.RoundReply{}, fmt.Errorf("%w: there is no input %d, only %d", signer.ErrMalformed, q.open.Input, len(signables))
	}
	b, err := bondOf(intent, q.digest, q.proposal)
	if err != nil {
		return signer.RoundReply{}, err
	}
	p, err := v.signing(r.Session, q, signables[q.open.Input])
	if err != nil {
		return signer.RoundReply{}, err
	}
	a, err := p.begin(r.Session)
	if err != nil {
		return signer.RoundReply{}, err
	}
	err = v.ledger.write(ctx, func(tx *tx) error {
		now, err := tx.keyState(q.key.Wallet)
		if err != nil {
			return err
		}
		if err := now.usable(); err != nil {
			return err
		}
		if err := tx.stillServed(now, r.Term); err != nil {
			return err
		}
		if err := tx.bind(now, b, v.cfg.Now(), v.cfg.BlockTime, v.cfg.Rate); err != nil {
			return err
		}
		if err := tx.begun(r.Session, intent.Wallet, intent.Window); err != nil {
			return err
		}
		return tx.keep(v.box, r.Session, 1, request, a)
	})
	if err != nil {
		return signer.RoundReply{}, err
	}
	c.parts = p
	return a.result()
}

// stillServed checks the term once more, within the transaction that binds the wallet.
func (t *tx) stillServed(k key, term signer.Term) error {
	_, err := t.checkTerm(k.Wallet, term)
	return err
}

// signing makes the parties of a signing session.
func (v *Vault) signing(session signer.SessionID, q asked, what signer.Signable) (*parts, error) {
	secret, err := v.secret(q.key)
	if err != nil {
		return nil, err
	}
	p := &parts{
		wallet: q.key.Wallet, window: q.open.Intent.Window, topic: signer.SigningTopic(q.key.Wallet), self: q.key.detail.Self,
		holders: make(map[chain.Seat]chain.Operator), parties: make(map[chain.Seat]party),
	}
	for _, seat := range q.open.Signers {
		p.holders[seat], _ = q.key.holder(seat)
	}
	var first *scheme.Share
	for _, seat := range q.own {
		share, err := scheme.ParseShare(q.key.Scheme, secret.Shares[seat])
		clear(secret.Shares[seat])
		if err != nil {
			return nil, fmt.Errorf("open the share of seat %d: %w", seat, err)
		}
		if first == nil {
			first = &share
		}
		share.After(first)
		if p.parties[seat], err = scheme.NewSigning(session[:], share, q.open.Signers, what); err != nil {
			return nil, err
		}
	}
	if p.key, _, err = parseSealKey(secret.Seal); err != nil {
		return nil, fmt.Errorf("open the backend's key: %w", err)
	}
	p.sealTo, err = parseAllSealTo(q.key.detail.SealTo)
	return p, err
}

// signs reports whether what is answered in a round contains a share of the signature. The first round has commitments.
func signs(round int, a answer) bool { return round == 2 && len(a.Reply.Out) > 0 }

func (v *Vault) advanceSigning(ctx context.Context, c *ceremony, r signer.SignRound) (signer.RoundReply, error) {
	all, request, a, found, err := v.resume(ctx, c, r.Round, r.In, errNonceServed)
	if err != nil || found {
		return reply(a, err)
	}
	p := c.parts
	if err := v.ledger.read(ctx, func(tx *tx) error { return tx.maySign(p, r.Term) }); err != nil {
		return signer.RoundReply{}, err
	}
	c.parts = nil // whatever happens now, no party is asked twice for one round
	a, done := p.advance(r.Session, all)
	if done {
		a = p.signature()
	}
	return v.settle(ctx, c, p, r.Round, request, a, func(tx *tx) error {
		if err := tx.maySign(p, r.Term); err != nil || !signs(r.Round, a) {
			return err
		}
		return tx.count(p.wallet, len(p.parties))
	})
}

// maySign refuses what was refused in the meantime: the key may be frozen, a newer window signed for, the instance superseded.
func (t *tx) maySign(p *parts, term signer.Term) error {
	k, err := t.keyState(p.wallet)
	if err != nil {
		return err
	}
	if err := k.usable(); err != nil {
		return err
	}
	if p.window < k.LastWindow {
		return signer.Refuse(signer.RuleWindow, "window %d lies before window %d, which was signed for", p.window, k.LastWindow)
	}
	return t.stillServed(k, term)
}

// count adds to the shares of signatures that were released.
func (t *tx) count(wallet chain.WalletID, shares int) error {
	return t.exec(`UPDATE keys SET signatures = signatures + ? WHERE wallet = ?`, shares, wallet[:])
}

// signature returns what the own seats have got. Package scheme has verified it with another library than the one that made it.
func (p *parts) signature() answer {
	seat := p.seats()[0]
	sig, err := p.parties[seat].(*scheme.Signing).Signature()
	if err != nil {
		return answer{Failed: err.Error()}
	}
	return answer{Reply: signer.RoundReply{Done: &signer.Outcome{Signature: sig[:]}}}
}
