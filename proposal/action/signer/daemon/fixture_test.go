package daemon

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	stdnet "net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// patience is what a call of a test may take on a busy machine.
const patience = 2 * time.Minute

// fake is a backend in memory: it answers what it is told to and remembers what it was asked.
type fake struct {
	mu       sync.Mutex
	err      error // the answer to everything but Key and Session, where it is set
	keyErr   error // of Key
	stateErr error // of Session
	health   signer.Health
	keys     []signer.KeyDetail // ascending
	reply    signer.RoundReply
	state    signer.SessionState
	asked    []any         // what it was asked, except for sessions and keys
	entered  chan struct{} // each round that begins, if set
	at, most int           // rounds under way, and the most there were
	released chan struct{} // rounds wait for it, if set
}

func (f *fake) note(what any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
	return f.err
}

func (f *fake) heard() []any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

func (f *fake) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fake) Health(context.Context) (signer.Health, error) { return f.health, f.note("health") }

func (f *fake) Keys(_ context.Context, after *chain.WalletID, limit int) ([]signer.Key, error) {
	var list []signer.Key
	for _, k := range f.keys {
		if (after == nil || compareWallets(k.Wallet, *after) > 0) && len(list) < limit {
			list = append(list, k.Key)
		}
	}
	return list, f.note("keys")
}

func (f *fake) Brief(ctx context.Context, wallet chain.WalletID) (signer.Key, error) {
	k, err := f.Key(ctx, wallet)
	return k.Key, err
}

func (f *fake) Key(_ context.Context, wallet chain.WalletID) (signer.KeyDetail, error) {
	if f.keyErr != nil {
		return signer.KeyDetail{}, f.keyErr
	}
	for _, k := range f.keys {
		if k.Wallet == wallet {
			return k, nil
		}
	}
	return signer.KeyDetail{}, signer.ErrUnknownKey
}

func (f *fake) SealTo(_ context.Context, session signer.SessionID) (signer.PublicKey, error) {
	return signer.PublicKey(session), f.note("seal to")
}

func (f *fake) Generate(ctx context.Context, r signer.GenerateRound) (signer.RoundReply, error) {
	return f.round(ctx, r)
}

func (f *fake) Sign(ctx context.Context, r signer.SignRound) (signer.RoundReply, error) {
	return f.round(ctx, r)
}

func (f *fake) round(ctx context.Context, r any) (signer.RoundReply, error) {
	err := f.note(r)
	f.count(1)
	defer f.count(-1)
	if f.entered != nil {
		f.entered <- struct{}{}
	}
	if f.released != nil {
		select {
		case <-f.released:
		case <-ctx.Done():
		}
	}
	return f.reply, err
}

func (f *fake) count(change int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at += change
	f.most = max(f.most, f.at)
}

func (f *fake) Session(_ context.Context, id signer.SessionID) (signer.SessionState, error) {
	if f.stateErr != nil {
		return signer.SessionState{}, f.stateErr
	}
	if f.state.Session != id {
		return signer.SessionState{}, signer.ErrUnknownSession
	}
	return f.state, nil
}

func (f *fake) Abort(_ context.Context, id signer.SessionID) error { return f.note(id) }

func (f *fake) Protection(_ context.Context, wallet chain.WalletID) (signer.Protection, error) {
	return signer.Protection{Wallet: wallet, Signatures: 7, Slots: []signer.Slot{{Window: 900, Intent: signer.Digest{1}}}}, f.note(wallet)
}

func (f *fake) SetState(_ context.Context, _ chain.WalletID, change signer.StateChange) error {
	return f.note(change)
}

var _ signer.Backend = (*fake)(nil)

// someKey makes a key that fits its name.
func someKey(t testing.TB, session signer.SessionID) signer.KeyDetail {
	t.Helper()
	private, err := crypto.GenerateKey()
	require.NoError(t, err)
	public := chain.PublicKey(crypto.FromECDSAPub(&private.PublicKey))
	k := signer.KeyDetail{
		Key: signer.Key{
			Wallet: public.Hash(), Session: session, Scheme: signer.FROST, Threshold: 2, SeatCount: 3, Seats: []chain.Seat{1, 3},
			GroupKey: public[:], State: signer.KeyActive, Signatures: 7, LastWindow: 900,
		},
		Roster: []chain.Operator{{1}, {2}, {1}}, Verification: map[chain.Seat]signer.HexBytes{},
	}
	for seat := chain.Seat(1); seat <= 3; seat++ {
		k.Verification[seat] = bytes.Repeat([]byte{byte(seat)}, 33)
	}
	return k
}

// identity makes a certificate in files of the test's own.
func identity(t testing.TB) (id Identity, certificateFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	certificateFile, keyFile = filepath.Join(dir, "c.crt"), filepath.Join(dir, "c.key")
	_, err := MakeCertificate("test", certificateFile, keyFile)
	require.NoError(t, err)
	id, err = LoadIdentity(certificateFile, keyFile)
	require.NoError(t, err)
	return id, certificateFile, keyFile
}

// world is a server with a backend, and a client's certificate.
type world struct {
	backend      *fake
	server       *Server
	url          string
	self         Identity // the server's
	node         Identity // the client's
	config       Config   // that reaches the server as the client
	log          *lockedBuffer
	session      signer.SessionID
	key, foreign signer.KeyDetail
}

