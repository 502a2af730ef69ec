package client

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

// wire answers an HTTP client from a handler, without a network.
type wire struct{ to http.Handler }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	w.to.ServeHTTP(answer, r)
	return answer.Result(), r.Context().Err()
}

const secret = "a token of subscribers"

// peer is the way to another follower.
func peer(t testing.TB, to http.Handler) *Peer {
	t.Helper()
	p, err := NewPeer("https://b.example/compare", secret, &http.Client{Transport: wire{to}})
	require.NoError(t, err)
	return p
}

// ledger collects what comparisons came to.
type ledger struct {
	mu   sync.Mutex
	news []Comparison
}

func (l *ledger) take(_ context.Context, c Comparison) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.news = append(l.news, c)
}

func (l *ledger) all() []Comparison {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.news)
}

func (l *ledger) last() (c Comparison) {
	if all := l.all(); len(all) > 0 {
		c = all[len(all)-1]
	}
	return c
}

func TestSubscribersCompareByThemselvesAfterEachEpoch(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		b := w.follow(t.TempDir(), func(c *Config) { c.Mailbox = "b" })
		dir, news := t.TempDir(), &ledger{}
		with := func(c *Config) { c.Peers, c.Compared = []Other{peer(t, b.Serve(secret))}, news.take }
		a := w.follow(dir, with)
		for e := chain.Height(2); e < 5; e++ {
			w.submit(5)
			w.at(e * window)
		}
		time.Sleep(time.Minute) // of the bubble: the two read one after the other
		synctest.Wait()
		require.Equal(t, feed.Epoch(4), a.Unverified(), "what both got up to epoch 3 is verified")
		c := news.last()
		require.Equal(t, Agree, c.Verdict())
		require.Equal(t, Comparison{Peer: "https://b.example/compare", Instance: "alpha", Mailbox: "b", Epochs: 3, Confirmed: 3, Confirms: true}, c)
		a.end()
		a = w.follow(dir, with)
		require.Equal(t, feed.Epoch(4), a.Unverified(), "also after a start")
		a.end()
		b.end()
	})
}

// A subscriber that holds reads on by itself, as soon as every other one confirms what it keeps.
func TestWhoHoldsReadsOnByItselfOnceAllOthersConfirm(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		b := w.follow("", func(c *Config) { c.Mailbox = "b" })
		var away atomic.Bool
		away.Store(true)
		sometimes := http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
			if away.Load() {
				http.Error(answer, "not now", http.StatusServiceUnavailable)
				return
			}
			b.Serve(secret).ServeHTTP(answer, r)
		})
		a := w.follow(t.TempDir(), func(c *Config) {
			c.Policy = feed.Policy{Keep: 2, Then: feed.Hold}
			c.Peers = []Other{peer(t, b.Serve(secret)), peer(t, sometimes)}
		})
		for e := chain.Height(2); e < 7; e++ {
			w.submit(3)
			w.at(e * window)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []feed.Epoch{1, 2}, a.sealed, "one of the others has not confirmed anything")
		away.Store(false)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []feed.Epoch{1, 2, 3, 4, 5}, a.sealed)
		require.Equal(t, feed.Epoch(6), a.Unverified())
		require.Equal(t, upTo(1, 15), a.seen)
		require.Len(t, a.Kept(), 2)
		a.end()
		b.end()
	})
}

