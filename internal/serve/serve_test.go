package serve

import (
	"context"
	"io"
	"log/slog"
	stdnet "net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func listen(t *testing.T) stdnet.Listener {
	t.Helper()
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func TestAnAnswerUnderWayIsFinishedWhenTheContextEnds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	asked, finish := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-finish
		_, _ = io.WriteString(w, "whole")
	})
	ctx, cancel := context.WithCancel(t.Context())
	l := listen(t)
	ended := make(chan error, 1)
	go func() { ended <- Until(ctx, &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}, l) }()

	answer := make(chan string, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		response, err := client.Get("http://" + l.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		answer <- string(body)
	}()
	<-asked
	cancel()
	close(finish)
	require.Equal(t, "whole", <-answer)
	require.NoError(t, <-ended)
	_, err := stdnet.Dial("tcp", l.Addr().String())
	require.Error(t, err, "the listener is closed")
}

func TestAListenerThatFailsIsAnError(t *testing.T) {
	l := listen(t)
	require.NoError(t, l.Close())
	require.Error(t, Until(t.Context(), &http.Server{ReadHeaderTimeout: time.Second}, l))
}

func TestWhoFollowsAStreamLeavesAtOnceWhenTheContextEnds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	following := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(following)
		<-r.Context().Done()
		_, _ = io.WriteString(w, "left")
	})
	ctx, cancel := context.WithCancel(t.Context())
	l := listen(t)
	ended := make(chan error, 1)
	go func() { ended <- People(ctx, l, handler, 1, slog.New(slog.DiscardHandler)) }()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + l.Addr().String())
	require.NoError(t, err)
	<-following
	cancel()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err, "it was not cut off: it ended by itself")
	require.NoError(t, response.Body.Close())
	require.Equal(t, "left", string(body))
	require.NoError(t, <-ended)
}
