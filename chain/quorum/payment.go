package quorum

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// What a redemption is built from is a decision. Seats sign the transaction that comes of it, and nobody else checks the
// amounts: the proposal names scripts and a fee, and a signer backend sees no chain. One endpoint's word could have us pay
// a redeemer another sum than was asked for, or ask all backends for a transaction that the other operators do not build. Both
// reads are at the block that validations are at.
//
// Read the main UTXO before the requests. If they were paid in between then, the requests are gone; the other way round what
// was paid already would be paid again, out of the change.

// MainUTXOHash returns the hash of a wallet's main UTXO, as chain.UTXO.Hash makes it, as more than half of the vote groups
// tell it at the agreed head; zero if the wallet has none.
func (p *Pool) MainUTXOHash(ctx context.Context, wallet chain.WalletID) ([32]byte, error) {
	head, err := p.deliveredHead()
	if err != nil {
		return [32]byte{}, err
	}
	hash, err := decide(ctx, p, "the main UTXO", func(ctx context.Context, e Endpoint) ([32]byte, error) {
		return e.MainUTXOHashAt(ctx, head.Hash, wallet)
	})
	if err != nil {
		return [32]byte{}, ctxOr(ctx, err) // without what a minority said
	}
	return hash, nil
}

// RedemptionRequests returns the pending requests to a wallet that name these output scripts, in their order, as more than
// half of the vote groups tell them at the agreed head. Scripts are without length prefix; the blocks of the requests are
// not read. If so many say that not all of them are pending it is chain.ErrNoRequest.
func (p *Pool) RedemptionRequests(ctx context.Context, wallet chain.WalletID, scripts [][]byte) ([]chain.RedemptionRequest, error) {
	head, err := p.deliveredHead()
	if err != nil {
		return nil, err
	}
	answer, err := decide(ctx, p, "the redemption requests", func(ctx context.Context, e Endpoint) (terms, error) {
		requests, err := e.RedemptionRequestsAt(ctx, head.Hash, wallet, scripts)
		switch {
		case errors.Is(err, chain.ErrNoRequest):
			return terms{gone: true}, nil
		case err != nil:
			return terms{}, err
		case len(requests) != len(scripts):
			return terms{}, fmt.Errorf("%d requests for %d scripts", len(requests), len(scripts))
		}
		return packTerms(requests), nil
	})
	switch {
	case err != nil:
		return nil, ctxOr(ctx, err)
	case answer.gone:
		return nil, fmt.Errorf("%w: wallet %s, one of %d", chain.ErrNoRequest, wallet, len(scripts))
	}
	return answer.requests(scripts), nil
}

// terms is an answer about requests in a form that can be compared.
type terms struct {
	gone   bool   // not all of them are pending
	packed string // of each request an entry
}

// entry is what endpoints are asked about a request. All fields have a fixed size.
type entry struct {
	Redeemer                               [20]byte
	RequestedAmount, TreasuryFee, TxMaxFee uint64
	RequestedAt                            int64 // UNIX seconds
}

func packTerms(requests []chain.RedemptionRequest) terms {
	entries := make([]entry, len(requests))
	for i, r := range requests {
		entries[i] = entry{r.Redeemer, r.RequestedAmount, r.TreasuryFee, r.TxMaxFee, r.RequestedAt.Unix()}
	}
	packed, err := binary.Append(nil, binary.BigEndian, entries)
	if err != nil {
		panic("entry has a field without a fixed size")
	}
	return terms{packed: string(packed)}
}

// requests is the inverse of packTerms.
func (t terms) requests(scripts [][]byte) []chain.RedemptionRequest {
	entries := make([]entry, len(scripts))
	if _, err := binary.Decode([]byte(t.packed), binary.BigEndian, entries); err != nil {
		panic("terms are not those of the scripts")
	}
	requests := make([]chain.RedemptionRequest, len(entries))
	for i, e := range entries {
		requests[i] = chain.RedemptionRequest{
			Script:          slices.Clone(scripts[i]),
			Redeemer:        e.Redeemer,
			RequestedAmount: e.RequestedAmount,
			TreasuryFee:     e.TreasuryFee,
			TxMaxFee:        e.TxMaxFee,
			RequestedAt:     time.Unix(e.RequestedAt, 0),
		}
	}
	return requests
}
