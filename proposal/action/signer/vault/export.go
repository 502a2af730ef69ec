package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// maxExport is the most bytes of an exported key: a hundred thousand windows, each with a transaction of 20 payments, and room.
const maxExport = 1 << 30

// exported is what an export file holds.
type exported struct {
	Format     int             `json:"format"`
	Key        signer.Key      `json:"key"` // in the state that it had before
	Detail     keyDetail       `json:"detail"`
	Secret     keySecret       `json:"secret"`
	Anchor     anchor          `json:"anchor"`
	Protection *protectionRows `json:"protection"` // without it nobody knows what was signed
}

// protectionRows are all that a key is bound to.
type protectionRows struct {
	Term     signer.Term        `json:"term"`
	Bonds    []bondRow          `json:"bonds"`    // oldest first; the last one is of the key's newest window
	Sessions []signer.SessionID `json:"sessions"` // of that window
}

// bondRow is what one window is bound to.
type bondRow struct {
	Window chain.Height      `json:"window"`
	Intent signer.Digest     `json:"intent"`
	Tx     signer.HexBytes   `json:"tx"`     // hash of the transaction; empty for a heartbeat
	Spends []signer.Outpoint `json:"spends"` // its outputs
	Pays   []signer.Digest   `json:"pays"`   // hashes of the redeemers' scripts
}

