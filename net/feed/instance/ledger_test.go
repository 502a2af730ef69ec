package instance_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/instance"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// base is what the instances of an operator share, in memory. It outlives them, as a database does.
type base struct {
	mu     sync.Mutex
	logs   map[string]*feedtest.Log
	facts  map[string][]instance.Fact
	last   map[string]uint64 // the number of each origin's last fact, or the one before its next series
	copies *uint64           // that were ever made: each is another generation of the database
	keys   feed.Keyring
	homes  map[string]string
	wishes map[string]instance.Wish
	moves  map[string][]instance.Moved
	live   map[string]int // the session that an instance has; negative once it is over
	told   map[string]chan struct{}

	lag      time.Duration // of reading where a log stands
	unsigned bool          // nobody gets to sign for a mailbox that comes

	gone map[string]uint64 // facts up to which were collected, as State passes over them

	accepts   int          // how often records were stored
	looks     int          // how often a seal after another one was read
	collected []feed.Epoch // before which epochs were to be collected, each time
}

func newBase(names ...string) *base {
	b := &base{
		logs: map[string]*feedtest.Log{}, facts: map[string][]instance.Fact{}, keys: feed.Keyring{}, homes: map[string]string{},
		wishes: map[string]instance.Wish{}, moves: map[string][]instance.Moved{}, live: map[string]int{}, told: map[string]chan struct{}{},
		last: map[string]uint64{}, copies: new(uint64),
	}
	for _, n := range names {
		b.logs[n], b.told[n] = feedtest.New(), make(chan struct{}, 1)
		b.keys[n] = feed.Keys(key(n).Public().(ed25519.PublicKey))
	}
	return b
}

// copy is what a database is put back to. In the generation that begins then each origin begins a series of numbers.
func (b *base) copy() *base {
	b.mu.Lock()
	defer b.mu.Unlock()
	own := &base{
		logs: map[string]*feedtest.Log{}, facts: map[string][]instance.Fact{}, keys: maps.Clone(b.keys), homes: maps.Clone(b.homes),
		wishes: maps.Clone(b.wishes), moves: map[string][]instance.Moved{}, live: map[string]int{}, told: b.told,
		last: map[string]uint64{}, copies: b.copies,
	}
	*b.copies++
	for n, l := range b.logs {
		own.logs[n], own.last[n] = l.Copy(), *b.copies*feed.SeriesLength
	}
	for n, list := range b.facts {
		own.facts[n] = slices.Clone(list)
	}
	for n, list := range b.moves {
		own.moves[n] = slices.Clone(list)
	}
	return own
}

// set changes what the base does.
func (b *base) set(lag time.Duration, unsigned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lag, b.unsigned = lag, unsigned
}

// wished is where mailboxes are wished to.
func (b *base) wished() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	to := map[string]string{}
	for mailbox, w := range b.wishes {
		to[mailbox] = w.To
	}
	return to
}

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("test-" + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// said is something to tell of a wallet.
type said struct {
	wallet  chain.WalletID
	payload string
}

// tell is what an instance does when something happens: it is numbered and signed at once, all that one call brings together.
func (b *base) tell(origin string, list ...said) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var items []feed.Item
	for i, w := range list {
		items = append(items, feed.NewItem(origin, b.last[origin]+1+uint64(i), w.wallet, feed.KindResult, []byte(w.payload)))
	}
	s, err := feed.NewSigner(origin, key(origin))
	if err != nil {
		panic(err)
	}
	for i, w := range feed.Witnesses(items, s.SignItems(items)) {
		b.facts[origin] = append(b.facts[origin], instance.Fact{
			Origin: origin, Number: items[i].Number, Wallet: items[i].Wallet, Kind: items[i].Kind, Payload: []byte(list[i].payload), Witness: w,
		})
	}
	b.last[origin] += uint64(len(items))
	select {
	case b.told[origin] <- struct{}{}:
	default:
	}
}

// session is an instance's view of the base for as long as its session lasts.
type session struct {
	*base
	name string
	id   int
}

func (b *base) open(name string) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.live[name] = max(b.live[name], -b.live[name]) + 1
	return &session{b, name, b.live[name]}
}

// end is how a session is over: nothing that it writes is taken any more.
func (b *base) end(s *session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live[s.name] == s.id {
		b.live[s.name] = -s.id
	}
}

func (s *session) held() error {
	if s.live[s.name] != s.id {
		return instance.ErrNoSession
	}
	return nil
}

func (s *session) write(do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.held(); err != nil {
		return err
	}
	return do()
}

// fenced is a log that is written within a session.
type fenced struct {
	*feedtest.Log
	s *session
}

func (f fenced) State(ctx context.Context) (pipeline.State, error) {
	f.s.mu.Lock()
	lag := f.s.lag
	f.s.mu.Unlock()
	time.Sleep(lag)
	st, err := f.Log.State(ctx)
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	for o, n := range f.s.gone {
		st.Sources[o] = max(st.Sources[o], n)
	}
	return st, err
}

func (f fenced) Open(ctx context.Context, t pipeline.Term) error {
	return f.s.write(func() error { return f.Log.Open(ctx, t) })
}

func (f fenced) Accept(ctx context.Context, r []pipeline.Accepted) error {
	return f.s.write(func() error {
		f.s.accepts++
		return f.Log.Accept(ctx, r)
	})
}

func (f fenced) Append(ctx context.Context, e []feed.Entry) error {
	return f.s.write(func() error { return f.Log.Append(ctx, e) })
}

func (f fenced) Seal(ctx context.Context, s feed.Seal) error {
	return f.s.write(func() error { return f.Log.Seal(ctx, s) })
}

