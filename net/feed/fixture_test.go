package feed_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

func signer(t testing.TB, instance string) (feed.Signer, feed.Keyring) {
	seed := sha256.Sum256([]byte("test-" + instance))
	key := ed25519.NewKeyFromSeed(seed[:])
	s, err := feed.NewSigner(instance, key)
	require.NoError(t, err)
	return s, feed.Keyring{instance: feed.Keys(key.Public().(ed25519.PublicKey))}
}

func wallet(n int) chain.WalletID {
	h := sha256.Sum256(fmt.Appendf(nil, "test-wallet-%d", n))
	return chain.WalletID(h[:20])
}

func subscriptions(t testing.TB, version uint64, list ...feed.Subscription) *feed.Subscriptions {
	s, err := feed.NewSubscriptions(version, list)
	require.NoError(t, err)
	return s
}

func record(subs *feed.Subscriptions, seq feed.Seq, epoch feed.Epoch, w int) feed.Record {
	item := feed.NewItem("node", uint64(seq), wallet(w), feed.KindProposal, fmt.Appendf(nil, "payload %d", seq))
	return feed.Record{Seq: seq, Epoch: epoch, Recipients: subs.Recipients(item.Wallet, item.Kind).Hash, Item: item}
}

func tally(way feed.Way, name string, shard uint16, leaves ...feed.Hash) feed.Tally {
	return feed.Tally{Label: feed.Label{Way: way, Name: name, Shard: shard}, Count: uint64(len(leaves)), Root: feed.RootOf(leaves)}
}

// sealed is an honest seal of one shard, one outbox and two mailboxes that both get all.
func sealed(t testing.TB, s feed.Signer, subs *feed.Subscriptions, previous feed.Hash, epoch feed.Epoch, records ...feed.Record) feed.Seal {
	seal := feed.Seal{
		Actor: s.Actor(feed.Sequencer, 0), Epoch: epoch, Previous: previous, First: 1,
		Count: uint64(len(records)), Version: subs.Version(), Subscriptions: subs.Hash(),
	}
	var items, hashes []feed.Hash
	for i, rec := range records {
		if i == 0 {
			seal.First = rec.Seq
		}
		items, hashes = append(items, rec.Item.Hash()), append(hashes, rec.Hash())
	}
	var source, shard, lanes []feed.Tally
	if len(records) > 0 {
		source = []feed.Tally{tally(feed.BySource, "node", 0, items...)}
		shard = []feed.Tally{tally(feed.ByShard, "", 0, hashes...)}
		for i := range subs.Len() {
			lanes = append(lanes, tally(feed.ByLane, subs.At(i).Mailbox, 0, hashes...))
		}
	}
	join := func(a, b []feed.Tally) []feed.Tally { return append(append([]feed.Tally(nil), a...), b...) }
	for _, c := range []feed.Commitment{
		{Actor: s.Actor(feed.Inbox, 0), In: source, Out: join(source, shard)},
		{Actor: s.Actor(feed.Router, 0), In: shard, Out: shard},
		{Actor: s.Actor(feed.Receiver, 0), In: join(shard, lanes), Out: lanes},
		{Actor: s.Actor(feed.Outbox, 0), In: lanes, Out: lanes, Heads: []feed.Head{{Mailbox: "a"}, {Mailbox: "b"}}},
	} {
		c.Epoch = epoch
		c.Sign(s)
		seal.Commitments = append(seal.Commitments, c)
	}
	seal.Sign(s)
	return seal
}

func everything(t testing.TB) *feed.Subscriptions {
	return subscriptions(t, 1, feed.Subscription{Mailbox: "a"}, feed.Subscription{Mailbox: "b"})
}
