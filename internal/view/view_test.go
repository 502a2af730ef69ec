package view

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal"
)

func testWallet(t *testing.T, operators ...chain.Operator) chain.Wallet {
	t.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	w, err := chain.NewWallet(chain.PublicKey(crypto.FromECDSAPub(&key.PublicKey)), operators)
	require.NoError(t, err)
	return w
}

func TestPhaseOfAHeight(t *testing.T) {
	for height, want := range map[chain.Height]*Phase{
		0:    nil,
		899:  nil,
		900:  {900, 1, "active", 80},
		979:  {900, 1, "active", 1},
		980:  {900, 1, "passive", 20},
		999:  {900, 1, "passive", 1},
		1000: {900, 1, "idle", 800},
		1799: {900, 1, "idle", 1},
	} {
		require.Equal(t, want, NewPhase(height), "%d", height)
	}
}

func TestNextTellsWhenTheSeedIsThere(t *testing.T) {
	n, w := NewNext(1700, 12*time.Second)
	require.Equal(t, Next{Height: 1700, Window: 1800, Index: 2, SeedBlock: 1768, InBlocks: 100, InSeconds: 1200, SeedIn: 68, Wallets: []Election{}}, n)
	require.Equal(t, chain.Height(1800), w.Block)
	n, _ = NewNext(1783, 12*time.Second) // 17 blocks: about 3 min 24 s
	require.Equal(t, []any{chain.Height(17), int64(204), chain.Height(0)}, []any{n.InBlocks, n.InSeconds, n.SeedIn})
}

func TestAnElectionIsOwnOnlyIfWeLead(t *testing.T) {
	wallet := testWallet(t, chain.Operator{1}, chain.Operator{1})
	w, _ := coordination.RFC12().Window(3600)
	e := Elect(wallet, w, chain.Hash{3}, chain.Operator{1})
	require.True(t, e.Own)
	require.Equal(t, []int{1, 2}, e.LeaderSeats)
	require.Equal(t, "Redemption", e.Checklist[0])
	require.False(t, Elect(wallet, w, chain.Hash{3}, chain.Operator{2}).Own)
	require.False(t, Elect(wallet, w, chain.Hash{3}, chain.Operator{}).Own)
}

// Each message's verdict is what the window's row and its faults say of it.
func TestTheVerdictOnEachMessage(t *testing.T) {
	leader, other := chain.Operator{1}, chain.Operator{2}
	wallet := testWallet(t, leader, other)
	w, _ := coordination.RFC12().Window(3600)
	agreed := proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(1234)}
	said := func(author chain.Operator, p proposal.Proposal, at chain.Height) coordination.Statement {
		payload := proposal.EncodeMessage(proposal.Message{Sender: 1, Block: w.Block, Wallet: wallet.ID(), Proposal: p})
		return coordination.Statement{Author: author, Seat: 1, Payload: payload, ArrivedAt: at}
	}
	row := store.WindowRow{Block: w.Block, Wallet: wallet.ID(), Leader: leader, Proposal: agreed, Reason: coordination.ReasonOK}
	none := row
	none.Proposal = nil
	open := none
	open.Open = true
	for _, c := range []struct {
		want  string
		row   store.WindowRow
		said  coordination.Statement
		fault faults.Kind
	}{
		{"accepted", row, said(leader, agreed, 3605), ""},
		{"not_accepted", row, said(leader, proposal.Noop{}, 3605), ""},
		{"late", none, said(leader, agreed, 3680), faults.LeaderIdle},
		{"mistake", none, said(leader, agreed, 3605), faults.LeaderMistake},
		{"equivocation", none, said(leader, agreed, 3605), faults.LeaderEquivocation},
		{"impersonation", row, said(other, agreed, 3605), faults.LeaderImpersonation},
		{"open", open, said(leader, agreed, 3605), ""},
	} {
		d := store.WalletDetail{WindowRow: c.row, Statements: []coordination.Statement{c.said}}
		if c.fault != "" {
			d.Records = []faults.Record{{Fault: faults.Fault{Key: faults.Key{Kind: c.fault, Culprit: c.said.Author}}}}
		}
		trace := newTrace(store.WindowDetail{Block: w.Block, Wallets: []store.WalletDetail{d}})
		require.Equal(t, c.want, trace.Wallets[0].Statements[0].Verdict)
	}
}

