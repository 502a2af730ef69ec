package devnet

import (
	"slices"
	"strings"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
)

// Scenario is the name of something that can happen on a devnet, for people.
type Scenario struct {
	Name    string
	Happens string // what happens
	Records string // what every node must record
}

// scenario is one row of the table: what happens, and what every honest node must record of it.
type scenario struct {
	Scenario
	operators int // the fewest it can be played with
	endpoints int // of each node's own that can be ill; 0: all use the chain's
	ill       int // how many of those fall ill before the seed block; 0: none
	// many says that an operator may have many instances: at most all of them are down for a window.
	many bool
	// signs says that operators may have signers: then every agreed action must be signed.
	signs bool
	frost bool // what happens is told in FROST's rounds
	// enclaves and wallets are the fewest it can be played with; 0 if nobody has to sign.
	enclaves, wallets int
	retires           bool // signers, before the last wallet is made
	draws             bool // a seed block that puts a heartbeat on the checklist; then nobody asks for redemptions
	inactive          bool // heartbeats lack the same signers each time
	proves            bool // that an operator signed two things: whoever is of the wallet has the proof in the end
	plan              func(stage) plan
	expect            expectation
}

// parted reports whether the network is cut in two.
func (s scenario) parted() bool {
	return s.expect.deed == deedPartition || s.expect.with == deedPartition
}

// expectation is what the judge demands of a window. Leader, checklist and culprit are not in it: they follow from the
// chain and from who signed.
type expectation struct {
	deed deedKind // what must have been done, at least once in every window; empty: nothing at all
	with deedKind // what may be done besides; empty: nothing
	// alternates says that the deed is done in odd windows, and what may be done besides in even ones.
	alternates bool
	// refutes says why the deeds on one wallet are not the misdeed of this scenario; empty if they are. Nil where
	// deeds are done to nodes and not to wallets.
	refutes func(election, []deed) string
	// agreed says that the leader's own proposal is agreed on all the same; reason is then not used.
	agreed bool
	reason coordination.Reason // of an attacked wallet
	fault  faults.Kind         // of whoever did the deed; empty for none
}

