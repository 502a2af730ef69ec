package devnet

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// missed has every node whose signer runs miss the operators whose signers do not in the heartbeat of the first wallet, as in all
// windows before; from the third on it is a finding.
func missed(w *world, f *facts, index uint64) {
	wallet := w.stage.elections[0].wallet
	var absent []chain.Operator
	var present []int
	for seat := chain.Seat(1); int(seat) <= wallet.Seats(); seat++ {
		op, _ := wallet.At(seat)
		switch down := slices.ContainsFunc(f.Deeds, func(d deed) bool { return d.Kind == deedSignerDown && d.Operator == op }); {
		case !down:
			present = append(present, int(seat))
		case !slices.Contains(absent, op):
			absent = append(absent, op)
		}
	}
	for range index - 1 {
		f.Wallets[0].Poor = append(f.Wallets[0].Poor, absent)
	}
	for n := range f.Nodes {
		node := &f.Nodes[n]
		if slices.Contains(absent, node.Operator) {
			node.Signings[0].Attempts = nil
			continue
		}
		newest := &node.Signings[0].Attempts[0]
		newest.Active, newest.Absent, newest.Signers = len(present), absent, present
		if index >= 3 {
			found := store.Inactive{Wallet: wallet.ID(), Window: f.Window.Block, Operators: slices.Clone(absent)}
			for _, op := range absent {
				found.Seats = append(found.Seats, wallet.SeatsOf(op)...)
			}
			node.Inactive = []store.Inactive{found}
		}
	}
}

// beating returns a node that signed a heartbeat, and what it recorded of it.
func beating(f *facts) (*nodeFacts, *signing.Signing) {
	i := slices.IndexFunc(f.Nodes, func(n nodeFacts) bool { return len(n.Signings[0].Signed) > 0 })
	return &f.Nodes[i], &f.Nodes[i].Signings[0]
}

func TestR10JudgeSeesWhatIsWrongWithHeartbeats(t *testing.T) {
	newest := func(f *facts) *signing.Attempt {
		_, s := beating(f)
		return &s.Attempts[0]
	}
	for name, c := range map[string]struct {
		scenario string
		change   func(*facts)
		want     string
	}{
		"no heartbeat was drawn":    {"heartbeats", func(f *facts) { f.Deeds = nil }, "was not played"},
		"of another wallet":         {"heartbeats", func(f *facts) { f.Deeds[0].Wallet = f.Wallets[1].Wallet.ID() }, "was not played"},
		"another block was drawn":   {"heartbeats", func(f *facts) { f.Deeds[0].From++ }, "not the block that decides"},
		"another seed":              {"heartbeats", func(f *facts) { f.Safe[31]++ }, "no heartbeat is on the wallet's checklist"},
		"a request was due":         {"heartbeats", func(f *facts) { f.Wallets[0].Due = [][]byte{payout(1)} }, "more urgent business"},
		"it is not signed":          {"heartbeats", func(f *facts) { _, s := beating(f); s.Signed = nil }, "nothing is signed"},
		"nobody counted":            {"heartbeats", func(f *facts) { newest(f).Whole = false }, "followed no attempt"},
		"a seat is lost":            {"heartbeats", func(f *facts) { newest(f).Active-- }, "counts 9 seats active and 0 absent, of 10"},
		"a signer was not there":    {"heartbeats", func(f *facts) { newest(f).Absent = f.Wallets[0].Wallet.Operators() }, "both absent and among the signers"},
		"found without a reason":    {"heartbeats", func(f *facts) { found(f, 1) }, "inactive, want [] of []"},
		"the heartbeat is not poor": {"inactive-signers", func(f *facts) { restored(f) }, "fewer than 70 %"},
		"no quorum is left":         {"inactive-signers", func(f *facts) { f.Wallets[0].Purse.Threshold = 9 }, "as many as it takes, 9"},
		"the dead are counted":      {"inactive-signers", func(f *facts) { newest(f).Absent = nil }, "whose signer was down, as active"},
		"nothing is found":          {"inactive-signers", func(f *facts) { n, _ := beating(f); n.Inactive = nil }, "found seats [] of [] inactive"},
		"somebody else is found":    {"inactive-signers", func(f *facts) { found(f, 9) }, "inactive, want"},
		"found too early":           {"inactive-signers", func(f *facts) { f.Wallets[0].Poor = f.Wallets[0].Poor[1:] }, "inactive, want [] of []"},
		"others were missing before": {"inactive-signers", func(f *facts) {
			f.Wallets[0].Poor[0] = []chain.Operator{{9}}
		}, "inactive, want [] of []"},
		"a seat is not named": {"inactive-signers", func(f *facts) {
			n, _ := beating(f)
			n.Inactive[0].Seats = n.Inactive[0].Seats[1:]
		}, "inactive, want"},
	} {
		t.Run(name, func(t *testing.T) {
			f := playedWithSigners(t, c.scenario, 3)
			require.Empty(t, differences(c.scenario, f))
			c.change(&f)
			require.Contains(t, fmt.Sprint(differences(c.scenario, f)), c.want)
		})
	}
}

// found has a node find an operator inactive.
func found(f *facts, name byte) {
	n, s := beating(f)
	n.Inactive = []store.Inactive{{Wallet: s.Wallet, Window: f.Window.Block, Operators: []chain.Operator{{name}}}}
}

// restored has the signers run that were down, but for one.
func restored(f *facts) {
	first := slices.IndexFunc(f.Deeds, func(d deed) bool { return d.Kind == deedSignerDown })
	f.Deeds = slices.Delete(f.Deeds, first+1, slices.IndexFunc(f.Deeds, func(d deed) bool { return d.Kind == deedDrawn }))
}

func TestHeartbeatsAreMissedByTheSameSignersEachTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStage(t)
		first := s.elections[0].wallet
		s.threshold = first.Seats()/2 + 1
		for _, e := range s.elections {
			for _, op := range e.wallet.Operators() {
				s.shares = append(s.shares, share{op, fmt.Sprintf("enclave-%d", rapid.IntRange(1, 4).Draw(t, "signer")), e.wallet.ID()})
			}
		}
		silent := planInactive(s).silent
		s.window.Index++
		require.Equal(t, silent, planInactive(s).silent)
		left := seatsLeft(first, s.shares, silent)
		require.GreaterOrEqual(t, left, s.threshold, "the wallet has its quorum")
		for i, held := range silent {
			require.NotContains(t, silent[:i], held)
			before := seatsLeft(first, s.shares, silent[:i])
			require.GreaterOrEqual(t, before*100, 70*first.Seats(), "no more than it takes")
		}
	})
}