func TestADifferenceIsProvedAndKept(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		b := w.follow("", func(c *Config) { c.Mailbox = "b" })
		w.submit(4)
		w.at(2 * window)
		b.end()
		x := b.Export()
		sealAgain(t, x) // for another subscriber

		dir, news := t.TempDir(), &ledger{}
		a := w.follow(dir, func(c *Config) { c.Peers, c.Compared = []Other{ArchiveOf("b", x)}, news.take })
		time.Sleep(time.Hour) // of the bubble: it is compared again and again
		synctest.Wait()
		a.end()
		require.Len(t, news.all(), 1, "the same is told once")
		c := news.last()
		require.Equal(t, Blamed, c.Verdict())
		require.Len(t, c.Findings, 1)
		require.Equal(t, feed.TwoSeals, c.Findings[0].Proof.Fault)
		require.Zero(t, a.Unverified())
		files, err := filepath.Glob(filepath.Join(dir, ProofsDir, "*"))
		require.NoError(t, err)
		require.Equal(t, c.Proofs, files)
		raw, err := os.ReadFile(files[0])
		require.NoError(t, err)
		p, err := feed.DecodeProof(raw)
		require.NoError(t, err)
		require.NoError(t, p.Verify(w.keys.Ring()))
	})
}

// What an outbox withheld from one subscriber the two find over the wire: the number, the stage, and a proof for others.
func TestTwoSubscribersProveOverTheWireWhichStageWithheldARecord(t *testing.T) {
	read := func(name string) Archive {
		raw, err := os.ReadFile(filepath.Join("..", "testdata", name)) //nolint:gosec // of the repository
		require.NoError(t, err)
		x, err := feed.DecodeExport(raw)
		require.NoError(t, err)
		return ArchiveOf("", x)
	}
	robbed, whole := read("robbed.export"), read("whole.export")
	keys := feed.Keyring{"alpha": feed.Keys(instanceKey("alpha").Public().(ed25519.PublicKey))}
	outbox := feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}
	for _, pair := range [][2]Archive{{robbed, whole}, {whole, robbed}} {
		asked := 0
		serve := &desk{archive: func() Archive { asked++; return pair[1] }, busy: make(chan struct{}, 1), piece: pieceEntries}
		c := Compare(t.Context(), pair[0], peer(t, serve), keys)
		require.Equal(t, Blamed, c.Verdict(), "%v", c.Wrong)
		require.Len(t, c.Findings, 1)
		f := c.Findings[0]
		require.NotZero(t, f.Seq)
		require.Equal(t, outbox, f.Proof.Accused)
		require.True(t, f.Trace[0].Accepts)
		require.NoError(t, f.Proof.Verify(keys))
		require.False(t, c.Confirms)
		require.LessOrEqual(t, asked, 3, "trail, epoch, and what comes after it")
	}
}

// A mailbox that was full differs from another one by nobody's fault: it is told, and keeps nobody from going on.
func TestAGapIsNoReasonToHoldForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := beginWith(t, "alpha", 4)
		b := w.follow(t.TempDir(), func(c *Config) { c.Mailbox = "b" })
		w.submit(3)
		w.at(2 * window)
		w.submit(4) // a has not acknowledged: it is full
		w.at(3 * window)
		news := &ledger{}
		a := w.follow(t.TempDir(), func(c *Config) {
			c.Peers, c.Compared = []Other{peer(t, b.Serve(secret))}, news.take
			c.Policy = feed.Policy{Keep: 1, Then: feed.Hold}
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		for e := chain.Height(4); e < 7; e++ {
			w.submit(2)
			w.at(e * window)
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		require.Equal(t, []feed.Epoch{1, 2, 3, 4, 5}, a.sealed)
		require.Equal(t, feed.Epoch(6), a.Unverified())
		told := news.all()
		require.True(t, slices.ContainsFunc(told, func(c Comparison) bool { return len(c.Findings) > 0 && c.Verdict() == Unclear }))
		require.False(t, slices.ContainsFunc(told, func(c Comparison) bool { return c.Verdict() == Blamed }))
		a.end()
		b.end()
		end()
	})
}

