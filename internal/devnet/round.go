package devnet

import (
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Round is what a chaos run counts of one window, and of all of them.
type Round struct {
	Strikes map[StrikeKind]int `json:"strikes"`
	// Statements is how many (wallet, window) the subject led and was heard in, and Heard how often, repetitions and
	// relayed copies included.
	Statements int `json:"statements"`
	Heard      int `json:"heard"`
	// Doubles is how many (wallet, window) more than one payload was heard for, of whichever operator.
	Doubles int `json:"double_payloads"`
	// Lost is how many (wallet, window) ended for the subject without an agreement, or which it led and nobody heard it.
	Lost int `json:"lost_windows"`
	// Accused is how many attributed faults some node has recorded. Everybody is honest.
	Accused int `json:"honest_accused"`
	// Orphans is how many wallets of an instance that ended nobody had taken over when the window did.
	Orphans int `json:"orphans"`
	// Signed is how many (wallet, window) the subject has a signature of, and DoubleSigned for how many of them all the signers of all
	// operators are bound to more than one intent, or nodes have more than one. Without signers both are 0.
	Signed       int `json:"signed"`
	DoubleSigned int `json:"double_signed"`
	// Restarts is how often an instance ended by itself with a failure that may pass, and was started again. The database must
	// have been away.
	Restarts int `json:"restarts"`
	// TakeOvers is how long each wallet of a killed instance waited for another owner, HandOvers each of one that was asked
	// to end, and Hampered either in rounds in which the database was away, too. In ms.
	TakeOvers []int64 `json:"take_over_ms"`
	HandOvers []int64 `json:"hand_over_ms"`
	Hampered  []int64 `json:"hampered_ms"`
}

// roundFacts is everything that a round is judged by.
type roundFacts struct {
	window    coordination.Window
	subject   chain.Operator
	elections []election
	nodes     []nodeFacts
	round     round
	heard     func(topic) (payloads, times int)
}

// judgeRound counts what a round was about, and says what must not have been. It is a pure function of what the network
// heard, what the database showed and what the nodes recorded; nobody is asked how they fared.
func judgeRound(f roundFacts) (r Round, differences []string) {
	differ := func(format string, args ...any) {
		differences = append(differences, fmt.Sprintf("window %d: ", f.window.Block)+fmt.Sprintf(format, args...))
	}
	r.Strikes = make(map[StrikeKind]int)
	for _, s := range f.round.strikes {
		r.Strikes[s.Kind]++
	}
	for _, e := range f.elections {
		for _, n := range f.nodes {
			payloads, times := f.heard(topic{n.Operator, e.wallet.ID(), f.window.Block})
			r.Heard += times
			if payloads > 1 {
				r.Doubles++
				differ("%d different payloads of operator %v were heard for wallet %v", payloads, n.Operator, e.wallet.ID())
			}
			if n.Operator != f.subject {
				continue
			}
			if e.leader == f.subject && payloads > 0 {
				r.Statements++
			}
			if why := lost(e, n, payloads); why != "" {
				r.Lost++
				differ("wallet %v is lost: %s", e.wallet.ID(), why)
			}
		}
	}
	for _, n := range f.nodes {
		for _, row := range n.Detail.Wallets {
			for _, record := range row.Records {
				if record.Attributed {
					r.Accused++
					differ("operator %v accuses %v of %s in wallet %v", n.Operator, record.Culprit, record.Kind, row.Wallet)
				}
			}
		}
	}
	for _, e := range f.elections {
		r.sign(f, e.wallet.ID(), differ)
	}
	r.settle(f.round)
	for _, o := range f.round.orphans {
		r.Orphans++
		differ("nobody took wallet %v over from instance %s, which ended", o.wallet, o.instance)
	}
	for _, e := range f.round.ends {
		r.Restarts++
		if !e.missed {
			differ("the database was there, and nothing else had ended it: %v", e.why)
		}
	}
	return r, differences
}

// sign counts what was signed for a wallet.
func (r *Round) sign(f roundFacts, wallet chain.WalletID, differ func(string, ...any)) {
	intents := slices.Clone(f.round.bound[wallet])
	for _, n := range f.nodes {
		s := n.signed(wallet)
		if s.Digest != (signer.Digest{}) && !slices.Contains(intents, s.Digest) {
			intents = append(intents, s.Digest)
		}
		if n.Operator == f.subject && len(s.Signed) > 0 {
			r.Signed++
		}
	}
	if len(intents) > 1 {
		r.DoubleSigned++
		differ("signers and nodes have %d different intents of wallet %v, which are signed in one window: %v", len(intents), wallet, intents)
	}
}

// lost says why a wallet's window is lost to the subject; empty if it is not.
func lost(e election, n nodeFacts, payloads int) string {
	for _, row := range n.Detail.Wallets {
		if row.Wallet != e.wallet.ID() {
			continue
		}
		switch {
		case row.Open:
			return "it has no result"
		case row.Reason != coordination.ReasonOK && row.Reason != coordination.ReasonNoop:
			return fmt.Sprintf("it ended in %s (%s)", row.Reason, row.Detail)
		case e.leader == n.Operator && payloads == 0:
			return "nobody heard the leader"
		}
		return ""
	}
	return "it has no record"
}

// settle enters the take-overs.
func (r *Round) settle(it round) {
	r.TakeOvers, r.HandOvers, r.Hampered = []int64{}, []int64{}, []int64{}
	takeOvers, handOvers := &r.TakeOvers, &r.HandOvers
	if slices.ContainsFunc(it.strikes, func(s Strike) bool { return s.Kind == StrikeDatabase }) {
		takeOvers, handOvers = &r.Hampered, &r.Hampered
	}
	for _, d := range it.takeOvers {
		*takeOvers = append(*takeOvers, d.Milliseconds())
	}
	for _, d := range it.handOvers {
		*handOvers = append(*handOvers, d.Milliseconds())
	}
}

// add counts another round.
func (r *Round) add(o Round) {
	if r.Strikes == nil {
		r.Strikes, r.TakeOvers, r.HandOvers, r.Hampered = make(map[StrikeKind]int), []int64{}, []int64{}, []int64{}
	}
	for kind, n := range o.Strikes {
		r.Strikes[kind] += n
	}
	r.Statements += o.Statements
	r.Heard += o.Heard
	r.Doubles += o.Doubles
	r.Lost += o.Lost
	r.Accused += o.Accused
	r.Orphans += o.Orphans
	r.Signed += o.Signed
	r.DoubleSigned += o.DoubleSigned
	r.Restarts += o.Restarts
	r.TakeOvers = append(r.TakeOvers, o.TakeOvers...)
	r.HandOvers = append(r.HandOvers, o.HandOvers...)
	r.Hampered = append(r.Hampered, o.Hampered...)
}

// percentile returns the value that p of 100 are not above; 0 of none.
func percentile(all []int64, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	at := (len(sorted)*p + 99) / 100
	return time.Duration(sorted[max(1, at)-1]) * time.Millisecond
}
