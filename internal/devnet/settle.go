package devnet

import (
	"context"
	"slices"

	"github.com/walletnode/walletnode/coordination"
)

// settle waits until every node has accounted for the window and every action has its outcome. It looks once per
// block, and gives up after some: what is lacking then is for the judge to say. Signatures have their time in blocks: while
// they are made the chain is slower.
func (a *act) settle(ctx context.Context) error {
	enough := a.window.End + patience
	signs := false
	if a.cfg.Enclaves > 0 {
		enough += lastWrites
		if signs = a.stage().signs(a.plan.silent); signs { // otherwise there is only to be waited
			a.leash.slow(a.cfg.signingPace())
		}
		defer a.leash.slow(0)
	}
	if a.scenario.proves { // comparisons take their time on the network, whatever the pace of blocks
		enough = a.meetAt(coordination.RFC12().Next(a.window.Block)) - 1
		a.leash.slow(comparingBlock)
		defer a.leash.slow(0)
	}
	for {
		height := a.clock.Height()
		done, err := a.settled(ctx)
		if err != nil || done || height >= enough {
			return err
		}
		if signs {
			if err := a.pace(ctx); err != nil {
				return err
			}
		}
		if err := a.clock.Until(ctx, height+1); err != nil {
			return err
		}
	}
}

func (a *act) settled(ctx context.Context) (bool, error) {
	for _, o := range a.operators {
		if o.running == nil {
			continue
		}
		if o.height(ctx) <= a.window.End {
			return false, nil
		}
		last, err := o.lastWindow(ctx)
		if err != nil || last < a.window.Block {
			return false, err
		}
		detail, err := o.record(ctx, a.window.Block)
		if err != nil {
			return false, err
		}
		for _, row := range detail.Wallets {
			if row.Open || row.Pending {
				return false, nil
			}
		}
	}
	return a.proved(ctx)
}

// facts reads what the nodes recorded, as anybody could, and what the chain has.
func (a *act) facts(ctx context.Context) (facts, error) {
	found := facts{Window: a.window, Safe: a.safe, MostFee: a.treasury.limits.TxMaxTotalFee, Deeds: a.deeds, Shares: a.holdings.shares}
	for _, e := range a.elections {
		purse, err := a.treasury.purse(ctx, e)
		if err != nil {
			return facts{}, err
		}
		found.Wallets = append(found.Wallets, walletFacts{Wallet: e.wallet, Due: e.due, Purse: purse, Poor: slices.Clone(a.holdings.poor[e.wallet.ID()])})
	}
	for _, o := range a.operators {
		detail, err := o.record(ctx, a.window.Block)
		if err != nil {
			return facts{}, err
		}
		signings, inactive, err := o.signings(ctx, a.wallets, a.window.Block)
		if err != nil {
			return facts{}, err
		}
		proofs, err := a.examine(ctx, o)
		if err != nil {
			return facts{}, err
		}
		found.Nodes = append(found.Nodes, nodeFacts{
			Operator: o.address, Down: slices.Contains(a.plan.down, o.address), First: a.first[o.address],
			Away: o.running == nil, Refuses: a.refusing[o.address], Detail: detail, Signs: len(o.enclaves) > 0, Signings: signings,
			Inactive: inactive, Proofs: proofs,
		})
	}
	return found, nil
}

// judge has the facts judged.
func (a *act) judge(facts facts) Report {
	report := Report{Window: a.window}
	for i, n := range facts.Nodes {
		report.Rows = append(report.Rows, rowsOf(a.window, a.everyWallet(), n)...)
		facts.Nodes[i].Detail = a.withoutGuests(n.Detail)
	}
	report.Differences = differences(a.cfg.Expect, facts)
	if a.chaos != nil {
		a.struck.ends = a.subject().fleet.takeEnds()
		a.struck.successions = a.chaos.registrar.settleAccounts()
		counted, differences := judgeRound(roundFacts{
			window: a.window, subject: a.subject().address, elections: a.elections, nodes: facts.Nodes, round: a.struck,
			heard: a.chaos.observer.of,
		})
		report.Strikes, report.Round = a.struck.strikes, &counted
		report.Differences = append(report.Differences, differences...)
	}
	return report
}
