package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// earlierSignings is how many of a wallet's earlier signatures are looked through for the transaction of its main UTXO and for
// those that this one replaces: a year's, at eight windows a day.
const earlierSignings = 3000

// Why a transaction cannot be built, as far as handlers tell it apart.
var (
	errNoMainUTXO = errors.New("the wallet has no main UTXO on the chain, and so nothing to pay from")
	errHole       = errors.New("transactions between an earlier payment of the same script and this one are not known here")
	errUnknownTx  = errors.New("the transaction of the wallet's main UTXO is not known here, and no other operator gave it: put it into the directory of transactions")
)

// redemption builds and signs the Bitcoin transaction that pays redemption requests. A Broadcaster hands it on.
type redemption struct{ *Service }

// Broadcaster is where a signed transaction leaves for the Bitcoin network, once there is a Bitcoin node to hand it to. Nothing
// implements it yet; until then the transaction is stored and shown, and handed on by hand.
type Broadcaster interface {
	// Broadcast sends a signed transaction. Repeating it is harmless.
	Broadcast(ctx context.Context, raw []byte) error
}

// Handle implements action.Handler.
func (h redemption) Handle(ctx context.Context, o proposal.Order) (action.Outcome, string) {
	p, ok := o.Proposal.(proposal.Redemption)
	if !ok {
		return action.HandlerFailed, fmt.Sprintf("%v is not a redemption", o.Proposal.Kind())
	}
	outcome, detail := h.carryOut(ctx, o, func(ctx context.Context, j *job) (*signer.Transaction, error) { return h.build(ctx, j, p) })
	if outcome == action.OK && h.cfg.Broadcaster != nil {
		h.broadcast(ctx, o)
	}
	return outcome, detail
}

// broadcast hands on what was signed and stored. Every operator does, and the action has succeeded whether or not this one can.
func (h redemption) broadcast(ctx context.Context, o proposal.Order) {
	row, _, err := h.cfg.Log.Signing(ctx, o.Wallet, o.Window)
	if err == nil {
		err = h.cfg.Broadcaster.Broadcast(ctx, row.Signed)
	}
	if err != nil {
		h.logger(o).Warn("Could not broadcast a signed transaction", "error", err)
	}
}

// build makes the transaction that every honest node makes of the same proposal. The main UTXO is read first: had the requests
// been read before it, a redemption that is settled between the two would be paid again.
func (h redemption) build(ctx context.Context, j *job, p proposal.Redemption) (*signer.Transaction, error) {
	hash, err := h.cfg.Chain.MainUTXOHash(ctx, j.wallet.ID())
	if err != nil {
		return nil, fmt.Errorf("read the main UTXO: %w", err)
	}
	if hash == [32]byte{} {
		return nil, errNoMainUTXO
	}
	candidates, err := h.cfg.Transactions.Candidates(ctx, j.wallet.ID())
	if err != nil {
		return nil, fmt.Errorf("read the known transactions: %w", err)
	}
	earlier, err := h.cfg.Log.Signings(ctx, j.wallet.ID(), j.order.Window, earlierSignings)
	if err != nil {
		return nil, fmt.Errorf("read earlier signatures: %w", err)
	}
	own, err := transactions(earlier)
	if err != nil {
		return nil, err
	}
	main, previous, w, found := j.main(hash, slices.Concat(candidates, own, j.search.all()))
	if !found {
		tx := h.seek(ctx, j, hash, func(tx *wire.MsgTx) bool {
			_, _, _, fits := j.main(hash, []*wire.MsgTx{tx})
			return fits
		})
		if tx == nil {
			return nil, errUnknownTx
		}
		main, previous, w, _ = j.main(hash, []*wire.MsgTx{tx}) // as seek has looked
	}
	j.key.Scheme = w.Scheme
	requests, err := h.cfg.Chain.RedemptionRequests(ctx, j.wallet.ID(), p.OutputScripts)
	if err != nil {
		return nil, fmt.Errorf("read the redemption requests: %w", err)
	}
	tx, err := bitcoin.Redemption(w, main, previous, requests, p.TxFee)
	if err != nil {
		return nil, &unbuildable{err}
	}
	if j.intent.Replaces, err = h.replaced(ctx, j, &tx, earlier); err != nil {
		return nil, err
	}
	j.intent.Ancestors, err = h.ancestors(ctx, j, &tx, p.OutputScripts, earlier)
	return &tx, err
}