func TestAMessageThatCannotBeDecodedIsNull(t *testing.T) {
	require.JSONEq(t, "null", string(message([]byte("no message"))))
	require.JSONEq(t, "null", string(fields(nil)))
	raw, err := json.Marshal(newTrace(store.WindowDetail{Block: 900, Wallets: []store.WalletDetail{{Own: &coordination.OwnProposal{Payload: []byte{1}}}}}))
	require.NoError(t, err)
	require.Contains(t, string(raw), `"own":{"message":null`)
}

func TestMessagesHaveTheirTimeToTheMillisecond(t *testing.T) {
	at := time.Unix(1_800_000_000, 123_456_789)
	trace := newTrace(store.WindowDetail{Block: 900, Wallets: []store.WalletDetail{
		{Own: &coordination.OwnProposal{SentAt: 902, SentTime: at}, Statements: []coordination.Statement{{ReceivedAt: at.Add(time.Millisecond)}}},
		{Own: &coordination.OwnProposal{SentAt: 902}},
	}})
	require.Equal(t, "2027-01-15T08:00:00.123Z", *trace.Wallets[0].Own.SentTime)
	require.Equal(t, "2027-01-15T08:00:00.124Z", trace.Wallets[0].Statements[0].ReceivedAt)
	require.Nil(t, trace.Wallets[1].Own.SentTime, "it was stored before times were")
}

func TestVerificationFindsEachDifference(t *testing.T) {
	a, b := chain.Operator{1}, chain.Operator{2}
	wallet := testWallet(t, a, b)
	w, _ := coordination.RFC12().Window(900) // index 1: redemption, and a heartbeat at most
	truth := Elect(wallet, w, chain.Hash{9}, chain.Operator{})
	imported := []Wallet{newWallet(store.WalletRecord{Wallet: wallet})}
	recorded := func(change func(*WalletTrace)) Trace {
		id, seed, leader := wallet.ID(), truth.Seed, truth.Leader
		row := WalletTrace{Window: Window{Wallet: &id, Leader: &leader, Action: pointer("Redemption")}, Seed: &seed}
		change(&row)
		return Trace{Window: 900, Wallets: []WalletTrace{row}}
	}
	verify := func(change func(*WalletTrace)) Verification {
		v, err := NewVerification(recorded(change), imported, w, chain.Hash{9})
		require.NoError(t, err)
		require.Equal(t, len(v.Wallets[0].Differences) == 0, v.OK)
		return v
	}
	require.True(t, verify(func(*WalletTrace) {}).OK)
	require.True(t, verify(func(r *WalletTrace) { r.Action = pointer("Noop") }).OK, "a no-op is always allowed")
	nothing := verify(func(r *WalletTrace) { r.Seed, r.Leader, r.Action = nil, nil, nil })
	require.True(t, nothing.OK, "what was not known is no difference")
	require.False(t, nothing.Wallets[0].Recorded)
	require.True(t, verify(func(*WalletTrace) {}).Wallets[0].Recorded)
	for want, change := range map[string]func(*WalletTrace){
		"the seed was recorded as 00":                   func(r *WalletTrace) { r.Seed = pointer("00") },
		"the leader was recorded as 0x0300":             func(r *WalletTrace) { r.Leader = &chain.Operator{3} },
		"DepositSweep was agreed, which is not on the ": func(r *WalletTrace) { r.Action = pointer("DepositSweep") },
	} {
		v := verify(change)
		require.False(t, v.OK)
		require.Len(t, v.Wallets[0].Differences, 1)
		require.Contains(t, v.Wallets[0].Differences[0], want)
	}
	_, err := NewVerification(recorded(func(*WalletTrace) {}), nil, w, chain.Hash{9})
	require.ErrorContains(t, err, "not among the imported ones")
}

func TestReadinessIsTheSumOfItsChecks(t *testing.T) {
	good, bad := Check{Name: "a", OK: true}, Check{Name: "b", Reason: "broken"}
	require.True(t, NewReadiness("active", []Check{good}).Ready)
	r := NewReadiness("active", []Check{good, bad})
	require.False(t, r.Ready)
	require.Equal(t, []Check{bad}, r.Failing())
}
