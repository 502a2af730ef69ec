package net

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/walletnode/walletnode/chain"
)

// maxStaticPeers bounds Config.Peers: each costs a goroutine.
const maxStaticPeers = 256

// Config says who we are on the network and where. The zero value of a field marked so takes the default.
type Config struct {
	// Listen are the multiaddrs to listen on, TCP and QUIC: /ip4/0.0.0.0/tcp/3919, /ip4/0.0.0.0/udp/3919/quic-v1.
	Listen []string
	// Announce are the multiaddrs that peers are told to reach us at, without /p2p/: where a forwarded port or a proxy
	// stands in front of us. Empty: those we listen on. NewWithHost ignores it.
	Announce []string
	// Instance is this instance's own libp2p key (Ed25519); the caller keeps it. NewWithHost ignores it.
	Instance crypto.PrivKey
	// Operator is the operator's key: it signs messages and this instance's delegation.
	Operator *secp256k1.PrivateKey
	// Peers are multiaddrs with /p2p/ that are admitted and kept connected, whoever they speak for; at most 256.
	Peers []string
	// MDNS finds peers on the local network. It is for development: it tells the network we are there.
	MDNS bool
	// Schedule bounds for which windows messages are kept.
	Schedule Schedule
	// Params is a digest of the protocol parameters this node runs with. Peers with another one are told apart
	// (Channel.Mismatched).
	Params [32]byte
	// ProofTimeout is how long a connected peer has to prove an operator we know. Default 5 s.
	ProofTimeout time.Duration
	// DelegationLifetime is for how long each delegation of ours is valid; it is renewed at half of that. At most
	// 30 days. Default 24 h.
	DelegationLifetime time.Duration
	// Limits bound what one operator's instances can send together, or one peer of no operator we know. Default:
	// defaultLimits.
	Limits Limits
}

// Limits are token buckets per forwarding operator; they stand before signature verification (rule R6). A bucket holds
// at most its burst and refills at its rate. An RPC beyond them is dropped whole. All instances of an operator draw on
// one set of buckets: otherwise a new key would be worth full ones.
type Limits struct {
	MessagesPerSecond float64 // an RPC costs one, and one more for each message in it
	MessageBurst      int
	BytesPerSecond    float64
	ByteBurst         int // at least 1 MiB, or the network's longest message could never pass
}

// defaultLimits let each of an operator's busy instances forward the messages of 1000 wallets that all begin at one block
// (which costs 2000), and as much as one author can have them relay besides (ledger.relay: 2048); then 100 a second each,
// a hundredth of what one core verifies.
func defaultLimits() Limits {
	return Limits{
		MessagesPerSecond: 100 * busyInstances, MessageBurst: 4096 * busyInstances,
		BytesPerSecond: 1 << 20 * busyInstances, ByteBurst: 16 << 20 * busyInstances,
	}
}

// Deps are the parts of the node that the network calls.
type Deps struct {
	// Height returns the height known now; every message is stamped with it (rule R1). It must not block.
	Height func() chain.Height
	// Inspect decodes a coordination message as far as the network has to understand it.
	Inspect Inspector
	// Spoken is told of what is said with our operator's key by anybody but this instance, a sibling or a thief: see
	// Ear.Hear. It may be nil. It is called by several goroutines at once, whether or not this instance serves the wallet.
	Spoken func(Message)
	// Invited is told of each document that a peer offers (see Host.Invite), admitted or not: nothing about it was checked,
	// and the same one can come again. It may be nil. It must return at once; it is called by several goroutines at once.
	Invited func(doc []byte, from peer.ID)
	// Inquiries are what other operators may ask this node, and it may ask them.
	Inquiries []Inquiry
	Log       *slog.Logger
}

