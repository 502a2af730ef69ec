package main

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proofs of heads are verified from two files alone, and shown as the schema has them.
func TestProofsOfHeadsAreVerified(t *testing.T) {
	const vectors = "../../faults/evidence/testdata"
	list := filepath.Join(vectors, "operators.json")
	for name, says := range map[string]string{
		"two-statements": "statement",
		"two-heads":      "all of the operator's",
		"fork":           "after",
		"denial":         "was ready to sign",
	} {
		text, err := os.ReadFile(filepath.Join(vectors, name+".hex"))
		require.NoError(t, err)
		proof, err := hex.DecodeString(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		require.Contains(t, succeed(t, string(proof), "evidence", "verify", "-", "--operators", list), says, name)
		readSchema(t, "verdict.json").requireFits(t, succeed(t, string(proof), "evidence", "verify", "-", "--operators", list, "--json"))
		proof[len(proof)/2] ^= 1
		require.Equal(t, codeInvalid, call(t, string(proof), "evidence", "verify", "-", "--operators", list).code, name)
	}
}
