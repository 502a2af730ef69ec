package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"io"
	stdnet "net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/view"
)

// notifications is the socket that systemd gives a service, and what came over it.
type notifications struct {
	path string

	mu   sync.Mutex
	told []string
}

func listenAsSystemd(t *testing.T) *notifications {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &notifications{path: filepath.Join(dir, "notify")}
	conn, err := stdnet.ListenUnixgram("unixgram", &stdnet.UnixAddr{Name: s.path, Net: "unixgram"})
	require.NoError(t, err)
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 8192)
		for {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.told = append(s.told, strings.Split(string(buffer[:n]), "\n")...)
			s.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = conn.Close() // ends the reading
		reading.Wait()
	})
	return s
}

// heard reports whether an assignment that begins so has come.
func (s *notifications) heard(begin string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, assignment := range s.told {
		if strings.HasPrefix(assignment, begin) {
			return true
		}
	}
	return false
}

// lockStore keeps everybody else from writing to a store until the test unlocks it, as a disk does that hangs.
func lockStore(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "walletnode.db")+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	return sync.OnceFunc(func() {
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Close())
	})
}

// headBlock reads the newest block from what a node serves at /metrics; 0 if there is none.
func headBlock(address string) chain.Height {
	scraped, err := scrape(address)
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`(?m)^walletnode_head_block (\d+)$`).FindStringSubmatch(scraped)
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseUint(found[1], 10, 64) // digits
	return chain.Height(n)
}

// A node that is told to stop while the result of a window cannot be written yet goes on trying. Meanwhile everything that
// tells of its state says so, and the result is not lost.
func TestADrainingNodeIsSeenToDrain(t *testing.T) {
	systemd, address := listenAsSystemd(t), freeAddress(t)
	p := startProcess(t, localchain.Config{BlockTime: 200 * time.Millisecond, FastIdle: true},
		"NOTIFY_SOCKET="+systemd.path, config.Variable("metrics.listen")+"="+address)
	p.openWindowAfterReady(t)
	open := p.openWindow(t)
	require.Eventually(t, func() bool {
		var trace view.Trace
		p.read(t, &trace, "windows", "show", strconv.FormatUint(uint64(open), 10))
		return len(trace.Wallets) == 1 && trace.Wallets[0].Own != nil
	}, 3*time.Minute, 20*time.Millisecond, "it leads, and has written down what it says: its result is all that is left to be written")
	unlock := lockStore(t, p.dir)
	t.Cleanup(unlock)
	require.Less(t, headBlock(address), open+80, "the result is not there yet")
	require.Eventually(t, func() bool { return headBlock(address) >= open+81 }, 3*time.Minute, 20*time.Millisecond)

	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	var asking sync.WaitGroup
	var readyz, metrics, told bool
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	until := func(see func() bool) bool {
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			if see() {
				return true
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return false
			}
		}
	}
	asking.Go(func() { readyz = until(func() bool { return drainingAt(ctx, filepath.Join(p.dir, "api.sock")) }) })
	asking.Go(func() {
		metrics = until(func() bool {
			scraped, err := scrape(address)
			return err == nil && strings.Contains(scraped, "\nwalletnode_state{state=\"draining\"} 1\n") &&
				strings.Contains(scraped, "\nwalletnode_state{state=\"active\"} 0\n")
		})
	})
	asking.Go(func() { told = until(func() bool { return systemd.heard("STATUS=draining, block ") }) })
	asking.Wait()
	require.Equal(t, []bool{true, true, true}, []bool{readyz, metrics, told}, "/readyz, /metrics and systemd")
	require.True(t, systemd.heard("STOPPING=1"))

	unlock()
	require.NoError(t, p.Wait(), "%s", p.stderr)
	require.Eventually(t, func() bool { return systemd.heard("STATUS=stopped") }, 10*time.Second, 10*time.Millisecond)
	require.True(t, systemd.heard("STATUS=starting"))
	var trace view.Trace
	gone := call(t, "", "windows", "show", strconv.FormatUint(uint64(open), 10), "--json", "--offline", "-c", p.config)
	require.Zero(t, gone.code, gone.stderr)
	require.NoError(t, json.Unmarshal([]byte(gone.stdout), &trace))
	require.Equal(t, view.WindowFinished, trace.Wallets[0].State, "what was decided before the signal was written down")
}

// drainingAt asks the API at a socket whether its node is ready.
func drainingAt(ctx context.Context, socket string) bool {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (stdnet.Conn, error) {
			return new(stdnet.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/readyz", nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	var ready view.Readiness
	return err == nil && response.StatusCode == http.StatusServiceUnavailable && json.Unmarshal(raw, &ready) == nil && ready.State == "draining"
}
