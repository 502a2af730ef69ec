package quorum

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// freshDepth is how far the ring reaches below the first agreed head: 256 blocks, 51 minutes of Ethereum, so that the
// seed block of a window that runs at the start is among them.
const freshDepth = 256

// filling is the fetching of headers that are missing below an agreed one.
type filling struct {
	top   []chain.Header // ascending and linked; the highest is agreed, so all are
	floor chain.Height   // the lowest height to fetch
	ring  *Ring          // where they are to end, if they do before that
	below []chain.Header // ascending, what was fetched
}

func (f filling) lowest() chain.Header {
	if len(f.below) > 0 {
		return f.below[0]
	}
	return f.top[0]
}

// done reports whether nothing is missing any more.
func (f filling) done() bool {
	lowest := f.lowest()
	return lowest.Height <= f.floor || f.ring.joins(lowest)
}

// joins reports whether the header's parent is in the ring.
func (r *Ring) joins(h chain.Header) bool {
	if h.Height == 0 {
		return false
	}
	parent, ok := r.At(h.Height - 1)
	return ok && parent.Hash == h.Parent
}

// extend takes the agreed head into the ring, with the headers below it that polls showed: a header that an agreed one
// names as its ancestor is agreed. What is missing between is left to a filling.
func (b *book) extend() {
	if b.holdsAgreed() {
		clear(b.fetched)
		return
	}
	f := b.gap()
	if _, begun := b.ring.Head(); !begun || f.done() {
		b.ring = b.with(b.ring, f.top)
	}
}

func (b *book) holdsAgreed() bool {
	held, ok := b.ring.At(b.agreed.Height)
	return ok && held.Hash == b.agreed.Hash
}

// gap is what is missing between the agreed head and the ring; nothing, if polls showed it.
func (b *book) gap() filling {
	f := filling{top: b.linked(b.agreed), ring: b.ring, floor: under(b.agreed.Height, ringSize-1)}
	if head, _ := b.ring.Head(); b.agreed.Height > head.Height+ringSize-1 {
		f.floor = under(b.agreed.Height, freshDepth) // the ring is out of reach, a new one is begun
	}
	return f
}

// linked returns the header preceded by its ancestors, as far as polls showed them and the ring does not hold them.
func (b *book) linked(head chain.Header) []chain.Header {
	headers := []chain.Header{head}
	for oldest := head; !b.ring.joins(oldest); {
		parent, ok := b.shown(oldest)
		if !ok {
			break
		}
		headers = append(headers, parent)
		oldest = parent
	}
	slices.Reverse(headers)
	return headers
}

// shown returns the parent of a header, if any endpoint showed it or it was fetched.
func (b *book) shown(of chain.Header) (chain.Header, bool) {
	if of.Height == 0 {
		return chain.Header{}, false
	}
	for _, t := range b.tracks {
		if parent, ok := t.report.view.Header(of.Height - 1); ok && parent.Hash == of.Parent {
			return parent, true
		}
	}
	parent, ok := b.fetched[of.Parent]
	return parent, ok && follows(parent, of)
}

// with adds headers that were checked to link.
func (b *book) with(ring *Ring, headers []chain.Header) *Ring {
	next, err := ring.With(headers)
	if err != nil {
		b.log.Error("Agreed headers do not link", "error", err)
	}
	return next
}

// startFilling says what to fetch, if anything is missing and nobody is at it: down from the agreed head to the ring, or
// from a young ring down to its depth.
func (b *book) startFilling() (filling, bool) {
	head, begun := b.ring.Head()
	if b.filling || !begun || time.Now().Before(b.fillFrom) {
		return filling{}, false
	}
	lowest, _ := b.ring.lowest()
	f := filling{top: []chain.Header{lowest}, floor: under(head.Height, freshDepth)}
	if !b.holdsAgreed() {
		f = b.gap()
	}
	b.filling = !f.done()
	return f, b.filling
}

func under(h, depth chain.Height) chain.Height { return h - min(h, depth) }

// endFilling takes what was fetched into the ring, all of it or as far as it goes: each header is named by one that is
// agreed. What is still missing is fetched from there on; after a poll's interval where nobody had any, for nobody may
// have it.
func (b *book) endFilling(f filling) {
	b.filling = false
	if !f.done() && len(f.below) == 0 {
		b.fillFrom = time.Now().Add(b.config.PollEvery)
	}
	last := f.top[len(f.top)-1]
	held, inside := b.ring.At(last.Height)
	if inside = inside && held.Hash == last.Hash; !inside && !f.done() {
		b.keep(slices.Concat(f.below, f.top)) // the ring is not reached yet
		return
	}
	var above []chain.Header // what came on top of it meanwhile
	if inside {
		above = b.ring.headers[held.Height-b.ring.headers[0].Height+1:]
	}
	b.ring = b.with(b.ring, slices.Concat(f.below, f.top, above))
	b.extend()
}

// keep remembers headers that agreed ones descend from, until the ring reaches them. What a ring cannot hold is
// forgotten all at once: it is of gaps that were given up.
func (b *book) keep(headers []chain.Header) {
	if len(b.fetched)+len(headers) > 2*ringSize {
		clear(b.fetched)
	}
	for _, h := range headers {
		b.fetched[h.Hash] = h
	}
}

// fill fetches what is missing in batches, from any endpoint: hashes prove the headers, so that nobody has to be
// trusted. It goes at the pace of the endpoint's rate, which leaves calls and polls their part, and tells the loop what
// it has when it is done, when no endpoint has more, or after a poll's interval.
func (p *Pool) fill(ctx context.Context, f filling, sources []reader) {
	patience, cancel := context.WithTimeout(ctx, p.config.PollEvery)
	defer cancel()
	for _, source := range sources {
		if f.done() || patience.Err() != nil || !source.enter() {
			continue
		}
		for !f.done() {
			batch, err := source.ancestors(ctx, patience, p.config, f.lowest(), f.floor)
			if err != nil {
				p.log.Debug("Headers not fetched", "endpoint", source.name, "below", f.lowest().Height, "error", err)
				break
			}
			f.below = append(batch, f.below...)
		}
		source.leave()
	}
	select {
	case p.filled <- f:
	case <-ctx.Done():
	}
}

var errOtherBranch = errors.New("headers of another branch")

// ancestors fetches a batch of headers that ends in the parent of one, and checks that they lead there. It waits for room
// under the endpoint's rate until patience ends, and only then begins to count the endpoint's time.
func (r reader) ancestors(
	ctx, patience context.Context, config Config, of chain.Header, floor chain.Height,
) ([]chain.Header, error) {
	to := of.Height - 1
	room, err := r.endpoint.Room(patience, int(min(to-floor+1, MaxBatch))) //nolint:gosec // bounded
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, config.Deadline)
	defer cancel()
	from := max(floor, under(to, chain.Height(room-1))) //nolint:gosec // at least 1
	headers, err := r.endpoint.Headers(ctx, from, to)
	if err != nil {
		return nil, err
	}
	for i := len(headers) - 1; i >= 0; i-- {
		if !follows(headers[i], of) {
			return linkedPart(headers[i+1:])
		}
		of = headers[i]
	}
	return linkedPart(headers)
}

// linkedPart is an error where nothing is left.
func linkedPart(headers []chain.Header) ([]chain.Header, error) {
	if len(headers) == 0 {
		return nil, errOtherBranch
	}
	return headers, nil
}
