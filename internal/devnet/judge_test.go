package devnet

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/rpcfault"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// world is a network on paper: five operators, two wallets, one window.
type world struct {
	keys   map[chain.Operator]*secp256k1.PrivateKey
	stage  stage
	safe   chain.Hash
	signed map[string][]byte // what was signed, by what it says: to sign is slow, and all nodes hold the same bytes
}

func newWorld(t testing.TB, seed, index uint64) *world {
	t.Helper()
	secrets, err := operatorKeys(lot{seed: seed}, 5)
	require.NoError(t, err)
	w := &world{
		keys: make(map[chain.Operator]*secp256k1.PrivateKey), safe: chain.Hash{1, byte(index), byte(seed)},
		signed: make(map[string][]byte),
	}
	for _, secret := range secrets {
		key := secp256k1.PrivKeyFromBytes(crypto.FromECDSA(secret))
		op := wire.PublicKeyOf(key).Operator()
		w.keys[op] = key
		w.stage.operators = append(w.stage.operators, op)
	}
	wallets, err := makeWallets(lot{seed: seed}, 2, 10, w.stage.operators)
	require.NoError(t, err)
	window, ok := coordination.RFC12().Window(chain.Height(index * 900))
	require.True(t, ok)
	w.stage.window = window
	for _, wallet := range wallets {
		w.stage.elections = append(w.stage.elections, elect(wallet, window, w.safe, [][]byte{payout(1), payout(2)}))
	}
	return w
}

// records is what each scenario leaves on an attacked wallet, said once more and apart from the table of scenarios.
var records = map[string]struct {
	agreed   bool
	reason   coordination.Reason
	fault    faults.Kind
	evidence int
}{
	"calm":                         {agreed: true, reason: "ok"},
	"idle-leader":                  {reason: "leader_idle", fault: "leader_idle"},
	"mistaken-leader":              {reason: "leader_mistake", fault: "leader_mistake", evidence: 1},
	"impostor":                     {agreed: true, reason: "ok", fault: "leader_impersonation", evidence: 1},
	"two-faced-leader":             {reason: "leader_equivocation", fault: "leader_equivocation", evidence: 2},
	"two-faced-leader-partitioned": {agreed: true, reason: "ok"}, // on each side what it was told
	"restart":                      {agreed: true, reason: "ok"},
	"skipped-heads":                {agreed: true, reason: "ok"},
	"late-node":                    {agreed: true, reason: "ok"},
	"stalled-chain":                {agreed: true, reason: "ok"},
	"reorg":                        {agreed: true, reason: "ok"},
	"slow-disk":                    {agreed: true, reason: "ok"},

	"rpc-liar":          {agreed: true, reason: "ok"},
	"rpc-fork":          {agreed: true, reason: "ok"},
	"rpc-blackhole":     {agreed: true, reason: "ok"},
	"rpc-minority-down": {agreed: true, reason: "ok"},
	"rpc-majority-down": {agreed: true, reason: "ok"},                                             // of who can see, where the leader can too
	"flood":             {agreed: true, reason: "ok", fault: "leader_impersonation", evidence: 1}, // of fresh statements
	"partition":         {agreed: true, reason: "ok"},                                             // of who is with the leader, or is reached by it in time
}

// perfect returns the facts of a window in which the scenario was played and every node recorded what it must.
func (w *world) perfect(t testing.TB, name string) facts {
	t.Helper()
	s, ok := scenarioNamed(name)
	require.True(t, ok)
	p := s.plan(w.stage)
	f := facts{Window: w.stage.window, Safe: w.safe, MostFee: 1_000_000, Deeds: w.deeds(p)}
	for _, e := range w.stage.elections {
		f.Wallets = append(f.Wallets, walletFacts{Wallet: e.wallet, Due: e.due})
	}
	for _, op := range w.stage.operators {
		n := nodeFacts{Operator: op, Down: slices.Contains(p.down, op)}
		if n.Down {
			n.Detail.Missed = &coordination.Missed{First: f.Window.Block, Last: f.Window.Block, Reason: coordination.ReasonNodeDown}
		} else {
			n.Detail = w.detail(t, name, op, p, f.Deeds)
			if s.proves {
				n.Proofs = w.proofs(t, f.Deeds)
			}
			n.Refuses = make(map[string]chain.Operator)
			for _, d := range f.Deeds {
				if d.Kind == deedFlood {
					n.Refuses[d.Instance] = d.Operator
				}
			}
		}
		f.Nodes = append(f.Nodes, n)
	}
	return f
}

