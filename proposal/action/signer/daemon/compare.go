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

// octets is an answer that is no document, written as it is made: nothing of it is held back here, so that who gives it knows when it is over.
type octets func(w http.ResponseWriter) error

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
	return octets(func(w http.ResponseWriter) error {
		a := &heard{to: w, status: http.StatusOK, header: http.Header{}}
		s.feed.ServeHTTP(a, ask)
		switch a.status {
		case http.StatusOK:
			a.begin()
			return nil
		case http.StatusNotFound:
			return errNotKept
		case http.StatusTooManyRequests:
			return signer.ErrBusy
		}
		return malformed(errors.New(strings.TrimSpace(a.refusal.String())))
	}), nil
}

// maxRefusal is how much is read of why something is refused, in bytes.
const maxRefusal = 4096

// heard passes an answer on, with this server's headers, and keeps the text of a refusal, which goes on in another form.
type heard struct {
	to      http.ResponseWriter
	status  int
	header  http.Header
	refusal bytes.Buffer
	begun   bool
}

func (h *heard) Header() http.Header    { return h.header }
func (h *heard) WriteHeader(status int) { h.status = status }

func (h *heard) Write(p []byte) (int, error) {
	if h.status != http.StatusOK {
		h.refusal.Write(p[:min(len(p), maxRefusal-h.refusal.Len())])
		return len(p), nil
	}
	h.begin()
	return h.to.Write(p)
}

// begin says that the answer is one, also if it is empty.
func (h *heard) begin() {
	if !h.begun {
		h.begun = true
		h.to.Header().Set("Content-Type", mediaBytes)
		h.to.WriteHeader(http.StatusOK)
	}
}

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
