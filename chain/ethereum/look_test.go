package ethereum

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	stdhttp "net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/p2p/enode"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// open makes a client that asks nothing by itself.
func open(t testing.TB, config Config) *Client {
	t.Helper()
	client, err := Open(config, testLog())
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func wantTrouble(t testing.TB, trouble chain.Trouble, err error) {
	t.Helper()
	var failure *chain.EndpointError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, trouble, failure.Trouble, "%v", err)
}

func heights(headers []chain.Header) []chain.Height {
	var all []chain.Height
	for _, h := range headers {
		all = append(all, h.Height)
	}
	return all
}

func TestOpenAsksNothing(t *testing.T) {
	f := newFake(t, 5)
	asked := false
	f.wrap = func(next stdhttp.Handler) stdhttp.Handler {
		asked = true
		return next
	}
	f.chainID = 7 // another than configured
	client := open(t, config(f.http.URL))
	require.False(t, asked)
	sight, err := client.Look(t.Context(), chain.Ask{})
	require.NoError(t, err, "which chain it is, is for the caller to judge")
	require.Equal(t, uint64(7), sight.ChainID)
	_, err = Open(Config{}, testLog())
	require.ErrorContains(t, err, "endpoint URL is empty")
}

func TestAPollIsOneBatch(t *testing.T) {
	f := newFake(t, 20)
	for _, url := range []string{f.http.URL, f.wsURL()} {
		client := open(t, config(url))
		sight, err := client.Look(t.Context(), chain.Ask{From: 17, To: 20})
		require.NoError(t, err)
		require.Equal(t, uint64(1), sight.ChainID)
		require.Equal(t, chain.Height(19), sight.Head.Height)
		require.Equal(t, f.hash(19), sight.Head.Hash)
		require.Equal(t, f.hash(18), sight.Head.Parent)
		require.Equal(t, []chain.Height{17, 18, 19}, heights(sight.Headers), "block 20 is not there yet")
		require.Equal(t, f.hash(17), sight.Headers[0].Hash)
		require.Equal(t, chain.Height(19-safeDepth), sight.Safe.Height)
		require.Equal(t, chain.Height(19-finalizedDepth), sight.Finalized.Height)
		require.Zero(t, sight.Disputed)
		require.False(t, sight.Syncing)
		require.Nil(t, sight.Peers, "not asked")
		require.Positive(t, sight.Took)
	}
	requests := 0
	f.wrap = func(next stdhttp.Handler) stdhttp.Handler {
		requests++
		return next
	}
	client := open(t, config(f.http.URL))
	_, err := client.Look(t.Context(), chain.Ask{From: 17, To: 20})
	require.NoError(t, err)
	require.Equal(t, 1, requests)
	_, err = client.Look(t.Context(), chain.Ask{Peers: true})
	require.NoError(t, err)
	require.Equal(t, 3, requests, "peers are asked for apart")
}

// Endpoints answer the questions of a batch one after the other, and a block may come in between.
func TestTheNewestBlockIsAskedForAfterThoseBelowIt(t *testing.T) {
	f := newFake(t, 20)
	var asked []byte
	f.wrap = func(next stdhttp.Handler) stdhttp.Handler {
		return stdhttp.HandlerFunc(func(w stdhttp.ResponseWriter, r *stdhttp.Request) {
			asked, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(asked))
			next.ServeHTTP(w, r)
		})
	}
	_, err := open(t, config(f.http.URL)).Look(t.Context(), chain.Ask{})
	require.NoError(t, err)
	require.Regexp(t, `"finalized".*"safe".*"latest"`, string(asked))
}

// Safe, finalized and peers are more than many endpoints tell; that must not cost them anything.
func TestWhatAnEndpointCannotTellIsLeftEmpty(t *testing.T) {
	f := newFake(t, 20)
	client := open(t, config(f.http.URL))
	for name, missing := range map[string]any{
		"null":           nil,
		"unsupported":    refused{-32601, "the method does not exist"},
		"vendor's words": refused{-32600, "Unsupported method: net_peerCount. See available methods"},
		"too many":       refused{429, "compute units exceeded"},
		"none yet":       refused{-39001, "finalized block not found"},
	} {
		t.Run(name, func(t *testing.T) {
			f.set(func() {
				f.onAnswer = answers(map[string]any{"safe": missing, "finalized": missing, "number": missing, "peerCount": missing})
			})
			sight, err := client.Look(t.Context(), chain.Ask{From: 16, To: 18, Peers: true})
			require.NoError(t, err)
			require.Equal(t, f.hash(19), sight.Head.Hash)
			require.Empty(t, sight.Headers)
			require.Zero(t, sight.Safe)
			require.Zero(t, sight.Finalized)
			require.Equal(t, &chain.Peers{}, sight.Peers)
		})
	}
}

