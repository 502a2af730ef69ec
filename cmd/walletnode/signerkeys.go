package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// signerKey is a key as commands show it.
type signerKey struct {
	Wallet     string `json:"wallet"`
	State      string `json:"state"`
	Why        string `json:"why,omitempty"` // of frozen
	Scheme     string `json:"scheme"`
	Threshold  int    `json:"threshold"`
	SeatCount  int    `json:"seat_count"`
	Seats      []int  `json:"seats"`      // whose shares are here
	Signatures uint64 `json:"signatures"` // shares of signatures ever released
	LastWindow uint64 `json:"last_window"`
	GroupKey   string `json:"group_key"`
	Session    string `json:"session"` // of its generation
}

func showKey(k signer.Key) signerKey {
	seats := make([]int, len(k.Seats))
	for i, s := range k.Seats {
		seats[i] = int(s)
	}
	return signerKey{
		k.Wallet.String(), string(k.State), k.Why, string(k.Scheme), k.Threshold, k.SeatCount, seats, k.Signatures, uint64(k.LastWindow),
		fmt.Sprintf("%x", []byte(k.GroupKey)), k.Session.String(),
	}
}

// signerKeys is what "signer keys list" tells.
type signerKeys struct {
	Keys []signerKey `json:"keys"`
}

// keyPage is how many keys are asked for at once.
const keyPage = 500

func listSignerKeys(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	list := signerKeys{Keys: []signerKey{}}
	err := askingSigner(c, func(backend signer.Backend) error {
		var after *chain.WalletID
		for {
			page, err := backend.Keys(c.Context, after, keyPage)
			if err != nil {
				return err
			}
			for _, k := range page {
				list.Keys = append(list.Keys, showKey(k))
			}
			if len(page) < keyPage {
				return nil
			}
			after = &page[len(page)-1].Wallet
		}
	})
	if err != nil {
		return err
	}
	header := table.Row{"wallet", "state", "scheme", "threshold", "seats here", "signatures", "last window"}
	return sheet{list, false, header, rowsOf(list.Keys, func(k signerKey) table.Row {
		state := k.State
		if k.Why != "" {
			state += " (" + printable(k.Why) + ")"
		}
		return table.Row{
			k.Wallet, state, k.Scheme, fmt.Sprintf("%d of %d", k.Threshold, k.SeatCount), strings.Trim(fmt.Sprint(k.Seats), "[]"), k.Signatures, k.LastWindow,
		}
	})}.write(c)
}

func showProtection(c *cli.Context) error {
	wallet, err := signerWallet(c)
	if err != nil {
		return err
	}
	var p signer.Protection
	err = askingSigner(c, func(backend signer.Backend) (err error) {
		if _, err := backend.Key(c.Context, wallet); err != nil {
			return err // what is no key here has no protection either
		}
		p, err = backend.Protection(c.Context, wallet)
		return err
	})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return writeJSON(c.App.Writer, p)
	}
	if _, err := fmt.Fprintf(c.App.Writer, "wallet       %v\nlast window  %d\nsignatures   %d\nterm         generation %d, epoch %d\n\n",
		p.Wallet, p.LastWindow, p.Signatures, p.Term.Generation, p.Term.Epoch); err != nil {
		return err
	}
	if err := writeTable(c, table.Row{"window", "bound to intent"}, rowsOf(p.Slots, func(s signer.Slot) table.Row {
		return table.Row{s.Window, s.Intent}
	})); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.App.Writer); err != nil {
		return err
	}
	return writeTable(c, table.Row{"outpoint", "window", "locked to intent"}, rowsOf(p.Outpoints, func(o signer.Outpoint) table.Row {
		return table.Row{fmt.Sprintf("%s:%d", reversed(o.TxHash), o.Index), o.Window, o.Intent}
	}))
}

// reversed is a transaction's hash as Bitcoin's tools show it.
func reversed(hash signer.Digest) signer.Digest {
	var out signer.Digest
	for i, b := range hash {
		out[len(out)-1-i] = b
	}
	return out
}
