package client

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	stdnet "net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// network is one in memory: a host that has no handler is unreachable.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.Handler
	dials map[string]int
	asked []string          // "host METHOD path", in order
	shown map[string]string // the Authorization that a host was shown last
}

func newNetwork() *network {
	return &network{hosts: map[string]http.Handler{}, dials: map[string]int{}, shown: map[string]string{}}
}

var errDown = errors.New("host is down")

// dial connects to a host's server, which serves this connection alone.
func (n *network) dial(_ context.Context, _, address string) (stdnet.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials[address]++
	if n.hosts[address] == nil {
		return nil, errDown
	}
	ours, theirs := stdnet.Pipe()
	listener := &single{conn: theirs}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		handler := n.hosts[address]
		n.asked = append(n.asked, fmt.Sprintf("%s %s %s", address, r.Method, r.URL.Path))
		n.shown[address] = r.Header.Get("Authorization")
		n.mu.Unlock()
		if handler == nil { // it went down after it was connected to
			panic(http.ErrAbortHandler)
		}
		handler.ServeHTTP(w, r)
	}), ReadHeaderTimeout: time.Minute}
	go server.Serve(listener) // ends once the listener has given its connection
	return ours, nil
}

func (n *network) set(host string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = h
}

// count is how often a host was dialled.
func (n *network) count(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[host]
}

func (n *network) requests() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string{}, n.asked...)
}

// single is a listener of one connection.
type single struct {
	conn stdnet.Conn
	once bool
}

func (l *single) Accept() (stdnet.Conn, error) {
	if l.once {
		return nil, stdnet.ErrClosed
	}
	l.once = true
	return l.conn, nil
}
func (l *single) Close() error      { return nil }
func (l *single) Addr() stdnet.Addr { return l.conn.LocalAddr() }

// world is the instances a, b and c of one operator.
type world struct {
	*network
	t      *testing.T
	key    *ecdsa.PrivateKey
	mu     sync.Mutex
	owners map[string]answer // what each instance says of the wallet
	listed []string          // instances of the directory
}

// answer is what an instance says of the wallet: it is its own (mine), somebody else's, or nobody's.
type answer struct {
	mine  bool
	owner string
	urls  []string // instead of the owner's
	epoch uint64
}

var wallet = chain.WalletID{7}

func newWorld(t *testing.T) *world {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("operator")))
	require.NoError(t, err)
	w := &world{network: newNetwork(), t: t, key: key, owners: map[string]answer{}, listed: []string{"a", "b", "c"}}
	for _, id := range w.listed {
		w.set(id+":80", w.instance(id))
	}
	return w
}

func (w *world) operator() chain.Operator {
	return chain.Operator(crypto.PubkeyToAddress(w.key.PublicKey))
}

func (w *world) says(id string, a answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owners[id] = a
}

func (w *world) directory() Directory {
	d := Directory{Operator: w.operator(), Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
	for _, id := range w.listed {
		d.Instances = append(d.Instances, Entry{id, []string{"http://" + id}})
	}
	require.NoError(w.t, d.Sign(w.key))
	return d
}

// instance answers as internal/api does.
func (w *world) instance(id string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/directory", func(out http.ResponseWriter, _ *http.Request) { writeJSON(out, http.StatusOK, w.directory()) })
	mux.HandleFunc("/any", func(out http.ResponseWriter, _ *http.Request) { writeJSON(out, http.StatusOK, id) })
	mux.HandleFunc("/wallet", func(out http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		a := w.owners[id]
		w.mu.Unlock()
		switch {
		case a.mine:
			writeJSON(out, http.StatusOK, id)
		case a.owner == "":
			out.Header().Set("Retry-After", "1")
			writeJSON(out, http.StatusServiceUnavailable, "nobody")
		default:
			if a.urls == nil {
				a.urls = []string{"http://" + a.owner}
			}
			out.Header().Set("Location", "http://evil/") // is not looked at
			writeJSON(out, http.StatusTemporaryRedirect, Redirect{wallet, a.owner, a.urls, a.epoch})
		}
	})
	return mux
}

func writeJSON(out http.ResponseWriter, status int, doc any) {
	out.WriteHeader(status)
	_ = json.NewEncoder(out).Encode(doc)
}

// client starts from some of the instances.
func (w *world) client(change func(*Config), bootstrap ...string) *Client {
	cfg := Config{Dial: w.dial, Token: "word"}
	for _, id := range bootstrap {
		cfg.Bootstrap = append(cfg.Bootstrap, "http://"+id)
	}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	require.NoError(w.t, err)
	return c
}

// who asks for the wallet and returns the instance that answered.
func who(ctx context.Context, c *Client) (string, error) {
	return name(c.Wallet(ctx, wallet, Request{Method: http.MethodGet, Path: "/wallet"}))
}

func name(response *http.Response, err error) (id string, _ error) {
	if err != nil {
		return "", err
	}
	defer closeBody(response)
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", response.StatusCode)
	}
	return id, json.NewDecoder(response.Body).Decode(&id)
}
