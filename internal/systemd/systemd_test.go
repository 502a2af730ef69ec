package systemd

import (
	"context"
	stdnet "net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// manager is systemd's end of the socket.
func manager(t *testing.T) (*stdnet.UnixConn, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // short: a socket's path has 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "notify")
	conn, err := stdnet.ListenUnixgram("unixgram", &stdnet.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn, path
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value
			}
		}
		return ""
	}
}

func receive(t *testing.T, conn *stdnet.UnixConn) string {
	t.Helper()
	buffer := make([]byte, 4096)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, err := conn.Read(buffer)
	require.NoError(t, err)
	return string(buffer[:n])
}

func TestOutsideOfSystemdNothingIsSent(t *testing.T) {
	n, err := FromEnvironment(environment())
	require.NoError(t, err)
	require.NoError(t, n.Follow(t.Context(), nil, nil))
	require.NoError(t, n.Close())
}

func TestAServiceIsFollowedFromStartToStop(t *testing.T) {
	conn, path := manager(t)
	n, err := FromEnvironment(environment("NOTIFY_SOCKET="+path, "WATCHDOG_USEC=100000", "WATCHDOG_PID="+strconv.Itoa(os.Getpid())))
	require.NoError(t, err)
	require.Equal(t, 100*time.Millisecond, n.watchdog)
	defer func() { require.NoError(t, n.Close()) }()

	changes := make(chan chan struct{}, 1)
	changes <- make(chan struct{})
	changed := func() <-chan struct{} {
		ch := <-changes
		changes <- ch
		return ch
	}
	var now atomic.Pointer[Report]
	become := func(r Report) {
		now.Store(&r)
		close(<-changes)
		changes <- make(chan struct{})
	}
	now.Store(&Report{Status: "starting"})
	ctx, stop := context.WithCancel(t.Context())
	followed := make(chan error, 1)
	go func() { followed <- n.Follow(ctx, changed, func() Report { return *now.Load() }) }()

	require.Equal(t, "STATUS=starting\nWATCHDOG=1", receive(t, conn))
	require.Equal(t, "WATCHDOG=1", receive(t, conn), "a sign of life at half the time, without news")
	become(Report{Ready: true, Status: "active\nwith two lines"})
	require.Equal(t, "READY=1\nSTATUS=active with two lines\nWATCHDOG=1", receiveNews(t, conn))
	become(Report{Ready: true, Stopping: true, Status: "draining"})
	require.Equal(t, "STOPPING=1\nSTATUS=draining\nWATCHDOG=1", receiveNews(t, conn))
	now.Store(&Report{Stopping: true, Status: "stopped"})
	stop()
	require.NoError(t, <-followed)
	require.Equal(t, "STATUS=stopped\nWATCHDOG=1", receiveNews(t, conn), "the last word is told though nobody said that it changed")
	require.NoError(t, n.Status("starting"))
	require.Equal(t, "STATUS=starting", receive(t, conn))
}

// receiveNews passes over mere signs of life.
func receiveNews(t *testing.T, conn *stdnet.UnixConn) string {
	t.Helper()
	for {
		if text := receive(t, conn); text != "WATCHDOG=1" {
			return text
		}
	}
}

func TestAWatchdogOfAnotherProcessIsNotOurs(t *testing.T) {
	_, path := manager(t)
	n, err := FromEnvironment(environment("NOTIFY_SOCKET="+path, "WATCHDOG_USEC=100000", "WATCHDOG_PID=1"))
	require.NoError(t, err)
	require.Zero(t, n.watchdog)
	require.NoError(t, n.Close())
}

func TestBadEnvironmentIsAnError(t *testing.T) {
	_, path := manager(t)
	for _, usec := range []string{"soon", "-1", "0", "99999999999999999999"} {
		_, err := FromEnvironment(environment("NOTIFY_SOCKET="+path, "WATCHDOG_USEC="+usec))
		require.ErrorContains(t, err, "WATCHDOG_USEC")
	}
	_, err := FromEnvironment(environment("NOTIFY_SOCKET=" + path + "/none"))
	require.ErrorContains(t, err, "connect to NOTIFY_SOCKET")
}
