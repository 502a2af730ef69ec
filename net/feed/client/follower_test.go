package client

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	netclient "github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

func TestASubscriberGetsEachEntryOnceAndAcknowledgesIt(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		s := w.follow(t.TempDir(), nil)
		for e := chain.Height(2); e < 5; e++ {
			w.submit(10)
			w.at(e * window)
		}
		s.end()
		require.Equal(t, upTo(1, 30), s.seen)
		require.Equal(t, []feed.Epoch{1, 2, 3}, s.sealed)
		require.Empty(t, s.blames)
		require.Equal(t, feed.Number(30), w.acked[len(w.acked)-1])
		require.Len(t, s.Export().Epochs, 3)
	})
}

// However often the stream breaks off and the subscriber is started anew, at any line, nothing is lost or repeated.
func TestAReconnectResumesWithNothingLostOrRepeated(t *testing.T) {
	for _, cut := range []int{1, 2, 3, 7} {
		played(t, func(t *testing.T, w *world) {
			w.set(func() { w.cut = cut })
			dir := t.TempDir()
			var seen []feed.Number
			for e := chain.Height(2); e < 6; e++ {
				s := w.follow(dir, nil)
				w.submit(5)
				time.Sleep(10 * time.Minute) // of the bubble: the stream breaks off and is taken up many times
				synctest.Wait()
				s.end() // within an epoch
				seen = append(seen, s.seen...)
				require.Empty(t, s.blames)
				if e%2 == 0 {
					w.at(e * window)
					continue
				}
				s = w.follow(dir, nil)
				w.at(e * window)
				time.Sleep(10 * time.Minute)
				s.end()
				require.Empty(t, s.seen)
				require.Empty(t, s.blames)
			}
			if cut == 1 { // not even one entry comes after the first line
				require.Empty(t, seen)
				return
			}
			require.Equal(t, upTo(1, 20), seen, "cut after %d lines", cut)
		})
	}
}

// torn is a way on which a stream breaks off within a line, of which a part comes together with the lines before it.
type torn struct {
	Instances
	lines int // whole ones, of each stream
}

// Located implements Instances.
func (i torn) Located(ctx context.Context, r netclient.Request) (*http.Response, error) {
	response, err := i.Instances.Located(ctx, r)
	if err == nil && r.Stream {
		response.Body = &tornBody{response.Body, bufio.NewReader(response.Body), i.lines}
	}
	return response, err
}

type tornBody struct {
	io.Closer
	in    *bufio.Reader
	lines int
}

// Read returns all that there is to come.
func (b *tornBody) Read(p []byte) (n int, err error) {
	if b.lines < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	for ; b.lines >= 0; b.lines-- {
		line, err := b.in.ReadBytes('\n')
		if err != nil {
			return n, err
		}
		if b.lines == 0 {
			line = line[:len(line)/2]
		}
		n += copy(p[n:], line)
	}
	return n, nil
}

// Who is stopped while it has no stream has written down what was delivered.
func TestWhatWasDeliveredBeforeAStreamBrokeOffIsNotDeliveredAgain(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		w.submit(3)
		s := w.follow(dir, func(c *Config) { c.Instances = torn{w, 3} })
		s.end()
		require.Equal(t, upTo(1, 2), s.seen)
		s = w.follow(dir, nil)
		s.end()
		require.Equal(t, upTo(3, 3), s.seen)
	})
}

func TestEntriesOfAnEpochThatIsNotCompleteCanBeHadAgainAfterAStart(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		s := w.follow(dir, nil)
		w.submit(4)
		w.at(2 * window)
		w.submit(3)
		s.end()
		s = w.follow(dir, func(c *Config) { c.Again = true })
		w.submit(1)
		w.at(3 * window)
		s.end()
		require.Equal(t, upTo(5, 7), s.again)
		require.Equal(t, upTo(8, 8), s.seen)
		require.Empty(t, s.blames)
	})
}

func TestWithoutADirectoryEveryStartBeginsAnewAndAcknowledgesNothing(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.submit(6)
		for range 2 {
			s := w.follow("", nil)
			s.end()
			require.Equal(t, upTo(1, 6), s.seen)
		}
		require.Empty(t, w.acked)
	})
}

// Whoever lost its place begins with the oldest entry that is kept, verifies from there on, and is not given what it acknowledged.
func TestASubscriberThatLostItsPlaceGoesOnWhereItHadAcknowledged(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		s := w.follow(t.TempDir(), nil)
		for e := chain.Height(2); e < 5; e++ {
			w.submit(10)
			w.at(e * window)
		}
		s.end()
		require.NoError(t, w.log.Collect(t.Context(), 3))
		w.submit(5)
		s = w.follow(t.TempDir(), nil)
		w.at(5 * window)
		s.end()
		require.Equal(t, upTo(31, 35), s.seen)
		require.Equal(t, []feed.Epoch{3, 4}, s.sealed)
		require.Empty(t, s.blames)
	})
}