// deeds is the log of a plan carried out.
func (w *world) deeds(p plan) []deed {
	c := w.stage.window.Block
	var deeds []deed
	for _, it := range p.parts {
		for i, l := range it.lines {
			key := wire.PublicKeyOf(w.keys[it.operator])
			payload := proposal.EncodeMessage(proposal.Message{Sender: l.seat, Block: c, Wallet: l.wallet, Proposal: l.proposal})
			deeds = append(deeds, deed{
				Kind: deedStatement, Operator: it.operator, Wallet: l.wallet, Key: key,
				Envelope: net.Seal(key, payload, uint64(i)+1), From: c, To: c, Peers: len(it.audience), Audience: it.audience,
			})
		}
		for _, e := range w.stage.elections {
			if len(it.lines) == 0 && it.flood == nil && e.leader == it.operator {
				deeds = append(deeds, deed{Kind: deedSilence, Operator: e.leader, Wallet: e.wallet.ID(), From: c, To: c + 79, Peers: 3})
			}
		}
	}
	for _, it := range p.parts {
		if it.flood != nil {
			deeds = append(deeds, w.flood(it)...)
		}
	}
	if !p.restart.IsZero() {
		deeds = append(deeds, deed{Kind: deedRestart, Operator: p.restart, From: c + 10, To: c + 10})
	}
	if !p.skip.IsZero() {
		deeds = append(deeds, deed{Kind: deedSkippedHeads, Operator: p.skip, From: c, To: c + 20})
	}
	if !p.late.IsZero() {
		deeds = append(deeds, deed{Kind: deedLateStart, Operator: p.late, From: c, To: c + 15})
	}
	if !p.stall.IsZero() {
		deeds = append(deeds, deed{Kind: deedStalledChain, Operator: p.stall, From: c, To: c + 79})
	}
	if !p.slow.IsZero() {
		deeds = append(deeds, deed{Kind: deedSlowDisk, Operator: p.slow, From: c, To: c + 5, Peers: 4})
	}
	if p.parted() {
		d := deed{Kind: deedPartition, From: c, To: c + 79, Sides: p.sides}
		if p.heals {
			d.To = c + 25
		}
		deeds = append(deeds, d)
	}
	for _, op := range p.ill.of {
		for i := range p.ill.count {
			deeds = append(deeds, deed{
				Kind: p.ill.kind, Operator: op, Endpoint: i, From: c - 36, To: c + 101, Told: told(p.ill.kind, c-32),
			})
		}
	}
	if p.reorg {
		deeds = append(deeds, deed{Kind: deedReorg, From: c + 10, To: c + 10, Replaced: [2]chain.Hash{{1}, {2}}})
	}
	return deeds
}

// told is what an ill endpoint's log has.
func told(kind deedKind, seed chain.Height) rpcfault.Tally {
	switch kind {
	case deedLie:
		return rpcfault.Tally{Times: 3, Heights: 1, Lowest: seed, Highest: seed}
	case deedFork:
		return rpcfault.Tally{Times: 99, Heights: 40, Lowest: seed - 6, Highest: seed + 100}
	default:
		return rpcfault.Tally{Times: 9}
	}
}

// blind reports whether most of an operator's endpoints are ill.
func (p plan) blind(op chain.Operator) bool { return p.ill.count >= 3 && slices.Contains(p.ill.of, op) }

// detail is what a node that ran records.
func (w *world) detail(t testing.TB, name string, op chain.Operator, p plan, deeds []deed) store.WindowDetail {
	c := w.stage.window.Block
	d := store.WindowDetail{Block: c, Opened: &coordination.Opened{Block: c, At: c}}
	switch op {
	case p.skip:
		d.Opened.At = c + 21
	case p.late:
		d.Opened.At = c + 15
	case p.stall:
		return store.WindowDetail{Block: c, Missed: &coordination.Missed{First: c, Last: c, Reason: coordination.ReasonChainStalled}}
	}
	if p.blind(op) {
		return store.WindowDetail{Block: c, Missed: &coordination.Missed{First: c, Last: c, Reason: coordination.ReasonNoQuorum}}
	}
	if p.reorg {
		d.Opened.Hash = chain.Hash{1}
	}
	for _, e := range w.stage.elections {
		id := e.wallet.ID()
		mine := on(id, deeds)
		want := records[name]
		if len(mine) == 0 || mine[0].Kind == deedFlood {
			want = records["calm"]
		}
		if e.leader == p.stall || p.blind(e.leader) {
			want = records["idle-leader"]
			mine = []deed{{Operator: e.leader}}
		}
		r := store.WalletDetail{WindowRow: store.WindowRow{
			Block: c, Wallet: id, Role: coordination.RoleFollower, Leader: e.leader, Reason: want.reason, OpenedAt: c,
		}}
		if op == e.leader {
			r.Role = coordination.RoleLeader
		}
		if want.fault != "" {
			fault := faults.Fault{Key: faults.Key{Wallet: id, Window: c, Kind: want.fault, Culprit: mine[0].Operator}, Attributed: true}
			for _, d := range mine[:want.evidence] {
				fault.Evidence = append(fault.Evidence, w.sign(e, d.Operator, d.Envelope))
			}
			r.Records = append(r.Records, faults.Record{Fault: fault})
		}
		if p.parted() && len(mine) == 0 {
			w.parted(op, e, p, &r)
		}
		if want.agreed && r.Reason == want.reason {
			agreed := proposal.Redemption{OutputScripts: e.due, TxFee: big.NewInt(1630)}
			if name == "two-faced-leader-partitioned" {
				agreed = said(t, mine, op)
			}
			r.Proposal, r.ReceivedAt = agreed, max(c+1, r.ReceivedAt)
			r.Action = &store.Action{Outcome: "no_signer", Order: proposal.Order{
				Wallet: id, Window: c, Proposal: agreed, Start: c + 100, Expiry: c + 700,
			}}
		}
		d.Wallets = append(d.Wallets, r)
	}
	return d
}

