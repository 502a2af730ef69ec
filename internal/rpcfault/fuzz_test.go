package rpcfault

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"
)

// FuzzParse: what is read is answered with as many answers, each a message of its own.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{},"latest"]}`))
	f.Add([]byte(`[{"id":1},{"id":"x","params":null}]`))
	f.Add([]byte(` [] `))
	f.Fuzz(func(t *testing.T, message []byte) {
		questions, batch, err := parse(message)
		if err != nil {
			require.Empty(t, questions)
			return
		}
		require.LessOrEqual(t, len(questions), maxBatch)
		answers := make([]answer, len(questions))
		for i, q := range questions {
			_, err := q.params()
			answers[i] = q.answered(nil, err)
		}
		text := encode(answers, batch)
		require.True(t, json.Valid(text), "%s", text)
	})
}

// FuzzAnswer: whatever is asked, and whatever the endpoint behind says, an ill endpoint gives an answer.
func FuzzAnswer(f *testing.F) {
	header, err := json.Marshal(&types.Header{Difficulty: new(hexutil.Big).ToInt(), Number: new(hexutil.Big).ToInt()})
	require.NoError(f, err)
	f.Add("eth_getBlockByNumber", []byte(`["latest",false]`), header, uint8(0))
	f.Add("eth_getBlockByHash", []byte(`["0x00000000000000000000000000000000000000000000000000000000000000ff"]`), header, uint8(1))
	f.Add("eth_call", []byte(`[{},{"blockNumber":"0x5"}]`), []byte(`"0x"`), uint8(2))
	f.Add("eth_getHeaderByNumber", []byte(`["safe"]`), []byte(`{"number":"0x1"}`), uint8(3))
	f.Fuzz(func(t *testing.T, method string, params, behind []byte, ill uint8) {
		ask := func(_ context.Context, method string, _ ...any) (json.RawMessage, error) {
			if method == "eth_blockNumber" {
				return json.RawMessage(`"0x10"`), nil
			}
			return behind, nil
		}
		s := &state{log: newBook()}
		switch ill % 5 {
		case 0:
			s.Lag = 3
		case 1:
			s.Fork, s.fork = &Fork{From: 5}, newBranch(5, 0, "x", [32]byte{})
		case 2:
			s.Jump, s.ahead = 100, newBranch(101, 100, "x", [32]byte{1})
		case 3:
			s.Lie = &Lie{Height: 1}
		case 4:
			s.Withhold = Range{1, 20}
		}
		q := question{ID: json.RawMessage("1"), Method: method, Params: params}
		result, err := (&tale{state: s, ask: ask}).answer(t.Context(), q)
		text := encode([]answer{q.answered(result, err)}, false)
		require.True(t, json.Valid(text), "%s", text)
		_, _, _ = (&tale{state: s, ask: ask}).pushed(t.Context(), behind, 0)
	})
}
