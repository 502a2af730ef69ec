package wire_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/wire"
)

func TestVectorsIdentities(t *testing.T) {
	for _, v := range loadVectors(t).Identities {
		key, err := wire.ParsePublicKey(unhex(t, v.PublicKeyCompressed))
		require.NoError(t, err)
		require.Equal(t, wire.PublicKeyOf(privateKey(t, v.PrivateKey)), key)
		require.Equal(t, v.Address, key.Operator().String())
		require.Equal(t, v.PeerIDBytes, hex.EncodeToString(key.PeerID()))
		require.Equal(t, v.SenderField, hex.EncodeToString(key.Sender()))
		uncompressed := key.Uncompressed()
		require.Equal(t, v.PublicKeyUncompressed, hex.EncodeToString(uncompressed[:]))

		for name, parse := range map[string]struct {
			read func([]byte) (wire.PublicKey, error)
			from []byte
		}{
			"uncompressed": {wire.ParsePublicKey, uncompressed[:]},
			"libp2p key":   {wire.ParseLibp2pKey, key.Libp2p()},
			"peer ID":      {wire.ParsePeerID, unhex(t, v.PeerIDBytes)},
			"sender":       {wire.ParseSender, unhex(t, v.SenderField)},
		} {
			back, err := parse.read(parse.from)
			require.NoError(t, err, name)
			require.Equal(t, key, back, name)
		}
	}
}

func TestZeroKeyIsNobody(t *testing.T) {
	var none wire.PublicKey
	require.True(t, none.IsZero())
	require.True(t, none.Operator().IsZero())
	require.Zero(t, none.Uncompressed())
}

func TestKeysThatAreRefused(t *testing.T) {
	good := wire.PublicKeyOf(privateKey(t, loadVectors(t).Identities[1].PrivateKey))
	ed25519 := unhex(t, "08011220453333216b5aa4df9e2719eac5d09999ec7cac5551cd81450a8e28aeb9e6c7a9")
	uncompressed := good.Uncompressed()
	hybrid := bytes.Clone(uncompressed[:])
	hybrid[0] = 6 + hybrid[64]&1
	offCurve := bytes.Repeat([]byte{0xff}, 33)
	offCurve[0] = 2
	longPeerID := append([]byte{0x00, 0x45, 0x08, 0x02, 0x12, 0x41}, uncompressed[:]...)

	for name, c := range map[string]struct {
		read func([]byte) (wire.PublicKey, error)
		from []byte
		want error
	}{
		"no bytes":               {wire.ParsePublicKey, nil, wire.ErrKey},
		"off the curve":          {wire.ParsePublicKey, offCurve, wire.ErrKey},
		"hybrid form":            {wire.ParsePublicKey, hybrid, wire.ErrKey},
		"ed25519 key":            {wire.ParseLibp2pKey, ed25519, wire.ErrKeyType},
		"key without type":       {wire.ParseLibp2pKey, good.Libp2p()[2:], wire.ErrKey},
		"key without data":       {wire.ParseLibp2pKey, good.Libp2p()[:2], wire.ErrKey},
		"unknown key type":       {wire.ParseLibp2pKey, append([]byte{8, 9}, good.Libp2p()[2:]...), wire.ErrKeyType},
		"ed25519 sender":         {wire.ParseSender, append([]byte{0x0a, 0x24}, ed25519...), wire.ErrKeyType},
		"sender not wrapped":     {wire.ParseSender, good.Libp2p(), wire.ErrKey},
		"empty sender":           {wire.ParseSender, nil, wire.ErrKey},
		"ed25519 peer ID":        {wire.ParsePeerID, append([]byte{0x00, 0x24}, ed25519...), wire.ErrKey},
		"hashed peer ID":         {wire.ParsePeerID, append([]byte{0x12, 0x20}, offCurve[1:]...), wire.ErrKey},
		"peer ID with a tail":    {wire.ParsePeerID, append(good.PeerID(), 0x18, 0x01), wire.ErrKey},
		"uncompressed peer ID":   {wire.ParsePeerID, longPeerID, wire.ErrKey},
		"peer ID with a bad key": {wire.ParsePeerID, append([]byte{0x00, 0x25, 8, 2, 0x12, 0x21}, offCurve...), wire.ErrKey},
	} {
		key, err := c.read(c.from)
		require.ErrorIs(t, err, c.want, name)
		require.True(t, key.IsZero(), name)
	}
}

// Every reader gives a key that all writers take back, or an error.
func FuzzParseKeys(f *testing.F) {
	for _, v := range loadVectors(f).Identities {
		f.Add(unhex(f, v.SenderField))
		f.Add(unhex(f, v.PeerIDBytes))
		f.Add(unhex(f, v.PublicKeyUncompressed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func([]byte) (wire.PublicKey, error){
			wire.ParsePublicKey, wire.ParseLibp2pKey, wire.ParsePeerID, wire.ParseSender,
		} {
			key, err := read(data)
			if err != nil {
				require.True(t, key.IsZero())
				continue
			}
			back, err := wire.ParsePeerID(key.PeerID())
			require.NoError(t, err)
			require.Equal(t, key, back)
			require.False(t, key.Operator().IsZero())
		}
	})
}

func TestHoldsKeyTellsOperatorsPeerIDs(t *testing.T) {
	id := unhex(t, loadVectors(t).Identities[0].PeerIDBytes)
	require.True(t, wire.HoldsKey(id))
	for _, other := range [][]byte{nil, id[:5], append([]byte{0x12, 0x20}, make([]byte, 32)...), append([]byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}, make([]byte, 32)...)} {
		require.False(t, wire.HoldsKey(other))
	}
}