// scenarios is the table. docs/scenarios.md is generated from it, and a test holds the two together.
var scenarios = []scenario{
	{
		Scenario: Scenario{
			"calm", "All operators are honest and nothing breaks.",
			"The leader's proposal, the same on every node, no fault; the action ends as `no_signer`. With `--enclaves` it ends as `ok`, with a valid signature for exactly what was agreed on, the same transaction on every node.",
		},
		operators: 1,
		many:      true,
		signs:     true,
		plan:      planCalm,
		expect:    expectation{agreed: true},
	},
	{
		Scenario: Scenario{
			"idle-leader", "The elected leaders are connected and say nothing.",
			"Reason `leader_idle`; the attributed fault `leader_idle` of the leader; no action.",
		},
		operators: lastHonest + 1,
		many:      true,
		plan:      planIdle,
		expect: expectation{
			deed: deedSilence, refutes: refuteSilence,
			reason: coordination.ReasonLeaderIdle, fault: faults.LeaderIdle,
		},
	},
	{
		Scenario: Scenario{
			"mistaken-leader", "The elected leaders propose an action off the checklist, speak from a wrong seat, ask too high a fee, or pay a request that does not exist, by turns.",
			"Reason `leader_mistake`; the attributed fault `leader_mistake` of the leader, with its message as evidence; no action.",
		},
		operators: lastHonest + 1,
		many:      true,
		plan:      planMistaken,
		expect: expectation{
			deed: deedStatement, refutes: refuteMistake,
			reason: coordination.ReasonLeaderMistake, fault: faults.LeaderMistake,
		},
	},
	{
		Scenario: Scenario{
			"impostor", "An operator that does not lead sends one no-op from the leader's seat and one from its own.",
			"The leader's proposal, as in calm; and the attributed fault `leader_impersonation` of the impostor, with its message as evidence.",
		},
		operators: lastHonest + 1,
		many:      true,
		plan:      planImpostor,
		expect: expectation{
			deed: deedStatement, refutes: refuteImpostor,
			agreed: true, fault: faults.LeaderImpersonation,
		},
	},
	{
		Scenario: Scenario{
			"two-faced-leader", "The elected leaders send one valid proposal to one half of the others, and a different valid one to the other half.",
			"Reason `leader_equivocation`; the attributed fault `leader_equivocation` of the leader, with both messages as evidence; no action.",
		},
		operators: lastHonest + 1,
		many:      true,
		plan:      planTwoFaced,
		expect: expectation{
			deed: deedStatement, refutes: refuteTwoFaces,
			reason: coordination.ReasonLeaderEquivocation, fault: faults.LeaderEquivocation,
		},
	},
	{
		Scenario: Scenario{
			"two-faced-leader-partitioned", "As in two-faced-leader; and from before block c until nothing of the window is said any more, at block c+99, no operator of one half reaches one of the other. What crosses then are heads, comparisons and proofs.",
			"Each half: the proposal that was said to it, and no fault, for it has heard nothing else. Before the next window's leaders are known everybody holds the proof `two_statements` against the leader and no other one, and `walletnode evidence verify`, a process of its own, ends with exit code 0.",
		},
		operators: lastHonest + 1,
		proves:    true,
		plan:      planPartedFaces,
		expect:    expectation{deed: deedStatement, with: deedPartition, refutes: refuteTwoFaces, agreed: true},
	},
	{
		Scenario: Scenario{
			"restart", "A node that runs as a process of its own is killed (SIGKILL) within the active phase and started again 5 blocks later: the first wallet's leader, after it has spoken, and a follower, after it has heard, by turns.",
			"As in calm, on the restarted node too: a restarted leader sends the same bytes again.",
		},
		operators: 2,
		plan:      planRestart,
		expect:    expectation{deed: deedRestart, agreed: true},
	},
	{
		Scenario: Scenario{
			"skipped-heads", "One node's endpoint loses the heads of blocks c to c+20: the first wallet's leader's, and a follower's, by turns.",
			"As in calm, on that node too, which opens the window at the first head it sees.",
		},
		operators: 2,
		endpoints: 1,
		plan:      planSkippedHeads,
		expect:    expectation{deed: deedSkippedHeads, agreed: true},
	},
	{
		Scenario: Scenario{
			"late-node", "A node is started at block c+15, when everybody else has opened the window: the first wallet's leader's, and a follower's, by turns.",
			"As in calm, on the late node too: it opens the window at c+15, then leads, or hears the leader's repetition and accuses nobody.",
		},
		operators: 2,
		plan:      planLateNode,
		expect:    expectation{deed: deedLateStart, agreed: true},
	},
	{
		Scenario: Scenario{
			"stalled-chain", "One node's endpoint shows none of the blocks c to c+79, not when asked for the latest either: the first wallet's leader's, and a follower's, by turns.",
			"That node: the window is missed, `chain_stalled`, and it accuses nobody. The others: as in calm; where that node leads, `leader_idle` with the attributed fault of its operator.",
		},
		operators: lastHonest + 1,
		endpoints: 1,
		plan:      planStalledChain,
		expect:    expectation{deed: deedStalledChain, agreed: true},
	},
	{
		Scenario: Scenario{
			"reorg", "At block c+10, when everybody has heard the leaders, the chain replaces the blocks c-7 to c+10 by others.",
			"As in calm: nobody opens the window again, and the leaders stay the same, since their seed block does.",
		},
		operators: 1,
		many:      true,
		plan:      planReorg,
		expect:    expectation{deed: deedReorg, agreed: true},
	},
	{
		Scenario: Scenario{
			"slow-disk", "Another program keeps one node from writing to its database, from before block c until every other node has written down that the window is open, and then for 8 of every 16 blocks to the end of the active phase and beyond: the first wallet's leader's, and a follower's, by turns.",
			"As in calm, on that node too: it waits for its disk, then leads, or hears the leader.",
		},
		operators: 2,
		plan:      planSlowDisk,
		expect:    expectation{deed: deedSlowDisk, agreed: true},
	},
	{
		Scenario: Scenario{
			"partition", "From before block c no operator of one side reaches one of the other. In odd windows the sides are two halves, and the network is whole again at block c+25; in even ones the first wallet's leader is alone on its side until the window is over.",
			"Odd windows: as in calm, and the side without the leader hears its repetition at c+25 or later. Even ones: who is on the leader's side, as in calm; a leader alone ends with `no_peers`; who is alone without the leader ends with `no_peers` and the fault `leader_idle` unattributed; who has company without the leader ends with `leader_idle` and that fault attributed.",
		},
		operators: lastHonest + 1,
		plan:      planPartition,
		expect:    expectation{deed: deedPartition, agreed: true},
	},
	{
		Scenario: Scenario{
			"rpc-liar", "Each node has five endpoints that check each other. Two of each, the primary among them, tell the same wrong block c-32, which hashes right, from before there is one until the window is over.",
			"As in calm, on every node.",
		},
		operators: 2, endpoints: manyEndpoints, ill: minority,
		plan:   planMinority(deedLie),
		expect: expectation{deed: deedLie, agreed: true},
	},
	{
		Scenario: Scenario{
			"rpc-fork", "Of each node's five endpoints two, the primary among them, are on a branch of their own that left the chain at block c-38, until the window is over.",
			"As in calm, on every node.",
		},
		operators: 2, endpoints: manyEndpoints, ill: minority,
		plan:   planMinority(deedFork),
		expect: expectation{deed: deedFork, agreed: true},
	},
	{
		Scenario: Scenario{
			"rpc-blackhole", "Of each node's five endpoints two, the primary among them, take questions and answer none, from block c-36 until the window is over.",
			"As in calm, on every node.",
		},
		operators: 2, endpoints: manyEndpoints, ill: minority,
		plan:   planMinority(deedBlackhole),
		expect: expectation{deed: deedBlackhole, agreed: true},
	},
	{
		Scenario: Scenario{
			"rpc-minority-down", "Of each node's five endpoints two, the primary among them, are out of reach from block c-36 until the window is over.",
			"As in calm, on every node.",
		},
		operators: 2, endpoints: manyEndpoints, ill: minority,
		plan:   planMinority(deedCut),
		expect: expectation{deed: deedCut, agreed: true},
	},
	{
		Scenario: Scenario{
			"rpc-majority-down", "Of some nodes' five endpoints three, the primary among them, are out of reach from block c-36 until the window is over: of half of the nodes, in rotation, since nobody knows yet who will lead.",
			"Those nodes: the window is missed, `no_quorum`, they accuse nobody, and the next window is theirs again. The others: as in calm; where one of those nodes leads, `leader_idle` with the attributed fault of its operator.",
		},
		operators: lastHonest + 1, endpoints: manyEndpoints, ill: majority,
		plan:   planMajority,
		expect: expectation{deed: deedCut, agreed: true},
	},
	{
		Scenario: Scenario{
			"flood", "An operator of the wallet that does not lead it floods the wallet's channel until nobody is connected to it any more: in odd windows with ever new statements, in even ones with replays, byte for byte, of what leaders said in this window and the one before (with new statements if all leaders are away, who were cut off before).",
			"The leader's proposal, as in calm, and nobody else suffers: every node's list of peers has the flooder's instance as refused, and nobody of another operator. With new statements also the attributed fault `leader_impersonation` of the flooder, with one of its messages as evidence; a replay is nobody's fault.",
		},
		operators: lastHonest + 2,
		plan:      planFlood,
		expect: expectation{
			deed: deedFlood, with: deedStatement, refutes: refuteFlood,
			agreed: true, fault: faults.LeaderImpersonation,
		},
	},
	{
		Scenario: Scenario{
			"enclave-down", "One signer of one operator is stopped before block c and started again when the actions are over, by turns: one with shares of the first wallet, without which every wallet has its quorum if there is such a one.",
			"That operator's node: `signer_unavailable` of the wallets whose shares the signer holds. The others: as in calm with signers; `expired` if the seats that are left are too few.",
		},
		operators: lastHonest + 1, enclaves: 1, signs: true,
		plan:   planSignerDown,
		expect: expectation{deed: deedSignerDown, agreed: true},
	},
	{
		Scenario: Scenario{
			"enclave-retired", "Before the last wallet is made, every operator retires the signer that holds its shares of the first one.",
			"As in calm with signers: the last wallet's shares are with others, and the retired ones go on signing for the first.",
		},
		operators: 2, enclaves: 2, wallets: 2, signs: true, retires: true,
		plan:   planCalm,
		expect: expectation{deed: deedRetired, agreed: true},
	},
	{
		Scenario: Scenario{
			"signers-below-quorum", "In odd windows so many signers are stopped before block c that no wallet has its quorum; they run again when the actions are over.",
			"Odd windows: `signer_unavailable` of the wallets whose shares a stopped signer holds, `expired` of the others, and nothing is signed. Even windows: as in calm with signers, for the requests of both windows.",
		},
		operators: lastHonest + 1, enclaves: 1, signs: true,
		plan:   planBelowQuorum,
		expect: expectation{deed: deedSignerDown, with: deedSignersBack, alternates: true, agreed: true},
	},
	{
		Scenario: Scenario{
			"signer-cheats", "Of the first wallet's signers the first one that is asked for its part of a signature, and without which the wallet has its quorum, gives a wrong part as often as it is asked.",
			"As in calm with signers; of the first wallet every node that took part in the attempt names the operator, and what is signed in the end is signed without it.",
		},
		operators: lastHonest + 1, enclaves: 1, signs: true, frost: true,
		plan:   planCheat,
		expect: expectation{deed: deedCheat, agreed: true},
	},
	{
		Scenario: Scenario{
			"heartbeats", "Nobody asks for redemptions, and block c-32 is made anew until its hash puts a heartbeat on the checklist of one wallet, by turns.",
			"The heartbeat of that wallet, agreed and signed, verified with the wallet's key, and the active seats counted; of other wallets a heartbeat if the same hash has one for them, else a no-op.",
		},
		operators: 2, enclaves: 1, signs: true, draws: true,
		plan:   planCalm,
		expect: expectation{deed: deedDrawn, agreed: true},
	},
	{
		Scenario: Scenario{
			"inactive-signers", "As in heartbeats, each time for the first wallet; and so many signers are stopped in each window, always the same ones, that it has its quorum and less than 70 % of its seats.",
			"As in heartbeats where a signer runs, `signer_unavailable` where none does. From the third window on every node whose signer runs finds those operators inactive, and nobody else.",
		},
		operators: lastHonest + 1, enclaves: 1, signs: true, draws: true, inactive: true,
		plan:   planInactive,
		expect: expectation{deed: deedSignerDown, with: deedDrawn, agreed: true},
	},
}

// Scenarios returns every scenario, in the order of their documentation.
func Scenarios() []Scenario {
	all := make([]Scenario, len(scenarios))
	for i, s := range scenarios {
		all[i] = s.Scenario
	}
	return all
}

func scenarioNamed(name string) (scenario, bool) {
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.Name == name })
	if i < 0 {
		return scenario{}, false
	}
	return scenarios[i], true
}

func scenarioNames() string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}
