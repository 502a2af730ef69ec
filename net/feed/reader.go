package feed

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Bounds of a reader: what an instance that never seals can make it hold.
const (
	maxOpenEpochs  = 16
	maxOpenEntries = 1 << 18
)

var (
	// ErrUnsealed says that the instance sends entries and no seals.
	ErrUnsealed = errors.New("the instance does not seal what it delivers; ask its operator, or move the mailbox")
	// ErrSkipped says that a seal is not that of the next epoch. It is nobody's fault by itself: the subscriber may have been away.
	ErrSkipped = errors.New("every epoch has a seal, and seals are read in order; begin anew with what the mailbox holds")
	// ErrPayload says that a payload is not the one that was committed to.
	ErrPayload = errors.New("the payload is not its record's; do not use it")
	// ErrUnverified says that as many epochs are kept as the policy wants, none of them verified.
	ErrUnverified = errors.New("compare with another subscriber before reading on: no more unverified epochs are kept")
)

// Start is where a reader begins: what it knows of the mailbox. The zero value is the mailbox's beginning.
type Start struct {
	Number Number
	Head   Hash
	Sealed bool // whether it knows a seal
	Epoch  Epoch
	Seal   Hash
}

// Reader verifies a mailbox as it is read: numbers, links, payloads, order, and at each seal that it was given exactly what all stages
// committed to. It is not for several goroutines.
type Reader struct {
	mailbox  string
	instance string
	keys     Keyring
	policy   Policy

	at       Start
	lastSeq  [MaxShards]Seq
	doubt    Seq // the first record since the last seal with which something is wrong; 0 if none
	outboxes int // how many the instance has, by the last seal
	open     []*Kept
	latest   *Kept    // of the entry that was read last
	signed   Verifier // of what comes with entries
	entries  int      // in open
	stays    []Stay   // what is kept; the last one is present
	unsealed int      // stays that have begun since the last seal
}

// NewReader makes a reader of an instance's mailbox.
func NewReader(instance, mailbox string, keys Keyring, from Start, policy Policy) (*Reader, error) {
	if err := errors.Join(CheckName(instance), CheckName(mailbox), policy.check()); err != nil {
		return nil, err
	}
	return &Reader{mailbox: mailbox, instance: instance, keys: keys, policy: policy, at: from, stays: []Stay{{Instance: instance}}}, nil
}

// At is where the reader is.
func (r *Reader) At() Start { return r.at }

// Settled is whether no epoch is incomplete: who stops here goes on from At alone. Only a seal makes it so.
func (r *Reader) Settled() bool { return len(r.open) == 0 && r.at.Sealed }

// outbox is who keeps the mailbox; before the first seal it is not known which.
func (r *Reader) outbox() Actor {
	if r.outboxes == 0 {
		return Actor{Instance: r.instance}
	}
	return Keeper(r.instance, r.mailbox, r.outboxes)
}

func (r *Reader) blame(seq Seq, format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, error(Blame{Actor: r.outbox(), Reason: Delivery, Seq: seq}))...)
}

// Entry verifies the next entry, with its record's payload. An error that is a Blame says who broke the chain, and the reader stays
// where it was; after ErrPayload it goes on, and the payload must not be used.
func (r *Reader) Entry(e Entry, payload []byte) error {
	if err := r.link(e); err != nil {
		return err
	}
	if e.Gap == nil && !e.Record.Item.Holds(payload) {
		r.suspect(e.Record.Seq)
		return fmt.Errorf("record %d: %w", e.Record.Seq, ErrPayload)
	}
	return nil
}

// suspect keeps the first record with which something is wrong that need not be the outbox's doing. The seal tells whose it is.
func (r *Reader) suspect(seq Seq) {
	if r.doubt == 0 {
		r.doubt = seq
	}
}

// link verifies the next entry without its payload.
func (r *Reader) link(e Entry) error {
	seq := e.Record.Seq
	switch {
	case e.Mailbox != r.mailbox:
		return r.blame(seq, "an entry of mailbox %s", e.Mailbox)
	case e.Number != r.at.Number+1:
		return r.blame(seq, "entry %d follows %d", e.Number, r.at.Number)
	case e.Previous != r.at.Head:
		return r.blame(seq, "entry %d is not linked to the one before it", e.Number)
	case int(e.Shard) >= MaxShards:
		return r.blame(seq, "entry %d is of shard %d", e.Number, e.Shard)
	}
	if e.Gap != nil {
		if err := e.VerifyGap(r.keys); err != nil {
			return fmt.Errorf("gap at %d: %w", e.Number, err)
		}
		if e.Gap.Outbox.Instance != r.instance {
			return r.blame(e.Gap.First, "a gap by %v", e.Gap.Outbox)
		}
	} else if seq <= r.lastSeq[e.Shard] {
		r.suspect(seq)
	}
	k, err := r.epoch(e.Epoch())
	if err != nil {
		return err
	}
	if r.entries >= maxOpenEntries {
		return ErrUnsealed
	}
	k.Add(e, nil)
	r.latest = k
	r.entries++
	if e.Gap == nil {
		r.lastSeq[e.Shard] = max(r.lastSeq[e.Shard], seq)
	}
	r.at.Number, r.at.Head = e.Number, e.Hash()
	return nil
}

