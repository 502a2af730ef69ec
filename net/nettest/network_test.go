package nettest_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
)

func key(n int) *secp256k1.PrivateKey { return secp256k1.PrivKeyFromBytes([]byte{byte(n)}) }

func op(n int) chain.Operator { return wire.PublicKeyOf(key(n)).Operator() }

func payload(w chain.Wallet, window chain.Height, said string) []byte {
	id := w.ID()
	return append(binary.BigEndian.AppendUint64(id[:], uint64(window)), said...)
}

func inspect(p []byte) (net.Slot, error) {
	if len(p) < 28 {
		return net.Slot{}, errors.New("short payload")
	}
	return net.Slot{
		Wallet: chain.WalletID(p[:20]), Window: chain.Height(binary.BigEndian.Uint64(p[20:28])), Seat: 1, Digest: sha256.Sum256(p),
	}, nil
}

// group is n members of one wallet, each with a channel, all at height 900.
type group struct {
	*nettest.Network
	wallet   chain.Wallet
	members  []*nettest.Member
	channels []*nettest.Channel
}

func newGroup(t *testing.T, seed uint64, n int) *group {
	t.Helper()
	roster := make([]chain.Operator, n)
	for i := range n {
		roster[i] = op(i + 1)
	}
	w, err := chain.NewWallet(chain.PublicKey(wire.PublicKeyOf(key(200)).Uncompressed()), roster)
	require.NoError(t, err)
	g := &group{Network: nettest.New(seed, net.Schedule{}, inspect), wallet: w}
	for i := range n {
		m := g.Add(key(i+1), func() chain.Height { return 900 })
		ch, err := m.Join(w)
		require.NoError(t, err)
		g.members, g.channels = append(g.members, m), append(g.channels, ch)
	}
	t.Cleanup(g.Close)
	return g
}

func (g *group) say(t *testing.T, from int, text string) {
	t.Helper()
	envelope, err := g.channels[from].Seal(payload(g.wallet, 900, text), 1)
	require.NoError(t, err)
	require.NoError(t, g.channels[from].Publish(t.Context(), envelope))
}

// heard lists what a member has heard, in order.
func (g *group) heard(i int) []string {
	var texts []string
	for _, m := range g.channels[i].Take(900) {
		texts = append(texts, string(m.Payload[28:]))
	}
	return texts
}

func TestCalmWeatherDeliversAtOnceAndGenuinely(t *testing.T) {
	g := newGroup(t, 1, 3)
	arrived := g.channels[1].Arrived()
	g.say(t, 0, "hello")
	<-arrived
	require.Empty(t, g.heard(0))
	require.Equal(t, []string{"hello"}, g.heard(2))
	got := g.channels[1].Take(900)
	require.Len(t, got, 1)
	require.Equal(t, op(1), got[0].Author)
	require.Equal(t, chain.Height(900), got[0].ArrivedAt)
	m, err := wire.ParsePubsub(got[0].Signed)
	require.NoError(t, err)
	author, err := m.Verify()
	require.NoError(t, err)
	require.Equal(t, op(1), author.Operator())
	require.Equal(t, wire.ChannelName(g.wallet.Key()), m.Topic())
}

// history plays many messages in foul weather and returns what every member heard, in order.
func history(t *testing.T, seed uint64) (heard [][]string) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, seed, 6)
		g.SetWeather(nettest.Weather{Loss: 0.3, Duplicate: 0.2, MinDelay: time.Second, MaxDelay: time.Minute, NoRelay: true})
		for i := range 6 {
			go g.say(t, i, fmt.Sprint("from ", i)) // in any order
		}
		time.Sleep(2 * time.Minute)
		for i := range 6 {
			heard = append(heard, g.heard(i))
		}
	})
	return heard
}

func TestWeatherIsDeterminedByTheSeed(t *testing.T) {
	first := history(t, 7)
	require.Equal(t, first, history(t, 7))
	require.NotEqual(t, first, history(t, 8))
	total := 0
	inOrder := true
	for _, texts := range first {
		total += len(texts)
		inOrder = inOrder && slices.IsSorted(texts)
	}
	require.Less(t, total, 30, "some are lost")
	require.NotZero(t, total)
	require.False(t, inOrder, "some overtake others")
}

func TestDuplicatesAreNoSecondStatement(t *testing.T) {
	g := newGroup(t, 1, 2)
	g.SetWeather(nettest.Weather{Duplicate: 1})
	g.say(t, 0, "once")
	require.Equal(t, []string{"once"}, g.heard(1))
}

func TestRelayingCarriesWhatOneLinkLoses(t *testing.T) {
	g := newGroup(t, 1, 3)
	cut := func(d nettest.Delivery) bool { return d.From != g.members[0] || d.To != g.members[2] }
	g.SetRoute(cut)
	g.say(t, 0, "by way of another")
	require.Equal(t, []string{"by way of another"}, g.heard(2))
	g.SetWeather(nettest.Weather{NoRelay: true})
	g.say(t, 0, "directly")
	require.Equal(t, []string{"by way of another", "directly"}, g.heard(1))
	require.Empty(t, g.heard(2))
}

