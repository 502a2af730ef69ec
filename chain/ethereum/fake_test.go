package ethereum

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/big"
	stdhttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/walletnode/walletnode/chain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bridgeAddress    = common.HexToAddress("0xb1")
	validatorAddress = common.HexToAddress("0xa1")
)

// fake is an endpoint that serves what it is told to, over HTTP and WebSocket at once.
type fake struct {
	http *httptest.Server
	over chan struct{} // closed at the test's end

	mu       sync.Mutex
	server   *rpc.Server
	headers  []*types.Header // by number
	requests map[string]int
	sessions int // subscriptions made
	feeds    map[chan *types.Header]struct{}

	// What it does wrong; set before use or under mu.
	chainID    uint64
	mute       bool                                       // a subscription gets no heads
	claim      common.Hash                                // the hash it claims for every header
	shift      uint64                                     // added to the number of the block asked for
	forgetful  bool                                       // knows no block by hash
	onCall     func() (hexutil.Bytes, error)              // eth_call
	onLogs     func(from, to uint64) ([]types.Log, error) // eth_getLogs
	onAnswer   func(method string) (any, error, bool)     // in place of an answer, if it says true
	flood      string                                     // a header with which it refuses handshakes
	handshakes int
	calledAt   []rpc.BlockNumberOrHash               // the blocks of eth_call
	sent       []hexutil.Bytes                       // the transactions of eth_sendRawTransaction
	seen       stdhttp.Header                        // of the newest request or handshake
	wrap       func(stdhttp.Handler) stdhttp.Handler // around HTTP requests
}

func newFake(t testing.TB, blocks int) *fake {
	t.Helper()
	f := &fake{chainID: 1, over: make(chan struct{}), requests: make(map[string]int), feeds: make(map[chan *types.Header]struct{})}
	f.extend(blocks, 0)
	f.start()
	f.http = httptest.NewServer(stdhttp.HandlerFunc(f.serve))
	t.Cleanup(func() {
		close(f.over)
		f.stop()
		f.http.Close()
	})
	return f
}

func (f *fake) serve(w stdhttp.ResponseWriter, r *stdhttp.Request) {
	f.mu.Lock()
	server, wrap, flood := f.server, f.wrap, f.flood
	f.seen = r.Header
	if r.Header.Get("Upgrade") != "" {
		f.handshakes++
	}
	f.mu.Unlock()
	var handler stdhttp.Handler = server
	if r.Header.Get("Upgrade") != "" && flood != "" {
		w.Header().Set("X", flood)
		stdhttp.Error(w, "flooded", stdhttp.StatusServiceUnavailable)
		return
	}
	if r.Header.Get("Upgrade") != "" {
		handler = server.WebsocketHandler([]string{"*"})
	} else if wrap != nil {
		handler = wrap(handler)
	}
	handler.ServeHTTP(w, r)
}

func (f *fake) start() {
	server := rpc.NewServer()
	for name, api := range map[string]any{"eth": (*ethAPI)(f), "net": (*netAPI)(f), "admin": (*adminAPI)(f)} {
		if err := server.RegisterName(name, api); err != nil {
			panic(err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server = server
}

// stop breaks every connection; start serves again.
func (f *fake) stop() {
	f.mu.Lock()
	server := f.server
	f.mu.Unlock()
	server.Stop()
}

func (f *fake) wsURL() string { return "ws" + strings.TrimPrefix(f.http.URL, "http") }

// extend mines n blocks on the head; branch tells blocks of equal number apart.
func (f *fake) extend(n int, branch byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		h := &types.Header{
			Number: big.NewInt(int64(len(f.headers))), Difficulty: new(big.Int), Extra: []byte{branch},
			Time: uint64(1000 + len(f.headers)),
		}
		if len(f.headers) > 0 {
			h.ParentHash = f.headers[len(f.headers)-1].Hash()
		}
		f.headers = append(f.headers, h)
	}
}

// push sends the head to every subscriber.
func (f *fake) push() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pushLocked(f.headers[len(f.headers)-1])
}

func (f *fake) pushLocked(h *types.Header) {
	for feed := range f.feeds {
		feed <- h
	}
}

// reorganise replaces the blocks above a number by n others.
func (f *fake) reorganise(above, n int, branch byte) {
	f.mu.Lock()
	f.headers = f.headers[:above+1]
	f.mu.Unlock()
	f.extend(n, branch)
}

func (f *fake) hash(number int) chain.Hash {
	f.mu.Lock()
	defer f.mu.Unlock()
	return chain.Hash(f.headers[number].Hash())
}

func (f *fake) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[method]
}

func (f *fake) subscriptions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// encoded is a header as an endpoint writes it, hash field included. The caller has the lock.
func (f *fake) encoded(h *types.Header) map[string]any {
	text, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		panic(err)
	}
	if f.claim != (common.Hash{}) {
		fields["hash"] = f.claim
	}
	return fields
}

// ethAPI is the fake's "eth" namespace.
type ethAPI fake

func (a *ethAPI) ChainId() (any, error) {
	if answer, err, ok := (*fake)(a).instead("chainId"); ok {
		return answer, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return hexutil.Uint64(a.chainID), nil
}

func (a *ethAPI) Syncing() (any, error) {
	if answer, err, ok := (*fake)(a).instead("syncing"); ok {
		return answer, err
	}
	return false, nil
}

func (a *ethAPI) BlockNumber() hexutil.Uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return hexutil.Uint64(len(a.headers) - 1)
}

// The newest block's depth at which the fake calls a block safe, and finalized.
const (
	safeDepth      = 2
	finalizedDepth = 4
)

