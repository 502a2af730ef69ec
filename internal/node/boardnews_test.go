package node

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

// tellingNode assembles a node with a feed whose mailboxes hold so many entries, 0 for the default, and one wallet in a window that is open.
func tellingNode(t *testing.T, entries uint64) (n *Node, other chain.Operator, wallet chain.Wallet, window coordination.Window) {
	t.Helper()
	key := keyOf("ours")
	w := told
	w.wasClosed = new(bool)
	n, err := Assemble(t.Context(), Config{
		Operator: keys.Operator{Key: key, Address: operatorOf(key)}, Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store: store.Config{DSN: t.TempDir()}, Feed: &FeedConfig{Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), Entries: entries},
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: seeds{still{w}, new(atomic.Int64), new(atomic.Bool)}, Network: func(net.Config, net.Deps) (Network, error) { return quietNetwork{}, nil }})
	require.NoError(t, err)
	t.Cleanup(func() { _ = n.Close() })
	other = chain.Operator{2}
	wallet = testWallet(t, operatorOf(key), other)
	require.NoError(t, n.store.ImportWallet(t.Context(), wallet, time.Now()))
	at(n, 9010)
	window, _ = coordination.RFC12().Window(9000)
	require.NoError(t, n.store.OpenWindow(t.Context(), coordination.Opened{Block: 9000, At: 9010}))
	_, err = n.store.Begin(t.Context(), wallet.ID(), window, 9010)
	require.NoError(t, err)
	return n, other, wallet, window
}

// readBoard returns a board that follows the feed and has read everything of the store.
func readBoard(t *testing.T, n *Node) *Board {
	t.Helper()
	b := NewBoard(n)
	b.follows(true)
	b.want()
	require.NoError(t, b.Refresh(t.Context()))
	return b
}

// happen stores how a wallet's window ends, what is learned of it afterwards, and what becomes of its action.
func happen(t *testing.T, n *Node, leader chain.Operator, wallet chain.WalletID, window coordination.Window) {
	t.Helper()
	fault := func(kind faults.Kind, culprit chain.Operator, late bool) faults.Fault {
		return faults.Fault{
			Key: faults.Key{Wallet: wallet, Window: window.Block, Kind: kind, Culprit: culprit}, Attributed: true, Late: late, Detail: "claimed seat 7",
		}
	}
	won, err := n.store.RecordResult(t.Context(), coordination.Result{
		Wallet: wallet, Window: window, Leader: leader, OpenedAt: 9010, ReceivedAt: 9011, Reason: coordination.ReasonOK,
		Proposal: proposal.Heartbeat{Message: [16]byte{255, 255, 255, 255, 255, 255, 255, 255}},
		Faults:   []faults.Fault{fault(faults.LeaderImpersonation, chain.Operator{3}, false)},
	})
	require.NoError(t, err)
	require.True(t, won)
	for _, f := range []faults.Fault{fault(faults.LeaderMistake, leader, false), fault(faults.LeaderImpersonation, chain.Operator{3}, true)} {
		require.NoError(t, n.store.RecordAmendment(t.Context(), coordination.Amendment{Wallet: wallet, Window: window, Fault: f}))
	}
	require.NoError(t, n.store.FinishAction(t.Context(), wallet, window.Block, "signed", "", 9100))
}

// unaged returns records without what two readings of the same differ in.
func unaged(r view.BoardRecords) view.BoardRecords {
	r.Version = 0
	for i := range r.Faults {
		r.Faults[i].RecordedAt = ""
	}
	return r
}

// asStored returns what a board shows that has read everything of the store.
func asStored(t *testing.T, n *Node) view.BoardRecords {
	t.Helper()
	b := NewBoard(n)
	require.NoError(t, b.Refresh(t.Context()))
	return unaged(b.Board().Records)
}

// delivered returns what the node has told the feed after a number, as a mailbox delivers it.
func delivered(t *testing.T, n *Node, after uint64) (list []pipeline.Delivered) {
	t.Helper()
	facts, err := n.store.Facts(t.Context(), alone, after, 100)
	require.NoError(t, err)
	for _, f := range facts {
		list = append(list, pipeline.Delivered{Entry: feed.Entry{Record: feed.Record{Item: f.Item()}}, Payload: f.Payload})
	}
	return list
}

