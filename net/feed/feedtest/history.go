package feedtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// kept are seeds of histories that were told differently once: a page of records of which some had been collected was too short.
var kept = []uint64{15201299823265492306}

// testHistories runs random histories, right and wrong calls alike, on a log and on that in memory, and compares all that can be read.
func testHistories(t *testing.T, histories int, making func(t *testing.T) (open func() pipeline.Log)) {
	seeds := slices.Clone(kept)
	for range histories {
		seeds = append(seeds, rand.Uint64())
	}
	for _, seed := range seeds {
		t.Logf("seed %d", seed)
		open := making(t)
		h := &history{
			t: t, open: open, log: open(), model: New(), draw: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // a test's own draws
			last: map[string]feed.Entry{},
		}
		for range 60 {
			h.step()
			if t.Failed() {
				return
			}
		}
		h.same()
	}
}

// history is one under way.
type history struct {
	t     *testing.T
	open  func() pipeline.Log
	log   pipeline.Log
	model *Log
	draw  *rand.Rand

	epoch   feed.Epoch // the last one opened
	sealed  feed.Epoch
	through feed.Seq // the last record that is sealed
	records []pipeline.Accepted
	last    map[string]feed.Entry
}

// both runs a call on both logs. They agree whether it was refused.
func (h *history) both(call func(ctx context.Context, l pipeline.Log) error) bool {
	h.t.Helper()
	ctx := h.t.Context()
	ours, theirs := call(ctx, h.model), call(ctx, h.log)
	require.Equal(h.t, errors.Is(ours, pipeline.ErrOrder), errors.Is(theirs, pipeline.ErrOrder), "%v and %v", ours, theirs)
	require.Equal(h.t, ours == nil, theirs == nil, "%v and %v", ours, theirs)
	return ours == nil
}

func (h *history) mailbox() string { return []string{"a", "b", "c"}[h.draw.IntN(3)] }

func (h *history) step() {
	h.t.Helper()
	switch h.draw.IntN(10) {
	case 0, 1:
		e := h.epoch + feed.Epoch(h.draw.IntN(3)) //nolint:gosec // small; the same one again is refused
		opened := term(h.t, e, uint64(h.draw.IntN(4)))
		if h.both(func(ctx context.Context, l pipeline.Log) error { return l.Open(ctx, opened) }) {
			h.epoch = e
		}
	case 2, 3, 4:
		h.accept()
	case 5, 6:
		h.append()
	case 7:
		name, n := h.mailbox(), feed.Number(h.draw.IntN(40)) //nolint:gosec // small
		h.both(func(ctx context.Context, l pipeline.Log) error { return l.Acknowledge(ctx, name, n) })
	case 8:
		h.seal()
	case 9:
		switch h.draw.IntN(3) {
		case 0:
			before := feed.Epoch(h.draw.IntN(int(h.epoch) + 2)) //nolint:gosec // small
			h.both(func(ctx context.Context, l pipeline.Log) error { return l.Collect(ctx, before) })
		case 1:
			h.log = h.open()
		case 2:
			h.same()
		}
	}
}

func (h *history) accept() {
	if h.epoch <= h.sealed { // none is open
		return
	}
	first := feed.Seq(len(h.records) + 1)
	if h.draw.IntN(8) == 0 {
		first += 2
	}
	some := several(first, 1+h.draw.IntN(9), h.epoch)
	if h.both(func(ctx context.Context, l pipeline.Log) error { return l.Accept(ctx, some) }) {
		h.records = append(h.records, some...)
	}
}

// append adds some of the records that are not sealed, in any mailboxes.
func (h *history) append() {
	ends, open := map[string]feed.Entry{}, h.records[h.through:]
	var entries []feed.Entry
	for range h.draw.IntN(8) {
		name := h.mailbox()
		after, known := ends[name]
		if !known {
			after = h.last[name]
		}
		e := feed.Entry{Mailbox: name, Number: after.Number + 1}
		if after.Number > 0 {
			e.Previous = after.Hash()
		}
		switch {
		case h.draw.IntN(10) == 0:
			e.Gap = &feed.Gap{Outbox: feed.Actor{Instance: instance, Stage: feed.Outbox}, Epoch: h.epoch, First: 1, Unread: 3}
			e.SignGap(signer(h.t))
		case len(open) > 0:
			e.Record = open[h.draw.IntN(len(open))].Record
		default:
			continue
		}
		if h.draw.IntN(20) == 0 {
			e.Number++
		}
		entries, ends[name] = append(entries, e), e
	}
	if h.both(func(ctx context.Context, l pipeline.Log) error { return l.Append(ctx, entries) }) {
		for name, e := range ends {
			h.last[name] = e
		}
	}
}

// seal seals the next epoch, or another one, which is refused.
func (h *history) seal() {
	s, err := h.model.State(h.t.Context())
	require.NoError(h.t, err)
	e := h.sealed + feed.Epoch(h.draw.IntN(3)) //nolint:gosec // small
	if len(s.Terms) > 0 && h.draw.IntN(3) > 0 {
		e = s.Terms[0].Epoch
	}
	end := h.through
	for int(end) < len(h.records) && h.records[end].Record.Epoch <= e { //nolint:gosec // small
		end++
	}
	made := seal(h.t, e, h.through+1, uint64(end-h.through))
	if h.both(func(ctx context.Context, l pipeline.Log) error { return l.Seal(ctx, made) }) {
		h.sealed, h.through = e, end
	}
}

// same compares all that can be read.
func (h *history) same() {
	h.t.Helper()
	ctx := h.t.Context()
	ours, err := h.model.State(ctx)
	require.NoError(h.t, err)
	theirs, err := h.log.State(ctx)
	require.NoError(h.t, err)
	require.Len(h.t, theirs.Terms, len(ours.Terms))
	for i, t := range ours.Terms {
		require.Equal(h.t, t.Epoch, theirs.Terms[i].Epoch)
		require.Equal(h.t, t.Subscriptions.Hash(), theirs.Terms[i].Subscriptions.Hash())
	}
	ours.Terms, theirs.Terms = nil, nil
	require.Equal(h.t, ours, theirs)

	from, limit := feed.Seq(h.draw.IntN(len(h.records)+1)), 1+h.draw.IntN(50) //nolint:gosec // small
	same(h, func(l pipeline.Log) (any, error) { return l.Records(ctx, from, limit) })
	same(h, func(l pipeline.Log) (any, error) { return l.Accepted(ctx, from, limit) })
	for _, name := range []string{"a", "b", "c", "d"} {
		at := feed.Epoch(h.draw.IntN(int(h.epoch) + 1)) //nolint:gosec // small
		same(h, func(l pipeline.Log) (any, error) { return l.Mailbox(ctx, name, at) })
		after := feed.Number(h.draw.IntN(20)) //nolint:gosec // small
		same(h, func(l pipeline.Log) (any, error) { return l.Entries(ctx, name, after, limit) })
	}
	same(h, func(l pipeline.Log) (any, error) { return l.FirstSeal(ctx) })
	for e := feed.Epoch(0); e <= h.epoch; e++ {
		same(h, func(l pipeline.Log) (any, error) { return l.NextSeal(ctx, e) })
	}
}

func same(h *history, read func(pipeline.Log) (any, error)) {
	h.t.Helper()
	ours, err := read(h.model)
	require.NoError(h.t, err)
	theirs, err := read(h.log)
	require.NoError(h.t, err)
	if !assert.ObjectsAreEqual(ours, theirs) {
		h.t.Fatalf("the log in memory has %v\nand this one %v", ours, theirs)
	}
}
