package devnet

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// sharesOf has every operator's shares of a world's wallets with two signers: those of the first wallet with one, those of the second with
// the other.
func sharesOf(w *world) []share {
	var shares []share
	for i, e := range w.stage.elections {
		for _, op := range w.stage.operators {
			shares = append(shares, share{op, fmt.Sprintf("enclave-%d", i+1), e.wallet.ID()})
		}
	}
	return shares
}

// playedWithSigners returns the facts of a window in which a scenario with signers was played, and every node recorded what it must.
func playedWithSigners(t *testing.T, name string, index uint64) facts {
	t.Helper()
	w, f := signedWindow(t, 1, index)
	s, ok := scenarioNamed(name)
	require.True(t, ok)
	if s.draws {
		w, f, _ = heartbeatWindow(t, index)
	}
	w.stage.shares, w.stage.threshold, f.Shares = sharesOf(w), 6, sharesOf(w)
	c := f.Window.Block
	p := s.plan(w.stage)
	for _, silent := range p.silent {
		f.Deeds = append(f.Deeds, deed{Kind: deedSignerDown, Operator: silent.Operator, Signer: silent.Signer, From: c - 31, To: c + 150})
	}
	switch {
	case name == "signers-below-quorum" && index%2 == 0:
		f.Deeds = []deed{{Kind: deedSignersBack, Operator: w.stage.operators[0], Signer: "enclave-1", From: c - 31, To: c + 110}}
	case name == "enclave-retired":
		for _, op := range w.stage.operators {
			f.Deeds = append(f.Deeds, deed{Kind: deedRetired, Operator: op, Signer: "enclave-1", Wallet: w.stage.elections[1].wallet.ID(), From: 12, To: c + 110})
		}
	}
	if p.cheats {
		cheated(w, &f)
	}
	if s.draws {
		f.Deeds = append(f.Deeds, deed{Kind: deedDrawn, Wallet: w.stage.elections[0].wallet.ID(), From: c - 32, To: c - 32})
	}
	if s.inactive {
		missed(w, &f, index)
	}
	for i, e := range w.stage.elections {
		left := 0
		for _, op := range e.wallet.Roster() {
			if !slices.Contains(p.silent, share{Operator: op, Signer: fmt.Sprintf("enclave-%d", i+1)}) {
				left++
			}
		}
		for n := range f.Nodes {
			node := &f.Nodes[n]
			switch {
			case slices.Contains(p.silent, share{Operator: node.Operator, Signer: fmt.Sprintf("enclave-%d", i+1)}):
				node.Detail.Wallets[i].Action.Outcome = "signer_unavailable"
			case left < 6:
				node.Detail.Wallets[i].Action.Outcome = "expired"
			default:
				continue
			}
			node.Signings[i].Signed = nil
		}
	}
	return f
}

// cheated has the first operator's signer cheat in the first attempt of the first wallet, in which all seats but three sign, and the
// second attempt succeed without it.
func cheated(w *world, f *facts) {
	wallet, op := w.stage.elections[0].wallet, w.stage.operators[0]
	d := deed{Kind: deedCheat, Operator: op, Signer: "enclave-1", Wallet: wallet.ID(), From: f.Window.End + 6, To: f.Window.End + 6, Attempt: 1}
	var others []int
	for seat := chain.Seat(1); int(seat) <= wallet.Seats(); seat++ {
		holder, _ := wallet.At(seat)
		if holder != op {
			others = append(others, int(seat))
		}
		if holder == op || len(others) <= 5 {
			d.Signers = append(d.Signers, seat)
		}
	}
	f.Deeds = append(f.Deeds, d)
	for n := range f.Nodes {
		s := &f.Nodes[n].Signings[0]
		s.Attempts = []signing.Attempt{{Number: 1, Result: signing.ResultNoList}, {Number: 2, Result: signing.ResultSigned, Signers: others}}
		took := slices.ContainsFunc(wallet.SeatsOf(f.Nodes[n].Operator), func(seat chain.Seat) bool { return slices.Contains(d.Signers, seat) })
		if took && f.Nodes[n].Operator != op {
			s.Attempts[0].Result = signing.ResultCheated
			s.Blames = []signing.Blame{{Attempt: 1, Operator: op, Misdeed: signing.MisdeedScheme}}
		}
	}
}

