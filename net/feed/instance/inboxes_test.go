package instance_test

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/instance"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// account is what a mailbox was given at the instance that has it, since it came there.
type account struct {
	entries []feed.Entry
	seals   []feed.Seal
}

// account reads all of a mailbox at an instance to which it was moved.
func (h *house) account(mailbox, name string) (a account) {
	ctx, stop := context.WithCancel(h.ctx)
	done := make(chan error, 1)
	go func() {
		done <- h.runs[name].instance.Follow(ctx, mailbox, pipeline.Position{}, func(n pipeline.News) error {
			switch {
			case n.Handover != nil:
				a = account{}
			case n.Seal != nil:
				a.seals = append(a.seals, *n.Seal)
			default:
				a.entries = append(a.entries, n.Delivered.Entry)
			}
			return nil
		})
	}()
	time.Sleep(2 * instance.Pace)
	synctest.Wait()
	stop()
	require.ErrorIs(h.t, <-done, context.Canceled)
	return a
}

// throughInbox expects that what a mailbox was given of an epoch is, of each source that it has something of, what the inbox of the instance
// that has it committed to: so many, and these in this order. It returns how many there are of each source in that inbox, and in the mailbox.
func (a account) throughInbox(t *testing.T, s feed.Seal) (taken, given map[string]int) {
	t.Helper()
	require.Empty(t, feed.Audit(s))
	c, ok := s.CommitmentOf(feed.Actor{Instance: s.Actor.Instance, Stage: feed.Inbox})
	require.True(t, ok)
	items := map[string][]feed.Item{}
	for _, e := range a.entries {
		if e.Record.Epoch == s.Epoch {
			items[e.Record.Item.Source] = append(items[e.Record.Item.Source], e.Record.Item)
		}
	}
	taken, given = map[string]int{}, map[string]int{}
	for _, tally := range c.Out {
		if tally.Label.Way != feed.BySource {
			continue
		}
		source := tally.Label.Name
		taken[source] = int(tally.Count) //nolint:gosec // few
		if of := items[source]; len(of) > 0 {
			slices.SortFunc(of, func(a, b feed.Item) int { return cmp.Compare(a.Number, b.Number) }) // a mailbox has the order of each wallet
			var leaves []feed.Hash
			for _, item := range of {
				leaves = append(leaves, item.Hash())
			}
			given[source] = len(of)
			require.Equal(t, tally.Root, feed.RootOf(leaves), "epoch %d, %s", s.Epoch, source)
		}
		delete(items, source)
	}
	require.Empty(t, items, "through no inbox")
	return taken, given
}

// With its mailbox the inbox moves through which a mailbox's sources reach it, those of the old instance too, whether that still runs or is
// gone: from the move on the new instance's inbox has committed to each item, what came before its own epoch by the mailbox's own source,
// and nothing is lost or repeated.
func TestTheInboxThatASourceUsesMovesWithTheMailbox(t *testing.T) {
	for what, gone := range map[string]bool{"the old instance runs": false, "the old instance is gone": true} {
		t.Run(what, func(t *testing.T) {
			couple(t, "", func(t *testing.T, h *house) {
				reader := h.subscriber("all")
				h.tell("alpha", 3)
				h.tell("beta", 2)
				h.turn()
				h.tell("alpha", 5)
				h.tell("beta", 4)
				h.rest()
				reader.read()
				if gone {
					h.kill("alpha")
					h.tell("alpha", 2) // it had told this when it died, and taken it in itself no more
				}
				h.move("all", "beta")
				h.turn()
				h.tell("alpha", 6)
				h.tell("beta", 7)
				h.turn()
				h.tell("alpha", 8)
				h.tell("beta", 9)
				h.turn()
				h.turn()
				reader.read()
				reader.wantAll(0, 1, 2, 3)
				require.Equal(t, 1, reader.moves)

				a := h.account("all", "beta")
				require.Len(t, a.seals, 3)
				total := 0
				for i, s := range a.seals {
					require.Equal(t, "beta", s.Actor.Instance)
					taken, given := a.throughInbox(t, s)
					switch i {
					case 0: // it has been repeated for the mailbox what the sources' own numbers were given for already
						require.Positive(t, taken["alpha"])
						require.Equal(t, map[string]int{"to.all": taken["to.all"]}, given)
					case 1:
						require.Equal(t, map[string]int{"alpha": 8, "beta": 9}, taken)
						require.Equal(t, taken, given)
					default:
						require.Empty(t, taken)
					}
					for _, n := range given {
						total += n
					}
				}
				require.Equal(t, len(a.entries), total, "all of it passed the new instance's inbox")
				for name := range h.runs {
					h.kill(name)
				}
			})
		})
	}
}
