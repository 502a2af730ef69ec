package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// subscriber reads all there is of a mailbox, and what its reader finds.
type subscriber struct {
	*feed.Reader
	blames   []feed.Blame
	payloads int // that could not be used
	wrong    error
}

var errAll = errors.New("that is all")

func (i *instance) read(mailbox string, until feed.Epoch, policy feed.Policy) *subscriber {
	i.t.Helper()
	_, keys := signer(i.t)
	r, err := feed.NewReader("alpha", mailbox, keys, feed.Start{}, policy)
	require.NoError(i.t, err)
	s := &subscriber{Reader: r}
	err = i.feed.Follow(i.t.Context(), mailbox, pipeline.Position{}, func(n pipeline.News) error {
		if n.Delivered != nil {
			err := s.Entry(n.Delivered.Entry, n.Delivered.Payload)
			if errors.Is(err, feed.ErrPayload) {
				s.payloads++
				return nil
			}
			return err
		}
		found, err := s.Seal(*n.Seal, n.Subscriptions)
		s.blames = append(s.blames, found...)
		if err == nil && n.Seal.Epoch == until {
			return errAll
		}
		return err
	})
	if !errors.Is(err, errAll) {
		s.wrong = err
	}
	return s
}

var plenty = feed.Policy{Keep: 100, Then: feed.Drop}

func TestSubscribersOfAnHonestFeedAgreeAndBlameNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t, feedtest.New(), 0, nil)
		i.subscribe(append(both, feed.Subscription{Mailbox: "c", Wallets: []chain.WalletID{wallet(1)}, Kinds: []feed.Kind{feed.KindFault}})...)
		i.at(window)
		for e := chain.Height(2); e < 6; e++ {
			i.submit(20)
			i.at(e * window)
		}
		_, keys := signer(t)
		a, b, c := i.read("a", 4, plenty), i.read("b", 4, plenty), i.read("c", 4, plenty)
		for _, s := range []*subscriber{a, b, c} {
			require.NoError(t, s.wrong)
			require.Empty(t, s.blames)
			require.Zero(t, s.payloads)
		}
		for _, pair := range [][2]*subscriber{{a, b}, {b, a}, {a, c}} {
			found, blames, err := feed.Compare(t.Context(), pair[0].Export(), pair[1].Export(), keys)
			require.NoError(t, err)
			require.Empty(t, blames)
			require.Empty(t, found)
		}
		i.close()
	})
}

// One mailbox of two gets something else. Its subscriber is told by the seal; the two of them find the record and prove it to others.
func TestTwoSubscribersProveWhichStageTreatedThemDifferently(t *testing.T) {
	outboxOfA := feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}
	for stage, twist := range map[string]func(*pipeline.Feed, func([]feed.Record) []feed.Record){
		"receiver": func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistReceiver(0, w) },
		"outbox":   func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistOutbox(0, w) },
	} {
		for how, wrong := range wrongs {
			t.Run(stage+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var culprit feed.Record
					i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) {
						twist(f, once(func(r []feed.Record) []feed.Record {
							if culprit = r[0]; how == "repeats" {
								culprit = r[len(r)-1]
							}
							return wrong(r)
						}))
					})
					i.subscribe(both...)
					i.at(window)
					i.submit(30)
					i.at(2 * window)
					i.submit(30)
					i.at(3 * window)
					guilty := outboxOfA
					if stage == "receiver" {
						shard := slices.IndexFunc(i.entries("b"), func(e feed.Entry) bool { return e.Record.Seq == culprit.Seq })
						guilty = feed.Actor{Instance: "alpha", Stage: feed.Receiver, Index: i.entries("b")[shard].Shard}
					}
					a, b := i.read("a", 2, plenty), i.read("b", 2, plenty)
					require.NoError(t, a.wrong)
					require.NoError(t, b.wrong)
					require.Equal(t, []string{guilty.String()}, actors(a.blames))
					require.Equal(t, []string{guilty.String()}, actors(b.blames))

					_, keys := signer(t)
					found, blames, err := feed.Compare(t.Context(), b.Export(), a.Export(), keys)
					require.NoError(t, err)
					require.Equal(t, []string{guilty.String()}, actors(blames))
					require.Len(t, found, 1)
					f := found[0]
					fault := map[string]feed.Fault{"drops": feed.Lacks, "alters": feed.Differs, "swaps": feed.Disorders, "repeats": feed.Disorders}[how]
					require.Equal(t, fault, f.Proof.Fault)
					of := func(s *subscriber, mailbox, other string) feed.Trail {
						return feed.TrailOf("alpha", mailbox, s.Export().Epochs, other, 0)
					}
					match := of(a, "a", "b").Follow("b", b.Export().Epochs)
					require.True(t, match.Differs, "by their trails, too")
					require.EqualValues(t, 1, match.At)
					require.Equal(t, culprit.Item.Wallet, f.Wallet)
					require.EqualValues(t, 1, f.Epoch)
					require.Equal(t, culprit.Seq, f.Seq)
					require.Equal(t, guilty, f.Proof.Accused)
					last := f.Trace[len(f.Trace)-1]
					require.True(t, last.Accepts)
					for _, before := range f.Trace[:len(f.Trace)-1] {
						require.False(t, before.Accepts, "it passes the blame on")
					}
					wantProof(t, *f.Proof, keys)
					i.close()
				})
			})
		}
	}
}

