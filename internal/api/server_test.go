package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// socket returns the address of a socket whose path is short enough.
func socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "api")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return unixScheme + filepath.Join(dir, "api.sock")
}

// serve runs a server at an address until the test ends or stop is called.
func (w world) serve(t testing.TB, address string) (stop func()) {
	t.Helper()
	listener, err := Listen(t.Context(), address, Guard{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	entrance := NewEntrance(func() view.Status { return view.Status{} }, w.Logger)
	entrance.Open(w.Server)
	go func() { served <- entrance.Serve(ctx, listener, Guard{}) }()
	stopped := false
	stop = func() {
		cancel()
		if !stopped {
			require.NoError(t, <-served)
		}
		stopped = true
	}
	t.Cleanup(stop)
	return stop
}

func (w world) client(t testing.TB) *Client {
	t.Helper()
	address := socket(t)
	w.serve(t, address)
	c, err := NewClient(address)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// What a client reads from a running node is what is read from its store.
func TestClientReadsWhatTheStoreHolds(t *testing.T) {
	w := newWorld(t)
	w.cluster.owner = view.Owner{} // as of a node that is alone: the store tells all there is
	c, ctx := w.client(t), t.Context()
	id, kind, yes := w.live.wallet.ID(), faults.LeaderImpersonation, true
	equal := func(read func(Records) (any, error)) {
		t.Helper()
		want, err := read(w.Records)
		require.NoError(t, err)
		have, err := read(c)
		require.NoError(t, err)
		wantJSON, err := marshal(want)
		require.NoError(t, err)
		haveJSON, err := marshal(have)
		require.NoError(t, err)
		require.JSONEq(t, string(wantJSON), string(haveJSON))
	}
	equal(func(r Records) (any, error) { return r.Windows(ctx, store.WindowFilter{Limit: 100}) })
	equal(func(r Records) (any, error) {
		return r.Windows(ctx, store.WindowFilter{Wallet: &id, From: 900, To: 3600, Limit: 1, Reasons: []coordination.Reason{"ok", "node_down"}})
	})
	for _, state := range store.WindowStates() {
		equal(func(r Records) (any, error) {
			return r.Windows(ctx, store.WindowFilter{States: []store.WindowState{state}, Limit: 10})
		})
	}
	equal(func(r Records) (any, error) { return r.Window(ctx, 3600, nil) })
	equal(func(r Records) (any, error) { return r.Window(ctx, 4500, &id) })
	equal(func(r Records) (any, error) { return r.Proposals(ctx, store.WindowFilter{Limit: 10}) })
	equal(func(r Records) (any, error) { return r.Faults(ctx, faults.Filter{Limit: 10}) })
	equal(func(r Records) (any, error) {
		return r.Faults(ctx, faults.Filter{Kind: kind, Culprit: chain.Operator{2}, Wallet: &id, Attributed: &yes, From: 1, To: 9000, Limit: 1000})
	})
	equal(func(r Records) (any, error) { return r.Fault(ctx, w.fault.ID()) })
	equal(func(r Records) (any, error) { return r.Scores(ctx, faults.Filter{}) })
	equal(func(r Records) (any, error) {
		return r.Actions(ctx, store.ActionFilter{Limit: 10, Finished: new(bool)})
	})
	equal(func(r Records) (any, error) { return r.Wallets(ctx) })
	equal(func(r Records) (any, error) { return r.Wallet(ctx, id) })

	for _, missing := range []func() error{
		func() error { _, err := c.Window(ctx, 9000, nil); return err },
		func() error { _, err := c.Fault(ctx, "00"); return err },
		func() error { _, err := c.Fault(ctx, "../x?y"); return err },
		func() error { _, err := c.Wallet(ctx, chain.WalletID{}); return err },
	} {
		require.ErrorIs(t, missing(), store.ErrNotFound)
	}
}

func TestClientAsksTheRunningNode(t *testing.T) {
	w := newWorld(t)
	c, ctx := w.client(t), t.Context()
	require.NoError(t, c.Healthy(ctx))
	status, err := c.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, view.Phase{Window: 4500, Index: 5, Phase: "active", Left: 75}, *status.Window)
	peers, err := c.Peers(ctx)
	require.NoError(t, err)
	require.Len(t, peers.Peers, 2)
	next, err := c.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, []any{chain.Height(5400), chain.Height(10), int64(120), 1}, []any{next.Window, next.InBlocks, next.InSeconds, len(next.Wallets)})
	election, err := c.Explain(ctx, w.live.wallet.ID(), 900)
	require.NoError(t, err)
	require.Equal(t, chain.Height(868), election.SeedBlock)
	_, err = c.Explain(ctx, w.live.wallet.ID(), 901)
	require.ErrorIs(t, err, store.ErrNotFound)
	pong, err := c.Ping(ctx, "a peer/of ours")
	require.NoError(t, err)
	require.Equal(t, view.Pong{ID: "a peer/of ours", Seconds: 0.001}, pong)
	dump, err := c.Goroutines(ctx)
	require.NoError(t, err)
	require.Contains(t, string(dump), "goroutine profile")

	for _, is := range []error{view.ErrNotYet, view.ErrNoHead, net.ErrNotConnected} {
		w.live.err = fmt.Errorf("somewhere: %w", is)
		_, err = c.Ping(ctx, "p")
		require.ErrorIs(t, err, is)
		require.Equal(t, "somewhere: "+is.Error(), err.Error())
	}
	w.live.err = fmt.Errorf("%w: too short", net.ErrPeerID)
	_, err = c.Ping(ctx, "p")
	require.ErrorIs(t, err, ErrInvalid)
	require.EqualError(t, err, "not a peer ID: too short")
	w.live.err = errors.New("the disk sighs")
	_, err = c.Status(ctx)
	require.EqualError(t, err, "the disk sighs")
}

func TestReadinessIs503WithTheReasons(t *testing.T) {
	w := newWorld(t)
	c := w.client(t)
	r, err := c.Readiness(t.Context())
	require.NoError(t, err)
	require.True(t, r.Ready)
	w.live.ready = false
	require.Equal(t, http.StatusServiceUnavailable, w.send(t, http.MethodGet, "/readyz", "").Code)
	r, err = c.Readiness(t.Context())
	require.NoError(t, err)
	require.Equal(t, []view.Check{{Name: "state", Reason: "not yet", Current: "syncing", Required: "active"}}, r.Failing())
}

func TestLogLevelIsChangedAtOnce(t *testing.T) {
	w := newWorld(t)
	c, ctx := w.client(t), t.Context()
	have, err := c.SetLogLevel(ctx, LogLevel{Subsystem: "net", Level: "debug"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"net": "debug", "chain": "info"}, have.Levels)
	have, err = c.LogLevels(ctx)
	require.NoError(t, err)
	require.Equal(t, "debug", have.Levels["net"])
	_, err = c.SetLogLevel(ctx, LogLevel{Subsystem: "net", Level: "loud"})
	require.EqualError(t, err, `want debug, info, warn or error, have "loud"`)
	_, err = c.SetLogLevel(ctx, LogLevel{Subsystem: "nets", Level: "debug"})
	require.ErrorIs(t, err, store.ErrNotFound)
	for _, bad := range []string{"", "{}{}", `{"subsystem":"net","level":"debug","colour":"red"}`, strings.Repeat(" ", maxBody+1)} {
		require.Equal(t, http.StatusBadRequest, w.send(t, http.MethodPut, "/v1/log-level", bad).Code, "%q", bad)
	}
}

func TestBadInputParametersAreToldTogether(t *testing.T) {
	w := newWorld(t)
	p := w.problem(t, http.StatusBadRequest, "/v1/windows?limit=0&from=x&wallet=12&reason=boredom")
	require.Equal(t, "invalid", p.Error.Code)
	for _, name := range []string{"limit: want 1 to 1000", "from: want the number", "wallet: ", `reason: unknown reason "boredom"`} {
		require.Contains(t, p.Error.Message, name)
	}
	for target, want := range map[string]string{
		"/v1/windows?limit=1001":                                  "limit: want 1 to 1000",
		"/v1/windows?limit=1&limit=2":                             "limit: given more than once",
		"/v1/windows?lmit=1":                                      "lmit: unknown parameter",
		"/v1/windows?state=ajar":                                  `state: unknown state "ajar"`,
		"/v1/windows?state=open&state=open&state=open&state=open": "state: given more often than there are states",
		"/v1/status?verbose":                                      "verbose: unknown parameter",
		"/v1/windows/soon":                                        "want the number of a block",
		"/v1/windows/18446744073709551615":                        "want the number of a block",
		"/v1/faults?kind=rude":                                    "kind: unknown fault kind",
		"/v1/faults?attributed=1":                                 "attributed: want true or false",
		"/v1/faults/summary?limit=3":                              "limit: unknown parameter",
		"/v1/explain":                                             "wallet and window are both needed",
		"/v1/wallets/12":                                          "wallet public key hash",
		"/v1/windows?" + strings.Repeat("reason=ok&", 40):         "more often than there are reasons",
	} {
		require.Contains(t, w.problem(t, http.StatusBadRequest, target).Error.Message, want, target)
	}
	require.Equal(t, http.StatusNotFound, w.send(t, http.MethodGet, "/v2/status", "").Code)
	require.Equal(t, http.StatusMethodNotAllowed, w.send(t, http.MethodDelete, "/v1/windows", "").Code)
}

// A page in a browser on this machine can send requests; it must get no answer.
func TestForeignPagesAreRefused(t *testing.T) {
	w := newWorld(t)
	send := func(host string, header ...string) int {
		method := http.MethodGet
		if len(header) > 0 {
			method = http.MethodPut
		}
		request, err := http.NewRequestWithContext(t.Context(), method, "/v1/log-level", strings.NewReader(`{"subsystem":"net","level":"debug"}`))
		require.NoError(t, err)
		request.Host = host
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		recorder := answerOf(w.Handler(), request)
		require.Empty(t, recorder.Header().Get("Access-Control-Allow-Origin"))
		return recorder.Code
	}
	for _, host := range []string{"localhost", "localhost:9602", "127.0.0.1:9602", "[::1]:9602", "[::1]", "127.8.8.8"} {
		require.Equal(t, http.StatusOK, send(host), host)
	}
	for _, host := range []string{"", "evil.example", "evil.example:9602", "localhost.evil.example", "192.0.2.1:9602", "0.0.0.0:9602", "[::]:1"} {
		require.Equal(t, http.StatusForbidden, send(host), host)
	}
	require.Equal(t, http.StatusForbidden, send("localhost:9602", "Sec-Fetch-Site", "cross-site"))
	require.Equal(t, http.StatusForbidden, send("localhost:9602", "Origin", "https://evil.example"))
	require.Equal(t, http.StatusOK, send("localhost:9602", "Origin", "http://localhost:9602"))
}

func TestWatchersSeeWhatHappensUntilTheNodeStops(t *testing.T) {
	w := newWorld(t)
	address := socket(t)
	stop := w.serve(t, address)
	c, err := NewClient(address)
	require.NoError(t, err)
	defer c.Close()
	seen := make(chan view.Event)
	ended := make(chan error, 1)
	go func() {
		ended <- c.Watch(t.Context(), func(e view.Event) error {
			seen <- e
			return nil
		})
	}()
	require.Eventually(t, func() bool {
		w.Feed.mu.Lock()
		defer w.Feed.mu.Unlock()
		return len(w.Feed.watchers) == 1
	}, 10*time.Second, time.Millisecond)
	window, _ := coordination.RFC12().Window(900)
	for _, want := range []view.Event{
		view.NewOpening(coordination.Opened{Block: 900, At: 907}, "now"),
		view.NewEvent(coordination.Result{Window: window, Reason: coordination.ReasonLeaderIdle, Faults: []faults.Fault{w.fault}}, "now"),
	} {
		w.Feed.Publish(want)
		require.Equal(t, want, <-seen)
	}
	stop()
	require.ErrorContains(t, <-ended, "the node has ended the account")
	require.Empty(t, w.Feed.watchers)
}

func TestASlowWatcherIsDroppedAndToldSo(t *testing.T) {
	var f Feed
	w, err := f.join()
	require.NoError(t, err)
	quick, err := f.join()
	require.NoError(t, err)
	for range backlog + 1 {
		f.Publish(view.Event{})
		<-quick.events
	}
	n := 0
	for range w.events { // ends, because the channel was closed
		n++
	}
	require.Equal(t, backlog, n)
	require.Len(t, f.watchers, 1)
	f.leave(w)
	for range maxWatchers - 1 {
		_, err = f.join()
		require.NoError(t, err)
	}
	_, err = f.join()
	require.ErrorIs(t, err, errTooManyWatchers)

	served := newWorld(t)
	address := socket(t)
	served.serve(t, address)
	conn, err := stdnet.Dial("unix", strings.TrimPrefix(address, unixScheme))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /v1/windows/watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	served.Feed.mu.Lock()
	for slow := range served.Feed.watchers {
		close(slow.events) // as Publish does
		delete(served.Feed.watchers, slow)
	}
	served.Feed.mu.Unlock()
	lines, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var e view.Event
	require.NoError(t, json.Unmarshal(lines, &e), "%q", lines)
	require.Equal(t, view.EventDropped, e.Event)
}

func TestTooManyRequestsAtOnceAreToldSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &Server{Records: stuck{release: release}, Cluster: newCluster()}
		handler := s.Handler()
		request := func() int {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/wallets", http.NoBody)
			require.NoError(t, err)
			r.Host = "localhost"
			return answerOf(handler, r).Code
		}
		for range maxRequests {
			go request()
		}
		synctest.Wait()
		require.Equal(t, http.StatusServiceUnavailable, request())
		close(release)
		synctest.Wait()
		require.Equal(t, http.StatusOK, request())
	})
}

