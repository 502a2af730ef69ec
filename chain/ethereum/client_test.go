package ethereum

import (
	"context"
	"errors"
	"math/big"
	stdhttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestConfigIsChecked(t *testing.T) {
	require.NoError(t, config("wss://example.org/v3/key").Validate())
	require.NoError(t, config("/run/geth.ipc").Validate())
	for url, complaint := range map[string]string{
		"":                   "empty",
		"ftp://example.org":  `scheme "ftp"`,
		"stdio://":           `scheme "stdio"`,
		"ws://":              "no host",
		"http://[::1/secret": "cannot be parsed",
	} {
		err := config(url).Validate()
		require.ErrorContains(t, err, complaint)
		require.NotContains(t, err.Error(), "secret")
	}
	err := Config{URL: "ws://h", RequestsPerSecond: -1, Bridge: bridgeAddress}.Validate()
	for _, complaint := range []string{"poll interval", "call timeout", "requests per second", "give both or none"} {
		require.ErrorContains(t, err, complaint)
	}
}

// The key in an endpoint's URL must not reach a log, and neither must what the endpoint writes at any length.
func TestErrorsShowNeitherTheURLNorFloods(t *testing.T) {
	f := newFake(t, 1)
	f.wrap = func(stdhttp.Handler) stdhttp.Handler {
		return stdhttp.HandlerFunc(func(w stdhttp.ResponseWriter, _ *stdhttp.Request) {
			stdhttp.Error(w, strings.Repeat("flood", 1000), stdhttp.StatusTooManyRequests)
		})
	}
	_, err := dial(t, config(f.http.URL+"/secret")).ChainID(t.Context())
	require.EqualError(t, err, "eth_chainId: HTTP status 429 Too Many Requests")

	f.set(func() {
		f.wrap = nil
		f.onCall = func() (hexutil.Bytes, error) { return nil, errors.New(strings.Repeat("x", 5000)) }
	})
	err = dial(t, config(f.http.URL)).ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{})
	require.Less(t, len(err.Error()), 400)

	for _, url := range []string{"http://127.0.0.1:1/secret", "ws://user:secret@127.0.0.1:1/secret"} {
		_, err = dial(t, config(url)).ChainID(t.Context())
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, endpointName(url), "secret")
	}
}

func TestTooLargeAnAnswerIsAnError(t *testing.T) {
	f := newFake(t, 1)
	f.onCall = func() (hexutil.Bytes, error) { return make([]byte, maxResponse), nil }
	for _, url := range []string{f.http.URL, f.wsURL()} {
		client := dial(t, config(url))
		require.Error(t, client.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}))
		_, err := client.ChainID(t.Context()) // and the client goes on
		require.NoError(t, err)
	}
}

