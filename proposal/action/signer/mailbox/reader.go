package mailbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// A reader waits after what ended it, such as a mailbox that is not there yet or a token that is not listed yet: firstPause, then twice
// that, and so on up to lastPause.
const firstPause, lastPause = time.Second, 30 * time.Second

// Config is what a Reader needs; everything but Instance, Peers and Dir.
type Config struct {
	Instances feedclient.Instances
	Mailbox   string
	Instance  string         // whose feed the mailbox belongs to for ever; empty: it may move
	Operator  chain.Operator // whose list of keys is believed
	// Peers are other mailboxes, with which this one is compared after each epoch: other signers', and those at other instances.
	Peers  []feedclient.Other
	Dir    string // where the place is kept; empty keeps none, and each start begins with what the mailbox holds
	Logger *slog.Logger
}

// Reader follows one mailbox and keeps the leaders' messages. It implements vault.Mailbox.
type Reader struct {
	cfg   Config
	board *board
	line  *line

	kept     atomic.Pointer[kept] // what the Follower of now keeps; nil before there is one
	findings findings

	// of the loop that follows
	sealed feed.Epoch // the newest epoch whose seal was read
	final  bool       // the instance's own signature shows that it is false
}

// New checks the configuration.
func New(cfg Config) (*Reader, error) {
	if cfg.Instances == nil || cfg.Logger == nil || cfg.Operator.IsZero() {
		return nil, errors.New("a signer's mailbox needs instances, an operator and a logger")
	}
	if err := feed.CheckName(cfg.Mailbox); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	return newReader(cfg, newBell()), nil
}

func newReader(cfg Config, more *bell) *Reader {
	return &Reader{cfg: cfg, board: newBoard(more), line: &line{instances: cfg.Instances, log: cfg.Logger, mailbox: cfg.Mailbox}}
}

// Statements returns the leaders' signed messages of a wallet's window that came through the mailbox, oldest first, and what is closed
// when there may be more. The error says why the mailbox is not to be relied on.
func (r *Reader) Statements(wallet chain.WalletID, window chain.Height) (list [][]byte, more <-chan struct{}, err error) {
	more = r.board.more.heard() // before the look: what comes meanwhile is looked at again
	list, err = r.board.statements(wallet, window)
	return list, more, err
}

// Feed tells how the mailbox fares, and what is wrong with it.
func (r *Reader) Feed() signer.FeedHealth {
	return summary([]*Reader{r}, nil)
}

// state tells how the mailbox fares, and what is wrong with it.
func (r *Reader) state() (state signer.FeedState, detail string) {
	if why := r.board.distrusted(); why != nil {
		return signer.FeedFalse, why.Error()
	}
	return r.line.state()
}

// Run follows the mailbox until ctx ends. What is wrong with it is logged, and tried again. What was given otherwise than the instance
// signs is read anew from the oldest entry that the mailbox holds, and signed from again once a seal shows that all of that is well; what is not
// kept any more is passed over likewise. What the instance's own signature shows to be false is not forgiven until the next start.
func (r *Reader) Run(ctx context.Context) error {
	wait := firstPause
	for {
		began := time.Now()
		err := r.follow(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		var blame feed.Blame
		switch {
		case r.final:
			<-ctx.Done()
			return nil
		case errors.As(err, &blame):
			if err = r.anew(err); err != nil {
				return err
			}
		case errors.Is(err, feedclient.ErrCollected):
			r.line.failed(err)
			if err = r.missed(err); err != nil {
				return err
			}
		default:
			r.line.failed(err)
		}
		if time.Since(began) > lastPause {
			wait = firstPause
		}
		if pause.For(ctx, wait) != nil {
			return nil //nolint:nilerr // it was told to end
		}
		wait = min(2*wait, lastPause)
	}
}

// follow reads until something ends it. The open epoch is read again after a start, since nothing is kept of it but in memory.
func (r *Reader) follow(ctx context.Context) error {
	f, err := feedclient.Open(feedclient.Config{
		Instances: r.line, Mailbox: r.cfg.Mailbox, Operator: r.cfg.Operator, Dir: r.cfg.Dir, Acknowledge: true, Again: true,
		Logger: r.cfg.Logger, Deliver: r.deliver, Sealed: r.seal, Peers: r.cfg.Peers, Compared: r.compared,
	})
	if err != nil {
		return err
	}
	r.kept.Store(&kept{f, f.Serve("")}) // who may ask is for the caller to say
	return f.Run(ctx)
}

func (r *Reader) deliver(_ context.Context, d feedclient.Delivery) error {
	err := d.Wrong
	switch {
	case err != nil:
	case r.cfg.Instance != "" && d.Instance != r.cfg.Instance:
		err = fmt.Errorf("it is of the feed of instance %s", d.Instance)
	default:
		err = r.board.put(d.Entry, d.Payload)
	}
	if err != nil {
		r.cfg.Logger.Warn("Entry of the mailbox left out", "mailbox", r.cfg.Mailbox, "entry", uint64(d.Entry.Number), "error", err)
	}
	return nil
}

// seal looks at who is to blame by an epoch. An outbox that was late owes the mailbox something, and gives it later.
func (r *Reader) seal(_ context.Context, s feed.Seal, blames []feed.Blame) error {
	well := true
	for _, b := range blames {
		switch b.Reason {
		case feed.Missing:
			well = false
			r.cfg.Logger.Warn("A stage of the feed did not commit by its deadline",
				"instance", s.Actor.Instance, "epoch", uint64(s.Epoch), "blame", b.Error())
		case feed.Delivery: // whoever stands between could have done it, too
			return b
		default:
			r.final = true
			r.cfg.Logger.Error("The feed is false by its instance's own signature; nothing is signed from it until the signer is started again",
				"mailbox", r.cfg.Mailbox, "error", b)
			r.board.distrust(fmt.Errorf("the mailbox is not to be relied on until the signer is started again: %w", b), s.Epoch)
			return b
		}
	}
	r.sealed = max(r.sealed, s.Epoch)
	r.board.seal(s.Epoch)
	if well && r.board.trust(s.Epoch) {
		r.cfg.Logger.Info("The mailbox was read anew and is well; leaders' messages are taken from it again",
			"mailbox", r.cfg.Mailbox, "epoch", uint64(s.Epoch))
	}
	return nil
}

// anew begins with what the mailbox holds. What was read is left for people to look at.
func (r *Reader) anew(why error) error {
	r.cfg.Logger.Error("The mailbox is not what its instance signs; it is read anew, and nothing is signed from it until a seal shows that all is well",
		"mailbox", r.cfg.Mailbox, "error", why)
	why = fmt.Errorf("the mailbox was altered on its way, and is not to be relied on before a whole window came through it unaltered: %w", why)
	r.board.distrust(why, r.sealed+1)
	return r.aside(asideEnd)
}

// missed begins with what the mailbox holds, after a signer was away for longer than a mailbox is kept. That is nobody's fault, and what was
// missed is of windows that are over.
func (r *Reader) missed(why error) error {
	r.cfg.Logger.Warn("The signer was away for longer than its mailbox is kept; it goes on with the oldest entry that can be read",
		"mailbox", r.cfg.Mailbox, "error", why)
	return r.aside(goneEnd)
}
