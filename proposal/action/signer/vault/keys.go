package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// maxPage is the most keys that one call lists.
const maxPage = 1000

// key is a wallet's row.
type key struct {
	signer.Key
	detail keyDetail
	before signer.KeyState // the state before an export; empty unless it was exported
	anchor anchor

	head, rest []byte // as stored: the secret is bound to them
	sealed     []byte
}

// keyDetail is what others can check of a key, and whom it is shared with.
type keyDetail struct {
	Roster       []chain.Operator                    `json:"roster"`
	Verification map[chain.Seat]signer.HexBytes      `json:"verification"`
	Self         chain.Operator                      `json:"self"`
	SealTo       map[chain.Operator]signer.PublicKey `json:"seal_to"`
}

// keySecret is what leaves a vault only under a password.
type keySecret struct {
	Shares map[chain.Seat][]byte `json:"shares"` // as package scheme writes them
	Seal   []byte                `json:"seal"`   // the HPKE private key that the other backends know for this wallet
}

// anchor says that no block above Height existed At a time.
type anchor struct {
	Height chain.Height `json:"height"`
	At     time.Time    `json:"at"`
}

func (k key) full() signer.KeyDetail {
	return signer.KeyDetail{Key: k.Key, Roster: k.detail.Roster, Verification: k.detail.Verification}
}

// public returns the wallet's key.
func (k key) public() chain.PublicKey { return chain.PublicKey(k.GroupKey) }

// holder returns the operator of a seat; false of one that the wallet has not.
func (k key) holder(seat chain.Seat) (chain.Operator, bool) {
	if seat == 0 || int(seat) > len(k.detail.Roster) {
		return chain.Operator{}, false
	}
	return k.detail.Roster[seat-1], true
}

// secretPlace binds a key's secret to all that is said of it in the clear and never changes.
func secretPlace(head, detail []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{head, detail} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	return place("keys", h.Sum(nil)...)
}

const selectKey = `SELECT head, state, why, before, height, at, window, signatures, detail, secret FROM keys `

// scanKey reads a row of selectKey.
func scanKey(scan func(...any) error) (key, error) {
	var k key
	var state, why, before string
	var height, at, window, signatures int64
	if err := scan(&k.head, &state, &why, &before, &height, &at, &window, &signatures, &k.rest, &k.sealed); err != nil {
		return key{}, err
	}
	if err := errors.Join(json.Unmarshal(k.head, &k.Key), json.Unmarshal(k.rest, &k.detail)); err != nil {
		return key{}, fmt.Errorf("read a key's row: %w", err)
	}
	if len(k.GroupKey) != len(chain.PublicKey{}) {
		return key{}, fmt.Errorf("read a key's row: a group key of %d bytes", len(k.GroupKey))
	}
	k.State, k.Why, k.before = signer.KeyState(state), why, signer.KeyState(before)
	k.LastWindow, k.Signatures = chain.Height(window), uint64(signatures) //nolint:gosec // never negative
	k.anchor = anchor{chain.Height(height), time.UnixMicro(at).UTC()}     //nolint:gosec // never negative
	return k, nil
}

// key reads a wallet's row; signer.ErrUnknownKey if there is none.
func (t *tx) key(wallet chain.WalletID) (key, error) {
	k, err := scanKey(t.get(selectKey+`WHERE wallet = ?`, wallet[:]).into)
	if errors.Is(err, sql.ErrNoRows) {
		return key{}, fmt.Errorf("wallet %v: %w", wallet, signer.ErrUnknownKey)
	}
	return k, err
}

// keyState reads what changes about a wallet's key, and nothing of what it is shared with.
func (t *tx) keyState(wallet chain.WalletID) (key, error) {
	k, err := scanKey(t.get(selectState+`WHERE wallet = ?`, wallet[:]).into)
	if errors.Is(err, sql.ErrNoRows) {
		return key{}, fmt.Errorf("wallet %v: %w", wallet, signer.ErrUnknownKey)
	}
	return k, err
}

