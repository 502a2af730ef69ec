package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// staleAfter is how old what is shown of the instances may be without being marked: the database is asked four times a second.
const staleAfter = 2 * time.Second

// directoryLife is for how long a signed directory is valid: through the longest outage of a database that operators sleep
// through, and not so long that an instance that moved is looked for at its old place for days.
const directoryLife = 12 * time.Hour

// Instances implements api.Cluster.
func (s *sharing) Instances() view.Instances {
	if s.siblings == nil {
		return s.onlyInstance()
	}
	held, _ := s.siblings.keeper.Holdings()
	return instancesOf(held, s.siblings.asked(), s.siblings.cfg.Instance, time.Now())
}

// onlyInstance shows the instance on a database of its own, which serves every wallet.
func (s *sharing) onlyInstance() view.Instances {
	self := view.Instance{
		State: view.InstanceServing, URLs: []string{}, Version: version(), AgeS: int64(time.Since(s.cfg.StartedAt).Seconds()),
		Wallets: s.cfg.Members.ids(), Self: true, Healthy: true,
	}
	if ill := s.ill(); len(ill) > 0 {
		self.State, self.Healthy, self.Detail = view.InstanceIll, false, ill[0]
	}
	if state, _ := s.cfg.Stage.State(); state == Draining || state == Stopped {
		self.State, self.Draining = view.InstanceDraining, true
	}
	return view.Instances{At: view.Time(time.Now()), Instances: []view.Instance{self}}
}

// instancesOf shows what a keeper last saw, as it is some time later: leases have gone on running out.
func instancesOf(held cluster.Holdings, wishes map[cluster.InstanceID]shared.Desire, self cluster.InstanceID, now time.Time) view.Instances {
	age := now.Sub(held.At)
	list := view.Instances{
		Self: string(self), Shared: true, Generation: string(held.View.Generation), At: view.Time(held.At),
		AgeMS: age.Milliseconds(), Stale: age > staleAfter, Instances: []view.Instance{},
	}
	if held.At.IsZero() {
		list.AgeMS, list.Stale = 0, true
	}
	wallets := make(map[cluster.Holder][]chain.WalletID)
	for _, a := range held.View.Wallets {
		wallets[a.Owner] = append(wallets[a.Owner], a.Wallet)
	}
	owned := 0
	for _, m := range held.View.Members {
		m.Left -= age
		i := view.Instance{
			ID: string(m.Instance), Boot: m.Boot.String(), URLs: append([]string{}, m.URLs...), Version: m.Version,
			Healthy: m.Healthy, Detail: m.Detail, Standby: m.Standby, Draining: m.Draining, Wish: string(wishes[m.Instance]),
			AgeS: int64((m.Age + age).Seconds()), Barred: m.BarredThrough, Wallets: []chain.WalletID{}, Self: m.Instance == self,
		}
		if m.Live() {
			i.LeaseMS, i.Wallets = m.Left.Milliseconds(), append(i.Wallets, wallets[m.Holder]...)
			owned += len(i.Wallets)
		}
		i.State = stateOf(m, len(i.Wallets))
		list.Instances = append(list.Instances, i)
	}
	for id, wish := range wishes { // it was stopped, and the wish holds at its next start
		if !slices.ContainsFunc(held.View.Members, func(m cluster.Member) bool { return m.Instance == id }) {
			list.Instances = append(list.Instances, view.Instance{
				ID: string(id), State: view.InstanceDead, URLs: []string{}, Wish: string(wish), Wallets: []chain.WalletID{}, Self: id == self,
			})
		}
	}
	slices.SortFunc(list.Instances, func(a, b view.Instance) int { return cmp.Compare(a.ID, b.ID) })
	list.Unowned = len(held.View.Wallets) - owned
	return list
}

func stateOf(m cluster.Member, wallets int) string {
	switch {
	case !m.Live():
		return view.InstanceDead
	case m.Draining:
		return view.InstanceDraining
	case !m.Healthy:
		return view.InstanceIll
	case wallets > 0:
		return view.InstanceServing
	case m.Standby:
		return view.InstanceStandby
	default:
		return view.InstanceIdle
	}
}

// Directory implements api.Cluster. Instances whose lease is over stay in it: a database that is away ends all leases, and
// clients have to find somebody all the same.
func (s *sharing) Directory() (client.Directory, error) {
	if s.siblings == nil {
		return client.Directory{}, view.ErrOneInstance
	}
	now := time.Now()
	held, _ := s.siblings.keeper.Holdings()
	d := client.Directory{Operator: s.cfg.Operator.Address, Issued: now, Expires: now.Add(directoryLife), Instances: directoryOf(held.View.Members, s.siblings.cfg.ClusterConfig)}
	if err := d.Sign(s.cfg.Operator.Key); err != nil {
		return client.Directory{}, err
	}
	return d, nil
}

// directoryOf lists where the instances are reached: this one, those that live, and then the dead ones that were seen last,
// as many as a directory has room for.
func directoryOf(members []cluster.Member, self ClusterConfig) []client.Entry {
	members = slices.DeleteFunc(slices.Clone(members), func(m cluster.Member) bool { return m.Instance == self.Instance || len(m.URLs) == 0 })
	slices.SortFunc(members, func(a, b cluster.Member) int {
		switch {
		case a.Live() != b.Live() && a.Live():
			return -1
		case a.Live() != b.Live():
			return 1
		case a.Live():
			return cmp.Compare(string(a.Instance), string(b.Instance))
		}
		return int(b.Left/time.Second) - int(a.Left/time.Second)
	})
	entries := []client.Entry{{ID: string(self.Instance), URLs: append([]string{}, self.URLs...)}}
	for _, m := range members {
		if len(entries) == client.MaxInstances {
			break
		}
		entries = append(entries, client.Entry{ID: string(m.Instance), URLs: m.URLs[:min(len(m.URLs), client.MaxURLs)]})
	}
	slices.SortFunc(entries, func(a, b client.Entry) int { return cmp.Compare(a.ID, b.ID) })
	return entries
}

