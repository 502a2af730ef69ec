package node

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/ethereum/go-ethereum/crypto"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/mailbox"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// SigningConfig is where the operator's key shares are.
type SigningConfig struct {
	// Backends are processes of their own. Embedded is the one in this process, in place of them or beside them.
	Backends []SignerConfig
	Embedded *vault.Config
	// EmbeddedState is what the configuration says of the embedded one; empty is active.
	EmbeddedState placement.State
	Policy        placement.Policy
	// Transactions is a directory of raw Bitcoin transactions that the operator puts there.
	Transactions string
	// RoundTime is how long a backend, and then the others, may take for a round of a key generation; 0 is keygen's own.
	RoundTime time.Duration
}

// SignerConfig is one backend and the way to it.
type SignerConfig struct {
	placement.Spec
	daemon.Config
}

// embeddedSigner is what the backend in this process is called.
const embeddedSigner = config.EmbeddedSigner

// signers is what signs: the backends, key generations, and the handlers of actions. Its zero value is that of a node which signs nothing.
type signers struct {
	pool    *placement.Pool
	keygen  atomic.Pointer[keygen.Service] // the network may tell of invitations before there is one
	signing *signing.Service
	letters *mailbox.Reader // of the signer in this process; nil if it has none
	reach   func(SignerConfig) (signer.Backend, func(), error)
	closers []func() error
}

// dialSigner opens the way to a backend that is a process of its own.
func dialSigner(c SignerConfig) (signer.Backend, func(), error) {
	client, err := daemon.Dial(c.Config)
	if err != nil {
		return nil, nil, err
	}
	return client, client.Close, nil
}

// sign assembles what signs, and returns the handlers of actions; those of a node without signers if it has none.
func (n *Node) sign(
	ctx context.Context, follows identity, log records, reach func(SignerConfig) (signer.Backend, func(), error),
) (map[proposal.Kind]action.Handler, error) {
	network, talks := n.network.(Forum)
	if n.cfg.Signing == nil || !talks {
		return action.WithoutSigners(), nil
	}
	s := &n.signers
	s.reach = reach
	if s.reach == nil {
		s.reach = dialSigner
	}
	if n.cfg.Signing.Embedded != nil {
		var err error
		if s.letters, err = n.letters(); err != nil {
			return nil, err
		}
	}
	members, err := s.open(ctx, *n.cfg.Signing)
	if err != nil {
		return nil, err
	}
	spoken := forum{network, n.cfg.Logger("signer")}
	if s.pool, err = placement.New(placement.Config{
		Members: members, Policy: n.cfg.Signing.Policy, Log: n.store, Term: n.sharing.term, Logger: n.cfg.Logger("signer"),
	}); err != nil {
		return nil, err
	}
	key := n.operatorKey()
	generations, err := keygen.New(keygen.Config{
		Key: key, ChainID: follows.chainID, Genesis: follows.genesis, Instance: n.instance(), Log: n.store, Network: spoken,
		Placement: s.pool, Registry: registryOf{n.store}, Term: n.sharing.generation, Height: n.chain.freshHeight, Logger: n.cfg.Logger("signer"),
		Known: n.members.acquainted, Gone: n.sharing.instanceGone, Judge: vault.Judge, RoundTime: n.cfg.Signing.RoundTime,
	})
	if err != nil {
		return nil, err
	}
	s.keygen.Store(generations)
	if s.signing, err = signing.New(signing.Config{
		Self: n.cfg.Operator.Address, Clock: n.chain.clock, Log: countedFindings{log, n.metrics.Inactive}, Source: &agreed{n.members, n.store.Reader, log, key}, Chain: n.chain.source,
		Transactions: bitcoin.NewDirectory(n.cfg.Signing.Transactions, n.cfg.Logger("signer")),
		Backends:     s.pool, Open: spoken.of, Term: n.sharing.term, Logger: n.cfg.Logger("signer"),
		Quote: n.evidence.quote, Observe: n.metrics.Attempted,
	}); err != nil {
		return nil, err
	}
	return s.signing.Handlers(), nil
}

