package devnet

import (
	"bufio"
	"io"
	stdnet "net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counting is a server that says back what it hears, and counts.
type counting struct {
	listener stdnet.Listener
	work     sync.WaitGroup
	mu       sync.Mutex
	heard    int // lines
}

func startCounting(t *testing.T) *counting {
	t.Helper()
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e := &counting{listener: listener}
	e.work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			e.work.Go(func() {
				defer conn.Close()
				lines := bufio.NewReader(conn)
				for {
					line, err := lines.ReadString('\n')
					if err != nil {
						return
					}
					e.mu.Lock()
					e.heard++
					e.mu.Unlock()
					if _, err := io.WriteString(conn, line); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		e.work.Wait()
	})
	return e
}

func (e *counting) lines() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.heard
}

func openGate(t *testing.T, e *counting) *gate {
	t.Helper()
	g, err := newGate(func() (stdnet.Conn, error) { return stdnet.Dial("tcp", e.listener.Addr().String()) })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.close()) }) // before the echo's end
	return g
}

// callGate connects, and fails the test where nothing moves for very long.
func callGate(t *testing.T, g *gate) (stdnet.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := stdnet.Dial("tcp", g.address())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn, bufio.NewReader(conn)
}

func converse(t *testing.T, conn stdnet.Conn, from *bufio.Reader, line string) {
	t.Helper()
	_, err := io.WriteString(conn, line)
	require.NoError(t, err)
	back, err := from.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, line, back)
}

func TestAnOpenGateAndASlowOneLetEverythingThrough(t *testing.T) {
	g := openGate(t, startCounting(t))
	conn, from := callGate(t, g)
	converse(t, conn, from, "open\n")
	g.set(passSlow)
	began := time.Now()
	converse(t, conn, from, "slow\n")
	require.GreaterOrEqual(t, time.Since(began), 2*slowness, "there and back")
	g.set(passOpen)
	converse(t, conn, from, "open again\n")
}

func TestAClosedGateHangsUp(t *testing.T) {
	g := openGate(t, startCounting(t))
	conn, from := callGate(t, g)
	converse(t, conn, from, "open\n")
	g.set(passClosed)
	_, err := from.ReadString('\n')
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	_, from = callGate(t, g)
	_, err = from.ReadString('\n')
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)

	g.set(passOpen)
	conn, from = callGate(t, g)
	converse(t, conn, from, "open again\n")
}

// What a gate has swallowed arrives when it opens, as after a route that was lost for a while; until then nothing does.
func TestAGateThatSwallowsKeepsConnectionsAndPassesNothing(t *testing.T) {
	server := startCounting(t)
	g := openGate(t, server)
	conn, from := callGate(t, g)
	converse(t, conn, from, "open\n")
	g.set(passSwallow)
	_, err := io.WriteString(conn, "late\n")
	require.NoError(t, err)
	late, fromLate := callGate(t, g) // is taken
	_, err = io.WriteString(late, "later\n")
	require.NoError(t, err)
	// No wait would show that nothing ever comes. What has passed for certain is asked of another gate meanwhile.
	beside, fromBeside := callGate(t, openGate(t, server))
	converse(t, beside, fromBeside, "beside\n")
	require.Equal(t, 2, server.lines())

	g.set(passOpen)
	back, err := from.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "late\n", back)
	back, err = fromLate.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "later\n", back)
}

func TestAGateThatSwallowsCanBeClosed(t *testing.T) {
	g, err := newGate(func() (stdnet.Conn, error) { return nil, io.EOF })
	require.NoError(t, err)
	g.set(passSwallow)
	_, from := callGate(t, g)
	require.NoError(t, g.close())
	_, err = from.ReadByte()
	require.Error(t, err)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	g.set(passOpen) // without effect
}
