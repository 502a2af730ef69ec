package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	stdnet "net"
	stdhttp "net/http"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/walletnode/walletnode/chain"
)

// BlockTime is Ethereum's.
const BlockTime = 12 * time.Second

// EndpointNames are the endpoints that ServeEndpoints serves, each under a path of its name. Every one has a block 300 ms
// after the one before it.
var EndpointNames = []string{"a", "b", "c", "d", "e"}

const (
	later       = 300 * time.Millisecond
	firstHead   = 400 // the head at the start
	knownBlocks = firstHead + 600
)

// ledger is the chain that all endpoints have: an empty chain's headers, in blocks as large as mainnet's.
var ledger = sync.OnceValue(func() []*types.Header {
	headers := make([]*types.Header, knownBlocks)
	var parent common.Hash
	for i := range headers {
		headers[i] = &types.Header{
			ParentHash: parent, Number: big.NewInt(int64(i)), Time: uint64(1_800_000_000 + 12*i), //nolint:gosec // small
			Difficulty: new(big.Int), BaseFee: big.NewInt(1_000_000_000), GasLimit: 36_000_000, UncleHash: types.EmptyUncleHash,
			TxHash: types.EmptyTxsHash, ReceiptHash: types.EmptyReceiptsHash,
		}
		parent = headers[i].Hash()
	}
	return headers
})

// EndpointHeader is what the endpoints have at a height, without its time.
func EndpointHeader(h chain.Height) chain.Header {
	header := ledger()[h]
	return chain.Header{Height: h, Hash: chain.Hash(header.Hash()), Parent: chain.Hash(header.ParentHash)}
}

// ServeEndpoints serves the endpoints over HTTP and WebSocket on this host, from memory, and writes their address to out. It
// ends with its input. A block comes every BlockTime.
func ServeEndpoints(in io.Reader, out io.Writer) error {
	blocks := make([]json.RawMessage, knownBlocks)
	for i, header := range ledger() {
		var err error
		if blocks[i], err = mainnetSized(header); err != nil {
			return err
		}
	}
	mux, began := stdhttp.NewServeMux(), time.Now()
	for i, name := range EndpointNames {
		server := rpc.NewServer()
		defer server.Stop()
		e := &endpoint{blocks: blocks, began: began.Add(time.Duration(i) * later)}
		if err := server.RegisterName("eth", e); err != nil {
			return fmt.Errorf("serve endpoint: %w", err)
		}
		if err := server.RegisterName("net", peers{}); err != nil {
			return fmt.Errorf("serve endpoint: %w", err)
		}
		socket := server.WebsocketHandler([]string{"*"})
		mux.HandleFunc("/"+name, func(w stdhttp.ResponseWriter, r *stdhttp.Request) {
			if r.Header.Get("Upgrade") != "" {
				socket.ServeHTTP(w, r)
				return
			}
			server.ServeHTTP(w, r)
		})
	}
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return fmt.Errorf("tell address: %w", err)
	}
	server := &stdhttp.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = server.Close()
	}()
	if err := server.Serve(listener); err != stdhttp.ErrServerClosed {
		return fmt.Errorf("serve endpoints: %w", err)
	}
	return nil
}

// mainnetSized is a block with the hashes of 200 transactions and with 16 withdrawals, some 18 kB.
func mainnetSized(header *types.Header) (json.RawMessage, error) {
	text, err := json.Marshal(header)
	if err != nil {
		return nil, fmt.Errorf("encode header: %w", err)
	}
	zeros := strings.Repeat("0", 64)
	hashes := strings.TrimSuffix(strings.Repeat(`"0x`+zeros+`",`, 200), ",")
	withdrawal := `{"index":"0x1","validatorIndex":"0x2","address":"0x` + zeros[:40] + `","amount":"0x3"},`
	return json.RawMessage(strings.TrimSuffix(string(text), "}") + `,"size":"0x1","uncles":[],"transactions":[` + hashes +
		`],"withdrawals":[` + strings.TrimSuffix(strings.Repeat(withdrawal, 16), ",") + `]}`), nil
}

// endpoint answers for one of them.
type endpoint struct {
	blocks []json.RawMessage
	began  time.Time // when its head was the first
}

func (e *endpoint) head() int {
	return min(firstHead+int(max(0, time.Since(e.began))/BlockTime), knownBlocks-1)
}

// ChainId answers eth_chainId.
func (e *endpoint) ChainId() hexutil.Uint64 { return 1 }

// Syncing answers eth_syncing.
func (e *endpoint) Syncing() bool { return false }

// GetBlockByNumber answers eth_getBlockByNumber; null above the head.
func (e *endpoint) GetBlockByNumber(number rpc.BlockNumber, _ bool) json.RawMessage {
	h := int(number)
	switch number {
	case rpc.LatestBlockNumber:
		h = e.head()
	case rpc.SafeBlockNumber:
		h = e.head() - 32
	case rpc.FinalizedBlockNumber:
		h = e.head() - 64
	}
	if h < 0 || h > e.head() {
		return nil
	}
	return e.blocks[h]
}

// NewHeads answers eth_subscribe.
func (e *endpoint) NewHeads(ctx context.Context) (*rpc.Subscription, error) {
	notifier, ok := rpc.NotifierFromContext(ctx)
	if !ok {
		return nil, rpc.ErrNotificationsUnsupported
	}
	subscription := notifier.CreateSubscription()
	go func() {
		for {
			next := e.head() + 1
			select {
			case <-time.After(time.Until(e.began.Add(time.Duration(next-firstHead) * BlockTime))):
				_ = notifier.Notify(subscription.ID, ledger()[min(next, knownBlocks-1)])
			case <-subscription.Err(): //nolint:errcheck // that it ended is all it tells
				return
			}
		}
	}()
	return subscription, nil
}

// peers answers net_peerCount.
type peers struct{}

// PeerCount answers net_peerCount.
func (peers) PeerCount() hexutil.Uint64 { return 25 }
