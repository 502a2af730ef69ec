package net

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/wire"
)

// present runs the dialer's side of an exchange by hand, with any delegation.
func present(t *testing.T, from host.Host, to peer.ID, delegation []byte) (wire.Terms, error) {
	t.Helper()
	s, err := from.NewStream(t.Context(), to, delegationProtocol)
	require.NoError(t, err)
	require.NoError(t, writeFrame(s, delegation))
	r := bufio.NewReader(s)
	theirs, err := readFrame(r, wire.MaxDelegation)
	if err != nil {
		return wire.Terms{}, err
	}
	_, _, err = checkDelegation(theirs, to, time.Now())
	require.NoError(t, err)
	require.NoError(t, writeFrame(s, wire.EncodeTerms(wire.Terms{Params: [32]byte{1}})))
	data, err := readFrame(r, wire.MaxTerms)
	require.NoError(t, err)
	return wire.DecodeTerms(data)
}

func (c *cluster) connected(a, b host.Host) bool {
	return a.Network().Connectedness(b.ID()) == network.Connected
}

func TestDelegationIsAccepted(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		a.join(t, testWallet(t, 1, 1, 2))
		a.join(t, testWallet(t, 2, 1, 3))
		stranger := c.bareHost(instanceKey(t, 99))
		c.connect(stranger, a.lh)
		terms, err := present(t, stranger, a.ID(), wire.SignDelegation(operatorKey(2), []byte(stranger.ID()), time.Now(), time.Now().Add(time.Hour)))
		require.NoError(t, err)
		require.True(t, terms.Admitted)
		require.Len(t, terms.Rosters, 1, "rosters of wallets it has no seat in are not told")
		require.Contains(t, terms.Rosters, testWallet(t, 1, 1, 2).ID())
		c.settle()
		time.Sleep(time.Minute)
		require.True(t, c.connected(a.lh, stranger))
		require.Equal(t, PeerAdmitted, a.peer(t, stranger).State)
	})
}

// Each row is a delegation that does not admit the peer; it is cut off at the deadline, not before.
func TestDelegationIsRefused(t *testing.T) {
	for name, forge := range map[string]func(id peer.ID) []byte{
		"expired": func(id peer.ID) []byte {
			return wire.SignDelegation(operatorKey(2), []byte(id), time.Now().Add(-time.Hour), time.Now().Add(-clockSkew-time.Second))
		},
		"from the future": func(id peer.ID) []byte {
			return wire.SignDelegation(operatorKey(2), []byte(id), time.Now().Add(clockSkew+2*time.Second), time.Now().Add(time.Hour))
		},
		"for ever": func(id peer.ID) []byte {
			return wire.SignDelegation(operatorKey(2), []byte(id), time.Now(), time.Now().Add(maxLifetime+time.Hour))
		},
		"of a foreign operator": func(id peer.ID) []byte {
			return wire.SignDelegation(operatorKey(9), []byte(id), time.Now(), time.Now().Add(time.Hour))
		},
		"relayed from another peer": func(peer.ID) []byte {
			return wire.SignDelegation(operatorKey(2), []byte("another peer"), time.Now(), time.Now().Add(time.Hour))
		},
		"with a changed byte": func(id peer.ID) []byte {
			d := wire.SignDelegation(operatorKey(2), []byte(id), time.Now(), time.Now().Add(time.Hour))
			d[len(d)-1] ^= 1
			return d
		},
		"oversized": func(peer.ID) []byte { return make([]byte, wire.MaxDelegation+1) },
	} {
		t.Run(name, func(t *testing.T) {
			withCluster(t, func(t *testing.T, c *cluster) {
				a := c.add(1)
				a.join(t, testWallet(t, 1, 1, 2))
				stranger := c.bareHost(instanceKey(t, 99))
				c.connect(stranger, a.lh)
				terms, err := present(t, stranger, a.ID(), forge(stranger.ID()))
				require.True(t, err != nil || !terms.Admitted)
				time.Sleep(4 * time.Second)
				require.True(t, c.connected(a.lh, stranger), "it has until the deadline")
				time.Sleep(2 * time.Second)
				synctest.Wait()
				require.False(t, c.connected(a.lh, stranger))
				info := a.peer(t, stranger)
				require.Equal(t, PeerRefused, info.State)
				require.NotEmpty(t, info.LastError)
			})
		})
	}
}

