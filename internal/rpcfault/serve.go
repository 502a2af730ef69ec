package rpcfault

import (
	"context"
	"encoding/json"
	"io"
	stdhttp "net/http"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/gorilla/websocket"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
)

// Bounds of one WebSocket connection. What comes beyond the first waits, beyond the second is refused.
const (
	maxUnderWay      = 64 // messages being answered
	maxSubscriptions = 16
)

// writeTimeout is how long one who does not read is waited for.
const writeTimeout = 10 * time.Second

// serve answers one HTTP request, which may become a WebSocket.
func (p *Proxy) serve(w stdhttp.ResponseWriter, r *stdhttp.Request) {
	if !p.enter() {
		return
	}
	defer p.handlers.Done()
	body, err := io.ReadAll(stdhttp.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		stdhttp.Error(w, "request cannot be read", stdhttp.StatusBadRequest)
		return
	}
	switch s := p.state.Load(); {
	case s.Hang:
		s.log.note(KindHang)
		<-r.Context().Done() // until the client has had enough, or the proxy ends
		panic(stdhttp.ErrAbortHandler)
	case s.RateLimited:
		s.log.note(KindRateLimited)
		stdhttp.Error(w, "too many requests", stdhttp.StatusTooManyRequests)
	case s.Unauthorized:
		s.log.note(KindUnauthorized)
		stdhttp.Error(w, "no access", stdhttp.StatusUnauthorized)
	case websocket.IsWebSocketUpgrade(r):
		p.serveSocket(w, r)
	default:
		w.Header().Set("Content-Type", "application/json")
		text, _ := p.reply(r.Context(), body, nil)
		_, _ = w.Write(text) // a client that has gone needs no answer
	}
}

// reply answers one message; nil is no answer. on is the connection that subscriptions belong to, nil where there can
// be none. Those that the message made are returned: they push once the client knows of them.
func (p *Proxy) reply(ctx context.Context, message []byte, on *socket) (text []byte, fresh []*subscription) {
	s := p.state.Load()
	if s.Hang {
		s.log.note(KindHang)
		return nil, nil
	}
	if s.Slow > 0 {
		s.log.note(KindSlow)
		if pause.For(ctx, s.Slow) != nil {
			return nil, nil
		}
	}
	questions, batch, err := parse(message)
	if err != nil {
		return encode([]answer{question{}.answered(nil, err)}, false), nil
	}
	t := &tale{state: s, ask: p.call}
	answers := make([]answer, len(questions))
	for i, q := range questions {
		var result json.RawMessage
		var err error
		switch subscribes := q.Method == "eth_subscribe" || q.Method == "eth_unsubscribe"; {
		case !subscribes || s.RateLimited || s.Null:
			result, err = t.answer(ctx, q)
		case on == nil:
			err = &failure{Code: codeUnknownMethod, Message: "notifications are not supported"}
		case q.Method == "eth_unsubscribe":
			result, err = on.unsubscribe(q)
		default:
			var sub *subscription
			if sub, err = on.subscribe(ctx, q); err == nil {
				fresh = append(fresh, sub)
				result, err = json.Marshal(sub.id)
			}
		}
		answers[i] = q.answered(result, err)
	}
	return encode(answers, batch), fresh
}

// socket is one WebSocket connection.
type socket struct {
	proxy *Proxy
	conn  *websocket.Conn
	work  sync.WaitGroup

	writing sync.Mutex

	mu            sync.Mutex
	subscriptions map[rpc.ID]*subscription
}

// subscription is one subscription of a connection.
type subscription struct {
	id     rpc.ID
	behind *rpc.ClientSubscription
	heads  bool // of new heads
	pushed chan json.RawMessage
	ended  chan struct{} // closed when the client ends it
}

