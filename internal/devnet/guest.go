package devnet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/store"
)

// What the devnet leaves in its directory for guests' nodes.
const (
	guestManifest = "wallet-guest.json"
	// guestSettings are variables for a shell. They win over the guest's configuration file, so that nothing in it has to
	// be changed for a chain that is gone in the evening.
	guestSettings = "guest.env"
)

// invite makes the wallet in which the guests hold seats beside everybody else. It is one more wallet, so that what is
// judged does not depend on whether a guest comes.
func (d *devnet) invite(operators []chain.Operator) error {
	if len(d.cfg.Guests) == 0 {
		return nil
	}
	for _, guest := range d.cfg.Guests {
		if slices.Contains(operators, guest) {
			return fmt.Errorf("guest %v: an operator of the devnet's own has this address", guest)
		}
	}
	all := append(slices.Clone(operators), d.cfg.Guests...)
	w, err := makeWallet(d.lot, d.cfg.Wallets, max(d.cfg.Seats, len(all)), all)
	if err != nil {
		return err
	}
	d.guests = []chain.Wallet{w}
	return nil
}

// everyWallet returns the wallets that the devnet's nodes take part in.
func (d *devnet) everyWallet() []chain.Wallet { return slices.Concat(d.wallets, d.guests) }

// withoutGuests leaves out of a node's record what the judge does not look at.
func (d *devnet) withoutGuests(detail store.WindowDetail) store.WindowDetail {
	detail.Wallets = slices.DeleteFunc(slices.Clone(detail.Wallets), func(row store.WalletDetail) bool {
		return slices.ContainsFunc(d.guests, func(w chain.Wallet) bool { return w.ID() == row.Wallet })
	})
	return detail
}

// writeForGuests leaves the guests what their nodes need: the wallet, the chain and whom to connect to.
func (d *devnet) writeForGuests() error {
	if len(d.guests) == 0 {
		return nil
	}
	if err := d.writeManifest(guestManifest, d.guests[0]); err != nil {
		return err
	}
	poll, stale := patienceWith(d.cfg.BlockTime)
	var b strings.Builder
	b.WriteString("# For a node that takes part in this devnet: set -a; . " + guestSettings + "; set +a\n")
	for _, it := range [][2]string{
		{"ethereum.url", d.chain.URL()},
		{"ethereum.chain_id", fmt.Sprint(localchain.ChainID)},
		{"ethereum.bridge", d.chain.Bridge().Hex()},
		{"ethereum.validator", d.chain.Validator().Hex()},
		{"ethereum.poll_interval", poll.String()},
		{"ethereum.requests_per_second", "0"},
		{"ethereum.stale_after", stale.String()},
		{"ethereum.max_header_age", "0s"},          // simulated blocks run ahead of real time
		{"network.listen", "/ip4/127.0.0.1/tcp/0"}, // any free port: it is the guest that connects
		{"network.peers", strings.Join(d.peersOf(nil), ",")},
	} {
		fmt.Fprintf(&b, "%s=%s\n", config.Variable(it[0]), it[1])
	}
	return os.WriteFile(filepath.Join(d.cfg.Dir, guestSettings), []byte(b.String()), 0o600)
}
