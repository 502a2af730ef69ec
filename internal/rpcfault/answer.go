package rpcfault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/walletnode/walletnode/chain"
)

// callTimeout bounds one question to the endpoint behind, which is on this host.
const callTimeout = 10 * time.Second

// call asks the endpoint behind. An error of its own comes back as a failure.
func (p *Proxy) call(ctx context.Context, method string, args ...any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var result json.RawMessage
	err := p.upstream.CallContext(ctx, &result, method, args...)
	var coded rpc.Error
	if errors.As(err, &coded) {
		told := &failure{Code: coded.ErrorCode(), Message: coded.Error()}
		var dated rpc.DataError
		if errors.As(err, &dated) {
			told.Data = dated.ErrorData()
		}
		return nil, told
	}
	if err != nil {
		return nil, fmt.Errorf("endpoint behind the proxy: %w", err)
	}
	return result, nil
}

// answer answers one question other than those about subscriptions.
func (t *tale) answer(ctx context.Context, q question) (json.RawMessage, error) {
	params, err := q.params()
	if err != nil {
		return nil, err
	}
	switch {
	case t.RateLimited:
		t.log.note(KindRateLimited)
		return nil, &failure{Code: codeLimit, Message: "request rate exceeded"}
	case t.Null:
		t.log.note(KindNull)
		return null, nil
	case t.ChainID != 0 && q.Method == "eth_chainId":
		t.log.note(KindChainID)
		return json.Marshal(hexutil.Uint64(t.ChainID))
	case t.ChainID != 0 && q.Method == "net_version":
		t.log.note(KindChainID)
		return json.Marshal(strconv.FormatUint(t.ChainID, 10))
	case t.Syncing && q.Method == "eth_syncing":
		t.log.note(KindSyncing)
		return json.RawMessage(`{"startingBlock":"0x0","currentBlock":"0x1","highestBlock":"0xffff"}`), nil
	}
	if text, ours, err := t.aboutPeers(q.Method); ours {
		return text, err
	}
	if t.twisted() || t.Withhold.To != 0 {
		if text, ours, err := t.aboutBlocks(ctx, q.Method, params); ours {
			return text, err
		}
	}
	return t.ask(ctx, q.Method, asArguments(params)...)
}

func asArguments(params []json.RawMessage) []any {
	args := make([]any, len(params))
	for i, p := range params {
		args[i] = p
	}
	return args
}

// aboutBlocks answers a question about the chain; false if that is left to the endpoint behind.
func (t *tale) aboutBlocks(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, bool, error) {
	var text json.RawMessage
	var err error
	switch method {
	case "eth_blockNumber":
		text, err = t.number(ctx)
	case "eth_getBlockByNumber", "eth_getBlockByHash":
		text, err = t.asked(ctx, method, params)
	case "eth_getHeaderByNumber", "eth_getHeaderByHash":
		if text, err = t.asked(ctx, method, params); err == nil && !isNull(text) {
			text, err = headerOf(text)
		}
	case "eth_call":
		text, err = t.read(ctx, params)
	default:
		return nil, false, nil
	}
	return text, true, err
}

// number tells the newest block's height.
func (t *tale) number(ctx context.Context) (json.RawMessage, error) {
	h, err := t.newest(ctx)
	if err != nil {
		return nil, err
	}
	if t.Lag > 0 {
		t.log.noteAt(KindLag, h)
	}
	if t.Jump > 0 {
		t.log.noteAt(KindJump, h)
	}
	return json.Marshal(hexutil.Uint64(h))
}

// asked tells a block by its number, tag or hash.
func (t *tale) asked(ctx context.Context, method string, params []json.RawMessage) (json.RawMessage, error) {
	if len(params) == 0 {
		return nil, &failure{Code: codeParams, Message: "missing value for required argument 0"}
	}
	full := len(params) > 1 && bytes.Equal(params[1], []byte("true"))
	if method == "eth_getBlockByHash" || method == "eth_getHeaderByHash" {
		var hash common.Hash
		if err := json.Unmarshal(params[0], &hash); err != nil {
			return nil, &failure{Code: codeParams, Message: "argument 0 is no hash"}
		}
		return t.byHash(ctx, hash, full)
	}
	var at rpc.BlockNumber
	if err := json.Unmarshal(params[0], &at); err != nil {
		return nil, &failure{Code: codeParams, Message: "argument 0 is no block number"}
	}
	switch at {
	case rpc.LatestBlockNumber, rpc.PendingBlockNumber:
		return t.latest(ctx, full)
	case rpc.SafeBlockNumber:
		return t.tagged(ctx, "safe", full)
	case rpc.FinalizedBlockNumber:
		return t.tagged(ctx, "finalized", full)
	case rpc.EarliestBlockNumber:
		at = 0
	}
	return t.block(ctx, chain.Height(at), full) //nolint:gosec // tags are negative, and went before
}

// read makes a contract call at the true block behind the one asked for: a branch's contracts are as those of the chain
// it was made from.
func (t *tale) read(ctx context.Context, params []json.RawMessage) (json.RawMessage, error) {
	var at rpc.BlockNumberOrHash
	if len(params) == 0 {
		return nil, &failure{Code: codeParams, Message: "missing value for required argument 0"}
	}
	if len(params) < 2 || json.Unmarshal(params[1], &at) != nil {
		at = rpc.BlockNumberOrHashWithNumber(rpc.LatestBlockNumber)
	}
	h, ok, err := t.place(ctx, at)
	if err != nil {
		return nil, err
	}
	args := asArguments(params)
	if ok {
		args = append([]any{params[0], hexutil.Uint64(h)}, args[min(2, len(args)):]...)
	}
	return t.ask(ctx, "eth_call", args...)
}

// place finds the true height behind a block that the tale has and the chain has not, or has as another one; false if
// the chain may be asked for it as it is.
func (t *tale) place(ctx context.Context, at rpc.BlockNumberOrHash) (chain.Height, bool, error) {
	top, err := t.newest(ctx)
	if err != nil {
		return 0, false, err
	}
	shown, ok := chain.Height(0), false
	if hash, byHash := at.Hash(); byHash {
		shown, ok, err = t.invented(ctx, hash)
	} else if number, _ := at.Number(); number >= 0 {
		shown, ok = chain.Height(number), true
	} else if number == rpc.LatestBlockNumber || number == rpc.PendingBlockNumber {
		shown, ok = top, true
	}
	if !ok || err != nil {
		return 0, false, err
	}
	if shown > top {
		return 0, false, &failure{Code: codeServer, Message: "header not found"}
	}
	if t.ahead != nil && shown >= t.ahead.from {
		shown -= t.Jump
	}
	return shown, true, nil
}