// newsOf runs a node's feed, and a board that follows it; wanted counts how often the store was wanted. end ends both, and returns why
// nothing more is told.
func newsOf(t *testing.T, n *Node) (board *Board, wanted *atomic.Int64, end func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended, followed := make(chan error, 1), make(chan error, 1)
	go func() { ended <- n.feed.run(ctx) }()
	// A mailbox is in the database some moments before it is open: News that begins in between ends at once, and is asked for anew.
	require.Eventually(t, func() bool { return n.Feeds().Acknowledge(ctx, n.LiveMailbox(), 0) == nil }, patient, time.Millisecond)
	board, wanted = NewBoard(n), new(atomic.Int64)
	go func() { followed <- board.News(ctx, func() { wanted.Add(1) }) }()
	require.Eventually(t, func() bool { return wanted.Load() > 0 }, patient, time.Millisecond)
	return board, wanted, func() error {
		stop()
		require.NoError(t, <-ended)
		return <-followed
	}
}

// manyWallets are of several receivers of a feed: what is told of two of them comes in any order.
const manyWallets = 12

// What the page shows of results, of faults, and of actions comes out of the feed's records: the store is read when the mailbox begins to be
// followed, and not again.
func TestTheDashboardIsToldByTheFeed(t *testing.T) {
	n, other, wallet, window := tellingNode(t, 0)
	wallets := []chain.WalletID{wallet.ID()}
	for len(wallets) < manyWallets {
		w := testWallet(t, n.cfg.Operator.Address, other)
		require.NoError(t, n.store.ImportWallet(t.Context(), w, time.Now()))
		_, err := n.store.Begin(t.Context(), w.ID(), window, 9010)
		require.NoError(t, err)
		wallets = append(wallets, w.ID())
	}
	board, wanted, end := newsOf(t, n)
	require.NoError(t, board.Refresh(t.Context()))
	before := board.Board().Records
	require.Len(t, before.Wallets, manyWallets)
	require.Equal(t, view.WindowOpen, *before.Wallets[0].State)
	require.Empty(t, before.Faults)

	for _, w := range wallets {
		happen(t, n, other, w, window)
	}
	require.Eventually(t, func() bool { // an outcome is the last that is told of each
		return !slices.ContainsFunc(board.Board().Records.Wallets, func(w view.BoardWallet) bool { return w.Outcome == nil })
	}, patient, time.Millisecond)
	shown := board.Board().Records
	require.Greater(t, shown.Version, before.Version)
	for _, w := range shown.Wallets {
		require.Equal(t, coordination.ReasonOK, *w.Reason)
		require.Equal(t, "signed", *w.Outcome)
	}
	require.Len(t, shown.Faults, 2*manyWallets)
	for _, f := range shown.Faults {
		require.Equal(t, "claimed seat 7", f.Detail)
		require.Equal(t, f.Kind == faults.LeaderImpersonation, f.Late)
	}
	require.Equal(t, view.WindowOpen, *before.Wallets[0].State, "what was shown before does not change in the hands of who shows it")
	require.Zero(t, board.Board().Live.RecordsMS)
	require.EqualValues(t, 1, wanted.Load(), "the feed alone has told")
	require.Equal(t, asStored(t, n), unaged(shown), "the store comes to the same")
	require.ErrorIs(t, end(), context.Canceled)
}

// While the feed tells, its payloads are what is shown, though the store has something else; the store is read again once the feed has told
// something that cannot be read, or tells no more.
func TestThePayloadIsWhatThePageShows(t *testing.T) {
	n, other, wallet, window := tellingNode(t, 0)
	board := readBoard(t, n)
	happen(t, n, other, wallet.ID(), window)
	stored := asStored(t, n)

	list := delivered(t, n, 1) // after the window's opening
	require.Len(t, list, 4)
	var event view.Event
	require.NoError(t, json.Unmarshal(list[0].Payload, &event))
	event.Reason, event.Faults[0].Detail = new(coordination.ReasonLeaderIdle), new("not what is stored")
	var err error
	list[0].Payload, err = json.Marshal(event)
	require.NoError(t, err)
	for range 2 { // what comes again, as after a move, is not counted twice
		for _, d := range list {
			require.True(t, board.hear(d))
		}
	}
	shown := board.Board().Records
	require.Equal(t, coordination.ReasonLeaderIdle, *shown.Wallets[0].Reason)
	require.Contains(t, []string{shown.Faults[0].Detail, shown.Faults[1].Detail}, "not what is stored")
	require.NoError(t, board.Refresh(t.Context())) // as every 15 seconds
	require.Equal(t, shown, board.Board().Records)

	last := list[3]
	last.Entry.Record.Item.Number++
	last.Payload = []byte("{")
	require.False(t, board.hear(last))
	board.want()
	require.NoError(t, board.Refresh(t.Context()))
	require.Equal(t, stored, unaged(board.Board().Records))

	last.Entry.Record.Item.Number++
	last.Entry.Record.Item.Kind, last.Payload = feed.KindResult, list[0].Payload
	require.True(t, board.hear(last))
	require.Equal(t, coordination.ReasonLeaderIdle, *board.Board().Records.Wallets[0].Reason)
	board.follows(false) // after a gap
	require.NoError(t, board.Refresh(t.Context()))
	require.Equal(t, stored, unaged(board.Board().Records))
}

