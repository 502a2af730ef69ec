package api

import (
	"context"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// cluster is instance a, which has a sibling b, and what the two share.
type cluster struct {
	owner  view.Owner    // of every wallet
	mine   bool          // the owner is a
	wait   time.Duration // of a wallet that nobody has
	wishes map[string]shared.Desire
	bans   []shared.Ban
	halts  []view.Halt
	urls   map[string][]string // of a and b
	alone  bool                // on a database of its own
	age    time.Duration       // of bans and halts
	err    error               // of every question that can fail
}

func newCluster() *cluster {
	return &cluster{
		owner: view.Owner{Owner: "a", URLs: []string{"https://a.example:9602"}, Epoch: 7}, mine: true, wishes: map[string]shared.Desire{},
		urls: map[string][]string{"a": {"https://a.example:9602"}, "b": {"https://b.example:9602", "http://b.onion"}},
	}
}

func (c *cluster) Instances() view.Instances {
	list := view.Instances{Self: "a", Shared: !c.alone, Generation: "1-abc", At: "now", AgeMS: 20, Instances: []view.Instance{}}
	for _, id := range []string{"a", "b"} {
		list.Instances = append(list.Instances, view.Instance{
			ID: id, Boot: "00", State: view.InstanceIdle, URLs: c.urls[id], Healthy: true, Wish: string(c.wishes[id]), LeaseMS: 9000,
			Wallets: []chain.WalletID{}, Self: id == "a",
		})
	}
	return list
}

func (c *cluster) Directory() (client.Directory, error) {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("operator")))
	if err != nil {
		return client.Directory{}, err
	}
	d := client.Directory{Operator: chain.Operator(crypto.PubkeyToAddress(key.PublicKey)), Issued: time.Now(), Expires: time.Now().Add(time.Hour)}
	for _, id := range []string{"a", "b"} {
		d.Instances = append(d.Instances, client.Entry{ID: id, URLs: c.urls[id]})
	}
	if err := d.Sign(key); err != nil {
		return client.Directory{}, err
	}
	return d, c.err
}

func (c *cluster) Owner(wallet chain.WalletID) (view.Owner, bool, time.Duration, error) {
	owner := c.owner
	owner.Wallet = wallet
	return owner, c.mine, c.wait, c.err
}

func (c *cluster) Wish(_ context.Context, instance string, d shared.Desire) (removed bool, err error) {
	if instance == "dead" {
		return d == shared.Resign, c.err
	}
	if instance != "a" && instance != "b" {
		return false, fmt.Errorf("%w: no instance %q", store.ErrNotFound, instance)
	}
	c.wishes[instance] = d
	return false, c.err
}

func (c *cluster) Bans(context.Context) (view.Bans, time.Duration, error) {
	list := view.Bans{Bans: []view.Ban{}}
	for _, b := range c.bans {
		list.Bans = append(list.Bans, shown(b))
	}
	return list, c.age, c.err
}

func shown(b shared.Ban) view.Ban {
	ban := view.Ban{Peer: b.Peer.String(), Reason: b.Reason, By: b.By, Since: "now"}
	if b.Peer == "" {
		ban.Operator = b.Operator.String()
	}
	return ban
}

func (c *cluster) AddBan(_ context.Context, b shared.Ban, lasts time.Duration) (view.Ban, error) {
	c.bans = append(c.bans, b)
	ban := shown(b)
	if lasts > 0 {
		until := lasts.String()
		ban.Until = &until
	}
	return ban, c.err
}

func (c *cluster) RemoveBan(_ context.Context, b shared.Ban) error {
	for i, have := range c.bans {
		if have.Subject() == b.Subject() {
			c.bans = append(c.bans[:i], c.bans[i+1:]...)
			return c.err
		}
	}
	return fmt.Errorf("%w: %s", shared.ErrNotBanned, b.Subject())
}

func (c *cluster) Halts(context.Context) (view.Halts, time.Duration, error) {
	return view.Halts{Halts: append([]view.Halt{}, c.halts...)}, c.age, c.err
}

func (c *cluster) Resume(_ context.Context, wallet chain.WalletID) error {
	for i, h := range c.halts {
		if h.Wallet == wallet {
			c.halts = append(c.halts[:i], c.halts[i+1:]...)
			return c.err
		}
	}
	return fmt.Errorf("%w: %v", shared.ErrNotHalted, wallet)
}
