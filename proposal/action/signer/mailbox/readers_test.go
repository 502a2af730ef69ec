package mailbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/net/feed/pipeline"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// estate is an operator's instances. It implements Instances.
type estate struct {
	t  *testing.T
	at map[string]*instance

	mu      sync.Mutex
	listed  []string
	alone   bool
	gone    map[string]bool
	streams map[string][]io.Closer
}

// inherited has a test played with instances of an operator.
func inherited(t *testing.T, names []string, play func(t *testing.T, e *estate)) {
	synctest.Test(t, func(t *testing.T) {
		e := &estate{t: t, at: map[string]*instance{}, listed: names, gone: map[string]bool{}, streams: map[string][]io.Closer{}}
		var all []*instance
		for _, name := range names {
			i, stop := begun(t, name, feed.Resident("signer.one", name))
			defer stop()
			e.at[name] = i
			all = append(all, i)
		}
		keys := keysOf(t, all...)
		for _, i := range all {
			i.keys = keys
			i.at(window)
		}
		play(t, e)
	})
}

// Directory implements Instances.
func (e *estate) Directory(context.Context) (client.Directory, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alone {
		return client.Directory{}, fmt.Errorf("%w: %w", client.ErrDirectory, &client.AnswerError{Status: http.StatusConflict})
	}
	var d client.Directory
	for _, name := range e.listed {
		d.Instances = append(d.Instances, client.Entry{ID: name})
	}
	return d, nil
}

// Located implements Instances.
func (e *estate) Located(ctx context.Context, r client.Request) (*http.Response, error) {
	e.mu.Lock()
	first := e.listed[0]
	e.mu.Unlock()
	return e.Instance(ctx, first, r)
}

// Instance implements Instances.
func (e *estate) Instance(ctx context.Context, id string, r client.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.gone[id] {
		return nil, fmt.Errorf("%w: %s", client.ErrUnreachable, id)
	}
	answer, err := e.at[id].Located(ctx, r)
	if err == nil && r.Stream {
		e.streams[id] = append(e.streams[id], answer.Body)
	}
	return answer, err
}

// kill has an instance answer nobody any more.
func (e *estate) kill(name string) {
	e.mu.Lock()
	e.gone[name] = true
	streams := e.streams[name]
	e.mu.Unlock()
	for _, s := range streams {
		require.NoError(e.t, s.Close())
	}
	synctest.Wait()
}

// tell has all instances that are there tell what a leader says.
func (e *estate) tell(w chain.WalletID, payload []byte) {
	e.t.Helper()
	for name, i := range e.at {
		if !e.gone[name] {
			i.tell(w, feed.KindProposal, payload)
		}
	}
}

// pass has the chain go on, for all that are there.
func (e *estate) pass(to chain.Height) {
	for name, i := range e.at {
		if !e.gone[name] {
			i.at(to)
		}
	}
}

