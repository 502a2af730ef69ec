package api

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
)

// query reads the parameters of one request and collects what is wrong with them, so that all of it is told at once.
type query struct {
	values url.Values
	errs   []error
}

// newQuery refuses parameters that the route does not have.
func newQuery(values url.Values, known []parameter) *query {
	q := &query{values: values}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(known, func(p parameter) bool { return p.name == name }) {
			q.wrong(name, errors.New("unknown parameter"))
		}
	}
	return q
}

// text returns a parameter that may be given once; empty if it is not given.
func (q *query) text(name string) string {
	switch values := q.values[name]; len(values) {
	case 0:
		return ""
	case 1:
		return values[0]
	default:
		q.wrong(name, errors.New("given more than once"))
		return ""
	}
}

func (q *query) wrong(name string, err error) {
	q.errs = append(q.errs, fmt.Errorf("%s: %w", name, err))
}

func parsed[T any](q *query, name string, parse func(string) (T, error)) *T {
	text := q.text(name)
	if text == "" {
		return nil
	}
	v, err := parse(text)
	if err != nil {
		q.wrong(name, err)
		return nil
	}
	return &v
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func parseHeight(s string) (chain.Height, error) {
	n, err := strconv.ParseUint(s, 10, 63) // what a store can hold
	if err != nil {
		return 0, fmt.Errorf("want the number of a block, have %q", s)
	}
	return chain.Height(n), nil
}

func parseBool(s string) (bool, error) {
	switch s {
	case "true", "false":
		return s == "true", nil
	}
	return false, fmt.Errorf("want true or false, have %q", s)
}

func (q *query) wallet() *chain.WalletID      { return parsed(q, "wallet", chain.ParseWalletID) }
func (q *query) height(n string) chain.Height { return value(parsed(q, n, parseHeight)) }

func (q *query) limit() int {
	n := parsed(q, "limit", func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > MaxRows {
			return 0, fmt.Errorf("want 1 to %d, have %q", MaxRows, s)
		}
		return n, nil
	})
	if n == nil {
		return defaultRows
	}
	return *n
}

// done returns what is wrong.
func (q *query) done() error { return errors.Join(q.errs...) }

func (q *query) windows() store.WindowFilter {
	f := store.WindowFilter{Wallet: q.wallet(), From: q.height("from"), To: q.height("to"), Limit: q.limit()}
	for _, text := range q.values["reason"] {
		reason, err := coordination.ParseReason(text)
		if err != nil {
			q.wrong("reason", err)
		}
		f.Reasons = append(f.Reasons, reason)
	}
	if len(f.Reasons) > len(coordination.Reasons()) {
		q.wrong("reason", errors.New("given more often than there are reasons"))
	}
	for _, text := range q.values["state"] {
		state, err := store.ParseWindowState(text)
		if err != nil {
			q.wrong("state", err)
		}
		f.States = append(f.States, state)
	}
	if len(f.States) > len(store.WindowStates()) {
		q.wrong("state", errors.New("given more often than there are states"))
	}
	return f
}

func (q *query) proposals() store.WindowFilter {
	return store.WindowFilter{Wallet: q.wallet(), From: q.height("from"), To: q.height("to"), Limit: q.limit()}
}

func (q *query) actions() store.ActionFilter {
	return store.ActionFilter{
		Wallet: q.wallet(), From: q.height("from"), To: q.height("to"), Finished: parsed(q, "finished", parseBool), Limit: q.limit(),
	}
}

func (q *query) faults() faults.Filter {
	f := q.scores()
	f.Limit = q.limit()
	return f
}

// scores is faults without a limit: a sum over some of the rows would mislead.
func (q *query) scores() faults.Filter {
	return faults.Filter{
		Wallet: q.wallet(), From: q.height("from"), To: q.height("to"), Kind: value(parsed(q, "kind", faults.ParseKind)),
		Culprit: value(parsed(q, "culprit", chain.ParseOperator)), Attributed: parsed(q, "attributed", parseBool),
	}
}

// The client's side: what query reads, written.

func encodeRange(wallet *chain.WalletID, from, to chain.Height, limit int) url.Values {
	v := url.Values{}
	if wallet != nil {
		v.Set("wallet", wallet.String())
	}
	for name, h := range map[string]chain.Height{"from": from, "to": to} {
		if h != 0 {
			v.Set(name, strconv.FormatUint(uint64(h), 10))
		}
	}
	if limit != 0 {
		v.Set("limit", strconv.Itoa(limit))
	}
	return v
}

func encodeWindows(f store.WindowFilter) url.Values {
	v := encodeRange(f.Wallet, f.From, f.To, f.Limit)
	for _, reason := range f.Reasons {
		v.Add("reason", string(reason))
	}
	for _, state := range f.States {
		v.Add("state", string(state))
	}
	return v
}

func encodeActions(f store.ActionFilter) url.Values {
	v := encodeRange(f.Wallet, f.From, f.To, f.Limit)
	if f.Finished != nil {
		v.Set("finished", strconv.FormatBool(*f.Finished))
	}
	return v
}

func encodeFaults(f faults.Filter) url.Values {
	v := encodeRange(f.Wallet, f.From, f.To, f.Limit)
	if f.Kind != "" {
		v.Set("kind", string(f.Kind))
	}
	if !f.Culprit.IsZero() {
		v.Set("culprit", f.Culprit.String())
	}
	if f.Attributed != nil {
		v.Set("attributed", strconv.FormatBool(*f.Attributed))
	}
	return v
}
