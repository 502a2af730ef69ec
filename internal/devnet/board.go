package devnet

import (
	"context"
	"fmt"
	"log/slog"
	stdnet "net"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/dashboard"
	views "github.com/walletnode/walletnode/internal/view"
)

// board is the devnet's dashboard: the page of the first operator whose node runs in this process. While that node is down,
// because its operator's key is in an actor's hand, it is the page of the next one. It costs nothing while nobody watches.
type board struct {
	server   *dashboard.Server
	listener stdnet.Listener

	mu      sync.Mutex
	running []boarder          // in the order of the operators
	shown   dashboard.Source   // what was shown last, which may be of a node that has ended
	records views.BoardRecords // the last ones shown
	moved   chan struct{}      // closed and replaced when another node may be the one that is shown
	before  uint64             // their version when that node's were first shown: versions go on where another node's ended
}

// boarder is a node that can be shown; rank is its operator's place in the order of the operators.
type boarder struct {
	rank   int
	source dashboard.Source
}

// newBoard takes a loopback address for the page.
func newBoard(ctx context.Context, log *slog.Logger) (*board, error) {
	server, err := dashboard.New(dashboard.Config{Logger: log})
	if err != nil {
		return nil, err
	}
	listener, err := server.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &board{server: server, listener: listener, moved: make(chan struct{})}, nil
}

// url is where the page is.
func (b *board) url() string { return fmt.Sprintf("http://%s/", b.listener.Addr()) }

// serve answers until ctx ends.
func (b *board) serve(ctx context.Context) error { return b.server.Serve(ctx, b.listener) }

// enter has the page show an operator's node, unless it has an earlier one's to show; leave takes it out again.
func (b *board) enter(rank int, source dashboard.Source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, _ := slices.BinarySearchFunc(b.running, rank, byRank)
	b.running = slices.Insert(b.running, at, boarder{rank, source})
	b.move()
	if b.shown == nil {
		b.shown = source
		b.server.Open(b)
	}
}

func (b *board) leave(rank int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, there := slices.BinarySearchFunc(b.running, rank, byRank); there {
		b.running = slices.Delete(b.running, at, at+1)
		b.move()
	}
}

// move ends what follows the node that was shown. b.mu is held.
func (b *board) move() {
	close(b.moved)
	b.moved = make(chan struct{})
}

func byRank(it boarder, rank int) int { return it.rank - rank }

// present returns whose page it is. If no node runs here, it is still the last one's, which says so itself. b.mu is held.
func (b *board) present() dashboard.Source {
	if len(b.running) > 0 && b.running[0].source != b.shown {
		b.shown, b.before = b.running[0].source, b.records.Version
	}
	return b.shown
}

// Board implements dashboard.Source. Records count on where another node's ended: a page takes records of the same version for
// the same.
func (b *board) Board() views.Board {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.present().Board()
	if v.Records.Version == 0 { // the node has not read any yet: the page marks as old what it shows
		v.Records = b.records
		return v
	}
	v.Records.Version += b.before
	v.Live.RecordsVersion += b.before
	b.records = v.Records
	return v
}

// Refresh implements dashboard.Source.
func (b *board) Refresh(ctx context.Context) error { return b.now().Refresh(ctx) }

// News implements dashboard.Source: of the node that is shown, until another one may be.
func (b *board) News(ctx context.Context, changed func()) error {
	b.mu.Lock()
	source, moved := b.present(), b.moved
	b.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-moved:
			cancel()
		case <-ctx.Done():
		}
	}()
	return source.News(ctx, changed)
}

// Signings implements dashboard.Source.
func (b *board) Signings(ctx context.Context, block chain.Height, wallet chain.WalletID) (views.Signings, error) {
	return b.now().Signings(ctx, block, wallet)
}

// Record implements dashboard.Source.
func (b *board) Record(ctx context.Context, block chain.Height, wallet *chain.WalletID) (views.Trace, error) {
	return b.now().Record(ctx, block, wallet)
}

func (b *board) now() dashboard.Source {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.present()
}