// serveSocket serves one connection until it ends.
func (p *Proxy) serveSocket(w stdhttp.ResponseWriter, r *stdhttp.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*stdhttp.Request) bool { return true }} // loopback, in tests
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	conn.SetReadLimit(maxMessage)
	ctx, cancel := context.WithCancel(r.Context())
	s := &socket{proxy: p, conn: conn, subscriptions: make(map[rpc.ID]*subscription)}
	defer s.work.Wait()
	defer func() { _ = conn.Close() }()
	defer cancel()
	underWay := make(chan struct{}, maxUnderWay)
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		select {
		case underWay <- struct{}{}:
		case <-ctx.Done():
			return
		}
		s.work.Go(func() {
			defer func() { <-underWay }()
			s.handle(ctx, message)
		})
	}
}

// handle answers one message.
func (s *socket) handle(ctx context.Context, message []byte) {
	text, fresh := s.proxy.reply(ctx, message, s)
	if text != nil {
		s.write(text)
	}
	for _, sub := range fresh {
		s.work.Go(func() { s.push(ctx, sub) })
	}
}

// write sends a message; a connection that takes none is ended.
func (s *socket) write(text []byte) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err := s.conn.WriteMessage(websocket.TextMessage, text); err != nil {
		_ = s.conn.Close()
	}
}

func (s *socket) subscribe(ctx context.Context, q question) (*subscription, error) {
	params, err := q.params()
	if err != nil {
		return nil, err
	}
	sub := &subscription{
		id: rpc.NewID(), heads: len(params) > 0 && string(params[0]) == `"newHeads"`,
		pushed: make(chan json.RawMessage, 64), ended: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.subscriptions) >= maxSubscriptions {
		return nil, &failure{Code: codeLimit, Message: "too many subscriptions"}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if sub.behind, err = s.proxy.upstream.EthSubscribe(ctx, sub.pushed, asArguments(params)...); err != nil {
		return nil, &failure{Code: codeServer, Message: err.Error()}
	}
	s.subscriptions[sub.id] = sub
	return sub, nil
}

func (s *socket) unsubscribe(q question) (json.RawMessage, error) {
	params, err := q.params()
	if err != nil {
		return nil, err
	}
	var id rpc.ID
	if len(params) == 0 || json.Unmarshal(params[0], &id) != nil {
		return nil, &failure{Code: codeParams, Message: "argument 0 is no subscription"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, ok := s.subscriptions[id]
	if !ok {
		return nil, &failure{Code: codeServer, Message: "subscription not found"}
	}
	delete(s.subscriptions, id)
	close(sub.ended)
	return json.RawMessage("true"), nil
}

// push passes on what a subscription brings, until either side ends it. A subscription that the endpoint behind ends
// takes the connection with it, as a node that stops does.
func (s *socket) push(ctx context.Context, sub *subscription) {
	defer sub.behind.Unsubscribe()
	var last chain.Height
	for {
		select {
		case <-ctx.Done():
			return
		case <-sub.ended:
			return
		case err := <-sub.behind.Err():
			s.proxy.log.Debug("Subscription ended behind the proxy", "error", err)
			_ = s.conn.Close()
			return
		case event := <-sub.pushed:
			last = s.notify(ctx, sub, event, last)
		}
	}
}

// notify pushes one event, and returns the height of the last head pushed.
func (s *socket) notify(ctx context.Context, sub *subscription, event json.RawMessage, last chain.Height) chain.Height {
	if sub.heads {
		t := &tale{state: s.proxy.state.Load(), ask: s.proxy.call}
		head, height, err := t.pushed(ctx, event, last)
		if err != nil {
			s.proxy.log.Debug("Head not pushed", "error", err)
		}
		if head == nil {
			return height
		}
		event, last = head, height
	}
	type params struct {
		Subscription rpc.ID          `json:"subscription"`
		Result       json.RawMessage `json:"result"`
	}
	s.write(encode([]answer{{Version: "2.0", Method: "eth_subscription", Params: params{sub.id, event}}}, false))
	return last
}
