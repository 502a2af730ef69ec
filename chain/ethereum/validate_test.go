package ethereum

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	stdhttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// revert is the error of a call, with the data member that the shape under test has.
type revert struct {
	message string
	data    any
}

func (r revert) Error() string  { return r.message }
func (r revert) ErrorCode() int { return 3 }
func (r revert) ErrorData() any { return r.data }

func revertWith(reason string) []byte {
	arguments, err := revertArguments.Pack(reason)
	if err != nil {
		panic(err)
	}
	return append(bytes.Clone(revertSelector), arguments...)
}

func word(last byte) hexutil.Bytes { return append(make([]byte, 31), last) }

func TestR5OnlyADecodedRevertIsARefusal(t *testing.T) {
	const reason = "Redemption exceeds the max size"
	reverted := hexutil.Encode(revertWith(reason))
	panicCode := "0x4e487b71" + strings.Repeat("0", 62) + "11"
	answer := func(output hexutil.Bytes, err error) func() (hexutil.Bytes, error) {
		return func() (hexutil.Bytes, error) { return output, err }
	}
	for name, test := range map[string]struct {
		call    func() (hexutil.Bytes, error)
		refusal string // the reason; empty if the outcome is no refusal
		passes  bool
	}{
		"true":                           {call: answer(word(1), nil), passes: true},
		"reason":                         {call: answer(nil, revert{"execution reverted: " + reason, reverted}), refusal: reason},
		"reason after a word":            {call: answer(nil, revert{"VM execution error.", "Reverted " + reverted}), refusal: reason},
		"reason in an object":            {call: answer(nil, revert{"reverted", map[string]any{"data": reverted}}), refusal: reason},
		"long reason":                    {call: answer(nil, revert{"", hexutil.Encode(revertWith(strings.Repeat("x", 1000)))}), refusal: strings.Repeat("x", maxReason) + "..."},
		"reason of bytes":                {call: answer(nil, revert{"", hexutil.Encode(revertWith("a\xffb"))}), refusal: "a?b"},
		"false":                          {call: answer(word(0), nil)},
		"no such bool":                   {call: answer(word(2), nil)},
		"no code at the address":         {call: answer(nil, nil)},
		"short output":                   {call: answer(make([]byte, 5), nil)},
		"empty reason":                   {call: answer(nil, revert{"execution reverted", hexutil.Encode(revertWith(""))})},
		"no data":                        {call: answer(nil, revert{"execution reverted", nil})},
		"text without data":              {call: answer(nil, revert{"execution reverted: " + reason, nil})},
		"empty data":                     {call: answer(nil, revert{"execution reverted", "0x"})},
		"panic code":                     {call: answer(nil, revert{"execution reverted: arithmetic underflow or overflow", panicCode})},
		"unknown custom error":           {call: answer(nil, revert{"execution reverted", "0xdeadbeef"})},
		"cut reason":                     {call: answer(nil, revert{"execution reverted", reverted[:len(reverted)-70]})},
		"selector alone":                 {call: answer(nil, revert{"execution reverted", "0x08c379a0"})},
		"length beyond the data":         {call: answer(nil, revert{"", "0x08c379a0" + strings.Repeat("0", 62) + "20" + strings.Repeat("f", 64)})},
		"data is no hex":                 {call: answer(nil, revert{"execution reverted", "0xzz"})},
		"data is a number":               {call: answer(nil, revert{"execution reverted", 7})},
		"data is an object without data": {call: answer(nil, revert{"execution reverted", map[string]any{"code": 1}})},
		"data too long":                  {call: answer(nil, revert{"", hexutil.Encode(revertWith(strings.Repeat("x", 20_000)))})},
		"out of gas":                     {call: answer(nil, revert{"out of gas", nil})},
		"missing state":                  {call: answer(nil, fmt.Errorf("missing trie node 5e (path ) state is not available"))},
		"no answer in time":              {},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, 1)
			f.onCall = test.call
			settings := config(f.http.URL)
			if test.call == nil {
				settings.CallTimeout = 100 * time.Millisecond
			}
			client := dial(t, settings)
			for kind, err := range map[string]error{
				"heartbeat":  client.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}),
				"redemption": client.ValidateRedemption(t.Context(), chain.WalletID{}, nil, big.NewInt(1)),
				"sweep":      client.ValidateMovedFundsSweep(t.Context(), chain.WalletID{}, [32]byte{}, 0, big.NewInt(1)),
			} {
				var refusal *chain.Refusal
				switch {
				case test.passes:
					require.NoError(t, err, kind)
				case test.refusal != "":
					require.ErrorAs(t, err, &refusal, kind)
					require.Equal(t, test.refusal, refusal.Reason, kind)
				default:
					require.Error(t, err, kind)
					require.NotErrorAs(t, err, &refusal, kind)
				}
			}
		})
	}
	t.Run("HTTP status", func(t *testing.T) {
		f := newFake(t, 1)
		f.wrap = func(stdhttp.Handler) stdhttp.Handler {
			return stdhttp.HandlerFunc(func(w stdhttp.ResponseWriter, _ *stdhttp.Request) {
				stdhttp.Error(w, reverted, stdhttp.StatusInternalServerError)
			})
		}
		err := dial(t, config(f.http.URL)).ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{})
		var refusal *chain.Refusal
		require.Error(t, err)
		require.NotErrorAs(t, err, &refusal)
	})
	t.Run("custom error of the contract", func(t *testing.T) {
		contract, err := abi.JSON(strings.NewReader(
			`[{"type":"error","name":"TooMany","inputs":[{"name":"have","type":"uint256"},{"name":"most","type":"uint256"}]}]`))
		require.NoError(t, err)
		known := contract.Errors["TooMany"]
		arguments, err := known.Inputs.Pack(big.NewInt(21), big.NewInt(20))
		require.NoError(t, err)
		data := hexutil.Encode(append(bytes.Clone(known.ID[:4]), arguments...))
		refusal := refusalIn(fmt.Errorf("eth_call: %w", revert{"execution reverted", data}), contract.Errors)
		require.Equal(t, &chain.Refusal{Reason: "TooMany(21, 20)"}, refusal)
		require.Nil(t, refusalIn(revert{"execution reverted", data[:20]}, contract.Errors))
		require.Nil(t, refusalIn(revert{"execution reverted", data}, nil))
	})
	t.Run("fee cannot be encoded", func(t *testing.T) {
		f := newFake(t, 1)
		for _, fee := range []*big.Int{nil, big.NewInt(-1)} {
			var refusal *chain.Refusal
			err := dial(t, config(f.http.URL)).ValidateRedemption(t.Context(), chain.WalletID{}, nil, fee)
			require.Error(t, err)
			require.NotErrorAs(t, err, &refusal)
		}
	})
	t.Run("no contract addresses", func(t *testing.T) {
		f := newFake(t, 1)
		settings := config(f.http.URL)
		settings.Bridge, settings.Validator = [20]byte{}, [20]byte{}
		client := dial(t, settings)
		require.ErrorIs(t, client.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}), errNoContracts)
		_, err := client.PendingRedemptions(t.Context(), chain.WalletID{}, 0)
		require.ErrorIs(t, err, errNoContracts)
	})
}

func TestACancelledValidationIsNoRefusal(t *testing.T) {
	f := newFake(t, 1)
	client := dial(t, config(f.wsURL()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, client.ValidateHeartbeat(ctx, chain.WalletID{}, [16]byte{}), context.Canceled)
}

func FuzzRevert(f *testing.F) {
	f.Add(revertWith("Duplicated request"))
	f.Add(revertWith(""))
	f.Add([]byte{0x08, 0xc3, 0x79, 0xa0})
	f.Add(hexutil.MustDecode("0x4e487b71" + strings.Repeat("0", 62) + "11"))
	f.Fuzz(func(t *testing.T, data []byte) {
		reason, ok := decodeRevert(data, nil)
		if !ok {
			return
		}
		if reason == "" || len(reason) > 3*maxReason || !bytes.HasPrefix(data, revertSelector) {
			t.Fatalf("%x decodes to %q", data, reason)
		}
	})
}