func TestTwoFacedSender(t *testing.T) {
	g := newGroup(t, 1, 3)
	g.SetRoute(func(d nettest.Delivery) bool { // each of the others hears one face, by whatever way
		second := d.Nth == 2
		return d.Author != op(1) || second == (d.To == g.members[2])
	})
	g.say(t, 0, "yes")
	g.say(t, 0, "no")
	require.Equal(t, []string{"yes"}, g.heard(1))
	require.Equal(t, []string{"no"}, g.heard(2))

	g.SetRoute(nil) // now that they talk, both see both
	g.say(t, 0, "yes")
	g.say(t, 0, "no")
	require.Equal(t, []string{"no"}, g.heard(1))
	require.Equal(t, []string{"yes"}, g.heard(2))
}

func TestLateAuthor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 1, 2)
		g.members[0].Late(time.Minute)
		g.say(t, 0, "late")
		time.Sleep(59 * time.Second)
		require.Empty(t, g.heard(1))
		time.Sleep(2 * time.Second)
		require.Equal(t, []string{"late"}, g.heard(1))
	})
}

func TestPartitionAndHeal(t *testing.T) {
	g := newGroup(t, 1, 4)
	see := func(i int) net.Sight { return g.channels[i].Sight() }
	require.Equal(t, 3, see(0).Operators)
	g.Partition(g.members[:2], g.members[2:3])
	require.Equal(t, net.Sight{Subscribed: true, Operators: 1, Since: 900}, see(0))
	require.Equal(t, net.Sight{Subscribed: true}, see(2))
	require.Equal(t, net.Sight{Subscribed: true}, see(3), "who is in no group is alone")
	g.say(t, 0, "among us")
	require.Equal(t, []string{"among us"}, g.heard(1))
	require.Empty(t, g.heard(2))
	g.Heal()
	require.Equal(t, net.Sight{Subscribed: true, Operators: 3, Since: 900}, see(2))
	require.Empty(t, g.heard(2), "what was lost stays lost")
	g.say(t, 0, "again")
	require.Equal(t, []string{"again"}, g.heard(2))
}

func TestInjectedMessagesAreRuledOnAsRealOnes(t *testing.T) {
	g := newGroup(t, 1, 2)
	envelope := func(n int, said string) []byte {
		return net.Seal(wire.PublicKeyOf(key(n)), payload(g.wallet, 900, said), 1)
	}
	causes := func() []net.Cause {
		var all []net.Cause
		for _, r := range g.Rulings() {
			if r.By == op(2) {
				all = append(all, r.Cause)
			}
		}
		return all
	}
	victim := g.members[1]
	signed := g.Inject(key(1), g.wallet, envelope(1, "first"), victim)
	g.Inject(key(1), g.wallet, envelope(1, "second"), victim)
	g.Inject(key(1), g.wallet, envelope(1, "third"), victim)
	g.Inject(key(1), g.wallet, envelope(2, "impersonation"), victim)
	g.Inject(key(1), g.wallet, []byte{0x0a, 0x7f}, victim)
	g.Inject(key(9), g.wallet, envelope(9, "stranger"), victim)
	g.InjectSigned(g.wallet.ID(), signed, victim) // heard before
	signed[len(signed)-1] ^= 1
	g.InjectSigned(g.wallet.ID(), signed, victim) // mis-signed
	g.InjectSigned(g.wallet.ID(), []byte{0xff}, victim)
	require.Equal(t, []net.Cause{
		net.CauseNew, net.CauseNew, net.CauseExcess, net.CauseSender, net.CauseMalformed, net.CauseNonMember, net.CauseMalformed,
	}, causes())
	require.Equal(t, []string{"first", "second"}, g.heard(1))
	for i := range 100 {
		g.Inject(key(1), g.wallet, envelope(1, fmt.Sprint(i)), victim)
	}
	require.Less(t, len(causes()), 30, "a flooding author is cut off")
	require.Equal(t, net.CauseFlood, causes()[len(causes())-1])
	g.Inject(key(2), g.wallet, envelope(2, "from our own key"))
	require.Equal(t, []string{"from our own key"}, g.heard(1))
}

func TestSiblingsShareAnOperator(t *testing.T) {
	g := newGroup(t, 1, 2)
	sibling := g.Add(key(1), func() chain.Height { return 905 })
	ch, err := sibling.Join(g.wallet)
	require.NoError(t, err)
	_, err = sibling.Join(g.wallet)
	require.ErrorIs(t, err, net.ErrJoined)
	require.Equal(t, 1, ch.Sight().Operators)
	g.say(t, 0, "from one")
	got := ch.Take(900)
	require.Len(t, got, 1)
	require.Equal(t, chain.Height(905), got[0].ArrivedAt, "stamped by its own clock")

	require.False(t, ch.Mismatched(op(2)))
	sibling.SetMismatched(op(2), true)
	require.True(t, ch.Mismatched(op(2)))

	require.NoError(t, sibling.Leave(g.wallet.ID()))
	require.ErrorIs(t, sibling.Leave(g.wallet.ID()), net.ErrLeft)
	require.ErrorIs(t, ch.Publish(t.Context(), []byte("x")), net.ErrLeft)
	require.False(t, ch.Sight().Subscribed)
}