// Export freezes a key for ever, and then returns its shares and all that it is bound to as an age file under a password. Who
// exports again, because the file was lost, gets the same again. It must be imported in one place only: two would not know of
// each other's signatures.
func (v *Vault) Export(ctx context.Context, wallet chain.WalletID, password string) ([]byte, error) {
	if password == "" {
		return nil, fmt.Errorf("%w: an export takes a password", ErrPassword)
	}
	if err := v.ledger.write(ctx, func(tx *tx) error { return tx.freezeForExport(wallet) }); err != nil {
		return nil, err
	}
	var out exported
	var k key
	err := v.ledger.read(ctx, func(tx *tx) (err error) {
		if k, err = tx.key(wallet); err != nil {
			return err
		}
		rows, err := tx.protectionRows(wallet)
		out = exported{Format: format, Key: k.Key, Detail: k.detail, Anchor: k.anchor, Protection: &rows}
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Key.State, out.Key.Why = k.before, ""
	if k.before == signer.KeyFrozen {
		out.Key.Why = "frozen before it was exported"
	}
	if out.Secret, err = v.secret(k); err != nil {
		return nil, err
	}
	plain, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode the export: %w", err)
	}
	defer clear(plain)
	return encrypt(plain, password, v.cfg.Work)
}

// freezeForExport freezes a key, unless an export did before.
func (t *tx) freezeForExport(wallet chain.WalletID) error {
	k, err := t.key(wallet)
	switch {
	case err != nil:
		return err
	case k.before != "":
		return nil
	case k.lasting():
		return fmt.Errorf("%w for ever: wallet %v: %s", signer.ErrFrozen, wallet, k.Why)
	}
	return t.exec(`UPDATE keys SET state = ?, why = ?, before = ? WHERE wallet = ?`,
		string(signer.KeyFrozen), signer.WhyExported, string(k.State), wallet[:])
}

// protectionRows reads everything that a wallet is bound to.
func (t *tx) protectionRows(wallet chain.WalletID) (rows protectionRows, err error) {
	if rows.Term, err = t.term(wallet); err != nil {
		return protectionRows{}, err
	}
	if rows.Bonds, err = t.bondRows(wallet); err != nil {
		return protectionRows{}, err
	}
	err = t.each(`SELECT session FROM sessions WHERE wallet = ?`, []any{wallet[:]}, func(scan func(...any) error) error {
		var id []byte
		if err := scan(&id); err != nil {
			return err
		}
		rows.Sessions = append(rows.Sessions, signer.SessionID(id))
		return nil
	})
	return rows, err
}

func (t *tx) bondRows(wallet chain.WalletID) (bonds []bondRow, err error) {
	pays := make(map[signer.Digest][]signer.Digest)
	err = t.each(`SELECT script, intent FROM payments WHERE wallet = ?`, []any{wallet[:]}, func(scan func(...any) error) error {
		var script, intent []byte
		if err := scan(&script, &intent); err != nil {
			return err
		}
		pays[signer.Digest(intent)] = append(pays[signer.Digest(intent)], signer.Digest(script))
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = t.each(`SELECT window, intent, tx FROM slots WHERE wallet = ? ORDER BY window`, []any{wallet[:]}, func(scan func(...any) error) error {
		var window int64
		var intent, hash []byte
		if err := scan(&window, &intent, &hash); err != nil {
			return err
		}
		digest := signer.Digest(intent)
		bonds = append(bonds, bondRow{Window: chain.Height(window), Intent: digest, Tx: hash, Pays: pays[digest]}) //nolint:gosec // as written
		return nil
	})
	for i := range bonds {
		if err == nil {
			bonds[i].Spends, err = t.spentBy(wallet, bonds[i].Intent)
		}
	}
	return bonds, err
}

// Import takes in a key that another vault has exported, with all that it is bound to.
func (v *Vault) Import(ctx context.Context, file []byte, password string) (signer.Key, error) {
	plain, err := decrypt(file, password, maxExport)
	if err != nil {
		return signer.Key{}, fmt.Errorf("import: %w", err)
	}
	defer clear(plain)
	var in exported
	if err := json.Unmarshal(plain, &in); err != nil {
		return signer.Key{}, fmt.Errorf("import: %w: it is no export of a key: %w", signer.ErrMalformed, err)
	}
	if err := in.check(); err != nil {
		return signer.Key{}, fmt.Errorf("import: %w: %w", signer.ErrMalformed, err)
	}
	k := key{Key: in.Key, detail: in.Detail, anchor: in.Anchor}
	err = v.ledger.write(ctx, func(tx *tx) error {
		if _, err := tx.key(k.Wallet); !errors.Is(err, signer.ErrUnknownKey) {
			if err == nil {
				err = fmt.Errorf("import: %w: wallet %v is here already", signer.ErrConflict, k.Wallet)
			}
			return err
		}
		if err := tx.room(v.cfg.Capacity); err != nil {
			return err
		}
		if err := tx.insertKey(v.box, k, in.Secret); err != nil {
			return err
		}
		return tx.insertProtection(k, *in.Protection)
	})
	return k.Key, err
}

// check reports what an export lacks, and whether its parts belong together.
func (e exported) check() error {
	if e.Format != format {
		return fmt.Errorf("its format is %d, this program knows %d", e.Format, format)
	}
	p := e.Protection
	switch {
	case p == nil:
		return errors.New("it has no protection rows: without them what was signed before could be signed again")
	case e.Key.LastWindow > math.MaxInt64/2 || e.Anchor.Height > math.MaxInt64/2 || e.Key.Signatures > math.MaxInt64 ||
		p.Term.Generation > math.MaxInt64 || p.Term.Epoch > math.MaxInt64:
		return errors.New("its numbers are out of range")
	case !slices.Contains([]signer.KeyState{signer.KeyPending, signer.KeyActive, signer.KeyFrozen}, e.Key.State):
		return fmt.Errorf("its state is %q", e.Key.State)
	}
	if err := p.check(e.Key); err != nil {
		return fmt.Errorf("protection rows are missing or damaged: %w", err)
	}
	return e.checkShares()
}

// check wants a bond for the newest window and none after it, and that each is whole.
func (p *protectionRows) check(k signer.Key) error {
	last := chain.Height(0)
	for _, b := range p.Bonds {
		switch {
		case b.Window <= last:
			return fmt.Errorf("window %d follows window %d", b.Window, last)
		case len(b.Tx) != 0 && len(b.Tx) != len(signer.Digest{}):
			return fmt.Errorf("window %d is bound to a transaction hash of %d bytes", b.Window, len(b.Tx))
		case len(b.Tx) == 0 && len(b.Spends)+len(b.Pays) != 0:
			return fmt.Errorf("window %d is bound to no transaction, and yet spends or pays something", b.Window)
		case len(b.Tx) != 0 && (len(b.Spends) == 0 || len(b.Pays) == 0): // every transaction that is signed is a redemption
			return fmt.Errorf("window %d is bound to a transaction that spends or pays nothing", b.Window)
		}
		last = b.Window
	}
	if last != k.LastWindow || (k.Signatures > 0 && last == 0) {
		return fmt.Errorf("the key was used for window %d, the newest row is of %d", k.LastWindow, last)
	}
	return nil
}

// checkShares wants a share for each seat, all of the key that the file names.
func (e exported) checkShares() error {
	if _, _, err := parseSealKey(e.Secret.Seal); err != nil {
		return fmt.Errorf("its backend key: %w", err)
	}
	if len(e.Key.Seats) == 0 || len(e.Secret.Shares) != len(e.Key.Seats) || len(e.Detail.Roster) != e.Key.SeatCount {
		return errors.New("its shares are not those of its seats")
	}
	for _, seat := range e.Key.Seats {
		share, err := scheme.ParseShare(e.Key.Scheme, e.Secret.Shares[seat])
		if err == nil {
			err = share.Check()
		}
		if err != nil {
			return fmt.Errorf("its share of seat %d: %w", seat, err)
		}
		public := share.Key()
		if share.Seat() != seat || share.Threshold() != e.Key.Threshold || string(public[:]) != string(e.Key.GroupKey) || public.Hash() != e.Key.Wallet {
			return fmt.Errorf("its share of seat %d is of another key", seat)
		}
	}
	return nil
}

// insertProtection writes down what an imported key is bound to.
func (t *tx) insertProtection(k key, p protectionRows) error {
	for _, row := range p.Bonds {
		b := bond{wallet: k.Wallet, window: row.Window, digest: row.Intent, tx: row.Tx, spends: row.Spends, pays: row.Pays}
		if b.tx == nil {
			b.tx = []byte{} // a column that is not NULL
		}
		if err := t.insertBond(b); err != nil {
			return err
		}
	}
	for _, id := range p.Sessions {
		if err := t.begunBefore(id, k.Wallet, k.LastWindow); err != nil {
			return err
		}
	}
	if err := t.begunBefore(k.Session, k.Session.Placeholder(), 0); err != nil {
		return err
	}
	return t.raiseTerm(k.Wallet, p.Term)
}

// begunBefore writes down a session that another backend, or this one, has begun, so that it never begins anew.
func (t *tx) begunBefore(id signer.SessionID, wallet chain.WalletID, window chain.Height) error {
	return t.exec(`INSERT INTO sessions (session, wallet, window, rounds, over) VALUES (?, ?, ?, 0, 1) ON CONFLICT DO NOTHING`,
		id[:], wallet[:], int64(window)) //nolint:gosec // checked before
}
