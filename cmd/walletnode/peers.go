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

func peersCommand() *cli.Command {
	return group("peers", "the peers that the running node knows",
		&cli.Command{Name: "list", Usage: "list the peers, connected or not", Flags: []cli.Flag{jsonFlag()}, Action: listPeers},
		&cli.Command{Name: "show", Usage: "show all that is known of one peer", ArgsUsage: "PEER-ID", Flags: []cli.Flag{jsonFlag()}, Action: showPeer},
		&cli.Command{Name: "ping", Usage: "measure the way to a connected peer and back", ArgsUsage: "PEER-ID", Flags: []cli.Flag{jsonFlag()}, Action: pingPeer},
	)
}

func listPeers(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		list, err := node.Peers(c.Context)
		if err != nil {
			return err
		}
		return peerSheet(list).write(c)
	})
}

func peerSheet(list view.Peers) sheet {
	header := table.Row{"peer", "operator", "state", "admits us", "connected since", "parameters", "last error"}
	return sheet{list, false, header, rowsOf(list.Peers, func(p view.Peer) table.Row {
		return table.Row{p.ID, cell(p.Operator), p.State, admission(p.AdmitsUs), cell(p.ConnectedSince), agreement(p.ParamsMatch), printable(cell(p.LastError))}
	})}
}

// admission says whether a peer has told that it admits us: without that it does not hear what we say.
func admission(admits *bool) string {
	switch {
	case admits == nil:
		return "-"
	case *admits:
		return "yes"
	default:
		return "no"
	}
}

// agreement says whether a peer's parameters equal ours.
func agreement(match *bool) string {
	switch {
	case match == nil:
		return "-"
	case *match:
		return "equal"
	default:
		return "differ"
	}
}

func showPeer(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		p, err := node.Peer(c.Context, c.Args().First())
		if err != nil {
			return lost(err, "peers list")
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, p)
		}
		return writePeer(c, p)
	})
}

func writePeer(c *cli.Context, p view.Peer) error {
	_, err := fmt.Fprintf(c.App.Writer, "peer %s\n  operator    %s\n  state       %s\n  admits us   %s\n  configured  %t\n  addresses   %s\n  connected   since %s\n"+
		"  proof       until %s\n  refused     until %s\n  parameters  %s\n  last error  %s at %s\n  relaying    %d messages forwarded, %d missing, %d late, %d reordered\n",
		p.ID, cell(p.Operator), p.State, admission(p.AdmitsUs), p.Static, orDash(strings.Join(p.Addresses, ", ")), cell(p.ConnectedSince),
		cell(p.ProofExpires), cell(p.RefusedUntil), agreement(p.ParamsMatch), printable(cell(p.LastError)), cell(p.LastErrorAt),
		p.Relaying.Forwarded, p.Relaying.Missing, p.Relaying.Late, p.Relaying.Reordered)
	return err
}

func pingPeer(c *cli.Context) error {
	if err := arguments(c, 1, 1); err != nil {
		return err
	}
	return asking(c, func(node *api.Client) error {
		pong, err := node.Ping(c.Context, c.Args().First())
		if err != nil {
			return lost(err, "peers list")
		}
		if c.Bool("json") {
			return writeJSON(c.App.Writer, pong)
		}
		trip := time.Duration(pong.Seconds * float64(time.Second)).Round(time.Microsecond)
		_, err = fmt.Fprintln(c.App.Writer, trip)
		return err
	})
}
