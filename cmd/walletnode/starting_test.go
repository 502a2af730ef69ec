package main

import (
	"io"
	stdnet "net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/view"
)

// A node whose chain endpoint keeps it waiting is not there yet, and says so to whoever asks; who wants what is recorded
// gets it, and a signal ends it.
func TestAStartingNodeIsSeenToStart(t *testing.T) {
	const somewhere = "0x1111111111111111111111111111111111111111"
	asked := make(chan struct{}, 16)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // from then on the server notices that the client leaves
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer endpoint.Close()
	in, systemd, address := install(t, endpoint.URL, somewhere, somewhere), listenAsSystemd(t), freeAddress(t)
	succeed(t, manifest, "wallets", "import", "-", "-c", in.config)

	var stderr written
	node := exec.Command(os.Args[0], "start", "-c", in.config, "--log-level", "error") //nolint:gosec // this test binary
	node.Env = append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret", config.Variable("ethereum.call_timeout")+"=5m", "NOTIFY_SOCKET="+systemd.path,
		config.Variable("metrics.listen")+"="+address)
	node.Stderr = &stderr
	require.NoError(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // for when the test fails half-way
	select {
	case <-asked:
	case <-time.After(3 * time.Minute):
		require.FailNow(t, "the node asks nothing", "%s", &stderr)
	}

	p := process{installation: in}
	var status view.Status
	p.read(t, &status, "status")
	require.Equal(t, "starting", status.State)
	require.False(t, status.Ready)
	require.Contains(t, p.ask(t, "status"), "state     starting since ")
	waiting := call(t, "", "wait-ready", "--timeout", "300ms", "-c", in.config)
	require.Equal(t, codeNotReady, waiting.code)
	require.Contains(t, waiting.stderr, "not ready after 300ms: state: the node is being put together")
	next := call(t, "", "windows", "next", "-c", in.config)
	require.Equal(t, codeNotReady, next.code, next.stderr)
	require.Contains(t, next.stderr, "the node is starting: it asks the chain endpoint")
	require.Contains(t, next.stderr, "what to do: wait until it can answer (walletnode wait-ready)")
	list := call(t, "", "wallets", "list", "-c", in.config)
	require.Zero(t, list.code, list.stderr)
	require.Contains(t, list.stdout, walletID)
	require.Contains(t, list.stderr, "reading its store instead")
	require.True(t, systemd.heard("STATUS=starting"))
	scraped, err := scrape(address)
	require.NoError(t, err)
	require.Contains(t, scraped, "\nwalletnode_state{state=\"starting\"} 1\n")
	require.Contains(t, scraped, "\nwalletnode_state{state=\"active\"} 0\n")
	require.Contains(t, scraped, "\nwalletnode_ready 0\n")
	require.NotContains(t, scraped, "walletnode_head_block", "there is no clock yet")

	require.NoError(t, node.Process.Signal(syscall.SIGTERM))
	require.NoError(t, node.Wait(), "%s", &stderr)
	require.NoFileExists(t, in.dir+"/api.sock")
}

// An endpoint that takes the connection and says nothing: the signal breaks the handshake off, and that is no failure.
func TestANodeThatIsStoppedWhileItConnectsHasStoppedInOrder(t *testing.T) {
	const somewhere = "0x1111111111111111111111111111111111111111"
	silent, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	called := make(chan stdnet.Conn, 16)
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			called <- c // kept open
		}
	}()
	in := install(t, "ws://"+silent.Addr().String(), somewhere, somewhere)

	var stderr written
	node := exec.Command(os.Args[0], "start", "-c", in.config) //nolint:gosec // this test binary
	node.Env = append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret", config.Variable("ethereum.call_timeout")+"=5m")
	node.Stderr = &stderr
	require.NoError(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // for when the test fails half-way
	select {
	case c := <-called:
		defer c.Close()
	case <-time.After(3 * time.Minute):
		require.FailNow(t, "the node connects to nothing", "%s", &stderr)
	}
	require.NoError(t, node.Process.Signal(syscall.SIGTERM))
	require.NoError(t, node.Wait(), "%s", &stderr)
	require.Contains(t, stderr.String(), "Told to stop before the node was put together")
}