func TestRequestsKeepTheRate(t *testing.T) {
	f := newFake(t, 1)
	settings := config(f.http.URL)
	settings.RequestsPerSecond = 20
	client := dial(t, settings)
	started := time.Now()
	for range 25 {
		_, err := client.ChainID(t.Context())
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, time.Since(started), 250*time.Millisecond) // 1 + 25 requests, 20 at once, 6 at 50 ms each
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.ChainID(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAClosedClientSaysSo(t *testing.T) {
	f := newFake(t, 1)
	client, err := Dial(t.Context(), config(f.wsURL()), testLog())
	require.NoError(t, err)
	client.Close()
	_, err = client.ChainID(t.Context())
	require.ErrorIs(t, err, errClosed)
}

func TestAnUnknownWalletStateIsAnError(t *testing.T) {
	f := newFake(t, 1)
	output := make([]byte, 9*32)
	f.onCall = func() (hexutil.Bytes, error) { return output, nil }
	client := dial(t, config(f.http.URL))
	output[7*32+31] = 5
	state, err := client.WalletState(t.Context(), chain.WalletID{})
	require.NoError(t, err)
	require.Equal(t, chain.WalletTerminated, state)
	output[7*32+31] = 6
	_, err = client.WalletState(t.Context(), chain.WalletID{})
	require.ErrorContains(t, err, "no such state 6")
	output = output[:32] // fewer words than any of the reads needs
	_, err = client.WalletState(t.Context(), chain.WalletID{})
	require.ErrorContains(t, err, "decode 32 bytes")
	_, err = client.RedemptionLimits(t.Context())
	require.ErrorContains(t, err, "decode 32 bytes")
}

// pendingAnswer is pendingRedemptions' answer for a request of 2 000 000 satoshi.
func pendingAnswer() (hexutil.Bytes, error) {
	output := make([]byte, 5*32)
	big.NewInt(2_000_000).FillBytes(output[32:64])
	big.NewInt(1000).FillBytes(output[128:160])
	return output, nil
}

// requested is a RedemptionRequested log.
func requested(t *testing.T, client *Client, wallet chain.WalletID, script []byte, block uint64) types.Log {
	t.Helper()
	event := client.bridge.GetABI().Events["RedemptionRequested"]
	data, err := event.Inputs.NonIndexed().Pack(withLength(script), uint64(1), uint64(2), uint64(3))
	require.NoError(t, err)
	var topic common.Hash
	copy(topic[:], wallet[:])
	return types.Log{
		Address: bridgeAddress, Topics: []common.Hash{event.ID, topic, {}}, Data: data, BlockNumber: block,
	}
}

func TestLogQueriesShrinkToWhatTheEndpointAllows(t *testing.T) {
	f := newFake(t, 12_001)
	f.onCall = pendingAnswer
	client := dial(t, config(f.http.URL))
	wallet := chain.WalletID{7}
	f.onLogs = func(from, to uint64) ([]types.Log, error) {
		if to-from >= 1000 {
			return nil, errors.New("query exceeds max block range 1000")
		}
		var logs []types.Log
		for block := from; block <= to; block++ {
			if block%3000 == 0 {
				logs = append(logs, requested(t, client, wallet, []byte{byte(block / 3000)}, block))
			}
		}
		return logs, nil
	}
	requests, err := client.PendingRedemptions(t.Context(), wallet, 1)
	require.NoError(t, err)
	require.Len(t, requests, 4)
	for i, r := range requests {
		require.Equal(t, chain.Height(3000*(i+1)), r.Block)
		require.Equal(t, []byte{byte(i + 1)}, r.Script)
		require.Equal(t, uint64(2_000_000), r.RequestedAmount)
	}

	f.set(func() {
		f.onLogs = func(uint64, uint64) ([]types.Log, error) { return nil, errors.New("quota exceeded") }
	})
	before := f.count("logs")
	_, err = client.PendingRedemptions(t.Context(), wallet, 1)
	require.ErrorContains(t, err, "quota exceeded")
	require.Less(t, f.count("logs")-before, 12)
}

// An endpoint that answers with other logs than those asked for would have us propose what is not the wallet's.
func TestLogsOutsideTheFilterAreAnError(t *testing.T) {
	f := newFake(t, 100)
	f.onCall = pendingAnswer
	client := dial(t, config(f.http.URL))
	wallet := chain.WalletID{7}
	for name, spoil := range map[string]func(*types.Log){
		"another contract": func(l *types.Log) { l.Address = validatorAddress },
		"another wallet":   func(l *types.Log) { l.Topics[1] = common.Hash{8} },
		"another event":    func(l *types.Log) { l.Topics[0] = crypto.Keccak256Hash([]byte("Other()")) },
		"no topics":        func(l *types.Log) { l.Topics = []common.Hash{} },
		"a topic missing":  func(l *types.Log) { l.Topics = l.Topics[:2] },
		"too old":          func(l *types.Log) { l.BlockNumber = 9 },
		"too new":          func(l *types.Log) { l.BlockNumber = 100 },
		"removed":          func(l *types.Log) { l.Removed = true },
		"no data":          func(l *types.Log) { l.Data = []byte{} },
		"cut data":         func(l *types.Log) { l.Data = l.Data[:100] },
		"wrong prefix":     func(l *types.Log) { l.Data[len(l.Data)-32]++ },
	} {
		t.Run(name, func(t *testing.T) {
			entry := requested(t, client, wallet, []byte{1}, 50)
			f.set(func() { f.onLogs = func(uint64, uint64) ([]types.Log, error) { return []types.Log{entry}, nil } })
			_, err := client.PendingRedemptions(t.Context(), wallet, 10)
			require.NoError(t, err)
			spoil(&entry)
			_, err = client.PendingRedemptions(t.Context(), wallet, 10)
			require.Error(t, err)
		})
	}
}

func TestScriptsCarryTheirLength(t *testing.T) {
	for length, prefix := range map[int]string{
		0: "00", 1: "01", 22: "16", 252: "fc", 253: "fdfd00", 65535: "fdffff", 65536: "fe00000100",
	} {
		got := withLength(make([]byte, length))
		require.Equal(t, prefix, common.Bytes2Hex(got[:len(got)-length]))
	}
	script, err := withoutLength([]byte{2, 8, 9})
	require.NoError(t, err)
	require.Equal(t, []byte{8, 9}, script)
	for _, bad := range [][]byte{nil, {1}, {1, 2, 3}, {0xfd, 0, 0}} {
		_, err := withoutLength(bad)
		require.Error(t, err)
	}
}
