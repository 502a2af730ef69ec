package quorum

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// forger is an endpoint that knows the true chain and shows blocks of its own on top of it, others at every height. What
// it can forge it forges well: hashes, links and times fit.
type forger struct {
	*fake
	lies  atomic.Bool
	above chain.Height // its newest block is so far above the tip
	many  chain.Height // so many of its newest blocks are forged
	when  time.Time    // of its blocks
}

func (f *forger) forged(tip, h chain.Height) chain.Header {
	header := chain.Header{Height: h, Hash: forgery(tip, h), Parent: forgery(tip, h-1), Time: f.when}
	if lowest := tip + f.above - f.many + 1; h == lowest && lowest <= tip+1 {
		header.Parent = trueHeader(h - 1).Hash
	}
	return header
}

// forgery is the hash of a block forged on a tip.
func forgery(tip, h chain.Height) chain.Hash {
	var b [17]byte
	binary.BigEndian.PutUint64(b[1:], uint64(tip))
	binary.BigEndian.PutUint64(b[9:], uint64(h))
	return sha256.Sum256(b[:])
}

// chain returns what it shows of some heights while the true chain has a tip.
func (f *forger) chain(tip, from, to chain.Height) (headers []chain.Header) {
	top := tip + f.above
	for h := from; h <= min(to, top); h++ {
		switch {
		case h+f.many > top:
			headers = append(headers, f.forged(tip, h))
		case h <= tip:
			headers = append(headers, trueHeader(h))
		}
	}
	return headers
}

func (f *forger) Look(ctx context.Context, ask Ask) (Sight, error) {
	s, err := f.fake.Look(ctx, ask)
	if err != nil || !f.lies.Load() {
		return s, err
	}
	tip, _ := f.truth.now()
	s.Head = f.forged(tip, tip+f.above)
	if ask.To > 0 {
		s.Headers = f.chain(tip, ask.From, ask.To)
	}
	return s, nil
}

func (f *forger) Headers(ctx context.Context, from, to chain.Height) ([]chain.Header, error) {
	if !f.lies.Load() {
		return f.fake.Headers(ctx, from, to)
	}
	tip, _ := f.truth.now()
	return f.chain(tip, from, to), nil
}

// Follow shows the true tip and everything forged on it, whenever anything moves.
func (f *forger) Follow(ctx context.Context, delivered []chain.Header, heads func(chain.Header)) error {
	shown := trueHeader(1000)
	if n := len(delivered); n > 0 {
		shown = delivered[n-1]
	}
	for {
		tip, moved := f.truth.now()
		from := max(min(shown.Height+1, tip), tip-min(tip, 64))
		headers := f.headers(ill{}, from, tip)
		if f.lies.Load() {
			headers = f.chain(tip, max(from, tip+f.above-min(f.above, 64)), tip+f.above)
		}
		for _, h := range headers {
			if shown != h {
				shown = h
				heads(h)
			}
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *forger) begin() {
	f.lies.Store(true)
	f.truth.advance(0)
}

// withForger makes the first of five endpoints, which serves, a forger that tells the truth until it begins.
func withForger(t *testing.T, f *forger, test func(*testing.T, *rig)) {
	in(t, 5, func(r *rig, c *Config) {
		f.fake = r.fakes[0]
		c.Members[0].Open = func() (Endpoint, error) { return f, nil }
	}, func(t *testing.T, r *rig) {
		require.Equal(t, "a", r.Snapshot().Serving)
		test(t, r)
	})
}

// One endpoint that lies, and serves, while all the others are honest: the clock shows no block of its own, and it is
// found out. When it does not lie any more it comes back.
func TestNoForgedHeadIsDelivered(t *testing.T) {
	old, future := time.Unix(0, 0), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		forger *forger
		reason Reason
		within time.Duration
	}{
		"two invented on the tip":              {&forger{above: 2, many: 2, when: old}, FalseTip, 2 * time.Minute},
		"two invented on the tip, of tomorrow": {&forger{above: 2, many: 2, when: future}, FalseTip, 2 * time.Minute},
		"a false child of the tip":             {&forger{above: 1, many: 1, when: old}, FalseTip, 2 * time.Minute},
		"a false child, of tomorrow":           {&forger{above: 1, many: 1, when: future}, FalseTip, 2 * time.Minute},
		"a false tip":                          {&forger{many: 1, when: old}, FalseTip, 2 * time.Minute},
		"a false tip, of tomorrow":             {&forger{many: 1, when: future}, FalseTip, 2 * time.Minute},
		"60 ahead":                             {&forger{above: 60, many: 60, when: old}, AheadUncorroborated, twoPolls},
		"30 million ahead":                     {&forger{above: 30_000_000, many: 1, when: old}, AheadUncorroborated, twoPolls},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.forger
			withForger(t, f, func(t *testing.T, r *rig) {
				r.truth.live(time.Minute)
				f.begin()
				for began := time.Now(); time.Since(began) < c.within; {
					r.truth.live(12 * time.Second)
				}
				require.Equal(t, c.reason, r.endpoint("a").Reason)
				require.Equal(t, "b", r.Snapshot().Serving)
				r.truth.live(5 * time.Minute)
				require.Equal(t, c.reason, r.endpoint("a").Reason, "for as long as it lies")
				for _, honest := range []string{"b", "c", "d", "e"} {
					changes, _ := r.History(honest)
					require.Len(t, changes, 1, honest)
				}
				f.lies.Store(false)
				r.truth.live(2 * time.Minute)
				require.Equal(t, Healthy, r.endpoint("a").Status)
				time.Sleep(6 * time.Second)
				tip, _ := r.truth.now()
				require.Empty(t, r.premature())
				requireUnbroken(t, r.delivered(), 1000, tip)
			})
		})
	}
}