// As on the real network, what counts is what was signed: not the sequence number, and not the spelling of the signature.
func TestR2MessagesAreToldApartByWhatWasSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 1, 3)
		topic, number := wire.ChannelName(g.wallet.Key()), []byte{0, 0, 0, 0, 0, 0, 0, 7}
		sign := func(said string) wire.PubsubMessage {
			return wire.SignPubsub(key(1), topic, net.Seal(wire.PublicKeyOf(key(1)), payload(g.wallet, 900, said), 1), number)
		}
		one, other := sign("one"), sign("other")
		g.InjectSigned(g.wallet.ID(), highS(t, one), g.members[1])
		g.InjectSigned(g.wallet.ID(), one.Bytes(), g.members[1])
		g.InjectSigned(g.wallet.ID(), other.Bytes(), g.members[2])
		for _, ch := range g.channels[1:] {
			got := ch.Take(900)
			require.Len(t, got, 2)
			evidence := [][]byte{got[0].Signed, got[1].Signed}
			require.ElementsMatch(t, [][]byte{one.Bytes(), other.Bytes()}, evidence)
		}
	})
}

// highS spells a message with the other value of s that its signature has.
func highS(t *testing.T, m wire.PubsubMessage) []byte {
	t.Helper()
	low, err := ecdsa.ParseDERSignature(m.Signature())
	require.NoError(t, err)
	r, s := low.R(), low.S()
	s.Negate()
	integer := func(x secp256k1.ModNScalar) []byte {
		b := x.Bytes()
		n := append([]byte{0}, b[:]...) // DER: no more leading zeros than its sign needs
		for len(n) > 1 && n[0] == 0 && n[1] < 0x80 {
			n = n[1:]
		}
		return append([]byte{0x02, byte(len(n))}, n...)
	}
	body := append(integer(r), integer(s)...)
	high := append([]byte{0x30, byte(len(body))}, body...)
	message := new(pb.Message)
	require.NoError(t, proto.Unmarshal(m.Bytes(), message))
	message.Signature = high
	data, err := proto.Marshal(message)
	require.NoError(t, err)
	require.NotEqual(t, m.Bytes(), data)
	return data
}

func TestBannedMembersAreNeitherHeardNorRelayedNorSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 1, 3)
		g.SetRoute(func(d nettest.Delivery) bool { return d.From != g.members[0] || d.To != g.members[2] })
		require.NoError(t, g.members[1].SetBans([]net.Ban{{Operator: op(1), Until: time.Now().Add(time.Hour)}}))
		require.True(t, g.members[1].Banned(op(1)))
		require.Equal(t, 1, g.channels[1].Sight().Operators)
		g.say(t, 0, "unheard")
		require.Empty(t, g.heard(1))
		require.Empty(t, g.heard(2))
		time.Sleep(time.Hour)
		require.False(t, g.members[1].Banned(op(1)))
		g.say(t, 0, "heard")
		require.Equal(t, []string{"heard"}, g.heard(1))
		require.Equal(t, []string{"heard"}, g.heard(2))
		require.ErrorIs(t, g.members[1].SetBans([]net.Ban{{Operator: op(2)}}), net.ErrBan)
		require.False(t, g.members[1].Banned(op(2)))
		require.Equal(t, 2, g.channels[1].Sight().Operators)
	})
}

func TestAMemberIsToldOfWhatIsSaidWithItsKey(t *testing.T) {
	g := newGroup(t, 1, 2)
	var told []string
	g.members[0].OnSpoken(func(m net.Message) { told = append(told, string(m.Payload[28:])) })
	g.say(t, 0, "by itself")
	g.Inject(key(1), g.wallet, net.Seal(wire.PublicKeyOf(key(1)), payload(g.wallet, 1800, "by a thief"), 1))
	g.say(t, 1, "by another")
	require.Equal(t, []string{"by a thief"}, told)
}

// Goroutines of a node speak in any order: what a message meets does not follow from what its sender said before it. Said again it meets another thing.
func TestWhatAMessageMeetsDoesNotFollowFromWhatWasSaidBefore(t *testing.T) {
	met := func(texts ...string) (arrived map[string][]time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t, 1, 2)
			g.SetWeather(nettest.Weather{MaxDelay: time.Minute, NoRelay: true})
			began := time.Now()
			arrived = make(map[string][]time.Duration)
			g.SetRoute(func(d nettest.Delivery) bool {
				arrived[string(d.Data)] = append(arrived[string(d.Data)], time.Since(began))
				return true
			})
			for _, text := range texts {
				g.say(t, 0, text)
			}
			time.Sleep(2 * time.Minute)
		})
		return arrived
	}
	some := met("a", "b", "a")
	require.Len(t, some, 2)
	require.Equal(t, some, met("b", "a", "a"))
	for _, times := range some {
		if len(times) == 2 {
			require.NotEqual(t, times[0], times[1])
		}
	}
}
