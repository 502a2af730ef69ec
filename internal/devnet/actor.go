package devnet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// actor is an instance on the network that holds an operator's key and no node: it says what it is told to say. It
// reaches the others as every instance does, with a delegation signed by the key, and what it says is sealed and
// signed as a leader's words are.
type actor struct {
	part     part
	key      wire.PublicKey
	host     *net.Host
	bare     host.Host // below it; nil if the actor writes to no stream itself
	channels map[chain.WalletID]*net.Channel
	stop     context.CancelFunc
	begun    chan struct{} // closed when it has something to flood with
	flooded  chan struct{} // closed when it floods no more
	work     sync.WaitGroup

	mu     sync.Mutex
	deeds  []deed
	failed error
}

// hire starts an actor. It connects to the peers of its audience at once and says its lines when the window begins;
// old is what it replays beside what it hears then, if it is to replay.
func hire(
	ctx context.Context, p part, w coordination.Window, o *operator, peers []string, wallets []chain.Wallet,
	genesis chain.Hash, clock *chain.Clock, old [][]byte, log *slog.Logger,
) (*actor, error) {
	instance, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of an actor: %w", err)
	}
	key := secp256k1.PrivKeyFromBytes(ethcrypto.FromECDSA(o.key))
	cfg := node.Terms(net.Config{
		Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Instance: instance, Operator: key, Peers: peers,
	}, localchain.ChainID, genesis)
	a := &actor{part: p, key: wire.PublicKeyOf(key), channels: make(map[chain.WalletID]*net.Channel), begun: make(chan struct{}), flooded: make(chan struct{})}
	deps := net.Deps{Height: clock.Height, Inspect: node.Inspect, Log: log}
	if p.flood != nil {
		if a.bare, err = bareHost(instance); err != nil {
			return nil, err
		}
		a.host, err = net.NewWithHost(a.bare, cfg, deps)
	} else {
		a.host, err = net.New(cfg, deps)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start an actor: %w", err), a.close())
	}
	for _, w := range wallets {
		if a.channels[w.ID()], err = a.host.Join(w); err != nil {
			return nil, errors.Join(fmt.Errorf("start an actor: %w", err), a.close())
		}
	}
	ctx, a.stop = context.WithCancel(ctx)
	a.work.Go(func() { a.fail(a.host.Run(ctx)) })
	for i, l := range p.lines {
		a.work.Go(func() {
			if clock.Until(ctx, w.Block) == nil {
				a.fail(a.say(ctx, clock, w, uint64(i)+1, l)) //nolint:gosec // an index
			}
		})
	}
	if p.flood != nil {
		a.work.Go(func() {
			defer close(a.flooded)
			if clock.Until(ctx, w.Block) == nil {
				a.fail(a.flood(ctx, clock, w, *p.flood, old))
			}
		})
	}
	return a, nil
}

// close closes what an actor has opened.
func (a *actor) close() error {
	var errs []error
	if a.host != nil {
		errs = append(errs, a.host.Close())
	}
	if a.bare != nil {
		errs = append(errs, a.bare.Close())
	}
	return errors.Join(errs...)
}

// heard returns how many operators of the audience have admitted the actor.
func (a *actor) heard() int {
	return len(admitting(a.host))
}

// admitting returns the operators that have admitted a host, each once, with how many of their instances have.
func admitting(h *net.Host) map[chain.Operator]int {
	admitted := make(map[chain.Operator]int)
	for _, p := range h.Peers() {
		if p.State == net.PeerAdmitted && p.TermsKnown && p.AdmitsUs && p.ParamsMatch {
			admitted[p.Operator]++
		}
	}
	return admitted
}

// say says one line, and repeats it as a leader does, to the end of the active phase.
func (a *actor) say(ctx context.Context, clock *chain.Clock, w coordination.Window, sequence uint64, l line) error {
	channel := a.channels[l.wallet]
	envelope, err := channel.Seal(proposal.EncodeMessage(proposal.Message{
		Sender: l.seat, Block: w.Block, Wallet: l.wallet, Proposal: l.proposal,
	}), sequence)
	if err != nil {
		return err
	}
	send := func(ctx context.Context) error { return channel.Publish(ctx, envelope) }
	at := clock.Height()
	if err := send(ctx); err != nil {
		return err
	}
	a.log(deed{
		Kind: deedStatement, Operator: a.part.operator, Wallet: l.wallet, Key: a.key, Envelope: envelope,
		From: at, To: at, Peers: a.heard(), Audience: a.part.audience,
	})
	return net.Retransmit(ctx, clock, at, w.ActiveEnd, send)
}

func (a *actor) log(d deed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deeds = append(a.deeds, d)
}

func (a *actor) fail(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = errors.Join(a.failed, err)
}

// silences returns the deeds of an actor that had nothing to say: one for each wallet that it should have led. An
// actor that was not connected to anybody has none.
func (a *actor) silences(w coordination.Window, elections []election) []deed {
	if len(a.part.lines) > 0 || a.part.flood != nil || a.heard() == 0 {
		return nil
	}
	var deeds []deed
	for _, e := range elections {
		if e.leader == a.part.operator {
			deeds = append(deeds, deed{
				Kind: deedSilence, Operator: a.part.operator, Wallet: e.wallet.ID(),
				From: w.Block, To: w.ActiveEnd - 1, Peers: a.heard(),
			})
		}
	}
	return deeds
}

// dismiss ends the actor and returns what it did.
func (a *actor) dismiss() ([]deed, error) {
	a.stop()
	a.work.Wait()
	return a.deeds, errors.Join(a.failed, a.close())
}
