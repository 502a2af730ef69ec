package main

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// defaultRows is how many rows a list shows unless told otherwise: a screen or two of the newest. A list that goes on
// says so.
const defaultRows = 100

// rangeFlags are the flags of the lists that grow with time.
func rangeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "wallet", Usage: "only of the wallet with this public key `HASH`"},
		&cli.Uint64Flag{Name: "from", Usage: "only windows from this coordination `BLOCK` on"},
		&cli.Uint64Flag{Name: "to", Usage: "only windows up to this coordination `BLOCK`"},
		&cli.IntFlag{Name: "limit", Aliases: []string{"n"}, Value: defaultRows, Usage: "at most `N` rows, newest first; 0 for all"},
		jsonFlag(),
	}
}

// walletArgument returns the wallet a list is narrowed to, nil for every wallet.
func walletArgument(c *cli.Context) (*chain.WalletID, error) {
	if !c.IsSet("wallet") {
		return nil, nil
	}
	id, err := chain.ParseWalletID(c.String("wallet"))
	if err != nil {
		return nil, exit(codeUsage, fmt.Errorf("--wallet: %w", err))
	}
	return &id, nil
}

// reach is what a list is narrowed to, and how many rows it may have.
type reach struct {
	wallet   *chain.WalletID
	from, to chain.Height
	limit    int
}

// reachOf reads rangeFlags. A list takes no arguments.
func reachOf(c *cli.Context) (r reach, err error) {
	if err := arguments(c, 0, 0); err != nil {
		return r, err
	}
	if r.wallet, err = walletArgument(c); err != nil {
		return r, err
	}
	r.from, r.to = chain.Height(c.Uint64("from")), chain.Height(c.Uint64("to"))
	r.limit, err = rowLimit(c)
	return r, err
}

// known refuses a wallet that a list is narrowed to and that nobody has imported: an empty list would look like an answer.
func known(c *cli.Context, from source, wallet *chain.WalletID) error {
	if wallet == nil {
		return nil
	}
	_, err := from.Wallet(c.Context, *wallet)
	return lost(err, "wallets list")
}

// of names a wallet that was asked about, after the window it took part in.
func of(wallet *chain.WalletID) string {
	if wallet == nil {
		return ""
	}
	return fmt.Sprintf(" by wallet %v", wallet)
}

// rowLimit returns --limit.
func rowLimit(c *cli.Context) (int, error) {
	limit := c.Int("limit")
	if limit < 0 {
		return 0, usageErrorf("--limit: want 0 or more, have %d", limit)
	}
	return limit, nil
}

// windowArgument reads a command's argument as a coordination block.
func windowArgument(c *cli.Context) (chain.Height, error) {
	text := c.Args().First()
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, usageErrorf("window %q: want the number of a coordination block", text)
	}
	schedule, height := coordination.RFC12(), chain.Height(number)
	if _, ok := schedule.Window(height); !ok {
		return 0, usageErrorf("block %d begins no window; windows begin at multiples of %d", height, schedule.Frequency)
	}
	return height, nil
}

// orDash is for table cells that would be empty: a dash shows that nothing is missing.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// block writes a height for a table, a dash for none.
func block(h *chain.Height) string {
	if h == nil {
		return "-"
	}
	return strconv.FormatUint(uint64(*h), 10)
}

// cell writes what may not be known for a table, a dash if it is not.
func cell[T any](v *T) string {
	if v == nil {
		return "-"
	}
	return orDash(fmt.Sprint(*v))
}
