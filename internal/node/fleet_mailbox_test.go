package node

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/mailbox"
)

// quarter is the way of a signer to the instances that are there. It implements mailbox.Instances.
type quarter struct {
	mu      sync.Mutex
	open    map[string]*inward
	false   map[string]bool // of these, what is told of leaders is altered on its way
	streams map[string][]io.Closer
}

func newQuarter() *quarter {
	return &quarter{open: map[string]*inward{}, false: map[string]bool{}, streams: map[string][]io.Closer{}}
}

// add has signers find an instance.
func (q *quarter) add(c *craft) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open[c.instance()] = &inward{n: c.Node}
}

// lose ends an instance for signers: what they read of it ends, and nobody answers there.
func (q *quarter) lose(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open[name] = nil
	for _, s := range q.streams[name] {
		_ = s.Close() // it may be closed by now
	}
}

// Directory implements mailbox.Instances.
func (q *quarter) Directory(context.Context) (d client.Directory, _ error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for name := range q.open { // also those that are gone
		d.Instances = append(d.Instances, client.Entry{ID: name})
	}
	return d, nil
}

// Located implements mailbox.Instances. Whoever has a list of instances asks each by its name.
func (q *quarter) Located(context.Context, client.Request) (*http.Response, error) {
	return nil, client.ErrUnreachable
}

// Instance implements mailbox.Instances.
func (q *quarter) Instance(ctx context.Context, id string, r client.Request) (*http.Response, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open[id] == nil {
		return nil, fmt.Errorf("%w: %s", client.ErrUnreachable, id)
	}
	response, err := q.open[id].Located(ctx, r)
	if err != nil || !r.Stream {
		return response, err
	}
	if q.false[id] {
		response.Body = altered(response.Body)
	}
	q.streams[id] = append(q.streams[id], response.Body)
	return response, nil
}

// altered is a stream in which every entry has another payload than it had.
func altered(from io.ReadCloser) io.ReadCloser {
	in, out := io.Pipe()
	go func() {
		lines := bufio.NewScanner(from)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			raw := lines.Bytes()
			var l feedclient.Line
			if json.Unmarshal(raw, &l) == nil && l.Entry != nil {
				l.Payload = []byte("another one")
				raw, _ = json.Marshal(l)
			}
			if _, err := out.Write(append(raw, '\n')); err != nil {
				break
			}
		}
		out.CloseWithError(io.ErrUnexpectedEOF)
	}()
	return &alteredBody{in, from}
}

type alteredBody struct {
	*io.PipeReader
	from io.Closer
}

// Close ends both sides.
func (b *alteredBody) Close() error {
	_ = b.PipeReader.Close()
	return b.from.Close()
}

// hall has the mailboxes of a signer, which may be started again. It implements vault.Mailbox.
type hall struct {
	quarter *quarter
	now     atomic.Pointer[mailbox.Readers]
}