// Two mailboxes at two instances are compared by what both instances took in of the same source.
func TestSubscribersAtTwoInstancesCompare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alpha, end := begin(t, "alpha")
		beta, also := begin(t, "beta")
		keys, err := NewKeys(feed.Keyring{
			"alpha": feed.Keys(instanceKey("alpha").Public().(ed25519.PublicKey)), "beta": feed.Keys(instanceKey("beta").Public().(ed25519.PublicKey)),
		}, 1, time.Now(), operatorKey(t))
		require.NoError(t, err)
		alpha.keys, beta.keys = keys, keys
		b := beta.follow("", func(c *Config) { c.Mailbox = "b" })
		dir := t.TempDir()
		a := alpha.follow(dir, nil)
		for e := chain.Height(2); e <= 22; e++ { // they take the same items in, and end their epochs at other moments
			alpha.submit(3)
			alpha.at(e * window)
			beta.submit(3)
			if e%2 == 0 {
				beta.submit(2)
			}
			beta.at(e * window)
			if e%2 == 0 {
				alpha.submit(2)
			}
		}
		a.end()
		news := &ledger{}
		a = alpha.follow(dir, func(c *Config) { c.Peers, c.Compared = []Other{peer(t, b.Serve(secret))}, news.take })
		time.Sleep(3 * time.Hour) // it compares some epochs at a time
		synctest.Wait()
		c := news.last()
		require.Equal(t, Agree, c.Verdict(), "%v", c.Wrong)
		require.Equal(t, "beta", c.Instance)
		require.NotZero(t, c.Items)
		require.Equal(t, feed.Epoch(22), a.Unverified(), "all 21 epochs are verified")
		a.end()
		b.end()
		end()
		also()
	})
}

// Confirmed is what was looked at one after the other: what the other one does not have confirms nothing.
func TestWhatIsConfirmedLeavesNothingOut(t *testing.T) {
	whole := func(epochs ...feed.Epoch) (list []feed.Kept) {
		for _, e := range epochs {
			list = append(list, feed.Kept{Epoch: e})
		}
		return list
	}
	for name, at := range map[string]struct {
		of    feed.Stay
		seen  []feed.Epoch
		until feed.Epoch
		any   bool
	}{
		"all":                     {feed.Stay{Kept: whole(1, 2, 3)}, []feed.Epoch{1, 2, 3}, 3, true},
		"the newest is not there": {feed.Stay{Kept: whole(1, 2, 3)}, []feed.Epoch{1, 2}, 2, true},
		"the oldest is not there": {feed.Stay{Kept: whole(1, 2, 3)}, []feed.Epoch{2, 3}, 0, false},
		"it was confirmed before": {feed.Stay{Kept: whole(1, 2, 3), Unverified: 2}, []feed.Epoch{2, 3}, 3, true},
		"heads alone are left":    {feed.Stay{Kept: append([]feed.Kept{{Epoch: 1, Heads: &feed.Heads{}}}, whole(2)...)}, []feed.Epoch{2}, 2, true},
		"nothing":                 {feed.Stay{Kept: whole(1)}, nil, 0, false},
	} {
		seen := map[feed.Epoch]bool{}
		for _, e := range at.seen {
			seen[e] = true
		}
		until, some := confirmed(at.of, seen)
		require.Equal(t, at.until, until, name)
		require.Equal(t, at.any, some, name)
	}
}

