package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const (
	messageVectors   = "../../proposal/testdata/messages.json"
	malformedVectors = "../../proposal/testdata/malformed.json"
)

// column returns a text field of every row, one per line.
func column(t testing.TB, rows []map[string]json.RawMessage, name string) string {
	t.Helper()
	var out strings.Builder
	for _, row := range rows {
		out.WriteString(str(t, row[name]) + "\n")
	}
	return out.String()
}

func str(t testing.TB, raw json.RawMessage) (s string) {
	t.Helper()
	require.NoError(t, json.Unmarshal(raw, &s))
	return s
}

// decodeLines runs message decode and returns one object per line.
func decodeLines(t testing.TB, input string) []map[string]json.RawMessage {
	t.Helper()
	var objects []map[string]json.RawMessage
	for line := range strings.Lines(succeed(t, input, "message", "decode")) {
		var object map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(line), &object))
		objects = append(objects, object)
	}
	return objects
}

func TestMessageDecodesEveryReferenceVector(t *testing.T) {
	rows := readRows(t, messageVectors)
	got := decodeLines(t, column(t, rows, "message"))
	require.Len(t, got, len(rows))
	for i, row := range rows {
		require.Len(t, got[i], 6)
		require.Equal(t, "accepted", str(t, got[i]["outcome"]))
		for _, name := range []string{"senderID", "coordinationBlock", "walletPublicKeyHash", "action", "proposal"} {
			require.JSONEq(t, string(row[name]), string(got[i][name]), "%s, %s", row["name"], name)
		}
	}
}

func TestMessageEncodeIsTheInverseOfDecode(t *testing.T) {
	input := column(t, readRows(t, messageVectors), "message")
	decoded := succeed(t, input, "message", "decode")
	require.Equal(t, input, succeed(t, decoded, "message", "encode"))
}

func TestMessageDecodeAcceptsAndRejectsAsTheReferenceDoes(t *testing.T) {
	rows := readRows(t, malformedVectors)
	got := decodeLines(t, column(t, rows, "message"))
	require.Len(t, got, len(rows))
	for i, row := range rows {
		name := string(row["name"])
		require.Equal(t, str(t, row["outcome"]), str(t, got[i]["outcome"]), name)
		if str(t, row["outcome"]) == "rejected" {
			require.Len(t, got[i], 2, name)
			require.NotEmpty(t, str(t, got[i]["error"]), name)
			continue
		}
		for _, field := range []string{"senderID", "coordinationBlock", "walletPublicKeyHash", "action", "proposal"} {
			if want, ok := row[field]; ok { // the file leaves out a no-op's empty proposal
				require.JSONEq(t, string(want), string(got[i][field]), "%s, %s", name, field)
			}
		}
	}
}

const noop = "08071084071a1411111111111111111111111111111111111111112200"

func TestMessageDecodeAnswersEveryLineWhateverItHolds(t *testing.T) {
	long := strings.Repeat("0", maxLine+1)
	input := noop + "\r\n\nzz\n0x" + noop + "\n" + long + "\n" + noop[:9] + "\n" + strings.Repeat("0", maxLine) + "\n " + noop
	got := decodeLines(t, input)
	var outcomes []string
	for _, object := range got {
		outcomes = append(outcomes, str(t, object["outcome"]))
	}
	require.Equal(t, []string{"accepted", "rejected", "rejected", "accepted", "rejected", "rejected", "rejected", "accepted"}, outcomes)
	require.Contains(t, str(t, got[2]["error"]), "not hex")
	require.Contains(t, str(t, got[4]["error"]), "longer than 4 MiB")
	require.Contains(t, str(t, got[5]["error"]), "not hex")
	require.Empty(t, decodeLines(t, ""))
}

func TestMessageEncodeStopsAtTheLineThatIsNoMessage(t *testing.T) {
	good := strings.TrimSuffix(succeed(t, noop, "message", "decode"), "\n")
	for bad, want := range map[string]string{
		"":                                      "line 2: ",
		"{}":                                    "line 2: ",
		"hello":                                 "line 2: ",
		`{"outcome":"rejected","error":""}`:     "line 2: ",
		strings.Repeat(" ", maxLine+1):          "line 2: line is longer than 4 MiB",
		strings.Replace(good, "Noop", "Nap", 1): `line 2: `,
		strings.Replace(good, `"senderID":7`, `"senderID":256`, 1):       "line 2: ",
		strings.Replace(good, `"senderID":7`, `"senderID":7,"x":0`, 1):   "line 2: ",
		strings.Replace(good, `"coordinationBlock":900`, `"block":0`, 1): "line 2: ",
	} {
		got := call(t, good+"\n"+bad+"\n"+good+"\n", "message", "encode")
		require.Equal(t, codeFailure, got.code, "%.100s", bad)
		require.Contains(t, got.stderr, want)
		require.Equal(t, noop+"\n", got.stdout, "what came before is written")
	}
}

func TestMessageReportsInputAndOutputThatBreak(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, command := range []func(io.Reader, io.Writer) error{decodeMessages, encodeMessages} {
		require.ErrorIs(t, command(iotest.ErrReader(broken), io.Discard), broken)
	}
	require.ErrorIs(t, decodeMessages(strings.NewReader(noop), brokenWriter{broken}), broken)
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestMessageAnswersEachLineBeforeTheNextArrives(t *testing.T) {
	questions, ask := io.Pipe()
	answers, answer := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- decodeMessages(questions, answer) }()
	buffer := make([]byte, 4096)
	for range 3 {
		_, err := io.WriteString(ask, noop+"\n")
		require.NoError(t, err)
		n, err := answers.Read(buffer)
		require.NoError(t, err)
		require.Contains(t, string(buffer[:n]), "accepted")
	}
	require.NoError(t, ask.Close())
	require.NoError(t, <-done)
}

func FuzzMessageDecodeThenEncode(f *testing.F) {
	for _, file := range []string{messageVectors, malformedVectors} {
		for _, row := range readRows(f, file) {
			raw, err := hex.DecodeString(str(f, row["message"]))
			require.NoError(f, err)
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		decoded := decodeLines(t, hex.EncodeToString(raw)+"\n")
		require.Len(t, decoded, 1)
		if str(t, decoded[0]["outcome"]) == "rejected" {
			return
		}
		object, err := json.Marshal(decoded[0])
		require.NoError(t, err)
		canonical := succeed(t, string(object), "message", "encode")
		require.Equal(t, decoded, decodeLines(t, canonical))
	})
}
