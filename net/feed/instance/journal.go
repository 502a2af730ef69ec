package instance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/walletnode/walletnode/internal/wholefile"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// journalMagic begins the file; its last digit is the version of its form.
const journalMagic = "walletnode-feed-1\n"

// errJournal says that the instance's own file of its newest seal cannot be read. No crash explains it, and without it nobody knows whether
// the database has all that was sealed.
var errJournal = errors.New("the feed's journal is damaged; if the database was not put back to an earlier state, remove the file and start again")

// told is what an instance was about to tell when it sealed an epoch.
type told struct {
	seal feed.Seal
	subs *feed.Subscriptions // of that epoch
	last []feed.Number       // of each of its mailboxes, the last entry that there was
}

// numberOf is the last entry of a mailbox that was told; 0 if there is none.
func (t told) numberOf(mailbox string) feed.Number {
	if t.subs == nil {
		return 0
	}
	if i, there := t.subs.Find(mailbox); there {
		return t.last[i]
	}
	return 0
}

// journal is the instance's own file of the newest seal that it was about to tell, and what held in that epoch. It is on the disk before
// the seal is in the database, where everybody reads it: so it shows if the database was put back to an earlier state. Without a name
// there is none.
type journal struct{ path string }

// write puts a seal in the place of the one before.
func (j journal) write(t told) error {
	var numbers []byte
	for _, n := range t.last {
		numbers = binary.BigEndian.AppendUint64(numbers, uint64(n))
	}
	content := []byte(journalMagic)
	for _, part := range [][]byte{t.seal.Encode(), t.subs.Encode(), numbers} {
		content = append(binary.BigEndian.AppendUint32(content, uint32(len(part))), part...) //nolint:gosec // all are bounded
	}
	sum := sha256.Sum256(content)
	if err := wholefile.Replace(j.path, append(content, sum[:]...)); err != nil {
		return fmt.Errorf("write the feed's journal: %w", err)
	}
	return nil
}

// read returns what was written last; false if nothing was yet.
func (j journal) read() (t told, found bool, err error) {
	if j.path == "" {
		return t, false, nil
	}
	content, err := os.ReadFile(j.path)
	if errors.Is(err, os.ErrNotExist) {
		return t, false, nil
	}
	if err != nil {
		return t, false, fmt.Errorf("read the feed's journal: %w", err)
	}
	if t, err = parseJournal(content); err != nil {
		return t, false, fmt.Errorf("%s: %w", j.path, err)
	}
	return t, true, nil
}

// parseJournal reads what write has written. Errors are errJournal.
func parseJournal(content []byte) (t told, err error) {
	end := max(len(content)-sha256.Size, 0)
	text, sum := content[:end], sha256.Sum256(content[:end])
	if !bytes.Equal(content[end:], sum[:]) || !bytes.HasPrefix(text, []byte(journalMagic)) {
		return t, errJournal
	}
	rest := text[len(journalMagic):]
	var parts [3][]byte
	for i := range parts {
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.BigEndian.Uint32(rest)) {
			return t, errJournal
		}
		n := int(binary.BigEndian.Uint32(rest))
		parts[i], rest = rest[4:4+n], rest[4+n:]
	}
	if t.seal, err = feed.DecodeSeal(parts[0]); err == nil {
		t.subs, err = feed.DecodeSubscriptions(parts[1])
	}
	if err != nil {
		return t, fmt.Errorf("%w: %w", errJournal, err)
	}
	if len(rest) > 0 || t.subs.Hash() != t.seal.Subscriptions || len(parts[2]) != 8*t.subs.Len() {
		return t, errJournal
	}
	for numbers := parts[2]; len(numbers) > 0; numbers = numbers[8:] {
		t.last = append(t.last, feed.Number(binary.BigEndian.Uint64(numbers)))
	}
	return t, nil
}

// journalled is the instance's log, which shows no seal that is not in the journal, and no entry that is not marked.
type journalled struct {
	pipeline.Log
	journal journal
	marks   *marks
}

// Append implements pipeline.Log.
func (l journalled) Append(ctx context.Context, entries []feed.Entry) error {
	if err := l.Log.Append(ctx, entries); err != nil || l.marks.path == "" {
		return err
	}
	last := map[string]int{}
	for n := range entries {
		last[entries[n].Mailbox] = n
	}
	for mailbox, n := range last {
		if err := l.marks.set(mailbox, mark{entries[n].Number, entries[n].Hash()}); err != nil {
			return err
		}
	}
	return nil
}

// Seal implements pipeline.Log.
func (l journalled) Seal(ctx context.Context, s feed.Seal) error {
	if l.journal.path == "" {
		return l.Log.Seal(ctx, s)
	}
	t := told{seal: s}
	var err error
	if t.subs, err = l.Subscriptions(ctx, s.Epoch); err != nil {
		return fmt.Errorf("read subscriptions of epoch %d: %w", s.Epoch, err)
	}
	t.last = make([]feed.Number, t.subs.Len())
	for i := range t.last {
		m, err := l.Mailbox(ctx, t.subs.At(i).Mailbox, never)
		if err != nil {
			return fmt.Errorf("read mailbox %s: %w", t.subs.At(i).Mailbox, err)
		}
		t.last[i] = m.Last
	}
	if err := l.journal.write(t); err != nil {
		return err
	}
	return l.Log.Seal(ctx, s)
}

// never is an epoch that no record is of.
const never = ^feed.Epoch(0) >> 1
