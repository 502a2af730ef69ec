package pipeline_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/feedtest"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// A twin does one thing wrong, once.
func once(wrong func([]feed.Record) []feed.Record) func([]feed.Record) []feed.Record {
	var done atomic.Bool // receivers share a twin
	return func(records []feed.Record) []feed.Record {
		if len(records) < 2 || done.Swap(true) {
			return records
		}
		return wrong(slices.Clone(records))
	}
}

var wrongs = map[string]func([]feed.Record) []feed.Record{
	"drops":   func(r []feed.Record) []feed.Record { return r[1:] },
	"alters":  func(r []feed.Record) []feed.Record { r[0].Item.Payload[0] ^= 1; return r },
	"swaps":   func(r []feed.Record) []feed.Record { r[0], r[1] = r[1], r[0]; return r },
	"repeats": func(r []feed.Record) []feed.Record { return append(r, r[len(r)-1]) },
}

func TestAFaultyStageIsNamedAtTheNextEpochAndNobodyElse(t *testing.T) {
	outboxOfA := feed.Actor{Instance: "alpha", Stage: feed.Outbox, Index: uint16(feed.OutboxOf("a", 2))}.String()
	for stage, twist := range map[string]func(*pipeline.Feed, func([]feed.Record) []feed.Record){
		"alpha/inbox":    (*pipeline.Feed).TwistInbox,
		"alpha/inbox ":   (*pipeline.Feed).TwistEntrance,
		"alpha/router":   (*pipeline.Feed).TwistRouter,
		"alpha/receiver": func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistReceiver(0, w) },
		outboxOfA:        func(f *pipeline.Feed, w func([]feed.Record) []feed.Record) { f.TwistOutbox(0, w) },
	} {
		for how, wrong := range wrongs {
			t.Run(stage+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) { twist(f, once(wrong)) })
					i.subscribe(both...)
					i.at(window)
					i.submit(30)
					i.at(2 * window)
					i.submit(30)
					i.at(3 * window)
					named := actors(feed.Audit(i.seal(1)))
					require.Len(t, named, 1)
					require.Contains(t, named[0], strings.TrimSpace(stage))
					require.Empty(t, feed.Audit(i.seal(2)), "it was only once")
					i.close()
				})
			})
		}
	}
}

func TestAStageThatLiesAboutWhatPassedIsNamedAndNobodyElse(t *testing.T) {
	for _, stage := range []feed.Stage{feed.Inbox, feed.Router, feed.Receiver, feed.Outbox} {
		for side, lie := range map[string]func(*feed.Commitment){
			"in":  func(c *feed.Commitment) { c.In = lied(c.In) },
			"out": func(c *feed.Commitment) { c.Out = lied(c.Out) },
		} {
			t.Run(stage.String()+" "+side, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) {
						f.TwistCommitment(func(c feed.Commitment) feed.Commitment {
							if c.Actor.Stage == stage && c.Actor.Index == 0 {
								lie(&c)
							}
							return c
						})
					})
					i.subscribe(both...)
					i.at(window)
					i.submit(30)
					i.at(2 * window)
					s, _ := signer(t)
					blames := feed.Audit(i.seal(1))
					require.Equal(t, []string{s.Actor(stage, 0).String()}, actors(blames))
					require.Equal(t, feed.False, blames[0].Reason)
					i.close()
				})
			})
		}
	}
}

func lied(list []feed.Tally) []feed.Tally {
	list = slices.Clone(list)
	for i := range list {
		list[i].Root[0] ^= 1
	}
	return list
}

// without returns the commitments of a seal but for one, which must be there.
func without(list []feed.Commitment, stage feed.Stage, index uint16) []feed.Commitment {
	return slices.DeleteFunc(slices.Clone(list), func(c feed.Commitment) bool { return c.Actor.Stage == stage && c.Actor.Index == index })
}