// main finds the output that hashes to what the chain has of the wallet's main UTXO, and how it is locked: if the wallet's scheme
// is not known, as to who has no share of it, the output tells.
func (j *job) main(hash [32]byte, candidates []*wire.MsgTx) (main bitcoin.UTXO, previous *wire.MsgTx, w bitcoin.Wallet, found bool) {
	schemes := signer.Schemes()
	if j.key.Scheme != "" {
		schemes = []signer.Scheme{j.key.Scheme}
	}
	for _, scheme := range schemes {
		w = bitcoin.Wallet{Key: j.wallet.Key(), Scheme: scheme}
		if main, previous, found = bitcoin.FindMain(hash, candidates, w.Script()); found {
			return main, previous, w, true
		}
	}
	return main, nil, w, false
}

// transactions returns what was signed before, and what was to be spent where nothing was.
func transactions(earlier []Signing) (all []*wire.MsgTx, err error) {
	for _, s := range earlier {
		if s.Intent.Transaction == nil {
			continue
		}
		known := s.Intent.Transaction.Previous
		if len(s.Signed) > 0 {
			known = [][]byte{s.Signed}
		}
		for _, raw := range known {
			tx, err := bitcoin.Parse(raw)
			if err != nil {
				return nil, fmt.Errorf("read the transactions of window %d: %w", s.Window, err)
			}
			all = append(all, tx)
		}
	}
	return all, nil
}

// unbuildable says that no transaction does what was proposed, whatever is read again.
type unbuildable struct{ error }

func (u *unbuildable) Unwrap() error { return u.error }

// replaced returns the earlier intents that spend an outpoint which a transaction spends too, as far as the log or the backend
// knows them: either may have forgotten some. That it is still there to be spent shows that none of them was ever settled.
func (s *Service) replaced(ctx context.Context, j *job, tx *signer.Transaction, earlier []Signing) ([]signer.Digest, error) {
	spent, err := outpoints(tx)
	if err != nil {
		return nil, err
	}
	digests, err := spenders(spent, earlier)
	if err != nil || j.backend == nil { // a witness has nobody to ask, and asks nobody to sign
		return digests, err
	}
	known, err := j.backend.Protection(ctx, j.wallet.ID())
	if err != nil {
		return nil, fmt.Errorf("read what protects the key: %w", err)
	}
	for _, o := range known.Outpoints {
		if spent[outpoint{o.TxHash, o.Index}] && o.Window < j.order.Window && !slices.Contains(digests, o.Intent) {
			digests = append(digests, o.Intent)
		}
	}
	return digests, nil
}

// spenders returns the earlier intents that spend one of some outpoints.
func spenders(spent map[outpoint]bool, earlier []Signing) ([]signer.Digest, error) {
	var digests []signer.Digest
	for _, s := range earlier {
		if s.Intent.Transaction == nil {
			continue
		}
		theirs, err := outpoints(s.Intent.Transaction)
		if err != nil {
			return nil, fmt.Errorf("read the intent of window %d: %w", s.Window, err)
		}
		for o := range theirs {
			if spent[o] {
				digests = append(digests, s.Digest)
				break
			}
		}
	}
	return digests, nil
}

// outpoint names what an input spends.
type outpoint struct {
	tx    signer.Digest
	index uint32
}

func outpoints(tx *signer.Transaction) (map[outpoint]bool, error) {
	list, err := bitcoin.Outpoints(tx)
	if err != nil {
		return nil, err
	}
	spent := make(map[outpoint]bool, len(list))
	for _, o := range list {
		spent[outpoint{o.TxHash, o.Index}] = true
	}
	return spent, nil
}

// outcomeOf returns what an action ends as that could not get its transaction.
func outcomeOf(err error) action.Outcome {
	_, never := errors.AsType[*unbuildable](err)
	switch {
	case never, errors.Is(err, chain.ErrNoRequest):
		return action.Invalidated
	case errors.Is(err, errNoMainUTXO), errors.Is(err, errUnknownTx):
		return action.Unverifiable
	default:
		return action.ValidationError
	}
}
