package instance

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// resumes is the first epoch in which something may be taken in after a start; 0 for the one that is open. Where facts were collected that this instance
// does not have, for it was away, two epochs at least pass in between: whoever lacks something between two items that came in one epoch, or
// in two that follow each other, has left it out, and that is proved to others. In which epoch an instance was stopped is read in its log,
// for the height that it is shown first may be an old one.
func (i *Instance) resumes(ctx context.Context, s pipeline.State) (feed.Epoch, error) {
	if len(s.Terms) == 0 { // new, or after a loss: then all mailboxes are arriving
		return 0, nil
	}
	from, last := s.First, map[string]uint64{}
	if s.Sealed != nil {
		from = s.Sealed.First
	}
	for {
		page, err := i.log.Records(ctx, from, factsPage)
		if err != nil {
			return 0, fmt.Errorf("read records: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			last[rec.Item.Source], from = rec.Item.Number, rec.Seq+1
		}
	}
	for source, n := range last {
		if gone := s.Sources[source]; gone > n && !feed.IsEcho(source) && !feed.BeginsSeries(gone+1) {
			return s.Terms[len(s.Terms)-1].Epoch + 2, nil
		}
	}
	return 0, nil
}

// opened waits until an epoch is open, that one or a later one, and returns which.
func opened(ctx context.Context, f *pipeline.Feed, from feed.Epoch) (feed.Epoch, error) {
	for {
		changed := f.Changed()
		if now := f.Now(); now.Open && now.Term.Epoch >= from {
			return now.Term.Epoch, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
