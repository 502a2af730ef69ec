package devnet

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pgserver"
)

// fleet is the instances of one operator, on one database.
type fleet []*instance

// socketIn is where an instance with a token has the socket of its API besides.
func socketIn(dir string) string { return filepath.Join(dir, "api.sock") }

// maxSocket is the longest path of a socket that every system takes, in bytes.
const maxSocket = 103

// maxInstances bounds a fleet: each is a process of some 60 MB.
const maxInstances = 16

// database is the name of the database that instances share.
const database = "walletnode"

// share gives the first operator a database server of its own, made from the programs installed here, and instances in
// place of its node.
func (d *devnet) share() (err error) {
	if d.cfg.Instances == 0 {
		return nil
	}
	if d.server, err = pgserver.New(); err != nil {
		return fmt.Errorf("instances share a PostgreSQL database: %w", err)
	}
	if err := pgserver.Execute(d.server.URL("postgres"), "CREATE DATABASE "+database); err != nil {
		return err
	}
	o := d.subject()
	o.dsn = d.server.URL(database)
	if err := os.WriteFile(o.tokenFile(), []byte(newToken()+"\n"), 0o600); err != nil {
		return err
	}
	for i := range d.cfg.Instances {
		it, err := newInstance(o, instanceName(i))
		if err != nil {
			return err
		}
		it.program, it.supervised = d.cfg.Program, d.cfg.Chaos
		o.fleet = append(o.fleet, it)
	}
	if d.cfg.Chaos {
		return d.gates()
	}
	return nil
}

// newToken makes the word that the instances' APIs ask for: 256 bits, in hex.
func newToken() string {
	var word [32]byte
	_, _ = rand.Read(word[:]) // it never fails
	return hex.EncodeToString(word[:])
}

// instanceName is the name of the instance of an index.
func instanceName(i int) string { return string(rune('a' + i)) }

// subject is the operator whose instances are many.
func (d *devnet) subject() *operator { return d.operators[0] }

// gates puts gates around every instance of the subject, and has nobody tell anybody a way around them.
func (d *devnet) gates() error {
	for _, it := range d.subject().fleet {
		if err := it.newGates(d.server.Socket()); err != nil {
			return err
		}
	}
	for _, o := range d.operators {
		o.announce = []string{unreachable}
	}
	return nil
}

// writeFleet writes the configurations of the subject's instances.
func (d *devnet) writeFleet() error {
	o := d.subject()
	for _, it := range o.fleet {
		peers, err := d.peersOfInstance(it)
		if err != nil {
			return err
		}
		if err := it.writeConfig(d.chain, d.cfg.BlockTime, d.cfg.lease(), peers); err != nil {
			return err
		}
	}
	return nil
}

// peersOfInstance returns the multiaddrs under which an instance reaches the other operators, and its siblings.
func (d *devnet) peersOfInstance(it *instance) ([]string, error) {
	var peers []string
	for _, other := range d.operators {
		switch {
		case other == it.of:
		case it.entrance == nil:
			peers = append(peers, other.peers()...)
		default:
			l, err := it.way(other.address, fmt.Sprintf("127.0.0.1:%d", other.port))
			if err != nil {
				return nil, err
			}
			peers = append(peers, other.peerAt(l.address()))
		}
	}
	for _, sibling := range it.of.fleet {
		switch {
		case sibling == it:
		case it.entrance == nil:
			peers = append(peers, sibling.reached())
		default:
			l, err := it.way(it.of.address, sibling.entrance.listener.Addr().String())
			if err != nil {
				return nil, err
			}
			peers = append(peers, sibling.at(l.address()))
		}
	}
	return peers, nil
}

// peers returns the multiaddrs under which the instances are reached.
func (f fleet) peers() []string {
	peers := make([]string, len(f))
	for i, it := range f {
		peers[i] = it.reached()
	}
	return peers
}

// urls returns where the instances' APIs are.
func (f fleet) urls() []string {
	urls := make([]string, len(f))
	for i, it := range f {
		urls[i] = it.url()
	}
	return urls
}

// names returns the instances' names.
func (f fleet) names() []string {
	names := make([]string, len(f))
	for i, it := range f {
		names[i] = it.name
	}
	return names
}

// named returns the instance of a name; nil if there is none.
func (f fleet) named(name string) *instance {
	i := slices.IndexFunc(f, func(it *instance) bool { return it.name == name })
	if i < 0 {
		return nil
	}
	return f[i]
}

// start starts every instance.
func (f fleet) start(ctx context.Context, failed func(error)) error {
	var errs []error
	for _, it := range f {
		errs = append(errs, it.start(ctx, failed))
	}
	return errors.Join(errs...)
}

// takeEnds returns how processes have ended by themselves since it was asked before.
func (f fleet) takeEnds() (ends []end) {
	for _, it := range f {
		ends = append(ends, it.takeEnds()...)
	}
	return ends
}

// height implements runner: what the slowest of them shows.
func (f fleet) height(ctx context.Context) chain.Height {
	slowest := ^chain.Height(0)
	for _, it := range f {
		p := it.process()
		if p == nil {
			return 0
		}
		slowest = min(slowest, p.height(ctx))
	}
	return slowest
}

// admits implements runner: all of them do.
func (f fleet) admits(ctx context.Context, other chain.Operator) bool {
	return !slices.ContainsFunc(f, func(it *instance) bool {
		p := it.process()
		return p == nil || !p.admits(ctx, other)
	})
}

// refused implements runner: whom one of them refuses.
func (f fleet) refused(ctx context.Context) []string {
	var ids []string
	for _, it := range f {
		if p := it.process(); p != nil {
			ids = append(ids, p.refused(ctx)...)
		}
	}
	return ids
}

// halt implements runner.
func (f fleet) halt() error {
	return atOnce(len(f), func(i int) error { return f[i].halt() })
}

// close closes the gates of all.
func (f fleet) close() error {
	var errs []error
	for _, it := range f {
		errs = append(errs, it.close())
	}
	return errors.Join(errs...)
}
