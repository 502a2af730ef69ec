package devnet

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// ofEndpoint reports whether a deed is what one endpoint of a node did.
func (d deed) ofEndpoint() bool { return shows[d.Kind] != "" }

// unproven says what an ill endpoint's deed lacks; empty for nothing. It must have been ill from before the seed block to
// after the active phase, and its own log must show it, with the seed block where it tells blocks.
func (d deed) unproven(w coordination.Window) string {
	switch told := d.Told; {
	case d.From >= w.SeedBlock || d.To < w.ActiveEnd:
		return "not from before the seed block to after the active phase"
	case told.Times == 0:
		return "nothing was answered wrongly"
	case d.Kind == deedLie && (told.Lowest != w.SeedBlock || told.Highest != w.SeedBlock):
		return "not a lie about the seed block alone"
	case d.Kind == deedFork && (told.Lowest >= w.SeedBlock || told.Highest <= w.SeedBlock):
		return "not a branch on which the seed block lies"
	}
	return ""
}

// ailing returns the operators whose endpoints were ill, each with which.
func (j *judge) ailing() map[chain.Operator][]int {
	ailing := make(map[chain.Operator][]int)
	for _, d := range j.facts.Deeds {
		if d.ofEndpoint() {
			ailing[d.Operator] = append(ailing[d.Operator], d.Endpoint)
		}
	}
	return ailing
}

// endpoints demands that as many endpoints were ill as the scenario has it, the primary among them: of everybody if they
// are a minority, and otherwise of some.
func (j *judge) endpoints() {
	count := j.scenario.ill
	if count == 0 {
		return
	}
	ailing := j.ailing()
	for op, which := range ailing {
		slices.Sort(which)
		if len(slices.Compact(which)) != count || len(which) != count || which[0] != 0 || which[count-1] >= manyEndpoints {
			j.differ("of operator %v the endpoints %v were ill, want %d with the primary among them", op, which, count)
		}
	}
	sound := len(j.facts.Nodes) - len(ailing)
	switch {
	case count < majority && sound > 0:
		j.differ("the endpoints of %d operators were sound", sound)
	case count >= majority && sound < lastHonest:
		j.differ("the endpoints of %d operators were sound, want at least %d", sound, lastHonest)
	}
}

// blind reports whether most endpoints of an operator's node were ill: it has nobody to believe.
func (j *judge) blind(op chain.Operator) bool {
	return j.scenario.ill >= majority && len(j.ailing()[op]) > 0
}

// blindNode demands that a node which nobody vouched to has nothing of the window but the record of why.
func (j *judge) blindNode(n nodeFacts) {
	if n.Detail.Opened != nil || len(n.Detail.Wallets) > 0 {
		j.differ("operator %v had no quorum of endpoints and took part all the same", n.Operator)
	}
	if missed := n.Detail.Missed; missed == nil || missed.Reason != coordination.ReasonNoQuorum {
		j.differ("operator %v had no quorum of endpoints and did not record the window as missed because of that", n.Operator)
	}
}
