package vault

import (
	"context"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// seedSize is the length in bytes of what the keys that others seal to are made from.
const seedSize = 32

// newIdentity draws the backend's id, and the seed of the keys that others seal messages to.
func (t *tx) newIdentity(b box) error {
	seed := make([]byte, seedSize)
	_, _ = rand.Read(seed) // never fails
	if err := t.exec(`INSERT INTO meta (name, value) VALUES ('backend', ?)`, []byte(rand.Text())); err != nil {
		return err
	}
	return t.exec(`INSERT INTO meta (name, value) VALUES ('seal', ?)`, b.seal(seed, place("meta/seal")))
}

func (v *Vault) readIdentity(ctx context.Context) error {
	var id, sealed []byte
	err := v.ledger.read(ctx, func(tx *tx) error {
		if err := tx.get(`SELECT value FROM meta WHERE name = 'backend'`).into(&id); err != nil {
			return err
		}
		return tx.get(`SELECT value FROM meta WHERE name = 'seal'`).into(&sealed)
	})
	if err != nil {
		return fmt.Errorf("read the backend's identity: %w", err)
	}
	seed, err := v.box.open(sealed, place("meta/seal"))
	if err != nil {
		return fmt.Errorf("read the backend's seed: %w", err)
	}
	if len(seed) != seedSize {
		return fmt.Errorf("read the backend's seed: it has %d bytes, not %d", len(seed), seedSize)
	}
	v.id, v.seed = string(id), seed
	return nil
}

// sealing is the key to which others seal what is for this backend in one key generation.
type sealing struct {
	raw []byte // X25519, 32 bytes: the wallet's shares have it with them, and it goes where they go
	key hpke.PrivateKey
	to  signer.PublicKey
}

// sealingOf makes a session's key out of the seed, which tells nothing of any other session's: who is given one wallet's shares
// with their key opens no other wallet's parcels. It is the same each time, so nothing need be written down before its public
// key is signed, and what is accepted twice is accepted with one key.
func (v *Vault) sealingOf(session signer.SessionID) (s sealing, err error) {
	if s.raw, err = hkdf.Key(sha256.New, v.seed, nil, "walletnode/vault/seal/1:"+string(session[:]), 32); err != nil {
		return sealing{}, fmt.Errorf("make the session's key: %w", err)
	}
	if s.key, s.to, err = parseSealKey(s.raw); err != nil {
		return sealing{}, fmt.Errorf("make the session's key: %w", err)
	}
	return s, nil
}

// SealTo implements signer.Backend.
func (v *Vault) SealTo(_ context.Context, session signer.SessionID) (signer.PublicKey, error) {
	s, err := v.sealingOf(session)
	return s.to, err
}

// parseSealKey reads an X25519 private key of 32 bytes for HPKE, and derives its public one.
func parseSealKey(raw []byte) (hpke.PrivateKey, signer.PublicKey, error) {
	x, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, signer.PublicKey{}, err
	}
	key, err := hpke.NewDHKEMPrivateKey(x)
	if err != nil {
		return nil, signer.PublicKey{}, err
	}
	return key, signer.PublicKey(x.PublicKey().Bytes()), nil
}

func (v *Vault) countKeys(ctx context.Context) (n int, err error) {
	err = v.ledger.read(ctx, func(tx *tx) error { return tx.get(`SELECT COUNT(*) FROM keys`).into(&n) })
	return n, err
}
