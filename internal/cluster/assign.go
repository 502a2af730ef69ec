package cluster

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Cause is why a wallet moves.
type Cause string

// The causes. Only balance waits for the time between windows: in the other cases nobody else serves the wallet.
const (
	CauseOrphan  Cause = "orphan"  // it has no owner, or the owner's session is over
	CauseHealth  Cause = "health"  // its owner cannot serve it
	CauseDrain   Cause = "drain"   // its owner gives everything away
	CauseBalance Cause = "balance" // another instance has at least two fewer
)

// Move changes a wallet's owner.
type Move struct {
	Wallet chain.WalletID
	From   Holder // as the plan found it; zero if nobody
	Epoch  Epoch  // as the plan found it; the move makes it one more
	To     Holder
	Cause  Cause
	// BarFrom is the index of the last window that the giver stays out of; 0 unless it moves for its health.
	BarFrom uint64
}

// Rules are the paces of a plan.
type Rules struct {
	// Settle is how long a new session waits before it takes wallets that others can serve: one lease, in which a restart
	// is told from a flutter.
	Settle time.Duration
	// Pace is the least time between two moves for balance.
	Pace time.Duration
}

// DefaultPace is one round of balancing per minute: joins and leaves of a rolling upgrade share one.
const DefaultPace = time.Minute

// barredWindows is how many windows, after the one in which it lost wallets for its health, an instance stays out of.
const barredWindows = 2

// plan returns the moves that make a view right: every wallet with an instance that can serve it, nobody with two more than
// anybody else, and nothing moved that need not be. It is a pure function, so that instances that see the same do the same;
// where they see different things, the epochs let one of them have its way.
func plan(v View, p phase, r Rules) []Move {
	plan := newPlanner(v, p, r)
	if len(plan.takers) == 0 {
		return nil // who has wallets keeps them: nobody could do better
	}
	plan.homeless()
	if p.Between && v.Rested >= r.Pace {
		plan.balance()
	}
	return plan.moves
}

// planner is one plan in the making.
type planner struct {
	phase   phase
	live    map[Holder]Member
	takers  []Holder       // who may be given wallets, in the order of their names
	kept    [][]Assignment // what each taker has or is given, by its place in takers
	adrift  []Assignment   // wallets whose owner does not serve them
	reserve []Assignment   // wallets that a standby serves although it need not any more
	moves   []Move
}

func newPlanner(v View, p phase, r Rules) *planner {
	plan := &planner{phase: p, live: make(map[Holder]Member), takers: takers(v.Members, p, r)}
	for _, m := range v.Members {
		if m.Live() {
			plan.live[m.Holder] = m
		}
	}
	plan.kept = make([][]Assignment, len(plan.takers))
	wallets := slices.Clone(v.Wallets)
	slices.SortFunc(wallets, func(a, b Assignment) int { return slices.Compare(a.Wallet[:], b.Wallet[:]) })
	for _, a := range wallets {
		owner, live := plan.live[a.Owner]
		if i := slices.Index(plan.takers, a.Owner); i >= 0 {
			plan.kept[i] = append(plan.kept[i], a)
		} else if !live || !owner.Healthy || owner.Draining {
			plan.adrift = append(plan.adrift, a)
		} else if owner.Standby {
			plan.reserve = append(plan.reserve, a)
		} // an owner that is new or barred, and serves, keeps what it has until it is a taker itself
	}
	return plan
}

// takers returns who may be given wallets: who is live, healthy, reconciled and not draining. Of these it prefers those
// that are not barred, then the active to the standbys, then the settled to the new.
func takers(members []Member, p phase, r Rules) []Holder {
	able := slices.DeleteFunc(slices.Clone(members), func(m Member) bool {
		return !m.Live() || !m.Healthy || m.Draining || !m.Reconciled
	})
	able = prefer(able, func(m Member) bool { return p.Window > m.BarredThrough || m.BarredThrough == 0 })
	able = prefer(able, func(m Member) bool { return !m.Standby })
	able = prefer(able, func(m Member) bool { return m.Age >= r.Settle })
	holders := make([]Holder, len(able))
	for i, m := range able {
		holders[i] = m.Holder
	}
	slices.SortFunc(holders, func(a, b Holder) int { return cmp.Compare(a.Instance, b.Instance) })
	return holders
}