// urlsOf tells where an instance is reached.
func (s *sharing) urlsOf(name string) []string {
	if s.siblings == nil {
		return []string{}
	}
	if name == string(s.siblings.cfg.Instance) {
		return slices.Concat([]string{}, s.siblings.cfg.URLs)
	}
	held, _ := s.siblings.keeper.Holdings()
	for _, m := range held.View.Members {
		if string(m.Instance) == name {
			return slices.Concat([]string{}, m.URLs)
		}
	}
	return []string{}
}

// Owner implements api.Cluster.
func (s *sharing) Owner(wallet chain.WalletID) (owner view.Owner, mine bool, wait time.Duration, err error) {
	owner = view.Owner{Wallet: wallet, URLs: []string{}, Halted: s.lists.halts.reason(wallet)}
	if s.siblings == nil {
		if !slices.Contains(s.cfg.Members.ids(), wallet) {
			return owner, false, 0, fmt.Errorf("%w: no wallet %v of this operator's", store.ErrNotFound, wallet)
		}
		return owner, true, 0, nil
	}
	held, _ := s.siblings.keeper.Holdings()
	i := slices.IndexFunc(held.View.Wallets, func(a cluster.Assignment) bool { return a.Wallet == wallet })
	if i < 0 {
		return owner, false, 0, fmt.Errorf("%w: no wallet %v of this operator's", store.ErrNotFound, wallet)
	}
	a := held.View.Wallets[i]
	owner.Epoch = uint64(a.Epoch)
	if s.siblings.custody.Serves(wallet) {
		owner.Owner, owner.URLs = string(s.siblings.cfg.Instance), append(owner.URLs, s.siblings.cfg.URLs...)
		return owner, true, 0, nil
	}
	age := time.Since(held.At)
	for _, m := range held.View.Members {
		if m.Holder != a.Owner {
			continue
		}
		switch m.Left -= age; {
		case !m.Live():
		case m.Instance == s.siblings.cfg.Instance && owner.Halted == "":
			wait = m.Left // ours by the table, and our session is over: it is somebody's after the lease
		default: // a stopped wallet has an owner as well: who asks is to hear from him why
			owner.Owner, owner.URLs = string(m.Instance), append(owner.URLs, m.URLs...)
		}
	}
	return owner, owner.Owner == string(s.siblings.cfg.Instance), max(wait, keeperPoll), nil
}

// Wish implements api.Cluster.
func (s *sharing) Wish(ctx context.Context, instance string, d shared.Desire) (removed bool, err error) {
	if s.siblings == nil {
		return false, view.ErrOneInstance
	}
	if d == shared.Resign { // a dead one would hear of it at its next start, and end
		if lives, err := s.cfg.Store.Dismiss(ctx, instance); err != nil || !lives {
			return err == nil, s.change(err)
		}
	}
	if err := s.known(ctx, instance); err != nil {
		return false, err
	}
	return false, s.change(s.lists.store.SetWish(ctx, instance, d))
}

// known returns an error unless there is an instance of that name, or one that was asked for something and stopped.
func (s *sharing) known(ctx context.Context, instance string) error {
	held, _ := s.siblings.keeper.Holdings()
	if slices.ContainsFunc(held.View.Members, func(m cluster.Member) bool { return string(m.Instance) == instance }) {
		return nil
	}
	wishes, err := s.lists.store.Wishes(ctx)
	if err == nil && !slices.ContainsFunc(wishes, func(w shared.Wish) bool { return w.Instance == instance }) {
		err = fmt.Errorf("%w: no instance %q", store.ErrNotFound, instance)
	}
	return err
}

// change has what was changed in the shared lists known here without waiting for the next look.
func (s *sharing) change(err error) error {
	if err == nil {
		s.lists.watch.Nudge()
	}
	return err
}

func viewBan(b shared.Ban) view.Ban {
	shown := view.Ban{Reason: b.Reason, By: b.By, Since: view.Time(b.Since)}
	if b.Peer != "" {
		shown.Peer = b.Peer.String()
	} else {
		shown.Operator = b.Operator.String()
	}
	if !b.Until.IsZero() {
		until := view.Time(b.Until)
		shown.Until = &until
	}
	return shown
}

// AddBan implements api.Cluster.
func (s *sharing) AddBan(ctx context.Context, b shared.Ban, lasts time.Duration) (view.Ban, error) {
	if b.Peer == "" && b.Operator == s.cfg.Operator.Address {
		return view.Ban{}, fmt.Errorf("ban %s: %w", b.Subject(), shared.ErrOwnOperator)
	}
	added, err := s.lists.store.AddBan(ctx, b, lasts)
	return viewBan(added), s.change(err)
}

// RemoveBan implements api.Cluster.
func (s *sharing) RemoveBan(ctx context.Context, b shared.Ban) error {
	return s.change(s.lists.store.RemoveBan(ctx, b))
}

// Resume implements api.Cluster.
func (s *sharing) Resume(ctx context.Context, wallet chain.WalletID) error {
	return s.change(s.lists.store.RemoveHalt(ctx, wallet))
}
