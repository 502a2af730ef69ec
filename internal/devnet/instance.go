package devnet

import (
	"context"
	"errors"
	"fmt"
	stdnet "net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/keys"
)

// instance is one of several instances of an operator: a process of its own with a directory of its own, the operator's
// key, and the database that it shares with the others.
type instance struct {
	name    string
	of      *operator
	program []string // what runs walletnode
	dir     string
	id      peer.ID
	port    int    // of the network
	api     string // where others reach its API, host and port
	board   string // where its dashboard is, likewise
	// ways lead from this instance to everybody else and from everybody else to it, entrance being the one to it; none if
	// there are no gates to be shut.
	ways     links
	entrance *link
	database *gate // its way to the database, nil likewise

	// supervised says that the instance is started again when it ends by itself, as a service manager does.
	supervised bool

	mu      sync.Mutex
	running *process // nil while it is down
	turn    int      // counts what was done to the process, so that one that has ended knows whether it is still meant
	away    int      // for how many reasons its database is out of reach
	missed  bool     // it was so at some time since the process was started, and since the round began
	ends    []end    // of processes that were started again, and that nobody has asked for

	shown atomic.Uint64 // the height that it last told
}

// newInstance makes an instance's directory with its network key.
func newInstance(of *operator, name string) (*instance, error) {
	it := &instance{name: name, of: of, dir: filepath.Join(of.dir, name)}
	if err := os.Mkdir(it.dir, 0o700); err != nil {
		return nil, err
	}
	key, err := keys.LoadInstance(it.dir)
	if err != nil {
		return nil, err
	}
	if it.id, err = peer.IDFromPrivateKey(key); err != nil {
		return nil, err
	}
	if it.port, err = freePort(); err != nil {
		return nil, err
	}
	for _, address := range []*string{&it.api, &it.board} {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		*address = fmt.Sprintf("127.0.0.1:%d", port)
	}
	return it, nil
}

// url is where clients and the other instances reach the API. They show the token.
func (it *instance) url() string { return "http://" + it.api }

// socket is where the API is for whoever may read the directory, and needs no token.
func (it *instance) socket() string { return "unix://" + socketIn(it.dir) }

// listen is the multiaddr that the instance listens on.
func (it *instance) listen() string { return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", it.port) }

// reached is the multiaddr under which others reach the instance.
func (it *instance) reached() string {
	if it.entrance != nil {
		return it.at(it.entrance.address())
	}
	return it.at(it.listen())
}

// at is the instance's multiaddr for whoever reaches it at an address.
func (it *instance) at(address string) string { return fmt.Sprintf("%s/p2p/%s", address, it.id) }

// newGates puts gates between the instance and its database, and between the network and it.
func (it *instance) newGates(socket string) (err error) {
	if it.database, err = newGate(func() (stdnet.Conn, error) { return stdnet.Dial("unix", socket) }); err != nil {
		return err
	}
	it.entrance, err = it.way(it.of.address, fmt.Sprintf("127.0.0.1:%d", it.port))
	return err
}

// way opens a link that is cut when the instance is.
func (it *instance) way(to chain.Operator, target string) (*link, error) {
	l, err := newLink(it.of.address, to, target)
	if err == nil {
		it.ways = append(it.ways, l)
	}
	return l, err
}

// dsn names the database as the instance reaches it.
func (it *instance) dsn() (string, error) {
	if it.database == nil {
		return it.of.dsn, nil
	}
	u, err := url.Parse(it.of.dsn)
	if err != nil {
		return "", err
	}
	u.Host = it.database.address()
	u.RawQuery = url.Values{"sslmode": {"disable"}}.Encode()
	return u.String(), nil
}

// Of a lease the renewals are a quarter and the margin three twentieths apart, as with the default.
func renewalOf(lease time.Duration) time.Duration { return lease / 4 }
func marginOf(lease time.Duration) time.Duration  { return lease * 3 / 20 }

// writeConfig writes the file that the instance starts from.
func (it *instance) writeConfig(c *localchain.Chain, blockTime, lease time.Duration, peers []string) error {
	dsn, err := it.dsn()
	if err != nil {
		return err
	}
	n := nodeFile{operator: it.of, dir: it.dir, url: c.URL(), listen: it.listen(), peers: peers}
	if it.entrance != nil {
		n.announce = []string{unreachable}
	}
	n.more = fmt.Sprintf(`[store]
dsn = %q

[cluster]
instance_id = %q
lease_ttl = %q
lease_renewal = %q
lease_margin = %q

urls = [%q]
bootstrap = [
%s]

[api]
listen = %q
token_file = %q

[dashboard]
listen = %q

%s`, dsn, it.name, lease, renewalOf(lease), marginOf(lease), it.url(), quoted(it.of.fleet.urls()), it.api, it.of.tokenFile(), it.board, it.of.sharedSigning())
	return n.write(c, blockTime)
}

// start starts the instance's process; failed is told if it ends by itself, unless it is supervised.
func (it *instance) start(ctx context.Context, failed func(error)) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.launch(ctx, failed)
}