func TestAPollWithoutHeadChainOrSyncStateFails(t *testing.T) {
	f := newFake(t, 20)
	client := open(t, config(f.http.URL))
	for _, part := range []string{"latest", "chainId", "syncing"} {
		for name, test := range map[string]struct {
			answer  any
			trouble chain.Trouble
		}{
			"null":         {nil, chain.TroubleMalformed},
			"no sense":     {[]int{1}, chain.TroubleMalformed},
			"text":         {"soon", chain.TroubleMalformed},
			"rate limited": {refused{-32005, "daily request count exceeded"}, chain.TroubleRateLimited},
			"unsupported":  {refused{-32601, "the method does not exist"}, chain.TroubleUnsupported},
			"its own":      {refused{-32000, "database is closed"}, chain.TroubleServer},
		} {
			f.set(func() { f.onAnswer = answers(map[string]any{part: test.answer}) })
			_, err := client.Look(t.Context(), chain.Ask{})
			require.Error(t, err, "%s: %s", part, name)
			wantTrouble(t, test.trouble, err)
		}
	}
}

func TestTheSyncStateIsReadInBothForms(t *testing.T) {
	f := newFake(t, 20)
	client := open(t, config(f.http.URL))
	for want, answer := range map[bool]any{false: false, true: map[string]any{"currentBlock": "0x1", "highestBlock": "0x2"}} {
		f.set(func() { f.onAnswer = answers(map[string]any{"syncing": answer}) })
		sight, err := client.Look(t.Context(), chain.Ask{})
		require.NoError(t, err)
		require.Equal(t, want, sight.Syncing)
	}
}

func TestADisputedHashIsNamedAndTheComputedOneStands(t *testing.T) {
	f := newFake(t, 20)
	f.claim = common.HexToHash("0x1111")
	sight, err := open(t, config(f.http.URL)).Look(t.Context(), chain.Ask{From: 17, To: 18})
	require.NoError(t, err)
	require.Equal(t, chain.Height(19-finalizedDepth), sight.Disputed, "the lowest of them")
	require.Equal(t, f.hash(19), sight.Head.Hash)
	require.Equal(t, f.hash(17), sight.Headers[0].Hash)
}

func TestAHeaderOfAnotherHeightInABatchIsMalformed(t *testing.T) {
	f := newFake(t, 20)
	f.shift = 1
	client := open(t, config(f.http.URL))
	_, err := client.Look(t.Context(), chain.Ask{From: 10, To: 12})
	require.ErrorContains(t, err, "asked for block 10, got 11")
	wantTrouble(t, chain.TroubleMalformed, err)
	_, err = client.Headers(t.Context(), 10, 12)
	require.ErrorContains(t, err, "asked for block 10, got 11")
	wantTrouble(t, chain.TroubleMalformed, err)
}

func TestHeadersComeInOneBatch(t *testing.T) {
	f := newFake(t, 100)
	for _, url := range []string{f.http.URL, f.wsURL()} {
		client := open(t, config(url))
		headers, err := client.Headers(t.Context(), 40, 40+chain.MaxBatch)
		require.ErrorIs(t, err, errTooMany)
		require.Empty(t, headers)
		headers, err = client.Headers(t.Context(), 36, 36+chain.MaxBatch-1)
		require.NoError(t, err)
		require.Len(t, headers, chain.MaxBatch)
		for i, h := range headers {
			require.Equal(t, f.hash(36+i), h.Hash)
		}
		headers, err = client.Headers(t.Context(), 98, 105)
		require.NoError(t, err)
		require.Equal(t, []chain.Height{98, 99}, heights(headers))
		headers, err = client.Headers(t.Context(), 9, 8)
		require.NoError(t, err)
		require.Empty(t, headers)
	}
	f.set(func() { f.onAnswer = answers(map[string]any{"number": refused{-32000, "out of luck"}}) })
	_, err := open(t, config(f.http.URL)).Headers(t.Context(), 1, 2)
	wantTrouble(t, chain.TroubleServer, err)
}

