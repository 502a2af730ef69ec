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

const (
	// answerTime is what one answer of a peer may take.
	answerTime = 30 * time.Second
	// maxPiece is the most bytes of one piece of an epoch: the longest seal, the most subscriptions, and pieceEntries entries.
	maxPiece = 32 << 20
)

// Peer is another subscriber, asked over HTTP where its Serve is mounted.
type Peer struct {
	at    *url.URL
	token string
	http  *http.Client
	piece int // entries of an epoch in one answer
	most  int // in all
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
	return &Peer{at: at, token: token, http: via, piece: pieceEntries, most: maxCrossedEntries}, nil
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

// Epoch implements Other. It is fetched in pieces, and judged as a whole by who compares.
func (p *Peer) Epoch(ctx context.Context, instance string, e feed.Epoch) (x feed.Export, _ error) {
	query, size, count := url.Values{"instance": {instance}, "epoch": {number(e)}}, 0, 0
	for {
		raw, err := p.ask(ctx, epochPath, query, maxPiece)
		if err != nil {
			return feed.Export{}, err
		}
		more, err := feed.DecodeExport(raw)
		if err != nil {
			return feed.Export{}, err
		}
		if len(more.Epochs) != 1 {
			return feed.Export{}, fmt.Errorf("subscriber %s answers %d epochs for epoch %d: %w", p.Name(), len(more.Epochs), e, feed.ErrMalformed)
		}
		entries := more.Epochs[0].Entries
		if size, count = size+len(raw), count+len(entries); size > feed.MaxExport || count > p.most {
			return feed.Export{}, fmt.Errorf("epoch %d of subscriber %s has more entries than any: %w", e, p.Name(), feed.ErrMalformed)
		}
		if !join(&x, more) || len(entries) < p.piece {
			return x, nil // where one does not follow the other, what came before is judged
		}
		query.Set("after", strconv.FormatUint(uint64(entries[len(entries)-1].Number), 10))
	}
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
