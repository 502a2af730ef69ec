package vault

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// errDamaged says that what stands in a row was not written there by this vault.
var errDamaged = errors.New("a secret of the vault is damaged, or was moved from another row")

// box encrypts the secrets of a vault's rows with XChaCha20-Poly1305, each bound to the place where it stands.
type box struct{ aead cipher.AEAD }

func newBox(master []byte) (box, error) {
	aead, err := chacha20poly1305.NewX(master)
	if err != nil {
		return box{}, fmt.Errorf("use the master key: %w", err)
	}
	return box{aead}, nil
}

// place names the row of a table; names of tables have no slash.
func place(table string, row ...byte) []byte { return append([]byte(table+"/"), row...) }

func (b box) seal(plain, place []byte) []byte {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	_, _ = rand.Read(nonce) // never fails
	return b.aead.Seal(nonce, nonce, plain, place)
}

func (b box) open(sealed, place []byte) ([]byte, error) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, errDamaged
	}
	plain, err := b.aead.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], place)
	if err != nil {
		return nil, errDamaged
	}
	return plain, nil
}