// lockedBuffer takes logs from many goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newWorld starts a server. The client has all roles for all wallets.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{backend: &fake{}, session: signer.SessionID{9, 9}, log: new(lockedBuffer)}
	w.key, w.foreign = someKey(t, w.session), someKey(t, signer.SessionID{8})
	w.backend.keys = []signer.KeyDetail{w.key, w.foreign}
	slices.SortFunc(w.backend.keys, func(a, b signer.KeyDetail) int { return compareWallets(a.Wallet, b.Wallet) })
	w.backend.health = signer.Health{
		BackendID: "b", BootID: "1", Version: "v", Schemes: signer.Schemes(), Keys: 2, Accepting: true, StoreOK: true, Feed: signer.FeedOff,
	}
	w.backend.reply = signer.RoundReply{Out: []signer.Parcel{{Data: []byte("to all")}, {To: chain.Operator{2}, Data: []byte("sealed")}}}
	w.backend.state = signer.SessionState{Session: w.session, Wallet: w.key.Wallet, Rounds: 1, Last: &w.backend.reply}
	w.self, _, _ = identity(t)
	var certificate, key string
	w.node, certificate, key = identity(t)
	var err error
	w.server, err = NewServer(w.backend, w.self, Access{}, slog.New(slog.NewTextHandler(w.log, nil)))
	require.NoError(t, err)
	w.permit(t, roles(), "*")
	w.url = serveOn(t, w.server)
	w.config = Config{
		URL: w.url, Fingerprint: w.self.Fingerprint, Certificate: certificate, Key: key,
		Health: patience, Read: patience, Sign: patience, Generate: patience,
	}
	return w
}

// permit lists the client alone.
func (w *world) permit(t testing.TB, roles []Role, wallets ...string) {
	t.Helper()
	access, err := NewAccess([]Permission{{"node", w.node.Fingerprint, roles, wallets}})
	require.NoError(t, err)
	w.server.SetAccess(access)
}

// serveOn runs a server until the test ends, and returns where.
func serveOn(t testing.TB, s *Server) string {
	t.Helper()
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return "https://" + listener.Addr().String()
}

// dial returns the client, changed as wished.
func (w *world) dial(t testing.TB, change ...func(*Config)) *Client {
	t.Helper()
	config := w.config
	for _, c := range change {
		c(&config)
	}
	client, err := Dial(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// raw returns a plain HTTP client that shows a certificate, as curl does; none without one.
func (w *world) raw(t testing.TB, ids ...Identity) *http.Client {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}} //nolint:gosec // the test's own server
	for _, id := range ids {
		config.Certificates = append(config.Certificates, id.Certificate)
	}
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// answer is what came back.
type answer struct {
	StatusCode, ProtoMajor int
	Header                 http.Header
}

// send asks with a plain client.
func (w *world) send(t testing.TB, c *http.Client, method, path, body string) (answer, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(t, err)
	response, err := c.Do(request)
	require.NoError(t, err)
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return answer{response.StatusCode, response.ProtoMajor, response.Header}, string(raw)
}

// opening is what a signing session begins with.
func (w *world) opening() *signer.SignOpen {
	return &signer.SignOpen{Intent: signer.Intent{Wallet: w.key.Wallet, Window: 900, Statement: []byte("said")}, Attempt: 1, Signers: []chain.Seat{1, 2}}
}

// calls are all that a node can ask, by name.
func (w *world) calls() map[string]func(signer.Backend, context.Context) error {
	session := w.session
	return map[string]func(signer.Backend, context.Context) error{
		"health": func(b signer.Backend, ctx context.Context) error { _, err := b.Health(ctx); return err },
		"keys":   func(b signer.Backend, ctx context.Context) error { _, err := b.Keys(ctx, nil, 10); return err },
		"key":    func(b signer.Backend, ctx context.Context) error { _, err := b.Key(ctx, w.key.Wallet); return err },
		"brief":  func(b signer.Backend, ctx context.Context) error { _, err := b.Brief(ctx, w.key.Wallet); return err },
		"protection": func(b signer.Backend, ctx context.Context) error {
			_, err := b.Protection(ctx, w.key.Wallet)
			return err
		},
		"session": func(b signer.Backend, ctx context.Context) error { _, err := b.Session(ctx, session); return err },
		"abort":   func(b signer.Backend, ctx context.Context) error { return b.Abort(ctx, session) },
		"seal to": func(b signer.Backend, ctx context.Context) error {
			key, err := b.SealTo(ctx, session)
			if err == nil && key != signer.PublicKey(session) {
				return errors.New("another session's key")
			}
			return err
		},
		"generate": func(b signer.Backend, ctx context.Context) error {
			_, err := b.Generate(ctx, signer.GenerateRound{Session: session, Round: 1, Open: &signer.Opening{Self: chain.Operator{1}}})
			return err
		},
		"sign": func(b signer.Backend, ctx context.Context) error {
			_, err := b.Sign(ctx, signer.SignRound{Session: session, Round: 1, Open: w.opening()})
			return err
		},
		"sign on": func(b signer.Backend, ctx context.Context) error {
			_, err := b.Sign(ctx, signer.SignRound{Session: session, Round: 2, In: [][]byte{[]byte("x")}})
			return err
		},
		"activate": func(b signer.Backend, ctx context.Context) error {
			return b.SetState(ctx, w.key.Wallet, signer.StateChange{State: signer.KeyActive, Record: []byte("r")})
		},
		"freeze": func(b signer.Backend, ctx context.Context) error {
			return b.SetState(ctx, w.key.Wallet, signer.StateChange{State: signer.KeyFrozen, Why: "lost"})
		},
	}
}
