package api

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

// Cluster is what an instance knows of its siblings and of what they share; a node has it. On an embedded database the
// answers are those of one instance that serves every wallet, and what only many instances have is view.ErrOneInstance.
type Cluster interface {
	// Instances answers from what was last seen, marked with its age, also while the database is away.
	Instances() view.Instances
	// Directory returns the list of instances, signed with the operator's key.
	Directory() (client.Directory, error)
	// Owner says who serves a wallet, from what was last seen. mine says that it is this instance. With nobody, err is
	// nil, the owner is empty and wait is what is left of the last owner's lease. store.ErrNotFound without such a wallet.
	Owner(wallet chain.WalletID) (owner view.Owner, mine bool, wait time.Duration, err error)
	// Wish asks an instance for something, itself included. store.ErrNotFound if there is none of that name. One that is dead
	// and shall resign is removed, with all it was asked for; store.ErrOwed as long as windows wait for its journal.
	Wish(ctx context.Context, instance string, d shared.Desire) (removed bool, err error)

	// Bans and Halts answer from memory while the database is away, and then say how old that is; age is 0 for what was
	// read now.
	Bans(ctx context.Context) (list view.Bans, age time.Duration, err error)
	// AddBan fails with shared.ErrTooManyBans and shared.ErrOwnOperator, RemoveBan with shared.ErrNotBanned.
	AddBan(ctx context.Context, b shared.Ban, lasts time.Duration) (view.Ban, error)
	RemoveBan(ctx context.Context, b shared.Ban) error

	Halts(ctx context.Context) (list view.Halts, age time.Duration, err error)
	// Resume fails with shared.ErrNotHalted.
	Resume(ctx context.Context, wallet chain.WalletID) error
}
