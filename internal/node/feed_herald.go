package node

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net/feed"
)

// herald words what the store tells the feed. The store asks it in the transaction in which it stores what is told.
type herald struct {
	operator *secp256k1.PrivateKey
	// channel returns the key that a wallet's channel is named after; false if it is not joined.
	channel func(wallet chain.WalletID) (chain.PublicKey, bool)
	log     *slog.Logger
}

// telling is how the store tells the feed what it stores; nil of a node without one.
func (n *Node) telling() (*store.Telling, error) {
	if n.cfg.Feed == nil {
		return nil, nil //nolint:nilnil // nothing is told
	}
	signer, err := feed.NewSigner(n.feedName(), n.cfg.Feed.Key)
	if err != nil {
		return nil, fmt.Errorf("the feed's key: %w", err)
	}
	h := &herald{
		operator: n.operatorKey(), log: n.cfg.Logger("feed"),
		channel: func(wallet chain.WalletID) (chain.PublicKey, bool) { return n.members.key(wallet) }, // which are made after the store
	}
	t := &store.Telling{Origin: n.feedName(), Encode: h.encode}
	if n.cfg.Cluster != nil {
		t.Sign = signer.SignItems
	}
	return t, nil
}

// encode makes the payload of what was stored. Proposals are told as the leader signed them, so that whoever reads can verify that
// himself.
func (h *herald) encode(t store.Tiding) (feed.Kind, []byte) {
	at := view.Time(time.Now())
	document := func(v any) []byte {
		raw, err := json.Marshal(v)
		if err != nil { // of values that always have a form
			h.log.Error("Could not tell the feed", "wallet", t.Wallet, "window", t.Window, "error", err)
		}
		return raw
	}
	switch {
	case t.Own != nil:
		return feed.KindProposal, h.signOwn(t)
	case t.Statement != nil:
		return feed.KindProposal, t.Statement.Signed
	case t.Opened != nil:
		return feed.KindResult, document(view.NewOpening(*t.Opened, at))
	case t.Result != nil:
		return feed.KindResult, document(view.NewEvent(*t.Result, at))
	case t.Amendment != nil:
		return feed.KindFault, document(view.NewEvent(*t.Amendment, at))
	}
	return feed.KindAction, document(view.NewActionNews(t, at))
}

// signOwn makes the pubsub message of what this operator says as the leader, as signers are shown it.
func (h *herald) signOwn(t store.Tiding) []byte {
	key, joined := h.channel(t.Wallet)
	if !joined {
		h.log.Error("A proposal of ours is not told to the feed: the wallet's channel is not joined",
			"wallet", t.Wallet, "window", t.Window)
		return nil
	}
	seqno := binary.BigEndian.AppendUint64(nil, uint64(t.Window)) // any: it is read from the feed alone
	return wire.SignPubsub(h.operator, wire.ChannelName(key), t.Own.Envelope, seqno).Bytes()
}