func TestSection8PeerThatProvesNothingIsCutOffAtTheDeadline(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		a.join(t, testWallet(t, 1, 1, 2))
		silent := c.bareHost(instanceKey(t, 99))
		c.connect(silent, a.lh)
		s, err := silent.NewStream(t.Context(), a.ID(), delegationProtocol) // opened, and nothing sent
		require.NoError(t, err)
		_, err = s.Write([]byte{0x10})
		require.NoError(t, err)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.False(t, c.connected(a.lh, silent))
		require.Contains(t, a.peer(t, silent).LastError, "proved no operator in time")

		// It is refused for a while, then gets another deadline.
		_, err = c.mn.ConnectPeers(silent.ID(), a.ID())
		require.NoError(t, err)
		synctest.Wait()
		require.False(t, c.connected(a.lh, silent))
		time.Sleep(strangerPause)
		_, err = c.mn.ConnectPeers(silent.ID(), a.ID())
		require.NoError(t, err)
		synctest.Wait()
		require.True(t, c.connected(a.lh, silent))
	})
}

func TestAPeerThatBreaksOffTheExchangeIsSaidToHaveDoneSo(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		a.join(t, testWallet(t, 1, 1, 2))
		rude := c.bareHost(instanceKey(t, 99))
		rude.SetStreamHandler(delegationProtocol, func(s network.Stream) { _ = s.Reset() })
		c.connect(a.lh, rude)
		synctest.Wait()
		require.Contains(t, a.peer(t, rude).LastError, errBrokenOff.Error()+": ")
	})
}

// operatorHost is a libp2p host whose peer ID is the operator's own key, as the reference client's.
func (c *cluster) operatorHost(op byte) host.Host {
	c.t.Helper()
	key, err := crypto.UnmarshalSecp256k1PrivateKey(operatorKey(op).Serialize())
	require.NoError(c.t, err)
	return c.bareHost(key)
}

func TestOperatorsOwnPeerIDNeedsNoDelegation(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		ch := a.join(t, testWallet(t, 1, 1, 2))
		own, foreign := c.operatorHost(2), c.operatorHost(3)
		c.connect(own, a.lh)
		c.connect(a.lh, foreign) // we dial, and it does not speak our protocol
		synctest.Wait()
		require.Equal(t, PeerAdmitted, a.peer(t, own).State)
		require.Equal(t, 1, ch.Sight().Operators)
		time.Sleep(10 * time.Minute)
		require.True(t, c.connected(a.lh, own))
		require.False(t, c.connected(a.lh, foreign))
		require.Contains(t, a.peer(t, foreign).LastError, "holds no seat of our wallets")
	})
}

func TestDelegationOfAnOperatorsOwnPeerIDMustBeItsOwn(t *testing.T) {
	id := peer.ID(wire.PublicKeyOf(operatorKey(2)).PeerID())
	now := time.Now()
	_, _, err := checkDelegation(wire.SignDelegation(operatorKey(2), []byte(id), now, now.Add(time.Hour)), id, now)
	require.NoError(t, err)
	_, _, err = checkDelegation(wire.SignDelegation(operatorKey(1), []byte(id), now, now.Add(time.Hour)), id, now)
	require.ErrorIs(t, err, errProof)
}

func TestDelegationsAreRenewedOnLongLivedConnections(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, b := c.add(1), c.add(2, func(cfg *Config) { cfg.DelegationLifetime = 10 * time.Minute })
		a.join(t, w)
		b.join(t, w)
		c.connect(a.lh, b.lh)
		c.settle()
		first := a.peer(t, b.lh).ProofExpires
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		info := a.peer(t, b.lh)
		require.Equal(t, PeerAdmitted, info.State)
		require.True(t, info.ProofExpires.After(first))
		require.WithinDuration(t, time.Now(), info.ConnectedSince, 3*time.Hour)
		require.Equal(t, Sight{Subscribed: true, Operators: 1, Since: 900}, a.table.channel(w.ID()).Sight(), "without a break")
	})
}