func TestPeersThatAnswerBadlyAreBoundedAndBlameNobody(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		a, b := w.follow("", nil), w.follow("", func(c *Config) { c.Mailbox = "b" })
		w.submit(4)
		w.at(2 * window)
		w.submit(4)
		w.at(3 * window)
		a.end()
		b.end()
		own, honest := a.Archive(), b.Archive()
		other := func(change func(*feed.Trail), epoch func(*feed.Export)) http.Handler {
			return http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
				if filepath.Base(r.URL.Path) == trailPath {
					asked, err := parseQuestion(r.URL.Query())
					require.NoError(t, err)
					trail, err := honest.Trail(t.Context(), asked)
					require.NoError(t, err)
					change(&trail)
					_, _ = answer.Write(trail.Encode())
					return
				}
				e, err := parseEpoch(r.URL.Query(), "epoch")
				require.NoError(t, err)
				x, err := honest.Epoch(t.Context(), "alpha", e)
				require.NoError(t, err)
				epoch(&x)
				_, _ = answer.Write(x.Encode())
			})
		}
		lie := func(trail *feed.Trail) { trail.Marks[1].Digest[0] ^= 1 }
		same := func(*feed.Export) {}
		endless := http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
			_, _ = answer.Write(make([]byte, feed.MaxTrail+2))
		})
		for name, handler := range map[string]http.Handler{
			"more than any trail":        endless,
			"garbage":                    http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(answer, "hello") }),
			"nothing":                    http.NotFoundHandler(),
			"not allowed":                b.Serve("another token"),
			"one's own mailbox":          other(func(trail *feed.Trail) { trail.Mailbox = "a" }, same),
			"another instance":           other(func(trail *feed.Trail) { trail.Instance = "beta" }, same),
			"a trail that is not its":    other(lie, same),
			"another epoch":              other(lie, func(x *feed.Export) { *x = honest.export(t, 1) }),
			"a mailbox of another name":  other(lie, func(x *feed.Export) { x.Mailbox = "c" }),
			"nothing of that epoch":      other(lie, func(x *feed.Export) { x.Epochs = nil }),
			"entries that were left out": other(lie, func(x *feed.Export) { x.Epochs[0].Entries = x.Epochs[0].Entries[:1] }),
			"a seal by another key": other(lie, func(x *feed.Export) {
				seal := *x.Epochs[0].Seal
				seal.Signature[0] ^= 1
				x.Epochs[0].Seal = &seal
			}),
		} {
			c := Compare(t.Context(), own, peer(t, handler), w.keys.Ring())
			require.Equal(t, Unclear, c.Verdict(), "%s: %+v", name, c)
			require.True(t, c.Wrong != nil || len(c.Blames) > 0, name)
		}
		c := Compare(t.Context(), own, peer(t, b.Serve(secret)), w.keys.Ring())
		require.Equal(t, Agree, c.Verdict(), "%+v", c)
		require.Equal(t, 2, c.Epochs)
		require.Equal(t, Unclear, Compare(t.Context(), Archive{Mailbox: "a"}, honest, w.keys.Ring()).Verdict())
	})
}

// export is one epoch of the newest stay.
func (a Archive) export(t *testing.T, e feed.Epoch) feed.Export {
	x, err := a.Epoch(t.Context(), "", e)
	require.NoError(t, err)
	return x
}

// slow never answers, or never ends to.
type slow struct{ endless bool }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.endless {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(drip{r.Context()})}, nil
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// drip is a byte now and then.
type drip struct{ ctx context.Context }

func (d drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		return copy(p, []byte{0}), nil
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	}
}

func TestAPeerThatNeverAnswersDelaysNobodyLongerThanItsTime(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		b := w.follow("", func(c *Config) { c.Mailbox = "b" })
		var peers []Other
		for _, s := range []slow{{}, {endless: true}} {
			p, err := NewPeer("https://slow.example", "", &http.Client{Transport: s})
			require.NoError(t, err)
			peers = append(peers, p)
		}
		news := &ledger{}
		a := w.follow(t.TempDir(), func(c *Config) { c.Peers, c.Compared = append(peers, peer(t, b.Serve(secret))), news.take })
		w.submit(3)
		w.at(2 * window)
		began := time.Now()
		for len(news.all()) < 3 || news.last().Verdict() != Agree {
			require.Less(t, time.Since(began), 10*time.Minute)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		require.ErrorIs(t, news.all()[0].Wrong, context.DeadlineExceeded)
		require.ErrorIs(t, news.all()[1].Wrong, context.DeadlineExceeded)
		require.Zero(t, a.Unverified(), "what not all confirm is not verified")
		w.submit(2)
		require.Equal(t, upTo(1, 5), a.seen, "nor does it keep from reading")
		a.end()
		b.end()
	})
}

