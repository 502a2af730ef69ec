package vault

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// letters is a mailbox whose messages a test puts in.
type letters struct {
	mu    sync.Mutex
	list  map[chain.Height][][]byte
	more  chan struct{}
	wrong error
	asked chan struct{} // told of each question, if there is room
}

func newLetters() *letters {
	return &letters{list: map[chain.Height][][]byte{}, more: make(chan struct{}), asked: make(chan struct{}, 1)}
}

func (l *letters) Statements(_ chain.WalletID, window chain.Height) ([][]byte, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.asked <- struct{}{}:
	default:
	}
	return append([][]byte{}, l.list[window]...), l.more, l.wrong
}

func (l *letters) Feed() signer.FeedHealth { return signer.FeedHealth{State: signer.FeedFollows} }

func (l *letters) put(window chain.Height, statement []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list[window] = append(l.list[window], statement)
	close(l.more)
	l.more = make(chan struct{})
}

// withMailbox gives the first house's vault a mailbox.
func (r *rig) withMailbox(wait time.Duration) *letters {
	r.t.Helper()
	l := newLetters()
	r.houses[0].cfg.Mailbox, r.houses[0].cfg.Wait = l, wait
	r.reopen(r.houses[0])
	return l
}

func TestRuleFeed(t *testing.T) {
	r, key := threeOperators(t)
	l := r.withMailbox(time.Millisecond)
	told, shown := r.heartbeat(key, firstWindow, 1), r.heartbeat(key, firstWindow, 2)
	r.at(firstWindow)
	wantRefused(t, signer.RuleFeed, r.begin(told))
	r.untouched(key)

	// A node that shows another message than the mailbox has is refused, although a leader signed it.
	l.put(firstWindow, told.intent.Statement)
	wantRefused(t, signer.RuleFeed, r.begin(shown))
	r.untouched(key)

	// What came through the mailbox is signed for, whatever the node shows beside it: it is not looked at.
	for _, statement := range [][]byte{told.intent.Statement, shown.intent.Statement, nil, []byte("anything")} {
		p := told
		p.intent.Statement = statement
		require.NoError(t, r.begin(p))
	}
	p, err := r.houses[0].vault.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Len(t, p.Slots, 1)

	// Nothing is taken from a mailbox that is found to be false.
	later := r.heartbeat(key, firstWindow+900, 1)
	r.at(firstWindow + 900)
	l.put(firstWindow+900, later.intent.Statement)
	l.wrong = errors.New("alpha/outbox/0 delivered something else than it committed to")
	err = r.begin(later)
	wantRefused(t, signer.RuleFeed, err)
	require.ErrorContains(t, err, "outbox")
	l.wrong = nil
	require.NoError(t, r.begin(later))
}

// What comes through the mailbox is judged as what a node shows: it must be a leader's of the wallet, for the window.
func TestWhatComesThroughTheMailboxIsJudgedLikeAllElse(t *testing.T) {
	r, key := threeOperators(t)
	l := r.withMailbox(time.Millisecond)
	r.at(firstWindow)
	good := r.heartbeat(key, firstWindow, 1)
	broken := append([]byte{}, good.intent.Statement...)
	broken[len(broken)-1] ^= 1
	for _, statement := range [][]byte{nil, []byte("hello"), broken, r.statement(r.houses[0], key, firstWindow+900, good.proposal)} {
		l.put(firstWindow, statement)
		wantRefused(t, signer.RuleFeed, r.begin(good))
	}
	r.untouched(key)
	l.put(firstWindow, good.intent.Statement) // after all the others
	require.NoError(t, r.begin(good))
}

func TestAMessageThatIsStillOnItsWayIsWaitedFor(t *testing.T) {
	r, key := threeOperators(t)
	l := r.withMailbox(5 * time.Minute)
	r.at(firstWindow)
	p := r.heartbeat(key, firstWindow, 1)
	answered := make(chan error, 1)
	go func() { answered <- r.begin(p) }()
	<-l.asked
	l.put(firstWindow+900, []byte("about something else"))
	<-l.asked
	l.put(firstWindow, p.intent.Statement)
	require.NoError(t, <-answered)
}

// A list that is as long as before may be another one: a mailbox that is not relied on any more takes away what another one brings.
func TestAMessageThatTakesAnothersPlaceIsSeen(t *testing.T) {
	r, key := threeOperators(t)
	l := r.withMailbox(5 * time.Minute)
	r.at(firstWindow)
	p, other := r.heartbeat(key, firstWindow, 1), r.heartbeat(key, firstWindow, 2)
	l.put(firstWindow, other.intent.Statement)
	answered := make(chan error, 1)
	go func() { answered <- r.begin(p) }()
	<-l.asked
	l.mu.Lock()
	l.list[firstWindow] = nil
	l.mu.Unlock()
	l.put(firstWindow, p.intent.Statement)
	require.NoError(t, <-answered)
}
