package keys

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/libp2p/go-libp2p/core/crypto"

	"github.com/walletnode/walletnode/internal/secretfile"
)

// instanceFile is the name of the instance key in the data directory: a libp2p private key (protobuf), Ed25519.
const instanceFile = "instance.key"

// LoadInstance returns the libp2p key of the instance whose data lies in dataDir. The first call for a directory
// makes the directory (mode 0700) and the key (mode 0600); later ones load it. The instance's key is worth little:
// without a delegation signed by the operator's it opens nothing, so it is not encrypted.
func LoadInstance(dataDir string) (crypto.PrivKey, error) {
	path := InstanceFile(dataDir)
	key, err := ReadInstance(dataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return createInstance(path)
	}
	return key, err
}

// ReadInstance does what LoadInstance does but makes nothing: without a key the error is fs.ErrNotExist.
func ReadInstance(dataDir string) (crypto.PrivKey, error) {
	path := InstanceFile(dataDir)
	data, err := readSecret("instance key", path)
	if err != nil {
		return nil, err
	}
	return parseInstance(path, data)
}

// InstanceFile returns the path of the instance key in a data directory.
func InstanceFile(dataDir string) string { return filepath.Join(dataDir, instanceFile) }

func createInstance(path string) (crypto.PrivKey, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make instance key: %w", err)
	}
	data, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make instance key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("store instance key: %w", err)
	}
	// If another process made one since we looked, that is an error here, not a reason to take its key: two
	// processes in one data directory cannot both run.
	if err := writeSecret(path, data); err != nil {
		return nil, fmt.Errorf("store instance key: %w", err)
	}
	return key, nil
}

func parseInstance(path string, data []byte) (crypto.PrivKey, error) {
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, secretfile.Unusable{Err: fmt.Errorf("instance key %s is damaged (move it away and a new one is made): %w", path, err)}
	}
	if key.Type() != crypto.Ed25519 {
		return nil, secretfile.Unusable{Err: fmt.Errorf("instance key %s: want an Ed25519 key, have %v", path, key.Type())}
	}
	return key, nil
}