func TestWhatASubscriberServesIsReadOnlyAndBounded(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		a := w.follow("", nil)
		w.submit(4)
		w.at(2 * window)
		a.end()
		ask := func(d http.Handler, method, target, token string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, target, bytes.NewReader(nil))
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			answer := httptest.NewRecorder()
			d.ServeHTTP(answer, r)
			return answer
		}
		for target, want := range map[string]int{
			"/x/trail?mailbox=b&from=0&whole=0":                http.StatusOK,
			"/x/trail?mailbox=b&from=9&whole=0&instance=alpha": http.StatusOK,
			"/x/trail?mailbox=b&from=0&whole=0&instance=beta":  http.StatusNotFound,
			"/x/trail?mailbox=B&from=0&whole=0":                http.StatusBadRequest,
			"/x/trail?mailbox=b&from=-1&whole=0":               http.StatusBadRequest,
			"/x/trail":                                         http.StatusBadRequest,
			"/x/epoch?instance=alpha&epoch=1":                  http.StatusOK,
			"/x/epoch?instance=alpha&epoch=2":                  http.StatusNotFound,
			"/x/epoch?instance=beta&epoch=1":                   http.StatusNotFound,
			"/x/epoch?epoch=":                                  http.StatusBadRequest,
			"/x/elsewhere":                                     http.StatusNotFound,
		} {
			require.Equal(t, want, ask(a.Serve(secret), http.MethodGet, target, secret).Code, target)
			require.Equal(t, http.StatusUnauthorized, ask(a.Serve(secret), http.MethodGet, target, "guess").Code)
			require.Equal(t, http.StatusUnauthorized, ask(a.Serve(secret), http.MethodGet, target, "").Code)
			require.Equal(t, want, ask(a.Serve(""), http.MethodGet, target, "").Code, "who mounts it without a token lets in whom it will")
			require.Equal(t, http.StatusMethodNotAllowed, ask(a.Serve(""), http.MethodPost, target, "").Code)
		}
		d := &desk{archive: a.Archive, busy: make(chan struct{}, 1), piece: pieceEntries}
		d.busy <- struct{}{}
		require.Equal(t, http.StatusTooManyRequests, ask(d, http.MethodGet, "/epoch?epoch=1", "").Code)
	})
}

func TestATokenGoesToNobodyWhoCouldReadAlong(t *testing.T) {
	for address, fine := range map[string]bool{
		"https://b.example/x": true, "http://127.0.0.1:9/": true, "http://[::1]:9": true, "http://localhost:1": true,
		"http://b.example": false, "http://10.0.0.1": false, "ftp://b.example": false, "b.example": false, "https://u@b.example": false, "https://b.example?x=1": false,
	} {
		_, err := NewPeer(address, secret, nil)
		require.Equal(t, fine, err == nil, address)
	}
	_, err := NewPeer("http://b.example", "", nil)
	require.NoError(t, err)
	_, err = NewPeer("https://b.example", "two\nlines", nil)
	require.Error(t, err)
}

func TestADirectoryIsComparedWithoutAFollower(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		ours, theirs := t.TempDir(), t.TempDir()
		a := w.follow(ours, func(c *Config) { c.Policy = feed.Policy{Keep: 1, Then: feed.Hold} })
		b := w.follow(theirs, func(c *Config) { c.Mailbox = "b" })
		w.submit(4)
		w.at(2 * window)
		w.at(3 * window)
		require.ErrorIs(t, <-a.ended, feed.ErrUnverified)
		b.end()
		own, keys, err := ReadArchive(ours)
		require.NoError(t, err)
		other, _, err := ReadArchive(theirs)
		require.NoError(t, err)
		c := Compare(t.Context(), own, other, keys.Ring())
		require.Equal(t, Agree, c.Verdict())
		require.Equal(t, feed.Epoch(1), c.Confirmed)
		require.NoError(t, Confirm(ours, Confirmed{Instance: "alpha", Until: c.Confirmed}))
		a = w.follow(ours, nil)
		a.end()
		require.Equal(t, []feed.Epoch{2}, a.sealed, "it reads on where it held")
		_, _, err = ReadArchive(t.TempDir())
		require.True(t, errors.Is(err, ErrNotKept))
	})
}
