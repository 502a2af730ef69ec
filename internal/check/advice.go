package check

import (
	"errors"
	"syscall"

	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// advices say what to do about an error whose cause lies with the operator, the first that fits.
var advices = []struct {
	err  error
	todo string
}{
	{store.ErrNewerSchema, "run the newer version of walletnode that wrote it, or restore a backup from before the upgrade; nothing was changed"},
	{ethereum.ErrWrongChain, "check ethereum.url and ethereum.chain_id"},
	{node.ErrSilentChain, "see that the endpoint runs and that ethereum.url names it (walletnode check chain tries it), and start again; nothing was changed"},
	{node.ErrUnvouched, "bring more than half of the vote groups up on one chain (walletnode check chain shows each endpoint) and start again; nothing was changed. Only the first start of a data directory needs them: it is then that it is bound to a chain"},
	{store.ErrWrongChain, "check ethereum.url and ethereum.chain_id, or give this chain a node.data_dir of its own; nothing was changed"},
	{store.ErrForeign, "name another file in store.dsn; nothing was changed"},
	{store.ErrCorrupt, "keep the file, restore the newest backup in its place, and check the disk"},
	{store.ErrFull, "free some space on the disk and try again; what was recorded before is safe"},
	{syscall.ENOSPC, "free some space on the disk and try again"},
	{store.ErrNetworkDisk, "put node.data_dir (or the file that store.dsn names) on a disk of this machine, or use PostgreSQL"},
	{store.ErrUnreachable, "is the database server up, and are the host and port in store.dsn right?"},
	{store.ErrRefused, "check the user, its password and rights and the database's name in store.dsn"},
	{store.ErrNoAnswer, "the database server hangs, is overloaded, or waits for a lock of another program: look at its activity (pg_stat_activity) and its disk"},
	{store.ErrElsewhere, "PostgreSQL's own tools do it: pg_dump --format=custom for a backup, VACUUM FULL for the space"},
	{store.ErrNotWritable, "check who owns the directory and that the disk is not mounted read-only; of a database server, name the primary and not a standby"},
	{store.ErrLocked, "stop the process that has it (one node to a data directory), or name another one"},
	{store.ErrNotDurable, "change the setting: after the death of the database's machine the instances would have to find out from their journals what was lost"},
	{cluster.ErrInstanceTaken, "another process runs under this name: stop it, or give this one another (start --instance-id, cluster.instance_id)"},
	{cluster.ErrCloned, "a copy of this instance runs, from a snapshot or a copied data directory: stop one of them, and give it a data directory and a name of its own"},
	{shared.ErrTooManyBans, "lift bans that are not needed any more (walletnode bans list)"},
	{shared.ErrOwnOperator, "its instances would keep each other away: name another operator, or one peer; nothing was changed"},
	{shared.ErrNotBanned, "walletnode bans list shows who is"},
	{shared.ErrNotHalted, "walletnode wallets halted shows which are"},
	{store.ErrOwed, "start the instance once, or remove it twenty minutes later, when no window waits for it any more"},
	{view.ErrOneInstance, "give every instance the same PostgreSQL database (store.dsn)"},
	{api.ErrUnauthorized, "name the token's file in api.token_file: all instances have the same"},
	{api.ErrNoOwner, "walletnode instances list shows which instances live and why others serve nothing"},
	{client.ErrForeignHost, "set cluster.urls of every instance to where it is reached; if they are, one of the instances asked is in wrong hands"},
	{client.ErrTooManyHops, "the instances do not agree on who serves the wallet: look at their logs and clocks"},
	{client.ErrOtherOperator, "cluster.bootstrap leads to another operator's instance, or operator.key_file names another key"},
	{client.ErrDirectory, "check the clocks of both machines (walletnode check instances) and that the URL leads to a walletnode"},
	{api.ErrInUse, "stop the node that answers there, or set api.listen to another address"},
	{api.ErrSilent, "the node hangs or the machine is overloaded: look at its log, and restart it if it stays so; what is recorded is read without it (--offline)"},
	{api.ErrStarting, "wait until it can answer (walletnode wait-ready); what is recorded is read without it (--offline)"},
	{client.ErrUnreachable, "see that an instance runs and that cluster.bootstrap names it, with network.proxy for .onion addresses; what is recorded is read without it (--offline)"},
	{api.ErrUnreachable, "start the node (walletnode start), or name its address with --api; what is recorded is read without it (--offline)"},
	{keys.ErrExposed, "chmod 600 the file"},
	{syscall.EADDRINUSE, "stop the program that has the address (ss -ltnup shows it), or configure another one"},
}

// Advice returns what to do about an error, "" where the error says enough.
func Advice(err error) string {
	for _, a := range advices {
		if errors.Is(err, a.err) {
			return a.todo
		}
	}
	return ""
}