// open opens the way to each backend.
func (s *signers) open(ctx context.Context, cfg SigningConfig) (members []placement.Member, err error) {
	for _, c := range cfg.Backends {
		backend, end, err := s.reach(c)
		if err != nil {
			return nil, fmt.Errorf("signer %s: %w", c.ID, err)
		}
		s.closers = append(s.closers, func() error { end(); return nil })
		members = append(members, placement.Member{Spec: c.Spec, Backend: backend})
	}
	if cfg.Embedded == nil {
		return members, nil
	}
	embedded := *cfg.Embedded
	if s.letters != nil { // a nil one would be no nil interface
		embedded.Mailbox = s.letters
	}
	v, err := vault.Open(ctx, embedded)
	if err != nil {
		return nil, fmt.Errorf("open the signer in this process: %w", err)
	}
	s.closers = append(s.closers, v.Close)
	return append(members, placement.Member{
		Spec: placement.Spec{ID: embeddedSigner, Weight: 1, State: cmp.Or(cfg.EmbeddedState, placement.Active), Where: "in this process"}, Backend: v,
	}), nil
}

// invited hands on that somebody wants to make a wallet with this operator.
func (s *signers) invited(doc []byte) {
	if generations := s.keygen.Load(); generations != nil {
		generations.Invited(doc)
	}
}

// run runs what signs, if anything does, until ctx ends.
func (s *signers) run(ctx context.Context, g *errgroup.Group) {
	if s.signing == nil {
		return
	}
	generations := s.keygen.Load()
	g.Go(func() error { return s.pool.Run(ctx) })
	g.Go(func() error { return generations.Run(ctx) })
	g.Go(func() error { return s.signing.Run(ctx) })
	if s.letters != nil {
		g.Go(func() error { return s.letters.Run(ctx) })
	}
}

// close releases what open acquired.
func (s *signers) close() error {
	var errs []error
	for _, end := range s.closers {
		errs = append(errs, end())
	}
	s.closers = nil
	return errors.Join(errs...)
}

// instance is this instance's name among its siblings; empty of an only node.
func (n *Node) instance() string {
	if n.cfg.Cluster == nil {
		return ""
	}
	return string(n.cfg.Cluster.Instance)
}

func (n *Node) operatorKey() *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(crypto.FromECDSA(n.cfg.Operator.Key))
}

// Keygen returns the node's key generations; nil if it does not sign.
func (n *Node) Keygen() *keygen.Service { return n.signers.keygen.Load() }

// Signers returns the node's signer backends; nil if it does not sign.
func (n *Node) Signers() *placement.Pool { return n.signers.pool }

// backends shows the metrics what is known of the backends, which are opened later.
type backends struct{ node *Node }

// Backends implements metrics.Signers.
func (b backends) Backends() []placement.Status {
	if pool := b.node.Signers(); pool != nil {
		return pool.Backends()
	}
	return nil
}

// registryOf enters wallets as an import does.
type registryOf struct{ store *store.Store }

// ImportWallet implements keygen.Registry.
func (r registryOf) ImportWallet(ctx context.Context, w chain.Wallet) error {
	return r.store.ImportWallet(ctx, w, time.Now())
}

// agreed is what the node knows of a wallet's agreements.
type agreed struct {
	members *membership
	reader  store.Reader
	log     records
	key     *secp256k1.PrivateKey
}

// errNotSaid says that the store has no message that proposed what was agreed on.
var errNotSaid = errors.New("the leader's message is not among the stored ones")

// Wallet implements signing.Source.
func (a *agreed) Wallet(ctx context.Context, id chain.WalletID) (chain.Wallet, error) {
	return a.members.Wallet(ctx, id)
}

// Revoked implements signing.Source.
func (a *agreed) Revoked(ctx context.Context, wallet chain.WalletID, window chain.Height) (bool, error) {
	return a.log.ActionRevoked(ctx, wallet, window)
}

// Statement implements signing.Source. Who led has its envelope; the message around it, which pubsub signs anew for each
// repetition, is signed here once more.
func (a *agreed) Statement(ctx context.Context, o proposal.Order) ([]byte, error) {
	want := signer.Agreed(o.Wallet, o.Window, o.Proposal)
	says := func(payload []byte) bool {
		m, err := proposal.DecodeMessage(payload)
		return err == nil && m.Wallet == o.Wallet && m.Block == o.Window && signer.Agreed(m.Wallet, m.Block, m.Proposal) == want
	}
	words, err := a.reader.LeaderWords(ctx, o.Wallet, o.Window)
	if err != nil {
		return nil, err
	}
	for _, word := range words {
		if !says(word.Payload) {
			continue
		}
		if !word.Own {
			return word.Message, nil
		}
		w, err := a.Wallet(ctx, o.Wallet)
		if err != nil {
			return nil, err
		}
		seqno := binary.BigEndian.AppendUint64(nil, uint64(o.Window)) // any: it is heard by backends alone
		return wire.SignPubsub(a.key, wire.ChannelName(w.Key()), word.Message, seqno).Bytes(), nil
	}
	return nil, fmt.Errorf("window %d: %w", o.Window, errNotSaid)
}