func (a *ethAPI) GetBlockByNumber(number rpc.BlockNumber, _ bool) (any, error) {
	name := "number"
	if number < 0 {
		name = number.String()
	}
	if answer, err, ok := (*fake)(a).instead(name); ok {
		return answer, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests["number"]++
	n := uint64(len(a.headers) - 1)
	switch number {
	case rpc.LatestBlockNumber:
	case rpc.SafeBlockNumber:
		n -= safeDepth
	case rpc.FinalizedBlockNumber:
		n -= finalizedDepth
	default:
		n = uint64(number) + a.shift
	}
	if n >= uint64(len(a.headers)) {
		return nil, nil
	}
	return (*fake)(a).encoded(a.headers[n]), nil
}

func (a *ethAPI) GetBlockByHash(hash common.Hash, _ bool) map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests["hash"]++
	for _, h := range a.headers {
		if h.Hash() == hash && !a.forgetful {
			return (*fake)(a).encoded(h)
		}
	}
	return nil
}

func (a *ethAPI) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, rpc.ErrNotificationsUnsupported
	}
	subscription := notifier.CreateSubscription()
	feed := make(chan *types.Header, 4096)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions++
	if !a.mute {
		a.feeds[feed] = struct{}{}
	}
	go func() {
		for {
			select {
			case h := <-feed:
				a.mu.Lock()
				head := (*fake)(a).encoded(h)
				a.mu.Unlock()
				_ = notifier.Notify(subscription.ID, head)
			case <-subscription.Err():
				a.mu.Lock()
				delete(a.feeds, feed)
				a.mu.Unlock()
				return
			}
		}
	}()
	return subscription, nil
}

func (a *ethAPI) Call(ctx context.Context, _ map[string]any, at rpc.BlockNumberOrHash) (hexutil.Bytes, error) {
	a.mu.Lock()
	a.calledAt = append(a.calledAt, at)
	onCall := a.onCall
	a.mu.Unlock()
	if onCall == nil {
		select { // an endpoint that never answers
		case <-ctx.Done():
		case <-a.over:
		}
		return nil, errors.New("gave up")
	}
	return onCall()
}

func (a *ethAPI) GetLogs(filter struct{ FromBlock, ToBlock hexutil.Uint64 }) ([]types.Log, error) {
	a.mu.Lock()
	onLogs := a.onLogs
	a.requests["logs"]++
	a.mu.Unlock()
	return onLogs(uint64(filter.FromBlock), uint64(filter.ToBlock))
}

func (a *ethAPI) SendRawTransaction(raw hexutil.Bytes) (any, error) {
	a.mu.Lock()
	a.sent = append(a.sent, raw)
	a.mu.Unlock()
	if answer, err, ok := (*fake)(a).instead("send"); ok {
		return answer, err
	}
	return crypto.Keccak256Hash(raw), nil
}

func (a *ethAPI) GetTransactionByHash(hash common.Hash) (any, error) {
	answer, err, _ := (*fake)(a).instead("transaction")
	return answer, err
}

// netAPI and adminAPI are the fake's other namespaces; without onAnswer their methods are closed.
type (
	netAPI   fake
	adminAPI fake
)

func (a *netAPI) PeerCount() (any, error)  { return (*fake)(a).open("peerCount") }
func (a *adminAPI) NodeInfo() (any, error) { return (*fake)(a).open("nodeInfo") }
func (a *adminAPI) Peers() (any, error)    { return (*fake)(a).open("peers") }

func (f *fake) open(method string) (any, error) {
	if answer, err, ok := f.instead(method); ok {
		return answer, err
	}
	return nil, refused{-32601, "the method does not exist/is not available"}
}

// instead returns what is told in place of a method's own answer, if something is.
func (f *fake) instead(method string) (any, error, bool) {
	f.mu.Lock()
	onAnswer := f.onAnswer
	f.mu.Unlock()
	if onAnswer == nil {
		return nil, nil, false
	}
	return onAnswer(method)
}

// refused is a JSON-RPC error without data.
type refused struct {
	code int
	text string
}

func (r refused) Error() string  { return r.text }
func (r refused) ErrorCode() int { return r.code }

// answers makes the fake answer some methods otherwise than it would.
func answers(of map[string]any) func(string) (any, error, bool) {
	return func(method string) (any, error, bool) {
		answer, ok := of[method]
		if err, failed := answer.(error); failed {
			return nil, err, true
		}
		return answer, nil, ok
	}
}

// config returns settings quick enough for tests: silence is noticed after 250 ms.
func config(url string) Config {
	return Config{
		URL: url, PollInterval: 50 * time.Millisecond, CallTimeout: 5 * time.Second, ChainID: 1,
		Bridge: bridgeAddress, Validator: validatorAddress,
	}
}

func testLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func dial(t testing.TB, config Config) *Client {
	t.Helper()
	client, err := Dial(context.Background(), config, testLog())
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// follow runs the feed until the test ends.
func follow(t testing.TB, client *Client) <-chan chain.Header {
	t.Helper()
	heads := make(chan chain.Header, 8192)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx, func(h chain.Header) { heads <- h }) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	return heads
}

// wantHeads reads heads and compares their heights and hashes with the fake's chain.
func wantHeads(t testing.TB, f *fake, heads <-chan chain.Header, from, to int) {
	t.Helper()
	for number := from; number <= to; number++ {
		select {
		case h := <-heads:
			require.Equal(t, chain.Height(number), h.Height)
			require.Equal(t, f.hash(number), h.Hash)
		case <-time.After(4 * time.Minute): // a head comes once the gap behind it is filled, request by request
			require.FailNow(t, "no head came", "block %d", number)
		}
	}
}

func wantNoHead(t testing.TB, heads <-chan chain.Header, within time.Duration) {
	t.Helper()
	select {
	case h := <-heads:
		require.FailNow(t, "an unexpected head came", "block %d", h.Height)
	case <-time.After(within):
	}
}
