package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

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
	_, err := fmt.Fprintf(t.c.App.Writer, "%s has lost data: what came after %s is void, and what is left of it comes again after entry %d\n",
		printable(l.Instance), after, l.Goes)
	return err
}

func (t *teller) epoch(_ context.Context, s feed.Seal, blames []feed.Blame) error {
	if file := t.c.String("export"); file != "" {
		if err := writeExports(file, t.follower.Archive()); err != nil {
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

func writeFeedEntry(w io.Writer, e view.FeedEntry, size int) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%d %s", e.Number, e.Kind)
	if e.Kind == "gap" {
		fmt.Fprintf(&out, " in epoch %d: the mailbox was full, and nothing from record %d on was kept", e.Epoch, e.Record)
	} else {
		if e.Wallet != nil {
			fmt.Fprintf(&out, " of wallet %v", e.Wallet)
		}
		fmt.Fprintf(&out, ", epoch %d, record %d of %s", e.Epoch, e.Record, printable(e.Source))
	}
	switch {
	case e.Wrong != "":
		fmt.Fprintf(&out, ": %s", printable(e.Wrong))
	case e.Event != nil:
		out.WriteString(": ")
		return writeEventAfter(w, &out, *e.Event)
	case e.Action != nil:
		fmt.Fprintf(&out, ": %s", describeActionNews(*e.Action))
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

// describeActionNews says what became of an action, that it is tried again, or what was signed for it.
func describeActionNews(a view.ActionNews) string {
	text := fmt.Sprintf("window %d: ", a.Window)
	switch a.Event {
	case view.EventOutcome:
		text += fmt.Sprintf("ended at block %d: %s", a.Block, printable(a.Outcome))
		if a.Detail != "" {
			text += " (" + printable(a.Detail) + ")"
		}
	case view.EventRetried:
		text += fmt.Sprintf("tried again at block %d", a.Block)
	case view.EventSigned:
		text += fmt.Sprintf("signed at block %d", a.Block)
		if a.TxHash != "" {
			text += ", transaction " + printable(a.TxHash)
		}
	default:
		text += printable(a.Event)
	}
	return text
}

func describeBlame(b view.FeedBlame) string {
	text := fmt.Sprintf("%s %s", printable(b.Actor), b.Reason)
	if b.Record != 0 {
		text += fmt.Sprintf(" (record %d)", b.Record)
	}
	return text
}
