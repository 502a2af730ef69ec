package mailbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

const (
	// maxReaders is how many instances' mailboxes are followed: as many streams as an instance serves one subscriber.
	maxReaders = 8
	// lookEvery is the pause between two looks at which instances there are.
	lookEvery = 15 * time.Second
	// outOfTheWay is for how long a mailbox must not be followed before one of an instance that came later takes its place.
	outOfTheWay = time.Minute
)

// ReadersConfig is what Readers need; everything but Peers and Dir.
type ReadersConfig struct {
	Instances Instances
	Mailbox   string             // what the mailboxes have in common, see feed.Resident
	Operator  chain.Operator     // whose lists of instances and of keys are believed
	Peers     []feedclient.Other // other signers, with whose mailboxes these are compared
	Dir       string             // where places are kept, in a directory for each instance; empty keeps none
	Logger    *slog.Logger
}

// Readers follow a signer's mailboxes, of which every instance has one: all instances tell the same in each, so that it is enough to hear one of
// them, and none has to go on for another one that is gone. Each is verified by itself. They implement vault.Mailbox.
type Readers struct {
	cfg  ReadersConfig
	more *bell
	look chan struct{} // asks for a look before its time

	mu      sync.Mutex
	posts   []*post              // ascending by instance
	listed  map[string]bool      // instances of the newest list
	unheard int                  // of them, that there is no room for
	gaveUp  map[string]time.Time // when an instance of the list lost its place, as it could not be followed
	why     string               // there is no list
}

// post is one that is followed.
type post struct {
	*Reader
	end func() // ends it
}

// NewReaders checks the configuration.
func NewReaders(cfg ReadersConfig) (*Readers, error) {
	if cfg.Instances == nil || cfg.Logger == nil || cfg.Operator.IsZero() {
		return nil, errors.New("a signer's mailboxes need instances, an operator and a logger")
	}
	if !feed.ResidentOf(cfg.Mailbox, feed.Resident(cfg.Mailbox, "instance")) || feed.CheckName(feed.Resident(cfg.Mailbox, "instance")) != nil {
		return nil, fmt.Errorf("mailbox %.40q: want signer. and the signer's id as the node has it, a-z, 0-9 and dashes", cfg.Mailbox)
	}
	return &Readers{
		cfg: cfg, more: newBell(), look: make(chan struct{}, 1), listed: map[string]bool{}, gaveUp: map[string]time.Time{},
		why: "no instance has answered yet",
	}, nil
}

// Statements returns the leaders' signed messages of a wallet's window that came through any of the mailboxes that can be relied on, of each
// instance's oldest first, and what is closed when there may be more. That one has what another one lacks contradicts nothing: it is late, or
// away, or withholds it, which comparing shows once it tells of something later of the same source. Two messages of one leader are both there,
// as they would be in one mailbox, and the vault signs for one of them at most. The error says why none is to be relied on.
func (r *Readers) Statements(wallet chain.WalletID, window chain.Height) (list [][]byte, more <-chan struct{}, err error) {
	more = r.more.heard() // before the look
	seen, wrong, well := map[string]bool{}, []error(nil), false
	for _, reader := range r.readers() {
		its, err := reader.board.statements(wallet, window)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("at instance %s: %w", reader.cfg.Instance, err))
			continue
		}
		well = well || len(its) > 0 || reader.line.follows()
		for _, s := range its {
			if !seen[string(s)] {
				seen[string(s)] = true
				list = append(list, s)
			}
		}
	}
	if !well && len(wrong) > 0 {
		return nil, more, errors.Join(wrong...)
	}
	return list, more, nil
}

// Feed tells how the mailboxes fare: they are followed if one of them is. The detail says what is wrong with each one that is not, and what the
// instances told differently.
func (r *Readers) Feed() signer.FeedHealth {
	r.mu.Lock()
	listed, unheard, why := r.listed, r.unheard, r.why
	r.mu.Unlock()
	h := summary(r.readers(), func(of *Reader) bool { return !listed[of.cfg.Instance] })
	var said []string
	if h.Detail != "" {
		said = append(said, h.Detail)
	}
	if unheard > 0 {
		said = append(said, fmt.Sprintf("%d more instances are not followed: at most %d are", unheard, maxReaders))
	}
	if why != "" && h.State != signer.FeedFollows {
		said = append(said, why)
	}
	h.Detail = strings.Join(said, "; ")
	return h
}

