package daemon

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdnet "net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/socks"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// ErrOtherBackend says that whoever answers at a backend's address has another key than the one that is pinned.
var ErrOtherBackend = errors.New("another backend answers at this address")

// errUnfit says that an answer does not fit what was asked: it is not used.
var errUnfit = errors.New("the backend's answer does not fit the question")

// ErrUnreachable says that a backend gave no answer in time, or could not be connected to. It may have done what it was
// asked for: the same may be asked again.
var ErrUnreachable = errors.New("the signer backend does not answer")

// Config says where a backend is and how it is known.
type Config struct {
	URL         string      // https://host:port
	BackupURL   string      // another way to the same backend; empty for none
	Fingerprint Fingerprint // of the backend's key
	Certificate string      // file of the certificate that is shown to it
	Key         string      // file of its key
	Proxy       string      // socks5://host:port; empty for none

	// How long a call may take, attempts and the way over BackupURL included; zero for the defaults: 1 s, 10 s, 5 s, 60 s.
	Health, Read, Sign, Generate time.Duration
}

// The defaults of Config.
const (
	healthTimeout   = time.Second
	callTimeout     = 10 * time.Second
	signTimeout     = 5 * time.Second
	generateTimeout = time.Minute
)

// Client is a backend that is reached over the network. It is safe for concurrent use.
type Client struct {
	urls    []string
	usable  atomic.Int32 // index of the URL that answered last, at which the next call begins
	http    *http.Client
	limits  Config // its timeouts
	slots   chan struct{}
	replies replies
	own     Fingerprint // that the backend must list
	// shake makes a connection of its own and ends the handshake.
	shake func(ctx context.Context, host string) (stdnet.Conn, error)
}

// maxCalls bounds the calls under way at once; more wait for their turn, and their time has not begun. All wallets sign when
// a window ends: half of what a server answers at once leaves room for a second instance.
const maxCalls = maxRequests / 2

// Dial returns a backend's client. It connects when it is first asked: a backend that is down now may be up then.
func Dial(c Config) (*Client, error) {
	d := &Client{limits: c, slots: make(chan struct{}, maxCalls), replies: replies{known: map[[32]byte][32]byte{}}}
	d.limits.Health, d.limits.Read = cmp.Or(c.Health, healthTimeout), cmp.Or(c.Read, callTimeout)
	d.limits.Sign, d.limits.Generate = cmp.Or(c.Sign, signTimeout), cmp.Or(c.Generate, generateTimeout)
	if min(d.limits.Health, d.limits.Read, d.limits.Sign, d.limits.Generate) < 0 {
		return nil, errors.New("signer backend: a timeout is less than nothing")
	}
	for _, text := range []string{c.URL, c.BackupURL} {
		if text == "" && len(d.urls) > 0 {
			continue
		}
		base, err := checkURL(text)
		if err != nil {
			return nil, err
		}
		d.urls = append(d.urls, base)
	}
	if c.Fingerprint.IsZero() {
		return nil, errors.New("signer backend: no fingerprint: any backend could answer (walletnode signer init prints it)")
	}
	id, err := LoadIdentity(c.Certificate, c.Key)
	if err != nil {
		return nil, err
	}
	dial, err := socks.Dialer(c.Proxy)
	if err != nil {
		return nil, fmt.Errorf("signer backend: proxy: %w", err)
	}
	d.own = id.Fingerprint
	d.shake = func(ctx context.Context, host string) (stdnet.Conn, error) {
		conn, err := dial(ctx, "tcp", host)
		if err != nil {
			return nil, err
		}
		cfg := clientTLS(id, c.Fingerprint)
		cfg.NextProtos = []string{"h2"}
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secure, nil
	}
	d.http = &http.Client{
		Transport: transport(id, c.Fingerprint, dial),
		// A backend sends nobody elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d, nil
}

// checkURL returns a URL without the slash at its end.
func checkURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("signer backend: %.200q: want a URL like https://10.0.0.7:9720", text)
	}
	return "https://" + u.Host, nil
}