// prefer keeps the members that the condition holds for, or all if it holds for none: one instance alone serves all.
func prefer(members []Member, condition func(Member) bool) []Member {
	preferred := slices.DeleteFunc(slices.Clone(members), func(m Member) bool { return !condition(m) })
	if len(preferred) == 0 {
		return members
	}
	return preferred
}

// homeless gives each wallet that nobody serves to a taker with the fewest.
func (p *planner) homeless() {
	for _, a := range p.adrift {
		move := Move{Wallet: a.Wallet, From: a.Owner, Epoch: a.Epoch, Cause: CauseOrphan}
		switch owner, live := p.live[a.Owner]; {
		case live && owner.Draining:
			move.Cause = CauseDrain
		case live:
			move.Cause, move.BarFrom = CauseHealth, p.phase.Window+barredWindows
		}
		p.give(move, a, p.least(a.Wallet))
	}
}

// balance takes what standbys need not serve any more, and then moves one wallet at a time from a taker with the most to
// one with the fewest, while they are more than one apart. No other order reaches that with fewer moves.
func (p *planner) balance() {
	for _, a := range p.reserve {
		p.give(Move{Wallet: a.Wallet, From: a.Owner, Epoch: a.Epoch, Cause: CauseBalance}, a, p.least(a.Wallet))
	}
	given := make(map[chain.WalletID]bool) // this plan's own gifts stay where they are: each wallet moves once
	for _, m := range p.moves {
		given[m.Wallet] = true
	}
	for {
		from, to := p.extremes()
		if len(p.kept[from]) <= len(p.kept[to])+1 {
			return
		}
		i := dearest(p.kept[from], p.takers[to], given)
		if i < 0 {
			return // all it has was given to it just now, and so to whoever had the fewest
		}
		a := p.kept[from][i]
		p.kept[from] = slices.Delete(p.kept[from], i, i+1)
		given[a.Wallet] = true
		p.give(Move{Wallet: a.Wallet, From: a.Owner, Epoch: a.Epoch, Cause: CauseBalance}, a, to)
	}
}

// give books a move to the taker at a place.
func (p *planner) give(m Move, a Assignment, to int) {
	m.To = p.takers[to]
	p.kept[to] = append(p.kept[to], a)
	p.moves = append(p.moves, m)
}

// least returns the place of a taker with the fewest wallets; of several, the one that the wallet ranks highest.
func (p *planner) least(wallet chain.WalletID) int {
	best, bestRank := 0, uint64(0)
	for i, h := range p.takers {
		switch n := len(p.kept[i]) - len(p.kept[best]); {
		case i == 0 || n < 0:
			best, bestRank = i, rank(wallet, h.Instance)
		case n == 0:
			if r := rank(wallet, h.Instance); r > bestRank {
				best, bestRank = i, r
			}
		}
	}
	return best
}

// extremes returns the places of a taker with the most wallets and one with the fewest; of several, the first by name.
func (p *planner) extremes() (most, fewest int) {
	for i := range p.kept {
		if len(p.kept[i]) > len(p.kept[most]) {
			most = i
		}
		if len(p.kept[i]) < len(p.kept[fewest]) {
			fewest = i
		}
	}
	return most, fewest
}

// dearest returns the place of the wallet that ranks the taker highest, among those that may still move; -1 if none may.
func dearest(wallets []Assignment, taker Holder, given map[chain.WalletID]bool) int {
	best, bestRank := -1, uint64(0)
	for i, a := range wallets {
		if given[a.Wallet] {
			continue
		}
		if r := rank(a.Wallet, taker.Instance); best < 0 || r > bestRank {
			best, bestRank = i, r
		}
	}
	return best
}

// rank is the rendezvous hash of a wallet and an instance. Instances of different versions plan side by side, so it never
// changes: the first eight bytes, big endian, of SHA-256(wallet, name).
func rank(wallet chain.WalletID, id InstanceID) uint64 {
	sum := sha256.Sum256(append(wallet[:], id...))
	return binary.BigEndian.Uint64(sum[:8])
}
