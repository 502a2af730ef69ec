package devnet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

const (
	// floodBy is the block of a window at which the chain stands still until a flood is over, however slow the machine; as many are left to the
	// active phase at least where it begins later.
	floodBy = 10
	// encouragement is the time after which the chain goes on by one block while the flooder has nothing to replay: a minute for what is left of
	// the active phase, in which a leader says everything again after 11, 20 and 37 blocks.
	encouragement = time.Second
	// mostFresh statements are made, and mostReplays messages sent to each node, if nobody objects.
	mostFresh   = 512
	mostReplays = 1 << 18
	// replaysAtOnce go in one RPC. With the longest of the devnet's messages it stays below the network's 1 MiB.
	replaysAtOnce = 512
)

// flood is what a flooder sends on one wallet's channel: ever new statements, or again and again what leaders have said.
type flood struct {
	wallet  chain.WalletID
	seat    chain.Seat
	replays bool
}

// bareHost is a libp2p host whose streams the actor can write to itself: what honest nodes send never repeats what others
// have signed.
func bareHost(instance crypto.PrivKey) (host.Host, error) {
	h, err := libp2p.New(libp2p.Identity(instance), libp2p.NoListenAddrs, libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		return nil, fmt.Errorf("start the host of an actor: %w", err)
	}
	return h, nil
}

// flood sends until everybody has hung up.
func (a *actor) flood(ctx context.Context, clock *chain.Clock, w coordination.Window, f flood, old [][]byte) error {
	if !f.replays {
		close(a.begun)
		return a.inundate(ctx, clock, w, f)
	}
	hearing, cancel := context.WithTimeoutCause(ctx, gathering, errors.New("there is nothing of this window to replay"))
	defer cancel()
	if err := until(hearing, func() (bool, error) {
		heard := a.channels[f.wallet].Take(w.Block)
		for _, m := range heard {
			old = append(old, m.Signed)
		}
		return len(heard) > 0, nil
	}); err != nil {
		return err
	}
	close(a.begun)
	return a.replay(ctx, clock, w, f, old)
}

// inundate says one thing after the other in a leader's form.
func (a *actor) inundate(ctx context.Context, clock *chain.Clock, w coordination.Window, f flood) error {
	from, peers := clock.Height(), a.heard()
	n := 0
	for ; n < mostFresh && a.heard() > 0 && clock.Height() < w.ActiveEnd; n++ {
		said := proposal.Redemption{OutputScripts: [][]byte{nobodysScript(w)}, TxFee: big.NewInt(int64(smallFee + n))}
		envelope, err := a.channels[f.wallet].Seal(proposal.EncodeMessage(proposal.Message{
			Sender: f.seat, Block: w.Block, Wallet: f.wallet, Proposal: said,
		}), uint64(n)+1) //nolint:gosec // a count
		if err != nil {
			return err
		}
		at := clock.Height()
		a.log(deed{
			Kind: deedStatement, Operator: a.part.operator, Wallet: f.wallet, Key: a.key, Envelope: envelope,
			From: at, To: at, Peers: peers,
		})
		if err := a.channels[f.wallet].Publish(ctx, envelope); err != nil {
			return err
		}
	}
	a.logFlood(clock, f, from, deed{Sent: n, Peers: peers})
	return nil
}

// replay sends what others have signed to every node of the audience, to each until it hangs up.
func (a *actor) replay(ctx context.Context, clock *chain.Clock, w coordination.Window, f flood, signed [][]byte) error {
	from, peers := clock.Height(), a.heard()
	rpc := replayRPC(signed)
	var all sync.WaitGroup
	var mu sync.Mutex
	least := mostReplays
	for _, id := range a.bare.Network().Peers() {
		all.Go(func() {
			sent := 0
			for sent < mostReplays && clock.Height() < w.ActiveEnd && a.pour(ctx, id, rpc, &sent) {
			}
			mu.Lock()
			defer mu.Unlock()
			least = min(least, sent)
		})
	}
	all.Wait()
	a.logFlood(clock, f, from, deed{Sent: least, Peers: peers, Replayed: signed})
	return nil
}

// pour opens a stream to a node and writes to it until it breaks: the node has hung up, or pubsub has put a stream of its
// own in its place. False if there is no connection any more.
func (a *actor) pour(ctx context.Context, id peer.ID, rpc []byte, sent *int) bool {
	s, err := a.bare.NewStream(network.WithNoDial(ctx, "only who is connected"), id, pubsub.FloodSubID)
	if err != nil {
		return a.bare.Network().Connectedness(id) == network.Connected && ctx.Err() == nil
	}
	defer func() { _ = s.Reset() }() // how it ends is of no interest
	for *sent < mostReplays && ctx.Err() == nil {
		if _, err := s.Write(rpc); err != nil {
			break
		}
		*sent += replaysAtOnce
	}
	return ctx.Err() == nil
}

