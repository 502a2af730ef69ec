// Package rpcfault is a real JSON-RPC endpoint over loopback, HTTP and WebSocket on one port, in front of another one,
// that can be as ill as endpoints get: dead, silent, slow, behind, ahead, forked, lying, isolated, of another chain.
// What it does wrong is switched while it runs, and it keeps a log of what it answered wrongly, so that a test can prove
// that an ill was really suffered.
//
//	faults.go               what can be wrong
//	listener.go, serve.go   connections: HTTP, WebSocket, subscriptions
//	message.go              JSON-RPC messages and batches
//	answer.go, peers.go     what is answered to which method
//	tale.go, branch.go      the chain as the endpoint tells it, and headers it makes up
//	log.go                  what it answered wrongly
package rpcfault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	stdnet "net"
	stdhttp "net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// Proxy is one endpoint. Its methods may be called from any goroutine.
type Proxy struct {
	upstream *rpc.Client
	listener *listener
	server   *stdhttp.Server
	stop     context.CancelFunc // ends every connection's work
	state    atomic.Pointer[state]
	serving  sync.WaitGroup // the server's loop
	log      *slog.Logger

	mu       sync.Mutex
	closed   bool
	handlers sync.WaitGroup // requests and connections under way; added to under mu while not closed
}

// state is what is wrong at a moment, with what was made up and told because of it. A request keeps the one that it
// began with.
type state struct {
	Faults
	log   *book
	fork  *branch // nil without Fork
	ahead *branch // nil without Jump
}

// New starts an endpoint in front of another one, given by its WebSocket URL. It answers as that one does until Set.
// ctx bounds the start alone; Close ends the endpoint.
func New(ctx context.Context, upstream string, log *slog.Logger) (*Proxy, error) {
	client, err := rpc.DialContext(ctx, upstream)
	if err != nil {
		return nil, fmt.Errorf("reach the endpoint behind a proxy: %w", err)
	}
	inner, err := stdnet.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("start a proxy: %w", err)
	}
	p := &Proxy{upstream: client, listener: newListener(inner), log: log}
	p.state.Store(&state{log: newBook()})
	var lifetime context.Context
	lifetime, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.server = &stdhttp.Server{
		Handler:           stdhttp.HandlerFunc(p.serve),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(stdnet.Listener) context.Context { return lifetime },
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	p.serving.Go(func() { _ = p.server.Serve(p.listener) }) // ends with Close
	return p, nil
}

// URL returns the endpoint's WebSocket address.
func (p *Proxy) URL() string { return "ws://" + p.listener.Addr().String() }

// HTTPURL returns the endpoint's HTTP address.
func (p *Proxy) HTTPURL() string { return "http://" + p.listener.Addr().String() }

// Set replaces everything that is wrong; the zero Faults are a healthy endpoint. It returns the log of what was answered
// wrongly since the Set before. Where the endpoint made up blocks, another Set makes them up anew.
func (p *Proxy) Set(ctx context.Context, f Faults) (Log, error) {
	next := &state{Faults: f, log: newBook()}
	if err := p.invent(ctx, next); err != nil {
		return nil, fmt.Errorf("switch a proxy's faults: %w", err)
	}
	before := p.state.Swap(next)
	p.listener.cut(f.Cut, next.log)
	if f.Unauthorized {
		p.listener.breakAll()
	}
	return before.log.read(), nil
}

// Log returns what was answered wrongly since the last Set.
func (p *Proxy) Log() Log { return p.state.Load().log.read() }

// Close ends all connections and returns when nothing of the endpoint runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	err := p.server.Close()
	p.listener.breakAll() // those of WebSockets, which the server knows no more
	p.serving.Wait()
	p.handlers.Wait()
	p.upstream.Close()
	if errors.Is(err, stdnet.ErrClosed) {
		err = nil
	}
	return err
}

// enter counts a request or connection in, so that Close can wait for it; false after Close.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.handlers.Add(1)
	}
	return !p.closed
}