// said is what an operator was told on its side of a cut.
func said(t testing.TB, told []deed, op chain.Operator) proposal.Redemption {
	t.Helper()
	i := slices.IndexFunc(told, func(d deed) bool { return slices.Contains(d.Audience, op) })
	require.GreaterOrEqual(t, i, 0)
	m, err := told[i].said()
	require.NoError(t, err)
	p, ok := m.Proposal.(proposal.Redemption)
	require.True(t, ok)
	return p
}

// proofs are those of two statements about each wallet.
func (w *world) proofs(t testing.TB, deeds []deed) []proofFacts {
	t.Helper()
	var all []proofFacts
	for _, e := range w.stage.elections {
		if told := on(e.wallet.ID(), deeds); len(told) == 2 {
			all = append(all, proofFacts{Proof: w.proof(t, e, told[0].Operator, told[0].Envelope, told[1].Envelope)})
		}
	}
	return all
}

func (w *world) proof(t testing.TB, e election, op chain.Operator, envelopes ...[]byte) evidence.Proof {
	t.Helper()
	var both [2]evidence.Statement
	for i, envelope := range envelopes {
		var err error
		both[i], err = evidence.ReadStatement(w.sign(e, op, envelope))
		require.NoError(t, err)
	}
	p, err := evidence.Prove(1337, both[0], both[1])
	require.NoError(t, err)
	return p
}

// flood is the log of a flooder.
func (w *world) flood(it part) []deed {
	c := w.stage.window.Block
	flooded := deed{Kind: deedFlood, Operator: it.operator, Wallet: it.flood.wallet, From: c, To: c + 9, Peers: 4, Instance: "flooder"}
	e := w.stage.elections[slices.IndexFunc(w.stage.elections, func(e election) bool { return e.wallet.ID() == it.flood.wallet })]
	speaker := it.operator
	if it.flood.replays {
		speaker = e.leader
	}
	var said []deed
	for n := range 30 {
		key := wire.PublicKeyOf(w.keys[speaker])
		payload := proposal.EncodeMessage(proposal.Message{
			Sender: e.wallet.LowestSeat(speaker), Block: c, Wallet: e.wallet.ID(),
			Proposal: proposal.Redemption{OutputScripts: e.due, TxFee: big.NewInt(int64(1000 + n))},
		})
		said = append(said, deed{
			Kind: deedStatement, Operator: it.operator, Wallet: it.flood.wallet, Key: key,
			Envelope: net.Seal(key, payload, 1), From: c, To: c, Peers: 4,
		})
	}
	flooded.Sent = len(said)
	if it.flood.replays {
		flooded.Sent = 20_000
		flooded.Replayed = [][]byte{w.sign(e, speaker, said[0].Envelope)}
		said = nil
	}
	return append(said, flooded)
}

// parted says when a node hears a leader across a cut that heals, and what it records across one that does not.
func (w *world) parted(op chain.Operator, e election, p plan, r *store.WalletDetail) {
	side := p.sides[0]
	if !slices.Contains(side, op) {
		side = p.sides[1]
	}
	if p.heals {
		if !slices.Contains(side, e.leader) {
			r.ReceivedAt = r.Block + 37
		}
		return
	}
	if slices.Contains(side, e.leader) && len(side) > 1 {
		return
	}
	r.Reason = coordination.ReasonNoPeers
	if op == e.leader {
		return
	}
	fault := faults.Fault{Key: faults.Key{Wallet: r.Wallet, Window: r.Block, Kind: faults.LeaderIdle, Culprit: e.leader}}
	if len(side) > 1 {
		r.Reason, fault.Attributed = coordination.ReasonLeaderIdle, true
	}
	r.Records = append(r.Records, faults.Record{Fault: fault})
}

func (w *world) sign(e election, op chain.Operator, envelope []byte) []byte {
	if w.signed[string(envelope)] == nil {
		seqno := binary.BigEndian.AppendUint64(nil, uint64(len(w.signed)))
		w.signed[string(envelope)] = wire.SignPubsub(w.keys[op], wire.ChannelName(e.wallet.Key()), envelope, seqno).Bytes()
	}
	return slices.Clone(w.signed[string(envelope)])
}

// unsigned returns the scenarios that can be played without signers.
func unsigned() []scenario {
	return slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool { return s.enclaves > 0 })
}

// worlds are windows in which different things are on the checklist and different operators lead.
func worlds(t testing.TB) []*world {
	var all []*world
	for seed := uint64(1); seed <= 2; seed++ {
		for _, index := range []uint64{1, 3, 4} {
			all = append(all, newWorld(t, seed, index))
		}
	}
	return all
}

func TestR10JudgeIsSatisfiedByWhatTheScenarioDemands(t *testing.T) {
	for _, w := range worlds(t) {
		for _, s := range unsigned() {
			require.Empty(t, differences(s.Name, w.perfect(t, s.Name)), "%s, window %d", s.Name, w.stage.window.Block)
		}
	}
}

