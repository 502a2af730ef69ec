package ethereum

import (
	"encoding/json"
	"fmt"
	stdhttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// mainnetBlock is a block as mainnet's are: 200 transactions, named by their hashes, and 16 withdrawals; some 18 kB.
func mainnetBlock() string {
	hashes := strings.TrimSuffix(strings.Repeat(`"0x`+zeros64+`",`, 200), ",")
	withdrawal := `{"index":"0x1","validatorIndex":"0x2","address":"0x` + zeros64[:40] + `","amount":"0x3"},`
	return strings.TrimSuffix(block7, "}") + `,"size":"0x1","uncles":[],"transactions":[` + hashes + `],"withdrawals":[` +
		strings.TrimSuffix(strings.Repeat(withdrawal, 16), ",") + `]}`
}

// BenchmarkLook is one poll over HTTP on this host, the server's part included, which answers from memory: headers are
// decoded and hashed. A poll each 5 s of five endpoints costs the reported share of a core.
func BenchmarkLook(b *testing.B) {
	block := mainnetBlock()
	server := httptest.NewServer(stdhttp.HandlerFunc(func(w stdhttp.ResponseWriter, r *stdhttp.Request) {
		var asked []struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params []any           `json:"params"`
		}
		require.NoError(b, json.NewDecoder(r.Body).Decode(&asked))
		answers := make([]string, len(asked))
		for i, q := range asked {
			result := map[string]string{"eth_chainId": `"0x1"`, "eth_syncing": `false`, "eth_getBlockByNumber": block}[q.Method]
			if len(q.Params) > 0 && strings.HasPrefix(fmt.Sprint(q.Params[0]), "0x") {
				result = strings.Replace(result, `"0x7"`, fmt.Sprintf("%q", q.Params[0]), 1)
			}
			answers[i] = fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, q.ID, result)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(answers, ","))
	}))
	defer server.Close()
	client, err := Open(config(server.URL), testLog())
	require.NoError(b, err)
	defer client.Close()
	b.ReportAllocs()
	for b.Loop() {
		sight, err := client.Look(b.Context(), chain.Ask{From: 5, To: 7})
		require.NoError(b, err)
		require.Len(b, sight.Headers, 3)
		require.Equal(b, chain.Height(7), sight.Finalized.Height)
	}
	b.ReportMetric(5*100*b.Elapsed().Seconds()/float64(b.N)/5, "%core")
}

// BenchmarkReadSight is the part of it that only this package does.
func BenchmarkReadSight(b *testing.B) {
	block := []byte(mainnetBlock())
	questions, err := lookQuestions(chain.Ask{From: 7, To: 7})
	require.NoError(b, err)
	for i := range questions {
		questions[i].answer = block
	}
	questions[askChainID].answer, questions[askSyncing].answer = []byte(`"0x1"`), []byte(`false`)
	b.ReportAllocs()
	for b.Loop() {
		_, err := readSight(chain.Ask{From: 7, To: 7}, questions)
		require.NoError(b, err)
	}
}