// wantProof shows that a proof holds for others, and no longer with any bit of it changed.
func wantProof(t *testing.T, p feed.Proof, keys feed.Keyring) {
	t.Helper()
	data := p.Encode()
	read, err := feed.DecodeProof(data)
	require.NoError(t, err)
	require.NoError(t, read.Verify(keys))
	require.ErrorIs(t, read.Verify(feed.Keyring{}), feed.ErrUnknownInstance)
	for i := range data {
		if i > 100 && i < 100+len(p.Seal.Encode()) {
			continue // a seal's bits are TestEveryBitOfASealIsSigned's
		}
		data[i] ^= 1 << (i % 8)
		if changed, err := feed.DecodeProof(data); err == nil {
			require.Error(t, changed.Verify(keys), "byte %d of %d", i, len(data))
		}
		data[i] ^= 1 << (i % 8)
	}
	innocent := read
	innocent.Accused = feed.Actor{Instance: "alpha", Stage: feed.Router}
	require.ErrorIs(t, innocent.Verify(keys), feed.ErrProof)
}

// oneMailboxWrong runs an instance of which a receiver or an outbox does something wrong for the second of two mailboxes. It returns what the
// second one's subscriber got, and what shows when the two compare.
func oneMailboxWrong(
	t *testing.T, receiver bool, wrong func([]feed.Record) []feed.Record, sizes []int,
) (i *instance, b *subscriber, found []feed.Finding) {
	t.Helper()
	i = start(t, feedtest.New(), 0, func(f *pipeline.Feed) {
		if receiver {
			f.TwistReceiver(1, wrong)
		} else {
			f.TwistOutbox(1, wrong)
		}
	})
	i.subscribe(both...)
	i.at(window)
	for n, size := range sizes {
		i.submit(size)
		i.at(chain.Height(n+2) * window)
	}
	_, keys := signer(t)
	until := feed.Epoch(len(sizes))
	a, b := i.read("a", until, plenty), i.read("b", until, plenty)
	found, _, err := feed.Compare(t.Context(), a.Export(), b.Export(), keys)
	require.NoError(t, err)
	return i, b, found
}

// Whatever a stage drops from or alters for one mailbox, the proof names that stage and the first record.
func TestAnyDropOrAlterationForOneMailboxIsProved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		victims := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 40), 1, 5, rapid.ID[uint64]).Draw(rt, "messages")
		receiver, alter := rapid.Bool().Draw(rt, "receiver"), rapid.Bool().Draw(rt, "alter")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 20), 2, 4).Draw(rt, "messages at a time")
		synctest.Test(t, func(t *testing.T) {
			wrong := func(list []feed.Record) (out []feed.Record) {
				for _, rec := range list {
					if !slices.Contains(victims, rec.Item.Number) {
						out = append(out, rec)
					} else if alter {
						rec.Item.Kind = feed.KindAction
						out = append(out, rec)
					}
				}
				return out
			}
			i, _, found := oneMailboxWrong(t, receiver, wrong, sizes)
			_, keys := signer(t)
			for w := range 7 {
				first := uint64(0)
				for _, v := range victims {
					if v <= i.sent && v%7 == uint64(w) && (first == 0 || v < first) {
						first = v
					}
				}
				at := slices.IndexFunc(found, func(f feed.Finding) bool { return f.Wallet == wallet(w) })
				if first == 0 {
					require.Negative(t, at)
					continue
				}
				require.GreaterOrEqual(t, at, 0)
				f := found[at]
				require.EqualValues(t, first, f.Seq)
				require.NoError(t, f.Proof.Verify(keys))
				if receiver {
					require.Equal(t, feed.Receiver, f.Proof.Accused.Stage)
				} else {
					require.Equal(t, feed.Outbox, f.Proof.Accused.Stage)
				}
			}
			i.close()
		})
	})
}