// blaming returns a node's first wallet's signature of which somebody is blamed.
func blaming(f *facts) *signing.Signing {
	i := slices.IndexFunc(f.Nodes, func(n nodeFacts) bool { return len(n.Signings[0].Blames) > 0 })
	return &f.Nodes[i].Signings[0]
}

func withSigners() []string {
	var names []string
	for _, s := range scenarios {
		if s.enclaves > 0 {
			names = append(names, s.Name)
		}
	}
	return names
}

func TestR10JudgeIsSatisfiedByWhatScenariosOfSignersDemandAndByNothingElse(t *testing.T) {
	for _, index := range []uint64{1, 2, 3, 4} {
		for _, name := range withSigners() {
			f := playedWithSigners(t, name, index)
			require.Empty(t, differences(name, f), "%s, window %d", name, f.Window.Block)
			for _, other := range scenarios {
				if other.Name != name {
					require.NotEmpty(t, differences(other.Name, f), "%s judged as %s, window %d", name, other.Name, f.Window.Block)
				}
			}
		}
	}
}

func TestR10JudgeSeesWhatIsWrongWithSigners(t *testing.T) {
	for name, c := range map[string]struct {
		scenario string
		change   func(*facts)
		want     string
	}{
		"a signature without a signer": {"enclave-down", func(f *facts) {
			for n := range f.Nodes {
				for i, s := range f.Nodes[n].Signings {
					if len(s.Signed) == 0 {
						f.Nodes[n].Signings[i].Signed = []byte{1}
						return
					}
				}
			}
		}, "redemption: "},
		"everybody signed all the same": {"enclave-down", func(f *facts) {
			for n := range f.Nodes {
				for i := range f.Nodes[n].Detail.Wallets {
					f.Nodes[n].Detail.Wallets[i].Action.Outcome = "ok"
				}
			}
		}, `want "signer_unavailable"`},
		"one more signer was down":      {"enclave-down", func(f *facts) { f.Deeds = append(f.Deeds, f.Deeds[0]) }, "2 signers were down"},
		"no signer was down":            {"enclave-down", func(f *facts) { f.Deeds = nil }, "was not played"},
		"it came back too early":        {"enclave-down", func(f *facts) { f.Deeds[0].To = f.Window.End - 1 }, "not from before the window"},
		"it went too late":              {"enclave-down", func(f *facts) { f.Deeds[0].From = f.Window.Block }, "not from before the window"},
		"it held nothing":               {"enclave-down", func(f *facts) { f.Deeds[0].Signer = "enclave-3" }, "holds nothing"},
		"half-signed":                   {"signers-below-quorum", func(f *facts) { f.Nodes[0].Signings[0].Signed = []byte{1} }, "has a signature, and cannot have one"},
		"a wallet had its quorum":       {"signers-below-quorum", func(f *facts) { f.Wallets[1].Purse.Threshold = 1 }, "had its quorum"},
		"it was not its turn":           {"signers-below-quorum", func(f *facts) { f.Deeds[0].Kind = deedSignersBack }, "not in a window of its turn"},
		"a retired one was given a key": {"enclave-retired", func(f *facts) { f.Shares = append(f.Shares, retiredShare(f)) }, "was given shares"},
		"a retired one served nobody": {"enclave-retired", func(f *facts) {
			f.Shares = slices.DeleteFunc(f.Shares, func(s share) bool { return s.Signer == "enclave-1" })
		}, "holds nothing"},
		"nobody has the new wallet's": {"enclave-retired", func(f *facts) {
			f.Shares = slices.DeleteFunc(f.Shares, func(s share) bool { return s.Signer == "enclave-2" })
		}, "has no share of the wallet"},
		"a retired one signs no more": {"enclave-retired", func(f *facts) {
			f.Nodes[2].Detail.Wallets[0].Action.Outcome = "signer_unavailable"
		}, `ended in "signer_unavailable"`},
		"a cheat that nobody names": {"signer-cheats", func(f *facts) { blaming(f).Blames = nil }, "does not blame operator"},
		"nobody heard it": {"signer-cheats", func(f *facts) {
			for n := range f.Nodes {
				f.Nodes[n].Signings[0].Attempts[0].Result, f.Nodes[n].Signings[0].Blames = signing.ResultSilent, nil
			}
		}, "nobody names operator"},
		"somebody else is named":      {"signer-cheats", func(f *facts) { blaming(f).Blames[0].Operator[0]++ }, "who did nothing"},
		"named for something else":    {"signer-cheats", func(f *facts) { blaming(f).Blames[0].Misdeed = signing.MisdeedLists }, "does not blame operator"},
		"named for another attempt":   {"signer-cheats", func(f *facts) { blaming(f).Blames[0].Attempt = 2 }, "for attempt 2"},
		"the cheat signs in the end":  {"signer-cheats", func(f *facts) { signWithCheat(f) }, "was signed with seats of operator"},
		"nobody cheated":              {"signer-cheats", func(f *facts) { f.Deeds = nil }, "who did nothing"},
		"it cheated before its time":  {"signer-cheats", func(f *facts) { f.Deeds[0].From = f.Window.Block }, "before the actions"},
		"blamed where nobody cheated": {"enclave-down", func(f *facts) { f.Nodes[3].Signings[1].Blames = []signing.Blame{{Attempt: 1}} }, "who did nothing"},
		"signed by nobody's leave":    {"signer-cheats", func(f *facts) { f.Nodes[1].Signings[0].Signed = nil }, "nothing is signed"},
	} {
		t.Run(name, func(t *testing.T) {
			f := playedWithSigners(t, c.scenario, 1)
			c.change(&f)
			require.Contains(t, fmt.Sprint(differences(c.scenario, f)), c.want)
		})
	}
}

