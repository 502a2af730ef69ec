package feed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

const subscriptionsDomain = "walletnode/feed/subscriptions/1\x00"

// Subscription is what one mailbox gets.
type Subscription struct {
	Mailbox string
	Wallets []chain.WalletID // none: all
	Kinds   []Kind           // none: all
	// Arriving says that the mailbox is moving in: until it is here whole it gets nothing but what EchoSource repeats for it.
	Arriving bool
	// After is what it had when it moved in: items of these sources up to these numbers do not go to it. Ascending by source.
	After []Position
}

func (s Subscription) wants(kind Kind) bool {
	return len(s.Kinds) == 0 || slices.Contains(s.Kinds, kind)
}

// Subscriptions is one version of who gets what. It holds from an epoch's beginning to its end and cannot be changed; its hash
// stands in the epoch's seal. The zero value is version 0, with nobody.
type Subscriptions struct {
	version uint64
	list    []Subscription // ascending by mailbox
	encoded []byte

	moved   bool   // whether some mailbox is arriving, or has positions
	others  byKind // of a wallet that nobody names
	wallets map[chain.WalletID]*byKind
}

// NewSubscriptions makes a version. Mailboxes are named once each; order and repetition within a subscription do not matter.
func NewSubscriptions(version uint64, list []Subscription) (*Subscriptions, error) {
	if len(list) > MaxMailboxes {
		return nil, malformed("%d mailboxes where at most %d belong", len(list), MaxMailboxes)
	}
	s := &Subscriptions{version: version, wallets: map[chain.WalletID]*byKind{}}
	named := 0
	for _, sub := range list {
		if err := CheckName(sub.Mailbox); err != nil {
			return nil, err
		}
		if len(sub.Wallets) > MaxWallets {
			return nil, malformed("mailbox %s names %d wallets where at most %d belong; name none to get all",
				sub.Mailbox, len(sub.Wallets), MaxWallets)
		}
		if named += len(sub.Wallets); named > maxNamed {
			return nil, malformed("the subscriptions name more than %d wallets; name none to get all", maxNamed)
		}
		own := Subscription{
			Mailbox: sub.Mailbox, Wallets: slices.Clone(sub.Wallets), Kinds: slices.Clone(sub.Kinds),
			Arriving: sub.Arriving, After: slices.Clone(sub.After),
		}
		if err := own.checkMove(); err != nil {
			return nil, err
		}
		s.moved = s.moved || own.Arriving || len(own.After) > 0
		slices.SortFunc(own.Wallets, func(a, b chain.WalletID) int { return bytes.Compare(a[:], b[:]) })
		slices.Sort(own.Kinds)
		own.Wallets, own.Kinds = slices.Compact(own.Wallets), slices.Compact(own.Kinds)
		for _, k := range own.Kinds {
			if !k.Valid() {
				return nil, malformed("mailbox %s: there is no %v", sub.Mailbox, k)
			}
		}
		s.list = append(s.list, own)
	}
	slices.SortFunc(s.list, func(a, b Subscription) int { return cmp.Compare(a.Mailbox, b.Mailbox) })
	for i := 1; i < len(s.list); i++ {
		if s.list[i].Mailbox == s.list[i-1].Mailbox {
			return nil, malformed("mailbox %s is named twice", s.list[i].Mailbox)
		}
	}
	s.encoded = s.encode()
	s.index()
	return s, nil
}

// checkMove puts positions into order.
func (s *Subscription) checkMove() error {
	if len(s.After) > MaxSources {
		return malformed("mailbox %s: positions of %d sources where at most %d belong", s.Mailbox, len(s.After), MaxSources)
	}
	if (s.Arriving || len(s.After) > 0) && len(s.Mailbox) > MaxName-len(echoPrefix) {
		return malformed("mailbox %s: one that moves has a name of at most %d characters", s.Mailbox, MaxName-len(echoPrefix))
	}
	return checkPositions(s.After)
}

func (s *Subscriptions) encode() []byte {
	b := putU32(putU64([]byte(subscriptionsDomain), s.version), uint32(len(s.list)))
	for _, sub := range s.list {
		b = putU32(putName(b, sub.Mailbox), uint32(len(sub.Wallets)))
		for _, w := range sub.Wallets {
			b = append(b, w[:]...)
		}
		b = append(b, byte(len(sub.Kinds)))
		for _, k := range sub.Kinds {
			b = append(b, byte(k))
		}
		b = putPositions(append(b, yes(sub.Arriving)), sub.After)
	}
	return b
}

// Version is its number.
func (s *Subscriptions) Version() uint64 { return s.version }

// Hash names the version and all it says.
func (s *Subscriptions) Hash() Hash { return sha256.Sum256(s.encoded) }

// Len is the number of mailboxes.
func (s *Subscriptions) Len() int { return len(s.list) }

// At is the i-th subscription. It is shared: nobody writes to it.
func (s *Subscriptions) At(i int) Subscription { return s.list[i] }

// Find returns the place of a mailbox.
func (s *Subscriptions) Find(mailbox string) (int, bool) {
	return slices.BinarySearchFunc(s.list, mailbox, func(sub Subscription, m string) int { return cmp.Compare(sub.Mailbox, m) })
}

// Encode writes the version's one form.
func (s *Subscriptions) Encode() []byte { return slices.Clone(s.encoded) }

// DecodeSubscriptions accepts what Encode writes. Errors are ErrMalformed.
func DecodeSubscriptions(data []byte) (*Subscriptions, error) {
	if len(data) > maxSubscriptions {
		return nil, malformed("subscriptions of %d bytes where at most %d belong", len(data), maxSubscriptions)
	}
	r := reader{rest: data}
	r.header(subscriptionsDomain)
	version, list := r.u64(), make([]Subscription, r.count(MaxMailboxes, 12))
	for i := range list {
		sub := Subscription{Mailbox: r.name(), Wallets: make([]chain.WalletID, r.count(MaxWallets, 20))}
		for j := range sub.Wallets {
			copy(sub.Wallets[j][:], r.take(20))
		}
		for range r.u8() {
			sub.Kinds = append(sub.Kinds, Kind(r.u8()))
		}
		sub.Arriving, sub.After = r.boolean(), r.positions()
		list[i] = sub
	}
	if err := r.end("subscriptions"); err != nil {
		return nil, err
	}
	s, err := NewSubscriptions(version, list)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(s.encoded, data) {
		return nil, malformed("subscriptions: not in their one form")
	}
	return s, nil
}
