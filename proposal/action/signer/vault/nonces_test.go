package vault

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
)

// What is answered was flushed to the disk before: a power failure forgets nothing that was signed.
func TestEveryCommitOfAVaultReachesTheDisk(t *testing.T) {
	v := openVault(t, testConfig(t))
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "locking_mode": "exclusive", "secure_delete": "1"} {
		var have string
		require.NoError(t, v.ledger.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&have))
		require.Equal(t, want, have, pragma)
	}
}

// scalarsIn returns all scalars of the curve that can be reached from a value, as 32 bytes.
func scalarsIn(v reflect.Value, seen map[uintptr]bool, found map[[32]byte]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		scalarsIn(v.Elem(), seen, found)
	case reflect.Interface:
		if !v.IsNil() {
			scalarsIn(v.Elem(), seen, found)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[secp256k1.ModNScalar]() {
			var b [32]byte
			for i := range 8 {
				binary.BigEndian.PutUint32(b[28-4*i:], uint32(v.Field(0).Index(i).Uint())) //nolint:gosec // it is one
			}
			found[b] = true
			return
		}
		for i := range v.NumField() {
			scalarsIn(v.Field(i), seen, found)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			scalarsIn(v.Index(i), seen, found)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			scalarsIn(it.Value(), seen, found)
		}
	default:
	}
}

// While a session is open its nonces are in memory, and in no file of the vault: neither as they are, nor in what is sealed there.
func TestNoncesAreInNoFile(t *testing.T) {
	r, key := threeOperators(t)
	h := r.houses[0]
	p := r.heartbeat(key, firstWindow, 1)
	reply, err := p.ask(h, 1, nil)
	require.NoError(t, err)
	found := map[[32]byte]bool{}
	scalarsIn(reflect.ValueOf(h.vault.live[p.session()].parties[1]), map[uintptr]bool{}, found)
	var nonces [][32]byte
	for b := range found {
		if public := secp256k1.PrivKeyFromBytes(b[:]).PubKey().SerializeCompressed(); bytes.Contains(reply.Out[0].Data, public) {
			nonces = append(nonces, b)
		}
	}
	require.Len(t, nonces, 2, "those whose commitments were told")

	kept := map[string][]byte{}
	files, err := filepath.Glob(h.cfg.Dir + "/*")
	require.NoError(t, err)
	for _, f := range files {
		kept[f], err = os.ReadFile(f) //nolint:gosec // the test's own
		require.NoError(t, err)
	}
	var sealed []byte
	require.NoError(t, h.vault.ledger.db.QueryRowContext(t.Context(), `SELECT reply FROM replies WHERE round = 1 AND session = ?`,
		func() []byte { id := p.session(); return id[:] }()).Scan(&sealed))
	kept["the stored reply"], err = h.vault.box.open(sealed, replyPlace(p.session(), 1))
	require.NoError(t, err)
	answer, err := h.vault.openAnswer(p.session(), 1, sealed)
	require.NoError(t, err)
	kept["what it tells"] = answer.Reply.Out[0].Data
	k, err := h.vault.readKey(t.Context(), key.Wallet)
	require.NoError(t, err)
	secret, err := h.vault.secret(k)
	require.NoError(t, err)
	kept["the shares"] = secret.Shares[1]
	for place, data := range kept {
		for _, nonce := range nonces {
			require.False(t, bytes.Contains(data, nonce[:]), place)
		}
	}
}
