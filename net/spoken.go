package net

import "github.com/walletnode/walletnode/chain"

// Ear is told of what one operator says. The zero value hears nothing.
type Ear struct {
	Operator chain.Operator
	// Hear is told of each new statement of the operator for the current or the coming window, however early it comes, but
	// of none that the inbox's owner published itself. It must return at once. A statement for which there was no room in
	// the inbox is told of as well, and then again with its next copy.
	Hear func(Message)
}

// concerns reports whether a message is to be told of, once it was ruled on.
func (e Ear) concerns(m Message, r Ruling) bool {
	return e.Hear != nil && m.Author == e.Operator && (r.Cause == CauseNew || r.Cause == CauseFull)
}
