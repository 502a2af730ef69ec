package vault

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// bond is what an intent would bind a wallet to.
type bond struct {
	wallet   chain.WalletID
	window   chain.Height
	digest   signer.Digest
	replaces []signer.Digest

	tx      []byte                              // hash of the transaction, internal byte order; empty for a heartbeat
	spends  []signer.Outpoint                   // with TxHash and Index
	pays    []signer.Digest                     // hashes of the redeemers' scripts
	parents map[signer.Digest][]signer.Outpoint // what transactions that it builds on spend, by their hashes
}

// bondOf works out what an intent that was judged comes to. parents are what the transactions behind its inputs and their
// ancestors spent, as far as the intent has them: each is known by its hash, which the one that builds on it names.
func bondOf(intent signer.Intent, digest signer.Digest, p proposal.Proposal) (bond, error) {
	b := bond{wallet: intent.Wallet, window: intent.Window, digest: digest, replaces: intent.Replaces, tx: []byte{}}
	if intent.Transaction == nil {
		return b, nil
	}
	parsed, err := bitcoin.ParseUnsigned(intent.Transaction.Raw)
	if err != nil {
		return bond{}, signer.Refuse(signer.RuleProposal, "%v", err)
	}
	hash := parsed.TxHash()
	b.tx = hash[:]
	if b.spends, err = bitcoin.Outpoints(intent.Transaction); err != nil {
		return bond{}, signer.Refuse(signer.RuleProposal, "%v", err)
	}
	if r, ok := p.(proposal.Redemption); ok {
		for _, script := range r.OutputScripts {
			b.pays = append(b.pays, sha256.Sum256(script))
		}
	}
	b.parents = make(map[signer.Digest][]signer.Outpoint)
	for _, raw := range intent.Transaction.Previous {
		if len(raw) == 0 {
			continue
		}
		if err := b.descends(raw); err != nil {
			return bond{}, signer.Refuse(signer.RulePrevious, "%v", err)
		}
	}
	for i, raw := range intent.Ancestors {
		if err := b.descends(raw); err != nil {
			return bond{}, fmt.Errorf("%w: ancestor %d: %w", signer.ErrMalformed, i, err)
		}
	}
	return b, nil
}

// descends notes what a transaction spends, that this one may build on.
func (b *bond) descends(raw []byte) error {
	tx, err := bitcoin.Parse(raw)
	if err != nil {
		return err
	}
	spends := make([]signer.Outpoint, len(tx.TxIn))
	for i, in := range tx.TxIn {
		spends[i] = signer.Outpoint{TxHash: signer.Digest(in.PreviousOutPoint.Hash), Index: in.PreviousOutPoint.Index}
	}
	b.parents[signer.Digest(tx.TxHash())] = spends
	return nil
}

// checkAncestors bounds what an intent makes us read.
func checkAncestors(ancestors [][]byte) error {
	total := 0
	for _, raw := range ancestors {
		total += len(raw)
	}
	if len(ancestors) > signer.MaxAncestors || total > signer.MaxAncestorBytes {
		return fmt.Errorf("%w: %d ancestors with %d bytes, want %d with %d at most",
			signer.ErrMalformed, len(ancestors), total, signer.MaxAncestors, signer.MaxAncestorBytes)
	}
	return nil
}

// bind applies the rules about what was signed before, and writes down what is to be signed now.
func (t *tx) bind(k key, b bond, now time.Time, blockTime time.Duration, rate int) error {
	if err := k.checkWindow(b.window, now, blockTime); err != nil {
		return err
	}
	bound, err := t.checkSlot(b)
	if err != nil {
		return err
	}
	if err := t.checkRate(b, rate); err != nil {
		return err
	}
	if bound {
		return nil
	}
	if err := t.checkOutpoints(b); err != nil {
		return err
	}
	if err := t.checkPayments(b); err != nil {
		return err
	}
	if err := t.insertBond(b); err != nil {
		return err
	}
	return t.moveWindow(k, b.window, now, blockTime)
}