func TestAnInstanceThatSealsTwiceIsProvedToHaveDoneSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, keys := signer(t)
		var readers []*subscriber
		for n, mailbox := range []string{"a", "b"} { // an instance that keeps two logs
			i := start(t, feedtest.New(), 0, nil)
			i.subscribe(both...)
			i.at(window)
			i.submit(5 + n)
			i.at(2 * window)
			readers = append(readers, i.read(mailbox, 1, plenty))
			i.close()
		}
		found, _, err := feed.Compare(t.Context(), readers[0].Export(), readers[1].Export(), keys, wallet(1))
		require.NoError(t, err)
		require.Len(t, found, 1)
		f := found[0]
		require.Equal(t, feed.TwoSeals, f.Proof.Fault)
		require.Equal(t, feed.Actor{Instance: "alpha"}, f.Proof.Accused)
		require.NoError(t, f.Proof.Verify(keys))
		back, err := feed.DecodeProof(f.Proof.Encode())
		require.NoError(t, err)
		require.NoError(t, back.Verify(keys))
		same := *f.Proof
		same.Other = &same.Seal
		require.ErrorIs(t, same.Verify(keys), feed.ErrProof)
	})
}

func TestASubscriberKeepsUnverifiedEpochsAsItsPolicySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := start(t, feedtest.New(), 0, nil)
		i.subscribe(both...)
		i.at(window)
		for e := chain.Height(2); e < 8; e++ {
			i.submit(5)
			i.at(e * window)
		}
		epochs := func(s *subscriber) (whole, compressed []feed.Epoch) {
			for _, k := range s.Kept() {
				if k.Heads != nil {
					compressed = append(compressed, k.Epoch)
				} else {
					whole = append(whole, k.Epoch)
				}
			}
			return whole, compressed
		}
		whole, compressed := epochs(i.read("a", 6, feed.Policy{Keep: 2, Then: feed.Drop}))
		require.Equal(t, []feed.Epoch{5, 6}, whole)
		require.Empty(t, compressed)

		s := i.read("a", 6, feed.Policy{Keep: 2, Then: feed.Compress})
		whole, compressed = epochs(s)
		require.Equal(t, []feed.Epoch{5, 6}, whole)
		require.Equal(t, []feed.Epoch{1, 2, 3, 4}, compressed)
		other := i.read("b", 6, feed.Policy{Keep: 1, Then: feed.Compress})
		for n := range 4 {
			require.Equal(t, s.Kept()[n].Heads.Seal, other.Kept()[n].Heads.Seal)
		}
		require.Len(t, s.Export().Epochs, 2)

		s = i.read("a", 6, feed.Policy{Keep: 2, Then: feed.Hold})
		require.ErrorIs(t, s.wrong, feed.ErrUnverified)
		s.VerifiedIn(0, 1)
		whole, _ = epochs(s)
		require.Equal(t, []feed.Epoch{1, 2}, whole, "what is verified goes when the next one comes")
		i.close()
	})
}

// oneEpoch starts an instance, and ends an epoch in which five records went to both mailboxes.
func oneEpoch(t *testing.T, bound uint64) (*instance, feed.Keyring) {
	i := start(t, feedtest.New(), bound, nil)
	i.subscribe(both...)
	i.at(window)
	i.submit(5)
	i.at(2 * window)
	_, keys := signer(t)
	return i, keys
}

