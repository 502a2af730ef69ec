package vault

import (
	"context"
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"fmt"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// newIdentity draws the backend's id, and the key that others seal messages to.
func (t *tx) newIdentity(b box) error {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("draw the backend's key: %w", err)
	}
	if err := t.exec(`INSERT INTO meta (name, value) VALUES ('backend', ?)`, []byte(rand.Text())); err != nil {
		return err
	}
	return t.exec(`INSERT INTO meta (name, value) VALUES ('seal', ?)`, b.seal(key.Bytes(), place("meta/seal")))
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
	raw, err := v.box.open(sealed, place("meta/seal"))
	if err != nil {
		return fmt.Errorf("read the backend's key: %w", err)
	}
	if v.key, v.sealTo, err = parseSealKey(raw); err != nil {
		return fmt.Errorf("read the backend's key: %w", err)
	}
	v.id, v.sealRaw = string(id), raw
	return nil
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
