package ethereum

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// block7 is a header as an endpoint writes it, of height 7.
const block7 = `{"number":"0x7","parentHash":"0x0000000000000000000000000000000000000000000000000000000000000001",` +
	`"sha3Uncles":"0x0000000000000000000000000000000000000000000000000000000000000001",` +
	`"stateRoot":"0x0000000000000000000000000000000000000000000000000000000000000001",` +
	`"transactionsRoot":"0x0000000000000000000000000000000000000000000000000000000000000001",` +
	`"receiptsRoot":"0x0000000000000000000000000000000000000000000000000000000000000001",` +
	`"logsBloom":"0x` + zeros256 + zeros256 + `","difficulty":"0x0","gasLimit":"0x0","gasUsed":"0x0","timestamp":"0x3e8",` +
	`"extraData":"0x","hash":"0x0000000000000000000000000000000000000000000000000000000000000002"}`

const (
	zeros64  = "0000000000000000000000000000000000000000000000000000000000000000"
	zeros256 = zeros64 + zeros64 + zeros64 + zeros64
)

// endpointFault requires that an error is an endpoint's trouble.
func endpointFault(t *testing.T, err error) {
	t.Helper()
	var failure *chain.EndpointError
	require.ErrorAs(t, err, &failure)
	require.Less(t, len(err.Error()), 3*maxErrorText, "texts are bounded")
}

// The answers to one poll, whatever an endpoint makes of them; an empty answer is an error in its place.
func FuzzLook(f *testing.F) {
	f.Add([]byte(`"0x1"`), []byte(block7), []byte(`false`), []byte(block7), []byte(`null`), []byte(block7), uint8(7))
	f.Add([]byte(`"0x1"`), []byte(`null`), []byte(`{"currentBlock":"0x1"}`), []byte(``), []byte(`[]`), []byte(`{}`), uint8(0))
	f.Add([]byte(`null`), []byte(block7), []byte(`null`), []byte(`1`), []byte(`""`), []byte(``), uint8(6))
	f.Fuzz(func(t *testing.T, id, head, syncing, safe, finalized, numbered []byte, from uint8) {
		ask := chain.Ask{From: chain.Height(from), To: chain.Height(from) + 1}
		questions, err := lookQuestions(ask)
		require.NoError(t, err)
		for i, answer := range [][]byte{id, head, syncing, safe, finalized, numbered, numbered} {
			if questions[i].answer = answer; len(answer) == 0 || !json.Valid(answer) {
				questions[i].answer = nil
				questions[i].err = &chain.EndpointError{Trouble: chain.TroubleServer, Err: errors.New("no")}
			}
		}
		sight, err := readSight(ask, questions)
		if err != nil {
			endpointFault(t, err)
			return
		}
		require.NotZero(t, sight.Head.Hash)
		require.LessOrEqual(t, len(sight.Headers), 2)
		for i, h := range sight.Headers {
			require.NotZero(t, h.Hash)
			require.True(t, h.Height >= ask.From && h.Height <= ask.To)
			require.True(t, i == 0 || h.Height > sight.Headers[i-1].Height)
		}
	})
}

func FuzzPeers(f *testing.F) {
	f.Add([]byte(`"0x19"`), []byte(`{"id":"`+zeros64+`","enode":"enode://`+zeros64+zeros64+`@[::]:1"}`), []byte(`[{"id":"`+zeros64+`"}]`))
	f.Add([]byte(`-1`), []byte(`null`), []byte(`[null,{"enode":"enode://@"}]`))
	f.Add([]byte(`"0xffffffff"`), []byte(`[]`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, count, self, list []byte) {
		p := readPeers(question{answer: count}, question{answer: self}, question{answer: list})
		require.GreaterOrEqual(t, p.Count, 0)
		require.LessOrEqual(t, p.Count, maxPeerCount)
		require.True(t, p.Known || p.Count == 0 && len(p.IDs) == 0)
		require.LessOrEqual(t, len(p.IDs), chain.MaxPeerIDs)
		for _, id := range append(p.IDs, p.Self) {
			require.True(t, id == "" && id == p.Self || len(id) == 64, id)
		}
	})
}

// The body of a failed HTTP request, and the words in it.
func FuzzBodyOfAFailure(f *testing.F) {
	f.Add(400, []byte(`{"error":{"code":-32600,"message":"Unsupported method"}}`))
	f.Add(500, []byte(`{"error":"no"}`))
	f.Add(200, []byte(`null`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		require.Contains(t, []chain.Trouble{
			chain.TroubleAuth, chain.TroubleRateLimited, chain.TroubleTimeout, chain.TroubleMalformed, chain.TroubleUnsupported,
			chain.TroubleServer,
		}, troubleOfStatus(status, body))
	})
}
