package ethereum

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/walletnode/walletnode/chain"
)

const (
	// maxRevertData is how much revert data is looked at, in bytes. A reason is a sentence.
	maxRevertData = 16 << 10
	// maxReason is how much of a reason is kept, in bytes: it is stored with the fault and logged.
	maxReason = 256
)

// revertSelector is the selector of Error(string), which Solidity's require and revert use: the first four bytes
// of keccak256("Error(string)").
var revertSelector = []byte{0x08, 0xc3, 0x79, 0xa0}

// refusalIn returns the contract's refusal that an error of eth_call carries, or nil if it carries none (rule
// R5): an error without data, with data of another shape, or with a panic code is the endpoint's or ours.
func refusalIn(err error, custom map[string]abi.Error) *chain.Refusal {
	var carrier rpc.DataError
	if !errors.As(err, &carrier) {
		return nil
	}
	reason, ok := decodeRevert(revertData(carrier.ErrorData()), custom)
	if !ok {
		return nil
	}
	return &chain.Refusal{Reason: reason}
}

// revertData finds the revert data in the data member of a JSON-RPC error. Most clients give it as a hex string,
// some with the word "Reverted" before it, some inside an object.
func revertData(member any) []byte {
	if object, ok := member.(map[string]any); ok {
		member = object["data"]
	}
	text, ok := member.(string)
	if !ok || len(text) > 2*maxRevertData {
		return nil
	}
	data, err := hexutil.Decode(strings.TrimPrefix(text, "Reverted "))
	if err != nil {
		return nil
	}
	return data
}

// decodeRevert reads a reason out of revert data: the text of Error(string), or the name and arguments of one of
// the contract's custom errors. An empty text names no rule, so it is no reason.
func decodeRevert(data []byte, custom map[string]abi.Error) (string, bool) {
	if len(data) < 4 {
		return "", false
	}
	selector, arguments := data[:4], data[4:]
	if bytes.Equal(selector, revertSelector) {
		values, err := revertArguments.Unpack(arguments)
		if err != nil {
			return "", false
		}
		text, _ := values[0].(string)
		return bounded(text, maxReason), text != ""
	}
	for _, known := range custom {
		if !bytes.Equal(selector, known.ID[:4]) {
			continue
		}
		values, err := known.Inputs.Unpack(arguments)
		if err != nil {
			return "", false
		}
		texts := make([]string, len(values))
		for i, value := range values {
			texts[i] = fmt.Sprint(value)
		}
		return bounded(known.Name+"("+strings.Join(texts, ", ")+")", maxReason), true
	}
	return "", false
}

// revertArguments are the arguments of Error(string).
var revertArguments = func() abi.Arguments {
	text, err := abi.NewType("string", "", nil)
	if err != nil {
		panic(err) // impossible: string is a type of the ABI
	}
	return abi.Arguments{{Type: text}}
}()
