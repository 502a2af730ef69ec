package keys

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/secretfile"
)

// Operator is an operator's unlocked key.
type Operator struct {
	Address chain.Operator
	Key     *ecdsa.PrivateKey // secp256k1
}

// String returns the address alone: printing an Operator never shows the key.
func (o Operator) String() string { return o.Address.String() }

// GoString does what String does, for %#v.
func (o Operator) GoString() string { return o.String() }

// errNoPassword says that neither a file nor the environment has the password of the operator's key.
var errNoPassword = errors.New("no password for the operator key: set operator.password_file or WALLETNODE_OPERATOR_PASSWORD")

// ErrWrongPassword says that the password does not open the keystore file, or that the file was changed.
var ErrWrongPassword = errors.New("the password does not open the key, or the file is damaged")

// LoadOperator opens a keystore file (version 3) with a password. Only its owner may be able to open the file
// (ErrExposed); a password that is not the right one is ErrWrongPassword. What only the operator can mend is
// secretfile.Unusable too.
func LoadOperator(keyFile, password string) (Operator, error) {
	data, err := readSecret("operator key", keyFile)
	if err != nil {
		return Operator{}, err
	}
	op, err := decrypt(data, password, maxCost)
	if err != nil {
		return Operator{}, secretfile.Unusable{Err: fmt.Errorf("open operator key %s: %w", keyFile, err)}
	}
	return op, nil
}

// Password returns the password of the operator's key: the content of passwordFile, one final newline excepted, or
// fallback (what the environment has) if no file is named. An empty password is refused: it protects nothing, and
// most likely it was forgotten. What only the operator can mend is secretfile.Unusable; errNoPassword if there is none.
func Password(passwordFile, fallback string) (string, error) {
	if passwordFile == "" {
		if fallback == "" {
			return "", secretfile.Unusable{Err: errNoPassword}
		}
		return fallback, nil
	}
	data, err := readSecret("password of the operator key", passwordFile)
	if err != nil {
		return "", err
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if len(data) == 0 {
		return "", secretfile.Unusable{Err: fmt.Errorf("read password of the operator key: %s is empty", passwordFile)}
	}
	return string(data), nil
}

// Strength is how hard a keystore file makes it to guess its password.
type Strength int

// The strengths. Light is for keys that hold nothing: the devnet's and those of tests.
const (
	Standard Strength = iota // scrypt N=2^18, P=1: 256 MiB and about a second for each guess
	Light                    // scrypt N=2^12, P=6: 4 MiB and a tenth of that
)

// CreateOperator makes a new key and stores it as a keystore file (version 3), with its directory if need be. A file
// that is there already is left as it is, and the error is fs.ErrExist.
func CreateOperator(keyFile, password string, strength Strength) (Operator, error) {
	key, err := crypto.GenerateKey()
	if err != nil {
		return Operator{}, fmt.Errorf("make operator key: %w", err)
	}
	return StoreOperator(keyFile, key, password, strength)
}

// StoreOperator does what CreateOperator does with a key that exists.
func StoreOperator(keyFile string, key *ecdsa.PrivateKey, password string, strength Strength) (Operator, error) {
	data, err := encrypt(key, password, strength)
	if err != nil {
		return Operator{}, fmt.Errorf("make operator key: %w", err)
	}
	if err := storeKeystore(keyFile, data); err != nil {
		return Operator{}, err
	}
	return Operator{Address: chain.Operator(crypto.PubkeyToAddress(key.PublicKey)), Key: key}, nil
}

// ImportOperator copies a keystore file as it is, after opening it with its password. Like CreateOperator it replaces
// nothing.
func ImportOperator(keyFile, from, password string) (Operator, error) {
	data, err := readSecret("operator key", from)
	if err != nil {
		return Operator{}, err
	}
	op, err := decrypt(data, password, maxCost)
	if err != nil {
		return Operator{}, secretfile.Unusable{Err: fmt.Errorf("open operator key %s: %w", from, err)}
	}
	return op, storeKeystore(keyFile, data)
}

// ChangePassword makes another password open a keystore file. The old file is replaced at once when the new one is
// on the disk and was opened, so that no moment is without a file that opens.
func ChangePassword(keyFile, old, password string, strength Strength) (Operator, error) {
	op, err := LoadOperator(keyFile, old)
	if err != nil {
		return Operator{}, err
	}
	data, err := encrypt(op.Key, password, strength)
	if err != nil {
		return Operator{}, fmt.Errorf("change password: %w", err)
	}
	if _, err := decrypt(data, password, maxCost); err != nil {
		return Operator{}, fmt.Errorf("change password: open what would be stored: %w", err)
	}
	if err := replaceSecret(keyFile, data); err != nil {
		return Operator{}, fmt.Errorf("change password: %w", err)
	}
	return op, nil
}

// ParsePrivateKey reads a secp256k1 private key as other tools export it: 64 hex digits, 0x before them or not.
func ParsePrivateKey(text string) (*ecdsa.PrivateKey, error) {
	key, err := crypto.HexToECDSA(strings.TrimPrefix(strings.TrimSpace(text), "0x"))
	if err != nil {
		return nil, errors.New("not a private key: want 64 hex digits of a number the curve allows") // never its text
	}
	return key, nil
}

func encrypt(key *ecdsa.PrivateKey, password string, strength Strength) ([]byte, error) {
	if password == "" {
		return nil, errors.New("the password is empty")
	}
	n, p := keystore.StandardScryptN, keystore.StandardScryptP
	if strength == Light {
		n, p = keystore.LightScryptN, keystore.LightScryptP
	}
	address := crypto.PubkeyToAddress(key.PublicKey)
	return keystore.EncryptKey(&keystore.Key{Id: uuid.New(), Address: address, PrivateKey: key}, password, n, p)
}

func storeKeystore(keyFile string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(keyFile), 0o700); err != nil {
		return fmt.Errorf("store operator key: %w", err)
	}
	if err := writeSecret(keyFile, data); err != nil {
		return fmt.Errorf("store operator key: %w", err)
	}
	return nil
}

// decrypt opens a keystore file whose password derivation costs at most limit bytes of memory times passes.
func decrypt(data []byte, password string, limit uint64) (Operator, error) {
	file, err := parseKeystore(data, limit)
	if err != nil {
		return Operator{}, err
	}
	// What was checked is written anew: given the file itself, go-ethereum would look keys up with other rules
	// for letter case and find "Salt" missing.
	sound, err := json.Marshal(file)
	if err != nil {
		return Operator{}, err
	}
	key, err := keystore.DecryptKey(sound, password)
	if errors.Is(err, keystore.ErrDecrypt) {
		return Operator{}, ErrWrongPassword
	}
	if err != nil {
		return Operator{}, err
	}
	// An empty address is legal: some wallets leave it out, for privacy.
	if file.Address != "" && common.HexToAddress(file.Address) != key.Address {
		return Operator{}, fmt.Errorf("the file says it is the key of %s, and holds the key of %s", file.Address, key.Address)
	}
	return Operator{Address: chain.Operator(key.Address), Key: key.PrivateKey}, nil
}
