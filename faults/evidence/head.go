package evidence

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/bits"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

const (
	// HeadsTopic is where operators tell their heads, on each chain's network.
	HeadsTopic = "/walletnode/heads/1"
	// Span is how many windows a head attests, the one it is of included: eight days.
	Span = 64
	// MaxWallets is how many wallets a head can be about; a node is built for a thousand.
	MaxWallets = 1 << 16

	headDomain = "walletnode-head-1:"
)

// Head is what an operator attests after a window: one for all of its wallets. ReadHead makes a checked one.
type Head struct {
	Operator chain.Operator // who signed it
	Chain    uint64         // chain ID: an operator may use one key on two chains
	Window   chain.Height   // coordination block
	Previous [32]byte       // ID of the head before it; zero where a chain begins
	Root     tree.Hash      // tree.Join of the root over wallets and the root over views
	Wallets  int            // leaves of the tree over wallets
	// Windows has bit i set if the window i*900 blocks before this one is attested, which is to say that this operator signed a
	// head of it: bit 0 always. The lowest of the others is the window of Previous.
	Windows uint64

	signed []byte
}

// EncodeHead writes what an operator signs as a head, without the signature and the name of who makes it: the data of a message on
// HeadsTopic.
func EncodeHead(h Head) []byte {
	raw := &pb.Head{
		Chain: h.Chain, Window: uint64(h.Window), Root: h.Root[:],
		Wallets: uint32(h.Wallets), Windows: h.Windows, //nolint:gosec // at most MaxWallets
	}
	if h.Previous != [32]byte{} {
		raw.Previous = h.Previous[:]
	}
	return marshal(raw)
}

// ReadHead reads a signed head and checks all of it that needs nothing else. Errors are a *Refusal.
func ReadHead(signed []byte) (Head, error) {
	message, author, err := signedBy(signed)
	if err != nil {
		return Head{}, err
	}
	return headOf(message, author)
}

// Head is ReadHead of a message that was heard, whose signature was verified then.
func (h *Hearing) Head(signed []byte) (Head, error) {
	message, err := normalize(signed)
	if err != nil {
		return Head{}, err
	}
	author, err := h.author(message.From())
	if err != nil {
		return Head{}, err
	}
	return headOf(message, author)
}

func headOf(message wire.PubsubMessage, author chain.Operator) (Head, error) {
	if message.Topic() != HeadsTopic {
		return Head{}, refuse(OtherTopic, "message: the topic %.200q is not that of heads", message.Topic())
	}
	raw := new(pb.Head)
	if err := proto.Unmarshal(message.Data(), raw); err != nil {
		return Head{}, refuse(Malformed, "head: %w", err)
	}
	h := Head{Operator: author, Chain: raw.GetChain(), Window: chain.Height(raw.GetWindow()), Windows: raw.GetWindows(), signed: message.Bytes()}
	if len(raw.GetRoot()) != len(h.Root) || !fill(h.Previous[:], raw.GetPrevious()) {
		return Head{}, refuse(Malformed, "head: a hash of another length")
	}
	copy(h.Root[:], raw.GetRoot())
	if raw.GetWallets() > MaxWallets {
		return Head{}, refuse(BadHead, "head: of %d wallets, more than %d", raw.GetWallets(), MaxWallets)
	}
	h.Wallets = int(raw.GetWallets())
	if err := h.check(); err != nil {
		return Head{}, err
	}
	if !bytes.Equal(EncodeHead(h), message.Data()) {
		return Head{}, refuse(NotCanonical, "head: not in its one form")
	}
	return h, nil
}

// strictHead is ReadHead of a message that is in its one form already.
func strictHead(signed []byte) (Head, error) {
	h, err := ReadHead(signed)
	if err == nil {
		err = inForm(signed, h.signed)
	}
	if err != nil {
		return Head{}, err
	}
	return h, nil
}

// check refuses what no honest operator attests.
func (h Head) check() error {
	number := uint64(h.Window / frequency)
	switch {
	case h.Chain == 0:
		return refuse(BadHead, "head: it names no chain")
	case h.Window == 0 || h.Window%frequency != 0:
		return refuse(NoWindow, "head: no window begins at block %d", h.Window)
	case h.Windows&1 == 0:
		return refuse(BadHead, "head: it does not attest its own window")
	case number < Span && h.Windows>>number != 0: // window 0 does not exist
		return refuse(BadHead, "head: it attests windows before the first")
	case (h.Windows == 1) != (h.Previous == [32]byte{}):
		return refuse(BadHead, "head: the head before it and the windows it attests do not go together")
	case h.Wallets == 0 && h.Root != tree.Join(tree.Empty, tree.Empty):
		return refuse(BadHead, "head: of no wallet, but with a root over some")
	}
	return nil
}

// ID names what a head says, whoever forwards it and however often it was signed: the hash of operator and content.
func (h Head) ID() [32]byte {
	buf := append([]byte(headDomain), h.Operator[:]...)
	return sha256.Sum256(append(buf, EncodeHead(h)...))
}

// Signed returns the signed pubsub message: s low, no key field, unknown fields included.
func (h Head) Signed() []byte { return bytes.Clone(h.signed) }

// Attests reports whether a window is among those that a head attests.
func (h Head) Attests(window chain.Height) bool {
	if window > h.Window || window%frequency != 0 {
		return false
	}
	back := (h.Window - window) / frequency
	return back < Span && h.Windows>>back&1 == 1
}

// PreviousWindow returns the window of the head before this one; false where a chain begins.
func (h Head) PreviousWindow() (chain.Height, bool) {
	if h.Windows == 1 {
		return 0, false
	}
	return h.Window - frequency*chain.Height(bits.TrailingZeros64(h.Windows&^1)), true
}

// String names the head for people.
func (h Head) String() string {
	return fmt.Sprintf("operator %v, chain %d, window %d", h.Operator, h.Chain, h.Window)
}

// Link is what two heads of one operator are to each other.
type Link string

// The links. Only Forked and a second head of one window are misdeeds; after a loss of data an honest operator skips windows
// or begins anew, and leaves suspicion behind.
const (
	Follows   Link = "follows"   // the later one names the earlier one as its predecessor
	Forked    Link = "forked"    // it names another head of the earlier one's window
	Skipped   Link = "skipped"   // its predecessor is older: it does not know of the earlier one. Suspicion
	Anew      Link = "anew"      // its chain begins after the earlier one. Suspicion
	Unrelated Link = "unrelated" // its predecessor is younger than the earlier one, or they are of different operators or chains
)

// LinkOf says what a later head is to an earlier one.
func LinkOf(earlier, later Head) Link {
	if earlier.Operator != later.Operator || earlier.Chain != later.Chain || earlier.Window >= later.Window {
		return Unrelated
	}
	before, some := later.PreviousWindow()
	switch {
	case !some:
		return Anew
	case before > earlier.Window:
		return Unrelated
	case before < earlier.Window:
		return Skipped
	case later.Previous == earlier.ID():
		return Follows
	}
	return Forked
}

func marshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil { // only text that is no UTF-8, and there is none
		panic(fmt.Sprintf("encode %T: %v", m, err))
	}
	return data
}
