package evidence

import (
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// Opening shows that an entry is below a head.
type Opening struct {
	Entry   Entry
	Windows tree.Path // in the wallet's tree of windows
	Wallets tree.Path // in the tree of wallets
	Views   tree.Hash // root over the views, which stands beside that of the wallets
}

// Under refuses an opening that does not lead to a head. Errors are a *Refusal.
func (o Opening) Under(h Head) error {
	if !h.Attests(o.Entry.Window) {
		return refuse(BadPath, "opening: the head of window %d does not attest window %d", h.Window, o.Entry.Window)
	}
	if len(o.Windows) > windowBits || o.Windows.Leaves() > Span {
		return refuse(BadPath, "opening: a wallet has more windows than %d", Span)
	}
	if least := o.Wallets.Leaves(); least > h.Wallets || least == 1 && h.Wallets > 1 {
		return refuse(BadHead, "opening: its path shows %d wallets or more, the head counts %d", least, h.Wallets)
	}
	windows := o.Windows.Root(windowName(o.Entry.Window), o.Entry.Hash())
	if tree.Join(o.Wallets.Root(tree.Name(o.Entry.Wallet), windows), o.Views) != h.Root {
		return refuse(BadPath, "opening: it leads to another root than the head's")
	}
	return nil
}

// windowBits is how many bits tell the windows of one tree apart.
const windowBits = 6

// OpeningForm and ReadOpening carry an opening in other messages.
func OpeningForm(o Opening) *pb.Opening { return o.raw() }

func (o Opening) raw() *pb.Opening {
	return &pb.Opening{Entry: o.Entry.raw(), Windows: o.Windows.Encode(), Wallets: o.Wallets.Encode(), Views: o.Views[:]}
}

// ReadOpening reads what OpeningForm made. Whether it leads to a head is for Under.
func ReadOpening(raw *pb.Opening) (Opening, error) {
	var o Opening
	var err error
	if raw.GetEntry() == nil || len(raw.GetViews()) != len(o.Views) {
		return Opening{}, refuse(Malformed, "opening: without an entry, or with a hash of another length")
	}
	if o.Entry, err = ReadEntry(raw.GetEntry()); err != nil {
		return Opening{}, err
	}
	if o.Windows, err = tree.DecodePath(raw.GetWindows()); err != nil {
		return Opening{}, refuse(Malformed, "opening: windows: %w", err)
	}
	if o.Wallets, err = tree.DecodePath(raw.GetWallets()); err != nil {
		return Opening{}, refuse(Malformed, "opening: wallets: %w", err)
	}
	copy(o.Views[:], raw.GetViews())
	return o, nil
}
