package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// liar is the key of an operator that says two things.
var liar = secp256k1.PrivKeyFromBytes([]byte{9})

// said signs what the liar says in window 3600 of the wallet of the tests.
func said(t testing.TB, heartbeat byte) []byte {
	t.Helper()
	key, err := chain.ParsePublicKey(walletKey)
	require.NoError(t, err)
	payload := proposal.EncodeMessage(proposal.Message{
		Sender: 2, Block: 3600, Wallet: key.Hash(), Proposal: proposal.Heartbeat{Message: [16]byte{heartbeat}},
	})
	envelope := wire.EncodeEnvelope(wire.Envelope{Sender: wire.PublicKeyOf(liar), Payload: payload, Type: wire.CoordinationMessage, Sequence: 1})
	return wire.SignPubsub(liar, wire.ChannelName(key), envelope, []byte{0, 0, 0, 0, 0, 0, 0, heartbeat}).Bytes()
}

// caught stores an equivocation of the liar in window 3600 and returns the fault's ID.
func (r running) caught(t testing.TB) string {
	t.Helper()
	id, err := chain.ParseWalletID(walletID)
	require.NoError(t, err)
	w, _ := coordination.RFC12().Window(3600)
	fault := faults.Fault{
		Key:        faults.Key{Wallet: id, Window: 3600, Kind: faults.LeaderEquivocation, Culprit: wire.PublicKeyOf(liar).Operator()},
		Attributed: true, Evidence: [][]byte{said(t, 1), said(t, 2)}, ObservedAt: 3690,
	}
	require.NoError(t, r.store.RecordAmendment(t.Context(), coordination.Amendment{Wallet: id, Window: w, Fault: fault}))
	return fault.ID()
}

// operatorsFile writes a list of operators.
func operatorsFile(t testing.TB, chainID uint64, key string, operators ...string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"chain": chainID, "walletPublicKey": key, "operators": operators})
	require.NoError(t, err)
	return fileOf(t, "operators.json", text)
}

func fileOf(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestEvidenceListSaysWhatIsAProofAndWhyTheRestIsNone(t *testing.T) {
	node := newRunning(t)
	impostor := node.history(t).ID()
	id := node.caught(t)

	var list view.EvidenceList
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "evidence", "list", "--offline", "--json", "--data-dir", node.dir)), &list))
	require.Len(t, list.Evidence, 2)
	byID := map[string]view.Evidence{list.Evidence[0].Fault: list.Evidence[0], list.Evidence[1].Fault: list.Evidence[1]}
	require.True(t, byID[id].Proof)
	require.Nil(t, byID[id].Why)
	require.Equal(t, 2, byID[id].Messages)
	require.False(t, byID[impostor].Proof)
	require.Contains(t, *byID[impostor].Why, "not a proof: one signed message shows who spoke")
	require.Equal(t, faults.LeaderImpersonation, byID[impostor].Kind)

	table := succeed(t, "", "evidence", "list", "--offline", "--data-dir", node.dir)
	require.Regexp(t, id+` +3600 .*leader_equivocation .* 2 +two statements\n`, table)
	require.Regexp(t, impostor+` +3600 .*leader_impersonation .* 1 +not a proof: one signed message`, table)

	culprit := wire.PublicKeyOf(liar).Operator().String()
	against := succeed(t, "", "evidence", "list", "--culprit", culprit, "--offline", "--data-dir", node.dir)
	require.Contains(t, against, id)
	require.NotContains(t, against, impostor)

	got := call(t, "", "evidence", "list", "--offline", "--limit", "1", "--data-dir", node.dir)
	require.Equal(t, codeOK, got.code)
	require.Contains(t, got.stderr, "there is more")
	require.Len(t, strings.Split(strings.TrimSpace(got.stdout), "\n"), 2)
}

