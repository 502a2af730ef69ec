package instance

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// skipped is how many numbers of a mailbox are left out after the last one that is known to have been told: more than are told in an epoch.
const skipped = 1 << 32

// recall holds the log against the instance's own files. What was told must not be told otherwise: a log that lacks a seal or an entry,
// because its database was put back, goes on after the last seal, and the subscribers of each mailbox are told of the loss.
func (i *Instance) recall(ctx context.Context) error {
	if i.journal.path == "" {
		return nil
	}
	last, found, err := i.journal.read()
	if err != nil {
		return err
	}
	seen, err := i.marks.read()
	if err != nil {
		return err
	}
	if found = found && last.seal.Actor.Instance == i.name; !found {
		last = told{}
	}
	lost, err := i.lacks(ctx, &last)
	if err != nil {
		return err
	}
	homes, err := i.cfg.Ledger.Homes(ctx)
	if err != nil {
		return fmt.Errorf("look where the mailboxes are: %w", err)
	}
	stored := map[string]mark{}
	for mailbox, home := range homes {
		if home != i.name {
			continue
		}
		there, whole, err := i.has(ctx, mailbox, seen[mailbox])
		if err != nil {
			return err
		}
		stored[mailbox], lost = there, lost || !whole
	}
	if lost {
		if stored, err = i.resume(ctx, last, homes, seen); err != nil {
			return err
		}
	}
	return i.marks.begin(stored)
}

// lacks is whether the log lacks the seal that was told last. One that it lacks nothing else of is stored. If the log has it, or was never
// told one, last becomes what the log has.
func (i *Instance) lacks(ctx context.Context, last *told) (bool, error) {
	state, err := i.log.State(ctx)
	if err != nil {
		return false, fmt.Errorf("read the feed's state: %w", err)
	}
	if last.subs != nil && (state.Sealed == nil || state.Sealed.Epoch < last.seal.Epoch) {
		whole, err := pipeline.Holds(ctx, i.log, last.seal, pipeline.DefaultShards)
		if err != nil || !whole {
			return true, err
		}
		if err := i.log.Seal(ctx, last.seal); err != nil { // stopped between the two, or it could not be written just then
			return false, fmt.Errorf("store the seal of epoch %d: %w", last.seal.Epoch, err)
		}
		return false, nil
	}
	if state.Sealed == nil {
		return false, nil
	}
	if last.subs != nil {
		if err := i.forked(ctx, last.seal); err != nil {
			return false, err
		}
	}
	subs, err := i.log.Subscriptions(ctx, state.Sealed.Epoch)
	if err != nil {
		return false, fmt.Errorf("read subscriptions of epoch %d: %w", state.Sealed.Epoch, err)
	}
	*last = told{seal: *state.Sealed, subs: subs, last: make([]feed.Number, subs.Len())}
	return false, nil
}

