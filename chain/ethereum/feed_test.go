package ethereum

import (
	"context"
	"math/big"
	stdnet "net"
	stdhttp "net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
)

// quiet has a watchdog that does not bark within a test.
func quiet(url string) Config {
	c := config(url)
	c.PollInterval = time.Minute
	return c
}

func TestHeadsComeBySubscription(t *testing.T) {
	f := newFake(t, 5)
	heads := follow(t, dial(t, quiet(f.wsURL())))
	wantHeads(t, f, heads, 4, 4) // at once, without waiting for a block
	for n := 5; n < 10; n++ {
		f.extend(1, 0)
		f.push()
		wantHeads(t, f, heads, n, n)
	}
	f.push() // a repetition
	wantNoHead(t, heads, 50*time.Millisecond)
	require.Zero(t, f.count("hash"))
}

func TestHeadsComeByPollingOverHTTP(t *testing.T) {
	f := newFake(t, 5)
	heads := follow(t, dial(t, config(f.http.URL)))
	wantHeads(t, f, heads, 4, 4)
	f.extend(3, 0)
	wantHeads(t, f, heads, 5, 7)
	wantNoHead(t, heads, 120*time.Millisecond)
	require.Zero(t, f.subscriptions())
}

func TestHeadsComeOverASocket(t *testing.T) {
	f := newFake(t, 5)
	path := filepath.Join(t.TempDir(), "node.ipc")
	listener, err := stdnet.Listen("unix", path)
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = f.server.ServeListener(listener)
	}()
	t.Cleanup(func() { _ = listener.Close(); <-served })
	heads := follow(t, dial(t, quiet(path)))
	wantHeads(t, f, heads, 4, 4)
}

func TestGapsAreFilled(t *testing.T) {
	f := newFake(t, 5)
	heads := follow(t, dial(t, quiet(f.wsURL())))
	wantHeads(t, f, heads, 4, 4)
	f.extend(20, 0)
	f.push()
	wantHeads(t, f, heads, 5, 24)
	require.Zero(t, f.count("number")-1, "parents are asked for by hash")
}

func TestOfABigGapTheNewest256AreFilled(t *testing.T) {
	f := newFake(t, 5)
	settings := quiet(f.wsURL())
	settings.CallTimeout = time.Minute // bounds the whole filling too, which is 256 requests on a machine that may be busy
	heads := follow(t, dial(t, settings))
	wantHeads(t, f, heads, 4, 4)
	f.extend(1000, 0)
	f.push()
	wantHeads(t, f, heads, 1004-maxFill, 1004)
}

// The parents of an absurd head must not pass for the second observation that the clock asks for.
func TestAnAbsurdHeadComesAlone(t *testing.T) {
	f := newFake(t, 5)
	heads := follow(t, dial(t, quiet(f.wsURL())))
	wantHeads(t, f, heads, 4, 4)
	f.set(func() {
		f.pushLocked(&types.Header{Number: big.NewInt(30_000_000), Difficulty: new(big.Int), ParentHash: f.headers[4].Hash()})
	})
	require.Equal(t, chain.Height(30_000_000), (<-heads).Height)
	wantNoHead(t, heads, 50*time.Millisecond)
	require.Zero(t, f.count("hash"))
}

// The endpoint has lost what lies between: one more head shows that it means it.
func TestAHeadAboveAGapThatCannotBeFilledNeedsASecondObservation(t *testing.T) {
	f := newFake(t, 5)
	f.forgetful = true
	heads := follow(t, dial(t, quiet(f.wsURL())))
	wantHeads(t, f, heads, 4, 4)
	f.extend(10, 0)
	f.push()
	wantNoHead(t, heads, 50*time.Millisecond)
	f.extend(1, 0)
	f.push()
	wantHeads(t, f, heads, 15, 15)
}

// A height within the clock's belief that links to nothing must not end the window that is running.
func TestR1OneHeadThatLinksToNothingIsNotFollowed(t *testing.T) {
	f := newFake(t, 906)
	heads := follow(t, dial(t, quiet(f.wsURL())))
	wantHeads(t, f, heads, 905, 905)
	f.set(func() {
		f.pushLocked(&types.Header{Number: big.NewInt(1805), Difficulty: new(big.Int), ParentHash: common.Hash{7}})
	})
	f.extend(1, 0)
	f.push()
	wantHeads(t, f, heads, 906, 906)
	wantNoHead(t, heads, 50*time.Millisecond)
}

func TestReorganisationsDeliverTheNewBranch(t *testing.T) {
	f := newFake(t, 20)
	heads := follow(t, dial(t, quiet(f.wsURL())))
	wantHeads(t, f, heads, 19, 19)
	f.extend(5, 0)
	f.push()
	wantHeads(t, f, heads, 20, 24)

	f.reorganise(21, 4, 1) // longer
	f.push()
	wantHeads(t, f, heads, 22, 25)
	f.reorganise(22, 1, 2) // lower than before
	f.push()
	wantHeads(t, f, heads, 23, 23)
	f.reorganise(10, 20, 3) // below all that is remembered
	f.push()
	wantHeads(t, f, heads, 19, 30)
}

