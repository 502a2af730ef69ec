package check

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/net"
)

// reach is the time to connect to a peer, before it has the configured time to prove its operator.
const reach = 5 * time.Second

// pause is the time between two looks at the peers: nobody tells when one has proved itself.
const pause = 50 * time.Millisecond

// peers connects to each configured peer, as an instance of the operator that exists for this moment only, and waits until it
// has proved for whom it speaks.
func (r *run) peers(ctx context.Context) {
	n := r.Config.Network
	if len(n.Peers) == 0 {
		if n.MDNS {
			r.add("peers", pass("none configured; network.mdns finds those on the local network"))
		} else {
			r.add("peers", warn("add at least one to network.peers", "none configured: the node meets only peers that call it"))
		}
		return
	}
	if process, running := r.running(ctx); running {
		r.add("peers", skip("a node runs (process %s) and knows better: walletnode peers list", process))
		return
	}
	op, err := r.openOperator()
	if err != nil {
		r.add("peers", skip("the operator's key cannot be opened: %v", err))
		return
	}
	if err := r.ask(ctx); err != nil {
		r.add("peers", skip("peers are told which chain we follow, and the endpoint does not answer: %v", err))
		return
	}
	began := time.Now()
	found, err := r.meet(ctx, secp256k1.PrivKeyFromBytes(ethcrypto.FromECDSA(op.Key)))
	if err != nil {
		r.add("peers", fail("check the endpoint first (walletnode check chain)", "%v", err))
		return
	}
	for _, address := range n.Peers {
		v := judgePeer(address, found)
		r.results = append(r.results, Result{r.area, address, v.status, v.detail, v.hint, time.Since(began)})
	}
}

// meet runs a host until every configured peer has proved its operator, or has had its time.
func (r *run) meet(ctx context.Context, operator *secp256k1.PrivateKey) (map[peer.ID]net.PeerInfo, error) {
	genesis, err := r.client.Genesis(ctx)
	if err != nil {
		return nil, err
	}
	instance, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, err
	}
	cfg := node.Terms(net.Config{
		Instance: instance, Operator: operator, Peers: r.Config.Network.Peers, ProofTimeout: r.Config.Network.AdmissionDeadline,
	}, r.chainID, genesis)
	host, err := net.New(cfg, net.Deps{
		Height: func() chain.Height { return r.head.Height }, Inspect: node.Inspect, Log: r.log,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- host.Run(ctx) }()
	found := await(ctx, host, reach+cfg.ProofTimeout)
	cancel()
	err = <-ended
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return found, err
}

// await looks at the peers until each has told all it tells, and returns the most that each has told: one that does not
// know our operator cuts us off after a while.
func await(ctx context.Context, host *net.Host, limit time.Duration) map[peer.ID]net.PeerInfo {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	found := map[peer.ID]net.PeerInfo{}
	for {
		waiting := false
		for _, p := range host.Peers() {
			if !p.Static || told(found[p.ID]) == all {
				continue
			}
			if told(p) >= told(found[p.ID]) {
				found[p.ID] = p
			}
			waiting = waiting || told(p) < all
		}
		if !waiting {
			return found
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return found
		case <-ctx.Done():
			return found
		}
	}
}

// How much a peer has told.
const (
	nothing   = iota // it was not reached
	connected        // it took the call
	proven           // for which operator it speaks
	all              // and whether it admits us
)

// told says how much a peer has told. A peer whose ID is its operator's own key names its operator before anybody has
// reached it, which is no proof.
func told(p net.PeerInfo) int {
	switch {
	case p.ConnectedSince.IsZero():
		return nothing
	case p.Operator.IsZero():
		return connected
	case !p.TermsKnown:
		return proven
	}
	return all
}

func judgePeer(address string, found map[peer.ID]net.PeerInfo) verdict {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return fail("correct network.peers", "%v", err)
	}
	p, tried := found[info.ID]
	switch {
	case !tried:
		return fail("remove it from network.peers if it is this node's own", "was not tried")
	case told(p) == nothing:
		return fail("ask its operator whether it runs, and whether address and peer ID are right", "cannot be reached: %s", p.LastError)
	case told(p) == connected:
		return fail("ask its operator which client and version it runs", "connected, but has not proved its operator: %s", p.LastError)
	case told(p) == all && !p.AdmitsUs:
		return warn("its node keeps only peers that hold seats of its wallets: import the wallets you share on both sides",
			"speaks for operator %v, and does not know ours", p.Operator)
	case told(p) == all && !p.ParamsMatch:
		return warn("one of both runs another version, or follows another chain", "speaks for operator %v, with other protocol parameters", p.Operator)
	}
	return pass("speaks for operator %v", p.Operator)
}