func TestR10JudgeRefusesEachScenarioAsEveryOther(t *testing.T) {
	for _, w := range worlds(t) {
		for _, played := range unsigned() {
			f := w.perfect(t, played.Name)
			for _, expected := range unsigned() {
				if played.Name != expected.Name {
					require.NotEmpty(t, differences(expected.Name, f), "%s judged as %s", played.Name, expected.Name)
				}
			}
		}
	}
}

// The rows alone must give a scenario away too, with the log of another beside them. Where everybody agrees in the end
// the rows are the same by design; only the log of some tells more, of when, and on which block, the window was opened.
func TestR10JudgeRefusesTheRowsOfAnotherScenario(t *testing.T) {
	calm := []string{
		"calm", "restart", "skipped-heads", "late-node", "reorg", "slow-disk", "partition",
		"rpc-liar", "rpc-fork", "rpc-blackhole", "rpc-minority-down",
	}
	telling := []string{"skipped-heads", "late-node", "reorg", "partition"}
	for _, w := range worlds(t) {
		all := make(map[string]facts)
		for _, s := range unsigned() {
			all[s.Name] = w.perfect(t, s.Name)
		}
		for _, rows := range unsigned() {
			for _, log := range unsigned() {
				alike := slices.Contains(calm, rows.Name) && slices.Contains(calm, log.Name) && !slices.Contains(telling, log.Name)
				if rows.Name == log.Name || alike {
					continue
				}
				f := all[log.Name]
				f.Nodes = slices.Clone(f.Nodes)
				for i, other := range all[rows.Name].Nodes {
					f.Nodes[i].Detail = other.Detail
				}
				require.NotEmpty(t, differences(log.Name, f), "rows of %s, log of %s", rows.Name, log.Name)
			}
		}
	}
}