func TestALostConnectionIsSubscribedAgain(t *testing.T) {
	f := newFake(t, 5)
	client := dial(t, quiet(f.wsURL()))
	heads := follow(t, client)
	wantHeads(t, f, heads, 4, 4)
	for round := range 3 {
		first := 5 + 4*round
		f.stop()
		f.extend(4, 0) // while we cannot see it
		f.start()
		wantHeads(t, f, heads, first, first+3)
	}
	_, err := client.Header(t.Context(), 3) // the calls' connection comes back too
	require.NoError(t, err)
}

func TestASilentSubscriptionIsMadeAnew(t *testing.T) {
	f := newFake(t, 5)
	f.mute = true
	heads := follow(t, dial(t, config(f.wsURL())))
	wantHeads(t, f, heads, 4, 4)
	f.extend(2, 0) // never pushed
	wantHeads(t, f, heads, 5, 6)
	require.Greater(t, f.subscriptions(), 1)
}

// A connection can die without a sign: nothing is refused, nothing comes back.
func TestADeadConnectionIsGivenUp(t *testing.T) {
	f := newFake(t, 5)
	line := newProxy(t, f.http.Listener.Addr().String())
	settings := config("ws://" + line.address())
	settings.CallTimeout = 200 * time.Millisecond
	client := dial(t, settings)
	heads := follow(t, client)
	wantHeads(t, f, heads, 4, 4)
	line.cut()
	f.extend(1, 0)
	f.push()
	wantHeads(t, f, heads, 5, 5)
	_, err := client.Header(t.Context(), 3)
	require.NoError(t, err)
}

// A node must start while an endpoint is away, and use it once it is back.
func TestAnEndpointMayBeDownAtTheStart(t *testing.T) {
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	client := dial(t, config("ws://"+address))
	_, err = client.Header(t.Context(), 1)
	require.Error(t, err)
	heads := follow(t, client)

	f := newFake(t, 5)
	listener, err = stdnet.Listen("tcp", address)
	require.NoError(t, err)
	server := &stdhttp.Server{Handler: stdhttp.HandlerFunc(f.serve), ReadHeaderTimeout: time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-served })
	wantHeads(t, f, heads, 4, 4)
}

func TestAnotherChainIsRefused(t *testing.T) {
	f := newFake(t, 5)
	f.chainID = 11155111
	_, err := Dial(t.Context(), config(f.wsURL()), testLog())
	require.ErrorIs(t, err, ErrWrongChain)

	anyChain := config(f.http.URL)
	anyChain.ChainID = 0
	id, err := dial(t, anyChain).ChainID(t.Context())
	require.NoError(t, err)
	require.Equal(t, uint64(11155111), id)

	// The endpoint behind an address may change later: its heads are not followed.
	g := newFake(t, 5)
	heads := follow(t, dial(t, config(g.wsURL())))
	wantHeads(t, g, heads, 4, 4)
	g.set(func() { g.chainID = 5 })
	g.stop()
	g.extend(1, 0)
	g.start()
	wantNoHead(t, heads, 500*time.Millisecond)
}

// Whatever order branches come in, what is delivered is linked: each header's parent is the one delivered last
// at the height below, unless nothing was delivered there.
func TestDeliveredHeadersAreLinked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocks := map[chain.Hash]chain.Header{}
		made := byte(0)
		child := func(parent chain.Header) chain.Header {
			made++
			h := chain.Header{Height: parent.Height + 1, Hash: chain.Hash{31: made}, Parent: parent.Hash}
			blocks[h.Hash] = h
			return h
		}
		root := chain.Header{Height: 100, Hash: chain.Hash{1}}
		all := []chain.Header{root}
		var tr trail
		delivered := map[chain.Height]chain.Header{}
		deliver := func(h chain.Header) {
			if below, ok := delivered[h.Height-1]; ok && below.Hash != h.Parent {
				t.Fatalf("block %d does not link", h.Height)
			}
			for height := range delivered {
				if height >= h.Height {
					delete(delivered, height)
				}
			}
			delivered[h.Height] = h
			tr.add(h)
		}
		deliver(root)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			tip := all[rapid.IntRange(0, len(all)-1).Draw(t, "parent")]
			for range rapid.IntRange(1, 4).Draw(t, "length") {
				tip = child(tip)
				all = append(all, tip)
			}
			head := all[rapid.IntRange(0, len(all)-1).Draw(t, "head")]
			if tr.has(head) {
				continue
			}
			path := []chain.Header{head}
			for !tr.joins(path[0]) {
				path = append([]chain.Header{blocks[path[0].Parent]}, path...)
			}
			for _, h := range path {
				deliver(h)
			}
		}
	})
}