// What is told while the store is read is shown too, once, whether the reading has it already or not.
func TestWhatIsToldWhileTheStoreIsReadIsNeitherLostNorCountedTwice(t *testing.T) {
	n, other, wallet, window := tellingNode(t, 0)
	second, third := testWallet(t, n.cfg.Operator.Address, other), testWallet(t, n.cfg.Operator.Address, other)
	require.NoError(t, n.store.ImportWallet(t.Context(), second, time.Now()))
	require.NoError(t, n.store.ImportWallet(t.Context(), third, time.Now()))
	board := NewBoard(n)
	board.follows(true)
	board.want()
	whole := board.begin()
	require.True(t, whole)
	happen(t, n, other, wallet.ID(), window)
	early := delivered(t, n, 0)
	shown, err := board.read(t.Context(), whole)
	require.NoError(t, err)
	happen(t, n, other, second.ID(), window)
	happen(t, n, other, third.ID(), window)
	later := delivered(t, n, early[len(early)-1].Entry.Record.Item.Number)
	shuffled := slices.Clone(later)
	slices.SortStableFunc(shuffled, func(a, b pipeline.Delivered) int { // only a wallet's own come in their order
		return cmp.Compare(leastOf(later, b), leastOf(later, a))
	})
	for _, d := range slices.Concat(early, shuffled) {
		require.True(t, board.hear(d))
	}
	board.end(shown, whole, time.Now(), nil)
	require.Equal(t, asStored(t, n), unaged(board.Board().Records))

	// What there is no room for is read once more.
	board.shown.heard = map[feed.Origin]struct{}{}
	for i := range uint64(maxHeard) {
		board.shown.heard[feed.Origin{Source: "other", Number: i}] = struct{}{}
	}
	more := early[0]
	more.Entry.Record.Item.Number += 999
	require.False(t, board.hear(more))
	board.want()
	board.begin()
	huge := early[0]
	huge.Entry.Record.Item.Number += 1000
	huge.Payload = slices.Concat(huge.Payload, bytes.Repeat([]byte(" "), maxTidings))
	require.False(t, board.hear(huge))
}

// leastOf is the number of the first that is told of the wallet of one of them.
func leastOf(list []pipeline.Delivered, d pipeline.Delivered) uint64 {
	at := slices.IndexFunc(list, func(o pipeline.Delivered) bool { return o.Entry.Record.Item.Wallet == d.Entry.Record.Item.Wallet })
	return list[at].Entry.Record.Item.Number
}

// A loss has what is left of the mailbox told again by the mailbox's echo, with numbers of its own.
func TestWhatAnEchoRepeatsIsNotCountedTwice(t *testing.T) {
	n, other, wallet, window := tellingNode(t, 0)
	board := readBoard(t, n)
	happen(t, n, other, wallet.ID(), window)
	list := delivered(t, n, 1)
	for range 2 {
		for i, d := range list {
			d.Witness = &feed.Witness{Origin: feed.Origin{Source: alone, Number: d.Entry.Record.Item.Number}}
			d.Entry.Record.Item.Source, d.Entry.Record.Item.Number = feed.EchoSource(n.LiveMailbox()), uint64(i+1)
			require.True(t, board.hear(d))
		}
		for _, d := range list {
			require.True(t, board.hear(d))
		}
	}
	require.Equal(t, asStored(t, n), unaged(board.Board().Records))
	list[0].Entry.Record.Item.Source = feed.EchoSource(n.LiveMailbox())
	require.False(t, board.hear(list[0]), "which one it repeats is not known: the store is asked")
}

