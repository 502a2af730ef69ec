package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/node"
)

// endpoints asks all endpoints at once, as a node does at its start, and judges them by the node's own classifier. One
// that would not be used is a warning, for others stand in for it, and a failure where only the operator can mend it.
// Without a quorum a node takes no decision, which is a failure.
func (r *run) endpoints(ctx context.Context) {
	members, err := node.Members(r.Config, r.log)
	if err != nil {
		r.add("agreement", fail("check the headers_file of each of ethereum.multi.endpoints", "%v", err))
		return
	}
	multi := r.Config.Ethereum.Multi
	looks := lookAtAll(ctx, members, multi.PollDeadline)
	defer release(looks)
	evidence := table(looks, multi, r.Config.Ethereum.ChainID)
	ruling := quorum.Classify(evidence)
	if ring := below(ctx, looks, ruling, multi.PollDeadline); ring != nil {
		trace(ctx, looks, ring, multi.PollDeadline)
		evidence = table(looks, multi, r.Config.Ethereum.ChainID)
		evidence.Ring = ring
		ruling = quorum.Classify(evidence)
	}
	for i, l := range looks {
		v := judgeEndpoint(l, ruling.Findings[i], ruling)
		r.results = append(r.results, Result{r.area, "endpoint/" + l.member.Name, v.status, v.detail, v.hint, l.took()})
	}
	r.add("agreement", judgeAgreement(ruling))
}

// remedies say what to do about an endpoint that would not be used. Those with mend cannot pass by themselves.
var remedies = map[quorum.Reason]struct {
	todo string
	mend bool
}{
	quorum.WrongChain:          {"check its url and ethereum.chain_id", true},
	quorum.AuthFailed:          {"check the access key in its url or its headers_file", true},
	quorum.Malformed:           {"check that its url is a JSON-RPC endpoint, and that it answers batches", true},
	quorum.DNS:                 {"check the host in its url", true},
	quorum.TLS:                 {"check the scheme of its url, and its certificate", true},
	quorum.Refused:             {"check that it runs and may be reached from here", false},
	quorum.Timeout:             {"check that it runs and may be reached from here, or raise ethereum.multi.poll_deadline", false},
	quorum.RateLimited:         {"lower its rps, or have its vendor allow more requests", false},
	quorum.Slow:                {"use one that is nearer, or raise ethereum.multi.poll_deadline", false},
	quorum.Syncing:             {"wait until it has caught up", false},
	quorum.LaggingSameChain:    {"see whether it keeps up and has peers", false},
	quorum.AheadUncorroborated: {"check again; if it stays so, it follows a chain of its own", false},
	quorum.Unclassified:        {"check again once more than half of the vote groups agree", false},
	quorum.Isolated:            {"give it more peers", false},
	quorum.Clique:              {"give it peers that are not your own endpoints", false},
	quorum.Forked:              {"have its operator see which chain it follows, and resync it", false},
	quorum.NonLinking:          {"check again; if it stays so, its data is damaged", false},
	quorum.BadHeader:           {"do not trust it: the hash it claims for a block is not that block's", false},
	quorum.TagOrder:            {"have its operator see why its safe or finalized block is above its newest", false},
}

// judgeEndpoint says what a node would find of an endpoint at its start.
func judgeEndpoint(l look, found quorum.Finding, ruling quorum.Ruling) verdict {
	if found.Status == quorum.Healthy {
		return pass("%s", l.describe(found))
	}
	detail := string(found.Reason)
	switch {
	case l.err != nil:
		detail += ": " + l.err.Error()
	case found.Reason == quorum.Forked:
		detail += ": " + l.fork(found, ruling)
	default:
		detail += ": " + l.describe(found)
	}
	remedy := remedies[found.Reason]
	if remedy.mend {
		return fail(remedy.todo, "%s", detail)
	}
	return warn(remedy.todo, "%s", detail)
}

// describe says what an endpoint showed: head, lag, chain, peers, tags and time.
func (l look) describe(found quorum.Finding) string {
	s := l.sight
	text := []string{fmt.Sprintf("block %d", s.Head.Height)}
	if found.Lag > 0 {
		text[0] += fmt.Sprintf(" (%d behind)", found.Lag)
	}
	text = append(text, fmt.Sprintf("chain %d", s.ChainID))
	if s.Peers != nil && s.Peers.Known {
		text = append(text, fmt.Sprintf("%d peers", s.Peers.Count))
	} else {
		text = append(text, "peers not told")
	}
	for _, tag := range []struct {
		name   string
		header chain.Header
	}{{"safe", s.Safe}, {"finalized", s.Finalized}} {
		if tag.header == (chain.Header{}) {
			text = append(text, tag.name+" not told")
		} else {
			text = append(text, fmt.Sprintf("%s %d", tag.name, tag.header.Height))
		}
	}
	return strings.Join(append(text, s.Took.Round(time.Millisecond).String()), ", ")
}

// fork says where an endpoint disagrees.
func (l look) fork(found quorum.Finding, ruling quorum.Ruling) string {
	text := l.describe(found)
	switch {
	case found.Depth > 0:
		text = fmt.Sprintf("left the agreed chain %d blocks ago; %s", found.Depth, text)
	case found.Beyond > 0:
		text = fmt.Sprintf("left the agreed chain more than %d blocks ago; %s", found.Beyond, text)
	}
	if own, known := l.view.At(ruling.Agreed.Height); ruling.Quorum && known {
		text += fmt.Sprintf("; its block %d is %v, agreed is %v", ruling.Agreed.Height, own, ruling.Agreed.Hash)
	}
	return text
}

// enough is how many endpoints must be usable for reads to be checked against each other.
const enough = 3

func judgeAgreement(ruling quorum.Ruling) verdict {
	usable := 0
	for _, f := range ruling.Findings {
		if f.Status == quorum.Healthy {
			usable++
		}
	}
	switch {
	case !ruling.Quorum:
		return fail("mend the endpoints above, or add some: more than half of the vote groups must answer and agree",
			"no quorum: %d of %d vote groups agree, %d are needed; a node takes no decision", ruling.Votes, ruling.Groups, ruling.Needed)
	case usable < enough:
		return warn("mend the endpoints above, or add some",
			"degraded_single: %d endpoints are usable, %d are needed; reads rest on one alone", usable, enough)
	}
	return pass("block %d, agreed by %d of %d vote groups, %d are needed; %d of %d endpoints are usable",
		ruling.Agreed.Height, ruling.Votes, ruling.Groups, ruling.Needed, usable, len(ruling.Findings))
}
