package serve

import (
	"context"
	"log/slog"
	stdnet "net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Times of a server that people and their programs ask.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	// WriteTimeout bounds an answer, the work for it included: the largest list is read in well under a second. A stream of
	// events sets its own.
	WriteTimeout = 30 * time.Second
	idleTimeout  = time.Minute
)

// maxHeader bounds a request's header, in bytes.
const maxHeader = 16 << 10

// People serves, as Until does, those who ask what they like and may follow streams of events. Of so many connections as are
// given further ones wait. The context of a request outlives ctx and ends with the listener, so that answers under way are
// finished and who follows leaves at once. What clients get wrong is logged for debugging: it is not the operator's trouble.
func People(ctx context.Context, listener stdnet.Listener, handler http.Handler, connections int, log *slog.Logger) error {
	requests, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(stdnet.Listener) context.Context { return requests },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(end)
	return Until(ctx, server, netutil.LimitListener(listener, connections))
}
