package coordination

import "fmt"

// Reason says why a window, or an action, ended as it did. The list is closed and its texts are stable: they are
// stored, exported and documented (docs/reasons.md is generated from this file); none is ever reused (rule R9).
type Reason string

// The reasons. Those of actions stand beside those of windows because one list is easier to search.
const (
	ReasonOK                  Reason = "ok"
	ReasonNoop                Reason = "noop"
	ReasonLeaderIdle          Reason = "leader_idle"
	ReasonLeaderMistake       Reason = "leader_mistake"
	ReasonLeaderImpersonation Reason = "leader_impersonation"
	ReasonLeaderEquivocation  Reason = "leader_equivocation"
	ReasonUnverifiable        Reason = "unverifiable"
	ReasonValidationError     Reason = "validation_error"
	ReasonParamsMismatch      Reason = "params_mismatch"
	ReasonNodeDown            Reason = "node_down"
	ReasonLateStart           Reason = "late_start"
	ReasonChainStalled        Reason = "chain_stalled"
	ReasonSeedUnavailable     Reason = "seed_unavailable"
	ReasonNoQuorum            Reason = "no_quorum"
	ReasonNoPeers             Reason = "no_peers"
	ReasonGenerationFailed    Reason = "generation_failed"
	ReasonBusy                Reason = "busy"
	ReasonWalletBusy          Reason = "wallet_busy"
	ReasonNoSigner            Reason = "no_signer"
	ReasonSignerUnavailable   Reason = "signer_unavailable"
	ReasonSignerRefused       Reason = "signer_refused"
	ReasonRevoked             Reason = "revoked"
	ReasonExpired             Reason = "expired"
	ReasonLeaseNotHeld        Reason = "lease_not_held"
	ReasonDraining            Reason = "draining"
	ReasonStoreFailed         Reason = "store_failed"
	ReasonHandlerFailed       Reason = "handler_failed"
	ReasonInvalidated         Reason = "invalidated"
	ReasonLeaderBanned        Reason = "leader_banned"
)

// reasons explains each code to an operator: what happened, and what to do about it.
var reasons = []struct {
	code  Reason
	means string
	todo  string
}{
	{ReasonOK, "The wallet agreed on an action.", "Nothing."},
	{ReasonNoop, "The leader proposed, and the wallet agreed, to do nothing.", "Nothing."},
	{ReasonLeaderIdle, "No message of the leader arrived in the active phase.", "Look at the fault: if it is unattributed, our own view was impaired."},
	{ReasonLeaderMistake, "The leader proposed an action off the checklist, from a wrong seat, or one the chain's validator refused.", "Look at the fault's detail for the refusal."},
	{ReasonLeaderImpersonation, "Only members other than the leader sent messages, and our view was too impaired to call the leader idle.", "Look at the fault for who signed."},
	{ReasonLeaderEquivocation, "The leader's operator signed two differing messages for the window; nothing is done.", "Keep the evidence; it is proof to anyone holding the operator list."},
	{ReasonUnverifiable, "The proposal's kind cannot be checked by this node, so it does not take part; or, of an action, a Bitcoin transaction that it takes is not known here, and no other operator of the wallet gave it.", "Nothing, if the kind needs a Bitcoin node. Otherwise the detail says what is missing; then `walletnode actions retry`."},
	{ReasonValidationError, "The proposal could not be checked: the chain endpoint failed, or too few blocks were left.", "Check the chain endpoint."},
	{ReasonParamsMismatch, "The leader runs with other protocol parameters or another roster of the wallet.", "Compare the wallet manifest and the version with that operator."},
	{ReasonNodeDown, "The node was not running in the window's active phase, or stopped in it and came back too late. Of many instances that is the one that served the wallet, and nothing it had written down settles the window.", "Find out why it was down."},
	{ReasonLateStart, "The node came up within the window, after its active phase.", "Nothing, if the restart was planned."},
	{ReasonChainStalled, "The node ran, but its chain endpoint showed no block of the active phase.", "Check the chain endpoint."},
	{ReasonSeedUnavailable, "The seed block could not be read in the active phase, so the leader is not known.", "Check the chain endpoint."},
	{ReasonNoQuorum, "Too few chain endpoints agreed on the seed block, on the window's first block or those of its active phase, or on the validity of the proposal; the node abstained.", "Check the chain endpoints."},
	{ReasonNoPeers, "The node led, or waited, while connected to no other operator of the wallet.", "Check the network and the list of peers."},
	{ReasonGenerationFailed, "The node led, something on the checklist failed to generate and nothing else was to do; a no-op was sent.", "The window's detail names each failure, as the log does."},
	{ReasonBusy, "The wallet was still busy with an earlier window.", "Report it: a window ends long before the next."},
	{ReasonWalletBusy, "The wallet was still carrying out an earlier action; this one is not carried out.", "Nothing, unless the earlier action hangs."},
	{ReasonNoSigner, "The action was valid and due, but the node has no signer backend for the wallet.", "Configure a signer backend; while the action's blocks last, `walletnode actions retry`."},
	{ReasonSignerUnavailable, "The wallet's signer backend could not be reached, broke off, or is declared failed.", "Check the signer backend; while the action's blocks last, `walletnode actions retry`."},
	{ReasonSignerRefused, "The wallet's signer backend refused; the detail names its rule.", "Look at the detail."},
	{ReasonRevoked, "Evidence of equivocation arrived after the agreement; the action is not carried out.", "Look at the window's faults."},
	{ReasonExpired, "The action's last block passed before it could be carried out, or before enough seats had signed together.", "`walletnode actions show` tells of each attempt, and who was absent."},
	{ReasonLeaseNotHeld, "Another instance of this operator is responsible for the wallet.", "Nothing."},
	{ReasonDraining, "The node was shutting down.", "Nothing, if the shutdown was planned."},
	{ReasonStoreFailed, "The node could not write down what it must before acting, so it did not act.", "Check the disk and the database."},
	{ReasonHandlerFailed, "The action's handler failed; the detail says how.", "Report it with the detail."},
	{ReasonLeaderBanned, "Nothing of the leader was heard, and its operator is banned here, so its messages are dropped; that is no fault of the leader.", "Nothing, if the ban is still wanted; `walletnode bans list` shows it."},
	{ReasonInvalidated, "The action no longer passed the chain's validator when its time had come.", "Nothing; the detail has the refusal."},
}

// Reasons returns every reason code in documentation order.
func Reasons() []Reason {
	codes := make([]Reason, len(reasons))
	for i, r := range reasons {
		codes[i] = r.code
	}
	return codes
}

// ParseReason reads a reason's text.
func ParseReason(s string) (Reason, error) {
	for _, r := range reasons {
		if string(r.code) == s {
			return r.code, nil
		}
	}
	return "", fmt.Errorf("unknown reason %q", s)
}

// Explain returns what the reason means and what an operator should do about it.
func (r Reason) Explain() (means, todo string) {
	for _, row := range reasons {
		if row.code == r {
			return row.means, row.todo
		}
	}
	return "", ""
}
