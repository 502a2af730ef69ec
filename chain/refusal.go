package chain

// Refusal is the validator contract's own no to a proposal: a decoded revert reason, and nothing else. A leader
// may be blamed for it (rule R5), so whatever keeps us from an answer (no data, a panic code, a timeout) must
// stay a plain error. Callers find it with errors.As.
type Refusal struct {
	Reason string // the contract's text; from the chain, bounded in length, for people to read
}

// Error returns the reason with the word that says whose it is.
func (r *Refusal) Error() string { return "refused: " + r.Reason }
