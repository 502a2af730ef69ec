package pipeline

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

// Message is what a source tells.
type Message struct {
	Wallet  chain.WalletID
	Kind    feed.Kind
	Payload []byte // not written to after it is submitted
	// Witness is what the source signed of it, for subscribers, which is not verified here; nil for nothing.
	Witness *feed.Witness
}

// submission is what a source brings, hashed by the link between the two: the inbox gets it as a batch, whose hashes it does not compute.
type submission struct {
	source    string
	first     uint64
	items     []feed.Item
	hashes    []feed.Hash
	payloads  [][]byte
	witnesses []*feed.Witness
	done      chan error // room for one
}

// Submit hands messages over. The source numbers them itself, from 1 and without gaps but where it begins a series; first is the number of
// messages[0], and the others follow it. Those that were accepted before are passed over, so that who does not know whether they were submits
// them again. It returns when they are stored. An error of ErrSource changes nothing.
func (f *Feed) Submit(ctx context.Context, source string, first uint64, messages []Message) error {
	s, err := offer(source, first, messages)
	if err != nil {
		return err
	}
	return wish(ctx, f, f.submissions, s, s.done)
}

// offer makes items of what a source tells, and hashes them.
func offer(source string, first uint64, messages []Message) (submission, error) {
	n := len(messages)
	if n == 0 || n > MaxSubmission {
		return submission{}, fmt.Errorf("%w: 1 to %d messages at a time, not %d", ErrSource, MaxSubmission, n)
	}
	s := submission{
		source: source, first: first, done: make(chan error, 1),
		items: make([]feed.Item, n), hashes: make([]feed.Hash, n), payloads: make([][]byte, n), witnesses: make([]*feed.Witness, n),
	}
	size := 0
	for i, m := range messages {
		if size += len(m.Payload); size > MaxPage {
			return submission{}, fmt.Errorf("%w: more than %d bytes at a time", ErrSource, MaxPage)
		}
		item := feed.NewItem(source, first+uint64(i), m.Wallet, m.Kind, m.Payload)
		if err := item.Check(); err != nil {
			return submission{}, fmt.Errorf("%w: message %d: %w", ErrSource, item.Number, err)
		}
		if m.Witness != nil && m.Witness.Origin != (feed.Origin{Source: source, Number: item.Number}) {
			return submission{}, fmt.Errorf("%w: message %d comes with what %s signed of its %d",
				ErrSource, item.Number, m.Witness.Origin.Source, m.Witness.Origin.Number)
		}
		s.items[i], s.hashes[i], s.payloads[i], s.witnesses[i] = item, item.Hash(), m.Payload, m.Witness
	}
	return s, nil
}

// entrance is the link between the sources and the inbox, and belongs to neither. What the inbox has told a source to be accepted has
// passed it, once; so a source is never to blame for what the inbox makes of it.
type entrance struct {
	passed map[string]uint64 // the last number of each source that did
}

// pass notes that a submission is accepted, and returns the hashes of what had not passed before.
func (e *entrance) pass(s submission) []feed.Hash {
	last := e.passed[s.source]
	e.passed[s.source] = max(last, s.first+uint64(len(s.items))-1)
	if last < s.first {
		return s.hashes
	}
	return s.hashes[min(last-s.first+1, uint64(len(s.hashes))):]
}

// find returns what belongs to an item, which goes by its number, and its hash.
func (s *submission) find(item *feed.Item) (payload []byte, by *feed.Witness, hash feed.Hash) {
	place := item.Number - s.first
	if place >= uint64(len(s.items)) {
		return nil, nil, item.Hash()
	}
	if s.items[place] != *item {
		return s.payloads[place], s.witnesses[place], item.Hash()
	}
	return s.payloads[place], s.witnesses[place], s.hashes[place]
}
