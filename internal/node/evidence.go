package node

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
)

// Inquirer is a network on which operators ask each other. A Network that is none, or no Forum, leaves its node without the exchange
// of evidence.
type Inquirer interface {
	// Inquire opens a line to an operator, for one of net.Deps.Inquiries.
	Inquire(ctx context.Context, name string, of chain.Operator) (exchange.Line, error)
}

// Inquire implements Inquirer.
func (l libp2pNetwork) Inquire(ctx context.Context, name string, of chain.Operator) (exchange.Line, error) {
	line, err := l.Host.Inquire(ctx, protocol.ID(name), of)
	if err != nil {
		return nil, err // not the nil *net.Line, which as an interface would not be nil
	}
	return line, nil
}

// attestation is the node's exchange of evidence with other operators. The network and the metrics have it before there is a service to ask.
type attestation struct {
	service atomic.Pointer[exchange.Service] // nil where the network cannot carry it, and before it is made
	heads   *sentLog                         // of an only node that has a directory, else nil
}

// inquiries are what others may ask about evidence.
func (a *attestation) inquiries() []net.Inquiry {
	var all []net.Inquiry
	for _, q := range exchange.Inquiries(a.service.Load) {
		all = append(all, net.Inquiry{Protocol: protocol.ID(q.Protocol), MaxRequest: q.MaxRequest, MaxAnswer: q.MaxAnswer, Answer: q.Answer})
	}
	return all
}

// society is a network as the exchange of evidence uses it.
type society struct {
	Forum
	Inquirer
}

// Open implements exchange.Network.
func (s society) Open(c exchange.Conversation) (exchange.Topic, error) {
	t, err := s.OpenTopic(net.TopicConfig{
		Name: c.Name, Operators: c.Operators, MaxMessage: c.MaxMessage, PerOperator: c.PerOperator, Repeat: c.Repeat, Memory: c.Memory,
	})
	if err != nil {
		return nil, err
	}
	return debate{t}, nil
}

// debate is a Talk as an exchange.Topic.
type debate struct{ Talk }

// Next implements exchange.Topic.
func (d debate) Next(ctx context.Context) (exchange.Said, error) {
	said, err := d.Talk.Next(ctx)
	return exchange.Said{By: said.By, Data: said.Data, Signed: said.Signed}, err
}

// attest assembles the exchange of evidence, if the network can carry it. Before anything is signed or proposed, what a database that was
// put back has forgotten of this node's heads is noted; instances do so when their session begins.
func (n *Node) attest(ctx context.Context, follows identity) error {
	forum, talks := n.network.(Forum)
	inquirer, asks := n.network.(Inquirer)
	if !talks || !asks {
		return nil
	}
	cfg := store.EvidenceConfig{Self: n.cfg.Operator.Address, Newest: func() time.Time { return n.chain.clock.Head().Time }}
	switch {
	case n.sharing.siblings != nil:
		cfg.Seal, cfg.Journal = n.sharing.siblings.custody.seal, mended{n.home.heads}
	case n.cfg.Dir != "":
		journal, err := openSentLog(filepath.Join(n.cfg.Dir, headsFile), n.cfg.Logger("evidence"))
		if err != nil {
			return err
		}
		n.evidence.heads, cfg.Journal = journal, mended{journal}
	}
	log := n.store.Evidence(cfg)
	if n.sharing.siblings == nil {
		if err := log.Recall(ctx); err != nil {
			return err
		}
	}
	service, err := exchange.New(exchange.Config{
		Chain: follows.chainID, Key: n.operatorKey(), Instance: n.instance(), Clock: n.chain.clock, Log: log,
		Network: society{forum, inquirer}, Wallets: n.members.Latest, Logger: n.cfg.Logger("evidence"),
	})
	if err != nil {
		return err
	}
	n.evidence.service.Store(service)
	return nil
}

// mended is a journal that nobody else opens anew when it is broken.
type mended struct{ *sentLog }

// Append implements cluster.Log.
func (m mended) Append(e cluster.Entry) error {
	if err := m.heal(); err != nil {
		return err
	}
	return m.sentLog.Append(e)
}

// journals is all that an instance has written down of what it sent, proposals and heads: what a database that may have forgotten is compared
// with.
type journals struct {
	*sentLog
	heads *sentLog
}

// Entries implements cluster.Log.
func (j journals) Entries() ([]cluster.Entry, error) {
	proposed, err := j.sentLog.Entries()
	if err != nil {
		return nil, err
	}
	attested, err := j.heads.Entries()
	return append(proposed, attested...), err
}

// Evidence returns the node's exchange of evidence with other operators; nil if its network cannot carry it.
func (n *Node) Evidence() *exchange.Service { return n.evidence.service.Load() }

// Exchanged implements metrics.Evidence.
func (a *attestation) Exchanged() exchange.Counters {
	if service := a.service.Load(); service != nil {
		return service.Counters()
	}
	return exchange.NewCounters()
}

// quote hands on what was heard about signatures: who acts on a leader's word cannot attest that it was silent.
func (a *attestation) quote(signed []byte) {
	if service := a.service.Load(); service != nil {
		service.Quote(signed)
	}
}

// witnessing returns a wallet's journal that tells the exchange when somebody is found to have said two things; without an exchange, the
// journal.
func (a *attestation) witnessing(journal coordination.Journal) coordination.Journal {
	if service := a.service.Load(); service != nil {
		return &witnessed{Journal: journal, contradicted: service.Proved}
	}
	return journal
}

// close releases what was opened for it.
func (a *attestation) close() error {
	if a.heads == nil {
		return nil
	}
	defer func() { a.heads = nil }()
	return a.heads.close()
}

// errNoSession says that nothing can be proved to the store now.
var errNoSession = fmt.Errorf("%w: %w", cluster.ErrSessionLost, chain.ErrNotServed)

// seal returns what proves this instance's session to the store; errNoSession between sessions.
func (c *custody) seal() (cluster.Seal, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenure == nil || c.tenure.Left() <= 0 {
		return cluster.Seal{}, errNoSession
	}
	return c.tenure.Seal(), nil
}

// witnessed is a wallet's journal, which tells when somebody is found to have said two things.
type witnessed struct {
	coordination.Journal
	contradicted func()

	mu    sync.Mutex
	first map[author]said // of the newest window; at most one for each operator of the wallet
}

type author struct {
	window   chain.Height
	operator chain.Operator
}

type said [32]byte

// SaveStatement implements coordination.Journal. The store makes the proof in the same transaction.
func (w *witnessed) SaveStatement(ctx context.Context, s coordination.Statement) error {
	if err := w.Journal.SaveStatement(ctx, s); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	who := author{s.Window, s.Author}
	known, spoke := w.first[who]
	switch {
	case spoke && known != s.Digest:
		w.contradicted()
	case !spoke:
		for other := range w.first {
			if other.window < s.Window {
				delete(w.first, other)
			}
		}
		if w.first == nil {
			w.first = map[author]said{}
		}
		w.first[who] = s.Digest
	}
	return nil
}
