package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/wire"
)

func TestKeysAreMadeListedInspectedAndGivenAnotherPassword(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(config.PasswordVariable, "secret")
	var made madeKey
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", dir, "keys", "new", "--light", "--json")), &made))
	require.Equal(t, filepath.Join(dir, operatorFile), made.File)
	got := call(t, "", "--data-dir", dir, "keys", "new", "--light")
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "a key is never replaced")

	t.Setenv(config.Variable("operator.key_file"), made.File)
	_, err := keys.LoadInstance(dir)
	require.NoError(t, err)
	list := succeed(t, "", "--data-dir", dir, "keys", "list")
	require.Regexp(t, `(?m)^operator +`+made.Operator+` +scrypt n=4096 r=8 p=6, 4 MiB +configured +`+made.File+`$`, list)
	require.Contains(t, list, "instance  12D3KooW")

	op, err := keys.LoadOperator(made.File, "secret")
	require.NoError(t, err)
	var d keyDetails
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "keys", "inspect", "--json")), &d))
	require.Equal(t, made.Operator, *d.Operator)
	require.True(t, d.Weak)
	id, err := peer.Decode(*d.PeerID)
	require.NoError(t, err)
	public, err := wire.ParsePeerID([]byte(id))
	require.NoError(t, err)
	require.Equal(t, op.Address, public.Operator(), "the peer ID holds the operator's key")
	require.True(t, strings.HasPrefix(*d.PeerID, "16Uiu2HA"), "as peer IDs of secp256k1 keys begin")
	locked := succeed(t, "", "keys", "inspect", "--locked", made.File)
	require.Contains(t, locked, "peer id     -\n")
	require.Contains(t, locked, "weak: for test networks")

	next := writeFile(t, "next", "other\n")
	require.Contains(t, succeed(t, "", "keys", "passwd", "--light", "--new-password-file", next), "has its new password")
	require.Contains(t, call(t, "", "keys", "passwd").stderr, keys.ErrWrongPassword.Error())
	_, err = keys.LoadOperator(made.File, "other")
	require.NoError(t, err)
}

func TestKeysImportTakesKeystoresAndHex(t *testing.T) {
	t.Setenv(config.PasswordVariable, "secret")
	dir := t.TempDir()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	address := crypto.PubkeyToAddress(key.PublicKey).Hex()
	text := hex.EncodeToString(crypto.FromECDSA(key))

	first, second, third := filepath.Join(dir, "1"), filepath.Join(dir, "2"), filepath.Join(dir, "3")
	require.Contains(t, succeed(t, text+"\n", "keys", "import", "-", "--light", "--out", first), address)
	require.Contains(t, succeed(t, "", "keys", "import", writeFile(t, "hex", text), "--light", "--out", second), address)
	require.Contains(t, succeed(t, "", "keys", "import", first, "--out", third), address)

	got := call(t, "rubbish"+text, "keys", "import", "-", "--out", filepath.Join(dir, "4"))
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "neither a keystore of version 3, nor hex")
	require.NotContains(t, got.stderr, text)
	got = call(t, "", "keys", "import", filepath.Join(dir, "none"), "--out", filepath.Join(dir, "4"))
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "no such file")
}

func TestKeysDelegateSignsForTheInstance(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, operatorFile)
	op, err := keys.CreateOperator(key, "secret", keys.Light)
	require.NoError(t, err)
	t.Setenv(config.PasswordVariable, "secret")
	got := call(t, "", "--data-dir", dir, "keys", "delegate")
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "set operator.key_file")
	t.Setenv(config.Variable("operator.key_file"), key)
	got = call(t, "", "--data-dir", dir, "keys", "delegate")
	require.Contains(t, got.stderr, "the first start makes it")

	instance, err := keys.LoadInstance(dir)
	require.NoError(t, err)
	id, err := peer.IDFromPrivateKey(instance)
	require.NoError(t, err)
	var d delegation
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", dir, "keys", "delegate", "--lifetime", "48h", "--json")), &d))
	require.Equal(t, id.String(), d.Instance)
	signed, err := hex.DecodeString(d.Delegation[2:])
	require.NoError(t, err)
	verified, err := wire.VerifyDelegation(signed)
	require.NoError(t, err)
	require.Equal(t, op.Address, verified.Operator.Operator())
	require.Equal(t, []byte(id), verified.Instance)
	require.Equal(t, 48*time.Hour, verified.ExpiresAt.Sub(verified.IssuedAt))

	const other = "12D3KooWSHj3RRbBjD15g6wekV8y3mm57Pobmps2g2WJm6F67Lay"
	require.Contains(t, succeed(t, "", "keys", "delegate", "--instance", other), other)
	for _, args := range [][]string{{"--instance", "x"}, {"--lifetime", "721h"}, {"--lifetime", "0s"}} {
		require.Equal(t, codeUsage, call(t, "", append([]string{"keys", "delegate"}, args...)...).code, args)
	}
}

func TestANewPasswordIsAskedForTwice(t *testing.T) {
	answers := func(list ...string) asker {
		return func(string) (string, error) {
			if len(list) == 0 {
				return "", errors.New("asked once more")
			}
			answer := list[0]
			list = list[1:]
			return answer, nil
		}
	}
	password, err := choosePassword("", "", answers("a", "a"))
	require.NoError(t, err)
	require.Equal(t, "a", password)
	_, err = choosePassword("", "", answers("a", "b"))
	require.ErrorIs(t, err, errPasswordsDiffer)
	_, err = choosePassword("", "", answers("", ""))
	require.ErrorContains(t, err, "empty")
	_, err = choosePassword("", "", answers("a"))
	require.ErrorContains(t, err, "asked once more")
	password, err = choosePassword("", "from the environment", answers())
	require.NoError(t, err)
	require.Equal(t, "from the environment", password)
	_, err = choosePassword("", "", nil)
	require.ErrorContains(t, err, "WALLETNODE_OPERATOR_PASSWORD")
}
