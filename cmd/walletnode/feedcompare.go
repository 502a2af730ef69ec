package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

func feedCompareCommand() *cli.Command {
	return &cli.Command{
		Name:  "compare",
		Usage: "compare what a subscriber got with other subscribers, and mark what all confirm as verified",
		Description: "--state is the directory of \"feed follow\"; --with is another subscriber: the URL at which it serves (\"feed follow --serve\", a\n" +
			"signer daemon), its directory, or an export of it. Where the two have read from one instance they exchange trails, and the epoch\n" +
			"in which they part is fetched: the first difference in each wallet is shown with the stage or instance that is to blame by what it\n" +
			"signed, and the proof is kept in --state. Where they read from two instances, what both instances took in of the same sources is\n" +
			"compared, and a difference is proved where their origins' signatures and the instances' seals show it.\n" +
			"Who follows with the directory learns at its next start what is verified; with the policy hold it reads on then.\n\n" +
			"Exit code 0: all got the same. 1: somebody is to blame, and it is shown who. 2: it cannot be told.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "state", Usage: "the `DIRECTORY` of the subscriber"},
			&cli.StringSliceFlag{Name: "with", Usage: "`OTHER` subscriber: URL, directory or export; can be repeated"},
		}, append(peerFlags(), jsonFlag())...),
		Action: compareFeed,
	}
}

func compareFeed(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if c.String("state") == "" || len(c.StringSlice("with")) == 0 {
		return usageErrorf("feed compare needs --state DIRECTORY and --with OTHER")
	}
	others, err := feedPeers(c, c.StringSlice("with"))
	if err != nil {
		return err
	}
	own, keys, err := feedclient.ReadArchive(c.String("state"))
	if err != nil {
		return exit(codeUnusable, fmt.Errorf("--state: %w", err))
	}
	ctx, stop := untilStopped(c.Context)
	defer stop()
	var docs []view.FeedComparison
	var list []feedclient.Comparison
	verdict := feedclient.Agree
	for _, other := range others {
		comparison := feedclient.Compare(ctx, own, other, keys.Ring())
		if err := comparison.KeepProofs(c.String("state")); err != nil {
			return exit(codeUnusable, fmt.Errorf("keep the proof: %w", err))
		}
		docs, list = append(docs, view.NewFeedComparison(comparison)), append(list, comparison)
		if v := comparison.Verdict(); v == feedclient.Blamed || v == feedclient.Unclear && verdict == feedclient.Agree {
			verdict = v
		}
	}
	if err := feedclient.Confirm(c.String("state"), feedclient.Agreed(own, list)...); err != nil {
		return exit(codeUnusable, fmt.Errorf("keep what is verified: %w", err))
	}
	return judged(show(c, docs, writeFeedComparisons), verdict, feedclient.Agree, feedclient.Blamed)
}

func writeFeedComparisons(w io.Writer, docs []view.FeedComparison) error {
	for _, doc := range docs {
		if err := writeFeedComparison(w, doc); err != nil {
			return err
		}
	}
	return nil
}

// localOther reads another subscriber's directory or export.
func localOther(c *cli.Context, name string) (feedclient.Other, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		a, _, err := feedclient.ReadArchive(name)
		return a, err
	}
	raw, err := readBounded(c.App.Reader, name, feed.MaxExport)
	if err != nil {
		return nil, err
	}
	x, err := feed.DecodeExport(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return feedclient.ArchiveOf(name, x), nil
}

func writeFeedComparison(w io.Writer, doc view.FeedComparison) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s with %s", doc.Verdict, printable(doc.Peer))
	if doc.Mailbox != "" {
		fmt.Fprintf(&out, ", mailbox %s of %s", printable(doc.Mailbox), printable(doc.Instance))
	}
	switch {
	case doc.Items > 0:
		fmt.Fprintf(&out, ": %d items alike", doc.Items)
	case doc.Epochs > 0:
		fmt.Fprintf(&out, ": %d epochs alike", doc.Epochs)
	}
	if doc.Verified != nil {
		fmt.Fprintf(&out, ", verified up to epoch %d", *doc.Verified)
	}
	if doc.Untold > 0 {
		fmt.Fprintf(&out, "; of %d more only that their seals are the same: heads alone are left", doc.Untold)
	}
	if doc.Detail != "" {
		fmt.Fprintf(&out, ": %s", printable(doc.Detail))
	}
	out.WriteByte('\n')
	for _, e := range doc.Earlier {
		fmt.Fprintf(&out, "  before    what %s told before a move is verified up to epoch %d\n", printable(e.Instance), e.Verified)
	}
	for _, b := range doc.Blames {
		fmt.Fprintf(&out, "  blame     %s\n", describeBlame(b))
	}
	for _, f := range doc.Findings {
		writeFeedFinding(&out, f)
	}
	for _, p := range doc.Proofs {
		fmt.Fprintf(&out, "  kept in   %s\n", printable(p))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// endedFirst returns why the first of two ended, and ends the other.
func endedFirst(ctx context.Context, one, other func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		defer stop()
		ended <- other(ctx)
	}()
	err := one(ctx)
	stop()
	if beside := <-ended; beside != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return beside
	}
	return err
}
