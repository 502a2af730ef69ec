package feed

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

const (
	subscriptionsDomain = "walletnode/feed/subscriptions/1\x00"
	recipientsDomain    = "walletnode/feed/recipients/1\x00"
)

// Subscription is what one mailbox gets.
type Subscription struct {
	Mailbox string
	Wallets []chain.WalletID // none: all
	Kinds   []Kind           // none: all
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

	others  byKind // of a wallet that nobody names
	wallets map[chain.WalletID]*byKind
}

type byKind [kindEnd]Recipients

// Recipients are the mailboxes of a record.
type Recipients struct {
	Mailboxes []int // places in the list of the version, ascending
	Hash      Hash  // of their names
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
		own := Subscription{Mailbox: sub.Mailbox, Wallets: slices.Clone(sub.Wallets), Kinds: slices.Clone(sub.Kinds)}
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
	}
	return b
}

// index works out who gets what, so that finding the recipients of a record is one look.
func (s *Subscriptions) index() {
	for _, sub := range s.list {
		for _, w := range sub.Wallets {
			if s.wallets[w] == nil {
				s.wallets[w] = &byKind{}
			}
		}
	}
	for i, sub := range s.list {
		for k := Kind(0); k < kindEnd; k++ {
			if k != 0 && !sub.wants(k) {
				continue
			}
			if len(sub.Wallets) == 0 {
				s.others[k].Mailboxes = append(s.others[k].Mailboxes, i)
				for _, named := range s.wallets {
					named[k].Mailboxes = append(named[k].Mailboxes, i)
				}
				continue
			}
			for _, w := range sub.Wallets {
				s.wallets[w][k].Mailboxes = append(s.wallets[w][k].Mailboxes, i)
			}
		}
	}
	seal := func(all *byKind) {
		for k := range all {
			all[k].Hash = s.hashOf(all[k].Mailboxes)
		}
	}
	seal(&s.others)
	for _, named := range s.wallets {
		seal(named)
	}
}

func (s *Subscriptions) hashOf(mailboxes []int) Hash {
	b := putU32([]byte(recipientsDomain), uint32(len(mailboxes)))
	for _, i := range mailboxes {
		b = putName(b, s.list[i].Mailbox)
	}
	return sha256.Sum256(b)
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

// Recipients tells who gets a record of a wallet and kind. It is shared: nobody writes to it.
func (s *Subscriptions) Recipients(wallet chain.WalletID, kind Kind) Recipients {
	if !kind.Valid() {
		kind = 0
	}
	if named := s.wallets[wallet]; named != nil {
		return named[kind]
	}
	return s.others[kind]
}

// Gets is whether a mailbox is among the recipients of a wallet's records of a kind.
func (s *Subscriptions) Gets(mailbox string, wallet chain.WalletID, kind Kind) bool {
	i, ok := s.Find(mailbox)
	return ok && kind.Valid() && slices.Contains(s.Recipients(wallet, kind).Mailboxes, i)
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
	version, list := r.u64(), make([]Subscription, r.count(MaxMailboxes, 7))
	for i := range list {
		sub := Subscription{Mailbox: r.name(), Wallets: make([]chain.WalletID, r.count(MaxWallets, 20))}
		for j := range sub.Wallets {
			copy(sub.Wallets[j][:], r.take(20))
		}
		for range r.u8() {
			sub.Kinds = append(sub.Kinds, Kind(r.u8()))
		}
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