// checkWindow refuses a window before the newest one, and one that cannot have come.
func (k key) checkWindow(window chain.Height, now time.Time, blockTime time.Duration) error {
	if window < k.LastWindow {
		return signer.Refuse(signer.RuleWindow, "window %d lies before window %d, which was signed for", window, k.LastWindow)
	}
	if highest := k.anchor.reached(now, blockTime); window > highest {
		return signer.Refuse(signer.RuleWindow, "window %d lies ahead: since %s the chain can have reached block %d at most",
			window, k.anchor.At.Format(time.RFC3339), highest)
	}
	return nil
}

// reached returns the highest block that there can be now.
func (a anchor) reached(now time.Time, blockTime time.Duration) chain.Height {
	return a.Height + chain.Height(max(0, now.Sub(a.At))/blockTime) //nolint:gosec // not negative
}

// checkSlot refuses a second intent for a window, and reports whether the window is bound to this one.
func (t *tx) checkSlot(b bond) (bound bool, err error) {
	var intent []byte
	err = t.get(`SELECT intent FROM slots WHERE wallet = ? AND window = ?`, b.wallet[:], int64(b.window)).into(&intent) //nolint:gosec // checked
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if string(intent) != string(b.digest[:]) {
		return false, signer.Refuse(signer.RuleSlot, "window %d is bound to intent %x, not %v", b.window, intent, b.digest)
	}
	return true, nil
}

func (t *tx) checkRate(b bond, rate int) error {
	var n int
	err := t.get(`SELECT COUNT(*) FROM sessions WHERE wallet = ? AND window = ?`, b.wallet[:], int64(b.window)).into(&n) //nolint:gosec // checked
	if err != nil {
		return err
	}
	if n >= rate {
		return signer.Refuse(signer.RuleRate, "%d sessions were begun for window %d, which is the most", n, b.window)
	}
	return nil
}

