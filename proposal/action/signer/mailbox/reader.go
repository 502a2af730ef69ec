package mailbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// retryPause is how long a reader waits after what ended it: a mailbox that is not there yet, a token that is not listed yet.
const retryPause = 30 * time.Second

// Config is what a Reader needs; everything but Dir.
type Config struct {
	Instances feedclient.Instances
	Mailbox   string
	Operator  chain.Operator // whose list of keys is believed
	Dir       string         // where the place is kept
	Logger    *slog.Logger
}

// Reader follows the mailbox and keeps the leaders' messages. It implements vault.Mailbox.
type Reader struct {
	cfg   Config
	board *board
}

// New checks the configuration.
func New(cfg Config) (*Reader, error) {
	if cfg.Instances == nil || cfg.Logger == nil || cfg.Operator.IsZero() {
		return nil, errors.New("a signer's mailbox needs instances, an operator and a logger")
	}
	if err := feed.CheckName(cfg.Mailbox); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	return &Reader{cfg: cfg, board: newBoard()}, nil
}

// Statements returns the leaders' signed messages of a wallet's window that came through the mailbox, oldest first, and what is closed
// when there may be more. The error says why the mailbox is not to be relied on.
func (r *Reader) Statements(wallet chain.WalletID, window chain.Height) (list [][]byte, more <-chan struct{}, err error) {
	return r.board.statements(wallet, window)
}

// Run follows the mailbox until ctx ends. What is wrong with it is logged, and tried again; but what was given otherwise than the
// instance signs is not forgiven until the next start, and nothing is signed from it.
func (r *Reader) Run(ctx context.Context) error {
	for {
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		var blame feed.Blame
		if errors.As(err, &blame) {
			r.distrust(err)
			<-ctx.Done()
			return nil
		}
		r.cfg.Logger.Warn("Mailbox cannot be followed now; nothing is signed that does not come through it", "mailbox", r.cfg.Mailbox, "error", err)
		if pause.For(ctx, retryPause) != nil {
			return nil //nolint:nilerr // it was told to end
		}
	}
}

// follow reads until something ends it. The open epoch is read again after a start, since nothing is kept of it but in memory.
func (r *Reader) follow(ctx context.Context) error {
	f, err := feedclient.Open(feedclient.Config{
		Instances: r.cfg.Instances, Mailbox: r.cfg.Mailbox, Operator: r.cfg.Operator, Dir: r.cfg.Dir, Acknowledge: true, Again: true,
		Logger: r.cfg.Logger, Deliver: r.deliver, Sealed: r.sealed,
	})
	if err != nil {
		return err
	}
	return f.Run(ctx)
}

func (r *Reader) deliver(_ context.Context, d feedclient.Delivery) error {
	err := d.Wrong
	if err == nil {
		err = r.board.put(d.Entry, d.Payload)
	}
	if err != nil {
		r.cfg.Logger.Warn("Entry of the mailbox left out", "mailbox", r.cfg.Mailbox, "entry", uint64(d.Entry.Number), "error", err)
	}
	return nil
}

// sealed looks at who is to blame by an epoch. An outbox that was late owes the mailbox something, and gives it later.
func (r *Reader) sealed(_ context.Context, s feed.Seal, blames []feed.Blame) error {
	for _, b := range blames {
		if b.Reason == feed.Missing {
			r.cfg.Logger.Warn("A stage of the feed did not commit by its deadline", "instance", s.Actor.Instance, "epoch", uint64(s.Epoch), "blame", b.Error())
			continue
		}
		r.distrust(b)
	}
	return nil
}

func (r *Reader) distrust(why error) {
	r.cfg.Logger.Error("The feed is not what its instance signs; nothing is signed from it until the signer is started again", "mailbox", r.cfg.Mailbox, "error", why)
	r.board.distrust(fmt.Errorf("the mailbox is not to be relied on until the signer is started again: %w", why))
}
