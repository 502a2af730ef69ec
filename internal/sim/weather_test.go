package sim

import (
	"context"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
)

// sky is a network whose weather the test makes, and who is on it.
type sky struct {
	*nettest.Network
	members map[int]*nettest.Member // by operator
}

// place is a member's place on the sky, as a node's network.
type place struct{ *nettest.Member }

func (p place) Join(w chain.Wallet) (executor.Channel, error) {
	ch, err := p.Member.Join(w)
	if err != nil {
		return nil, err
	}
	return ch, nil
}

func (place) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (place) Close() error                  { return nil }

// withWeather runs a test on nettest's network with a node for each operator, all up before the first window.
func withWeather(t *testing.T, seed uint64, operators int, test func(t *testing.T, w *world, s *sky), wallets ...chain.Wallet) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Logf("seed %d", seed)
		w, s := newWorld(t, wallets...), &sky{members: make(map[int]*nettest.Member)}
		w.network = func(n int) func(net.Config, net.Deps) (node.Network, error) {
			return func(cfg net.Config, deps net.Deps) (node.Network, error) {
				if s.Network == nil {
					s.Network = nettest.New(seed, cfg.Schedule, deps.Inspect)
				}
				s.members[n] = s.Add(cfg.Operator, deps.Height)
				return place{s.members[n]}, nil
			}
		}
		for n := range operators {
			w.start(n)
		}
		defer synctest.Wait()
		defer s.Close()
		defer w.stopAll()
		test(t, w, s)
	})
}

// secret is an operator's key as the network takes it.
func secret(n int) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(ethcrypto.FromECDSA(operatorKey(n)))
}

// numberOf finds an operator by its address.
func numberOf(t *testing.T, op chain.Operator) int {
	for n := range 100 {
		if operator(n) == op {
			return n
		}
	}
	t.Fatalf("%s is nobody", op)
	return 0
}

// message is a sealed coordination message of an operator.
func message(n int, wallet chain.Wallet, block chain.Height, seat chain.Seat, p proposal.Proposal) []byte {
	return wire.EncodeEnvelope(wire.Envelope{
		Sender:   wire.PublicKeyOf(secret(n)),
		Payload:  proposal.EncodeMessage(proposal.Message{Sender: seat, Block: block, Wallet: wallet.ID(), Proposal: p}),
		Type:     wire.CoordinationMessage,
		Sequence: 1,
	})
}

func TestHonestNodesAgreeAndNobodyAccusesInBadWeather(t *testing.T) {
	one, two := newWallet(1, 0, 1, 2, 0, 4), newWallet(2, 2, 3, 1, 3, 3)
	seeds := uint64(5)
	if bubble.Watched {
		seeds = 2 // of each the race detector makes half a minute
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			withWeather(t, seed, 5, func(t *testing.T, w *world, s *sky) {
				random := rand.New(rand.NewPCG(seed, 1))
				s.SetWeather(nettest.Weather{
					Loss: 0.3 * random.Float64(), Duplicate: random.Float64(), MaxDelay: time.Duration(random.Int64N(int64(2 * time.Minute))),
				})
				w.pass(1910)
				for _, block := range []chain.Height{900, 1800} {
					for _, wallet := range w.wallets {
						leader := w.leader(wallet, block)
						for _, op := range wallet.Operators() {
							row := w.rows(numberOf(t, op), block)[wallet.ID()]
							require.Equal(t, leader, row.Leader)
							require.Equal(t, coordination.ReasonNoop, row.Reason, "%s: %s", op, row.Detail)
						}
					}
				}
				for n := range 5 {
					require.Empty(t, w.faults(n))
				}
			}, one, two)
		})
	}
}

func TestSection8EveryoneSeesBothFacesOfATwoFacedLeader(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2, 3)
	withWeather(t, 1, 4, func(t *testing.T, w *world, s *sky) {
		w.pass(880)
		leader := w.leader(wallet, 900)
		liar := numberOf(t, leader)
		w.stop(liar)
		w.pass(903)
		// Each face is shown to one member alone; the others relay what they hear.
		seat := wallet.LowestSeat(leader)
		var honest []int
		for n := range 4 {
			if n != liar {
				honest = append(honest, n)
			}
		}
		s.Inject(secret(liar), wallet, message(liar, wallet, 900, seat, proposal.Noop{}), s.members[honest[0]])
		s.Inject(secret(liar), wallet, message(liar, wallet, 900, seat, proposal.Redemption{
			OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(1000),
		}), s.members[honest[1]])
		w.pass(1010)
		for _, n := range honest {
			row := w.rows(n, 900)[wallet.ID()]
			require.Equal(t, coordination.ReasonLeaderEquivocation, row.Reason)
			require.Nil(t, row.Proposal)
			found := w.faults(n)
			require.Len(t, found, 1)
			require.Equal(t, faults.LeaderEquivocation, found[0].Kind)
			require.True(t, found[0].Attributed)
			require.Len(t, found[0].Evidence, 2)
			for _, signed := range found[0].Evidence {
				m, err := wire.ParsePubsub(signed)
				require.NoError(t, err)
				author, err := m.Verify()
				require.NoError(t, err, "evidence convinces anybody")
				require.Equal(t, leader, author.Operator())
			}
		}
	}, wallet)
}