func TestWhatIsNotKeptAnyMoreEndsAFollower(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		s := w.follow(dir, nil)
		w.submit(2)
		w.at(2 * window)
		s.end()
		w.submit(2)
		w.at(3 * window)
		w.at(4 * window)
		require.NoError(t, w.feed.Acknowledge(t.Context(), "a", 4)) // by somebody else with the same rights
		require.NoError(t, w.log.Collect(t.Context(), 4))
		s = w.follow(dir, nil)
		require.ErrorIs(t, <-s.ended, ErrCollected)
	})
}

func TestAnAlteredStreamIsNoticedAndNamesWhoDidIt(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.submit(3)
		for name, twist := range map[string]func(*feed.Entry, *[]byte) error{
			"another record": func(e *feed.Entry, _ *[]byte) error { e.Record.Item.Number += 7; return nil },
			"left out":       func(e *feed.Entry, _ *[]byte) error { e.Number++; return nil },
			"other mailbox":  func(e *feed.Entry, _ *[]byte) error { e.Mailbox = "b"; return nil },
		} {
			w.set(func() { w.twist = twisted(t, 2, twist) })
			s := w.follow("", nil)
			w.set(func() { w.twist = nil })
			if name == "another record" { // the link of the next one shows it
				require.Equal(t, upTo(1, 1), s.seen[:1])
			}
			var blame feed.Blame
			require.ErrorAs(t, <-s.ended, &blame, name)
			require.Equal(t, "alpha", blame.Actor.Instance)
			require.Equal(t, feed.Delivery, blame.Reason)
		}
		w.set(func() {
			w.twist = twisted(t, 2, func(_ *feed.Entry, payload *[]byte) error { *payload = []byte("forged"); return nil })
		})
		s := w.follow("", nil)
		w.at(2 * window)
		s.end()
		require.Equal(t, 1, s.wrong, "a forged payload is not handed over")
		require.Equal(t, []feed.Number{1, 3}, s.seen)
		require.Len(t, s.blames, 1)
	})
}

// twisted changes one entry.
func twisted(t *testing.T, n feed.Number, change func(*feed.Entry, *[]byte) error) func(Line) Line {
	return func(l Line) Line {
		if l.Entry == nil {
			return l
		}
		e, err := feed.DecodeEntry(l.Entry)
		require.NoError(t, err)
		if e.Number == n {
			require.NoError(t, change(&e, &l.Payload))
			l.Entry = e.Encode()
		}
		return l
	}
}

func TestAnInstanceThatIsAwayIsAskedAgainUntilItIsBack(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set(func() { w.down = true })
		s := w.follow("", nil)
		w.submit(2)
		time.Sleep(time.Hour)
		w.set(func() { w.down, w.status = false, http.StatusServiceUnavailable })
		time.Sleep(time.Hour)
		w.set(func() { w.status = 0 })
		time.Sleep(time.Minute)
		s.end()
		require.Equal(t, upTo(1, 2), s.seen)
		require.Less(t, len(w.requests()), 2*3600/5, "and not without a pause")
	})
}

func TestAnInstanceThatRefusesEndsAFollower(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.set(func() { w.status = http.StatusForbidden })
		s := w.follow("", nil)
		var answer *netclient.AnswerError
		require.ErrorAs(t, <-s.ended, &answer)
		require.Equal(t, http.StatusForbidden, answer.Status)
	})
}

func TestKeysOfAnotherOperatorAreNotBelieved(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		w.submit(1)
		s := w.follow("", func(c *Config) { c.Operator = chain.Operator{7} })
		require.ErrorIs(t, <-s.ended, ErrOtherOperator)
		require.Empty(t, s.seen)
		w.set(func() { w.keys.Instances = nil }) // and the signature is not theirs any more
		s = w.follow("", nil)
		require.ErrorIs(t, <-s.ended, ErrKeys)
		dir := t.TempDir()
		keys, err := NewKeys(feed.Keyring{}, 1, time.Now(), operatorKey(t))
		require.NoError(t, err)
		w.set(func() { w.keys = keys })
		s = w.follow(dir, nil)
		require.ErrorIs(t, <-s.ended, feed.ErrUnknownInstance)
	})
}