func (e *estate) follow(dir string) (r *Readers, stop func()) {
	e.t.Helper()
	r, err := NewReaders(ReadersConfig{
		Instances: e, Mailbox: "signer.one", Operator: keysOf(e.t).Operator, Dir: dir, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(e.t, err)
	ctx, cancel := context.WithCancel(e.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	synctest.Wait()
	return r, func() {
		cancel()
		require.NoError(e.t, <-ended)
	}
}

func hears(t *testing.T, r *Readers, w chain.WalletID, block chain.Height, want ...[]byte) {
	t.Helper()
	list, more, err := r.Statements(w, block)
	require.NoError(t, err)
	require.NotNil(t, more)
	require.Equal(t, want, list)
}

func fares(t *testing.T, r *Readers, want signer.FeedState, detail ...string) {
	t.Helper()
	h := r.Feed()
	require.Equal(t, want, h.State, h.Detail)
	for _, d := range detail {
		require.Contains(t, h.Detail, d)
	}
	if len(detail) == 0 {
		require.Empty(t, h.Detail)
	}
}

// An instance that dies takes nothing along: what it told is at hand, and what leaders say in the same window comes from the others.
func TestASignerGoesOnInTheWindowInWhichAnInstanceDies(t *testing.T) {
	inherited(t, []string{"a", "b", "c"}, func(t *testing.T, e *estate) {
		dir := filepath.Join(t.TempDir(), "feed")
		r, stop := e.follow(dir)
		fares(t, r, signer.FeedFollows)
		one, two, three := statement(wallet(1), window, 1), statement(wallet(2), window, 2), statement(wallet(3), window, 3)
		e.tell(wallet(1), one)
		hears(t, r, wallet(1), window, one)
		e.at["a"].tell(wallet(3), feed.KindProposal, three) // and to nobody else
		e.kill("a")
		hears(t, r, wallet(1), window, one)
		hears(t, r, wallet(3), window, three)
		fares(t, r, signer.FeedFollows, "at instance a: away")
		_, more, err := r.Statements(wallet(2), window)
		require.NoError(t, err)
		e.tell(wallet(2), two)
		<-more // who waits is woken
		hears(t, r, wallet(2), window, two)
		e.kill("b")
		e.kill("c")
		fares(t, r, signer.FeedAway, "at instance a: away", "at instance b: away", "at instance c: away")
		hears(t, r, wallet(1), window, one)
		stop()
		for _, name := range []string{"a", "b", "c"} {
			require.FileExists(t, filepath.Join(dir, "signer.one."+name, feedclient.PlaceFile))
		}
	})
}

// Two instances, one of which lies: what leaders say is taken from the other one, and the health says who it is.
func TestWhatOneInstanceFalsifiesIsTakenFromAnother(t *testing.T) {
	for name, twist := range map[string]func(e feed.Entry, l *feedclient.Line){
		"alters a message": func(_ feed.Entry, l *feedclient.Line) { l.Payload = statement(wallet(1), window, 9) },
		"alters a record with its message": func(e feed.Entry, l *feedclient.Line) {
			forged := statement(wallet(1), window, 9)
			e.Record.Item = feed.NewItem("node", 1, wallet(1), feed.KindProposal, forged)
			l.Entry, l.Payload = e.Encode(), forged
		},
		"withholds": func(_ feed.Entry, l *feedclient.Line) { *l = feedclient.Line{} },
	} {
		t.Run(name, func(t *testing.T) {
			inherited(t, []string{"honest", "liar"}, func(t *testing.T, e *estate) {
				e.at["liar"].twist = func(l *feedclient.Line) {
					if l.Entry == nil {
						return
					}
					entry, err := feed.DecodeEntry(l.Entry)
					require.NoError(t, err)
					if entry.Number == 1 {
						twist(entry, l)
					}
				}
				r, stop := e.follow(t.TempDir())
				said := statement(wallet(1), window, 1)
				e.tell(wallet(1), said)
				list, _, err := r.Statements(wallet(1), window)
				require.NoError(t, err)
				require.Contains(t, list, said)
				e.pass(2 * window)
				hears(t, r, wallet(1), window, said) // the seal has shown what the liar's is worth
				next := statement(wallet(2), 2*window, 1)
				e.tell(wallet(2), next)
				hears(t, r, wallet(2), 2*window, next)
				fares(t, r, signer.FeedFollows, "at instance liar: false: the mailbox was altered on its way")
				require.Positive(t, r.Feed().Doubted)
				e.kill("honest")
				require.Equal(t, signer.FeedFalse, r.Feed().State)
				_, _, err = r.Statements(wallet(5), 2*window)
				require.ErrorContains(t, err, "at instance liar", "nobody is left to hear it from")
				stop()
			})
		})
	}
}

// An instance that seals another message than the others is one's word against another's: both are there, and the health says what differs.
func TestWhatTwoInstancesTellDifferentlyIsNamed(t *testing.T) {
	inherited(t, []string{"honest", "liar"}, func(t *testing.T, e *estate) {
		r, stop := e.follow(t.TempDir())
		said, other := statement(wallet(1), window, 1), statement(wallet(1), window, 2)
		e.at["honest"].tell(wallet(1), feed.KindProposal, said)
		e.at["liar"].tell(wallet(1), feed.KindProposal, other)
		e.tell(wallet(2), statement(wallet(2), window, 1))
		hears(t, r, wallet(1), window, said, other)
		e.pass(2 * window)
		e.tell(wallet(2), statement(wallet(2), 2*window, 1))
		e.pass(3 * window)
		time.Sleep(10 * time.Minute) // of the bubble: they compare
		synctest.Wait()
		h := r.Feed()
		require.Equal(t, signer.FeedFollows, h.State)
		require.Contains(t, h.Detail, "item 1 of source node")
		require.Regexp(t, "mailbox signer.one.(honest at instance honest|liar at instance liar) has another one", h.Detail)
		require.Equal(t, 1, h.Doubted)
		stop()
	})
}

// An instance that withholds all that a source tells from some moment on, and goes on with another one's, is named beside one that does not: it proves
// nothing, and the mailbox is relied on.
func TestWhatAnInstanceWithholdsOfASourceIsNamed(t *testing.T) {
	inherited(t, []string{"honest", "liar"}, func(t *testing.T, e *estate) {
		node, other := &instance{name: "node", signer: signerOf(t, "node")}, &instance{name: "other", signer: signerOf(t, "other")}
		keys := keysOf(t, e.at["honest"], e.at["liar"], node, other)
		for _, i := range e.at {
			i.keys = keys
		}
		r, stop := e.follow(t.TempDir())
		for n := uint64(1); n <= 7; n++ {
			block := chain.Height(n) * window
			for name, i := range e.at {
				for _, origin := range []*instance{node, other} {
					if name == "liar" && origin == node && n > 2 {
						continue
					}
					m := pipeline.Message{Wallet: wallet(1), Kind: feed.KindProposal, Payload: statement(wallet(1), block, byte(n))}
					items := []feed.Item{feed.NewItem(origin.name, n, m.Wallet, m.Kind, m.Payload)}
					m.Witness = feed.Witnesses(items, origin.signer.SignItems(items))[0]
					require.NoError(t, i.feed.Submit(t.Context(), origin.name, n, []pipeline.Message{m}))
					synctest.Wait()
				}
			}
			e.pass(block + window)
			time.Sleep(time.Hour) // of the bubble: they compare
			synctest.Wait()
			if h := r.Feed(); n < 7 {
				require.Empty(t, h.Detail, "window %d: it may be late", n)
			}
		}
		h := r.Feed()
		require.Equal(t, signer.FeedFollows, h.State)
		require.Zero(t, h.Proofs)
		require.Positive(t, h.Doubted)
		require.Contains(t, h.Detail, "item 3 of source node")
		require.Contains(t, h.Detail, "mailbox signer.one.liar at instance liar has nothing of that source after item 2 up to epoch 7")
		stop()
	})
}

// An instance that seals another message than the one that its origin signed is proved to have done so: the proof lies in the directory, names it, and holds
// for whoever has the operator's list of keys. What is proposed comes from the other one meanwhile.
func TestAProofAgainstOneOfTwoInstancesIsKept(t *testing.T) {
	inherited(t, []string{"honest", "liar"}, func(t *testing.T, e *estate) {
		origin := &instance{name: "node", signer: signerOf(t, "node")}
		keys := keysOf(t, e.at["honest"], e.at["liar"], origin)
		for _, i := range e.at {
			i.keys = keys
		}
		dir := t.TempDir()
		r, stop := e.follow(dir)
		tell := func(at string, number uint64, payload []byte, signs bool) {
			m := pipeline.Message{Wallet: wallet(1), Kind: feed.KindProposal, Payload: payload}
			if signs {
				items := []feed.Item{feed.NewItem("node", number, m.Wallet, m.Kind, payload)}
				m.Witness = feed.Witnesses(items, origin.signer.SignItems(items))[0]
			}
			require.NoError(t, e.at[at].feed.Submit(t.Context(), "node", number, []pipeline.Message{m}))
			synctest.Wait()
		}
		said, other := statement(wallet(1), window, 1), statement(wallet(1), window, 2)
		tell("honest", 1, said, true)
		tell("liar", 1, other, false)
		hears(t, r, wallet(1), window, said, other)
		e.pass(2 * window)
		e.pass(3 * window)
		time.Sleep(10 * time.Minute) // of the bubble: they compare
		synctest.Wait()
		h := r.Feed()
		require.Equal(t, signer.FeedFollows, h.State)
		require.Equal(t, 1, h.Proofs, h.Detail)
		require.Contains(t, h.Detail, "it is proved")
		last := statement(wallet(1), 3*window, 1)
		tell("honest", 2, last, true)
		hears(t, r, wallet(1), 3*window, last)
		stop()

		files, err := filepath.Glob(filepath.Join(dir, "signer.one.*", feedclient.ProofsDir, "*"))
		require.NoError(t, err)
		require.Len(t, files, 1)
		raw, err := os.ReadFile(files[0])
		require.NoError(t, err)
		proof, err := feed.DecodeProof(raw)
		require.NoError(t, err)
		require.NoError(t, proof.Verify(keys.Ring()))
		require.Equal(t, feed.Alters, proof.Fault)
		require.Equal(t, "liar", proof.Accused.Instance)
	})
}

// An instance that is added is followed as soon as the operator lists it, and where there are too many, in the place of one that is gone.
func TestInstancesComeAndGo(t *testing.T) {
	names := make([]string, maxReaders+1)
	for n := range names {
		names[n] = fmt.Sprintf("i%d", n)
	}
	inherited(t, names, func(t *testing.T, e *estate) {
		list := func(names []string) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.listed = names
		}
		list(names[:1])
		r, stop := e.follow("")
		hears(t, r, wallet(1), window)
		said := statement(wallet(1), window, 1)
		e.at["i1"].tell(wallet(1), feed.KindProposal, said)
		list(names)
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		hears(t, r, wallet(1), window, said)
		fares(t, r, signer.FeedFollows, "1 more instances are not followed")
		last := statement(wallet(2), window, 1)
		e.at["i8"].tell(wallet(2), feed.KindProposal, last)
		hears(t, r, wallet(2), window)
		e.kill("i3")
		time.Sleep(2 * outOfTheWay)
		synctest.Wait()
		hears(t, r, wallet(2), window, last)
		require.Len(t, r.readers(), maxReaders)
		fares(t, r, signer.FeedFollows, "1 more instances")
		list([]string{"i0", "i1", "i2"}) // those that are not listed any more are nobody's trouble
		e.kill("i4")
		time.Sleep(2 * lookEvery)
		fares(t, r, signer.FeedFollows)
		stop()
	})
}

// A node that is alone has no list of instances, and its signer one mailbox.
func TestASignerOfANodeThatIsAlone(t *testing.T) {
	inherited(t, []string{"node"}, func(t *testing.T, e *estate) {
		e.alone = true
		r, stop := e.follow(t.TempDir())
		said := statement(wallet(1), window, 1)
		e.tell(wallet(1), said)
		hears(t, r, wallet(1), window, said)
		fares(t, r, signer.FeedFollows)
		require.Len(t, r.readers(), 1)
		stop()
	})
}

// What was kept while one instance alone had the signer's mailbox is put aside, and nothing of the window is lost.
func TestADirectoryOfBeforeIsPutAside(t *testing.T) {
	inherited(t, []string{"a"}, func(t *testing.T, e *estate) {
		dir := filepath.Join(t.TempDir(), "feed")
		require.NoError(t, os.MkdirAll(dir, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, feedclient.PlaceFile), []byte(`{"mailbox":"signer.one"}`), 0o600))
		said := statement(wallet(1), window, 1)
		e.tell(wallet(1), said)
		r, stop := e.follow(dir)
		hears(t, r, wallet(1), window, said)
		stop()
		require.FileExists(t, filepath.Join(dir+beforeEnd, feedclient.PlaceFile))
		r, stop = e.follow(dir)
		hears(t, r, wallet(1), window, said)
		stop()
		require.NoDirExists(t, dir+beforeEnd+"-2", "once")
	})
}

// Other signers who compare are answered of the instance that they ask for.
func TestOtherSignersAreAnsweredByInstance(t *testing.T) {
	inherited(t, []string{"a", "b"}, func(t *testing.T, e *estate) {
		r, stop := e.follow(t.TempDir())
		e.tell(wallet(1), statement(wallet(1), window, 1))
		e.pass(2 * window)
		trail := func(instance string) (feed.Trail, int) {
			answer := httptest.NewRecorder()
			r.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/feed/trail?mailbox=signer.two.a&from=0&whole=0&instance="+instance, nil))
			if answer.Code != http.StatusOK {
				return feed.Trail{}, answer.Code
			}
			got, err := feed.DecodeTrail(answer.Body.Bytes())
			require.NoError(t, err)
			return got, answer.Code
		}
		for _, name := range []string{"a", "b"} {
			got, status := trail(name)
			require.Equal(t, []any{http.StatusOK, name, "signer.one." + name}, []any{status, got.Instance, got.Mailbox})
		}
		got, _ := trail("")
		require.Contains(t, []string{"a", "b"}, got.Instance)
		_, status := trail("c")
		require.Equal(t, http.StatusNotFound, status)
		stop()
	})
}

// A record of an epoch that cannot be open does not take the room of those that are.
func TestAnEpochThatIsFarAheadTakesNobodysRoom(t *testing.T) {
	put := func(b *board, e feed.Epoch) ([]byte, error) {
		said := statement(wallet(1), chain.Height(e)*window, 1)
		return said, b.put(feed.Entry{Record: feed.Record{Epoch: e, Item: feed.NewItem("node", 1, wallet(1), feed.KindProposal, said)}}, said)
	}
	has := func(b *board, e feed.Epoch, want bool) {
		t.Helper()
		list, err := b.statements(wallet(1), chain.Height(e)*window)
		require.NoError(t, err)
		require.Equal(t, want, len(list) == 1, "epoch %d", e)
	}
	b := newBoard(newBell())
	for _, e := range []feed.Epoch{1 << 40, 1 << 41, 1 << 42} { // before any seal
		_, err := put(b, e)
		require.NoError(t, err)
	}
	for _, e := range []feed.Epoch{7, 8, 9} {
		_, err := put(b, e)
		require.NoError(t, err)
		has(b, e, true)
	}
	b.seal(7)
	for _, e := range []feed.Epoch{10, 11, 1 << 40} {
		_, err := put(b, e)
		require.ErrorIs(t, err, errEpoch)
	}
	for _, e := range []feed.Epoch{7, 8, 9} {
		has(b, e, true)
	}
	b.seal(8)
	_, err := put(b, 10)
	require.NoError(t, err)
	has(b, 7, false)
	has(b, 10, true)
	_, err = put(b, 6)
	require.ErrorIs(t, err, errEpoch, "and what is long over does not come back")
}

// Places of instances whose names do not come again do not fill the disk; proofs are for people.
func TestPlacesOfInstancesThatAreGoneAreForgotten(t *testing.T) {
	inherited(t, []string{"a"}, func(t *testing.T, e *estate) {
		dir := t.TempDir()
		place := func(n int) string { return filepath.Join(dir, fmt.Sprintf("signer.one.gone-%d", n)) }
		for n := range 2 * maxPlaces {
			require.NoError(t, os.MkdirAll(place(n), 0o700))
			file := filepath.Join(place(n), feedclient.PlaceFile)
			require.NoError(t, os.WriteFile(file, nil, 0o600))
			at := time.Unix(1e9+int64(n), 0)
			require.NoError(t, os.Chtimes(file, at, at))
		}
		require.NoError(t, os.MkdirAll(filepath.Join(place(0), feedclient.ProofsDir), 0o700))
		_, stop := e.follow(dir)
		e.tell(wallet(1), statement(wallet(1), window, 1))
		stop()
		require.DirExists(t, place(0))
		require.NoDirExists(t, place(1))
		require.NoDirExists(t, place(maxPlaces))
		require.DirExists(t, place(2*maxPlaces-1))
		require.DirExists(t, filepath.Join(dir, "signer.one.a"))
		list, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, list, maxPlaces+1)
	})
}

func TestMailboxesNeedToKnowWhomToBelieve(t *testing.T) {
	good := ReadersConfig{Instances: &estate{}, Mailbox: "signer.one", Operator: chain.Operator{1}, Logger: slog.New(slog.DiscardHandler)}
	_, err := NewReaders(good)
	require.NoError(t, err)
	for name, change := range map[string]func(*ReadersConfig){
		"no instances":    func(c *ReadersConfig) { c.Instances = nil },
		"no operator":     func(c *ReadersConfig) { c.Operator = chain.Operator{} },
		"no logger":       func(c *ReadersConfig) { c.Logger = nil },
		"no mailbox":      func(c *ReadersConfig) { c.Mailbox = "" },
		"no signer's":     func(c *ReadersConfig) { c.Mailbox = "tools" },
		"an instance's":   func(c *ReadersConfig) { c.Mailbox = "signer.one.a" },
		"an upper letter": func(c *ReadersConfig) { c.Mailbox = "signer.One" },
	} {
		cfg := good
		change(&cfg)
		_, err := NewReaders(cfg)
		require.Error(t, err, name)
	}
}