// changes are single differences from what must be recorded. Each changes the facts at the n-th place where it can,
// and reports whether there is such a place.
var changes = map[string]func(f *facts, n int) bool{
	"a row dropped": row(func(node *nodeFacts, i int) bool {
		node.Detail.Wallets = slices.Delete(node.Detail.Wallets, i, i+1)
		return true
	}),
	"a row without result":      field(func(r *store.WalletDetail) { r.Open = true }),
	"another role":              field(func(r *store.WalletDetail) { r.Role = coordination.RoleNone }),
	"another leader":            field(func(r *store.WalletDetail) { r.Leader[0]++ }),
	"no leader":                 field(func(r *store.WalletDetail) { r.Leader = chain.Operator{} }),
	"another reason":            field(func(r *store.WalletDetail) { r.Reason = coordination.ReasonBusy }),
	"received too late":         field(func(r *store.WalletDetail) { r.ReceivedAt = r.Block + 80 }),
	"a row of a foreign wallet": row(func(n *nodeFacts, i int) bool { return foreign(n, i) }),
	"a row twice": row(func(n *nodeFacts, i int) bool {
		n.Detail.Wallets = append(n.Detail.Wallets, n.Detail.Wallets[i])
		return true
	}),
	"a fault added":              field(func(r *store.WalletDetail) { r.Records = append(r.Records, another(*r)) }),
	"a fault dropped":            fault(func(r *store.WalletDetail, i int) { r.Records = slices.Delete(r.Records, i, i+1) }),
	"a fault twice":              fault(func(r *store.WalletDetail, i int) { r.Records = append(r.Records, r.Records[i]) }),
	"another culprit":            fault(func(r *store.WalletDetail, i int) { r.Records[i].Culprit[0]++ }),
	"another kind of fault":      fault(func(r *store.WalletDetail, i int) { r.Records[i].Kind = otherKind(r.Records[i].Kind) }),
	"attributed flipped":         fault(func(r *store.WalletDetail, i int) { r.Records[i].Attributed = !r.Records[i].Attributed }),
	"evidence dropped":           proof(func(f *faults.Record) { f.Evidence = f.Evidence[1:] }),
	"evidence twice":             proof(func(f *faults.Record) { f.Evidence = append(f.Evidence, f.Evidence[0]) }),
	"evidence with a bit turned": proof(func(f *faults.Record) { f.Evidence[0][len(f.Evidence[0])-1] ^= 1 }),
	"evidence of nothing sent":   proof(func(f *faults.Record) { f.Evidence[0] = unsent(f.Evidence[0]) }),
	"nothing agreed":             agreed(func(r *store.WalletDetail) { r.Proposal, r.Action = nil, nil }),
	"a no-op agreed":             agreed(func(r *store.WalletDetail) { r.Proposal, r.Action = proposal.Noop{}, nil }),
	"another fee on one node":    agreed(func(r *store.WalletDetail) { r.Proposal = redemption(r, 1631); r.Action.Proposal = r.Proposal }),
	"a request left out": agreed(func(r *store.WalletDetail) {
		p := redemption(r, 1630)
		p.OutputScripts = p.OutputScripts[1:]
		r.Proposal, r.Action.Proposal = p, p
	}),
	"something agreed": field(func(r *store.WalletDetail) {
		if r.Proposal == nil {
			r.Proposal, r.ReceivedAt = proposal.Noop{}, r.Block
		} else {
			r.Proposal = proposal.Heartbeat{}
		}
	}),
	"no action":                  agreed(func(r *store.WalletDetail) { r.Action = nil }),
	"an action too many":         field(func(r *store.WalletDetail) { actionTooMany(r) }),
	"an action signed":           agreed(func(r *store.WalletDetail) { r.Action.Outcome = "ok" }),
	"an action pending":          agreed(func(r *store.WalletDetail) { r.Action.Outcome = "" }),
	"an action revoked":          agreed(func(r *store.WalletDetail) { r.Action.Revoked = true }),
	"another action":             agreed(func(r *store.WalletDetail) { r.Action.Proposal = redemption(r, 1631) }),
	"an action at another block": agreed(func(r *store.WalletDetail) { r.Action.Start++ }),
	"not opened":                 up(func(n *nodeFacts, _ *facts) bool { n.Detail.Opened = nil; return true }),
	"opened too late":            up(func(n *nodeFacts, f *facts) bool { n.Detail.Opened.At = f.Window.Block + 80; return true }),
	"opened at a lost head":      up(func(n *nodeFacts, f *facts) bool { return early(n, f) }),
	"missed by a node that ran": up(func(n *nodeFacts, f *facts) bool {
		n.Detail.Missed = &coordination.Missed{First: f.Window.Block, Last: f.Window.Block, Reason: coordination.ReasonNodeDown}
		return true
	}),
	"opened long after the start":                 up(func(n *nodeFacts, f *facts) bool { return later(n, f) }),
	"opened on another block":                     up(func(n *nodeFacts, f *facts) bool { return elsewhere(n, f) }),
	"a node that missed it has no record of it":   absent(func(n *nodeFacts) { n.Detail.Missed = nil }),
	"a node that missed it has another reason":    absent(func(n *nodeFacts) { n.Detail.Missed.Reason = otherReason(*n) }),
	"a node that missed it has opened the window": absent(func(n *nodeFacts) { n.Detail.Opened = &coordination.Opened{} }),
	"a node that missed it has a row":             absent(func(n *nodeFacts) { n.Detail.Wallets = []store.WalletDetail{{}} }),
	"nothing was replaced":                        reorged(func(d *deed) { d.Replaced[1] = d.Replaced[0] }),
	"a flooder that is still there":               up(func(n *nodeFacts, f *facts) bool { n.Refuses = nil; return flooded(f) }),
	"a flooder that is another's":                 up(func(n *nodeFacts, f *facts) bool { n.Refuses["flooder"] = chain.Operator{9}; return flooded(f) }),
	"somebody else cut off":                       up(func(n *nodeFacts, _ *facts) bool { n.Refuses = map[string]chain.Operator{"x": {9}}; return true }),
	"a flood of few":                              flooding(func(d *deed) bool { d.Sent = 18; return true }),
	"a flood that nobody was connected to":        flooding(func(d *deed) bool { d.Peers = 0; return true }),
	"a flood by the leader":                       flooding(func(d *deed) bool { d.Operator = chain.Operator{9}; return true }),
	"replays with a bit turned":                   replaying(func(d *deed) { d.Replayed[0][len(d.Replayed[0])-1] ^= 1 }),
	"replays of nothing said":                     replaying(func(d *deed) { d.Replayed[0] = unsent(nil) }),
	"heard through a cut":                         apart(func(r *store.WalletDetail, d deed) { r.ReceivedAt = d.To - 1 }),
	"one side alone":                              cut(func(d *deed) { d.Sides[1] = nil }),
	"an operator on no side":                      cut(func(d *deed) { d.Sides[1] = d.Sides[1][1:] }),
	"an operator twice":                           cut(func(d *deed) { d.Sides[1] = append(d.Sides[1][1:], d.Sides[0][0]) }),
	"another operator alone":                      cut(func(d *deed) { d.Sides[0][0], d.Sides[1][0] = d.Sides[1][0], d.Sides[0][0] }),
	"healed when it was not":                      cut(func(d *deed) { d.To = d.From + (d.From + 79 - d.To) }),
	"nobody else wrote":                           disturbed(func(d *deed) { d.Peers = 0 }),
	"nothing was done":                            oneDeed(func(f *facts, _ int) { f.Deeds = nil }),
	"done outside the active phase":               oneDeed(func(f *facts, i int) { f.Deeds[i] = outside(f.Deeds[i], f.Window) }),
	"an endpoint ill too late":                    ofEndpoint(func(f *facts, i int) { f.Deeds[i].From = f.Window.SeedBlock }),
	"an endpoint that told nothing wrong":         ofEndpoint(func(f *facts, i int) { f.Deeds[i].Told = rpcfault.Tally{} }),
	"an endpoint fewer ill":                       ofEndpoint(func(f *facts, i int) { f.Deeds = slices.Delete(f.Deeds, i, i+1) }),
	"an endpoint twice":                           ofEndpoint(func(f *facts, i int) { f.Deeds[i].Endpoint = (f.Deeds[i].Endpoint + 1) % len(f.Deeds) % 2 }),
	"not the primary":                             ofEndpoint(func(f *facts, i int) { f.Deeds[i].Endpoint += 5 }),
	"said to nobody":                              statement(func(d *deed) { d.Peers = 0 }),
	"said by somebody else":                       statement(func(d *deed) { d.Operator[0]++ }),
	"a proof that is missing":                     proved(func(n *nodeFacts, _ *proofFacts) { n.Proofs = n.Proofs[1:] }),
	"a proof that does not convince":              proved(func(_ *nodeFacts, p *proofFacts) { p.Exit = 1 }),
	"a proof that nobody can judge":               proved(func(_ *nodeFacts, p *proofFacts) { p.Exit = 2 }),
	"a proof against somebody honest":             accused,
	"told to both sides":                          faced(func(d *deed, other []chain.Operator) { d.Audience = append(slices.Clone(d.Audience), other...) }),
	"told to the other side":                      faced(func(d *deed, other []chain.Operator) { d.Audience = other }),
	"what the other side was told":                agreed(func(r *store.WalletDetail) { swapFee(r) }),
	"said in other bytes":                         statement(func(d *deed) { d.Envelope = d.Envelope[:20] }),
}