// stuck are records that answer when they are released.
type stuck struct {
	Records
	release chan struct{}
}

func (s stuck) Wallets(context.Context) (view.Wallets, error) {
	<-s.release
	return view.Wallets{}, nil
}

func TestServeLeavesNothing(t *testing.T) {
	w := newWorld(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	address := socket(t)
	stop := w.serve(t, address)
	c, err := NewClient(address)
	require.NoError(t, err)
	require.NoError(t, c.Healthy(t.Context()))
	idle, err := stdnet.Dial("unix", strings.TrimPrefix(address, unixScheme)) // who connects and says nothing does not hold it
	require.NoError(t, err)
	defer idle.Close()
	stop()
	require.NoFileExists(t, strings.TrimPrefix(address, unixScheme))
	require.ErrorIs(t, c.Healthy(t.Context()), ErrUnreachable)
	require.ErrorContains(t, c.Healthy(t.Context()), "no node answers at unix:///")
	c.Close()
}

func TestListenTakesItsAddressAlone(t *testing.T) {
	address := socket(t)
	path := strings.TrimPrefix(address, unixScheme)
	first, err := Listen(t.Context(), address, Guard{})
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = Listen(t.Context(), address, Guard{})
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, path)

	first.(*stdnet.UnixListener).SetUnlinkOnClose(false) // as after a kill
	require.NoError(t, first.Close())
	require.FileExists(t, path)
	again, err := Listen(t.Context(), address, Guard{})
	require.NoError(t, err)
	require.NoError(t, again.Close())

	require.NoError(t, os.WriteFile(path, []byte("a file of somebody's"), 0o600))
	_, err = Listen(t.Context(), address, Guard{})
	require.ErrorContains(t, err, "no socket")
	require.FileExists(t, path)

	tcp, err := Listen(t.Context(), "127.0.0.1:0", Guard{})
	require.NoError(t, err)
	defer tcp.Close()
	_, err = Listen(t.Context(), tcp.Addr().String(), Guard{})
	require.ErrorIs(t, err, ErrInUse)
}

func TestAddressesThatOthersCouldReachAreRefused(t *testing.T) {
	for _, address := range []string{"0.0.0.0:9602", ":9602", "192.0.2.1:9602", "example.org:80", ""} {
		_, err := Listen(t.Context(), address, Guard{})
		require.ErrorContains(t, err, "no loopback address", address)
		_, err = NewClient(address)
		require.Error(t, err, address)
	}
	_, err := Listen(t.Context(), unixScheme+"/"+strings.Repeat("x", maxSocketPath), Guard{})
	require.ErrorContains(t, err, "the system allows 103")
	require.NotErrorIs(t, err, syscall.EINVAL)
}
