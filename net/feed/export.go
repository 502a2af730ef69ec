package feed

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

const (
	exportDomain = "walletnode/feed/export/1\x00"
	// signedDomain begins an export that has what origins signed.
	signedDomain = "walletnode/feed/export/2\x00"
	// MaxExport is the most bytes of an export that is read: any one epoch fits, the longest that a Reader takes with the longest names and
	// signatures.
	MaxExport = 256 << 20
)

// Export is what a subscriber shows of what it read: whole epochs, one after the other, without payloads.
type Export struct {
	Instance string
	Mailbox  string
	Epochs   []Kept // ascending, with seal, subscriptions and entries
}

// Export returns the epochs that the reader keeps whole of the present stay.
func (r *Reader) Export() Export { return r.now().Export(r.mailbox) }

// Only returns the export of one epoch alone: what two subscribers exchange who know where they part.
func (x Export) Only(e Epoch) Export {
	x.Epochs = slices.DeleteFunc(slices.Clone(x.Epochs), func(k Kept) bool { return k.Epoch != e })
	return x
}

// Encode writes the export's one form.
func (x Export) Encode() []byte {
	domain := exportDomain
	witnesses := make([][]byte, len(x.Epochs))
	for i, k := range x.Epochs {
		if k.Witnesses != nil {
			witnesses[i] = EncodeWitnesses(k.items(), k.Witnesses)
		}
		if witnesses[i] != nil {
			domain = signedDomain
		}
	}
	b := putName(putName([]byte(domain), x.Instance), x.Mailbox)
	b = putU32(b, uint32(len(x.Epochs)))
	for i, k := range x.Epochs {
		b = putBytes(b, k.Seal.Encode())
		b = putBytes(b, k.Subscriptions.Encode())
		b = putU32(b, uint32(len(k.Entries)))
		for _, e := range k.Entries {
			b = e.append(append(b, entryDomain...))
		}
		if domain == signedDomain {
			b = putBytes(b, witnesses[i])
		}
	}
	return b
}

// DecodeExport accepts what Encode writes. Errors are ErrMalformed. It verifies nothing.
func DecodeExport(data []byte) (Export, error) {
	if len(data) > MaxExport {
		return Export{}, malformed("an export of %d bytes where at most %d belong", len(data), MaxExport)
	}
	r := reader{rest: data}
	signed := bytes.HasPrefix(data, []byte(signedDomain))
	if signed {
		r.header(signedDomain)
	} else {
		r.header(exportDomain)
	}
	some := false
	x := Export{Instance: r.name(), Mailbox: r.name()}
	for range r.count(MaxKeep, 12) {
		seal, err := DecodeSeal(r.bytes(MaxSeal))
		if r.err == nil {
			r.err = err
		}
		subs, err := DecodeSubscriptions(r.bytes(maxSubscriptions))
		if r.err == nil {
			r.err = err
		}
		k := Kept{Epoch: seal.Epoch, Seal: &seal, Subscriptions: subs}
		for range r.count(maxOpenEntries, len(entryDomain)+recordSize) {
			k.Entries = append(k.Entries, r.entry())
			if r.err != nil {
				break
			}
		}
		if signed {
			r.witnesses(&k)
			some = some || k.Witnesses != nil
		}
		if r.err != nil {
			break
		}
		x.Epochs = append(x.Epochs, k)
	}
	if signed && !some {
		r.fail("nothing that origins signed")
	}
	return x, r.end("export")
}

// witnesses reads what origins signed of an epoch's entries.
func (r *reader) witnesses(k *Kept) {
	raw := r.bytes(MaxExport)
	if r.err == nil && len(raw) > 0 {
		k.Witnesses, r.err = DecodeWitnesses(k.items(), raw)
	}
}

// Verify reads the export as a subscriber would, payloads left out, and says who is to blame by it. Errors say that it is no
// subscriber's who read what the instance signed.
func (x Export) Verify(keys Keyring) ([]Blame, error) {
	blames, _, err := x.verify(context.Background(), keys)
	return blames, err
}

// verify is Verify until ctx ends, and tells the first epoch in which the export is not what its outbox committed to.
func (x Export) verify(ctx context.Context, keys Keyring) (blames []Blame, until Epoch, _ error) {
	until = ^Epoch(0)
	if _, known := keys[x.Instance]; !known {
		return nil, 0, fmt.Errorf("%s: %w", x.Instance, ErrUnknownInstance)
	}
	if len(x.Epochs) == 0 {
		return nil, until, nil
	}
	r, err := NewReader(x.Instance, x.Mailbox, keys, x.start(), Policy{Keep: max(1, len(x.Epochs)), Then: Drop})
	if err != nil {
		return nil, 0, err
	}
	for _, k := range x.Epochs {
		for i := range k.Entries {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			if err := r.link(k.Entries[i]); err != nil {
				return nil, 0, fmt.Errorf("export of %s: %w", x.Mailbox, err)
			}
		}
		found, err := r.Seal(*k.Seal, k.Subscriptions)
		if err != nil {
			return nil, 0, fmt.Errorf("export of %s: %w", x.Mailbox, err)
		}
		blames = append(blames, found...)
		if slices.ContainsFunc(found, func(b Blame) bool { return b.Reason == Delivery && b.Actor.Stage == Outbox }) {
			until = min(until, k.Epoch)
		}
	}
	return blames, until, nil
}

// start is what a reader knew before the first epoch, by what the epoch says.
func (x Export) start() Start {
	first := x.Epochs[0]
	s := Start{Seal: first.Seal.Previous}
	if s.Sealed = s.Seal != (Hash{}) && first.Epoch > 0; s.Sealed {
		s.Epoch = first.Epoch - 1
	}
	for _, k := range x.Epochs {
		if len(k.Entries) > 0 {
			s.Number, s.Head = k.Entries[0].Number-1, k.Entries[0].Previous
			return s
		}
	}
	for _, k := range x.Epochs { // nothing came in all of it
		if head, ok := k.Seal.HeadOf(x.Mailbox); ok {
			s.Number, s.Head = head.Number, head.Chain
			return s
		}
	}
	return s
}
