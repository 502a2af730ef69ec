package api

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A token of a signer's is for its mailboxes at all instances, and for nobody else's.
func TestASignersNameStandsForItsMailboxesAtTheInstances(t *testing.T) {
	s := Subscriber{Name: "one", Mailboxes: []string{"signer.one", "tools"}, May: []Right{RightFollow}}
	for _, mailbox := range []string{"signer.one", "signer.one.node", "signer.one.node-2.example", "tools"} {
		require.NoError(t, s.may(RightFollow, mailbox))
		require.ErrorIs(t, s.may(RightAcknowledge, mailbox), ErrForbidden)
	}
	for _, mailbox := range []string{"signer.on", "signer.one2.node", "signer.two.node", "signer.one.", "tools.node", "live.node"} {
		require.ErrorIs(t, s.may(RightFollow, mailbox), ErrForbidden, mailbox)
	}
}
