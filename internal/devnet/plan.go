package devnet

import (
	"log/slog"
	"math/big"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

// stage is what a scenario knows when it decides what will happen in a window: the seed block exists, block c does
// not.
type stage struct {
	window    coordination.Window
	operators []chain.Operator
	elections []election
	refused   []chain.Operator // whom honest nodes refuse until block c, because of the window before
	shares    []share          // where the wallets' shares are; none if nobody signs
	threshold int              // seats that a signature takes
}

// plan is what happens in one window. A pure function of the stage makes it; the director carries it out.
type plan struct {
	down    []chain.Operator // whose nodes do not run in this window
	parts   []part           // what is done with their keys
	restart chain.Operator   // whose node is killed and started again within the active phase
	skip    chain.Operator   // whose endpoint loses the heads of the window's first blocks
	late    chain.Operator   // whose node is down until within the active phase
	stall   chain.Operator   // whose endpoint shows no block of the active phase
	slow    chain.Operator   // whose node's database is held up from outside
	sides   sides            // that cannot reach each other, from before the window; none if the network is whole
	heals   bool             // within the active phase; else the sides are apart until the window is over
	silent  []share          // signers that are stopped, from before the window until its actions are over
	cheats  bool             // crooks are in place of signers
	ill     illness          // of the nodes' endpoints, from before the seed block until the window is over
	reorg   bool             // the chain replaces the blocks from before the window up to its head
}

// LogValue implements slog.LogValuer with what there is in the plan.
func (p plan) LogValue() slog.Value {
	var attrs []slog.Attr
	if len(p.down) > 0 {
		attrs = append(attrs, slog.Any("down", p.down))
	}
	for _, it := range p.parts {
		attrs = append(attrs, slog.Group("actor", "operator", it.operator, "audience", it.audience, "lines", len(it.lines)))
	}
	if !p.restart.IsZero() {
		attrs = append(attrs, slog.Any("restart", p.restart))
	}
	if !p.skip.IsZero() {
		attrs = append(attrs, slog.Any("skip", p.skip))
	}
	if !p.late.IsZero() {
		attrs = append(attrs, slog.Any("late", p.late))
	}
	if !p.stall.IsZero() {
		attrs = append(attrs, slog.Any("stall", p.stall))
	}
	if !p.slow.IsZero() {
		attrs = append(attrs, slog.Any("slow", p.slow))
	}
	if p.parted() {
		attrs = append(attrs, slog.Any("sides", p.sides), slog.Bool("heals", p.heals))
	}
	if len(p.silent) > 0 {
		attrs = append(attrs, slog.Any("silent", p.silent))
	}
	if p.cheats {
		attrs = append(attrs, slog.Bool("cheats", true))
	}
	if p.ill.count > 0 {
		attrs = append(attrs, slog.Any("ill", p.ill))
	}
	if p.reorg {
		attrs = append(attrs, slog.Bool("reorg", true))
	}
	return slog.GroupValue(attrs...)
}

// parted reports whether the network is cut in two.
func (p plan) parted() bool { return len(p.sides[0]) > 0 }

// part is one instance that speaks with an operator's key.
type part struct {
	operator chain.Operator
	audience []chain.Operator // whose nodes it connects to
	lines    []line           // none: it is there, and silent
	flood    *flood           // what it does besides
}

// line is one message that an actor says and repeats as an honest leader would.
type line struct {
	wallet   chain.WalletID
	seat     chain.Seat // as claimed
	proposal proposal.Proposal
}

// lastHonest is how many honest nodes a plan leaves at least: one alone has nobody to agree with.
const lastHonest = 2

// leadersTaken returns the leaders whose nodes are taken down: as many wallets' as leave enough honest nodes.
func (s stage) leadersTaken() []chain.Operator {
	var taken []chain.Operator
	for _, e := range s.elections {
		if !slices.Contains(taken, e.leader) && len(s.operators)-len(taken) > lastHonest {
			taken = append(taken, e.leader)
		}
	}
	return taken
}

// others returns the operators that are not among some.
func (s stage) others(some []chain.Operator) []chain.Operator {
	return slices.DeleteFunc(slices.Clone(s.operators), func(op chain.Operator) bool { return slices.Contains(some, op) })
}

// byTurns names the leader of the first wallet in odd windows, and in even ones an operator that leads nothing, so
// that both roles have their turn. If everybody leads something it is always the leader.
func (s stage) byTurns() chain.Operator {
	followers := s.others(s.leaders())
	if s.window.Index%2 == 1 || len(followers) == 0 {
		return s.elections[0].leader
	}
	return followers[int(s.window.Index/2)%len(followers)] //nolint:gosec // a remainder
}

func (s stage) leaders() []chain.Operator {
	var leaders []chain.Operator
	for _, e := range s.elections {
		if !slices.Contains(leaders, e.leader) {
			leaders = append(leaders, e.leader)
		}
	}
	return leaders
}

// calm leaves everybody alone.
func planCalm(stage) plan { return plan{} }

// idle leaders are connected and say nothing.
func planIdle(s stage) plan {
	p := plan{down: s.leadersTaken()}
	for _, op := range p.down {
		p.parts = append(p.parts, part{operator: op, audience: s.others(p.down)})
	}
	return p
}

// mistaken leaders take turns in what they do wrong.
func planMistaken(s stage) plan {
	p := plan{down: s.leadersTaken()}
	for _, op := range p.down {
		it := part{operator: op, audience: s.others(p.down)}
		for i, e := range s.elections {
			if e.leader == op {
				it.lines = append(it.lines, mistake(e, s.window, 2*s.window.Index+uint64(i))) //nolint:gosec // an index
			}
		}
		p.parts = append(p.parts, it)
	}
	return p
}

// An impostor is an operator that leads nothing, or at least not everything. It claims the leader's seat, then its own.
func planImpostor(s stage) plan {
	candidates := s.others(s.leaders())
	if len(candidates) == 0 {
		candidates = s.operators
	}
	op := candidates[int(s.window.Index)%len(candidates)] //nolint:gosec // a remainder
	p := plan{down: []chain.Operator{op}}
	it := part{operator: op, audience: s.others(p.down)}
	for _, e := range s.elections {
		if e.leader == op {
			continue
		}
		for _, seat := range []chain.Seat{e.wallet.LowestSeat(e.leader), e.wallet.LowestSeat(op)} {
			it.lines = append(it.lines, line{e.wallet.ID(), seat, proposal.Noop{}})
		}
	}
	p.parts = []part{it}
	return p
}

// Two-faced leaders speak through two instances, each connected to one half of the others.
func planTwoFaced(s stage) plan {
	p := plan{down: s.leadersTaken()}
	honest := s.others(p.down)
	half := len(honest) / 2
	for _, op := range p.down {
		for face, audience := range [][]chain.Operator{honest[:half], honest[half:]} {
			it := part{operator: op, audience: audience}
			for _, e := range s.elections {
				if e.leader == op {
					it.lines = append(it.lines, line{e.wallet.ID(), e.wallet.LowestSeat(op), acceptable(e, s.window, int64(face))})
				}
			}
			p.parts = append(p.parts, it)
		}
	}
	return p
}

// The same faces, and the halves cannot tell each other what they heard.
func planPartedFaces(s stage) plan {
	p := planTwoFaced(s)
	honest := s.others(p.down)
	p.sides = sides{honest[:len(honest)/2], honest[len(honest)/2:]}
	return p
}

func planRestart(s stage) plan { return plan{restart: s.byTurns()} }

func planSkippedHeads(s stage) plan { return plan{skip: s.byTurns()} }

func planLateNode(s stage) plan { return plan{late: s.byTurns()} }

func planStalledChain(s stage) plan { return plan{stall: s.byTurns()} }

func planSlowDisk(s stage) plan { return plan{slow: s.byTurns()} }

// The network is cut in two halves in odd windows, and is whole again before they are over. In even ones the first
// wallet's leader is cut off alone, for the whole window.
func planPartition(s stage) plan {
	leader := s.elections[0].leader
	others := s.others([]chain.Operator{leader})
	if s.window.Index%2 == 0 {
		return plan{sides: sides{{leader}, others}}
	}
	beside := (len(s.operators) - 1) / 2
	return plan{sides: sides{append([]chain.Operator{leader}, others[:beside]...), others[beside:]}, heals: true}
}

// A flooder is an operator that does not lead what it floods: with fresh statements in odd windows, and in even ones by
// replaying what leaders said. Who was cut off for the window before stays away; where it is who leads, nobody says anything that could be
// replayed.
func planFlood(s stage) plan {
	p := plan{down: slices.Clone(s.refused)}
	op, e := s.flooder()
	p.down = append(p.down, op)
	p.parts = []part{{operator: op, audience: s.others(p.down), flood: &flood{
		wallet: e.wallet.ID(), seat: e.wallet.LowestSeat(op), replays: s.window.Index%2 == 0 && !slices.Contains(p.down, e.leader),
	}}}
	return p
}

// flooder names an operator, if possible one that leads nothing, and a wallet that it does not lead, if possible one whose
// leader is not away.
func (s stage) flooder() (chain.Operator, election) {
	candidates := s.others(append(s.leaders(), s.refused...))
	if len(candidates) == 0 {
		candidates = s.others(append([]chain.Operator{s.elections[0].leader}, s.refused...))
	}
	op := candidates[int(s.window.Index)%len(candidates)] //nolint:gosec // a remainder
	for _, e := range s.elections {
		if e.leader != op && !slices.Contains(s.refused, e.leader) {
			return op, e
		}
	}
	return op, s.elections[0]
}

func planReorg(stage) plan { return plan{reorg: true} }

// smallFee is a redemption's fee in satoshi that no limit of the contracts forbids.
const smallFee = 1000

// acceptable returns one of several differing proposals that a follower would accept.
func acceptable(e election, w coordination.Window, variant int64) proposal.Proposal {
	switch {
	case len(e.due) > 0:
		return proposal.Redemption{OutputScripts: e.due, TxFee: big.NewInt(smallFee + variant)}
	case variant > 0 && e.allows(proposal.KindHeartbeat):
		return proposal.Heartbeat{Message: proposal.HeartbeatMessage(e.wallet.ID(), w.Block)}
	default:
		return proposal.Noop{}
	}
}

// mistake returns one of the leader's possible mistakes: an action that is not on the checklist, a seat that is not
// its lowest, a fee that the validator refuses, a request that does not exist.
func mistake(e election, w coordination.Window, variant uint64) line {
	own := e.wallet.LowestSeat(e.leader)
	switch variant % 4 {
	case 0:
		if p := offChecklist(e, w); p != nil {
			return line{e.wallet.ID(), own, p}
		}
		fallthrough // everything is on the checklist
	case 1:
		return line{e.wallet.ID(), wrongSeat(e), acceptable(e, w, 0)}
	case 2:
		if len(e.due) > 0 {
			return line{e.wallet.ID(), own, proposal.Redemption{OutputScripts: e.due, TxFee: big.NewInt(greedyFee)}}
		}
		fallthrough // nothing to ask a fee for
	default:
		return line{e.wallet.ID(), own, proposal.Redemption{OutputScripts: [][]byte{nobodysScript(w)}, TxFee: big.NewInt(smallFee)}}
	}
}

// greedyFee is above every limit that the devnet's contracts have, in satoshi.
const greedyFee = 100_000_000

// wrongSeat returns the leader's second seat, or if it has only one the next operator's.
func wrongSeat(e election) chain.Seat {
	if seats := e.wallet.SeatsOf(e.leader); len(seats) > 1 {
		return seats[1]
	}
	lowest := e.wallet.LowestSeat(e.leader)
	return chain.Seat(int(lowest)%e.wallet.Seats() + 1) //nolint:gosec // at most 255
}

// offChecklist returns a proposal of a kind that is not on the checklist; nil if all kinds are.
func offChecklist(e election, w coordination.Window) proposal.Proposal {
	for _, p := range []proposal.Proposal{
		proposal.Heartbeat{Message: proposal.HeartbeatMessage(e.wallet.ID(), w.Block)},
		proposal.MovingFunds{Targets: []chain.WalletID{e.wallet.ID()}, TxFee: big.NewInt(smallFee)},
		proposal.MovedFundsSweep{TxFee: big.NewInt(smallFee)},
	} {
		if !e.allows(p.Kind()) {
			return p
		}
	}
	return nil
}

// nobodysScript is the output script of a request that nobody made.
func nobodysScript(w coordination.Window) []byte {
	script := append([]byte{0x00, 0x14}, make([]byte, 20)...)
	script[2], script[3] = byte(w.Index>>8), byte(w.Index) //nolint:gosec // the low bytes
	return script
}