func TestDelegationThatExpiresEndsTheConnection(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		ch := a.join(t, testWallet(t, 1, 1, 2))
		once := c.bareHost(instanceKey(t, 99))
		c.connect(once, a.lh)
		_, err := present(t, once, a.ID(), wire.SignDelegation(operatorKey(2), []byte(once.ID()), time.Now(), time.Now().Add(time.Hour)))
		require.NoError(t, err)
		time.Sleep(time.Hour + clockSkew - time.Minute)
		require.Equal(t, PeerAdmitted, a.peer(t, once).State, "the skew of two clocks is borne")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.False(t, c.connected(a.lh, once))
		require.Equal(t, Sight{Subscribed: true}, ch.Sight())
	})
}

func TestJoinAfterConnectAdmitsWhoWaits(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, b := c.add(1), c.add(2)
		b.join(t, w)
		c.connect(a.lh, b.lh)
		c.settle()
		require.Equal(t, PeerWaiting, a.peer(t, b.lh).State)
		require.Equal(t, operator(2), a.peer(t, b.lh).Operator)
		onA := a.join(t, w)
		c.settle()
		require.Equal(t, PeerAdmitted, a.peer(t, b.lh).State)
		require.True(t, b.peer(t, a.lh).AdmitsUs, "it has heard of it")
		require.Equal(t, 1, onA.Sight().Operators)

		// And messages flow, although b announced its topics before it was admitted.
		onB := b.table.channel(w.ID())
		arrived := onB.Arrived()
		say(t, onA, 900, "hello")
		<-arrived
	})
}

func TestJoinLiftsTheRefusalOfStrangers(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, b := c.add(1), c.add(2)
		b.join(t, w)
		c.connect(a.lh, b.lh)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.False(t, c.connected(a.lh, b.lh))
		require.Equal(t, PeerRefused, a.peer(t, b.lh).State)
		a.join(t, w)
		_, err := c.mn.ConnectPeers(a.ID(), b.ID())
		require.NoError(t, err)
		c.settle()
		require.Equal(t, PeerAdmitted, a.peer(t, b.lh).State)
	})
}

func TestLeaveEndsAdmission(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, b := c.add(1), c.add(2)
		onA := a.join(t, w)
		b.join(t, w)
		c.connect(a.lh, b.lh)
		c.settle()
		_, err := a.Join(w)
		require.ErrorIs(t, err, ErrJoined)
		require.NoError(t, a.Leave(w.ID()))
		require.ErrorIs(t, a.Leave(w.ID()), ErrLeft)
		require.False(t, onA.Sight().Subscribed)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		require.False(t, c.connected(a.lh, b.lh))
		require.Error(t, onA.Publish(t.Context(), []byte("x")))
		a.join(t, w)
	})
}

func TestR4ParametersAndRostersThatDifferAreTold(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		same, params, roster := c.add(2), c.add(3, func(cfg *Config) { cfg.Params = [32]byte{2} }), c.add(4)
		w := testWallet(t, 1, 1, 2, 3, 4)
		ch := a.join(t, w)
		same.join(t, w)
		params.join(t, w)
		roster.join(t, testWallet(t, 1, 1, 2, 4, 3)) // two seats exchanged
		for _, m := range []*member{same, params, roster} {
			c.connect(a.lh, m.lh)
		}
		c.settle()
		require.False(t, ch.Mismatched(operator(2)))
		require.True(t, ch.Mismatched(operator(3)))
		require.True(t, ch.Mismatched(operator(4)))
		require.False(t, ch.Mismatched(operator(5)), "nothing is known of it")
		require.Equal(t, 3, ch.Sight().Operators, "they are admitted all the same")
		require.True(t, a.peer(t, same.lh).ParamsMatch)
		require.False(t, a.peer(t, params.lh).ParamsMatch)

		// What it said last counts also when it has gone.
		c.disconnect(a.lh, roster.lh)
		c.settle()
		require.True(t, ch.Mismatched(operator(4)))
	})
}

