package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/view"
)

func bansCommand() *cli.Command {
	return group("bans", "operators and peers that are kept away, on all instances",
		&cli.Command{
			Name: "add", Usage: "keep an operator or a peer away", ArgsUsage: "ADDRESS|PEER-ID",
			Description: "Its messages are dropped and its connections ended, on all instances within a second. A ban of the same one is replaced.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "reason", Usage: "why, for people: `TEXT` of at most 200 bytes"},
				&cli.StringFlag{Name: "until", Usage: "how long: a duration like 24h, or a `TIME` like 2027-01-31T12:00:00Z; without it until it is lifted"},
				jsonFlag(),
			},
			Action: addBan,
		},
		&cli.Command{Name: "remove", Usage: "lift a ban", ArgsUsage: "ADDRESS|PEER-ID", Flags: []cli.Flag{jsonFlag()}, Action: removeBan},
		&cli.Command{Name: "list", Usage: "list the bans in force", Flags: []cli.Flag{jsonFlag()}, Action: listBans},
	)
}

func addBan(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	lasts, err := lasting(c.String("until"), time.Now())
	if err != nil {
		return usageErrorf("--until: %w", err)
	}
	wish := api.BanWish{Reason: c.String("reason"), Seconds: int64((lasts + time.Second - 1) / time.Second)}
	if subject := c.Args().First(); strings.HasPrefix(subject, "0x") {
		wish.Operator = subject
	} else {
		wish.Peer = subject // the node says what is wrong with it
	}
	return asking(c, func(node *api.Client) error {
		ban, err := node.AddBan(c.Context, wish)
		if err != nil {
			return err
		}
		return banSheet(view.Bans{Bans: []view.Ban{ban}}, ban).write(c)
	})
}

// lasting reads how long something lasts: a duration or the time of its end; 0 for empty.
func lasting(text string, now time.Time) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d <= 0 {
			return 0, fmt.Errorf("want more than nothing, have %v", d)
		}
		return d, nil
	}
	end, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("want a duration like 24h or a time like 2027-01-31T12:00:00Z, have %q", text)
	case !end.After(now):
		return 0, fmt.Errorf("%s is over", text)
	}
	return end.Sub(now), nil
}

func removeBan(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		left, err := node.RemoveBan(c.Context, c.Args().First())
		if err != nil {
			return err
		}
		return banSheet(left, left).write(c)
	})
}

func listBans(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		list, err := node.Bans(c.Context)
		if err != nil {
			return err
		}
		return banSheet(list, list).write(c)
	})
}

// banSheet shows bans; document is what --json writes.
func banSheet(list view.Bans, document any) sheet {
	return sheet{document, false, table.Row{"banned", "since", "until", "by", "reason"}, rowsOf(list.Bans, func(b view.Ban) table.Row {
		until := "until lifted"
		if b.Until != nil {
			until = *b.Until
		}
		return table.Row{b.Operator + b.Peer, b.Since, until, b.By, orDash(printable(b.Reason))}
	})}
}
