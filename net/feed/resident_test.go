package feed_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// A signer's mailboxes are told apart by instance, and no signer has another one's: the names of signers have no dots.
func TestAMailboxAtEveryInstanceHasANameOfItsOwn(t *testing.T) {
	require.Equal(t, "signer.one.node-2.example", feed.Resident("signer.one", "node-2.example"))
	long := strings.Repeat("n", 62)
	names := map[string]bool{}
	for _, at := range []string{"a", "b", "a.b", long + "1", long + "2"} {
		name := feed.Resident("signer.one", at)
		require.NoError(t, feed.CheckName(feed.EchoSource(name)))
		require.True(t, feed.ResidentOf("signer.one", name))
		require.True(t, feed.Stays(name))
		names[name] = true
	}
	require.Len(t, names, 5)
	for common, mailbox := range map[string]string{
		"signer.on":    "signer.one.a",
		"signer.one":   "signer.one",
		"signer.one.":  "signer.one.a",
		"signer.one.a": "signer.one.a.b", // else whoever has the one of an instance would have that of another
		"tools":        "tools.a",
		"signer.":      "signer..a",
	} {
		require.False(t, feed.ResidentOf(common, mailbox), common)
	}
	require.True(t, feed.Stays("live.a"))
	for _, moves := range []string{"tools", "signer.one", "tools.a"} {
		require.False(t, feed.Stays(moves), moves)
	}
}