func TestEpochsAreKeptByThePolicyAcrossStarts(t *testing.T) {
	kept := func(s *subscriber) (whole, heads int) {
		for _, k := range s.Kept() {
			if k.Heads == nil {
				whole++
			} else {
				heads++
			}
		}
		return whole, heads
	}
	for then, want := range map[feed.Then][2]int{feed.Drop: {2, 0}, feed.Compress: {2, 4}} {
		played(t, func(t *testing.T, w *world) {
			dir := t.TempDir()
			for e := chain.Height(2); e < 8; e++ {
				s := w.follow(dir, func(c *Config) {
					if e == 2 {
						c.Policy = feed.Policy{Keep: 2, Then: then} // later starts keep to it
					}
				})
				w.submit(3)
				w.at(e * window)
				s.end()
			}
			f, err := Open(Config{Instances: w, Mailbox: "a", Dir: dir, Deliver: func(context.Context, Delivery) error { return nil }})
			require.NoError(t, err)
			whole, heads := kept(&subscriber{Follower: f})
			require.Equal(t, want, [2]int{whole, heads}, then.String())
			files, err := filepath.Glob(filepath.Join(dir, "epochs-*", "*"))
			require.NoError(t, err)
			require.Len(t, files, whole+heads)
		})
	}
}

func TestWhoHoldsReadsOnOnceItHasCompared(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		hold := func(c *Config) { c.Policy = feed.Policy{Keep: 1, Then: feed.Hold} }
		s := w.follow(dir, hold)
		w.at(2 * window)
		w.at(3 * window)
		require.ErrorIs(t, <-s.ended, feed.ErrUnverified)
		s = w.follow(dir, hold)
		require.ErrorIs(t, <-s.ended, feed.ErrUnverified, "a start changes nothing")
		require.NoError(t, s.Verified("alpha", 1))
		s = w.follow(dir, hold)
		s.end()
		require.Equal(t, []feed.Epoch{2}, s.sealed)
	})
}

func TestTwoSubscribersExportsCompare(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		a := w.follow("", nil)
		b := w.follow("", func(c *Config) { c.Mailbox = "b" })
		w.submit(20)
		w.at(2 * window)
		a.end()
		b.end()
		keys, ok := a.Keys()
		require.True(t, ok)
		found, blames, err := feed.Compare(t.Context(), a.Export(), b.Export(), keys.Ring())
		require.NoError(t, err)
		require.Empty(t, found)
		require.Empty(t, blames)
		require.Len(t, a.Export().Epochs, 1)
	})
}

func TestWhatIsDeliveredToFailsEndsAFollowerAndIsDeliveredAgain(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir, full := t.TempDir(), errors.New("the disk is full")
		w.submit(2)
		s := w.follow(dir, nil)
		s.fail = full
		w.submit(1)
		require.ErrorIs(t, <-s.ended, full)
		s = w.follow(dir, nil)
		s.end()
		require.Equal(t, upTo(3, 3), s.seen)
	})
}

// The mailbox goes on at another instance: its key is asked for, and from then on its numbers and seals are what counts, also after a start.
func TestAFollowerGoesAlongWhenItsMailboxMoves(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		w.submit(4)
		s := w.follow(dir, nil)
		s.end()
		h := feed.Handover{Mailbox: "a", From: "alpha", To: "beta", Number: 4, Head: s.reader.At().Head, Sealed: true, Epoch: 1, Follows: true, Before: 1, Previous: feed.Hash{7}}
		for _, name := range []string{"alpha", "beta"} {
			by, err := feed.NewSigner(name, instanceKey(name))
			require.NoError(t, err)
			sign := map[string]func(feed.Signer) error{"alpha": h.Release, "beta": h.Take}[name]
			require.NoError(t, sign(by))
		}
		l := LineOf(pipeline.News{Handover: &h})
		w.set(func() { w.moved = &l })
		s = w.follow(dir, nil)
		w.at(2 * window)
		require.ErrorIs(t, <-s.ended, feed.ErrUnknownInstance, "nobody knows the new one's key")
		both, err := NewKeys(feed.Keyring{
			"alpha": feed.Keys(instanceKey("alpha").Public().(ed25519.PublicKey)), "beta": feed.Keys(instanceKey("beta").Public().(ed25519.PublicKey)),
		}, 2, time.Now(), operatorKey(t))
		require.NoError(t, err)
		w.set(func() { w.keys = both })
		forged := h
		forged.Number = 3
		l = LineOf(pipeline.News{Handover: &forged})
		require.NoError(t, os.Remove(filepath.Join(dir, PlaceFile))) // and so reads the epoch's seal once more
		s = w.follow(dir, nil)
		require.ErrorIs(t, <-s.ended, feed.ErrSignature)
		l = LineOf(pipeline.News{Handover: &h})
		require.NoError(t, os.Remove(filepath.Join(dir, PlaceFile)))
		s = w.follow(dir, nil)
		s.end()
		require.Equal(t, "beta", s.reader.Instance())
		s = w.follow(dir, nil)
		s.end()
		require.Equal(t, "beta", s.reader.Instance(), "also after a start")
		asked := w.requests()
		require.Equal(t, "GET /v1/feed/mailboxes/a?epoch=1&instance=beta&number=4", asked[len(asked)-1])
	})
}