// What a sequencer can do to an epoch: it is named by all who read the seal, and no stage whose word it has taken away or altered.
func TestAFaultySequencerIsNamedAtTheNextEpochAndNobodyElse(t *testing.T) {
	seals := map[string]func(feed.Seal) feed.Seal{
		"counts records that nobody numbered": func(s feed.Seal) feed.Seal { s.Count++; return s },
		"seals another epoch's subscriptions": func(s feed.Seal) feed.Seal { s.Subscriptions[0] ^= 1; return s },
		"hides what a link saw": func(s feed.Seal) feed.Seal {
			s.Blames = slices.DeleteFunc(s.Blames, func(b feed.Blame) bool { return b.Reason == feed.False })
			return s
		},
	}
	for _, of := range []feed.Actor{{Stage: feed.Inbox}, {Stage: feed.Router}, {Stage: feed.Receiver, Index: 1}, {Stage: feed.Receiver, Index: 2}, {Stage: feed.Outbox}, {Stage: feed.Outbox, Index: 1}} {
		of.Instance = "alpha"
		seals["drops the commitment of "+of.String()] = func(s feed.Seal) feed.Seal {
			s.Commitments = without(s.Commitments, of.Stage, of.Index)
			return s
		}
		seals["says that nothing came of "+of.String()] = func(s feed.Seal) feed.Seal {
			s.Commitments = without(s.Commitments, of.Stage, of.Index)
			s.Blames = append(s.Blames, feed.Blame{Actor: of, Reason: feed.Missing})
			return s
		}
		seals["alters the commitment of "+of.String()] = func(s feed.Seal) feed.Seal {
			for i := range s.Commitments {
				if c := &s.Commitments[i]; c.Actor == of {
					c.In, c.Out = lied(c.In), lied(c.Out)
				}
			}
			return s
		}
	}
	for how, wrong := range seals {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) {
					f.TwistSeal(func(s feed.Seal) feed.Seal {
						if s.Epoch == 1 {
							return wrong(s)
						}
						return s
					})
					f.TwistCommitment(func(c feed.Commitment) feed.Commitment {
						if strings.HasPrefix(how, "hides") && c.Epoch == 1 && c.Actor.Stage == feed.Router {
							c.Out = lied(c.Out)
						}
						return c
					})
				})
				i.subscribe(both...)
				i.at(window)
				i.submit(30)
				i.at(2 * window)
				i.submit(30)
				i.at(3 * window)
				s, _ := signer(t)
				sequencer := s.Actor(feed.Sequencer, 0).String()
				require.Equal(t, []string{sequencer}, actors(feed.Audit(*i.find(1))))
				require.Empty(t, feed.Audit(i.seal(2)), "it was only once")
				require.Equal(t, []string{sequencer}, i.readersBlame("a"), "a subscriber names it, too")
				require.Equal(t, []string{sequencer}, i.readersBlame("b"))
				i.close()
			})
		})
	}
}

// readersBlame is whom a subscriber of a mailbox blames that reads all of it, or until it cannot go on.
func (i *instance) readersBlame(mailbox string) []string {
	i.t.Helper()
	_, keys := signer(i.t)
	r, err := feed.NewReader("alpha", mailbox, keys, feed.Start{}, feed.Policy{Keep: 10, Then: feed.Drop})
	require.NoError(i.t, err)
	var blames []feed.Blame
	sealed := feed.Epoch(2)
	err = pipeline.Past(i.t.Context(), i.log, mailbox, &pipeline.Position{}, feed.Number(len(i.entries(mailbox))), &sealed, func(n pipeline.News) error {
		if n.Seal == nil {
			return r.Entry(n.Delivered.Entry, n.Delivered.Payload)
		}
		found, err := r.Seal(*n.Seal, n.Subscriptions)
		blames = append(blames, found...)
		return err
	})
	var blame feed.Blame
	if err != nil {
		require.ErrorAs(i.t, err, &blame)
		blames = append(blames, blame)
	}
	return actors(blames)
}

func TestASequencerThatEndsAnEpochAtAnotherHeightIsNamedAndNobodyElse(t *testing.T) {
	for how, twin := range map[string]struct {
		with   func(h chain.Height, honest feed.Epoch) feed.Epoch
		blamed feed.Epoch
	}{
		"before its window is over": {func(h chain.Height, honest feed.Epoch) feed.Epoch {
			if h == 2*window+5 {
				return honest + 1
			}
			return honest
		}, 2},
		"long after": {func(h chain.Height, honest feed.Epoch) feed.Epoch {
			if h >= 3*window && h < 3*window+5 {
				return honest - 1
			}
			return honest
		}, 2},
		"that never began": {func(h chain.Height, honest feed.Epoch) feed.Epoch {
			if h == window {
				return honest + 1
			}
			return honest
		}, 2},
	} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := start(t, feedtest.New(), 0, func(f *pipeline.Feed) { f.TwistEpochs(twin.with) })
				i.subscribe(both...)
				i.at(window)
				for _, h := range []chain.Height{2 * window, 2*window + 5, 3 * window, 3*window + 5, 4 * window, 5 * window} {
					i.submit(10)
					i.at(h)
				}
				s, _ := signer(t)
				for e := feed.Epoch(1); e <= 4; e++ {
					if i.find(e) == nil {
						require.Less(t, e, twin.blamed)
						continue
					}
					var want []feed.Blame
					if e == twin.blamed {
						want = []feed.Blame{{Actor: s.Actor(feed.Sequencer, 0), Reason: feed.Untimely}}
					}
					require.Equal(t, want, feed.Audit(i.seal(e)), "epoch %d", e)
				}
				require.NotNil(t, i.find(twin.blamed))
				i.close()
			})
		})
	}
}