func TestEvidenceShowTellsWhatWasSaid(t *testing.T) {
	node := newRunning(t)
	impostor := node.history(t).ID()
	id := node.caught(t)

	text := succeed(t, "", "evidence", "show", id, "--offline", "--data-dir", node.dir)
	require.Contains(t, text, "proof     two statements")
	for n := range byte(2) {
		require.Contains(t, text, "seat 2 said Heartbeat {\"message\":\"0"+string('1'+n)+"00")
		require.Contains(t, text, "message   "+hex.EncodeToString(said(t, 1+n)))
	}
	var detail view.EvidenceDetail
	answers := readSchema(t, "evidence-fault.json")
	shown := succeed(t, "", "evidence", "show", id, "--json", "--offline", "--data-dir", node.dir)
	answers.requireFits(t, shown)
	require.NoError(t, json.Unmarshal([]byte(shown), &detail))
	require.Len(t, detail.Statements, 2)
	require.Equal(t, "Heartbeat", detail.Statements[0].Action)

	shown = succeed(t, "", "evidence", "show", impostor, "--json", "--offline", "--data-dir", node.dir)
	answers.requireFits(t, shown)
	require.NoError(t, json.Unmarshal([]byte(shown), &detail))
	require.Empty(t, detail.Statements, "what is kept of it is no message at all")
	require.Contains(t, *detail.Why, "not a proof")

	got := call(t, "", "evidence", "show", "0123", "--offline", "--data-dir", node.dir)
	require.Equal(t, codeNotFound, got.code)
	require.Contains(t, got.stderr, "walletnode evidence list shows what there is")
}

// alone is the only instance of its operator.
type alone struct{ api.Cluster }

func (alone) Instances() view.Instances { return view.Instances{} }

// The answers are the same from the node that runs on the store.
func TestEvidenceIsReadFromTheRunningNode(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	id := node.caught(t)
	server := api.Server{Records: view.Records{Store: node.store.Reader}, Cluster: alone{}, Logger: slog.New(slog.DiscardHandler)}
	running := httptest.NewServer(server.Handler())
	t.Cleanup(running.Close)
	address := strings.TrimPrefix(running.URL, "http://")
	proof := node.heardOf(t)
	for _, command := range [][]string{{"evidence", "list", "--json"}, {"evidence", "show", id, "--json"}, {"evidence", "show", proof.ID(), "--json"}} {
		offline := succeed(t, "", append(command, "--offline", "--data-dir", node.dir)...)
		require.Equal(t, offline, succeed(t, "", append(command, "--api", address, "--data-dir", t.TempDir())...), "there is no store to fall back to")
	}
}

func TestEvidenceExportWritesTheProofThatVerifyAccepts(t *testing.T) {
	node := newRunning(t)
	impostor := node.history(t).ID()
	id := node.caught(t)
	proof := succeed(t, "", "evidence", "export", id, "--data-dir", node.dir)
	require.Less(t, len(proof), 1000)

	file := filepath.Join(t.TempDir(), "proof")
	require.Empty(t, succeed(t, "", "evidence", "export", id, "--output", file, "--data-dir", node.dir))
	content, err := os.ReadFile(file) //nolint:gosec // the test's own
	require.NoError(t, err)
	require.Equal(t, proof, string(content))

	again := call(t, "", "evidence", "export", id, "--output", file, "--data-dir", node.dir)
	require.Equal(t, codeFailure, again.code, "it overwrites nothing")
	none := call(t, "", "evidence", "export", impostor, "--data-dir", node.dir)
	require.Equal(t, codeFailure, none.code)
	require.Contains(t, none.stderr, "fault "+impostor+": not a proof: one signed message")
	require.Empty(t, none.stdout)
	require.Equal(t, codeNotFound, call(t, "", "evidence", "export", "0123", "--data-dir", node.dir).code)

	list := operatorsFile(t, 1, walletKey, ours, wire.PublicKeyOf(liar).Operator().String())
	text := succeed(t, "", "evidence", "verify", file, "--operators", list)
	require.True(t, strings.HasPrefix(text, "valid\n"), text)
	require.Contains(t, text, "operator  "+wire.PublicKeyOf(liar).Operator().String())
	require.Contains(t, text, "said Heartbeat")
	readSchema(t, "verdict.json").requireFits(t, succeed(t, proof, "evidence", "verify", "-", "--operators", list, "--json"))
}