func transport(id Identity, server Fingerprint, dial func(context.Context, string, string) (stdnet.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext: dial, TLSClientConfig: clientTLS(id, server), ForceAttemptHTTP2: true, DisableCompression: true,
		MaxIdleConnsPerHost: 8, MaxConnsPerHost: maxRequests, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: maxHeader,
		// A connection that died unnoticed is found out before a round is lost to it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// Close ends the connections that rest.
func (d *Client) Close() { d.http.CloseIdleConnections() }

// Health implements signer.Backend.
func (d *Client) Health(ctx context.Context) (signer.Health, error) {
	var h signer.Health
	_, err := d.ask(ctx, question{method: http.MethodGet, path: "/v1/health", within: d.limits.Health, once: true}, &h)
	h.Detail, h.Version, h.FeedDetail = signer.Printable(h.Detail), signer.Printable(h.Version), signer.Printable(h.FeedDetail)
	if err == nil {
		err = fitHealth(h)
	}
	if err != nil {
		return signer.Health{}, fmt.Errorf("ask for health: %w", err)
	}
	return h, nil
}

// Keys implements signer.Backend. It asks for as many pages as the limit takes.
func (d *Client) Keys(ctx context.Context, after *chain.WalletID, limit int) ([]signer.Key, error) {
	var all []signer.Key
	for len(all) < limit {
		ask := min(limit-len(all), maxPage)
		page, err := d.page(ctx, after, ask)
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		all = append(all, page...)
		if len(page) < ask {
			break
		}
		after = &all[len(all)-1].Wallet
	}
	return all, nil
}

func (d *Client) page(ctx context.Context, after *chain.WalletID, limit int) ([]signer.Key, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if after != nil {
		query.Set("after", after.String())
	}
	var list KeyList
	if _, err := d.ask(ctx, question{method: http.MethodGet, path: "/v1/keys?" + query.Encode(), within: d.limits.Read}, &list); err != nil {
		return nil, err
	}
	for i := range list.Keys {
		list.Keys[i].Why = signer.Printable(list.Keys[i].Why)
	}
	return list.Keys, fitKeys(after, limit, list.Keys)
}

// Key implements signer.Backend.
func (d *Client) Key(ctx context.Context, wallet chain.WalletID) (signer.KeyDetail, error) {
	var key signer.KeyDetail
	_, err := d.ask(ctx, question{method: http.MethodGet, path: "/v1/keys/" + wallet.String(), within: d.limits.Read}, &key)
	key.Why = signer.Printable(key.Why)
	if err == nil {
		err = fitDetail(wallet, key)
	}
	if err != nil {
		return signer.KeyDetail{}, fmt.Errorf("ask for key: %w", err)
	}
	return key, nil
}

// Brief implements signer.Backend.
func (d *Client) Brief(ctx context.Context, wallet chain.WalletID) (signer.Key, error) {
	var key signer.Key
	_, err := d.ask(ctx, question{method: http.MethodGet, path: "/v1/keys/" + wallet.String() + "/brief", within: d.limits.Read}, &key)
	key.Why = signer.Printable(key.Why)
	if err == nil {
		err = fitBrief(wallet, key)
	}
	if err != nil {
		return signer.Key{}, fmt.Errorf("ask for key: %w", err)
	}
	return key, nil
}

// SealTo implements signer.Backend.
func (d *Client) SealTo(ctx context.Context, session signer.SessionID) (signer.PublicKey, error) {
	var key SealKey
	_, err := d.ask(ctx, question{
		method: http.MethodGet, path: fmt.Sprintf("/v1/keys/%v/dkg/%v", session.Placeholder(), session), within: d.limits.Read,
	}, &key)
	if err == nil && key.SealTo == (signer.PublicKey{}) {
		err = unfit("no key of the session")
	}
	if err != nil {
		return signer.PublicKey{}, fmt.Errorf("ask for what to seal to: %w", err)
	}
	return key.SealTo, nil
}

// Generate implements signer.Backend.
func (d *Client) Generate(ctx context.Context, r signer.GenerateRound) (signer.RoundReply, error) {
	reply, err := d.round(ctx, question{
		method: http.MethodPost, path: fmt.Sprintf("/v1/keys/%v/dkg/%v/round/%d", r.Session.Placeholder(), r.Session, r.Round),
		within: d.limits.Generate, body: GenerateBody{r.Term, r.Open, r.In},
	}, func(reply signer.RoundReply) error { return fitGenerated(r.Session, reply) })
	if err != nil {
		return signer.RoundReply{}, fmt.Errorf("key generation, round %d: %w", r.Round, err)
	}
	return reply, nil
}

// Sign implements signer.Backend.
func (d *Client) Sign(ctx context.Context, r signer.SignRound) (signer.RoundReply, error) {
	reply, err := d.round(ctx, question{
		method: http.MethodPost, path: fmt.Sprintf("/v1/sign/%v/round/%d", r.Session, r.Round),
		within: d.limits.Sign, body: SignBody{r.Term, r.Open, r.In},
	}, fitSigned)
	if err != nil {
		return signer.RoundReply{}, fmt.Errorf("signing, round %d: %w", r.Round, err)
	}
	return reply, nil
}

// round asks for a round, and refuses a reply that differs from an earlier one to the same words.
func (d *Client) round(ctx context.Context, q question, fit func(signer.RoundReply) error) (signer.RoundReply, error) {
	var reply signer.RoundReply
	sent, err := d.ask(ctx, q, &reply)
	if err != nil {
		return reply, err
	}
	if err := fit(reply); err != nil {
		return reply, err
	}
	for i := range reply.Culprits { // they go into logs and to people
		reply.Culprits[i].Detail = signer.Printable(reply.Culprits[i].Detail)
	}
	return reply, d.replies.same(q.path, sent, reply)
}

// Session implements signer.Backend.
func (d *Client) Session(ctx context.Context, id signer.SessionID) (signer.SessionState, error) {
	var state signer.SessionState
	_, err := d.ask(ctx, question{method: http.MethodGet, path: "/v1/sign/" + id.String(), within: d.limits.Read}, &state)
	if err == nil && state.Session != id {
		err = fmt.Errorf("%w: it tells of session %v", errUnfit, state.Session)
	}
	if err != nil {
		return signer.SessionState{}, fmt.Errorf("ask for session: %w", err)
	}
	return state, nil
}

// Abort implements signer.Backend.
func (d *Client) Abort(ctx context.Context, id signer.SessionID) error {
	_, err := d.ask(ctx, question{method: http.MethodPost, path: "/v1/sign/" + id.String() + "/abort", within: d.limits.Read}, nil)
	if err != nil {
		return fmt.Errorf("abort session: %w", err)
	}
	return nil
}

// Protection implements signer.Backend.
func (d *Client) Protection(ctx context.Context, wallet chain.WalletID) (signer.Protection, error) {
	var p signer.Protection
	_, err := d.ask(ctx, question{method: http.MethodGet, path: "/v1/protection/" + wallet.String(), within: d.limits.Read}, &p)
	if err == nil && p.Wallet != wallet {
		err = fmt.Errorf("%w: it tells of wallet %v", errUnfit, p.Wallet)
	}
	if err != nil {
		return signer.Protection{}, fmt.Errorf("ask for protection: %w", err)
	}
	return p, nil
}

// SetState implements signer.Backend.
func (d *Client) SetState(ctx context.Context, wallet chain.WalletID, change signer.StateChange) error {
	_, err := d.ask(ctx, question{method: http.MethodPost, path: "/v1/keys/" + wallet.String() + "/state", within: d.limits.Read, body: change}, nil)
	if err != nil {
		return fmt.Errorf("change a key's state: %w", err)
	}
	return nil
}

var _ signer.Backend = (*Client)(nil)
