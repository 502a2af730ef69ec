package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// maxWallets is how many wallets of a window a record shows; an operator may have a thousand.
const maxWallets = 50

// recordTimeout bounds the reading of one record.
const recordTimeout = 10 * time.Second

// Record is what is stored of one window, as far as a question goes.
type Record struct {
	view.Trace
	More     int       `json:"more"`     // wallets that were left out
	Signings []Signing `json:"signings"` // of the wallets that were not, as far as their signers were asked
}

// Signing is what a wallet's signers were asked, without the messages that prove things.
type Signing struct {
	view.Signing
	Blames []Blame `json:"blames"`
}

// Blame is an operator who broke an attempt.
type Blame struct {
	view.Blame
	Proof int `json:"proof"` // how many signed messages prove it
}

// record answers what is stored of a window: ?window=BLOCK, of one wallet with &wallet=ID, of the wallets in which one
// operator led or did wrong with &operator=ADDRESS.
func (s *Server) record(w http.ResponseWriter, r *http.Request) {
	source := s.source.Load()
	if source == nil {
		http.Error(w, "the node is starting", http.StatusServiceUnavailable)
		return
	}
	block, wallet, operator, err := question(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), recordTimeout)
	defer cancel()
	select {
	case s.records <- struct{}{}:
		defer func() { <-s.records }()
	case <-ctx.Done():
		http.Error(w, "too many records are being read", http.StatusServiceUnavailable)
		return
	}
	record, err := read(ctx, *source, block, wallet, operator)
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case err != nil:
		s.cfg.Logger.Debug("Could not read a record for the dashboard", "error", err)
		http.Error(w, "the store cannot be read now", http.StatusServiceUnavailable)
		return
	}
	raw, err := json.Marshal(record)
	if err != nil {
		s.cfg.Logger.Error("Could not encode a record for the dashboard", "error", err)
		http.Error(w, "the record cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(raw) // the viewer has gone: its concern
}

// read gathers what a question asks for.
func read(ctx context.Context, source Source, block chain.Height, wallet *chain.WalletID, operator chain.Operator) (Record, error) {
	trace, err := source.Record(ctx, block, wallet)
	if err != nil {
		return Record{}, err
	}
	record := about(trace, operator)
	for _, w := range record.Wallets {
		if w.Order == nil || w.Wallet == nil {
			continue
		}
		list, err := source.Signings(ctx, block, *w.Wallet)
		if err != nil && !errors.Is(err, store.ErrNotFound) { // its action may have been forgotten meanwhile
			return Record{}, err
		}
		for _, s := range list.Signings {
			record.Signings = append(record.Signings, newSigning(s))
		}
	}
	return record, nil
}

func newSigning(s view.Signing) Signing {
	shown := Signing{s, []Blame{}}
	for _, b := range s.Blames {
		shown.Blames = append(shown.Blames, Blame{b, len(b.Proof)})
	}
	return shown
}

func question(r *http.Request) (block chain.Height, wallet *chain.WalletID, operator chain.Operator, err error) {
	q := r.URL.Query()
	n, err := strconv.ParseUint(q.Get("window"), 10, 63)
	if err != nil {
		return 0, nil, operator, errors.New("window is no block number")
	}
	if text := q.Get("wallet"); text != "" {
		id, err := chain.ParseWalletID(text)
		if err != nil {
			return 0, nil, operator, errors.New("wallet is no wallet's ID")
		}
		wallet = &id
	}
	if text := q.Get("operator"); text != "" {
		if operator, err = chain.ParseOperator(text); err != nil {
			return 0, nil, operator, errors.New("operator is no operator's address")
		}
	}
	return chain.Height(n), wallet, operator, nil
}

// about keeps of a window the wallets that tell something of an operator, or all if none is named, and of them as many as
// are shown.
func about(t view.Trace, operator chain.Operator) Record {
	if !operator.IsZero() {
		t.Wallets = slices.DeleteFunc(slices.Clone(t.Wallets), func(w view.WalletTrace) bool {
			led := w.Leader != nil && *w.Leader == operator
			return !led && !slices.ContainsFunc(w.Faults, func(f view.Fault) bool { return f.Culprit == operator })
		})
	}
	shown := min(len(t.Wallets), maxWallets)
	out := Record{Trace: t, More: len(t.Wallets) - shown, Signings: []Signing{}}
	out.Wallets = t.Wallets[:shown]
	return out
}
