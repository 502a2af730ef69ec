package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

func feedFollowCommand() *cli.Command {
	return &cli.Command{
		Name:  "follow",
		Usage: "tell what comes into a mailbox, verified as it is read, until interrupted",
		Description: "With --state it goes on where it was at the next start, acknowledges what it has told, and keeps epochs; without, it begins\n" +
			"with the oldest entry that the mailbox holds, and leaves no trace. It ends with an error if the mailbox's chain is broken; what an\n" +
			"epoch's seal shows beyond that it tells, and goes on. With cluster.bootstrap it goes where the mailbox is.\n\n" +
			"Epochs are kept until other subscribers confirm that they got the same: with --peer by itself after each epoch, and with \"feed\n" +
			"compare\" by hand. --policy says what becomes of those that nobody confirmed, beyond --epochs. With hold it reads on by itself\n" +
			"once all of --peer confirm one; without --peer it ends, and reads on after \"feed compare\".\n" +
			"What a comparison proves is kept in --state, and told.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "mailbox", Usage: "the `MAILBOX` to follow"},
			&cli.StringFlag{Name: "state", Usage: "keep the place in this `DIRECTORY`, and acknowledge"},
			&cli.StringFlag{Name: "policy", Usage: "what becomes of epochs that are not verified with another subscriber, beyond --epochs: compress (to their heads), `drop`, or hold (read no more); as before with --state, and compress at first"},
			&cli.IntFlag{Name: "epochs", Value: feedclient.DefaultPolicy.Keep, Usage: "so many `EPOCHS` are kept whole, 4096 at most"},
			&cli.StringFlag{Name: "export", Usage: "write the epochs that are kept whole to this `FILE`, anew with each"},
			&cli.StringFlag{Name: "serve", Usage: "answer other subscribers who compare at this `ADDRESS`, host:port, those who show --peer-token"},
			&cli.StringFlag{Name: "serve-cert", Usage: "serve with this TLS certificate, a `FILE`; needed for other machines"},
			&cli.StringFlag{Name: "serve-key", Usage: "the certificate's key, a `FILE`"},
			&cli.StringSliceFlag{Name: "peer", Usage: "compare with the subscriber that serves at this `URL` after each epoch; can be repeated"},
			jsonFlag(),
		}, peerFlags()...),
		Action: followFeed,
	}
}

func followFeed(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if c.String("mailbox") == "" {
		return usageErrorf("feed follow needs --mailbox MAILBOX")
	}
	policy, err := feedPolicy(c)
	if err != nil {
		return err
	}
	operator, err := feedOperator(c)
	if err != nil {
		return err
	}
	for _, peer := range c.StringSlice("peer") {
		if !isURL(peer) { // what does not change needs to be compared with once
			return usageErrorf("--peer %s: want the URL at which a subscriber serves; \"feed compare\" takes files", peer)
		}
	}
	peers, err := feedPeers(c, c.StringSlice("peer"))
	if err != nil {
		return err
	}
	counter, err := openCounter(c)
	if err != nil {
		return err
	}
	defer counter.close()
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return following(c, func(node *api.Client) error {
		t := &teller{c: c}
		t.follower, err = feedclient.Open(feedclient.Config{
			Instances: node, Mailbox: c.String("mailbox"), Operator: operator, Dir: c.String("state"), Acknowledge: c.String("state") != "",
			Policy: policy, Deliver: t.entry, Sealed: t.epoch, Lost: t.lost, Peers: peers, Compared: t.compared,
		})
		if errors.Is(err, feedclient.ErrOtherMailbox) || errors.Is(err, feedclient.ErrOtherOperator) || errors.Is(err, feed.ErrMalformed) {
			return exit(codeUsage, err)
		}
		if err != nil {
			return err
		}
		if err := counter.beside(ctx, t.follower); ctx.Err() == nil {
			return lost(api.Explained(err), "feed mailboxes")
		}
		return nil
	})
}

// feedPolicy is how epochs are kept; zero is as before.
func feedPolicy(c *cli.Context) (p feed.Policy, err error) {
	if !c.IsSet("policy") && !c.IsSet("epochs") {
		return p, nil
	}
	p = feed.Policy{Keep: c.Int("epochs"), Then: feedclient.DefaultPolicy.Then}
	if c.IsSet("policy") {
		if p.Then, err = feed.ParseThen(c.String("policy")); err != nil {
			return p, usageErrorf("--policy: %w", err)
		}
	}
	if p.Keep < 1 || p.Keep > feed.MaxKeep {
		return p, usageErrorf("--epochs: want 1 to %d, have %d", feed.MaxKeep, p.Keep)
	}
	return p, nil
}