// checkOutpoints refuses to spend what an earlier intent spends, unless that intent is named. Its window's signing has ended:
// windows are further apart than signing lasts.
func (t *tx) checkOutpoints(b bond) error {
	for _, o := range b.spends {
		err := t.eachIntent(`SELECT intent FROM outpoints WHERE wallet = ? AND tx = ? AND idx = ?`,
			[]any{b.wallet[:], o.TxHash[:], int64(o.Index)}, func(earlier signer.Digest) error {
				if slices.Contains(b.replaces, earlier) {
					return nil
				}
				return signer.Refuse(signer.RuleOutpoint, "output %d of %x is locked to intent %v, which is not among those that are replaced",
					o.Index, o.TxHash[:], earlier)
			})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkPayments refuses to pay a script that another transaction paid, if both could be confirmed for one request: neither does
// this one come after the other, nor do they exclude each other.
func (t *tx) checkPayments(b bond) error {
	for _, script := range b.pays {
		err := t.eachIntent(`SELECT intent FROM payments WHERE wallet = ? AND script = ?`,
			[]any{b.wallet[:], script[:]}, func(earlier signer.Digest) error { return t.checkPaidBy(b, script, earlier) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) checkPaidBy(b bond, script, earlier signer.Digest) error {
	spent, err := t.spentBy(b.wallet, earlier)
	if err != nil {
		return err
	}
	var paying []byte
	if err := t.get(`SELECT tx FROM slots WHERE wallet = ? AND intent = ?`, b.wallet[:], earlier[:]).into(&paying); err != nil {
		return err
	}
	settled, err := t.settles(b, signer.Digest(paying), spent)
	if err != nil || settled {
		return err
	}
	return signer.Refuse(signer.RuleDouble, "the script with hash %v is paid by intent %v, whose transaction shares no input with this one or "+
		"what it is known to build on, and does not precede it: both could be confirmed", script, earlier)
}

// maxAncestors bounds the search for a transaction among what another one builds on. A wallet makes eight a day at most.
const maxAncestors = 10_000

// settles reports whether the fate of an earlier transaction, which spends spent, is settled wherever a new one is valid. The new
// one and all that it builds on, directly or through others that are known, are confirmed together. If an output of the earlier
// one is among what they spend, the earlier one is confirmed too, and its redemption settled: what is paid now is a new request.
// If they spend what the earlier one spends, the earlier one can never be confirmed.
func (t *tx) settles(b bond, earlier signer.Digest, spent []signer.Outpoint) (bool, error) {
	seen := map[signer.Digest]bool{}
	next := slices.Clone(b.spends)
	for len(next) > 0 && len(seen) < maxAncestors {
		o := next[len(next)-1]
		next = next[:len(next)-1]
		if o.TxHash == earlier || slices.Contains(spent, o) {
			return true, nil
		}
		if seen[o.TxHash] {
			continue
		}
		seen[o.TxHash] = true
		next = append(next, b.parents[o.TxHash]...)
		var intent []byte
		err := t.get(`SELECT intent FROM slots WHERE wallet = ? AND tx = ?`, b.wallet[:], o.TxHash[:]).into(&intent)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return false, err
		}
		own, err := t.spentBy(b.wallet, signer.Digest(intent))
		if err != nil {
			return false, err
		}
		next = append(next, own...)
	}
	return false, nil
}

// spentBy returns what an intent spends: with TxHash and Index.
func (t *tx) spentBy(wallet chain.WalletID, intent signer.Digest) (spent []signer.Outpoint, err error) {
	err = t.each(`SELECT tx, idx FROM outpoints WHERE wallet = ? AND intent = ?`, []any{wallet[:], intent[:]}, func(scan func(...any) error) error {
		var hash []byte
		var index int64
		if err := scan(&hash, &index); err != nil {
			return err
		}
		spent = append(spent, signer.Outpoint{TxHash: signer.Digest(hash), Index: uint32(index)}) //nolint:gosec // as it was written
		return nil
	})
	return spent, err
}

// eachIntent calls f for each digest that a query finds. They are all read before: f may ask for more.
func (t *tx) eachIntent(query string, args []any, f func(signer.Digest) error) error {
	var found []signer.Digest
	err := t.each(query, args, func(scan func(...any) error) error {
		var digest []byte
		if err := scan(&digest); err != nil {
			return err
		}
		found = append(found, signer.Digest(digest))
		return nil
	})
	for _, digest := range found {
		if err == nil {
			err = f(digest)
		}
	}
	return err
}

// insertBond binds the window, the outputs and the payments.
func (t *tx) insertBond(b bond) error {
	window := int64(b.window) //nolint:gosec // checked by the window rule
	if err := t.exec(`INSERT INTO slots (wallet, window, intent, tx) VALUES (?, ?, ?, ?)`, b.wallet[:], window, b.digest[:], b.tx); err != nil {
		return err
	}
	for _, o := range b.spends {
		if err := t.exec(`INSERT INTO outpoints (wallet, tx, idx, window, intent) VALUES (?, ?, ?, ?, ?)`,
			b.wallet[:], o.TxHash[:], int64(o.Index), window, b.digest[:]); err != nil {
			return err
		}
	}
	for _, script := range b.pays {
		if err := t.exec(`INSERT INTO payments (wallet, script, window, intent) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			b.wallet[:], script[:], window, b.digest[:]); err != nil {
			return err
		}
	}
	return nil
}

// moveWindow makes a window the newest, and drops the sessions of those before it, which are refused now. Who signs for a window
// knows how high the chain is at most: the anchor follows if that tells more than the one there is.
func (t *tx) moveWindow(k key, window chain.Height, now time.Time, blockTime time.Duration) error {
	a := k.anchor
	if latest := (anchor{window + signingEnd, now}); latest.Height < a.reached(now, blockTime) {
		a = latest
	}
	err := t.exec(`UPDATE keys SET window = ?, height = ?, at = ? WHERE wallet = ?`,
		int64(window), int64(a.Height), a.At.UnixMicro(), k.Wallet[:]) //nolint:gosec // checked by the window rule
	if err != nil {
		return err
	}
	for _, query := range []string{
		`DELETE FROM replies WHERE session IN (SELECT session FROM sessions WHERE wallet = ? AND window < ?)`,
		`DELETE FROM sessions WHERE wallet = ? AND window < ?`,
	} {
		if err := t.exec(query, k.Wallet[:], int64(window)); err != nil { //nolint:gosec // checked by the window rule
			return err
		}
	}
	return nil
}
