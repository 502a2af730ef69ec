package quorum

import (
	"cmp"

	"github.com/walletnode/walletnode/chain"
)

// scene is one answered row beside the chain it is compared with.
type scene struct {
	Row
	place     place
	lag, lead chain.Height // its head below or above the chain's top
}

func (c *court) see(row Row) scene {
	s := scene{Row: row}
	if !c.compare {
		return s
	}
	s.place = c.chain.compare(row.View)
	if c.remember && !s.place.met && !s.place.forked {
		// Below the agreed chain's known part, what was agreed before still tells lag from fork.
		s.place = c.before.compare(row.View)
	}
	head := row.View.Head().Height
	s.lag = max(c.chain.top, head) - head
	s.lead = max(c.chain.top, head) - c.chain.top
	return s
}

// checks are all that can be wrong with an endpoint that answers, the worse before the less bad.
var checks = []struct {
	reason Reason
	of     func(*court, scene) weight
}{
	{WrongChain, (*court).wrongChain},
	{BadHeader, badHeader},
	{Forked, forked},
	{FalseTip, (*court).falseTip},
	{NonLinking, doesNotLink},
	{FinalityRegressed, regressed},
	{TagOrder, tagOrder},
	{Syncing, syncing},
	{Stalled, (*court).stalled},
	{AheadUncorroborated, (*court).ahead},
	{LaggingSameChain, (*court).lagging},
	{Unclassified, unclassified},
	{Clique, (*court).clique},
	{Isolated, (*court).isolated},
	{Slow, (*court).slow},
}

func when(condition bool, w weight) weight {
	if condition {
		return w
	}
	return nothing
}

func (c *court) wrongChain(s scene) weight {
	return when(c.chainID != 0 && s.Sight.ChainID != c.chainID, hard)
}

func badHeader(_ *court, s scene) weight { return when(s.Sight.Disputed != 0, hard) }

func forked(_ *court, s scene) weight { return when(s.place.forked, hard) }

// falseTip is what a race for the tip cannot be told from at any one moment: it takes many.
func (c *court) falseTip(s scene) weight {
	return when(s.FalseTips >= cmp.Or(c.rules.FalseTips, falseTips), hard)
}

// doesNotLink is soft: an endpoint that changes branches while it answers shows parts of both, once.
func doesNotLink(_ *court, s scene) weight {
	_, broken := s.View.nonLinking()
	return when(broken || s.place.broken, soft)
}

func regressed(_ *court, s scene) weight { return when(s.Regressed, hard) }

// tagOrder is soft: a balancer may ask two backends for the parts of one answer.
func tagOrder(_ *court, s scene) weight {
	newest, safe, finalized := s.Sight.Head.Height, s.Sight.Safe, s.Sight.Finalized
	told := safe.Hash != (chain.Hash{})
	return when(safe.Height > newest || finalized.Height > newest || told && finalized.Height > safe.Height, soft)
}

func syncing(_ *court, s scene) weight { return when(s.Sight.Syncing, hard) }

// late is how much a lag counts.
func (c *court) late(s scene) weight {
	switch {
	case !s.place.met || s.lag <= c.rules.GraceLag:
		return nothing
	case s.lag < c.rules.LagAtOnce:
		return soft
	}
	return hard
}

// stalled is a lag of an endpoint whose head stands still, and whose head alone does.
func (c *court) stalled(s scene) weight {
	still := s.HeadSince >= c.rules.StallAfter && s.AgreedSince < s.HeadSince
	return when(still, c.late(s))
}

func (c *court) lagging(s scene) weight { return c.late(s) }

// ahead is soft: whoever sees a block first has nobody beside it for a moment. Without a quorum there is no measure for
// an endpoint that continues the agreed chain, for that one stands still.
func (c *court) ahead(s scene) weight {
	if !c.quorum && s.place.met {
		return nothing
	}
	return when(c.compare && s.lead >= max(c.rules.LeadTwice, leadTwice), soft)
}

// unclassified is soft: the headers that link it to what is agreed may be on their way.
func unclassified(_ *court, s scene) weight { return when(!s.place.met, soft) }

func (c *court) slow(s scene) weight { return when(s.Sight.Took > c.rules.SlowAfter, soft) }