// insertKey stores a new key with its secret.
func (t *tx) insertKey(b box, k key, secret keySecret) error {
	still := k.Key // what changes stands in columns of its own
	still.State, still.Why, still.Signatures, still.LastWindow = "", "", 0, 0
	head, err := json.Marshal(still)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	detail, err := json.Marshal(k.detail)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	plain, err := json.Marshal(secret)
	if err != nil {
		return fmt.Errorf("encode a key: %w", err)
	}
	sealed := b.seal(plain, secretPlace(head, detail))
	clear(plain)
	return t.exec(`INSERT INTO keys (wallet, session, head, detail, secret, state, why, before, height, at, window, signatures)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		k.Wallet[:], k.Session[:], string(head), string(detail), sealed, string(k.State), k.Why, string(k.before),
		int64(k.anchor.Height), k.anchor.At.UnixMicro(), int64(k.LastWindow), int64(k.Signatures)) //nolint:gosec // bounded where they came in
}

// secret decrypts a key's shares.
func (v *Vault) secret(k key) (keySecret, error) {
	plain, err := v.box.open(k.sealed, secretPlace(k.head, k.rest))
	if err != nil {
		return keySecret{}, fmt.Errorf("open the shares of wallet %v: %w", k.Wallet, err)
	}
	defer clear(plain)
	var s keySecret
	if err := json.Unmarshal(plain, &s); err != nil {
		return keySecret{}, fmt.Errorf("open the shares of wallet %v: %w", k.Wallet, errDamaged)
	}
	return s, nil
}

// Keys implements signer.Backend.
func (v *Vault) Keys(ctx context.Context, after *chain.WalletID, limit int) ([]signer.Key, error) {
	if limit < 1 {
		return nil, fmt.Errorf("%w: a limit of %d keys, want at least 1", signer.ErrMalformed, limit)
	}
	begin := []byte{} // before every wallet
	if after != nil {
		begin = bytes.Clone(after[:])
	}
	var keys []signer.Key
	err := v.ledger.read(ctx, func(tx *tx) error {
		return tx.each(selectState+`WHERE wallet > ? ORDER BY wallet LIMIT ?`, []any{begin, min(limit, maxPage)}, func(scan func(...any) error) error {
			k, err := scanKey(scan)
			keys = append(keys, k.Key)
			return err
		})
	})
	return keys, err
}

// selectState leaves out whom a key is shared with: most of what a wallet of a hundred seats has.
const selectState = `SELECT head, state, why, before, height, at, window, signatures, '{}', x'' FROM keys `

// Key implements signer.Backend.
func (v *Vault) Key(ctx context.Context, wallet chain.WalletID) (signer.KeyDetail, error) {
	k, err := v.readKey(ctx, wallet)
	return k.full(), err
}

// Brief implements signer.Backend.
func (v *Vault) Brief(ctx context.Context, wallet chain.WalletID) (k signer.Key, err error) {
	err = v.ledger.read(ctx, func(tx *tx) error {
		state, err := tx.keyState(wallet)
		k = state.Key
		return err
	})
	return k, err
}

func (v *Vault) readKey(ctx context.Context, wallet chain.WalletID) (k key, err error) {
	err = v.ledger.read(ctx, func(tx *tx) error {
		k, err = tx.key(wallet)
		return err
	})
	return k, err
}

// checkTerm refuses the term of an instance that was superseded, and reports whether the term is newer than any before.
func (t *tx) checkTerm(wallet chain.WalletID, term signer.Term) (newer bool, err error) {
	if term.Generation > math.MaxInt64 || term.Epoch > math.MaxInt64 {
		return false, fmt.Errorf("%w: a term of %d, %d", signer.ErrMalformed, term.Generation, term.Epoch)
	}
	highest, err := t.term(wallet)
	if err != nil {
		return false, err
	}
	if term.Compare(highest) < 0 {
		return false, signer.Refuse(signer.RuleTerm, "an instance with term (%d, %d) has asked before, this one has (%d, %d)",
			highest.Generation, highest.Epoch, term.Generation, term.Epoch)
	}
	return term.Compare(highest) > 0, nil
}

// term returns the highest term that was seen for a wallet; the zero one if none was.
func (t *tx) term(wallet chain.WalletID) (signer.Term, error) {
	var generation, epoch int64
	err := t.get(`SELECT generation, epoch FROM terms WHERE wallet = ?`, wallet[:]).into(&generation, &epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return signer.Term{}, nil
	}
	return signer.Term{Generation: uint64(generation), Epoch: uint64(epoch)}, err //nolint:gosec // never negative
}

// admit writes a newer term down before anything else is looked at: what is asked for may be refused, but whoever asked
// under an older one must be from then on.
func (v *Vault) admit(ctx context.Context, wallet chain.WalletID, term signer.Term) error {
	var newer bool
	err := v.ledger.read(ctx, func(tx *tx) (err error) {
		newer, err = tx.checkTerm(wallet, term)
		return err
	})
	if err != nil || !newer {
		return err
	}
	return v.ledger.write(ctx, func(tx *tx) error { return tx.raiseTerm(wallet, term) })
}

// raiseTerm checks a term and keeps the higher one.
func (t *tx) raiseTerm(wallet chain.WalletID, term signer.Term) error {
	newer, err := t.checkTerm(wallet, term)
	if err != nil || !newer {
		return err
	}
	return t.exec(`INSERT INTO terms (wallet, generation, epoch) VALUES (?, ?, ?)
		ON CONFLICT (wallet) DO UPDATE SET generation = excluded.generation, epoch = excluded.epoch`,
		wallet[:], int64(term.Generation), int64(term.Epoch)) //nolint:gosec // checked by checkTerm
}
