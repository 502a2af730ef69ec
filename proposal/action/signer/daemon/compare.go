package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/walletnode/walletnode/internal/socks"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// mediaBytes is what trails and epochs are.
const mediaBytes = "application/octet-stream"

// errNotKept is answered to who compares, and asks for what the signer does not keep of its mailbox.
var errNotKept = errors.New("the signer keeps nothing of that")

// octets is an answer that is no document.
type octets []byte

// SetFeed gives the server what the signer keeps of its mailbox, for other signers who compare; client.Follower's Serve is one. It must be
// called before Run.
func (s *Server) SetFeed(kept http.Handler) { s.feed = kept }

func (s *Server) trail(ctx context.Context, c client, q request) (any, error) {
	return s.kept(ctx, c, q, "/v1/feed/trail")
}

func (s *Server) epoch(ctx context.Context, c client, q request) (any, error) {
	return s.kept(ctx, c, q, "/v1/feed/epoch")
}

// kept asks what serves the signer's mailbox, and makes one of this server's answers of it.
func (s *Server) kept(ctx context.Context, c client, q request, path string) (any, error) {
	if err := c.has(RoleRead); err != nil {
		return nil, err
	}
	if s.feed == nil {
		return nil, fmt.Errorf("%w: it has no mailbox", errNotKept)
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, path+"?"+q.query.Encode(), nil)
	if err != nil {
		return nil, malformed(err)
	}
	a := &heard{status: http.StatusOK, header: http.Header{}}
	s.feed.ServeHTTP(a, ask)
	switch a.status {
	case http.StatusOK:
		return octets(a.body.Bytes()), nil
	case http.StatusNotFound:
		return nil, errNotKept
	case http.StatusTooManyRequests:
		return nil, signer.ErrBusy
	}
	return nil, malformed(errors.New(strings.TrimSpace(a.body.String())))
}

// heard is an answer that goes on in another form. Who gives it bounds it.
type heard struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (h *heard) Header() http.Header         { return h.header }
func (h *heard) WriteHeader(status int)      { h.status = status }
func (h *heard) Write(p []byte) (int, error) { return h.body.Write(p) }

// maxPeers is with how many other signers one compares.
const maxPeers = 16

// FeedPeer is another signer of the operator, with whose mailbox the signer's own is compared.
type FeedPeer struct {
	URL         string      `toml:"url"` // https, host and port
	Fingerprint Fingerprint `toml:"fingerprint"`
}

func (p FeedPeer) check() error {
	if p.Fingerprint.IsZero() {
		return fmt.Errorf("feed.peers: %.80q has no fingerprint: any signer could answer", p.URL)
	}
	if _, err := checkURL(p.URL); err != nil {
		return fmt.Errorf("feed.peers: %w", err)
	}
	return nil
}

// Way returns where the other signer answers who compares, and an HTTP client that shows it one's own certificate and believes nobody else. The
// other one lists that certificate with the role read.
func (p FeedPeer) Way(own Identity) (address string, via *http.Client, err error) {
	base, err := checkURL(p.URL)
	if err != nil {
		return "", nil, err
	}
	dial, err := socks.Dialer("")
	if err != nil {
		return "", nil, err
	}
	address, err = url.JoinPath(base, "v1", "feed")
	return address, &http.Client{
		Transport:     transport(own, p.Fingerprint, dial),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, err
}
