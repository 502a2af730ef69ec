package feed

import (
	"crypto/sha256"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

const recipientsDomain = "walletnode/feed/recipients/1\x00"

type byKind [kindEnd]Recipients

// Recipients are the mailboxes of a record.
type Recipients struct {
	Mailboxes []int // places in the list of the version, ascending
	Hash      Hash  // of their names
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

// For tells who gets an item: what an echo repeats goes to its mailbox alone, and what a mailbox had before it moved in, or gets from
// its echo, does not go to it.
func (s *Subscriptions) For(item Item) Recipients {
	echo := IsEcho(item.Source)
	if !s.moved && !echo {
		return s.Recipients(item.Wallet, item.Kind)
	}
	all := s.Recipients(item.Wallet, item.Kind)
	var list []int
	for _, i := range all.Mailboxes {
		sub := &s.list[i]
		if echo && sub.Arriving && item.Source == EchoSource(sub.Mailbox) ||
			!echo && !sub.Arriving && item.Number > PositionOf(sub.After, item.Source) {
			list = append(list, i)
		}
	}
	if len(list) == len(all.Mailboxes) {
		return all
	}
	return Recipients{Mailboxes: list, Hash: s.hashOf(list)}
}

// Reaches is whether a mailbox is among the recipients of an item.
func (s *Subscriptions) Reaches(mailbox string, item Item) bool {
	i, ok := s.Find(mailbox)
	return ok && item.Kind.Valid() && slices.Contains(s.For(item).Mailboxes, i)
}

// Gets is whether a mailbox is among the recipients of a wallet's records of a kind.
func (s *Subscriptions) Gets(mailbox string, wallet chain.WalletID, kind Kind) bool {
	i, ok := s.Find(mailbox)
	return ok && kind.Valid() && slices.Contains(s.Recipients(wallet, kind).Mailboxes, i)
}