// replayRPC is an RPC of pubsub, with its length before it, that holds signed messages by turns, byte for byte.
func replayRPC(signed [][]byte) []byte {
	const publish = 2<<3 | 2 // field 2, a message: RPC.publish
	var rpc bytes.Buffer
	for i := range replaysAtOnce {
		m := signed[i%len(signed)]
		rpc.Write(binary.AppendUvarint([]byte{publish}, uint64(len(m)))) // a buffer's Write never fails
		rpc.Write(m)
	}
	return append(binary.AppendUvarint(nil, uint64(rpc.Len())), rpc.Bytes()...)
}

func (a *actor) logFlood(clock *chain.Clock, f flood, from chain.Height, d deed) {
	d.Kind, d.Operator, d.Wallet, d.Instance = deedFlood, a.part.operator, f.wallet, a.host.ID().String()
	d.From, d.To = from, clock.Height()
	a.log(d)
}

// endure lets the chain go on once the flood is over and the honest leaders were heard through it. A slow machine takes
// longer for what the flooder has sent than an active phase of a few seconds lasts; a real one lasts a quarter of an hour.
// Who has heard nothing in time is the judge's business.
func (a *act) endure(ctx context.Context, it *actor) error {
	if err := a.standStill(ctx, a.window.Block+floodBy); err != nil {
		return err
	}
	if err := a.encourage(ctx, it, encouragement); err != nil {
		return err
	}
	select {
	case <-it.flooded:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	digesting, cancel := context.WithTimeout(ctx, forbearance)
	defer cancel()
	err := until(digesting, func() (bool, error) { return a.leadersHeard(digesting) })
	if ctx.Err() == nil && digesting.Err() != nil {
		return nil
	}
	return err
}

// encourage lets the chain go on by a block now and then until the flooder has something to flood with. At a stand nobody tries again what has
// failed, as nodes do with each head, and a leader whose clock has gone stale does not lead; and what a flooder has missed whom the leader did not
// know to be on the channel yet is said again at later blocks only.
func (a *act) encourage(ctx context.Context, it *actor, pause time.Duration) error {
	for at := a.window.Block + floodBy; at+floodBy < a.window.ActiveEnd; {
		timer := time.NewTimer(pause)
		select {
		case <-it.begun:
			timer.Stop()
			return nil
		case <-it.flooded: // it has given up
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
		at++
		if err := a.standStill(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// leadersHeard reports whether every running node has recorded a message of each wallet's leader that runs too.
func (a *act) leadersHeard(ctx context.Context) (bool, error) {
	for _, o := range a.operators {
		if o.running == nil {
			continue
		}
		detail, err := o.record(ctx, a.window.Block)
		if err != nil {
			return false, err
		}
		for _, e := range a.elections {
			if e.leader != o.address && a.operator(e.leader).running != nil && !heard(detail, e) {
				return false, nil
			}
		}
	}
	return true, nil
}

// heardBefore returns what the leader of a wallet signed in the window before, as an honest node has it. It is empty if
// that leader said nothing, or is the one who wants to replay it: his own words are no replay.
func (a *act) heardBefore(ctx context.Context, wallet chain.WalletID, by chain.Operator) ([][]byte, error) {
	before := a.window.Block - (coordination.RFC12().Next(a.window.Block).Block - a.window.Block)
	for _, o := range a.operators {
		detail, err := o.record(ctx, before)
		if err != nil {
			return nil, err
		}
		var signed [][]byte
		for _, row := range detail.Wallets {
			for _, s := range row.Statements {
				if row.Wallet == wallet && s.Author == row.Leader && s.Author != by && len(s.Signed) > 0 {
					signed = append(signed, s.Signed)
				}
			}
		}
		if len(signed) > 0 {
			return signed, nil
		}
	}
	return nil, nil
}

// shun waits until every node has cut the flooders off, at most to the window's end, and notes until when they are.
func (a *act) shun(ctx context.Context) error {
	for _, it := range a.actors {
		f := it.part.flood
		if f == nil {
			continue
		}
		for a.clock.Height() < a.window.End && !a.shunned(ctx, it) {
			if err := a.clock.Until(ctx, a.clock.Height()+1); err != nil {
				return err
			}
		}
		if !f.replays { // the author is refused, and his own node is one of his instances
			a.refused[it.part.operator] = coordination.RFC12().Next(a.window.Block).Block
		}
	}
	for _, o := range a.operators {
		a.refusing[o.address] = a.refusals(ctx, o)
	}
	return nil
}

func (a *act) shunned(ctx context.Context, it *actor) bool {
	for _, o := range a.operators {
		if _, refused := a.refusals(ctx, o)[it.host.ID().String()]; o.running != nil && !refused {
			return false
		}
	}
	return true
}

// refusals returns which of the devnet's instances a node refuses, by its list of peers.
func (a *act) refusals(ctx context.Context, o *operator) map[string]chain.Operator {
	ours := make(map[string]chain.Operator)
	for _, other := range a.operators {
		ours[other.id.String()] = other.address
	}
	for _, it := range a.actors {
		ours[it.host.ID().String()] = it.part.operator
	}
	refused := make(map[string]chain.Operator)
	if o.running == nil {
		return refused
	}
	for _, id := range o.running.refused(ctx) {
		if op, known := ours[id]; known {
			refused[id] = op
		}
	}
	return refused
}