func TestAReaderRefusesWhatDoesNotContinueItsChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, keys := oneEpoch(t, 3)
		list := i.entries("a") // three records and a gap
		require.Len(t, list, 4)
		payload := func(e feed.Entry) []byte {
			page, err := i.log.Entries(t.Context(), "a", e.Number-1, 1)
			require.NoError(t, err)
			return page[0].Payload
		}
		reader := func() *feed.Reader {
			r, err := feed.NewReader("alpha", "a", keys, feed.Start{}, plenty)
			require.NoError(t, err)
			require.NoError(t, r.Entry(list[0], payload(list[0])))
			return r
		}
		for name, change := range map[string]func(*feed.Entry){
			"left out":         func(e *feed.Entry) { *e = list[2] },
			"another mailbox":  func(e *feed.Entry) { e.Mailbox = "b" },
			"another link":     func(e *feed.Entry) { e.Previous[3] ^= 1 },
			"repeated":         func(e *feed.Entry) { *e = list[0] },
			"a foreign shard":  func(e *feed.Entry) { e.Shard = feed.MaxShards },
			"an unsigned gap":  func(e *feed.Entry) { e.Gap = &feed.Gap{Outbox: feed.Actor{Instance: "alpha"}} },
			"a stranger's gap": func(e *feed.Entry) { e.Gap = &feed.Gap{Outbox: feed.Actor{Instance: "beta"}} },
		} {
			r, e := reader(), list[1]
			change(&e)
			require.Error(t, r.Entry(e, payload(list[1])), name)
			require.EqualValues(t, 1, r.At().Number, name)
		}
		r := reader()
		require.ErrorIs(t, r.Entry(list[1], []byte("another payload")), feed.ErrPayload)
		require.NoError(t, r.Entry(list[2], payload(list[2])))
		require.NoError(t, r.Entry(list[3], nil))
		seal := i.seal(1)
		subs, err := i.log.Subscriptions(t.Context(), 1)
		require.NoError(t, err)
		foreign := seal
		foreign.Actor.Instance = "beta"
		_, err = r.Seal(foreign, subs)
		require.ErrorIs(t, err, feed.ErrSignature)
		nobody, err := feed.NewSubscriptions(1, nil)
		require.NoError(t, err)
		_, err = r.Seal(seal, nobody)
		require.ErrorContains(t, err, "other subscriptions")
		blames, err := r.Seal(seal, subs)
		require.NoError(t, err)
		require.Equal(t, []feed.Blame{{Actor: feed.Actor{Instance: "alpha"}, Reason: feed.Delivery, Seq: list[1].Record.Seq}}, blames,
			"the payload is nobody's but the instance's; the gap excuses what is not there")
		_, err = r.Seal(seal, subs)
		require.ErrorIs(t, err, feed.ErrSkipped, "the same seal does not follow itself")
		i.close()
	})
}

func TestAMailboxThatHoldsLessThanWasCommittedToIsNoticedAtTheSeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, keys := oneEpoch(t, 0)
		r, err := feed.NewReader("alpha", "a", keys, feed.Start{}, plenty)
		require.NoError(t, err)
		page, err := i.log.Entries(t.Context(), "a", 0, 4) // the last one is withheld
		require.NoError(t, err)
		for _, d := range page {
			require.NoError(t, r.Entry(d.Entry, d.Payload))
		}
		subs, err := i.log.Subscriptions(t.Context(), 1)
		require.NoError(t, err)
		blames, err := r.Seal(i.seal(1), subs)
		require.NoError(t, err)
		require.Equal(t, []string{"alpha/outbox/0"}, actors(blames)[:1])
		i.close()
	})
}

func TestWhatAMissingOutboxOwesIsVerifiedWhenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := feedtest.New()
		stuck, hung := true, make(chan struct{})
		log.Before = func(ctx context.Context, call string, mailboxes []string) error {
			if stuck && call == "append" && mailboxes[0] == "a" {
				select {
				case <-hung:
				case <-ctx.Done():
				}
			}
			return ctx.Err()
		}
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(10)
		i.at(2 * window)
		i.blocks(2*window+1, 2*window+10)
		_, keys := signer(t)
		early := i.read("b", 1, plenty)
		require.Len(t, early.blames, 1)
		stuck = false
		close(hung)
		synctest.Wait()
		for e := chain.Height(3); e < 5; e++ {
			i.submit(5)
			i.at(e * window)
		}
		a, b := i.read("a", 3, plenty), i.read("b", 3, plenty)
		require.NoError(t, a.wrong)
		missing := feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}
		require.Equal(t, []string{missing.String()}, actors(a.blames))
		for _, blame := range a.blames {
			require.Equal(t, feed.Missing, blame.Reason)
		}
		require.Len(t, a.Kept(), 3)
		found, _, err := feed.Compare(t.Context(), a.Export(), b.Export(), keys)
		require.NoError(t, err)
		require.Empty(t, found, "late is not different")
		i.close()
	})
}