// read starts a signer's mailboxes with an empty directory, and has them be the signer's.
func (h *hall) read(t *testing.T) *mailbox.Readers {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})).With("instance", "signer")
	}
	r, err := mailbox.NewReaders(mailbox.ReadersConfig{
		Instances: h.quarter, Mailbox: SignerMailbox("enclave"), Operator: operatorOf(keyOf("ours")), Dir: t.TempDir(), Logger: log,
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	h.now.Store(r)
	return r
}

// Statements implements vault.Mailbox.
func (h *hall) Statements(w chain.WalletID, window chain.Height) ([][]byte, <-chan struct{}, error) {
	return h.now.Load().Statements(w, window)
}

// Feed implements vault.Mailbox.
func (h *hall) Feed() signer.FeedHealth {
	if r := h.now.Load(); r != nil {
		return r.Feed()
	}
	return signer.FeedHealth{State: signer.FeedAway}
}

// An owner whose mailbox has brought the signer what is proposed dies before anybody was asked for anything. Its successor signs that, in the same
// window: also with a signer that was started meanwhile, and has it from the successor's mailbox alone.
func TestASignerSignsForASuccessorInTheWindowInWhichTheOwnerDied(t *testing.T) {
	t.Parallel()
	letters := &hall{quarter: newQuarter()}
	s := newSignatoryWith(t, true, letters)
	letters.quarter.add(s.a)
	first := letters.read(t)
	s.elect(s.wallet, 900, operatorOf(s.key))
	s.agree(s.wallet, 900, []*craft{s.a, s.theirs})
	told := func(r *mailbox.Readers) bool {
		list, _, err := r.Statements(s.wallet.ID(), 900)
		return err == nil && len(list) == 1
	}
	s.await("the signer has what is proposed", func() bool { return told(first) })
	s.pass(1000, s.a, s.theirs) // attempts begin a block later
	s.await("the intent is stored", func() bool { return s.a.signingOf(s.wallet, 900).Digest != (signer.Digest{}) })
	meant := s.a.signingOf(s.wallet, 900)
	require.Zero(t, meant.Begun)
	term, served := s.a.sharing.term(s.wallet.ID())
	require.True(t, served)
	letters.quarter.lose("a")
	s.a.crash()

	b := s.succeed()
	letters.quarter.add(b)
	second := letters.read(t)
	s.await("the signer that was started has it from the successor", func() bool { return told(second) })
	s.await("the one that was not, too", func() bool {
		h := first.Feed()
		return told(first) && h.State == signer.FeedFollows && strings.Contains(h.Detail, "at instance a: away")
	})
	rows := s.awaitSigned(s.wallet, 900, b, s.theirs)
	require.Equal(t, meant.Digest, rows[0].Digest)
	require.Equal(t, rows[0].Signed, rows[1].Signed)
	s.requireOnce(meant.Digest, term)
	require.Less(t, s.chain.Tip(), chain.Height(1800), "of the same window")
}

// The instance that serves a wallet alters what it tells the signer. What is proposed comes from another one, is signed, and the signer's health
// names the one that lies; every instance has that from the signer, and tells it in its API and its metrics.
func TestASignerHearsAnHonestInstanceBesideOneThatLies(t *testing.T) {
	t.Parallel()
	letters := &hall{quarter: newQuarter()}
	letters.quarter.false["a"] = true
	s := newSignatoryWith(t, true, letters)
	s.elect(s.wallet, 900, operatorOf(s.key))
	s.agree(s.wallet, 900, []*craft{s.a, s.theirs})
	b := s.start("b")
	letters.quarter.add(s.a)
	letters.quarter.add(b)
	all := letters.read(t)
	s.await("both are followed", func() bool {
		h := all.Feed()
		return h.State == signer.FeedFollows && h.Detail == ""
	})
	rows := s.awaitSigned(s.wallet, 900, s.a, s.theirs)
	require.Equal(t, rows[0].Signed, rows[1].Signed)
	s.pass(1800+12, s.a, b, s.theirs)
	s.await("the seal has shown it", func() bool {
		health, err := s.warden.Health(t.Context())
		require.NoError(t, err)
		return health.Feed == signer.FeedFollows && strings.Contains(health.FeedDetail, "at instance a: false: the mailbox was altered on its way") && health.FeedDoubted > 0
	})
	for _, i := range []*craft{s.a, b} {
		asked, scraped := (&api.Server{Signers: i.Signers(), Logger: slog.New(slog.DiscardHandler)}).Handler(), i.Metrics().Handler()
		s.await("instance "+i.instance()+" has heard it of the signer, and shows it", func() bool {
			var doc view.Signers
			if err := json.Unmarshal(shown(asked, "/v1/signers"), &doc); err != nil || len(doc.Signers) != 1 {
				return false
			}
			its, series := doc.Signers[0], shown(scraped, "/metrics")
			return its.ID == "enclave" && its.Feed != nil && *its.Feed == string(signer.FeedFollows) && its.FeedDoubted > 0 &&
				strings.Contains(its.FeedDetail, "at instance a: false: the mailbox was altered on its way") &&
				bytes.Contains(series, fmt.Appendf(nil, "\nwalletnode_signer_feed_doubted{signer=\"enclave\"} %d\n", its.FeedDoubted)) &&
				bytes.Contains(series, []byte("\nwalletnode_signer_feed{signer=\"enclave\",state=\"follows\"} 1\n"))
		})
	}
}

// shown is what a handler answers to whoever asks for a path.
func shown(by http.Handler, path string) []byte {
	answer := httptest.NewRecorder()
	by.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost"+path, http.NoBody))
	return answer.Body.Bytes()
}