// proved changes the first of the proofs of the n-th node that has some.
func proved(change func(*nodeFacts, *proofFacts)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		for i := range f.Nodes {
			if len(f.Nodes[i].Proofs) == 0 {
				continue
			}
			if n == 0 {
				f.Nodes[i].Proofs = slices.Clone(f.Nodes[i].Proofs)
				change(&f.Nodes[i], &f.Nodes[i].Proofs[0])
				return true
			}
			n--
		}
		return false
	}
}

// accused gives a node a proof, made of messages that were never sent, against the leader of a wallet.
func accused(f *facts, n int) bool {
	if n >= len(f.Nodes) {
		return false
	}
	key := secp256k1.PrivKeyFromBytes([]byte{31: 7})
	w := world{signed: make(map[string][]byte), keys: map[chain.Operator]*secp256k1.PrivateKey{wire.PublicKeyOf(key).Operator(): key}}
	wallet := f.Wallets[0].Wallet
	var both [2]evidence.Statement
	for i := range both {
		payload := proposal.EncodeMessage(proposal.Message{
			Sender: 1, Block: f.Window.Block, Wallet: wallet.ID(), Proposal: proposal.Redemption{OutputScripts: [][]byte{payout(1)}, TxFee: big.NewInt(int64(i) + 1)},
		})
		signed := w.sign(election{wallet: wallet}, wire.PublicKeyOf(key).Operator(), net.Seal(wire.PublicKeyOf(key), payload, 1))
		both[i], _ = evidence.ReadStatement(signed)
	}
	p, err := evidence.Prove(1337, both[0], both[1])
	f.Nodes[n].Proofs = append(slices.Clone(f.Nodes[n].Proofs), proofFacts{Proof: p})
	return err == nil
}

// faced changes the n-th statement of those that were said on one side of a cut alone.
func faced(change func(d *deed, other []chain.Operator)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		var sides sides
		for _, d := range f.Deeds {
			if d.Kind == deedPartition {
				sides = d.Sides
			}
		}
		for i := range f.Deeds {
			d := &f.Deeds[i]
			if d.Kind != deedStatement || len(sides[0]) == 0 {
				continue
			}
			if n == 0 {
				other := sides[0]
				if slices.Contains(d.Audience, other[0]) {
					other = sides[1]
				}
				change(d, other)
				return true
			}
			n--
		}
		return false
	}
}

// swapFee turns the fee of one face into that of the other.
func swapFee(r *store.WalletDetail) {
	p := redemption(r, 0)
	p.TxFee = new(big.Int).Xor(r.Proposal.(proposal.Redemption).TxFee, big.NewInt(1))
	r.Proposal, r.Action.Proposal = p, p
}

func row(change func(*nodeFacts, int) bool) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		for i := range f.Nodes {
			if rows := len(f.Nodes[i].Detail.Wallets); n < rows {
				return change(&f.Nodes[i], n)
			} else {
				n -= rows
			}
		}
		return false
	}
}

func field(change func(*store.WalletDetail)) func(*facts, int) bool {
	return row(func(n *nodeFacts, i int) bool { change(&n.Detail.Wallets[i]); return true })
}

// where changes the n-th row of those for which a condition holds.
func where(holds func(*store.WalletDetail) bool, change func(*store.WalletDetail)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		for i := range f.Nodes {
			for k := range f.Nodes[i].Detail.Wallets {
				r := &f.Nodes[i].Detail.Wallets[k]
				if !holds(r) {
					continue
				}
				if n == 0 {
					change(r)
					return true
				}
				n--
			}
		}
		return false
	}
}

func agreed(change func(*store.WalletDetail)) func(*facts, int) bool {
	return where(func(r *store.WalletDetail) bool { return r.Proposal != nil }, change)
}

func fault(change func(*store.WalletDetail, int)) func(*facts, int) bool {
	return where(func(r *store.WalletDetail) bool { return len(r.Records) > 0 }, func(r *store.WalletDetail) { change(r, 0) })
}

func proof(change func(*faults.Record)) func(*facts, int) bool {
	return where(
		func(r *store.WalletDetail) bool { return len(r.Records) > 0 && len(r.Records[0].Evidence) > 0 },
		func(r *store.WalletDetail) { change(&r.Records[0]) },
	)
}