// Records flow on while an epoch is sealed, so that a subscriber may have entries of the next one first. Nobody is to blame for it.
func TestEntriesOfTheNextEpochMayComeBeforeASeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, release := feedtest.New(), make(chan struct{})
		log.Before = func(_ context.Context, call string, _ []string) error {
			if call == "seal" {
				<-release
			}
			return nil
		}
		i := start(t, log, 0, nil)
		i.subscribe(both...)
		i.at(window)
		i.submit(5)
		_, keys := signer(t)
		r, err := feed.NewReader("alpha", "a", keys, feed.Start{}, feed.Policy{Keep: 9, Then: feed.Drop})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended, order := make(chan error, 1), []string(nil)
		go func() {
			ended <- i.feed.Follow(ctx, "a", pipeline.Position{}, func(n pipeline.News) error {
				if n.Delivered != nil {
					order = append(order, fmt.Sprint("entry of ", n.Delivered.Entry.Epoch()))
					return r.Entry(n.Delivered.Entry, n.Delivered.Payload)
				}
				order = append(order, fmt.Sprint("seal of ", n.Seal.Epoch))
				blames, err := r.Seal(*n.Seal, n.Subscriptions)
				require.Empty(t, blames, "seal of epoch %d", n.Seal.Epoch)
				return err
			})
		}()
		i.at(2 * window)
		i.submit(2)
		close(release)
		synctest.Wait()
		i.at(3 * window)
		require.Equal(t, []string{"entry of 2", "entry of 2", "seal of 1", "seal of 2"}, order[5:])
		require.Len(t, r.Kept(), 2)
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
		i.close()
	})
}

// Whatever a stage repeats or puts out of order for one mailbox, the proof names that stage and, of each wallet, the first record.
func TestAnyDisorderForOneMailboxIsProved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		victims := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 40), 1, 5, rapid.ID[uint64]).Draw(rt, "messages")
		receiver, repeat := rapid.Bool().Draw(rt, "receiver"), rapid.Bool().Draw(rt, "repeat")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 20), 2, 4).Draw(rt, "messages at a time")
		synctest.Test(t, func(t *testing.T) {
			wrong := func(list []feed.Record) (out []feed.Record) {
				for n, rec := range list {
					out = append(out, rec)
					switch {
					case !slices.Contains(victims, rec.Item.Number):
					case repeat:
						out = append(out, rec)
					case n > 0:
						out[n-1], out[n] = out[n], out[n-1]
					}
				}
				return out
			}
			i, b, found := oneMailboxWrong(t, receiver, wrong, sizes)
			_, keys := signer(t)
			first := map[chain.WalletID]feed.Seq{}
			for _, k := range b.Export().Epochs {
				for n, e := range k.Entries {
					astray := slices.ContainsFunc(k.Entries[:n], func(o feed.Entry) bool { return o.Shard == e.Shard && o.Record.Seq >= e.Record.Seq })
					if w := e.Record.Item.Wallet; astray && (first[w] == 0 || e.Record.Seq < first[w]) {
						first[w] = e.Record.Seq
					}
				}
			}
			require.Len(t, found, len(first))
			for _, f := range found {
				require.Equal(t, first[f.Wallet], f.Seq)
				require.Equal(t, feed.Disorders, f.Proof.Fault)
				require.NoError(t, f.Proof.Verify(keys))
				require.Equal(t, receiver, f.Proof.Accused.Stage == feed.Receiver)
				require.Equal(t, !receiver, f.Proof.Accused.Stage == feed.Outbox)
			}
			i.close()
		})
	})
}
