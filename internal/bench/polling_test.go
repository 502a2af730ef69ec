package bench_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/bench"
)

// asEndpoints makes this binary the endpoints of BenchmarkPolling, so that their work is not counted as the node's.
const asEndpoints = "WALLETNODE_BENCH_ENDPOINTS"

func TestMain(m *testing.M) {
	if os.Getenv(asEndpoints) != "" {
		if err := bench.ServeEndpoints(os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	if dirs := os.Getenv(bench.AsSigners); dirs != "" {
		if err := bench.ServeSigners(dirs, os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// BenchmarkPolling is the processor time that a pool of five endpoints takes while a block comes every 12 s and reaches each
// endpoint at a moment of its own: regular polls, those that a block asks for, and the heads of the endpoint that serves.
// One operation is one minute.
func BenchmarkPolling(b *testing.B) {
	for _, scheme := range []string{"ws", "http"} {
		b.Run(scheme, func(b *testing.B) {
			address := endpointsApart(b)
			var looks atomic.Int64
			pool := polled(b, scheme+"://"+address, &looks)
			settled(b, pool)
			began, before, cpu := time.Now(), looks.Load(), bench.CPUTime()
			first := pool.Snapshot().Agreed.Height
			for b.Loop() {
				<-time.After(time.Minute)
			}
			took := time.Since(began)
			b.ReportMetric(100*float64(bench.CPUTime()-cpu)/float64(took), "%core")
			b.ReportMetric(float64(looks.Load()-before)/took.Minutes(), "polls/min")
			b.ReportMetric(float64(pool.Snapshot().Agreed.Height-first)/took.Minutes(), "blocks/min")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// endpointsApart runs the endpoints in a process of their own and returns their address.
func endpointsApart(b *testing.B) string {
	b.Helper()
	binary, err := os.Executable()
	require.NoError(b, err)
	process := exec.Command(binary) //nolint:gosec,noctx // this very binary; it ends with its input
	process.Env = append(os.Environ(), asEndpoints+"=1")
	process.Stderr = os.Stderr
	input, err := process.StdinPipe()
	require.NoError(b, err)
	output, err := process.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, process.Start())
	b.Cleanup(func() {
		require.NoError(b, input.Close())
		_, _ = io.Copy(io.Discard, output)
		require.NoError(b, process.Wait())
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(line)
}

// polled runs a pool of five clients with an operator's defaults.
func polled(b *testing.B, address string, looks *atomic.Int64) *quorum.Pool {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	var members []quorum.Member
	for i, name := range bench.EndpointNames {
		members = append(members, quorum.Member{
			Name: name, Group: name, Key: name, Primary: i == 0,
			Open: func() (quorum.Endpoint, error) {
				client, err := ethereum.Open(ethereum.Config{
					URL: address + "/" + name, PollInterval: bench.BlockTime, CallTimeout: 10 * time.Second, RequestsPerSecond: 25,
				}, log)
				return looking{client, looks}, err
			},
		})
	}
	pool, err := quorum.New(b.Context(), quorum.Config{Members: members, ChainID: 1}, log)
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = pool.Run(ctx, func(chain.Header) {}) })
	b.Cleanup(func() {
		cancel()
		running.Wait()
		pool.Close()
	})
	return pool
}

// looking counts polls.
type looking struct {
	quorum.Endpoint
	looks *atomic.Int64
}

func (l looking) Look(ctx context.Context, ask quorum.Ask) (quorum.Sight, error) {
	l.looks.Add(1)
	return l.Endpoint.Look(ctx, ask)
}

// settled waits until the ring is as deep as it gets after a start, which is not what is measured, and all are healthy.
func settled(b *testing.B, pool *quorum.Pool) {
	b.Helper()
	require.Eventually(b, func() bool {
		s := pool.Snapshot()
		for _, e := range s.Endpoints {
			if e.Status != quorum.Healthy {
				return false
			}
		}
		return s.Quorum && pool.Agreed(bench.EndpointHeader(s.Agreed.Height-256))
	}, time.Minute, 100*time.Millisecond)
}
