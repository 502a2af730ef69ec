package client

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	netclient "github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// pair is two instances that take in the same, and whose mailbox a moves from alpha to beta with the end of epoch 1.
type pair struct {
	t           *testing.T
	alpha, beta *world
	end         func()
	moved       atomic.Bool // the subscriber of a reads at beta
}

// Located implements Instances.
func (p *pair) Located(ctx context.Context, r netclient.Request) (*http.Response, error) {
	if r.Query.Get("instance") == "beta" {
		p.moved.Store(true)
	}
	if p.moved.Load() {
		return p.beta.Located(ctx, r)
	}
	return p.alpha.Located(ctx, r)
}

// paired begins in epoch 1, with four entries in each mailbox.
func paired(t *testing.T) *pair {
	alpha, one := beginAs(t, "alpha", 0, "a", "b")
	beta, other := beginAs(t, "beta", 0, "b")
	keys, err := NewKeys(feed.Keyring{
		"alpha": feed.Keys(instanceKey("alpha").Public().(ed25519.PublicKey)), "beta": feed.Keys(instanceKey("beta").Public().(ed25519.PublicKey)),
	}, 1, time.Now(), operatorKey(t))
	require.NoError(t, err)
	alpha.keys, beta.keys = keys, keys
	p := &pair{t: t, alpha: alpha, beta: beta, end: func() { one(); other() }}
	p.submit(4)
	return p
}

func (p *pair) submit(n int) {
	p.alpha.submit(n)
	p.beta.submit(n)
}

func (p *pair) at(h chain.Height) {
	p.beta.at(h)
	p.alpha.at(h)
}

// follow starts the subscriber of a.
func (p *pair) follow(dir string, change func(*Config)) *subscriber {
	return p.alpha.follow(dir, func(c *Config) {
		c.Instances = p
		if change != nil {
			change(c)
		}
	})
}

// move ends epoch 1, and with it the mailbox at alpha.
func (p *pair) move() {
	p.t.Helper()
	ctx := p.t.Context()
	page, err := p.alpha.log.Entries(ctx, "a", 3, 1)
	require.NoError(p.t, err)
	last := page[0].Entry
	p.beta.log.Arrive("a", pipeline.MailboxState{Last: last.Number, Head: last.Hash()})
	p.beta.subscribe(ctx, "a", "b")
	p.beta.at(2 * window)
	seal, err := p.beta.log.FirstSeal(ctx)
	require.NoError(p.t, err)
	h := feed.Handover{
		Mailbox: "a", From: "alpha", To: "beta", Number: last.Number, Head: last.Hash(), Sealed: true, Epoch: 1,
		Follows: true, Before: seal.Epoch, Previous: seal.Hash(),
	}
	giver, err := feed.NewSigner("alpha", instanceKey("alpha"))
	require.NoError(p.t, err)
	require.NoError(p.t, h.Release(giver))
	taker, err := feed.NewSigner("beta", instanceKey("beta"))
	require.NoError(p.t, err)
	require.NoError(p.t, h.Take(taker))
	l := LineOf(pipeline.News{Handover: &h})
	p.alpha.set(func() { p.alpha.moved = &l })
	p.alpha.at(2 * window)
	time.Sleep(time.Minute) // of the bubble: it connects again
	synctest.Wait()
}

// afterMove has b followed at alpha, and a also after it has moved to beta, where one more epoch has ended.
func (p *pair) afterMove(dir string) (a, b *subscriber) {
	b = p.alpha.follow("", func(c *Config) { c.Mailbox = "b" })
	a = p.follow(dir, nil)
	p.move()
	p.submit(3)
	p.at(3 * window)
	return a, b
}

// What was read before a move is kept over it and over starts, shown to others, and compared with those who were there.
func TestEpochsOfBeforeAMoveAreComparedAfterAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, dir := paired(t), t.TempDir()
		a, b := p.afterMove(dir)
		require.Equal(t, upTo(1, 7), a.seen)
		a.end()
		news := &ledger{}
		a = p.follow(dir, nil)
		stays := a.Archive().Stays
		require.Len(t, stays, 2)
		require.Equal(t, "alpha", stays[0].Instance)
		require.Len(t, stays[0].Kept, 1)
		require.Equal(t, "beta", stays[1].Instance)
		stored, _, err := ReadArchive(dir)
		require.NoError(t, err)
		require.Equal(t, stays, stored.Stays, "who does not follow reads the same")

		// Another one at alpha asks it for what it read there.
		other := p.alpha.follow("", func(c *Config) { c.Mailbox, c.Peers, c.Compared = "b", []Other{peer(t, a.Serve(secret))}, news.take })
		require.Equal(t, feed.Epoch(2), news.last().Confirmed)
		require.Equal(t, 1, news.last().Epochs, "alpha's first epoch by its trail")
		require.NotZero(t, news.last().Items, "and the next one by what beta took in")
		other.end()
		a.end()

		// And it asks others: of alpha's epochs who is at alpha, of beta's who is at either.
		c := p.beta.follow("", func(c *Config) { c.Mailbox = "b" })
		for i, with := range []*subscriber{b, c} {
			own := t.TempDir()
			require.NoError(t, os.CopyFS(own, os.DirFS(dir)))
			a = p.follow(own, func(c *Config) { c.Peers = []Other{peer(t, with.Serve(secret))} })
			time.Sleep(time.Hour)
			synctest.Wait()
			p.submit(1)
			p.at(chain.Height(4+i) * window)
			time.Sleep(time.Hour)
			synctest.Wait()
			a.end()
			again := p.follow(own, nil)
			stays = again.Archive().Stays
			require.Equal(t, feed.Epoch(2), stays[0].Unverified, "alpha's epoch 1, also after a start, by %s", with.reader.Instance())
			require.Equal(t, feed.Epoch(4+i), stays[1].Unverified, "all of beta's, by %s", with.reader.Instance())
			again.end()
		}
		b.end()
		c.end()
		p.end()
	})
}

