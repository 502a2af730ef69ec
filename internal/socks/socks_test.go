package socks_test

import (
	"context"
	"io"
	stdnet "net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/socks"
	"github.com/walletnode/walletnode/internal/socks/sockstest"
)

// parrot repeats what it is told on each connection, and ends with the test.
func parrot(t *testing.T) string {
	t.Helper()
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-ended })
	return listener.Addr().String()
}

// talk says a word and wants it repeated.
func talk(t *testing.T, dial socks.Dial, address string) {
	t.Helper()
	c, err := dial(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("word"))
	require.NoError(t, err)
	heard := make([]byte, 4)
	_, err = io.ReadFull(c, heard)
	require.NoError(t, err)
	require.Equal(t, "word", string(heard))
}

func TestTheProxyLooksNamesUp(t *testing.T) {
	p := sockstest.New(t, map[string]string{"abc.onion:80": parrot(t)})
	dial, err := socks.Dialer(p.URL())
	require.NoError(t, err)
	talk(t, dial, "abc.onion:80")
	require.Equal(t, []string{"abc.onion:80"}, p.Asked())

	_, err = dial(t.Context(), "tcp", "unknown.onion:80")
	require.ErrorContains(t, err, "host unreachable")
}

func TestAPasswordIsShownToTheProxy(t *testing.T) {
	p := sockstest.NewWithPassword(t, map[string]string{"abc.onion:80": parrot(t)}, "user", "hunter2")
	dial, err := socks.Dialer(p.URL())
	require.NoError(t, err)
	talk(t, dial, "abc.onion:80")

	for _, wrong := range []string{"socks5://user:wrong@" + p.Address(), "socks5://" + p.Address()} {
		dial, err := socks.Dialer(wrong)
		require.NoError(t, err)
		_, err = dial(t.Context(), "tcp", "abc.onion:80")
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.Equal(t, []string{"abc.onion:80"}, p.Asked())
}

func TestLoopbackAddressesAreDialedDirectly(t *testing.T) {
	p := sockstest.New(t, nil)
	dial, err := socks.Dialer(p.URL())
	require.NoError(t, err)
	address := parrot(t)
	talk(t, dial, address)
	_, port, err := stdnet.SplitHostPort(address)
	require.NoError(t, err)
	talk(t, dial, "localhost:"+port)
	require.Empty(t, p.Asked())
}

func TestWithoutAProxyDialingIsDirect(t *testing.T) {
	dial, err := socks.Dialer("")
	require.NoError(t, err)
	talk(t, dial, parrot(t))
}

// A proxy that takes the call and says nothing is not waited for longer than the caller waits.
func TestDialingEndsWithItsContext(t *testing.T) {
	silent, err := stdnet.Listen("tcp", "127.0.0.1:0") // the system takes the call; nobody answers
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	dial, err := socks.Dialer("socks5://" + silent.Addr().String())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := dial(ctx, "tcp", "abc.onion:80")
		ended <- err
	}()
	taken, err := silent.Accept()
	require.NoError(t, err)
	defer taken.Close()
	cancel()
	require.Error(t, <-ended)
}

func TestBadInputProxyURLs(t *testing.T) {
	for _, good := range []string{"socks5://127.0.0.1:9050", "socks5://[::1]:9050/", "socks5://u:p@proxy.example:1080", "socks5://u@h:1"} {
		require.NoError(t, socks.Check(good), good)
	}
	for _, bad := range []string{
		"", "127.0.0.1:9050", "http://hunter2:1", "socks5://hunter2", "socks5://hunter2:0", "socks5://hunter2:70000", "socks5://:9050",
		"socks5://:hunter2@h:1", "socks5://" + strings.Repeat("hunter2", 40) + "@h:1", "socks5://h:1/hunter2", "socks5://h:1?hunter2",
		"socks5://h:1#hunter2", "socks5://u:hunter2%@h:1", "socks4://hunter2:1",
	} {
		err := socks.Check(bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "hunter2")
		_, err = socks.Dialer(bad)
		if bad != "" {
			require.Error(t, err, bad)
		}
	}
}