// Validate joins every complaint about the configuration.
func (c Config) Validate() error {
	var errs []error
	for _, addr := range c.Listen {
		if _, err := ma.NewMultiaddr(addr); err != nil {
			errs = append(errs, fmt.Errorf("listen: %w", err))
		}
	}
	if _, err := c.announced(); err != nil {
		errs = append(errs, err)
	}
	if c.Operator == nil {
		errs = append(errs, errors.New("operator: no key"))
	}
	if len(c.Peers) > maxStaticPeers {
		errs = append(errs, fmt.Errorf("peers: %d are more than %d", len(c.Peers), maxStaticPeers))
	}
	for _, addr := range c.Peers {
		if _, err := peer.AddrInfoFromString(addr); err != nil {
			errs = append(errs, fmt.Errorf("peers: %q: %w", addr, err))
		}
	}
	if err := c.Schedule.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("schedule: %w", err))
	}
	if c.ProofTimeout <= 0 {
		errs = append(errs, fmt.Errorf("proof timeout: %v is not positive", c.ProofTimeout))
	}
	if c.DelegationLifetime < 2*clockSkew || c.DelegationLifetime > maxLifetime {
		errs = append(errs, fmt.Errorf("delegation lifetime: %v is not within %v .. %v", c.DelegationLifetime, 2*clockSkew, maxLifetime))
	}
	return errors.Join(append(errs, c.Limits.validate())...)
}

func (l Limits) validate() error {
	if l.MessagesPerSecond <= 0 || l.MessageBurst < 1 || l.BytesPerSecond <= 0 || l.ByteBurst < 1<<20 {
		return fmt.Errorf("limits: %+v: rates must be positive and the byte burst at least 1 MiB", l)
	}
	return nil
}

// times returns the limits of n times as many instances.
func (l Limits) times(n int) Limits {
	return Limits{
		MessagesPerSecond: float64(n) * l.MessagesPerSecond, MessageBurst: n * l.MessageBurst,
		BytesPerSecond: float64(n) * l.BytesPerSecond, ByteBurst: n * l.ByteBurst,
	}
}

func (c Config) withDefaults() Config {
	if c.ProofTimeout == 0 {
		c.ProofTimeout = 5 * time.Second
	}
	if c.DelegationLifetime == 0 {
		c.DelegationLifetime = 24 * time.Hour
	}
	if c.Limits == (Limits{}) {
		c.Limits = defaultLimits()
	}
	return c
}

func (d Deps) validate() error {
	if d.Height == nil || d.Inspect == nil || d.Log == nil {
		return errors.New("network needs a height, an inspector and a logger")
	}
	for _, q := range d.Inquiries {
		if q.Protocol == "" || q.MaxRequest < 1 || q.MaxAnswer < 1 || q.Answer == nil {
			return fmt.Errorf("inquiry %q: it needs a protocol, bounds and who answers", q.Protocol)
		}
	}
	return nil
}

// staticPeers reads Config.Peers; several addresses of one peer become one entry.
func (c Config) staticPeers() ([]peer.AddrInfo, error) {
	addrs := make([]ma.Multiaddr, len(c.Peers))
	for i, s := range c.Peers {
		addr, err := ma.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("read peer address: %w", err)
		}
		addrs[i] = addr
	}
	infos, err := peer.AddrInfosFromP2pAddrs(addrs...)
	if err != nil {
		return nil, fmt.Errorf("read peer addresses: %w", err)
	}
	return infos, nil
}

// announced reads Config.Announce.
func (c Config) announced() ([]ma.Multiaddr, error) {
	addrs := make([]ma.Multiaddr, len(c.Announce))
	for i, s := range c.Announce {
		addr, err := ma.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("announce: %w", err)
		}
		addrs[i] = addr
	}
	return addrs, nil
}

// rosterDigest is what two operators compare to learn whether they mean the same wallet by its name: the key and the
// operator of every seat.
func rosterDigest(w chain.Wallet) [32]byte {
	h := sha256.New()
	key := w.Key()
	h.Write([]byte("walletnode-roster-1:")) // a hash's Write never fails
	h.Write(key[:])
	for _, op := range w.Roster() {
		h.Write(op[:])
	}
	return [32]byte(h.Sum(nil))
}
