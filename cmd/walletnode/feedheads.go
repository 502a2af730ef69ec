package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/feed"
	feedclient "github.com/walletnode/walletnode/net/feed/client"
)

func feedHeadsCommand() *cli.Command {
	return &cli.Command{
		Name: "heads", Usage: "list what an instance says it sealed, or hold it against what a subscriber keeps",
		Description: "An epoch leaves the hash of its seal for three years, long after its entries and the seal itself are collected. With --state, the\n" +
			"directory of \"feed follow\", the seals that the subscriber was given, of whichever instances, are held against those hashes: one that\n" +
			"differs says that the instance has sealed an epoch twice, or that its database is another one than that which the subscriber read.\n" +
			"What an instance answers here is not signed, so it is nothing that convinces others; the seal that the subscriber keeps is.\n\n" +
			"Exit code with --state: 0 if all that the instances still have is the same, 2 if something differs or nothing could be compared.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "instance", Usage: "the `INSTANCE` that sealed them; the one that answers by default"},
			&cli.Uint64Flag{Name: "from", Usage: "the first `EPOCH`"},
			&cli.StringFlag{Name: "state", Usage: "the `DIRECTORY` of a subscriber"},
			jsonFlag(),
		},
		Action: feedHeads,
	}
}

func feedHeads(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	if dir := c.String("state"); dir != "" {
		if c.IsSet("instance") || c.IsSet("from") {
			return usageErrorf("--state says which instances and epochs: leave out --instance and --from")
		}
		return holdAgainstHeads(c, dir)
	}
	return asking(c, func(node *api.Client) error {
		heads, err := node.FeedHeads(c.Context, c.String("instance"), feed.Epoch(c.Uint64("from")))
		if err != nil {
			return err
		}
		rows := rowsOf(heads.Heads, func(h view.FeedHead) table.Row { return table.Row{h.Epoch, h.Seal} })
		return sheet{heads, heads.More, table.Row{"epoch", "seal"}, rows}.write(c)
	})
}

// holdAgainstHeads holds what a subscriber keeps against what the instances say that they sealed.
func holdAgainstHeads(c *cli.Context, dir string) error {
	own, _, err := feedclient.ReadArchive(dir)
	if err != nil {
		return exit(codeUnusable, fmt.Errorf("--state: %w", err))
	}
	var found view.FeedHeadsHeld
	if err := asking(c, func(node *api.Client) (err error) {
		found, err = heldAgainst(c.Context, own, node.FeedHeads)
		return err
	}); err != nil {
		return exit(codeUnusable, err)
	}
	if err = show(c, found, writeHeadsHeld); err != nil || len(found.Differ) > 0 || found.Same == 0 {
		return exit(codeUnusable, err)
	}
	return nil
}

func writeHeadsHeld(w io.Writer, found view.FeedHeadsHeld) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%d epochs are the same, %d are not kept by their instances any more, %d differ\n", found.Same, found.Unknown, len(found.Differ))
	for _, d := range found.Differ {
		fmt.Fprintf(&out, "  epoch %d of %s: the subscriber was given the seal %s, and the instance says %s\n",
			d.Epoch, printable(d.Instance), d.Kept, printable(d.Told))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// heldAgainst asks for the heads of each stay that a subscriber keeps epochs of.
func heldAgainst(
	ctx context.Context, own feedclient.Archive, ask func(ctx context.Context, instance string, from feed.Epoch) (view.FeedHeads, error),
) (view.FeedHeadsHeld, error) {
	found := view.FeedHeadsHeld{Differ: []view.FeedHeadDiffers{}}
	for _, stay := range own.Stays {
		told, upTo := map[feed.Epoch]string{}, feed.Epoch(0)
		for _, k := range stay.Kept {
			if k.Epoch >= upTo {
				page, err := ask(ctx, stay.Instance, k.Epoch)
				if err != nil {
					return found, err
				}
				clear(told)
				for _, h := range page.Heads {
					told[h.Epoch] = h.Seal
				}
				if upTo = ^feed.Epoch(0); page.More && len(page.Heads) > 0 {
					upTo = page.Heads[len(page.Heads)-1].Epoch + 1
				}
			}
			kept := sealOf(k).String()
			switch said, there := told[k.Epoch]; {
			case !there:
				found.Unknown++
			case said == kept:
				found.Same++
			default:
				found.Differ = append(found.Differ, view.FeedHeadDiffers{Instance: stay.Instance, Epoch: k.Epoch, Kept: kept, Told: said})
			}
		}
	}
	return found, nil
}

// sealOf is the hash of the seal of an epoch that is kept, whole or compressed.
func sealOf(k feed.Kept) feed.Hash {
	if k.Heads != nil {
		return k.Heads.Seal
	}
	return k.Seal.Hash()
}