func TestPeersAreToldByIDs(t *testing.T) {
	private, err := crypto.ToECDSA(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	key := hex.EncodeToString(crypto.FromECDSAPub(&private.PublicKey)[1:])
	many := make([]map[string]string, chain.MaxPeerIDs+10)
	for i := range many {
		many[i] = map[string]string{"id": "0x" + strings.Repeat("AB", 32)}
	}
	f := newFake(t, 20)
	client := open(t, config(f.http.URL))
	look := func(of map[string]any) *chain.Peers {
		f.set(func() { f.onAnswer = answers(of) })
		sight, err := client.Look(t.Context(), chain.Ask{Peers: true})
		require.NoError(t, err)
		return sight.Peers
	}
	byKey := peerNode{ID: key}.id()
	require.Equal(t, enode.PubkeyToIDV4(&private.PublicKey).String(), byKey, "as go-ethereum names the node")
	require.Equal(t, byKey, peerNode{ID: "odd", Enode: "enode://" + key + "@127.0.0.1:30303?discport=0"}.id())
	require.Empty(t, peerNode{ID: key[:126]}.id())
	require.Empty(t, peerNode{ID: "zz" + key[2:]}.id())

	all := look(map[string]any{"peerCount": "0x19", "nodeInfo": map[string]string{"id": key}, "peers": many})
	require.True(t, all.Known)
	require.Equal(t, 25, all.Count)
	require.Equal(t, byKey, all.Self)
	require.Len(t, all.IDs, chain.MaxPeerIDs)
	require.Equal(t, strings.Repeat("ab", 32), all.IDs[0], "in one spelling")

	require.Equal(t, &chain.Peers{Known: true}, look(map[string]any{"peerCount": "0x0"}), "none is an answer")
	require.Equal(t, &chain.Peers{Known: true, Count: 25}, look(map[string]any{"peerCount": "0x19"}))
	require.Equal(t, 522, look(map[string]any{"peers": many}).Count, "the list counts where the count is closed")
	for _, odd := range []any{"twelve", "0xffffffffffffffff", -3, map[string]any{}} {
		require.Equal(t, &chain.Peers{}, look(map[string]any{"peerCount": odd, "nodeInfo": odd, "peers": odd}))
	}
}

// A gateway that refuses what it does not know wholesale must still be polled.
func TestARefusedBatchOfPeersCostsNothing(t *testing.T) {
	f := newFake(t, 20)
	f.wrap = func(next stdhttp.Handler) stdhttp.Handler {
		return stdhttp.HandlerFunc(func(w stdhttp.ResponseWriter, r *stdhttp.Request) {
			body, _ := io.ReadAll(r.Body)
			if bytes.Contains(body, []byte("admin_")) {
				stdhttp.Error(w, "no", stdhttp.StatusForbidden)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	}
	sight, err := open(t, config(f.http.URL)).Look(t.Context(), chain.Ask{Peers: true})
	require.NoError(t, err)
	require.Equal(t, &chain.Peers{}, sight.Peers)
}

// A connection that died without a sign is made anew after one poll that was not answered in time.
func TestAPollGivesUpADeadConnection(t *testing.T) {
	f := newFake(t, 5)
	line := newProxy(t, f.http.Listener.Addr().String())
	client := open(t, config("ws://"+line.address()))
	_, err := client.Look(t.Context(), chain.Ask{})
	require.NoError(t, err)
	line.cut()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = client.Look(ctx, chain.Ask{})
	wantTrouble(t, chain.TroubleTimeout, err)
	_, err = client.Look(t.Context(), chain.Ask{})
	require.NoError(t, err)
}

// A slow endpoint loses its connection to a poll that it did not answer in time, but not the answers that it still owes.
func TestAPollThatGivesAConnectionUpFailsNoCallOnIt(t *testing.T) {
	f := newFake(t, 5)
	asked, answer := make(chan struct{}), make(chan struct{})
	f.onCall = func() (hexutil.Bytes, error) {
		close(asked)
		<-answer
		return word(1), nil
	}
	var stuck atomic.Bool
	f.onAnswer = func(method string) (any, error, bool) {
		if method == "chainId" && stuck.CompareAndSwap(false, true) {
			<-f.over
		}
		return nil, nil, false
	}
	client := open(t, config(f.wsURL()))
	called := make(chan error, 1)
	go func() { called <- client.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}) }()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := client.Look(ctx, chain.Ask{})
	wantTrouble(t, chain.TroubleTimeout, err)
	_, err = client.Look(t.Context(), chain.Ask{})
	require.NoError(t, err)
	require.Equal(t, 2, f.handshakes, "a connection of its own")
	close(answer)
	require.NoError(t, <-called)
}

// A gateway that leaves what it does not know without an answer must not cost the connection that works.
func TestPeersWithoutAnAnswerCostNothing(t *testing.T) {
	f := newFake(t, 5)
	f.onAnswer = func(method string) (any, error, bool) {
		if method == "peerCount" {
			<-f.over
		}
		return nil, nil, false
	}
	client := open(t, config(f.wsURL()))
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		sight, err := client.Look(ctx, chain.Ask{Peers: true})
		cancel()
		require.NoError(t, err)
		require.Equal(t, f.hash(4), sight.Head.Hash)
		require.Equal(t, &chain.Peers{}, sight.Peers)
	}
	require.Equal(t, 1, f.handshakes)
}