func signWithCheat(f *facts) {
	attempts := f.Nodes[1].Signings[0].Attempts
	attempts[1].Signers = append(attempts[1].Signers, int(f.Wallets[0].Wallet.SeatsOf(f.Deeds[0].Operator)[0]))
}

func retiredShare(f *facts) share {
	return share{f.Deeds[0].Operator, f.Deeds[0].Signer, f.Deeds[0].Wallet}
}

func TestPlansOfSignersDoWhatTheirScenariosSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStage(t)
		s.threshold = s.elections[0].wallet.Seats()/2 + 1
		for _, e := range s.elections {
			for _, op := range e.wallet.Operators() {
				s.shares = append(s.shares, share{op, fmt.Sprintf("enclave-%d", rapid.IntRange(1, 4).Draw(t, "signer")), e.wallet.ID()})
			}
		}
		one := planSignerDown(s).silent
		require.Len(t, one, 1)
		require.True(t, unsignable(one[0].Operator, s.elections[0].wallet.ID(), s.shares, one), "the first wallet is affected")
		spared := slices.ContainsFunc(s.shares, func(held share) bool {
			return held.Wallet == s.elections[0].wallet.ID() && s.signs([]share{{Operator: held.Operator, Signer: held.Signer}})
		})
		require.Equal(t, spared, s.signs(one), "a quorum is spared if it can be")

		many := planBelowQuorum(s).silent
		if s.window.Index%2 == 0 {
			require.Empty(t, many)
			return
		}
		for _, e := range s.elections {
			require.Less(t, seatsLeft(e.wallet, s.shares, many), s.threshold)
		}
		require.True(t, seatsLeft(s.elections[0].wallet, s.shares, nil) == s.elections[0].wallet.Seats())
		for i, held := range many {
			require.NotContains(t, many[:i], held)
			require.Equal(t, chain.WalletID{}, held.Wallet)
		}
	})
}

func TestScenariosOfSignersTakeSigners(t *testing.T) {
	cfg := Config{
		Operators: 3, Wallets: 1, Seats: 3, BlockTime: blockTime, Scenario: "enclave-retired", Dir: t.TempDir(), Screen: &recording{}, Enclaves: 2,
	}
	require.ErrorContains(t, cfg.Validate(), "at least 2 signers of each operator, and 2 wallets")
	cfg.Wallets = 2
	require.NoError(t, cfg.Validate())
	cfg.Enclaves = 0
	require.ErrorContains(t, cfg.Validate(), "at least 2 signers")
}