// An instance that lost its disk goes on under its name with another key: who knows the earlier one asks for the list before it blames.
func TestASignatureByANewKeyHasTheListOfKeysAskedForAnew(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		list := func(version uint64, keys ...string) Keys {
			ring := feed.Keyring{}
			for _, k := range keys {
				ring["alpha"] = append(ring["alpha"], feed.Key{Public: instanceKey(k).Public().(ed25519.PublicKey)})
			}
			signed, err := NewKeys(ring, version, time.Now(), operatorKey(t))
			require.NoError(t, err)
			return signed
		}
		dir := t.TempDir()
		w.set(func() { w.keys = list(1, "earlier") })
		s := w.follow(dir, nil)
		w.submit(2)
		w.at(2 * window)
		require.ErrorIs(t, <-s.ended, feed.ErrSignature, "the list has no other key")
		w.set(func() { w.keys = list(2, "earlier", "alpha") })
		s = w.follow(dir, nil)
		s.end()
		require.Equal(t, []feed.Epoch{1}, s.sealed)
		require.Empty(t, s.blames)
	})
}

// The key is replaced while its holder says nothing: the thief's signatures of later epochs are refused from the next epoch on, and a list of before
// does not bring the key back, whatever time is on it.
func TestAStolenKeyThatIsReplacedIsRefused(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		list := func(version uint64, issued time.Time, until *feed.Until) Keys {
			k, err := NewKeys(feed.Keyring{"alpha": {{Public: instanceKey("alpha").Public().(ed25519.PublicKey), Until: until}}}, version, issued, operatorKey(t))
			require.NoError(t, err)
			return k
		}
		dir := t.TempDir()
		w.set(func() { w.keys = list(7, time.Now().Add(1000*time.Hour), nil) }) // its operator's clock was ahead
		s := w.follow(dir, nil)
		w.submit(1)
		w.set(func() { w.keys = list(8, time.Now(), &feed.Until{Epoch: 3, Number: feed.SeriesLength}) })
		w.at(2 * window)
		w.at(3 * window)
		require.Equal(t, []feed.Epoch{1, 2}, s.sealed, "what it sealed before it was replaced holds")
		w.set(func() { w.keys = list(7, time.Now().Add(2000*time.Hour), nil) })
		w.at(4 * window)
		require.ErrorIs(t, <-s.ended, feed.ErrSignature)
		_, known, err := ReadArchive(dir)
		require.NoError(t, err)
		require.Equal(t, uint64(8), known.Version)

		s = w.follow(dir, nil)
		require.ErrorIs(t, <-s.ended, feed.ErrSignature, "nor after a start")
		w.set(func() { w.keys = list(9, time.Now(), nil) })
		s = w.follow(dir, nil)
		s.end()
		require.Equal(t, []feed.Epoch{3}, s.sealed, "unless its operator says that it is good again")
	})
}

func TestADirectoryIsOfOneMailboxAndOperator(t *testing.T) {
	played(t, func(t *testing.T, w *world) {
		dir := t.TempDir()
		w.submit(1)
		s := w.follow(dir, nil)
		s.end()
		none := func(context.Context, Delivery) error { return nil }
		_, err := Open(Config{Instances: w, Mailbox: "b", Dir: dir, Deliver: none})
		require.ErrorIs(t, err, ErrOtherMailbox)
		_, err = Open(Config{Instances: w, Mailbox: "a", Operator: chain.Operator{1}, Dir: dir, Deliver: none})
		require.ErrorIs(t, err, ErrOtherOperator)
		require.NoError(t, os.WriteFile(filepath.Join(dir, PlaceFile), []byte("{"), 0o600))
		_, err = Open(Config{Instances: w, Mailbox: "a", Dir: dir, Deliver: none})
		require.Error(t, err)
		_, err = Open(Config{Instances: w, Mailbox: "A B", Deliver: none})
		require.ErrorIs(t, err, feed.ErrMalformed)
		_, err = Open(Config{Mailbox: "a"})
		require.Error(t, err)
	})
}
