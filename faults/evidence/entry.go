package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// Status says how an operator heard of a wallet's leader in a window.
type Status uint8

// The statuses. Their numbers are hashed and signed, and never reused.
const (
	// None: the leader said nothing as long as the window lasted. Who attests it must sign nothing for the wallet and the
	// window, then or later.
	None Status = 0
	// Said: one statement was heard in the window.
	Said Status = 1
	// Late: none was heard in the window, and one was learned of afterwards.
	Late Status = 2
	// Twice: the sender signed two that differ. Whichever two they were, it is the same entry.
	Twice Status = 3
)

// statuses are the texts of the statuses.
var statuses = [...]string{None: "none", Said: "said", Late: "late", Twice: "twice"}

// String returns the status as a word.
func (s Status) String() string {
	if int(s) < len(statuses) {
		return statuses[s]
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// Entry is what an operator attests of one wallet and window: a leaf of its heads. It is made of what every honest
// observer sees alike, so that two of them have the same.
type Entry struct {
	Wallet    chain.WalletID
	Window    chain.Height // coordination block
	Status    Status
	Leader    chain.Operator // zero if the observer does not know who led
	Sender    chain.Operator // who signed the statement; zero if there is none
	Statement [32]byte       // Statement.Digest, so of the canonical proposal with its slot and seat; zero if there is none, or two
}

// entryDomain keeps an entry's hash from being one of anything else.
const entryDomain = "walletnode-entry-1:"

// Hash is the entry's hash, of fixed fields in a fixed order.
func (e Entry) Hash() tree.Hash {
	buf := make([]byte, 0, len(entryDomain)+len(e.Wallet)+8+1+len(e.Leader)+len(e.Sender)+len(e.Statement))
	buf = append(buf, entryDomain...)
	buf = append(buf, e.Wallet[:]...)
	buf = binary.BigEndian.AppendUint64(buf, uint64(e.Window))
	buf = append(buf, byte(e.Status))
	buf = append(buf, e.Leader[:]...)
	buf = append(buf, e.Sender[:]...)
	buf = append(buf, e.Statement[:]...)
	return sha256.Sum256(buf)
}

// Leaf is the entry's place in its wallet's tree of windows.
func (e Entry) Leaf() tree.Leaf { return tree.NewLeaf(windowName(e.Window), e.Hash()) }

// windowName is where a window lies in a tree of the last Span windows: its number modulo Span, in the first six bits.
func windowName(window chain.Height) tree.Name {
	return tree.Name{byte(window / frequency % Span << 2)}
}

// Check refuses an entry that no honest operator makes.
func (e Entry) Check() error {
	silent := e.Sender.IsZero() && e.Statement == [32]byte{}
	fits := false
	switch e.Status {
	case None:
		fits = silent
	case Said, Late:
		fits = !e.Sender.IsZero() && e.Statement != [32]byte{}
	case Twice:
		fits = !e.Sender.IsZero() && e.Statement == [32]byte{}
	}
	switch {
	case !fits:
		return refuse(BadHead, "entry: %v does not go with its sender and statement", e.Status)
	case e.Window == 0 || e.Window%frequency != 0:
		return refuse(NoWindow, "entry: no window begins at block %d", e.Window)
	}
	return nil
}

// Becomes refuses a change of an entry that was attested before: all that may change is that a leader who seemed silent is
// found to have spoken.
func (e Entry) Becomes(later Entry) error {
	switch {
	case e == later:
		return nil
	case e.Wallet != later.Wallet || e.Window != later.Window:
		return refuse(SlotsDiffer, "entry: one is of wallet %v, window %d, the other of wallet %v, window %d",
			e.Wallet, e.Window, later.Wallet, later.Window)
	case e.Status != None || later.Status != Late || e.Leader != later.Leader:
		return refuse(BadHead, "entry: %v was attested and does not become %v", e.Status, later.Status)
	}
	return later.Check()
}

// Bars reports whether whoever attested this may not sign anything for the wallet and the window: it said that it heard nothing
// there to act on.
func (e Entry) Bars() bool { return e.Status == None || e.Status == Late }

func (e Entry) raw() *pb.Entry {
	raw := &pb.Entry{Wallet: e.Wallet[:], Window: uint64(e.Window), Status: uint32(e.Status)}
	if !e.Leader.IsZero() {
		raw.Leader = e.Leader[:]
	}
	if !e.Sender.IsZero() {
		raw.Sender = e.Sender[:]
	}
	if e.Statement != [32]byte{} {
		raw.Statement = e.Statement[:]
	}
	return raw
}

// EntryForm and ReadEntry carry an entry in other messages.
func EntryForm(e Entry) *pb.Entry { return e.raw() }

// ReadEntry reads what EntryForm made, and checks it.
func ReadEntry(raw *pb.Entry) (Entry, error) {
	e := Entry{Window: chain.Height(raw.GetWindow()), Status: Status(raw.GetStatus())} //nolint:gosec // compared below
	if raw.GetStatus() > uint32(Twice) || len(raw.GetWallet()) != len(e.Wallet) || !fill(e.Leader[:], raw.GetLeader()) ||
		!fill(e.Sender[:], raw.GetSender()) || !fill(e.Statement[:], raw.GetStatement()) {
		return Entry{}, refuse(Malformed, "entry: a field has another length, or the status no meaning")
	}
	copy(e.Wallet[:], raw.GetWallet())
	return e, e.Check()
}

// fill copies a field that may be absent; false if it has another length.
func fill(to, from []byte) bool {
	copy(to, from)
	return len(from) == 0 || len(from) == len(to)
}