// An action that is tried again has no outcome, until it has another one.
func TestAnActionThatIsTriedAgainIsShown(t *testing.T) {
	n, other, wallet, window := tellingNode(t, 0)
	board := readBoard(t, n)
	_, err := n.store.RecordResult(t.Context(), coordination.Result{
		Wallet: wallet.ID(), Window: window, Leader: other, OpenedAt: 9010, Reason: coordination.ReasonOK, Proposal: proposal.Heartbeat{Message: [16]byte{255, 255, 255, 255, 255, 255, 255, 255}},
	})
	require.NoError(t, err)
	require.NoError(t, n.store.FinishAction(t.Context(), wallet.ID(), 9000, action.SignerUnavailable, "", 9100))
	told := uint64(1)
	tell := func() *string {
		for _, d := range delivered(t, n, told) {
			require.True(t, board.hear(d))
			told = d.Entry.Record.Item.Number
		}
		shown := board.Board().Records
		require.Equal(t, asStored(t, n), unaged(shown))
		return shown.Wallets[0].Outcome
	}
	require.Equal(t, string(action.SignerUnavailable), *tell())
	_, err = n.store.RetryAction(t.Context(), wallet.ID(), 9000, 9101)
	require.NoError(t, err)
	require.Nil(t, tell())
	require.NoError(t, n.store.FinishAction(t.Context(), wallet.ID(), 9000, action.OK, "", 9110))
	require.Equal(t, string(action.OK), *tell())
}

// An instance of before faults were told with their details is one of the operator's while he upgrades them.
func TestWhatAnEarlierVersionDoesNotTellIsRead(t *testing.T) {
	n, other, wallet, window := tellingNode(t, 0)
	board := readBoard(t, n)
	happen(t, n, other, wallet.ID(), window)
	d := delivered(t, n, 1)[0]
	detail := []byte(`,"detail":"claimed seat 7"}`)
	require.Equal(t, 1, bytes.Count(d.Payload, detail))
	d.Payload = bytes.Replace(d.Payload, detail, []byte(`}`), 1)
	require.False(t, board.hear(d))
	require.Equal(t, coordination.ReasonOK, *board.Board().Records.Wallets[0].Reason, "what it tells is shown even so")
	board.want()
	require.NoError(t, board.Refresh(t.Context()))
	require.Equal(t, asStored(t, n), unaged(board.Board().Records))
}

// A mailbox that nobody has read is closed with a gap. From then on the store is read, until it is open again.
func TestAfterAGapTheStoreIsRead(t *testing.T) {
	n, other, wallet, window := tellingNode(t, 2)
	board, _, end := newsOf(t, n)
	require.NoError(t, board.Refresh(t.Context()))
	happen(t, n, other, wallet.ID(), window)
	require.Eventually(t, func() bool {
		board.mu.Lock()
		defer board.mu.Unlock()
		return !board.told
	}, patient, time.Millisecond)
	require.NoError(t, board.Refresh(t.Context()))
	require.Equal(t, asStored(t, n), unaged(board.Board().Records))
	require.ErrorIs(t, board.News(t.Context(), func() { t.Error("told") }), errFull)
	require.ErrorIs(t, end(), errFull)
}

// A fault that is older than those shown may have been counted long ago: the store is asked.
func TestAFaultThatMayBeKnownIsLookedUp(t *testing.T) {
	r := recorded{window: 9000, windows: view.LastWindows(9000)}
	tell := func(number uint64, window chain.Height, culprit byte, event string) (known bool) {
		e := view.Event{Event: event, Window: &window, Wallet: new(chain.WalletID), Faults: []view.EventFault{{
			ID: fmt.Sprint(window, culprit), Kind: faults.LeaderIdle, Culprit: chain.Operator{culprit}, Attributed: true, Detail: new(""),
		}}}
		_, known = r.add(tiding{origin: feed.Origin{Source: alone, Number: number}, event: &e})
		return known
	}
	for i := range boardFaults {
		require.True(t, tell(uint64(i+1), 8100, byte(i), view.EventAmendment))
	}
	require.False(t, tell(100, 7200, 1, view.EventAmendment))
	require.True(t, tell(101, 7200, 2, view.EventResult), "of a result they are new")
	require.True(t, tell(102, 9000, 200, view.EventAmendment))
	require.Len(t, r.faults, boardFaults)
	require.EqualValues(t, 9000, r.faults[0].Window)
	require.EqualValues(t, 8100, r.faults[boardFaults-1].Window)
}

func TestANodeWithoutAFeedTellsItsPageNothing(t *testing.T) {
	require.ErrorIs(t, NewBoard(&Node{}).News(t.Context(), func() { t.Error("told") }), api.ErrNoFeed)
}