func TestComputedHashWinsOverTheClaimedOne(t *testing.T) {
	f := newFake(t, 5)
	f.claim = common.HexToHash("0x1111")
	client := dial(t, quiet(f.wsURL()))
	header, err := client.Header(t.Context(), 3)
	require.NoError(t, err)
	require.Equal(t, f.hash(3), header.Hash)
	require.Equal(t, f.hash(2), header.Parent)
	require.Equal(t, time.Unix(1003, 0), header.Time)
	heads := follow(t, client)
	wantHeads(t, f, heads, 4, 4)
	f.extend(2, 0)
	f.push()
	wantHeads(t, f, heads, 5, 6)
}

func TestAHeaderOfAnotherNumberIsAnError(t *testing.T) {
	f := newFake(t, 5)
	f.shift = 1
	_, err := dial(t, config(f.http.URL)).Header(t.Context(), 2)
	require.ErrorContains(t, err, "asked for block 2, got 3")
}

func TestAMissingBlockIsNotFound(t *testing.T) {
	f := newFake(t, 5)
	client := dial(t, config(f.http.URL))
	_, err := client.Header(t.Context(), 5)
	require.ErrorIs(t, err, chain.ErrNotFound)
	genesis, err := client.Genesis(t.Context())
	require.NoError(t, err)
	require.Equal(t, f.hash(0), genesis)
}

func FuzzHeader(f *testing.F) {
	text, err := (&types.Header{Number: big.NewInt(7), Difficulty: new(big.Int)}).MarshalJSON()
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"number":"0xffffffffffffffffffff"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var h wireHeader
		if h.UnmarshalJSON(text) == nil && h.Hash == (chain.Hash{}) {
			t.Fatal("a header without a hash")
		}
	})
}

// followFrom is follow with headers that another endpoint delivered.
func followFrom(t testing.TB, client *Client, delivered []chain.Header) <-chan chain.Header {
	t.Helper()
	heads := make(chan chain.Header, 8192)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Follow(ctx, delivered, func(h chain.Header) { heads <- h }) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	return heads
}

// deliveredBy returns the headers of a range as the fake's chain has them.
func deliveredBy(t testing.TB, f *fake, from, to chain.Height) []chain.Header {
	t.Helper()
	headers, err := open(t, config(f.http.URL)).Headers(t.Context(), from, to)
	require.NoError(t, err)
	require.Len(t, headers, int(to-from+1))
	return headers
}

func TestAChangeOfEndpointsLosesNoHeight(t *testing.T) {
	f := newFake(t, 40)
	before := deliveredBy(t, f, 10, 20)
	for _, url := range bothOf(f) {
		heads := followFrom(t, open(t, config(url)), before)
		wantHeads(t, f, heads, 21, 39)
	}
}

func TestAfterAChangeNothingIsDeliveredTwice(t *testing.T) {
	f := newFake(t, 40)
	heads := followFrom(t, open(t, quiet(f.wsURL())), deliveredBy(t, f, 10, 39))
	require.Eventually(t, func() bool { return f.subscriptions() == 1 && f.count("number") > 30 }, 5*time.Second, time.Millisecond)
	f.extend(2, 0)
	f.push()
	wantHeads(t, f, heads, 40, 41) // and not 39, which the endpoint showed first
}

// The endpoint changed to is behind, as it may be by a block or two.
func TestAnEndpointThatIsBehindCatchesUpInSilence(t *testing.T) {
	ahead, behind := newFake(t, 43), newFake(t, 40)
	heads := followFrom(t, open(t, quiet(behind.wsURL())), deliveredBy(t, ahead, 20, 42))
	for range 5 { // 40 .. 44, pushed one by one; the two chains are the same
		behind.extend(1, 0)
		behind.push()
	}
	wantHeads(t, behind, heads, 43, 44)
}

// The endpoint changed to follows another branch: it is delivered from where it left.
func TestAChangeToAnotherBranchDeliversItFromTheFork(t *testing.T) {
	f := newFake(t, 40)
	before := deliveredBy(t, f, 10, 39)
	f.reorganise(33, 8, 1)
	heads := followFrom(t, open(t, config(f.http.URL)), before)
	wantHeads(t, f, heads, 34, 41)
}

// What was delivered last may be absurd; the new endpoint brings the heads back to the ground.
func TestAChangeAwayFromAnAbsurdHead(t *testing.T) {
	f := newFake(t, 40)
	absurd := append(deliveredBy(t, f, 30, 38), chain.Header{Height: 30_000_000, Hash: chain.Hash{1}})
	heads := followFrom(t, open(t, config(f.http.URL)), absurd)
	wantHeads(t, f, heads, 39, 39)
}
