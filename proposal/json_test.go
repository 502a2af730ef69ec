package proposal_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal"
)

const (
	jsonHead      = `{"senderID":7,"coordinationBlock":900,"walletPublicKeyHash":"1111111111111111111111111111111111111111",`
	jsonHeartbeat = jsonHead + `"action":"Heartbeat","proposal":{"message":"ffffffffffffffff0102030405060708"}}`
	jsonSweep     = jsonHead + `"action":"DepositSweep","proposal":{"depositsKeys":[{"fundingTxHash":"` +
		`2222222222222222222222222222222222222222222222222222222222222222","fundingOutputIndex":1}],` +
		`"depositsRevealBlocks":["-5"],"sweepTxFee":"256"}}`
	jsonRedemption = jsonHead + `"action":"Redemption","proposal":{"redeemersOutputScripts":["0102",""],"redemptionTxFee":"1"}}`
	jsonMoving     = jsonHead + `"action":"MovingFunds","proposal":{"targetWallets":[` +
		`"3333333333333333333333333333333333333333"],"movingFundsTxFee":"1"}}`
)

func TestMessageJSONHasOneForm(t *testing.T) {
	for _, text := range []string{jsonHeartbeat, jsonSweep, jsonRedemption, jsonMoving, jsonHead + `"action":"Noop","proposal":{}}`} {
		m, err := proposal.UnmarshalMessageJSON([]byte(text))
		require.NoError(t, err)
		written, err := proposal.MarshalMessageJSON(m)
		require.NoError(t, err)
		require.Equal(t, text, string(written))
	}
	m, err := proposal.UnmarshalMessageJSON([]byte(jsonHead + `"action":"Noop"}`))
	require.NoError(t, err)
	require.Equal(t, proposal.Noop{}, m.Proposal)
}

func TestMessageJSONThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, old, new, want string }{
		"not an object":           {"[]", "", "", "not a JSON object"},
		"nothing":                 {"", "", "", "not a JSON object"},
		"two objects":             {jsonHeartbeat + jsonHeartbeat, "", "", "more than one"},
		"cut off":                 {jsonHeartbeat[:150], "", "", "EOF"},
		"unknown field":           {jsonHeartbeat, `{"senderID"`, `{"seat":1,"senderID"`, `unknown field "seat"`},
		"field twice":             {jsonHeartbeat, `{"senderID"`, `{"senderID":1,"senderID"`, "twice"},
		"other letter case":       {jsonHeartbeat, "senderID", "senderId", `"senderID" is missing`},
		"sender too large":        {jsonHeartbeat, `:7,`, `:256,`, "senderID"},
		"sender negative":         {jsonHeartbeat, `:7,`, `:-1,`, "senderID"},
		"block a fraction":        {jsonHeartbeat, `:900,`, `:900.5,`, "coordinationBlock"},
		"block null":              {jsonHeartbeat, `:900,`, `:null,`, "null"},
		"wallet with 0x":          {jsonHeartbeat, `"1111`, `"0x11`, "walletPublicKeyHash"},
		"wallet short":            {jsonHeartbeat, `"1111`, `"11`, "19 bytes"},
		"wallet a number":         {jsonHeartbeat, `"1111111111111111111111111111111111111111"`, `1`, "not a string"},
		"unknown action":          {jsonHeartbeat, `"Heartbeat"`, `"Heartbreak"`, "unknown action"},
		"proposal missing":        {jsonHead + `"action":"Heartbeat"}`, "", "", "not a JSON object"},
		"noop with fields":        {jsonHead + `"action":"Noop","proposal":{"x":1}}`, "", "", "unknown field"},
		"heartbeat of 15 bytes":   {jsonHeartbeat, "ffff", "ff", "15 bytes"},
		"field of another kind":   {jsonHeartbeat, `{"message"`, `{"sweepTxFee":"1","message"`, "unknown field"},
		"sweep without fee":       {jsonSweep, `,"sweepTxFee":"256"`, ``, "missing"},
		"fee a number":            {jsonSweep, `"256"`, `256`, "not a string"},
		"fee negative":            {jsonSweep, `"256"`, `"-256"`, "whole number"},
		"fee empty":               {jsonSweep, `"256"`, `""`, "whole number"},
		"fee of too many digits":  {jsonSweep, `"256"`, `"` + strings.Repeat("9", 100_001) + `"`, "100001 digits"},
		"reveal block a number":   {jsonSweep, `"-5"`, `-5`, "not a string"},
		"reveal block too large":  {jsonSweep, `"-5"`, `"9223372036854775808"`, "64-bit"},
		"reveal block odd":        {jsonSweep, `"-5"`, `"+5"`, "64-bit"},
		"deposit null":            {jsonSweep, `[{"fundingTxHash`, `[null,{"fundingTxHash`, "not a JSON object"},
		"deposit unknown field":   {jsonSweep, `{"fundingTxHash`, `{"x":1,"fundingTxHash`, "unknown field"},
		"deposit index too large": {jsonSweep, `Index":1`, `Index":4294967296`, "fundingOutputIndex"},
		"script null":             {jsonRedemption, `"0102"`, `null`, "not a string"},
		"script odd":              {jsonRedemption, `"0102"`, `"010"`, "odd length"},
		"scripts null":            {jsonRedemption, `["0102",""]`, `null`, "null"},
		"target short":            {jsonMoving, `"3333`, `"33`, "19 bytes"},
		"too long":                {strings.Repeat(" ", 5<<20), "", "", "bytes of JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.text
			if c.old != "" {
				text = strings.Replace(text, c.old, c.new, 1)
				require.NotEqual(t, c.text, text)
			}
			_, err := proposal.UnmarshalMessageJSON([]byte(text))
			require.ErrorIs(t, err, proposal.ErrMalformed)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What reads as a message can be written, and reads back the same.
func FuzzUnmarshalMessageJSON(f *testing.F) {
	for _, v := range loadVectors(f, "messages.json") {
		f.Add([]byte(v.row))
	}
	f.Add([]byte(jsonSweep))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := proposal.UnmarshalMessageJSON(data)
		if err != nil {
			require.ErrorIs(t, err, proposal.ErrMalformed)
			return
		}
		written, err := proposal.MarshalMessageJSON(m)
		require.NoError(t, err)
		back, err := proposal.UnmarshalMessageJSON(written)
		require.NoError(t, err)
		require.Equal(t, m.Digest(), back.Digest())
	})
}
