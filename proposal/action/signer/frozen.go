package signer

// Reasons of a frozen key that hold for ever. Any other can be taken back by putting the key to use again.
const (
	// WhyExported says that the key was given out in a file, and is another backend's to use.
	WhyExported = "exported"
	// WhyRolledBack says that the backend remembers fewer signatures than its node: its disk was put back to an earlier state,
	// and it would sign again what it has forgotten.
	WhyRolledBack = "rolled_back"
)

// Exported reports whether the key is here no more than in name: another backend has it, or will have it.
func (k Key) Exported() bool { return k.State == KeyFrozen && k.Why == WhyExported }
