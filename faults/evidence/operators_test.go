package evidence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
)

func TestOperatorsAreReadFromAFile(t *testing.T) {
	file := `{"chain": 11155111, "walletPublicKey": "` + ourWallet.String() + `", "operators": ["` + operator(1).String() + `", "` + operator(2).String() + `"]}`
	got, err := evidence.ParseOperators([]byte(file + "\n"))
	require.NoError(t, err)
	require.Equal(t, listOf(t, chainID, ourWallet, 1, 2), got)

	for want, bad := range map[string]string{
		"list of operators: EOF":                           "",
		"unexpected EOF":                                   file[:len(file)-2],
		"something follows":                                file + "{}",
		`unknown field "seats"`:                            strings.Replace(file, "operators", "seats", 1),
		"no chain":                                         strings.Replace(file, "11155111", "0", 1),
		"cannot unmarshal string":                          strings.Replace(file, "11155111", `"1"`, 1),
		"cannot unmarshal number -1":                       strings.Replace(file, "11155111", "-1", 1),
		"wallet public key":                                strings.Replace(file, ourWallet.String(), "04", 1),
		"seat 1: operator address":                         strings.Replace(file, operator(1).String(), strings.ToLower(operator(1).String()), 1),
		"wallet has no seats":                              file[:strings.Index(file, `["`)] + "[]}",
		"wallet has 256 seats":                             strings.Replace(file, `["`, `[`+strings.Repeat(`"`+operator(3).String()+`",`, 254)+`"`, 1),
		"more than 65536 bytes":                            file + strings.Repeat(" ", evidence.MaxOperators),
		"seat 2 has no operator":                           strings.Replace(file, operator(2).String(), chain.Operator{}.String(), 1),
		"no chain\nwallet public key: want 130 hex digits": `{"operators": ["` + operator(1).String() + `"]}`,
	} {
		_, err := evidence.ParseOperators([]byte(bad))
		requireRefused(t, err, evidence.BadOperators, want)
		require.ErrorContains(t, err, want)
		verdict, _ := evidence.Judge(err)
		require.Equal(t, evidence.Unusable, verdict)
	}
}

func FuzzParseOperators(f *testing.F) {
	f.Add([]byte(`{"chain": 1, "walletPublicKey": "` + ourWallet.String() + `", "operators": ["` + operator(1).String() + `"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := evidence.ParseOperators(data)
		require.Equal(t, err == nil, list.Chain != 0 && list.Wallet.Seats() > 0)
	})
}