func TestR4ANodeThatIsCutOffDoesNotAccuse(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2, 3)
	withWeather(t, 2, 4, func(t *testing.T, w *world, s *sky) {
		w.pass(880)
		leader := numberOf(t, w.leader(wallet, 900))
		alone := (leader + 1) % 4
		var rest []*nettest.Member
		for n, m := range s.members {
			if n != alone {
				rest = append(rest, m)
			}
		}
		s.Partition(rest)
		w.pass(1010)
		for n := range 4 {
			row := w.rows(n, 900)[wallet.ID()]
			if n != alone {
				require.Equal(t, coordination.ReasonNoop, row.Reason)
				require.Empty(t, w.faults(n))
				continue
			}
			require.Equal(t, coordination.ReasonNoPeers, row.Reason)
			found := w.faults(n)
			require.Len(t, found, 1)
			require.False(t, found[0].Attributed)
			require.Zero(t, found[0].Observer.Peers)
		}
		s.Heal()
		w.pass(1910)
		for n := range 4 {
			require.Equal(t, coordination.ReasonNoop, w.rows(n, 1800)[wallet.ID()].Reason)
		}
	}, wallet)
}

func TestSection8APartitionThatHealsInTimeCostsNothing(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2, 3)
	withWeather(t, 3, 4, func(t *testing.T, w *world, s *sky) {
		w.pass(880)
		s.Partition() // everybody is alone
		w.pass(930)
		s.Heal()
		w.pass(1010) // retransmissions at 937 and 970 reach all
		for n := range 4 {
			require.Equal(t, coordination.ReasonNoop, w.rows(n, 900)[wallet.ID()].Reason)
			require.Empty(t, w.faults(n))
		}
	}, wallet)
}

func TestR3ALateLeaderIsIdleAndMarkedLate(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2, 3)
	withWeather(t, 4, 4, func(t *testing.T, w *world, s *sky) {
		w.pass(880)
		leader := numberOf(t, w.leader(wallet, 900))
		s.members[leader].Late(85 * blockTime)
		w.pass(1010)
		for n := range 4 {
			if n == leader {
				continue
			}
			row := w.rows(n, 900)[wallet.ID()]
			require.Equal(t, coordination.ReasonLeaderIdle, row.Reason)
			found := w.faults(n)
			require.Len(t, found, 1)
			require.Equal(t, faults.LeaderIdle, found[0].Kind)
			require.True(t, found[0].Late)
			require.True(t, found[0].Attributed)
			require.Len(t, found[0].Evidence, 1)
		}
	}, wallet)
}

func TestSection8AMessageOfTheComingWindowIsKeptForTheOneThatLagsBehind(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2)
	withWeather(t, 5, 3, func(t *testing.T, w *world, s *sky) {
		w.pass(895)
		leader := w.leader(wallet, 900)
		early := numberOf(t, leader)
		w.stop(early)
		// The leader's head is ahead of ours: it speaks while we are still at 895, and only once.
		s.Inject(secret(early), wallet, message(early, wallet, 900, wallet.LowestSeat(leader), proposal.Noop{}))
		w.pass(1010)
		for n := range w.nodes {
			row := w.rows(n, 900)[wallet.ID()]
			require.Equal(t, coordination.ReasonNoop, row.Reason)
			require.EqualValues(t, 895, row.ReceivedAt)
		}
	}, wallet)
}

func TestR6WhatWasSaidInOneWindowIsNothingInTheNext(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2)
	withWeather(t, 6, 3, func(t *testing.T, w *world, s *sky) {
		w.pass(903)
		impostor := wallet.Operators()[slices.IndexFunc(wallet.Operators(), func(op chain.Operator) bool { return op != w.leader(wallet, 900) })]
		n := numberOf(t, impostor)
		signed := s.Inject(secret(n), wallet, message(n, wallet, 900, 1, proposal.Noop{}))
		w.pass(1795)
		before := len(w.faults((n + 1) % 3))
		require.Equal(t, 1, before, "it was an impersonation then")
		w.pass(1805)
		s.InjectSigned(wallet.ID(), signed)
		w.pass(1910)
		for other := range 3 {
			if other != n {
				require.Len(t, w.faults(other), before, "an old message convicts nobody again")
			}
		}
	}, wallet)
}
