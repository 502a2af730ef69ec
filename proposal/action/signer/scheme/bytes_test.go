package scheme

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// coefficients returns where the array of a polynomial's commitments begins in a message; each is two bytes and the point.
func coefficients(t testing.TB, data []byte) int {
	t.Helper()
	name := []byte("Coefficients")
	at := bytes.Index(data, name)
	require.Positive(t, at)
	at += len(name)
	if data[at] == 0x98 { // an array of 24 items or more has its length in a byte of its own
		at++
	}
	return at
}