// feedOperator is whose lists of keys are believed: the configured key's; zero without one, and then whose comes first.
func feedOperator(c *cli.Context) (chain.Operator, error) {
	cfg, err := onlineConfig(c)
	if err != nil || cfg.Operator.KeyFile == "" {
		return chain.Operator{}, err
	}
	file, err := keys.Inspect(cfg.Operator.KeyFile)
	return file.Address, err
}

// teller shows what a follower reads, and what comparisons come to, which another goroutine tells.
type teller struct {
	c        *cli.Context
	follower *feedclient.Follower
	mu       sync.Mutex // one of the two writes at a time
}

// compared cannot fail: a stdout that is gone ends the command with the next entry.
func (t *teller) compared(_ context.Context, c feedclient.Comparison) {
	t.mu.Lock()
	defer t.mu.Unlock()
	doc := view.NewFeedComparison(c)
	if t.c.Bool("json") {
		_ = jsonLines(t.c.App.Writer).Encode(view.FeedLine{Compared: &doc})
		return
	}
	_ = writeFeedComparison(t.c.App.Writer, doc)
}

func (t *teller) entry(_ context.Context, d feedclient.Delivery) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := view.NewFeedEntry(d.Instance, d.Entry, d.Payload, d.Wrong)
	if t.c.Bool("json") {
		return jsonLines(t.c.App.Writer).Encode(view.FeedLine{Entry: &e})
	}
	return writeFeedEntry(t.c.App.Writer, e, len(d.Payload))
}

func (t *teller) lost(_ context.Context, h feed.Handover) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := view.NewFeedLoss(h)
	if t.c.Bool("json") {
		return jsonLines(t.c.App.Writer).Encode(view.FeedLine{Lost: &l})
	}
	after := "any seal"
	if l.Sealed != nil {
		after = fmt.Sprintf("the seal of epoch %d", *l.Sealed)
	}
	_, err := fmt.Fprintf(t.c.App.Writer, "%s has lost data: what came after %s is void, and what is left of it comes again after entry %d\n", printable(l.Instance), after, l.Goes)
	return err
}

func (t *teller) epoch(_ context.Context, s feed.Seal, blames []feed.Blame) error {
	if file := t.c.String("export"); file != "" {
		if err := replaceExport(file, t.follower.Export()); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e := view.NewFeedEpoch(s, blames)
	if t.c.Bool("json") {
		return jsonLines(t.c.App.Writer).Encode(view.FeedLine{Epoch: &e})
	}
	var out strings.Builder
	fmt.Fprintf(&out, "epoch %d of %s is sealed", e.Epoch, printable(e.Instance))
	if len(e.Blames) == 0 {
		out.WriteString(", and all of it is verified")
	}
	for _, b := range e.Blames {
		fmt.Fprintf(&out, "; %s", describeBlame(b))
	}
	_, err := io.WriteString(t.c.App.Writer, out.String()+"\n")
	return err
}

// replaceExport writes the file anew, so that one of the two is always whole.
func replaceExport(file string, x feed.Export) error {
	beside := file + ".new"
	if err := os.WriteFile(beside, x.Encode(), 0o600); err != nil {
		return fmt.Errorf("--export: %w", err)
	}
	return os.Rename(beside, file)
}

func writeFeedEntry(w io.Writer, e view.FeedEntry, size int) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s", e.Number, e.Kind)
	if e.Kind == "gap" {
		fmt.Fprintf(&out, " in epoch %d: the mailbox was full, and nothing from record %d on was kept", e.Epoch, e.Record)
	} else {
		fmt.Fprintf(&out, " of wallet %v, epoch %d, record %d of %s", e.Wallet, e.Epoch, e.Record, printable(e.Source))
	}
	switch {
	case e.Wrong != "":
		fmt.Fprintf(&out, ": %s", printable(e.Wrong))
	case e.Event != nil:
		out.WriteString(": ")
		return writeEventAfter(w, &out, *e.Event)
	case e.Kind != "gap":
		fmt.Fprintf(&out, " (%d bytes)", size)
	}
	_, err := io.WriteString(w, out.String()+"\n")
	return err
}

// writeEventAfter ends a line with what an event says.
func writeEventAfter(w io.Writer, begun *strings.Builder, e view.Event) error {
	if _, err := io.WriteString(w, begun.String()); err != nil {
		return err
	}
	return writeEvent(w, e)
}

func describeBlame(b view.FeedBlame) string {
	text := fmt.Sprintf("%s %s", printable(b.Actor), b.Reason)
	if b.Record != 0 {
		text += fmt.Sprintf(" (record %d)", b.Record)
	}
	return text
}