// ServeHTTP answers other signers who compare: with what is kept of the instance that they ask for, or else of any.
func (r *Readers) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	wanted := q.URL.Query().Get("instance")
	var other *Reader
	for _, reader := range r.readers() {
		if reader.cfg.Instance == wanted {
			reader.ServeHTTP(w, q)
			return
		}
		if other == nil || !other.line.follows() && reader.line.follows() {
			other = reader
		}
	}
	if wanted == "" && other != nil {
		other.ServeHTTP(w, q)
		return
	}
	http.Error(w, "no mailbox of that instance is followed", http.StatusNotFound)
}

func (r *Readers) readers() (list []*Reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.posts {
		list = append(list, p.Reader)
	}
	return list
}

// Run follows the mailboxes of all instances that the operator lists, until ctx ends. One that is listed no more is followed as long as there
// is room: its place is for one that came later, once it cannot be followed.
func (r *Readers) Run(ctx context.Context) error {
	if err := r.makeRoom(); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		r.seek(ctx, g)
		return nil
	})
	return g.Wait()
}

// seek looks which instances there are, again and again until ctx ends, and has the mailboxes of those that are new followed.
func (r *Readers) seek(ctx context.Context, g *errgroup.Group) {
	wait := firstPause
	for {
		names, alone, err := r.list(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = r.follow(ctx, g, names, alone)
		}
		r.learn(names, err)
		pause := lookEvery
		if err != nil {
			pause, wait = wait, min(2*wait, lookEvery)
		} else {
			wait = firstPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-r.look:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// learn keeps which instances there are, and why that is not known.
func (r *Readers) learn(names []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.why = err.Error()
		return
	}
	r.why, r.unheard, r.listed = "", 0, map[string]bool{}
	for _, name := range names {
		if r.listed[name] = true; !slices.ContainsFunc(r.posts, func(p *post) bool { return p.cfg.Instance == name }) {
			r.unheard++
		}
	}
}

// follow begins with those that are not followed yet, as many as there is room for.
func (r *Readers) follow(ctx context.Context, g *errgroup.Group, names []string, alone bool) error {
	for _, name := range r.inTurn(names) {
		if slices.ContainsFunc(r.readers(), func(f *Reader) bool { return f.cfg.Instance == name }) || !r.room() {
			continue
		}
		cfg := Config{
			Instances: way{r.cfg.Instances, name, alone}, Mailbox: feed.Resident(r.cfg.Mailbox, name), Instance: name, Operator: r.cfg.Operator,
			Peers: slices.Clone(r.cfg.Peers), Logger: r.cfg.Logger,
		}
		for _, other := range r.readers() { // so each two are compared once
			cfg.Peers = append(cfg.Peers, sibling{r, other.cfg.Instance})
		}
		if r.cfg.Dir != "" {
			cfg.Dir = filepath.Join(r.cfg.Dir, cfg.Mailbox)
		}
		if err := feed.CheckName(cfg.Mailbox); err != nil {
			return fmt.Errorf("mailbox of an instance: %w", err)
		}
		reader := newReader(cfg, r.more)
		reader.line.lost = r.hurry
		following, end := context.WithCancel(ctx)
		ended := make(chan struct{})
		g.Go(func() error {
			defer close(ended)
			return reader.Run(following)
		})
		r.mu.Lock()
		r.posts = append(r.posts, &post{reader, func() { end(); <-ended }})
		slices.SortFunc(r.posts, func(a, b *post) int { return strings.Compare(a.cfg.Instance, b.cfg.Instance) })
		r.mu.Unlock()
	}
	return r.tidy()
}

// inTurn puts those first that never lost their place, and then those that lost it longest ago: so each of many has its turn.
func (r *Readers) inTurn(names []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.gaveUp, func(name string, _ time.Time) bool { return !slices.Contains(names, name) })
	names = slices.Clone(names)
	slices.SortStableFunc(names, func(a, b string) int { return r.gaveUp[a].Compare(r.gaveUp[b]) })
	return names
}

// hurry asks for a look: whoever goes may have a successor.
func (r *Readers) hurry() {
	select {
	case r.look <- struct{}{}:
	default:
	}
}

// room tells whether one more can be followed, and makes room where one cannot for long.
func (r *Readers) room() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.posts) < maxReaders {
		return true
	}
	longest, gone := -1, outOfTheWay
	for i, p := range r.posts {
		if away := p.line.away(); away >= gone {
			longest, gone = i, away
		}
	}
	if longest < 0 {
		return false
	}
	r.gaveUp[r.posts[longest].cfg.Instance] = time.Now()
	r.posts[longest].end()
	r.posts = slices.Delete(r.posts, longest, longest+1)
	return true
}
