package daemon

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// request makes what a route is asked.
func asked(t *testing.T, method, path, query string, body []byte, values map[string]string) (request, error) {
	t.Helper()
	for _, r := range routes() {
		if r.method == method && r.path == path {
			request := httptest.NewRequest(method, "/", nil)
			request.URL.RawQuery = query
			q, err := readRequest(httptest.NewRecorder(), request, r)
			q.body, q.path = body, func(name string) string { return values[name] }
			return q, err
		}
	}
	t.Fatalf("no route %s %s", method, path)
	return request{}, nil
}

// Whatever a client sends, what is read is exactly what was written: read, written and read again it is the same.
func FuzzSignRequest(f *testing.F) {
	open := signer.SignOpen{
		Intent: signer.Intent{
			Wallet: chain.WalletID{1}, Window: 900, Statement: []byte("signed"), Replaces: []signer.Digest{{2}},
			Transaction: &signer.Transaction{Raw: []byte{1}, Prevouts: []signer.Prevout{{Value: 1, Script: []byte{2}}}, Previous: [][]byte{{3}}},
		}, Input: 1, Attempt: 2, Signers: []chain.Seat{1, 2},
	}
	first, err := marshal(SignBody{signer.Term{Generation: 1, Epoch: 2}, &open, nil})
	require.NoError(f, err)
	second, err := marshal(SignBody{In: [][]byte{[]byte("a"), {}}})
	require.NoError(f, err)
	session := signer.SigningSession(signer.Digest{1}, 0, 1, open.Signers).String()
	f.Add(session, "1", first)
	f.Add(session, "2", second)
	f.Add(session, "02", []byte(`{"term":{}} {}`))
	f.Fuzz(func(t *testing.T, session, round string, body []byte) {
		q, err := asked(t, http.MethodPost, "/v1/sign/{session}/round/{r}", "", body, map[string]string{"session": session, "r": round})
		require.NoError(t, err)
		r, err := q.signRound()
		if err != nil {
			require.ErrorIs(t, err, signer.ErrMalformed)
			return
		}
		require.True(t, r.Round >= 1 && r.Round <= maxRounds && (r.Open != nil) == (r.Round == 1))
		again, err := marshal(SignBody{r.Term, r.Open, r.In})
		require.NoError(t, err)
		q.body = again
		same, err := q.signRound()
		require.NoError(t, err)
		once, err := marshal(SignBody{same.Term, same.Open, same.In})
		require.NoError(t, err)
		require.Equal(t, string(again), string(once))
	})
}

func FuzzGenerateRequest(f *testing.F) {
	session := signer.SessionID{7}
	first, err := marshal(GenerateBody{signer.Term{}, &signer.Opening{Invitation: []byte("i"), Acceptances: [][]byte{{1}}, Self: chain.Operator{1}, Height: 9}, nil})
	require.NoError(f, err)
	f.Add(session.String(), session.Placeholder().String(), "1", first)
	f.Add(session.String(), chain.WalletID{1}.String(), "2", []byte(`{"term":{"generation":1,"epoch":1},"in":["AA=="]}`))
	f.Fuzz(func(t *testing.T, session, wallet, round string, body []byte) {
		q, err := asked(t, http.MethodPost, "/v1/keys/{wallet}/dkg/{session}/round/{r}", "", body, map[string]string{"session": session, "wallet": wallet, "r": round})
		require.NoError(t, err)
		r, err := q.generateRound()
		if err != nil {
			require.ErrorIs(t, err, signer.ErrMalformed)
			return
		}
		require.True(t, r.Round >= 1 && r.Round <= maxRounds && (r.Open != nil) == (r.Round == 1))
		named, err := chain.ParseWalletID(wallet)
		require.NoError(t, err)
		require.Equal(t, r.Session.Placeholder(), named)
	})
}

func FuzzKeysQuery(f *testing.F) {
	f.Add("after=" + chain.WalletID{1}.String() + "&limit=7")
	f.Add("limit=-1")
	f.Add("limit=1&limit=1")
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := asked(t, http.MethodGet, "/v1/keys", query, nil, nil)
		if err == nil {
			_, limit, problem := q.page()
			if err = problem; err == nil {
				require.True(t, limit >= 1 && limit <= maxPage)
				_, wellFormed := url.ParseQuery(query)
				require.NoError(t, wellFormed)
				return
			}
		}
		require.ErrorIs(t, err, signer.ErrMalformed)
	})
}

// Whatever a backend answers, it is an error or fits the question.
func FuzzAnswer(f *testing.F) {
	key := someKey(f, signer.SessionID{1})
	for _, seed := range []any{key, Problem{"x", "frozen", ""}, signer.RoundReply{Done: &signer.Outcome{Key: &key}}, signer.RoundReply{Done: &signer.Outcome{Signature: make([]byte, 64)}}} {
		raw, err := marshal(seed)
		require.NoError(f, err)
		f.Add(200, raw)
		f.Add(423, raw)
	}
	f.Fuzz(func(t *testing.T, status int, raw []byte) {
		response := &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {mediaJSON}}}
		var detail signer.KeyDetail
		if judge(response, raw, &detail) == nil && fitDetail(key.Wallet, detail) == nil {
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, key.Wallet, chain.PublicKey(detail.GroupKey).Hash())
			require.True(t, json.Valid(raw))
		}
		var reply signer.RoundReply
		if judge(response, raw, &reply) == nil && fitSigned(reply) == nil && reply.Done != nil {
			require.Len(t, reply.Done.Signature, 64)
			require.Empty(t, reply.Culprits)
		}
		if judge(response, raw, &reply) == nil && fitGenerated(key.Session, reply) == nil && reply.Done != nil {
			require.Equal(t, key.Session, reply.Done.Key.Session)
		}
		if err := judge(response, raw, nil); err == nil {
			require.Equal(t, http.StatusNoContent, status)
		}
	})
}