// Scripts go by the exit code, people by the line, tools by the document.
func TestEvidenceVerifyAnswersWithItsThreeCodes(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	proof := []byte(succeed(t, "", "evidence", "export", node.caught(t), "--data-dir", node.dir))
	file, culprit := fileOf(t, "proof", proof), wire.PublicKeyOf(liar).Operator().String()
	good := operatorsFile(t, 1, walletKey, culprit)
	foreign := chain.PublicKey(wire.PublicKeyOf(liar).Uncompressed()).String()
	answers, lists := readSchema(t, "verdict.json"), readSchema(t, "operators.json")
	list, err := os.ReadFile(good) //nolint:gosec // the test's own
	require.NoError(t, err)
	lists.requireFits(t, string(list))

	for about, row := range map[string]struct {
		proof, operators string
		code             int
		reason           any
	}{
		"valid":              {file, good, 0, nil},
		"no member":          {file, operatorsFile(t, 1, walletKey, ours, theirs), 1, "not_a_member"},
		"cut off":            {fileOf(t, "p", proof[:100]), good, 1, "damaged"},
		"no proof":           {good, good, 1, "damaged"},
		"nothing":            {fileOf(t, "p", nil), good, 1, "damaged"},
		"endless":            {"/dev/zero", good, 1, "too_large"},
		"other wallet":       {file, operatorsFile(t, 1, foreign, culprit), 2, "other_wallet"},
		"other chain":        {file, operatorsFile(t, 2, walletKey, culprit), 2, "other_chain"},
		"no list":            {file, file, 2, "bad_operators"},
		"an endless list":    {file, "/dev/zero", 2, "bad_operators"},
		"a list of nobody":   {file, operatorsFile(t, 1, walletKey), 2, "bad_operators"},
		"no such file":       {filepath.Join(t.TempDir(), "none"), good, 2, "unreadable"},
		"no such list":       {file, filepath.Join(t.TempDir(), "none"), 2, "unreadable"},
		"a directory":        {t.TempDir(), good, 2, "unreadable"},
		"a list, no address": {file, operatorsFile(t, 1, walletKey, strings.ToLower(culprit)), 2, "bad_operators"},
	} {
		got := call(t, "", "evidence", "verify", row.proof, "--operators", row.operators, "--json")
		require.Equal(t, row.code, got.code, "%s: %s", about, got.stderr)
		require.Empty(t, got.stderr, about)
		answers.requireFits(t, got.stdout)
		answer := document(t, got.stdout)
		require.Equal(t, row.reason, answer["reason"], about)
		require.Equal(t, []string{"valid", "invalid", "unusable"}[row.code], answer["verdict"], about)

		text := call(t, "", "evidence", "verify", row.proof, "--operators", row.operators)
		require.Equal(t, row.code, text.code, about)
		require.True(t, strings.HasPrefix(text.stdout, answer["verdict"].(string)), "%s: %s", about, text.stdout)
	}

	for want, args := range map[string][]string{
		"needs FILE":             {"--operators", good},
		"needs --operators FILE": {file},
		"one argument too many":  {file, file, "--operators", good},
		"cannot both be stdin":   {"-", "--operators", "-"},
	} {
		got := call(t, "", append([]string{"evidence", "verify"}, args...)...)
		require.Equal(t, codeUsage, got.code)
		require.Contains(t, got.stderr, want)
		require.Empty(t, got.stdout)
	}
}

// A verifier's machine may have a node whose configuration is broken, or none.
func TestEvidenceVerifyReadsNoConfiguration(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	proof := succeed(t, "", "evidence", "export", node.caught(t), "--data-dir", node.dir)
	list := operatorsFile(t, 1, walletKey, wire.PublicKeyOf(liar).Operator().String())
	t.Setenv("WALLETNODE_CONFIG", fileOf(t, "config.toml", []byte("no [toml")))
	require.Equal(t, codeUsage, call(t, "", "evidence", "list").code)
	succeed(t, proof, "evidence", "verify", "-", "--operators", list)
}