func (f fenced) Acknowledge(ctx context.Context, m string, n feed.Number) error {
	return f.s.write(func() error { return f.Log.Acknowledge(ctx, m, n) })
}

func (f fenced) Collect(ctx context.Context, e feed.Epoch) error {
	return f.s.write(func() error {
		f.s.collected = append(f.s.collected, e)
		return f.Log.Collect(ctx, e)
	})
}

func (f fenced) NextSeal(ctx context.Context, after feed.Epoch) (*feed.Seal, error) {
	f.s.mu.Lock()
	f.s.looks++
	f.s.mu.Unlock()
	return f.Log.NextSeal(ctx, after)
}

func (s *session) Log(name string) pipeline.Log { return fenced{s.logs[name], s} }

func (s *session) Told() <-chan struct{} { return s.told[s.name] }

func (s *session) Origins(context.Context) (map[string]uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.last), nil
}

func (s *session) Facts(_ context.Context, origin string, after uint64, limit int) ([]instance.Fact, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []instance.Fact
	for _, f := range s.facts[origin] {
		if n := len(list); f.Number > after && n < limit && (n == 0 || f.Number == list[n-1].Number+1) {
			list = append(list, f)
		}
	}
	return list, nil
}

func (s *session) Keys(context.Context) (feed.Keyring, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.keys), nil
}

func (s *session) SayKey(_ context.Context, k ed25519.PublicKey) error {
	return s.write(func() error {
		if !slices.ContainsFunc(s.keys[s.name], func(o feed.Key) bool { return o.Public.Equal(k) }) {
			s.keys[s.name] = append(s.keys[s.name], feed.Key{Public: k})
		}
		return nil
	})
}

func (s *session) ReplaceKeys(_ context.Context, k ed25519.PublicKey, open feed.Epoch) error {
	return s.write(func() error {
		keys, replaced := slices.Clone(s.keys[s.name]), false
		for i := range keys {
			switch own := keys[i].Public.Equal(k); {
			case own && keys[i].Until != nil:
				keys[i].Until, replaced = nil, true
			case !own && keys[i].Until == nil:
				keys[i].Until, replaced = &feed.Until{Epoch: open, Number: (s.last[s.name]/feed.SeriesLength + 1) * feed.SeriesLength}, true
			}
		}
		if replaced {
			s.last[s.name] = (s.last[s.name]/feed.SeriesLength + 1) * feed.SeriesLength
		}
		s.keys[s.name] = keys
		return nil
	})
}

func (s *session) Homes(context.Context) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.homes), nil
}

func (s *session) Claim(_ context.Context, m string) (home string, err error) {
	err = s.write(func() error {
		if s.homes[m] == "" {
			s.homes[m] = s.name
		}
		home = s.homes[m]
		return nil
	})
	return home, err
}

func (s *session) Lives(_ context.Context, name string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[name] > 0, nil
}

func (s *session) Wish(_ context.Context, m, to string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.homes[m] == "" || to != "" && s.logs[to] == nil {
		return errors.New("there is none of that name")
	}
	if delete(s.wishes, m); to != "" && to != s.homes[m] {
		s.wishes[m] = instance.Wish{Mailbox: m, To: to}
	}
	return nil
}

func (s *session) Wishes(context.Context) ([]instance.Wish, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.wishes)), nil
}

func (s *session) Ready(_ context.Context, m, to string, from feed.Epoch) error {
	return s.write(func() error {
		if w, ok := s.wishes[m]; ok && w.To == to {
			w.Ready, w.From = true, from
			s.wishes[m] = w
		}
		return nil
	})
}

func (s *session) Move(_ context.Context, h feed.Handover, lacks []feed.Entry) error {
	return s.write(func() error {
		if s.homes[h.Mailbox] != h.From {
			return instance.ErrStale
		}
		if s.name != h.From && s.live[h.From] > 0 {
			return instance.ErrLives
		}
		state, err := s.logs[h.From].Leave(h.Mailbox, lacks, h.Number, h.Head)
		if errors.Is(err, pipeline.ErrOrder) {
			return fmt.Errorf("%w: %w", instance.ErrStale, err)
		}
		if err != nil {
			return err
		}
		s.logs[h.To].Arrive(h.Mailbox, state)
		s.homes[h.Mailbox] = h.To
		delete(s.wishes, h.Mailbox)
		s.moves[h.Mailbox] = append(s.moves[h.Mailbox], instance.Moved{Number: len(s.moves[h.Mailbox]), Handover: h})
		return nil
	})
}

func (s *session) Resume(ctx context.Context, after *feed.Seal, subs *feed.Subscriptions, losses []feed.Handover) error {
	return s.write(func() error {
		if err := s.logs[s.name].Resume(ctx, after, subs, losses); err != nil {
			return err
		}
		for _, h := range losses {
			stored, err := feed.DecodeHandover(h.Encode())
			if err != nil {
				return err
			}
			s.moves[h.Mailbox] = append(s.moves[h.Mailbox], instance.Moved{Number: len(s.moves[h.Mailbox]), Handover: stored, Taken: true})
		}
		return nil
	})
}

func (s *session) Moves(_ context.Context, m string) ([]instance.Moved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.moves[m]), nil
}

func (s *session) Take(_ context.Context, m string, n int, h feed.Handover) (kept feed.Handover, err error) {
	err = s.write(func() error {
		if s.unsigned {
			return instance.ErrStale
		}
		move := &s.moves[m][n]
		if !move.Taken {
			// It is read as the wire has it, so that nothing but what is signed is kept.
			if move.Handover, err = feed.DecodeHandover(h.Encode()); err != nil {
				return err
			}
			move.Taken = true
		}
		kept = move.Handover
		return nil
	})
	return kept, err
}