// has tells where a mailbox stands, and whether it has the entry that was marked.
func (i *Instance) has(ctx context.Context, mailbox string, k mark) (mark, bool, error) {
	m, err := i.log.Mailbox(ctx, mailbox, never)
	if err != nil {
		return mark{}, false, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	there := mark{m.Last, m.Head}
	if k.number == 0 || k.number >= m.Last {
		return there, k.number < m.Last || k == there || k.number == 0, nil
	}
	page, err := i.log.Entries(ctx, mailbox, k.number-1, 1)
	if err != nil {
		return mark{}, false, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	// What is gone was acknowledged.
	return there, len(page) == 0 || page[0].Entry.Number != k.number || page[0].Entry.Hash() == k.head, nil
}

// forked tells of a log in which another seal stands in the journal's place: something else has sealed with this instance's key. That
// cannot be mended here.
func (i *Instance) forked(ctx context.Context, journal feed.Seal) error {
	stored, err := i.log.NextSeal(ctx, max(journal.Epoch, 1)-1)
	if err != nil {
		return fmt.Errorf("read seal: %w", err)
	}
	if stored != nil && stored.Epoch == journal.Epoch && stored.Hash() != journal.Hash() {
		i.cfg.Logger.Error("The database has another seal of an epoch than this instance told: its data directory, or the database, was used elsewhere meanwhile. Subscribers that saw both can prove it",
			"epoch", uint64(journal.Epoch))
	}
	return nil
}

// resume has the log go on after the last seal, and returns where its mailboxes stand then.
func (i *Instance) resume(ctx context.Context, last told, homes map[string]string, seen map[string]mark) (map[string]mark, error) {
	homes = maps.Clone(homes)
	if homes == nil {
		homes = map[string]string{}
	}
	var err error
	for mailbox := range seen { // a database may have forgotten a mailbox altogether
		if homes[mailbox] == "" {
			if homes[mailbox], err = i.cfg.Ledger.Claim(ctx, mailbox); err != nil {
				return nil, fmt.Errorf("open mailbox %s: %w", mailbox, err)
			}
		}
	}
	var losses []feed.Handover
	stored := map[string]mark{}
	for _, mailbox := range slices.Sorted(maps.Keys(homes)) {
		if homes[mailbox] != i.name {
			continue
		}
		h, err := i.loss(ctx, mailbox, last, seen[mailbox])
		if err == nil {
			err = i.signed(ctx, h)
		}
		if err != nil {
			return nil, err
		}
		losses, stored[mailbox] = append(losses, h), mark{h.Goes(), h.Head}
	}
	var after *feed.Seal
	if last.subs != nil {
		after = &last.seal
	}
	if err := i.cfg.Ledger.Resume(ctx, after, last.subs, losses); err != nil {
		return nil, fmt.Errorf("go on after a loss: %w", err)
	}
	i.counts.losses.Add(uint64(len(losses)))
	i.cfg.Logger.Error("The database lacks what this instance has told: it was put back to an earlier state. The feed goes on after its last seal, and subscribers are told of the loss",
		"epoch", uint64(last.seal.Epoch), "mailboxes", len(losses))
	return stored, nil
}

// loss is the instance's word on what is left of a mailbox.
func (i *Instance) loss(ctx context.Context, mailbox string, last told, k mark) (feed.Handover, error) {
	came, err := i.came(ctx, mailbox)
	if err != nil {
		return feed.Handover{}, err
	}
	var after *feed.Seal
	if last.subs != nil {
		after = &last.seal
	}
	stand, err := pipeline.Remains(ctx, i.log, mailbox, came, after, pipeline.DefaultOutboxes)
	if err != nil {
		return feed.Handover{}, err
	}
	h := handover(mailbox, i.name, i.name, stand)
	if after != nil {
		h.Follows, h.Before, h.Previous = true, after.Epoch, after.Hash()
	}
	h.Skips = uint64(max(last.numberOf(mailbox), k.number, h.Number)-h.Number) + skipped
	if h.Lost, err = i.lost(ctx, h.Positions); err != nil {
		return h, err
	}
	return h, h.Take(i.cfg.Signer)
}

// signed signs for a mailbox that was given to this instance, as far as its log knows not taken: subscribers of the instance before come
// here by that, and then by the loss. The log has nothing of it: it begins after the same seal.
func (i *Instance) signed(ctx context.Context, loss feed.Handover) error {
	moves, err := i.cfg.Ledger.Moves(ctx, loss.Mailbox)
	if err != nil {
		return fmt.Errorf("read the moves of mailbox %s: %w", loss.Mailbox, err)
	}
	if n := len(moves); n == 0 || moves[n-1].Taken {
		return nil
	}
	m := lastCrossing(moves)
	h := m.Handover
	h.Follows, h.Before, h.Previous, h.Lost = loss.Follows, loss.Before, loss.Previous, loss.Lost
	if err := h.Take(i.cfg.Signer); err != nil {
		return err
	}
	if _, err := i.cfg.Ledger.Take(ctx, loss.Mailbox, m.Number, h); err != nil {
		return fmt.Errorf("sign for mailbox %s: %w", loss.Mailbox, err)
	}
	return nil
}

// came is how a mailbox came to where it is; nil if it has been there from its beginning.
func (i *Instance) came(ctx context.Context, mailbox string) (*pipeline.Came, error) {
	moves, err := i.cfg.Ledger.Moves(ctx, mailbox)
	if err != nil {
		return nil, fmt.Errorf("read the moves of mailbox %s: %w", mailbox, err)
	}
	n := len(moves)
	if n == 0 {
		return nil, nil //nolint:nilnil // no move is an answer
	}
	last := moves[n-1]
	return &pipeline.Came{Positions: last.Handover.Positions, Taken: last.Taken, First: last.Handover.First()}, nil
}
