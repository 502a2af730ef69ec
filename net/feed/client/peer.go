package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/walletnode/walletnode/net/feed"
)

// answerTime is what one answer of a peer may take: 64 MiB at the most.
const answerTime = 30 * time.Second

// Peer is another subscriber, asked over HTTP where its Serve is mounted.
type Peer struct {
	at    *url.URL
	token string
	http  *http.Client
}

// NewPeer makes the way to a subscriber. A token goes to https addresses and to this machine alone. Without an HTTP client of the
// caller's it has one that follows no redirects.
func NewPeer(address, token string, via *http.Client) (*Peer, error) {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.User != nil || at.RawQuery != "" || at.Fragment != "" {
		return nil, fmt.Errorf("subscriber %q: want the http or https URL at which it answers others", address)
	}
	if ip := stdnet.ParseIP(at.Hostname()); token != "" && at.Scheme == "http" && at.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("subscriber %s: a token is sent to an https address, or to this machine", address)
	}
	if strings.ContainsAny(token, "\r\n") {
		return nil, errors.New("the subscribers' token is one line")
	}
	if via == nil {
		via = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Peer{at: at, token: token, http: via}, nil
}

// Name implements Other.
func (p *Peer) Name() string { return p.at.String() }

// Trail implements Other.
func (p *Peer) Trail(ctx context.Context, q Question) (feed.Trail, error) {
	raw, err := p.ask(ctx, trailPath, url.Values{
		"instance": {q.Instance}, "mailbox": {q.Mailbox}, "from": {number(q.From)}, "whole": {number(q.Whole)},
	}, feed.MaxTrail)
	if err != nil {
		return feed.Trail{}, err
	}
	return feed.DecodeTrail(raw)
}

// Epoch implements Other.
func (p *Peer) Epoch(ctx context.Context, instance string, e feed.Epoch) (feed.Export, error) {
	raw, err := p.ask(ctx, epochPath, url.Values{"instance": {instance}, "epoch": {number(e)}}, feed.MaxExport)
	if err != nil {
		return feed.Export{}, err
	}
	return feed.DecodeExport(raw)
}

func number(e feed.Epoch) string { return strconv.FormatUint(uint64(e), 10) }

// ask reads one answer, of at most so many bytes.
func (p *Peer) ask(ctx context.Context, what string, query url.Values, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	at := p.at.JoinPath(what)
	at.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := p.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask subscriber: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("subscriber %s: %w", p.Name(), ErrNotKept)
	}
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 256)) // what it says of itself, as far as it goes
		return nil, fmt.Errorf("subscriber %s answers %d: %.200q", p.Name(), response.StatusCode, said)
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read what subscriber %s answers: %w", p.Name(), err)
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("subscriber %s answers more than %d bytes: %w", p.Name(), limit, feed.ErrMalformed)
	}
	return raw, nil
}