// launch starts the process; it.mu is held.
func (it *instance) launch(ctx context.Context, failed func(error)) error {
	it.turn++
	turn := it.turn
	it.missed = it.away > 0
	p, err := launch(ctx, it.program, it.dir, it.socket(), nil, func(err error) {
		if err = fmt.Errorf("instance %s in %s: %w", it.name, it.dir, err); !it.supervised || !transient(err) {
			failed(err)
			return
		}
		if err := it.again(ctx, turn, err, failed); err != nil {
			failed(err)
		}
	})
	if err == nil {
		it.running = p
	}
	return err
}

// respawnPause is how long a supervised instance stays down that ended by itself: less than an operator's service manager
// is told to wait, since the windows are shorter.
const respawnPause = time.Second

// transient reports whether a process ended with the code of a failure that may pass: a start while the database is away is
// one, a crash and a refused configuration are none.
func transient(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// end is how a supervised instance's process ended by itself.
type end struct {
	missed bool  // its database was out of reach at some time while it ran, in this round
	why    error // which instance it was, and its last words
}

// lose and regain say that the instance's way to its database ends, before it does, and that it is there again, after it is.
func (it *instance) lose() {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.away++
	it.missed = true
}

func (it *instance) regain() {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.away--
}

// renew begins a round. The instance is well: what its database did before is no excuse any more.
func (it *instance) renew() {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.missed = it.away > 0
}

// takeEnds returns how processes have ended by themselves since it was asked before.
func (it *instance) takeEnds() []end {
	it.mu.Lock()
	defer it.mu.Unlock()
	ends := it.ends
	it.ends = nil
	return ends
}

// note enters the end of the process of a turn, unless something was done to it meanwhile.
func (it *instance) note(turn int, why error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.turn == turn {
		it.ends = append(it.ends, end{it.missed, why})
	}
}

// again starts a process that ended by itself anew, unless something was done to it meanwhile.
func (it *instance) again(ctx context.Context, turn int, why error, failed func(error)) error {
	it.note(turn, why)
	timer := time.NewTimer(respawnPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil
	}
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.turn != turn || ctx.Err() != nil {
		return nil
	}
	it.running.forget()
	return it.launch(ctx, failed)
}

// process returns the instance's process; nil while it is down.
func (it *instance) process() *process {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.running
}

// take takes the process out of the instance, which is down then.
func (it *instance) take() *process {
	it.mu.Lock()
	defer it.mu.Unlock()
	p := it.running
	it.running = nil
	it.turn++
	return p
}

// Height implements clock: what the instance told last.
func (it *instance) Height() chain.Height { return chain.Height(it.shown.Load()) }

const (
	// askPause is the time between two questions of how far an instance is: less than half of the blocks that the chain may
	// be ahead of it.
	askPause = 200 * time.Millisecond
	// askTimeout bounds one question.
	askTimeout = 5 * time.Second
)

// ask asks the instance how far it is until ctx ends. Who does not answer is where it was.
func (it *instance) ask(ctx context.Context) error {
	client, err := api.NewClient(it.socket())
	if err != nil {
		return err
	}
	defer client.Close()
	ticker := time.NewTicker(askPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		question, cancel := context.WithTimeout(ctx, askTimeout)
		if status, err := client.Status(question); err == nil && status.Head != nil {
			it.shown.Store(uint64(status.Head.Block))
		}
		cancel()
	}
}

// kill ends the instance's process as a power failure would.
func (it *instance) kill() error {
	p := it.take()
	if p.over() { // by itself, a moment ago
		p.forget()
		return nil
	}
	return p.kill()
}

// pause and goOn stop the process where it stands, and let it go on. One that has ended by itself needs neither.
func (it *instance) pause() error { return unlessDone(it.process().pause()) }
func (it *instance) goOn() error  { return unlessDone(it.process().goOn()) }

func unlessDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// halt stops the instance, if it runs, in good order.
func (it *instance) halt() error {
	p := it.take()
	switch {
	case p == nil:
		return nil
	case it.supervised && p.over():
		p.forget()
		return nil
	}
	return p.halt()
}

// close closes the gates; the instance is down.
func (it *instance) close() error {
	err := it.ways.close()
	if it.database != nil {
		err = errors.Join(err, it.database.close())
	}
	return err
}