func TestASchemaNamesEveryReasonOfAVerdict(t *testing.T) {
	properties := readSchema(t, "verdict.json")["properties"].(map[string]any)
	want := []any{nil}
	for _, verdict := range []evidence.Verdict{evidence.Invalid, evidence.Unusable} {
		for _, reason := range evidence.Reasons(verdict) {
			want = append(want, string(reason))
		}
	}
	require.Equal(t, want, properties["reason"].(map[string]any)["enum"])
	var actions []any
	for _, kind := range proposal.Kinds() {
		actions = append(actions, kind.String())
	}
	items := properties["proof"].(map[string]any)["properties"].(map[string]any)["statements"].(map[string]any)["items"].(map[string]any)
	require.Equal(t, actions, items["properties"].(map[string]any)["action"].(map[string]any)["enum"])
}

// From the deed to the verdict, each step a process of its own: a devnet whose leader has two faces, the export by each
// operator that saw it, and a verifier that has the wallet's manifest and the proof.
func TestATwoFacedLeaderIsProvedToAnybodyWithTheWalletsManifest(t *testing.T) {
	temp := t.TempDir()
	devnet := runProcess(t, []string{"TMPDIR=" + temp}, "devnet", "--scenario", "two-faced-leader", "--windows", "1", "--keep",
		"--operators", "4", "--wallets", "1", "--seats", "6", "--block-time", "25ms", "--seed", "3", "--json")
	require.Equal(t, codeOK, devnet.code, devnet.stderr)
	kept, err := filepath.Glob(filepath.Join(temp, "walletnode-devnet-*"))
	require.NoError(t, err)
	require.Len(t, kept, 1)

	raw, err := os.ReadFile(filepath.Join(kept[0], "wallet-1.json"))
	require.NoError(t, err)
	wallet, err := coordination.ParseManifest(bytes.NewReader(raw))
	require.NoError(t, err)
	var seats []string
	for _, operator := range wallet.Roster() {
		seats = append(seats, operator.String())
	}
	list := operatorsFile(t, localchain.ChainID, wallet.Key().String(), seats...)

	operators, err := filepath.Glob(filepath.Join(kept[0], "operator-*"))
	require.NoError(t, err)
	require.Len(t, operators, 4)
	proofs := 0
	for _, dir := range operators {
		proofs += proveFrom(t, dir, list)
	}
	require.Equal(t, 3, proofs, "every operator but the leader, whose node was down, holds the proof")
}

// proveFrom exports every proof of one operator's node and verifies it.
func proveFrom(t *testing.T, dir, list string) (proofs int) {
	t.Helper()
	listed := runProcess(t, nil, "evidence", "list", "--json", "--offline", "--data-dir", dir)
	require.Equal(t, codeOK, listed.code, listed.stderr)
	var found view.EvidenceList
	require.NoError(t, json.Unmarshal([]byte(listed.stdout), &found))
	for _, e := range found.Evidence {
		require.Equal(t, faults.LeaderEquivocation, e.Kind)
		file := filepath.Join(t.TempDir(), "proof")
		exported := runProcess(t, nil, "evidence", "export", e.Fault, "--output", file, "--data-dir", dir)
		require.Equal(t, codeOK, exported.code, exported.stderr)

		verified := runProcess(t, nil, "evidence", "verify", file, "--operators", list, "--json")
		require.Equal(t, codeOK, verified.code, verified.stdout)
		readSchema(t, "verdict.json").requireFits(t, verified.stdout)
		var answer view.ProofVerdict
		require.NoError(t, json.Unmarshal([]byte(verified.stdout), &answer))
		require.Equal(t, e.Culprit, answer.Proof.Operator)
		require.Equal(t, e.Window, answer.Proof.Window)
		require.EqualValues(t, localchain.ChainID, answer.Proof.Chain)
		requireFragile(t, file, list)
		proofs++
	}
	return proofs
}

// requireFragile shows that a copy with one wrong bit is invalid, wherever the bit is.
func requireFragile(t *testing.T, file, list string) {
	t.Helper()
	proof, err := os.ReadFile(file) //nolint:gosec // the test's own
	require.NoError(t, err)
	for bit := 0; bit < 8*len(proof); bit += 97 { // the package's own test has every bit
		damaged := bytes.Clone(proof)
		damaged[bit/8] ^= 1 << (bit % 8)
		require.Equal(t, codeInvalid, call(t, string(damaged), "evidence", "verify", "-", "--operators", list).code, "bit %d", bit)
	}
}
