package scheme

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/taurusgroup/multi-party-sig/pkg/math/curve"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/protocols/cmp"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// long skips what takes many seconds of a processor. The race detector makes the arithmetic of CMP some twenty times slower, and
// has nothing to find in it: a party has one goroutine, and shares nothing with others.
func long(t testing.TB) {
	t.Helper()
	if testing.Short() || bubble.Watched {
		t.Skip("CMP takes half a minute of a processor; run without -short and -race")
	}
}

// Two of three seats make an ECDSA signature that another library takes, also with seats that are no text and with shares that
// have been at rest; so do all three.
func TestCMP(t *testing.T) {
	long(t)
	made := cmpShares()
	require.Equal(t, 4, made.rounds)
	seats := []chain.Seat{1, 128, 255}
	read := map[chain.Seat]Share{}
	for _, s := range seats {
		data, err := made.shares[s].MarshalBinary()
		require.NoError(t, err)
		read[s], err = ParseShare(signer.CMP, data)
		require.NoError(t, err)
		require.Equal(t, made.shares[s], read[s])
		require.Equal(t, made.shares[1].Key(), read[s].Key())
		require.Equal(t, made.shares[1].Verification(), read[s].Verification())
	}
	for i, signers := range [][]chain.Seat{seats[1:], seats} {
		sign(t, read, signers, [32]byte{byte(i)})
	}
}

// No part of a share of CMP can be another than it is, but for what the key does not depend on.
func TestCMPShareIsChecked(t *testing.T) {
	long(t)
	shares := cmpShares().shares
	share := shares[128]
	for name, change := range map[string]func(d *cmpShareData){
		"ElGamal secret":     func(d *cmpShareData) { d.elGamal[31] ^= 1 },
		"no ElGamal secret":  func(d *cmpShareData) { d.elGamal = [32]byte{} },
		"p":                  func(d *cmpShareData) { d.p[primeBytes-1] ^= 4 },
		"no p":               func(d *cmpShareData) { d.p = [primeBytes]byte{} },
		"p twice":            func(d *cmpShareData) { d.q = d.p },
		"another's primes":   func(d *cmpShareData) { d.p, d.q = shares[1].cmp.p, shares[1].cmp.q },
		"own modulus":        func(d *cmpShareData) { d.peers[1].n = d.peers[0].n },
		"an even modulus":    func(d *cmpShareData) { d.peers[0].n[modulusBytes-1] &^= 1 },
		"a short modulus":    func(d *cmpShareData) { d.peers[0].n[0] = 0 },
		"no modulus":         func(d *cmpShareData) { d.peers[0].n = [modulusBytes]byte{} },
		"s equal t":          func(d *cmpShareData) { d.peers[2].s = d.peers[2].t },
		"no t":               func(d *cmpShareData) { d.peers[2].t = [modulusBytes]byte{} },
		"s above":            func(d *cmpShareData) { d.peers[2].s = [modulusBytes]byte(bytes.Repeat([]byte{255}, modulusBytes)) },
		"no ElGamal key":     func(d *cmpShareData) { d.peers[2].elGamal = [33]byte{} },
		"another ElGamal":    func(d *cmpShareData) { d.peers[1].elGamal = d.peers[0].elGamal },
		"ElGamal with 4":     func(d *cmpShareData) { d.peers[0].elGamal[0] = 4 },
		"an even p":          func(d *cmpShareData) { d.p[primeBytes-1] &^= 1 },
		"p of 1 bit less":    func(d *cmpShareData) { d.p[0] &= 0x7f },
		"secret above order": func(d *cmpShareData) { d.elGamal = [32]byte(bytes.Repeat([]byte{255}, 32)) },
	} {
		changed, data := share, *share.cmp
		data.peers = append([]cmpPeer(nil), data.peers...)
		change(&data)
		changed.cmp = &data
		b, err := changed.MarshalBinary()
		require.NoError(t, err)
		_, err = ParseShare(signer.CMP, b)
		require.Error(t, err, name)
	}
}

// What a cheat among the signers of CMP does, and whom the honest one names. The last share of the signature proves nothing of
// its author: nobody is named then, and another quorum must try.
func TestCMPSigningNamesTheCheat(t *testing.T) {
	long(t)
	shares := cmpShares().shares
	signers := []chain.Seat{1, 255}
	for _, c := range []struct {
		name   string
		round  int
		direct bool
		change func(data []byte) []byte
		named  []chain.Seat
	}{
		{"a wrong proof", 1, true, func(d []byte) []byte { d[len(d)-1] ^= 1; return d }, []chain.Seat{255}},
		{"a point missing", 2, true, func(d []byte) []byte {
			at := bytes.Index(d, []byte("Bx")) + 2
			return append(append(d[:at:at], 0xf6), d[at+2+33:]...)
		}, []chain.Seat{255}},
		{"a wrong ciphertext", 2, true, func(d []byte) []byte {
			at := bytes.Index(d, []byte("ChiD")) + 4 + 3 + 100
			d[at] ^= 1
			return d
		}, []chain.Seat{255}},
		{"a wrong last share", 4, false, func(d []byte) []byte { d[len(d)-1] ^= 1; return d }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newSignings(t, shares, signers, [32]byte{1})
			g.meddle = func(round int, _ chain.Seat, m Message) []Message {
				if m.From == 255 && round == c.round && (m.To != 0) == c.direct {
					m.Data = c.change(m.Data)
				}
				return []Message{m}
			}
			requireFault(t, g.play(t)[1], c.named, nil)
		})
	}
}

// A proof without one of its parts makes the library panic.
func TestCMPLibraryPanicsOverGaps(t *testing.T) {
	long(t)
	shares := cmpShares().shares
	signers := []chain.Seat{1, 255}
	b := newBare(t, signers, func(self party.ID) protocol.StartFunc {
		config, err := shares[seatOf(self)].cmpConfig()
		require.NoError(t, err)
		return cmp.Sign(config, idsOf(signers), make([]byte, 32), nil)
	})
	b.meddle = func(_ party.ID, m protocol.Message) *protocol.Message {
		if m.From == idOf(255) && m.RoundNumber == 3 && !m.Broadcast {
			at := bytes.Index(m.Data, []byte("Bx")) + 2
			m.Data = append(append(bytes.Clone(m.Data[:at]), 0xf6), m.Data[at+2+33:]...)
		}
		return &m
	}
	require.Panics(t, b.play)
}

// A share of CMP is the one that the library's own form of it holds.
func TestCMPConfig(t *testing.T) {
	long(t)
	share := cmpShares().shares[128]
	config, err := share.cmpConfig()
	require.NoError(t, err)
	again, err := cmpShare(config, 128, share.seats, share.threshold)
	require.NoError(t, err)
	require.Equal(t, share, again)
	x, err := config.PublicPoint().MarshalBinary()
	require.NoError(t, err)
	key, err := uncompress([33]byte(x))
	require.NoError(t, err)
	require.Equal(t, share.Key(), key)
	require.Equal(t, curve.Secp256k1{}.Name(), config.Group.Name())
}
