package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

// The verdicts of feed verify, whose exit codes are those of evidence verify: 0, codeInvalid and codeUnusable.
const (
	feedAgree    = "agree"
	feedBlamed   = "blamed"
	feedUnusable = "unusable"
)

func feedVerifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "verify an export, compare two, or check a proof, without a node or a network",
		ArgsUsage: "A [B]",
		Description: "A and B are what two subscribers got (\"feed follow --export\", or a file of its --state). Each is held against\n" +
			"the seals that the instance signed, and what both must have against each other: the first difference in each wallet is shown with\n" +
			"the number of the record, and the stage or instance that is to blame by what it signed. With A alone, A is verified, or checked if\n" +
			"it is a proof (--proof writes one for each difference). What subscribers of two instances got is compared by the numbers of its\n" +
			"origins, and who is to blame for a difference is shown by what these signed and the instances sealed.\n" +
			"The keys (\"feed keys\") alone have to be trusted: they are signed by the operator, whom --operator demands.\n\n" +
			"Exit code 0: nobody is to blame. 1: somebody is, and it is shown who. 2: it cannot be told by what was given.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "keys", Usage: "the list of the instances' keys, a `FILE`"},
			&cli.StringFlag{Name: "operator", Usage: "the list of keys must be of the operator with this `ADDRESS` (EIP-55)"},
			&cli.StringFlag{Name: "proof", Usage: "write each proof that is found to a new file of this `NAME`, with .1, .2 and so on behind it"},
			jsonFlag(),
		},
		Action: verifyFeed,
	}
}

func verifyFeed(c *cli.Context) error {
	if err := arguments(c, 1, 2); err != nil {
		return err
	}
	if c.String("keys") == "" {
		return usageErrorf("feed verify needs --keys FILE: seals are judged by the list of the instances' keys")
	}
	verdict, proofs, err := judgeFeed(c)
	if err != nil {
		verdict = newFeedVerdict(feedUnusable, err.Error())
	}
	for i, p := range proofs {
		if name := c.String("proof"); name != "" {
			if err := writeNew(fmt.Sprintf("%s.%d", name, i+1), p.Encode()); err != nil {
				return exit(codeUnusable, err)
			}
		}
	}
	return judged(show(c, verdict, writeFeedVerdict), verdict.Verdict, feedAgree, feedBlamed)
}

// newFeedVerdict is one that says nothing yet but how the exports are found.
func newFeedVerdict(verdict, detail string) view.FeedVerdict {
	return view.FeedVerdict{
		Verdict: verdict, Detail: detail, Exports: []view.FeedExport{}, Blames: []view.FeedBlame{}, Findings: []view.FeedFinding{},
	}
}

// judgeFeed reads the files, and says who is to blame by them.
func judgeFeed(c *cli.Context) (view.FeedVerdict, []feed.Proof, error) {
	ring, err := readRing(c)
	if err != nil {
		return view.FeedVerdict{}, nil, err
	}
	exports, proof, err := readExports(c)
	if err != nil {
		return view.FeedVerdict{}, nil, err
	}
	if proof == nil {
		return judgeExports(c.Context, exports, ring)
	}
	v := newFeedVerdict(feedBlamed, "")
	v.Findings = append(v.Findings, view.NewFeedProof(*proof))
	return v, nil, proof.Verify(ring)
}

