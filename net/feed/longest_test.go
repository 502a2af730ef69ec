package feed

import (
	"math/bits"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The longest path that a witness may have is that of the most items of one signature.
func TestTheLongestPathIsThatOfTheMostItems(t *testing.T) {
	require.Equal(t, bits.Len32(MaxTogether-1), maxTogetherPath)
	require.Equal(t, maxTogetherPath, pathLength(0, MaxTogether))
}

// The longest epoch that a reader takes fits into an export: it can be kept, read again, and shown.
func TestTheLongestEpochFitsIntoAnExport(t *testing.T) {
	name := strings.Repeat("n", MaxName)
	e := Entry{Mailbox: name, Number: 1, Record: Record{Item: Item{Source: name, Kind: KindFault}}}
	gap := Entry{Mailbox: name, Number: 1, Gap: &Gap{Outbox: Actor{Instance: name, Stage: Outbox}}}
	entry := max(len(e.Encode()), len(gap.Encode()))
	const heads = 4 + 4*4 + 2*(1+MaxName) + len(signedDomain) // of the export and the epoch, with their lengths
	require.LessOrEqual(t, maxOpenEntries*(entry+MaxWitness)+MaxSeal+maxSubscriptions+heads, MaxExport)
}
