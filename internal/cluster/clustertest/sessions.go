package clustertest

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
)

// live reports whether a session holds, by the transaction's clock and generation.
func (t *tx) live(h cluster.Holder) (session, bool) {
	s, ok := t.sessions[h.Instance]
	return s, ok && s.Holder == h && s.generation == t.present && s.expires.After(t.now)
}

// sealed reports whether a seal is that of a live session.
func (t *tx) sealed(by cluster.Seal) (session, bool) {
	s, ok := t.live(by.Holder)
	return s, ok && by.Generation == t.present
}

// OpenSession implements cluster.Sessions.
func (db *DB) OpenSession(ctx context.Context, o cluster.Opening) (cluster.Generation, error) {
	return transact(ctx, db, "OpenSession", []string{lockInstance(o.Instance)}, func(t *tx) (cluster.Generation, error) {
		old, found := t.sessions[o.Instance]
		if _, live := t.live(old.Holder); found && live {
			return "", cluster.ErrInstanceTaken
		}
		row := session{
			Holder: o.Holder, profile: o.Profile, status: o.Status, generation: t.present, token: o.Token, ttl: o.TTL,
			opened: t.now, expires: t.now.Add(o.TTL), barred: old.barred, reconciled: old.reconciled,
		}
		t.write(func(r *rows) { r.sessions[o.Instance] = row })
		return t.present, nil
	})
}

// RenewSession implements cluster.Sessions.
func (db *DB) RenewSession(ctx context.Context, n cluster.Renewal) error {
	_, err := transact(ctx, db, "RenewSession", []string{lockInstance(n.Instance)}, func(t *tx) (struct{}, error) {
		row, live := t.sealed(cluster.Seal{Holder: n.Holder, Generation: n.Generation})
		if !live || row.count != n.Count {
			return struct{}{}, cluster.ErrSessionLost
		}
		expires := t.now.Add(n.TTL)
		t.write(func(r *rows) {
			row := r.sessions[n.Instance]
			row.count, row.token, row.ttl, row.status, row.expires = n.Count+1, n.Token, n.TTL, n.Status, expires
			r.sessions[n.Instance] = row
		})
		return struct{}{}, nil
	})
	return err
}

// CloseSession implements cluster.Sessions.
func (db *DB) CloseSession(ctx context.Context, h cluster.Holder) error {
	locks := []string{lockInstance(h.Instance)}
	db.mu.Lock()
	for w := range db.rows.wallets {
		locks = append(locks, lockWallet(w))
	}
	db.mu.Unlock()
	_, err := transact(ctx, db, "CloseSession", locks, func(t *tx) (struct{}, error) {
		if t.sessions[h.Instance].Holder != h {
			return struct{}{}, nil
		}
		t.write(func(r *rows) {
			delete(r.sessions, h.Instance)
			for w, a := range r.wallets {
				if a.Owner == h {
					r.wallets[w] = cluster.Assignment{Wallet: w, Epoch: a.Epoch + 1}
				}
			}
		})
		return struct{}{}, nil
	})
	return err
}

// Session implements cluster.Sessions.
func (db *DB) Session(ctx context.Context, id cluster.InstanceID) (cluster.SessionRow, bool, error) {
	type read struct {
		row   cluster.SessionRow
		found bool
	}
	got, err := transact(ctx, db, "Session", nil, func(t *tx) (read, error) {
		s, found := t.sessions[id]
		if !found {
			return read{}, nil
		}
		return read{cluster.SessionRow{
			Holder: s.Holder, Generation: s.generation, Count: s.count, Token: s.token,
			Left: s.expires.Sub(t.now), Current: s.generation == t.present,
		}, true}, nil
	})
	return got.row, got.found, err
}

// View implements cluster.Assignments.
func (db *DB) View(ctx context.Context) (cluster.View, error) {
	return transact(ctx, db, "View", nil, func(t *tx) (cluster.View, error) {
		v := cluster.View{Generation: t.present, Number: t.number, Rested: cluster.Never}
		if !t.balanced.IsZero() {
			v.Rested = t.now.Sub(t.balanced)
		}
		for _, s := range t.sessions {
			v.Members = append(v.Members, cluster.Member{
				Holder: s.Holder, Profile: s.profile, Status: s.status, Left: s.expires.Sub(t.now), Age: t.now.Sub(s.opened),
				BarredThrough: s.barred, Current: s.generation == t.present, Reconciled: s.reconciled == t.present,
			})
		}
		for _, a := range t.wallets {
			v.Wallets = append(v.Wallets, a)
		}
		return v, nil
	})
}

// AddWallets implements cluster.Assignments.
func (db *DB) AddWallets(ctx context.Context, wallets []chain.WalletID) error {
	var locks []string
	for _, w := range wallets {
		locks = append(locks, lockWallet(w))
	}
	_, err := transact(ctx, db, "AddWallets", locks, func(t *tx) (struct{}, error) {
		for _, w := range wallets {
			if _, known := t.wallets[w]; !known {
				t.write(func(r *rows) { r.wallets[w] = cluster.Assignment{Wallet: w} })
			}
		}
		return struct{}{}, nil
	})
	return err
}

// Move implements cluster.Assignments.
func (db *DB) Move(ctx context.Context, by cluster.Seal, moves []cluster.Move, pace time.Duration) ([]cluster.Assignment, error) {
	locks := []string{lockPace}
	for _, m := range moves {
		locks = append(locks, lockWallet(m.Wallet))
		if m.BarFrom > 0 {
			locks = append(locks, lockInstance(m.From.Instance))
		}
	}
	return transact(ctx, db, "Move", locks, func(t *tx) ([]cluster.Assignment, error) {
		if _, live := t.sealed(by); !live {
			return nil, cluster.ErrSessionLost
		}
		rested := t.balanced.IsZero() || t.now.Sub(t.balanced) >= pace
		var moved []cluster.Assignment
		for _, m := range moves {
			if !t.holds(m) || m.Cause == cluster.CauseBalance && !rested {
				continue
			}
			a := cluster.Assignment{Wallet: m.Wallet, Owner: m.To, Epoch: m.Epoch + 1}
			moved = append(moved, a)
			t.write(func(r *rows) {
				r.wallets[m.Wallet] = a
				if m.Cause == cluster.CauseBalance {
					r.balanced = t.now
				}
				if giver, ok := r.sessions[m.From.Instance]; ok && giver.Holder == m.From && m.BarFrom > 0 {
					giver.barred = max(giver.barred, m.BarFrom)
					r.sessions[m.From.Instance] = giver
				}
			})
		}
		return moved, nil
	})
}

// holds reports whether what a move was planned for is still so.
func (t *tx) holds(m cluster.Move) bool {
	a, known := t.wallets[m.Wallet]
	if !known || a.Owner != m.From || a.Epoch != m.Epoch {
		return false
	}
	to, live := t.live(m.To)
	if !live || !to.status.Healthy || to.status.Draining {
		return false
	}
	from, live := t.live(m.From)
	switch m.Cause {
	case cluster.CauseOrphan:
		return !live
	case cluster.CauseDrain:
		return live && from.status.Draining
	case cluster.CauseHealth:
		return live && !from.status.Healthy
	case cluster.CauseBalance:
		return live
	}
	return false
}