func oneNode(which func(*nodeFacts) bool, change func(*nodeFacts, *facts) bool) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		for i := range f.Nodes {
			if which(&f.Nodes[i]) {
				if n == 0 {
					return change(&f.Nodes[i], f)
				}
				n--
			}
		}
		return false
	}
}

func up(change func(*nodeFacts, *facts) bool) func(*facts, int) bool {
	return oneNode(func(n *nodeFacts) bool { return n.Detail.Opened != nil }, change)
}

// absent changes the n-th node that has missed the window.
func absent(change func(*nodeFacts)) func(*facts, int) bool {
	return oneNode(func(n *nodeFacts) bool { return n.Detail.Opened == nil }, func(n *nodeFacts, _ *facts) bool { change(n); return true })
}

func oneDeed(change func(*facts, int)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		if n >= len(f.Deeds) {
			return false
		}
		change(f, n)
		return true
	}
}

// outside lets a deed reach out of the time that it must be in.
func outside(d deed, w coordination.Window) deed {
	d.To = w.ActiveEnd
	if d.ofEndpoint() {
		d.To-- // its time is longer: beyond the active phase
	}
	return d
}

// ofEndpoint changes the n-th deed of an endpoint.
func ofEndpoint(change func(*facts, int)) func(*facts, int) bool {
	return oneDeed(func(f *facts, i int) {
		if f.Deeds[i].ofEndpoint() {
			change(f, i)
		} else {
			f.Deeds = nil
		}
	})
}

func statement(change func(*deed)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		if n >= len(f.Deeds) || f.Deeds[n].Kind != deedStatement {
			return false
		}
		change(&f.Deeds[n])
		return true
	}
}

func disturbed(change func(*deed)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		if n >= len(f.Deeds) || f.Deeds[n].Kind != deedSlowDisk {
			return false
		}
		change(&f.Deeds[n])
		return true
	}
}

func flooded(f *facts) bool {
	return slices.ContainsFunc(f.Deeds, func(d deed) bool { return d.Kind == deedFlood })
}

// flooding changes a flood.
func flooding(change func(*deed) bool) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		if n > 0 || !flooded(f) {
			return false
		}
		return change(&f.Deeds[len(f.Deeds)-1])
	}
}

func replaying(change func(*deed)) func(*facts, int) bool {
	return flooding(func(d *deed) bool {
		if len(d.Replayed) == 0 {
			return false
		}
		change(d)
		return true
	})
}

// cut changes a partition.
func cut(change func(*deed)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		if n >= len(f.Deeds) || f.Deeds[n].Kind != deedPartition {
			return false
		}
		for i, side := range f.Deeds[n].Sides { // which the plan shares
			f.Deeds[n].Sides[i] = slices.Clone(side)
		}
		change(&f.Deeds[n])
		return true
	}
}

// apart changes the n-th row of those that a leader on the other side of a cut was heard for.
func apart(change func(*store.WalletDetail, deed)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		for _, d := range f.Deeds {
			if d.Kind != deedPartition {
				continue
			}
			return where(
				func(r *store.WalletDetail) bool { return r.ReceivedAt > d.To },
				func(r *store.WalletDetail) { change(r, d) },
			)(f, n)
		}
		return false
	}
}

func reorged(change func(*deed)) func(*facts, int) bool {
	return func(f *facts, n int) bool {
		if n >= len(f.Deeds) || f.Deeds[n].Kind != deedReorg {
			return false
		}
		change(&f.Deeds[n])
		return true
	}
}

func otherReason(n nodeFacts) coordination.Reason {
	if n.Down {
		return coordination.ReasonChainStalled
	}
	return coordination.ReasonNodeDown
}

// later lets a late node open the window at a later block than it was started at; any other after the active phase.
func later(n *nodeFacts, f *facts) bool {
	n.Detail.Opened.At = f.Window.ActiveEnd
	if slices.ContainsFunc(f.Deeds, func(d deed) bool { return d.Kind == deedLateStart && d.Operator == n.Operator }) {
		n.Detail.Opened.At = f.Window.Block + 16
	}
	return true
}

// elsewhere lets a node open the window on the block that came in the place of another; where none was replaced, before
// the window.
func elsewhere(n *nodeFacts, f *facts) bool {
	for _, d := range f.Deeds {
		if d.Kind == deedReorg {
			n.Detail.Opened.Hash = d.Replaced[1]
			return true
		}
	}
	n.Detail.Opened.At = f.Window.Block - 1
	return true
}

func foreign(n *nodeFacts, i int) bool {
	r := n.Detail.Wallets[i]
	r.Wallet[0]++
	n.Detail.Wallets = append(n.Detail.Wallets, r)
	return true
}

func another(r store.WalletDetail) faults.Record {
	return faults.Record{Fault: faults.Fault{Key: faults.Key{Wallet: r.Wallet, Window: r.Block, Kind: faults.LeaderIdle, Culprit: chain.Operator{9}}}}
}

func otherKind(k faults.Kind) faults.Kind {
	kinds := faults.Kinds()
	return kinds[(slices.Index(kinds, k)+1)%len(kinds)]
}