// epoch finds or begins an epoch that is not complete. Entries of an epoch whose seal has come are late: their outbox was missing.
func (r *Reader) epoch(e Epoch) (*Kept, error) {
	for _, k := range r.open {
		if k.Epoch == e {
			return k, nil
		}
	}
	if r.at.Sealed && e <= r.at.Epoch {
		return nil, r.blame(0, "an entry of epoch %d, which is complete", e)
	}
	if len(r.open) >= maxOpenEpochs {
		return nil, ErrUnsealed
	}
	k := &Kept{Epoch: e}
	r.open = append(r.open, k)
	slices.SortFunc(r.open, func(a, b *Kept) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return k, nil
}

// Seal verifies the next seal, with the subscriptions that held, and says who is to blame by it. Errors say that it is none that can
// be used: by another key, or not the next. An epoch whose outbox is missing is complete with a later seal.
func (r *Reader) Seal(s Seal, subs *Subscriptions) ([]Blame, error) {
	if err := r.follows(s, subs); err != nil {
		return nil, err
	}
	if r.held() {
		return nil, ErrUnverified
	}
	k, err := r.epoch(s.Epoch)
	if err != nil {
		return nil, err
	}
	k.Seal, k.Subscriptions = &s, subs
	for _, e := range k.Entries {
		item := e.Record.Item
		if e.Gap == nil && (e.Record.Recipients != subs.For(item).Hash || !subs.Reaches(r.mailbox, item)) {
			r.suspect(e.Record.Seq)
		}
	}
	r.at.Sealed, r.at.Epoch, r.at.Seal = true, s.Epoch, s.Hash()
	r.unsealed = 0
	blames := Audit(s)
	if s.twisted() {
		if _, named := s.HeadOf(r.mailbox); named { // else entries come after it, as those of an outbox that was missing
			r.complete(s.Epoch, true)
		}
		r.doubt = 0
		return blames, nil
	}
	r.outboxes = s.stage(Outbox)
	if s.blamed(r.outbox(), Missing) {
		return blames, nil
	}
	head, named := s.HeadOf(r.mailbox)
	if number, chain := r.end(s.Epoch); named && (head.Number != number || head.Chain != chain) {
		blames = append(blames, Blame{Actor: r.outbox(), Reason: Delivery})
	}
	blames = append(blames, r.complete(s.Epoch, head.Closed)...)
	if len(blames) == 0 && r.doubt != 0 { // all stages say the same, and it is wrong
		blames = []Blame{{Actor: s.Actor.whole(), Reason: Delivery, Seq: r.doubt}}
	}
	r.doubt = 0
	return blames, nil
}

// twisted is whether a seal is false by its own sequencer: nothing that it holds says what the others did.
func (s Seal) twisted() bool { return s.blamed(s.Actor, False) }

// follows checks that a seal is the instance's next one, and the subscriptions those of its epoch.
func (r *Reader) follows(s Seal, subs *Subscriptions) error {
	if s.Actor.Instance != r.instance {
		return fmt.Errorf("a seal of %s, not of %s: %w", s.Actor.Instance, r.instance, ErrSignature)
	}
	if err := s.Verify(r.keys); err != nil {
		return err
	}
	if r.at.Sealed && s.Epoch != r.at.Epoch+1 {
		return fmt.Errorf("the seal of epoch %d after that of epoch %d: %w", s.Epoch, r.at.Epoch, ErrSkipped)
	}
	if r.at.Sealed && s.Previous != r.at.Seal {
		return fmt.Errorf("the seal of epoch %d does not follow that of epoch %d: %w",
			s.Epoch, r.at.Epoch, Blame{Actor: s.Actor.whole(), Reason: Conflict})
	}
	if subs.Hash() != s.Subscriptions || subs.Version() != s.Version {
		blame := Blame{Actor: s.Actor.whole(), Reason: Delivery}
		if s.twisted() {
			blame = Blame{Actor: s.Actor, Reason: False}
		}
		return fmt.Errorf("other subscriptions than those of epoch %d: %w", s.Epoch, blame)
	}
	return nil
}

// end is where the mailbox stood when an epoch ended: records flow on while it is sealed, and entries of later ones may have come
// already.
func (r *Reader) end(e Epoch) (Number, Hash) {
	for _, k := range r.open {
		if k.Epoch > e && len(k.Entries) > 0 {
			return k.Entries[0].Number - 1, k.Entries[0].Previous
		}
	}
	return r.at.Number, r.at.Head
}

// complete checks and keeps the epochs up to one: all that belongs to them has come.
func (r *Reader) complete(until Epoch, closed bool) (blames []Blame) {
	for len(r.open) > 0 && r.open[0].Epoch <= until {
		k := r.open[0]
		r.open, r.entries = r.open[1:], r.entries-len(k.Entries)
		if k.Seal == nil { // entries of an epoch that was never sealed
			blames = append(blames, Blame{Actor: r.outbox(), Reason: Delivery})
			continue
		}
		if b, wrong := k.check(r.mailbox, closed); wrong {
			blames = append(blames, b)
		}
		r.keep(*k)
	}
	return blames
}