// What an instance told one subscriber otherwise is proved also when the other one's mailbox has moved away since, and after a start.
func TestADifferenceOfBeforeAMoveIsProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, dir := paired(t), t.TempDir()
		a, b := p.afterMove(dir)
		a.end()
		b.end()
		x, err := b.Archive().Epoch(t.Context(), "alpha", 1)
		require.NoError(t, err)
		sealAgain(t, x)
		news := &ledger{}
		a = p.follow(dir, func(c *Config) { c.Peers, c.Compared = []Other{ArchiveOf("b", x)}, news.take })
		c := news.last()
		require.Equal(t, Blamed, c.Verdict(), "%v", c.Wrong)
		require.Equal(t, feed.TwoSeals, c.Findings[0].Proof.Fault)
		require.Len(t, c.Proofs, 1)
		require.Zero(t, a.Archive().Stays[0].Unverified)
		a.end()
		p.end()
	})
}

// Who holds is held over a move, too: it neither crosses nor reads on before somebody has confirmed what it has.
func TestAMoveIsNoWayAroundHolding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, dir := paired(t), t.TempDir()
		b := p.alpha.follow("", func(c *Config) { c.Mailbox = "b" })
		var away atomic.Bool
		away.Store(true)
		sometimes := http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
			if away.Load() {
				http.Error(answer, "not now", http.StatusServiceUnavailable)
				return
			}
			b.Serve(secret).ServeHTTP(answer, r)
		})
		a := p.follow(dir, func(c *Config) {
			c.Policy, c.Peers = feed.Policy{Keep: 1, Then: feed.Hold}, []Other{peer(t, sometimes)}
		})
		p.move()
		p.submit(3)
		p.at(3 * window)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, "alpha", a.reader.Instance())
		require.Equal(t, upTo(1, 4), a.seen)
		a.end()
		a = p.follow(dir, nil) // without peers, and after a start
		require.False(t, p.moved.Load())
		away.Store(false)
		a.stop()
		require.Error(t, <-a.ended)
		a = p.follow(dir, func(c *Config) { c.Peers = []Other{peer(t, sometimes)} })
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, "beta", a.reader.Instance())
		require.Equal(t, upTo(5, 7), a.seen)
		a.end()
		p.end()
		b.stop()
		<-b.ended
	})
}

// A move that a crash cut off leaves nothing behind that a start trips over.
func TestADirectoryOfAMoveThatWasCutOffIsNoStay(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		s := w.follow(dir, nil)
		w.submit(2)
		w.at(2 * window)
		s.end()
		for _, stray := range []string{"epochs-000001-beta", "epochs-000000-gamma", "epochs-1-beta", "epochs-x", "epochs-000000-No"} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, stray), 0o700))
		}
		s = w.follow(dir, nil)
		require.Len(t, s.Archive().Stays, 1)
		w.at(3 * window)
		s.end()
		left, err := filepath.Glob(filepath.Join(dir, "epochs-00*-[a-z]*"))
		require.NoError(t, err)
		require.Equal(t, []string{filepath.Join(dir, "epochs-000000-alpha")}, left)
	})
}

// What differs at one's own instance is not confirmed by what the other one got elsewhere.
func TestWhatIsProvedFalseIsNotConfirmedFromElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := paired(t)
		a := p.alpha.follow("", nil)
		here := p.alpha.follow("", func(c *Config) { c.Mailbox = "b" })
		there := p.beta.follow("", func(c *Config) { c.Mailbox = "b" })
		p.at(2 * window)
		p.at(3 * window) // with nothing in it
		a.end()
		here.end()
		there.end()
		x, err := here.Archive().Epoch(t.Context(), "alpha", 2)
		require.NoError(t, err)
		sealAgain(t, x)
		other := Archive{Mailbox: "b", Stays: append(there.Archive().Stays, feed.Stay{Moves: 1, Instance: "alpha", Kept: x.Epochs})}
		c := Compare(t.Context(), a.Archive(), other, p.alpha.keys.Ring())
		require.Equal(t, Blamed, c.Verdict(), "%v", c.Wrong)
		require.NotZero(t, c.Items)
		require.True(t, c.Confirms)
		require.Equal(t, feed.Epoch(1), c.Confirmed)
		p.end()
	})
}
