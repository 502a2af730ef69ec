package sim

import (
	"context"
	"math/big"
	"testing"
	"testing/synctest"

	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
)

// hall is a place at which topics are spoken on, and others asked.
type hall struct{ place }

func (h hall) OpenTopic(cfg net.TopicConfig) (node.Talk, error) {
	topic, err := h.Member.OpenTopic(cfg)
	if err != nil {
		return nil, err
	}
	return topic, nil
}

func (h hall) Inquire(ctx context.Context, name string, of chain.Operator) (exchange.Line, error) {
	line, err := h.Member.Inquire(ctx, protocol.ID(name), of)
	if err != nil {
		return nil, err
	}
	return line, nil
}

// The devnet's scenario two-faced-leader-partitioned with whole nodes in virtual time: each side of a cut hears another face, each agrees
// on what it heard and accuses nobody, and from block c+99 on nothing crosses but heads, comparisons and proofs.
func TestATwoFacedLeaderAcrossACutIsProvedWithinOneWindow(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2, 3, 4)
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t, wallet), &sky{members: make(map[int]*nettest.Member)}
		w.network = func(n int) func(net.Config, net.Deps) (node.Network, error) {
			return func(cfg net.Config, deps net.Deps) (node.Network, error) {
				if s.Network == nil {
					s.Network = nettest.New(1, cfg.Schedule, deps.Inspect)
				}
				s.members[n] = s.Add(cfg.Operator, deps.Height)
				s.members[n].OnInquired(deps.Inquiries)
				return hall{place{s.members[n]}}, nil
			}
		}
		for n := range 5 {
			w.start(n)
		}
		defer synctest.Wait()
		defer s.Close()
		defer w.stopAll()
		w.pass(880)
		leader := w.leader(wallet, 900)
		liar := numberOf(t, leader)
		w.stop(liar)
		var honest []int
		var sides [2][]*nettest.Member
		for n := range 5 {
			if n != liar {
				sides[len(honest)%2] = append(sides[len(honest)%2], s.members[n])
				honest = append(honest, n)
			}
		}
		s.Partition(sides[:]...)
		w.pass(903)
		faces := [2]proposal.Proposal{proposal.Noop{}, proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(1000)}}
		for i, face := range faces {
			s.Inject(secret(liar), wallet, message(liar, wallet, 900, wallet.LowestSeat(leader), face), sides[i]...)
		}
		w.pass(999)
		s.Heal()
		w.pass(1200)
		slot := evidence.Slot{Wallet: wallet.ID(), Window: 900, Operator: leader}
		for i, n := range honest {
			row := w.rows(n, 900)[wallet.ID()]
			require.Contains(t, []coordination.Reason{coordination.ReasonOK, coordination.ReasonNoop}, row.Reason, row.Detail)
			require.Equal(t, faces[i%2].Kind(), row.Proposal.Kind(), "what it was told")
			require.Empty(t, w.faults(n))
			held, err := w.nodes[n].Store().Proofs(t.Context(), exchange.ProofFilter{})
			require.NoError(t, err)
			require.Len(t, held, 1, "node %d", n)
			require.Equal(t, slot, held[0].Slot)
			proof, err := evidence.Verify(held[0].Encoded, evidence.Operators{Chain: 1337, Wallet: wallet})
			require.NoError(t, err)
			require.Equal(t, evidence.TwoStatements, proof.Kind)
		}
	})
}
