package keys

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// maxCost bounds the derivation of a keystore's key: for scrypt the memory in bytes times the passes over it, for
// PBKDF2 64 bytes for each iteration. 2 GiB is eight times the strongest go-ethereum writes. Beyond it the
// file is refused, rather than the machine be brought to its knees.
const maxCost = 2 << 30

// keystoreFile is the part of a version 3 keystore file that must be sound before go-ethereum sees it: its decoder
// panics on parameters that are missing, and takes any amount of memory the file asks for.
type keystoreFile struct {
	Version json.RawMessage `json:"version"`
	ID      string          `json:"id"`
	Address string          `json:"address"`
	Crypto  struct {
		Cipher       string `json:"cipher"`
		CipherText   string `json:"ciphertext"`
		MAC          string `json:"mac"`
		CipherParams struct {
			IV string `json:"iv"`
		} `json:"cipherparams"`
		KDF       string `json:"kdf"`
		KDFParams struct {
			Salt  *string `json:"salt"`
			DKLen uint32  `json:"dklen"`
			N     uint32  `json:"n"`
			R     uint32  `json:"r"`
			P     uint32  `json:"p"`
			C     uint32  `json:"c"`
			PRF   string  `json:"prf"`
		} `json:"kdfparams"`
	} `json:"crypto"`
}

// parseKeystore refuses what is not a sound version 3 keystore file whose derivation stays within limit.
func parseKeystore(data []byte, limit uint64) (keystoreFile, error) {
	var file keystoreFile
	if err := json.Unmarshal(data, &file); err != nil {
		return keystoreFile{}, fmt.Errorf("not a keystore file: %w", err)
	}
	if string(file.Version) != "3" {
		return keystoreFile{}, errors.New("not a keystore file of version 3")
	}
	if err := file.checkCipher(); err != nil {
		return keystoreFile{}, err
	}
	if err := file.checkDerivation(limit); err != nil {
		return keystoreFile{}, err
	}
	if file.Address != "" && !common.IsHexAddress(file.Address) {
		return keystoreFile{}, errors.New("keystore file: its address is not one")
	}
	return file, nil
}

func (f keystoreFile) checkCipher() error {
	if f.Crypto.Cipher != "aes-128-ctr" {
		return fmt.Errorf("keystore file: unknown cipher %q", f.Crypto.Cipher)
	}
	for _, part := range []struct {
		name, digits string
		size         int
	}{
		{"ciphertext", f.Crypto.CipherText, 32},
		{"mac", f.Crypto.MAC, 32},
		{"iv", f.Crypto.CipherParams.IV, 16},
	} {
		if raw, err := hex.DecodeString(part.digits); err != nil || len(raw) != part.size {
			return fmt.Errorf("keystore file: %s is not %d bytes in hex", part.name, part.size)
		}
	}
	return nil
}

func (f keystoreFile) checkDerivation(limit uint64) error {
	params := f.Crypto.KDFParams
	if params.Salt == nil || params.DKLen != 32 {
		return errors.New("keystore file: kdfparams need a salt and a dklen of 32")
	}
	var cost uint64
	switch f.Crypto.KDF {
	case "scrypt":
		if params.N == 0 || params.R == 0 || params.P == 0 {
			return errors.New("keystore file: scrypt needs n, r and p")
		}
		// 128*n*r bytes, p times over. n is 32 bits, so 64 bits hold 128*n*r if r is small.
		if params.R > 1<<16 {
			return errors.New("keystore file: scrypt's r is absurd")
		}
		cost = 128 * uint64(params.N) * uint64(params.R)
		if cost <= limit {
			cost *= uint64(params.P)
		}
	case "pbkdf2":
		if params.C == 0 || params.PRF != "hmac-sha256" {
			return errors.New("keystore file: pbkdf2 needs c and the prf hmac-sha256")
		}
		cost = 64 * uint64(params.C)
	default:
		return fmt.Errorf("keystore file: unknown kdf %q", f.Crypto.KDF)
	}
	if cost > limit {
		return errors.New("keystore file: deriving its key costs too much; write it anew with usual parameters")
	}
	return nil
}
