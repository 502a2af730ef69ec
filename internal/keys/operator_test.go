package keys

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
)

const password = "correct horse"

// lightKey stores a light keystore file and returns its path and content.
func lightKey(t testing.TB) (path string, op Operator, content string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keys", "operator.json")
	op, err := CreateOperator(path, password, Light)
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, op, string(raw)
}

func TestOperatorKeyIsStoredAndOpenedAgain(t *testing.T) {
	path, made, _ := lightKey(t)
	opened, err := LoadOperator(path, password)
	require.NoError(t, err)
	require.Equal(t, made.Address, opened.Address)
	require.True(t, made.Key.Equal(opened.Key))
	require.EqualValues(t, crypto.PubkeyToAddress(opened.Key.PublicKey), opened.Address)

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left behind")
}

func TestStandardStrengthIsTheDefault(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 256 MiB and a second")
	}
	path := filepath.Join(t.TempDir(), "operator.json")
	_, err := CreateOperator(path, password, Standard)
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(raw), `"n":262144`)
	_, err = parseKeystore(raw, maxCost)
	require.NoError(t, err, "what we write must be within the bound of what we read")
}

func TestAnExistingKeyIsNeverReplaced(t *testing.T) {
	path, _, before := lightKey(t)
	_, err := CreateOperator(path, password, Light)
	require.ErrorIs(t, err, fs.ErrExist)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, string(after))
}

func TestPrintingAnOperatorDoesNotShowItsKey(t *testing.T) {
	_, op, _ := lightKey(t)
	secret := new(big.Int).SetBytes(crypto.FromECDSA(op.Key)).String() // as %v prints it
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, op), secret)
	}
}

func TestBadInputWrongPassword(t *testing.T) {
	path, _, _ := lightKey(t)
	_, err := LoadOperator(path, "wrong")
	require.ErrorIs(t, err, ErrWrongPassword)
	require.ErrorContains(t, err, path)
	_, err = CreateOperator(path+"2", "", Light)
	require.ErrorContains(t, err, "the password is empty")
}

func TestBadInputSecretsOthersMayOpenAreRefused(t *testing.T) {
	path, _, _ := lightKey(t)
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o620, 0o777} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := LoadOperator(path, password)
		require.ErrorIs(t, err, ErrExposed, "%o", mode)
		require.ErrorContains(t, err, "chmod 600")
		_, err = Password(path, "")
		require.ErrorIs(t, err, ErrExposed, "%o", mode)
	}
	require.NoError(t, os.Chmod(path, 0o400))
	_, err := LoadOperator(path, password)
	require.NoError(t, err)
}

func TestPasswordComesFromTheFileOrElseTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := func(content string) string {
		path := filepath.Join(dir, "password")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	for content, want := range map[string]string{"a b\n": "a b", "a b": "a b", "a\r\n": "a", " a \n\n": " a \n"} {
		got, err := Password(file(content), "from the environment")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := Password("", "from the environment")
	require.NoError(t, err)
	require.Equal(t, "from the environment", got)

	_, err = Password(file("\n"), "x")
	require.ErrorContains(t, err, "is empty")
	_, err = Password("", "")
	require.ErrorContains(t, err, "WALLETNODE_OPERATOR_PASSWORD")
	_, err = Password(dir, "")
	require.ErrorContains(t, err, "not a regular file")
	_, err = Password(filepath.Join(dir, "none"), "")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Password(file(strings.Repeat("x", maxSecretFile+1)), "")
	require.ErrorContains(t, err, "more than 65536 bytes")
}

func TestBadInputMalformedKeystoreFiles(t *testing.T) {
	_, op, good := lightKey(t)
	address := strings.ToLower(op.Address.String()[2:])
	replace := func(old, with string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, with, 1)
	}
	for name, c := range map[string]struct{ content, want string }{
		"empty":           {"", "not a keystore file"},
		"not JSON":        {"0xdeadbeef", "not a keystore file"},
		"null":            {"null", "not a keystore file of version 3"},
		"list":            {"[]", "not a keystore file"},
		"version 1":       {replace(`"version":3`, `"version":"1"`), "not a keystore file of version 3"},
		"no version":      {replace(`"version"`, `"versiom"`), "not a keystore file of version 3"},
		"cipher":          {replace("aes-128-ctr", "aes-256-ctr"), `unknown cipher "aes-256-ctr"`},
		"iv":              {replace(`"iv":"`, `"iv":"00`), "iv is not 16 bytes in hex"},
		"mac":             {replace(`"mac":"`, `"mac":"zz`), "mac is not 32 bytes in hex"},
		"ciphertext":      {replace(`"ciphertext":"`, `"ciphertext":"00`), "ciphertext is not 32 bytes in hex"},
		"no n":            {replace(`"n":4096`, `"m":4096`), "scrypt needs n, r and p"},
		"no p":            {replace(`"p":6`, `"p":0`), "scrypt needs n, r and p"},
		"n is text":       {replace(`"n":4096`, `"n":"4096"`), "not a keystore file"},
		"n is negative":   {replace(`"n":4096`, `"n":-4096`), "not a keystore file"},
		"n is absurd":     {replace(`"n":4096`, `"n":1073741824`), "costs too much"},
		"p is absurd":     {replace(`"p":6`, `"p":4294967295`), "costs too much"},
		"r is absurd":     {replace(`"r":8`, `"r":4294967295`), "r is absurd"},
		"n not a power":   {replace(`"n":4096`, `"n":4095`), "scrypt"},
		"dklen":           {replace(`"dklen":32`, `"dklen":16`), "dklen of 32"},
		"no salt":         {replace(`"salt"`, `"sald"`), "need a salt"},
		"kdf":             {replace(`"kdf":"scrypt"`, `"kdf":"argon2"`), `unknown kdf "argon2"`},
		"pbkdf2 without":  {replace(`"kdf":"scrypt"`, `"kdf":"pbkdf2"`), "pbkdf2 needs c"},
		"another's key":   {replace(address, strings.Repeat("1", 40)), "and holds the key of " + op.Address.String()},
		"bad address":     {replace(address, "abc"), "its address is not one"},
		"id":              {replace(`"id":"`, `"id":"x`), "invalid"},
		"changed content": {replace(`"ciphertext":"`+good[strings.Index(good, `"ciphertext":"`)+14:][:2], `"ciphertext":"`+flip(good)), "the file is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decrypt([]byte(c.content), password, maxCost)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// flip returns the first byte of the ciphertext with one bit changed, in hex.
func flip(good string) string {
	digit := good[strings.Index(good, `"ciphertext":"`)+14]
	if digit == '0' {
		return "1" + good[strings.Index(good, `"ciphertext":"`)+15:][:1]
	}
	return "0" + good[strings.Index(good, `"ciphertext":"`)+15:][:1]
}

func TestKeystoreWithoutAddressAndWithPBKDF2Opens(t *testing.T) {
	// Made with 262144 rounds by another implementation: the test vector of the Web3 Secret Storage definition.
	const vector = `{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
"kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}`
	op, err := decrypt([]byte(vector), "testpassword", maxCost)
	require.NoError(t, err)
	require.Equal(t, "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d", hex.EncodeToString(crypto.FromECDSA(op.Key)))
}

func FuzzKeystore(f *testing.F) {
	_, _, good := lightKey(f)
	f.Add(good)
	f.Add(strings.Replace(strings.Replace(good, `"salt"`, `"Salt"`, 1), `"n":4096`, `"n":2`, 1))
	f.Add(strings.Replace(good, `"n":4096`, `"n":2`, 1))
	f.Add(`{"version":3,"crypto":{"kdf":"pbkdf2","kdfparams":{"salt":"","c":1,"dklen":32,"prf":"HMAC-SHA256"}}}`)
	f.Fuzz(func(t *testing.T, content string) {
		const cheap = 1 << 20 // so that a run is not spent in scrypt
		if op, err := decrypt([]byte(content), password, cheap); err == nil {
			require.False(t, op.Address.IsZero())
		}
	})
}