// readExports reads the files that are named; one alone may be a proof.
func readExports(c *cli.Context) (exports []feed.Export, _ *feed.Proof, _ error) {
	for _, name := range c.Args().Slice() {
		raw, err := readBounded(c.App.Reader, name, feed.MaxExport)
		if err != nil {
			return nil, nil, err
		}
		if p, err := feed.DecodeProof(raw); err == nil && c.NArg() == 1 {
			return nil, &p, nil
		}
		x, err := feed.DecodeExport(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		exports = append(exports, x)
	}
	return exports, nil, nil
}

// judgeExports verifies one export, or compares two.
func judgeExports(ctx context.Context, exports []feed.Export, ring feed.Keyring) (view.FeedVerdict, []feed.Proof, error) {
	v := newFeedVerdict(feedAgree, "")
	for _, x := range exports {
		v.Exports = append(v.Exports, view.NewFeedExport(x))
	}
	across := len(exports) == 2 && exports[0].Instance != exports[1].Instance
	if !across && len(sharedEpochs(exports)) == 0 {
		v.Verdict, v.Detail = feedUnusable, "there is nothing to verify: the export has no epoch, or the two have none in common"
		return v, nil, nil
	}
	var blames []feed.Blame
	var found []feed.Finding
	var err error
	switch {
	case across:
		var crossing feed.Crossing
		crossing, err = feed.Across(ctx, exports[0], exports[1:], ring)
		found, blames = crossing.Findings, crossing.Blames
		if err == nil && crossing.Items == 0 && len(found) == 0 {
			v.Verdict, v.Detail = feedUnusable, "there is nothing to compare: the two instances have no item of one source in common"
		}
	case len(exports) == 2:
		found, blames, err = feed.Compare(ctx, exports[0], exports[1], ring)
	default:
		blames, err = exports[0].Verify(ring)
	}
	if err != nil {
		return v, nil, err
	}
	return v, blame(&v, blames, found), nil
}

// blame adds to a verdict who is to blame, and returns what proves it.
func blame(v *view.FeedVerdict, blames []feed.Blame, found []feed.Finding) (proofs []feed.Proof) {
	unsigned := false
	for _, b := range blames {
		v.Blames = append(v.Blames, view.NewFeedBlame(b))
		// Nobody signs a delivery: whoever shows an export may have altered it himself.
		if unsigned = unsigned || b.Reason == feed.Delivery; b.Reason != feed.Delivery {
			v.Verdict = feedBlamed
		}
	}
	if unsigned && v.Verdict == feedAgree {
		v.Verdict = feedUnusable
		v.Detail = "an export is not what its seals commit to: its subscriber was given something else, or it was altered since"
	}
	for _, f := range found {
		v.Findings = append(v.Findings, view.NewFeedFinding(f))
		switch {
		case f.Proof != nil:
			v.Verdict, proofs = feedBlamed, append(proofs, *f.Proof)
		case v.Verdict == feedAgree:
			v.Verdict, v.Detail = feedUnusable, "the two differ, and nobody can be blamed for it"
		}
	}
	return proofs
}

// sharedEpochs returns the epochs that all exports have: to agree on nothing is no agreement.
func sharedEpochs(exports []feed.Export) []feed.Epoch {
	var shared []feed.Epoch
	for _, k := range exports[0].Epochs {
		inAll := !slices.ContainsFunc(exports[1:], func(x feed.Export) bool {
			return !slices.ContainsFunc(x.Epochs, func(o feed.Kept) bool { return o.Epoch == k.Epoch })
		})
		if inAll {
			shared = append(shared, k.Epoch)
		}
	}
	return shared
}

// readRing reads the list of keys, and verifies that its operator signed it.
func readRing(c *cli.Context) (feed.Keyring, error) {
	raw, err := readBounded(c.App.Reader, c.String("keys"), feedclient.MaxKeys)
	if err != nil {
		return nil, err
	}
	list, err := feedclient.DecodeKeys(raw)
	if err != nil {
		return nil, fmt.Errorf("--keys: %w", err)
	}
	if text := c.String("operator"); text != "" {
		operator, err := chain.ParseOperator(text)
		if err != nil {
			return nil, fmt.Errorf("--operator: %w", err)
		}
		if operator != list.Operator {
			return nil, fmt.Errorf("--keys: the list is operator %v's, and not %v's", list.Operator, operator)
		}
	}
	return list.Ring(), nil
}

func writeFeedVerdict(w io.Writer, v view.FeedVerdict) error {
	var out strings.Builder
	out.WriteString(v.Verdict)
	if v.Detail != "" {
		fmt.Fprintf(&out, ": %s", printable(v.Detail))
	}
	out.WriteByte('\n')
	for _, x := range v.Exports {
		fmt.Fprintf(&out, "  export    mailbox %s of %s: %d epochs (%d to %d), %d entries\n",
			printable(x.Mailbox), printable(x.Instance), x.Epochs, x.First, x.Last, x.Entries)
	}
	for _, b := range v.Blames {
		fmt.Fprintf(&out, "  blame     %s\n", describeBlame(b))
	}
	for _, f := range v.Findings {
		writeFeedFinding(&out, f)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func writeFeedFinding(out *strings.Builder, f view.FeedFinding) {
	where := fmt.Sprintf("epoch %d", f.Epoch)
	if f.Item != nil {
		writeFeedItem(out, f)
		return
	}
	if f.Heads {
		fmt.Fprintf(out, "  differs   %s: one of the two has no more than its heads, so that no record can be named\n", where)
		return
	}
	if f.Wallet != nil {
		where = fmt.Sprintf("record %d of wallet %v, %s", f.Record, *f.Wallet, where)
	}
	if f.Accused == "" {
		fmt.Fprintf(out, "  differs   %s: nobody can be blamed, a mailbox was full or is still owed what an outbox missed\n", where)
		return
	}
	fmt.Fprintf(out, "  proof     %s: %s\n  to blame  %s\n", where, f.Fault, printable(f.Accused))
	writeFeedTrace(out, f)
}

// writeFeedItem shows a difference between mailboxes of two instances.
func writeFeedItem(out *strings.Builder, f view.FeedFinding) {
	item := f.Item
	what := fmt.Sprintf("item %d of %s, of wallet %v", item.Number, printable(item.Source), *f.Wallet)
	if item.After > 0 {
		fmt.Fprintf(out, "  differs   %s: mailbox %s of %s has nothing of %s after item %d up to epoch %d, and got of others what was told since; "+
			"nobody can be blamed: it may come yet, or was forgotten\n",
			what, printable(item.Mailbox), printable(item.Instance), printable(item.Source), item.After, item.Epoch)
		return
	}
	if item.Instance != "" {
		does := "has another item of that number"
		switch {
		case item.Lacks:
			does = "lacks it"
		case item.Strays:
			does = "has it out of its order, or more than once,"
		}
		what += fmt.Sprintf(": mailbox %s of %s %s in epoch %d", printable(item.Mailbox), printable(item.Instance), does, item.Epoch)
	}
	if f.Accused == "" {
		why := "what the origin signed is not known, or the instance need not have it"
		if item.Strays {
			why = "what would prove it lies in two epochs"
		}
		fmt.Fprintf(out, "  differs   %s; nobody can be blamed: %s\n", what, why)
		return
	}
	fmt.Fprintf(out, "  proof     %s: %s\n  to blame  %s", what, f.Fault, printable(f.Accused))
	switch {
	case item.Strays:
		fmt.Fprintf(out, " (record %d)", item.Record)
	case f.Fault != feed.TwoItems.String():
		fmt.Fprintf(out, " (record %d), unless it shows that %s signed another item of that number", item.Record, printable(item.Source))
	}
	out.WriteByte('\n')
	writeFeedTrace(out, f)
}

func writeFeedTrace(out *strings.Builder, f view.FeedFinding) {
	for _, a := range f.Trace {
		does := "passes it on, with what it got, " + a.InRoot
		if a.Accepts {
			does = "accepts it"
		}
		fmt.Fprintf(out, "  stage     %s %s\n", printable(a.Actor), does)
	}
}