func redemption(r *store.WalletDetail, fee int64) proposal.Redemption {
	p := r.Proposal.(proposal.Redemption)
	return proposal.Redemption{OutputScripts: slices.Clone(p.OutputScripts), TxFee: big.NewInt(fee)}
}

func actionTooMany(r *store.WalletDetail) {
	if r.Action == nil {
		r.Action = &store.Action{Outcome: "no_signer"}
		return
	}
	r.Proposal = proposal.Noop{}
}

func early(n *nodeFacts, f *facts) bool {
	if !slices.ContainsFunc(f.Deeds, func(d deed) bool { return d.Kind == deedSkippedHeads && d.Operator == n.Operator }) {
		n.Detail.Opened.At = f.Window.Block - 1 // of a node that lost none, a block before the window
		return true
	}
	n.Detail.Opened.At = f.Window.Block + 20
	return true
}

// unsent signs the message of an unknown key in place of the evidence.
func unsent([]byte) []byte {
	key := secp256k1.PrivKeyFromBytes([]byte{31: 7})
	return wire.SignPubsub(key, "topic", []byte("never said"), []byte{1}).Bytes()
}

func TestR10JudgeSeesEveryDifference(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			applied := 0
			for _, w := range []*world{newWorld(t, 1, 1), newWorld(t, 1, 2)} { // what takes turns has both
				for _, s := range unsigned() {
					for n := 0; ; n += 3 { // every third place: rows of one kind are alike
						f := w.perfect(t, s.Name)
						if !change(&f, n) {
							break
						}
						applied++
						require.NotEmpty(t, differences(s.Name, f), "%s, window %d, place %d", s.Name, f.Window.Block, n)
					}
				}
			}
			require.Positive(t, applied, "the change was never made")
		})
	}
}

func TestR10JudgeAsksForMoreThanAMessage(t *testing.T) {
	w := newWorld(t, 1, 1)
	e := w.stage.elections[0]
	harmless := plan{down: []chain.Operator{e.leader}, parts: []part{{
		operator: e.leader, audience: w.stage.others([]chain.Operator{e.leader}),
		lines: []line{{e.wallet.ID(), e.wallet.LowestSeat(e.leader), acceptable(e, w.stage.window, 0)}},
	}}}
	for _, name := range []string{"mistaken-leader", "impostor", "two-faced-leader"} {
		f := w.perfect(t, name)
		f.Deeds = w.deeds(harmless)
		differences := fmt.Sprint(differences(name, f))
		require.Contains(t, differences, e.wallet.ID().String(), name)
	}
	require.NotEmpty(t, differences("no such scenario", w.perfect(t, "calm")))
}

func TestR10FewStatementsAreNoFlood(t *testing.T) {
	f := newWorld(t, 1, 1).perfect(t, "flood")
	last := len(f.Deeds) - 1
	flood := f.Deeds[last]
	for n, want := range map[int]string{leastFresh: "", leastFresh - 1: "are no flood"} {
		few := f
		flood.Sent = n
		few.Deeds = append(slices.Clone(f.Deeds[:n]), flood)
		differences := fmt.Sprint(differences("flood", few))
		if want == "" {
			require.Equal(t, "[]", differences)
		} else {
			require.Contains(t, differences, want)
		}
	}
}

// Who floods is refused until the next window begins, so its own node stays away for that long, and has nothing on record.
func TestR10ANodeThatIsStillAwayNeedsNoRecord(t *testing.T) {
	f := newWorld(t, 1, 1).perfect(t, "flood")
	i := slices.IndexFunc(f.Nodes, func(n nodeFacts) bool { return n.Down })
	f.Nodes[i].Detail.Missed = nil
	require.NotEmpty(t, differences("flood", f))
	f.Nodes[i].Away = true
	require.Empty(t, differences("flood", f))
}

func TestR1ADownNodeThatNeverAccountedForAWindowNeedsNoRecord(t *testing.T) {
	f := newWorld(t, 1, 1).perfect(t, "idle-leader")
	for i := range f.Nodes {
		if f.Nodes[i].Down {
			f.Nodes[i].Detail.Missed, f.Nodes[i].First = nil, true
		}
	}
	require.Empty(t, differences("idle-leader", f))
}

// Where all leaders are away who were cut off for the window before, nobody says anything to replay: their wallet is flooded with statements,
// and both are on record, the leader's silence and the flooder's words.
func TestR10AFloodInPlaceOfALeaderWhoIsAwayIsTwoFaults(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.stage.refused = w.stage.leaders()
	it := planFlood(w.stage).parts[0]
	e := w.stage.elections[slices.IndexFunc(w.stage.elections, func(e election) bool { return e.wallet.ID() == it.flood.wallet })]
	known, _ := scenarioNamed("flood")
	j := &judge{scenario: known, facts: facts{Window: w.stage.window, Nodes: []nodeFacts{{Operator: e.leader, Down: true}}, Deeds: w.flood(it)}}
	o := j.expected(it.audience[0], e)
	require.False(t, o.agreed)
	require.Equal(t, coordination.ReasonLeaderIdle, o.reason)
	require.Equal(t, []accusation{{faults.LeaderIdle, e.leader, true}, {faults.LeaderImpersonation, it.operator, true}}, o.faults)
}