func TestTwoInstancesOfOneOperatorAtOnce(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a := c.add(1)
		time.Sleep(time.Millisecond) // pubsub counts from the nanosecond of its start, which alone tells siblings' messages apart
		sibling, b := c.add(1), c.add(2)
		onA, onSibling, onB := a.join(t, w), sibling.join(t, w), b.join(t, w)
		c.connect(a.lh, sibling.lh)
		c.connect(a.lh, b.lh)
		c.connect(sibling.lh, b.lh)
		c.settle()
		require.Equal(t, 1, onA.Sight().Operators, "a sibling is no other operator")
		require.Equal(t, 1, onB.Sight().Operators, "two instances are one operator")
		say(t, onA, 900, "from one")
		say(t, onSibling, 1800, "from the other")
		c.settle()
		require.Equal(t, []string{"from one"}, said(onB.Take(900)))
		require.Equal(t, []string{"from the other"}, said(onB.Take(1800)))
		require.Equal(t, []string{"from one"}, said(onSibling.Take(900)), "what our key signs elsewhere is delivered")
		require.Empty(t, onSibling.Take(1800))

		// One of them goes, and the operator is still there.
		c.disconnect(a.lh, b.lh)
		c.settle()
		require.Equal(t, Sight{Subscribed: true, Operators: 1, Since: 900}, onB.Sight())
	})
}

func TestR4SightTellsSinceWhenItHasNoBreak(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w, alone := testWallet(t, 1, 1, 2, 3), testWallet(t, 2, 1, 3)
		a, b, d := c.add(1), c.add(2), c.add(3)
		ch, other := a.join(t, w), a.join(t, alone)
		b.join(t, w)
		d.join(t, w)
		c.connect(a.lh, b.lh)
		c.connect(a.lh, d.lh)
		c.settle()
		require.Equal(t, Sight{Subscribed: true, Operators: 2, Since: 900}, ch.Sight())
		require.Equal(t, Sight{Subscribed: true, Operators: 1, Since: 900}, other.Sight())
		c.disconnect(a.lh, d.lh)
		c.settle()
		require.Equal(t, Sight{Subscribed: true, Operators: 1, Since: 900}, ch.Sight())
		require.Equal(t, Sight{Subscribed: true}, other.Sight())
		c.disconnect(a.lh, b.lh)
		c.settle()
		require.Equal(t, Sight{Subscribed: true}, ch.Sight())
		a.clock.set(930)
		c.connect(a.lh, b.lh)
		c.settle()
		require.Equal(t, Sight{Subscribed: true, Operators: 1, Since: 930}, ch.Sight())
	})
}

func TestR6ExchangesOfOnePeerAreBounded(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		a.join(t, testWallet(t, 1, 1, 2))
		own := c.operatorHost(2)
		c.connect(own, a.lh)
		synctest.Wait()
		now := time.Now()
		require.True(t, a.table.serve(own.ID(), now))
		require.False(t, a.table.serve(own.ID(), now), "one at a time")
		for range exchangeBurst - 1 {
			a.table.served(own.ID(), nil, now)
			require.True(t, a.table.serve(own.ID(), now))
		}
		a.table.served(own.ID(), nil, now)
		require.False(t, a.table.serve(own.ID(), now), "and so many in a row")

		delegation := wire.SignDelegation(operatorKey(2), []byte(own.ID()), now, now.Add(time.Hour))
		_, err := present(t, own, a.ID(), delegation)
		require.Error(t, err, "one too many is not served")
		time.Sleep(2 * time.Second) // virtual
		_, err = present(t, own, a.ID(), delegation)
		require.NoError(t, err)
	})
}

func TestFramesAreBounded(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, writeFrame(&b, []byte("abc")))
	got, err := readFrame(bufio.NewReader(&b), 3)
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
	for _, bad := range [][]byte{nil, {4, 1, 2, 3, 4}, {3, 1}, binary.AppendUvarint(nil, 1<<63)} {
		_, err := readFrame(bufio.NewReader(bytes.NewReader(bad)), 3)
		require.Error(t, err)
	}
}

// Whatever a peer sends first, it is admitted for an operator only by that operator's signature.
func FuzzCheckDelegation(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	id := peer.ID("the peer at hand")
	good := wire.SignDelegation(operatorKey(2), []byte(id), now, now.Add(time.Hour))
	var frame bytes.Buffer
	require.NoError(f, writeFrame(&frame, good))
	f.Add(frame.Bytes())
	f.Fuzz(func(t *testing.T, stream []byte) {
		data, err := readFrame(bufio.NewReader(bytes.NewReader(stream)), wire.MaxDelegation)
		if err != nil {
			return
		}
		if d, until, err := checkDelegation(data, id, now); err == nil {
			require.Equal(t, operator(2), d.Operator.Operator())
			require.Equal(t, now.Add(time.Hour+clockSkew), until)
		}
	})
}
