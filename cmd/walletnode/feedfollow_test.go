package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	stdnet "net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// What a later start does not say of how epochs are kept stays as it was.
func TestAPolicyStaysAsItWasUnlessItIsSaid(t *testing.T) {
	dir, _ := posted(t)
	state := t.TempDir()
	for _, step := range []struct {
		args []string
		keep int
		then string
	}{
		{nil, feedclient.DefaultPolicy.Keep, "compress"},
		{[]string{"--epochs", "3"}, 3, "compress"},
		{[]string{"--policy", "hold"}, 3, "hold"},
		{[]string{"--epochs", "5"}, 5, "hold"},
		{[]string{"--policy", "drop", "--epochs", "7"}, 7, "drop"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		ended, out := make(chan error, 1), &written{}
		go func() {
			args := []string{"walletnode", "--data-dir", dir, "feed", "follow", "--mailbox", "a", "--state", state}
			ended <- newApp(nil, out, out).RunContext(ctx, append(args, step.args...))
		}()
		require.Eventually(t, func() bool {
			raw, err := os.ReadFile(filepath.Join(state, "place.json"))
			var place struct {
				Keep int
				Then string
			}
			return err == nil && json.Unmarshal(raw, &place) == nil && place.Keep == step.keep && place.Then == step.then
		}, 2*time.Minute, time.Millisecond, "%v", step.args)
		cancel()
		if err := <-ended; err != nil {
			require.ErrorIs(t, err, context.Canceled, out.String())
		}
	}
}

// What was read before a move has files of its own, which go when it is kept no more; each is an export like any other.
func TestExportsOfBeforeAMoveStandBeside(t *testing.T) {
	x, err := office(t, "alpha", "signed too").Export(t.Context(), "a")
	require.NoError(t, err)
	y, err := office(t, "beta", "signed too").Export(t.Context(), "a")
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "out")
	for _, other := range []string{"out.2", "out.000001-alpha.mine", "out.000001-Alpha", "also.000009-alpha"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, other), nil, 0o600))
	}
	at := func(moves int, x feed.Export) feed.Stay {
		return feed.Stay{Moves: moves, Instance: x.Instance, Kept: x.Epochs}
	}
	empty := feed.Stay{Moves: 1, Instance: "gamma"}
	require.NoError(t, writeExports(file, feedclient.Archive{Mailbox: "a", Stays: []feed.Stay{at(0, x), empty, at(2, y)}}))
	raw, err := json.Marshal(keysOf(t, "alpha", "beta"))
	require.NoError(t, err)
	keys := filepath.Join(dir, "keys")
	require.NoError(t, os.WriteFile(keys, raw, 0o600))
	require.Contains(t, succeed(t, "", "feed", "verify", "--keys", keys, file), "agree\n")
	require.Contains(t, succeed(t, "", "feed", "verify", "--keys", keys, file+".000000-alpha", file), "agree\n")
	require.NoFileExists(t, file+".000001-gamma")
	require.NoError(t, writeExports(file, feedclient.Archive{Mailbox: "a", Stays: []feed.Stay{at(2, y)}}))
	require.NoFileExists(t, file+".000000-alpha")
	for _, other := range []string{"out", "out.2", "out.000001-Alpha", "also.000009-alpha"} {
		require.FileExists(t, filepath.Join(dir, other))
	}
}

// One machine does not take all connections of those who compare.
func TestOneAddressTakesNotAllConnections(t *testing.T) {
	inner, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &fewEach{Listener: inner, most: 2, of: map[string]int{}}
	accepted := make(chan stdnet.Conn, 8)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() stdnet.Conn {
		c, err := stdnet.Dial("tcp", inner.Addr().String())
		require.NoError(t, err)
		require.NoError(t, c.SetDeadline(time.Now().Add(2*time.Minute)))
		return c
	}
	one, two := dial(), dial()
	first, second := <-accepted, <-accepted
	third := dial()
	_, err = third.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "it is closed")
	require.NoError(t, first.Close())
	require.Error(t, first.Close(), "and counts once")
	fourth := dial()
	again := <-accepted
	require.NoError(t, inner.Close())
	<-accepted
	for _, c := range []stdnet.Conn{one, two, third, fourth, second, again} {
		require.NoError(t, c.Close())
	}
	require.Empty(t, l.of)
}

// An instance that tells two subscribers two things is found out by the two themselves, over TLS, and the proof that is kept holds without them.
func TestTwoWhoFollowProveOverTLSThatTheirInstanceLied(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	serveAPI(t, one, &api.Server{Feeds: office(t, "alpha", "signed too"), Logger: slog.New(slog.DiscardHandler)})
	serveAPI(t, two, &api.Server{Feeds: office(t, "alpha", "signed otherwise"), Logger: slog.New(slog.DiscardHandler)})
	at := t.TempDir()
	cert, key, token := filepath.Join(at, "cert"), filepath.Join(at, "key"), filepath.Join(at, "token")
	require.NoError(t, os.WriteFile(token, []byte("a token of sixteen or more\n"), 0o600))
	selfSigned(t, cert, key)
	stop, said := runFollow(t, two, "--mailbox", "b", "--serve", "127.0.0.1:0", "--peer-token", token, "--serve-cert", cert, "--serve-key", key)
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "epoch 1 of alpha is sealed") }, 2*time.Minute, time.Millisecond)
	url := regexp.MustCompile(`https://127\.0\.0\.1:\d+`).FindString(said.String())
	state := t.TempDir()
	end, out := runFollow(t, one, "--mailbox", "a", "--state", state, "--peer", url, "--peer-token", token, "--peer-ca", cert)
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "  kept in   ") }, 2*time.Minute, time.Millisecond)
	end()
	stop()
	require.Contains(t, out.String(), "blamed with "+url+", mailbox b of alpha")
	require.Contains(t, out.String(), "to blame  alpha\n")
	proofs, err := filepath.Glob(filepath.Join(state, "proofs", "*.proof"))
	require.NoError(t, err)
	require.Len(t, proofs, 1)
	keys := filepath.Join(at, "keys")
	succeed(t, "", "feed", "keys", "-o", keys, "--data-dir", one)
	require.Equal(t, codeInvalid, call(t, "", "feed", "verify", "--keys", keys, proofs[0]).code)
	require.NoFileExists(t, filepath.Join(state, "verified.json"), "and nothing of it is confirmed")
}
