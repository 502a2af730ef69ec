package node

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// beat is what a guard of a test finds around it.
type beat struct {
	mu     sync.Mutex
	stored map[chain.Height][]byte // what the shared store has of the wallet
	away   error                   // the database is
	said   bool                    // our own journal has it
	doubt  bool
	asked  time.Time // what the doubt was last asked for
	height chain.Height
	listed []shared.Halt
	alarms int

	halts *halts
	guard *guard
}

func (b *beat) set(change func()) {
	b.locked(change)
	time.Sleep(relook) // the guard has looked again by then
	synctest.Wait()
}

func (b *beat) locked(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

var guarded = chain.WalletID{7}

// statement is what somebody says for the guarded wallet, and its payload.
func statement(window chain.Height, text byte) (net.Message, []byte) {
	payload := proposal.EncodeMessage(proposal.Message{
		Sender: 1, Block: window, Wallet: guarded, Proposal: proposal.Heartbeat{Message: [16]byte{text}},
	})
	slot, err := inspect(payload)
	if err != nil {
		panic(err)
	}
	return net.Message{Slot: slot, Payload: payload}, payload
}

// onBeat runs a test of a guard under virtual time.
func onBeat(t *testing.T, test func(t *testing.T, b *beat)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &beat{stored: map[chain.Height][]byte{}, height: 901, halts: newHalts()}
		locked := b.locked
		b.guard = newGuard(guardConfig{
			Instance: "a", Timeout: time.Second, Halts: b.halts, Logger: slog.New(slog.DiscardHandler),
			Own: func(_ context.Context, _ chain.WalletID, window chain.Height) (own coordination.OwnProposal, found bool, err error) {
				locked(func() {
					err = b.away
					own.Payload, found = b.stored[window]
				})
				return own, found, err
			},
			Sent: func(net.Message) (said bool) { locked(func() { said = b.said }); return said },
			Doubt: func(since time.Time) (doubt bool) {
				locked(func() { doubt, b.asked = b.doubt, since })
				return doubt
			},
			Over: func(window chain.Height) (over bool) { locked(func() { over = b.height >= window+100 }); return over },
			Halt: func(_ context.Context, h shared.Halt) (err error) {
				locked(func() {
					if err = b.away; err == nil {
						b.listed = append(b.listed, h)
					}
				})
				return err
			},
			Alarm: func() { locked(func() { b.alarms++ }) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.guard.Run(ctx) }()
		test(t, b)
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestWhatASiblingSaidStopsNothing(t *testing.T) {
	onBeat(t, func(t *testing.T, b *beat) {
		m, payload := statement(900, 1)
		b.set(func() { b.stored[900] = payload })
		b.guard.heard(m)
		synctest.Wait()
		require.False(t, b.halts.stopped(guarded))
		require.Empty(t, b.guard.list())
	})
}

func TestAStrangersWordStopsTheWalletHereAtOnceAndThenEverywhere(t *testing.T) {
	onBeat(t, func(t *testing.T, b *beat) {
		_, payload := statement(900, 1)
		b.set(func() { b.stored[900] = payload })
		other, _ := statement(900, 2)
		b.guard.heard(other)
		synctest.Wait()
		require.True(t, b.halts.stopped(guarded), "while it is looked into")
		b.set(func() { require.Empty(t, b.listed) })
		time.Sleep(patience + relook)
		b.set(func() {
			require.Equal(t, 1, b.alarms)
			require.Len(t, b.listed, 1)
			require.Equal(t, []any{guarded, chain.Height(900), "a"}, []any{b.listed[0].Wallet, b.listed[0].Window, b.listed[0].By})
		})
		require.True(t, b.halts.stopped(guarded), "until the list has it")
		b.halts.list(b.listed, time.Now())
		b.halts.list(nil, time.Now())
		require.False(t, b.halts.stopped(guarded), "a person let it go on")
	})
}

// A thief who speaks before the window begins is one, too.
func TestAStrangerWhoSpeaksEarlyIsNoticed(t *testing.T) {
	onBeat(t, func(t *testing.T, b *beat) {
		b.set(func() { b.height = 890 })
		m, _ := statement(900, 1)
		b.guard.heard(m)
		time.Sleep(patience + relook)
		b.set(func() { require.Equal(t, 1, b.alarms) })
	})
}

func TestAWalletIsStoppedHereWhileTheDatabaseIsAway(t *testing.T) {
	onBeat(t, func(t *testing.T, b *beat) {
		b.set(func() { b.away = errors.New("away") })
		m, payload := statement(900, 1)
		b.guard.heard(m)
		synctest.Wait()
		require.True(t, b.halts.stopped(guarded), "nobody can say who it was")
		time.Sleep(time.Minute)
		b.set(func() {
			require.Zero(t, b.alarms, "it may have been a sibling")
			b.away, b.stored[900] = nil, payload
		})
		require.False(t, b.halts.stopped(guarded))

		stranger, _ := statement(900, 2)
		b.guard.heard(stranger)
		time.Sleep(patience - relook)
		synctest.Wait()
		b.set(func() { b.away = errors.New("away") })
		time.Sleep(time.Minute)
		require.True(t, b.halts.stopped(guarded))
		b.set(func() { b.away = nil })
		require.True(t, b.halts.stopped(guarded))
		b.set(func() { require.Len(t, b.listed, 1, "the other instances hear of it when they can") })
	})
}

// A database that lost commits has forgotten what siblings said; they put it back, and that may take a while.
func TestWhatMayStillBePutBackStopsAWalletForThatTimeOnly(t *testing.T) {
	onBeat(t, func(t *testing.T, b *beat) {
		b.set(func() { b.doubt = true })
		m, payload := statement(900, 1)
		began := time.Now()
		b.guard.heard(m)
		time.Sleep(time.Minute)
		b.set(func() {
			require.Zero(t, b.alarms)
			require.Equal(t, began, b.asked, "since it was first looked for in vain")
		})
		require.True(t, b.halts.stopped(guarded))
		b.set(func() { b.stored[900] = payload })
		require.False(t, b.halts.stopped(guarded))

		lost, _ := statement(900, 3) // said by a sibling that never comes back
		b.guard.heard(lost)
		time.Sleep(time.Minute)
		require.True(t, b.halts.stopped(guarded))
		b.set(func() { b.height = 1000 })
		require.False(t, b.halts.stopped(guarded), "the window is over")
		b.set(func() { require.Zero(t, b.alarms) })
	})
}

func TestWhatThisInstanceSentIsNoStrangers(t *testing.T) {
	onBeat(t, func(t *testing.T, b *beat) {
		b.set(func() { b.said = true })
		m, _ := statement(900, 1)
		b.guard.heard(m)
		synctest.Wait()
		require.Empty(t, b.guard.list())
		require.False(t, b.halts.stopped(guarded))
	})
}

func TestAGuardLooksIntoSoMuchAtATime(t *testing.T) {
	g := newGuard(guardConfig{})
	for i := range maxSuspects + 1 {
		m, _ := statement(chain.Height(900*(1+i)), 1)
		g.heard(m)
	}
	require.Len(t, g.list(), maxSuspects)
}
