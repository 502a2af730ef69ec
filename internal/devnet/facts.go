package devnet

import (
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/rpcfault"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// facts is everything the judge may look at of one window: the chain, what was done to the network, and the rows that
// the nodes show to anyone who reads their stores.
type facts struct {
	Window  coordination.Window
	Safe    chain.Hash // hash of block c-32
	MostFee uint64     // satoshi, the most that a redemption transaction may pay
	Wallets []walletFacts
	Deeds   []deed
	Nodes   []nodeFacts
	Shares  []share // as the signers tell
}

// walletFacts is one wallet as the chain has it.
type walletFacts struct {
	Wallet chain.Wallet
	Due    [][]byte // output scripts of the requests that a redemption of this window may pay
	Purse  *purse   // what it pays them from; nil if nobody can sign for it
	// Poor is who was missing from the wallet's newest heartbeats before this window, the oldest first, as far back as all were poor.
	Poor [][]chain.Operator
}

// nodeFacts is what one node has recorded of the window.
type nodeFacts struct {
	Operator chain.Operator
	Down     bool // it did not run in the active phase
	// First says that the node had accounted for no window before: then one that it misses leaves no trace (rule R1).
	First bool
	// Away says that the node still does not run when it is judged, so it cannot have recorded what it missed.
	Away bool
	// Refuses are the devnet's instances that the node's list of peers shows as refused, and for whom they speak.
	Refuses map[string]chain.Operator
	Detail  store.WindowDetail
	Signs   bool // its operator has signers
	// Signings are what its wallets' signers were asked in the window, and what came of it.
	Signings []signing.Signing
	Inactive []store.Inactive // what it has found of operators in this window
	Proofs   []proofFacts     // all that it has stored
}

// proofFacts is a proof that a node has stored.
type proofFacts struct {
	Proof evidence.Proof
	// Exit is what "walletnode evidence verify" ended with, given the proof and the wallet's operators as the chain has them.
	Exit int
}

// deedKind says what sort of thing was done.
type deedKind string

// The kinds of deeds.
const (
	deedSilence      deedKind = "silence"       // an instance was connected through the active phase and said nothing
	deedStatement    deedKind = "statement"     // an instance sent a message
	deedRestart      deedKind = "restart"       // a node was killed and started again
	deedSkippedHeads deedKind = "skipped heads" // a node's endpoint lost heads
	deedLateStart    deedKind = "late start"    // a node was down until within the window
	deedStalledChain deedKind = "stalled chain" // a node's endpoint showed no block of the active phase
	deedReorg        deedKind = "reorg"         // the chain replaced blocks, block c among them
	deedLie          deedKind = "lie"           // an endpoint told another seed block
	deedFork         deedKind = "fork"          // an endpoint told a branch of its own
	deedBlackhole    deedKind = "black hole"    // an endpoint answered nothing
	deedCut          deedKind = "cut"           // an endpoint was out of reach
	// deedSlowDisk says that a node could not write for some blocks, when others did.
	deedSlowDisk deedKind = "slow disk"
	// deedPartition says that no node of one side was connected to one of the other.
	deedPartition deedKind = "partition"
	// deedFlood says that an instance sent more than anybody puts up with.
	deedFlood deedKind = "flood"
	// deedSignerDown says that a signer was stopped, deedSignersBack that one runs again that was, and deedRetired that its
	// operator had retired it before a wallet was made.
	deedSignerDown  deedKind = "signer down"
	deedSignersBack deedKind = "signer back"
	deedRetired     deedKind = "retired signer"
	// deedCheat says that a signer gave a wrong part of a signature.
	deedCheat deedKind = "cheating"
	// deedDrawn says that block c-32 was made anew until its hash put a heartbeat on a wallet's checklist.
	deedDrawn deedKind = "drawn heartbeat"
)

// deed is one entry of the adversary's log: what was really done, not what was planned.
type deed struct {
	Kind     deedKind
	Operator chain.Operator // whose key was used, or whose node suffered it
	Wallet   chain.WalletID // of a silence, a statement or a drawn heartbeat; of a retired signer the one that was made afterwards
	Key      wire.PublicKey // of a statement: the operator's key, which signed it
	Envelope []byte         // of a statement: the bytes that were sent
	// From and To are the first and last block of it, both included. Of a statement From is the block at which it was
	// first sent.
	From, To chain.Height
	// Peers are the operators that were connected to hear a statement; of a slow disk those whose nodes had written the
	// window down as opened, while this one could not.
	Peers int
	// Audience is whom a statement was said to.
	Audience []chain.Operator
	// Replaced are block c's hashes before and after a reorg.
	Replaced [2]chain.Hash
	// Endpoint is which of the operator's endpoints did it, 0 for the primary; Told is what its log has of it.
	Endpoint int
	Told     rpcfault.Tally
	Signer   string // which of the operator's signers it was done to, or did it
	// Attempt is the one in which a signer cheated, and Signers the seats that were to sign.
	Attempt uint32
	Signers []chain.Seat
	// Sides are the two groups of a partition.
	Sides sides
	// Sent is how many messages a flood had, of those to the node that was sent the fewest; Instance is the peer ID that
	// sent them, and Replayed what others had signed, if it was that.
	Sent     int
	Instance string
	Replayed [][]byte
}

func (d deed) String() string {
	return fmt.Sprintf("%s of %v, blocks %d to %d", d.Kind, d.Operator, d.From, d.To)
}

// within reports whether the whole deed lies in the window's active phase.
func (d deed) within(w coordination.Window) bool {
	return d.From >= w.Block && d.From <= d.To && d.To < w.ActiveEnd
}

// said decodes a statement as any node would.
func (d deed) said() (proposal.Message, error) {
	envelope, err := wire.DecodeEnvelope(d.Envelope, d.Key.PeerID())
	if err != nil {
		return proposal.Message{}, err
	}
	return proposal.DecodeMessage(envelope.Payload)
}

// on returns the deeds on one wallet.
func on(wallet chain.WalletID, deeds []deed) []deed {
	return slices.DeleteFunc(slices.Clone(deeds), func(d deed) bool { return d.Wallet != wallet })
}
