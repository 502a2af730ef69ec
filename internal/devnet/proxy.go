package devnet

import (
	"encoding/json"
	"errors"
	"fmt"
	stdnet "net"
	stdhttp "net/http"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/gorilla/websocket"

	"github.com/walletnode/walletnode/chain"
)

// proxy is a JSON-RPC WebSocket endpoint in front of another that can lose heads: notifications of some blocks do not
// pass, and asked for one of those blocks by its hash, or for the latest, it answers that there is none, or the node
// would fill the gap from the next head's parents, or poll. By number it answers: the blocks are there.
type proxy struct {
	upstream string
	listener stdnet.Listener
	server   *stdhttp.Server
	served   sync.WaitGroup

	mu       sync.Mutex
	from, to chain.Height // blocks that are lost; none while both are 0
	lost     map[chain.Height]bool
	conns    map[*websocket.Conn]struct{}
	closed   bool
}

func newProxy(upstream string) (*proxy, error) {
	l, err := stdnet.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start proxy: %w", err)
	}
	p := &proxy{upstream: upstream, listener: l, lost: make(map[chain.Height]bool), conns: make(map[*websocket.Conn]struct{})}
	p.server = &stdhttp.Server{Handler: stdhttp.HandlerFunc(p.serve), ReadHeaderTimeout: 10 * time.Second}
	p.served.Go(func() { _ = p.server.Serve(l) }) // ends with close
	return p, nil
}

func (p *proxy) url() string { return "ws://" + p.listener.Addr().String() }

// lose makes the proxy lose the heads from .. to, both included, until stopLosing.
func (p *proxy) lose(from, to chain.Height) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from, p.to = from, to
	clear(p.lost)
}

// stopLosing ends it and returns which heads were lost: how many, the first and the last.
func (p *proxy) stopLosing() (n int, first, last chain.Height) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from, p.to = 0, 0
	for h := range p.lost {
		if n == 0 || h < first {
			first = h
		}
		last = max(last, h)
		n++
	}
	return n, first, last
}

// hides reports whether a block is lost.
func (p *proxy) hides(h chain.Height) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.to != 0 && h >= p.from && h <= p.to
}

func (p *proxy) noteLost(h chain.Height) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost[h] = true
}

// close ends all connections and returns when nothing of the proxy runs any more.
func (p *proxy) close() error {
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	err := p.server.Close()
	p.served.Wait()
	return err
}

// keep enters a connection, so that close can end it; false after close.
func (p *proxy) keep(conns ...*websocket.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	if !p.closed {
		p.served.Add(1)
	}
	return !p.closed
}

func (p *proxy) drop(conns ...*websocket.Conn) {
	p.mu.Lock()
	for _, c := range conns {
		delete(p.conns, c)
	}
	p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// serve passes one connection through: one goroutine for each direction.
func (p *proxy) serve(w stdhttp.ResponseWriter, r *stdhttp.Request) {
	up, response, err := websocket.DefaultDialer.DialContext(r.Context(), p.upstream, nil)
	if err != nil {
		stdhttp.Error(w, "upstream endpoint does not answer", stdhttp.StatusBadGateway)
		return
	}
	_ = response.Body.Close()
	upgrader := websocket.Upgrader{}
	down, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		_ = up.Close()
		return
	}
	if !p.keep(up, down) {
		p.drop(up, down)
		return
	}
	defer p.served.Done()
	s := &session{proxy: p, asked: make(map[string]struct{})}
	var requests sync.WaitGroup
	requests.Go(func() {
		defer p.drop(up, down) // one end has gone, so the other goes too
		_ = pass(down, up, s.request)
	})
	_ = pass(up, down, s.answer)
	p.drop(up, down)
	requests.Wait()
}

// pass copies messages until one side ends. alter returns what is passed on instead; nil is not passed on.
func pass(from, to *websocket.Conn, alter func([]byte) []byte) error {
	for {
		kind, message, err := from.ReadMessage()
		if err != nil {
			return err
		}
		if message = alter(message); message == nil {
			continue
		}
		if err := to.WriteMessage(kind, message); err != nil {
			return err
		}
	}
}

// session is one connection's memory of what was asked by hash, or as the latest. It is bounded by the requests under way, which the
// node bounds.
type session struct {
	proxy *proxy
	mu    sync.Mutex
	asked map[string]struct{} // IDs of requests for a block by its hash, or for the latest
}

// rpcMessage is a request, an answer or a notification, as far as it matters here.
type rpcMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
}

// request notes requests for a block by its hash, or for the latest; everything passes.
func (s *session) request(message []byte) []byte {
	var m rpcMessage
	if json.Unmarshal(message, &m) == nil && (m.Method == "eth_getBlockByHash" || asksForLatest(m)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked[string(m.ID)] = struct{}{}
	}
	return message
}

func asksForLatest(m rpcMessage) bool {
	var params []any
	return m.Method == "eth_getBlockByNumber" && json.Unmarshal(m.Params, &params) == nil && len(params) > 0 && params[0] == "latest"
}

// answer keeps notifications of lost blocks, and replaces them where they were asked for by hash or as the latest.
func (s *session) answer(message []byte) []byte {
	var m rpcMessage
	if json.Unmarshal(message, &m) != nil {
		return message // a batch, which holds no head
	}
	if m.Method == "eth_subscription" {
		var notification struct {
			Result json.RawMessage `json:"result"`
		}
		if json.Unmarshal(m.Params, &notification) != nil {
			return message
		}
		if h, err := numberOf(notification.Result); err == nil && s.proxy.hides(h) {
			s.proxy.noteLost(h)
			return nil
		}
		return message
	}
	s.mu.Lock()
	_, asked := s.asked[string(m.ID)]
	delete(s.asked, string(m.ID))
	s.mu.Unlock()
	if h, err := numberOf(m.Result); asked && err == nil && s.proxy.hides(h) {
		return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"result":null}`, m.ID)
	}
	return message
}

// numberOf reads a block's or header's number.
func numberOf(block json.RawMessage) (chain.Height, error) {
	var header struct {
		Number *hexutil.Uint64 `json:"number"`
	}
	if err := json.Unmarshal(block, &header); err != nil {
		return 0, err
	}
	if header.Number == nil {
		return 0, errors.New("no number")
	}
	return chain.Height(*header.Number), nil
}
