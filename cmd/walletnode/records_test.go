package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal"
)

const (
	walletKey = "04b69522e50ec6a536e6469853125d64aaf42421b88b31ff9daf5b56a3c89c553a3dab5913742af49d762eac6a1a602a28fe9fe55f0bc701e0e28e5b0314209e88"
	walletID  = "0x2ec0a64a29a2a7dddc067bd326cd30b0e90b9e83"
	ours      = "0xcc7bBa720c89402711Da14dc23B6911771F84185"
	theirs    = "0xBB1DEa58E35a0deFa40F1c73200888d4d44db50B"
	manifest  = `{"publicKey":"` + walletKey + `","operators":["` + ours + `","` + theirs + `","` + ours + `"]}`
)

// running is a node's data directory while its node runs: the store is open and locked.
type running struct {
	dir   string
	store *store.Store
}

func newRunning(t testing.TB) running {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + filepath.Join(dir, "walletnode.db")}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return running{dir, s}
}

func (r running) importWallet(t testing.TB) {
	t.Helper()
	require.Contains(t, succeed(t, manifest, "wallets", "import", "-", "--data-dir", r.dir), walletID+" imported: 3 seats, 2 operators")
}

// history stores a missed range, a finished window with a fault and an action, and an open window.
func (r running) history(t testing.TB) (fault faults.Fault) {
	t.Helper()
	ctx := t.Context()
	r.importWallet(t)
	wallets, err := r.store.Wallets(ctx)
	require.NoError(t, err)
	id, schedule := wallets[0].ID(), coordination.RFC12()
	leader, err := chain.ParseOperator(theirs)
	require.NoError(t, err)

	require.NoError(t, r.store.RecordMissed(ctx, coordination.Missed{First: 900, Last: 2700, Reason: coordination.ReasonNodeDown, NotedAt: 3601}))
	for _, block := range []chain.Height{3600, 4500} {
		w, ok := schedule.Window(block)
		require.True(t, ok)
		require.NoError(t, r.store.OpenWindow(ctx, coordination.Opened{Block: block, At: block + 1, Hash: chain.Hash{2}, Time: time.Unix(1_800_000_000, 0)}))
		_, err := r.store.Begin(ctx, id, w, block+1)
		require.NoError(t, err)
	}
	agreed := proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(1234)}
	message := proposal.EncodeMessage(proposal.Message{Sender: 2, Block: 3600, Wallet: id, Proposal: agreed})
	require.NoError(t, r.store.SaveStatement(ctx, coordination.Statement{
		Wallet: id, Window: 3600, Author: leader, Seat: 2, Digest: [32]byte{3}, Payload: message, Signed: []byte("signed"),
		ArrivedAt: 3605, ReceivedAt: time.Unix(1_800_000_060, 0),
	}))
	fault = faults.Fault{
		Key:        faults.Key{Wallet: id, Window: 3600, Kind: faults.LeaderImpersonation, Culprit: chain.Operator{7}},
		Attributed: true, Detail: "seat \x1b[2J 9", Evidence: [][]byte{[]byte("evidence")},
		Observer: faults.Observer{OpenedAt: 3601, Peers: 1, SeedAgreed: true, ClockLapsed: true}, ObservedAt: 3680,
	}
	w, _ := schedule.Window(3600)
	_, err = r.store.RecordResult(ctx, coordination.Result{
		Wallet: id, Window: w, Role: coordination.RoleFollower, Seed: [32]byte{4}, Leader: leader, Proposal: agreed,
		ReceivedAt: 3605, OpenedAt: 3601, Faults: []faults.Fault{fault}, Reason: coordination.ReasonOK,
	})
	require.NoError(t, err)
	own, _ := schedule.Window(4500)
	_, err = r.store.SaveOwn(ctx, id, own.Block, coordination.OwnProposal{
		Payload:  proposal.EncodeMessage(proposal.Message{Sender: 1, Block: 4500, Wallet: id, Proposal: proposal.Noop{}}),
		Envelope: []byte("envelope"), SentAt: 4502, SentTime: time.Unix(1_800_000_120, 250_000_000),
	})
	require.NoError(t, err)
	return fault
}

func document(t testing.TB, raw string) (doc map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(raw), &doc))
	return doc
}

func TestWalletsImportWhileTheNodeRunsTakesEffectAtTheNextLook(t *testing.T) {
	node := newRunning(t)
	before, err := node.store.Wallets(t.Context())
	require.NoError(t, err)
	require.Empty(t, before)
	node.importWallet(t)
	node.importWallet(t) // again changes nothing
	after, err := node.store.Wallets(t.Context())
	require.NoError(t, err)
	require.Len(t, after, 1)
	require.Equal(t, walletID, after[0].ID().String())
}

func TestWalletsImportBeforeTheFirstStartThenList(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(t.TempDir(), "wallet.json")
	require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
	succeed(t, "", "--offline", "--data-dir", dir, "wallets", "import", file)

	table := succeed(t, "", "wallets", "list", "--offline", "--data-dir", dir)
	require.Regexp(t, `^WALLET +SEATS +OPERATORS +STATE +OWNER +EPOCH +IMPORTED +SIGNER +UNSIGNABLE\n`+walletID+` +3 +2 +active +- +- +20\S+Z +- +no signer backend holds a share of the wallet\n$`, table)
	doc := document(t, succeed(t, "", "wallets", "list", "--offline", "--data-dir", dir, "--json"))
	wallet := doc["wallets"].([]any)[0].(map[string]any)
	require.Equal(t, walletID, wallet["wallet"])
	require.Equal(t, walletKey, wallet["public_key"])
	require.Equal(t, "tbtc-"+walletKey+"-coordination", wallet["channel"])
	require.Equal(t, []any{ours, theirs, ours}, wallet["operators"])
	require.Equal(t, false, wallet["archived"])
}

func TestWalletsImportReadsTheDataDirectoryFromTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "node.toml")
	require.NoError(t, os.WriteFile(file, []byte("[store]\ndsn = 'sqlite:"+filepath.Join(dir, "other.db")+"'"), 0o600))
	succeed(t, manifest, "wallets", "import", "-", "--config", file)
	require.FileExists(t, filepath.Join(dir, "other.db"))
	t.Setenv("WALLETNODE_CONFIG", file)
	require.Contains(t, succeed(t, "", "wallets", "list", "--offline"), walletID)
}

func TestBadInputManifests(t *testing.T) {
	node := newRunning(t)
	file := filepath.Join(t.TempDir(), "good.json")
	require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
	for want, bad := range map[string]string{
		"-: wallet manifest: wallet public key":                 `{"publicKey":"04","operators":["` + ours + `"]}`,
		"-: wallet manifest: wallet has no seats":               `{"publicKey":"` + walletKey + `","operators":[]}`,
		"-: wallet manifest: seat 1: operator address":          `{"publicKey":"` + walletKey + `","operators":["` + strings.ToLower(ours) + `"]}`,
		"-: wallet manifest: json: unknown field \"operatorz\"": `{"operatorz":[]}`,
		"-: wallet manifest: EOF":                               "",
	} {
		got := call(t, bad, "wallets", "import", file, "-", "--offline", "--data-dir", node.dir)
		require.Equal(t, codeUsage, got.code)
		require.Contains(t, got.stderr, want)
	}
	got := call(t, "", "wallets", "import", "/none/a", "/none/b", "--offline", "--data-dir", node.dir)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "/none/a")
	require.Contains(t, got.stderr, "/none/b")
	wallets, err := node.store.Wallets(t.Context())
	require.NoError(t, err)
	require.Empty(t, wallets, "nothing is imported unless every manifest is sound")

	node.importWallet(t)
	got = call(t, strings.Replace(manifest, theirs, ours, 1), "wallets", "import", "-", "--offline", "--data-dir", node.dir)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "another roster")
}

func TestReadingWhereThereIsNothingIsCode5(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"wallets", "list"}, {"windows", "list"}, {"windows", "show", "900"}, {"faults", "list"}, {"faults", "show", "00"},
	} {
		got := call(t, "", append(args, "--offline", "--data-dir", dir)...)
		require.Equal(t, codeNotFound, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, "there is no store yet")
		require.Empty(t, got.stdout)
	}
	require.NoFileExists(t, filepath.Join(dir, "walletnode.db"))

	node := newRunning(t)
	node.history(t)
	const nobody = "0x0000000000000000000000000000000000000000"
	for told, commands := range map[string][][]string{
		"nothing is recorded of window 9000": {{"windows", "show", "9000"}, {"windows", "verify", "9000"}},
		"nothing is recorded of wallet " + nobody + " in window 3600": {
			{"windows", "show", "3600", "--wallet", nobody}, {"windows", "verify", "3600", "--wallet", nobody},
		},
		`no fault has the ID "00"`:                              {{"faults", "show", "00"}},
		"nothing was agreed in window 9000":                     {{"proposals", "show", "9000"}},
		"nothing was agreed in window 3600 by wallet " + nobody: {{"proposals", "show", "3600", "--wallet", nobody}},
		"no action in window 3600 by wallet " + nobody:          {{"actions", "show", "3600", "--wallet", nobody}},
		"wallet " + nobody + " was never imported": {
			{"wallets", "show", nobody},
			{"windows", "list", "--wallet", nobody},
			{"proposals", "list", "--wallet", nobody},
			{"actions", "list", "--wallet", nobody},
			{"faults", "list", "--wallet", nobody},
			{"faults", "summary", "--wallet", nobody},
		},
	} {
		for _, args := range commands {
			got := call(t, "", append(args, "--json", "--offline", "--data-dir", node.dir)...)
			require.Equal(t, codeNotFound, got.code, "%v: %s", args, got.stderr)
			require.Contains(t, got.stderr, "walletnode: not found: "+told+"\n", "%v", args)
			require.Empty(t, got.stdout)
		}
	}
	export := call(t, "", "faults", "export", "--wallet", nobody, "--data-dir", node.dir)
	require.Equal(t, codeNotFound, export.code)
	require.Empty(t, export.stdout, "not even a header")
	archive := call(t, "", "wallets", "archive", nobody, "--data-dir", node.dir)
	require.Equal(t, codeNotFound, archive.code)
	require.Contains(t, archive.stderr, "wallet "+nobody+" was never imported")
}

func TestWindowsListWhileTheNodeRuns(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	table := succeed(t, "", "windows", "list", "--offline", "--data-dir", node.dir)
	require.Regexp(t, `^WINDOW +WALLET +ROLE +LEADER +REASON +ACTION +RECEIVED +FAULTS +OUTCOME\n`+
		`4500 +`+walletID+` +- +- +\(open\) +- +- +0 +-\n`+
		`3600 +`+walletID+` +follower +`+theirs+` +ok +Redemption +3605 +1 +\(pending\)\n`+
		`900\.\.2700 +- +missed +- +node_down +- +- +- +-\n$`, table)
	require.NotContains(t, table, "\x1b", "no colours into a pipe")

	doc := document(t, succeed(t, "", "windows", "list", "--json", "--offline", "--data-dir", node.dir))
	require.Equal(t, false, doc["more"])
	rows := doc["windows"].([]any)
	require.Len(t, rows, 3)
	open, finished, missed := rows[0].(map[string]any), rows[1].(map[string]any), rows[2].(map[string]any)
	require.Equal(t, "open", open["state"])
	require.Nil(t, open["reason"])
	require.Nil(t, open["leader"])
	for name, want := range map[string]any{
		"state": "finished", "window": 3600.0, "wallet": walletID, "role": "follower", "leader": theirs, "reason": "ok", "action": "Redemption",
		"opened_block": 3601.0, "received_block": 3605.0, "fault_count": 1.0, "attributed_count": 1.0, "outcome": nil, "action_pending": true,
	} {
		require.Equal(t, want, finished[name], name)
	}
	require.Equal(t, []any{"missed", 900.0, 2700.0, "node_down", nil}, []any{
		missed["state"], missed["first_window"], missed["window"], missed["reason"], missed["wallet"],
	})
}

func TestWindowsListNarrowsAndTellsThatThereIsMore(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	count := func(args ...string) int {
		doc := document(t, succeed(t, "", append([]string{"windows", "list", "--json", "--offline", "--data-dir", node.dir}, args...)...))
		return len(doc["windows"].([]any))
	}
	require.Equal(t, 3, count("--limit", "0"))
	require.Equal(t, 1, count("--from", "4000"))
	require.Equal(t, 1, count("--from", "3600", "--to", "3600"))
	require.Equal(t, 2, count("--reason", "ok", "--reason", "node_down"))
	require.Equal(t, 1, count("--state", "open"))
	require.Equal(t, 2, count("--state", "finished", "--state", "missed"))
	require.Equal(t, 0, count("--state", "open", "--to", "3600"))
	require.Equal(t, 1, count("--wallet", walletID, "--to", "3599"), "a missed range concerns every wallet")

	got := call(t, "", "windows", "list", "-n", "2", "--offline", "--data-dir", node.dir)
	require.Equal(t, 3, strings.Count(got.stdout, "\n"))
	require.Contains(t, got.stderr, "there is more")
	doc := document(t, succeed(t, "", "windows", "list", "-n", "2", "--json", "--offline", "--data-dir", node.dir))
	require.Equal(t, true, doc["more"])
	require.Len(t, doc["windows"], 2)
}

func TestWindowsShow(t *testing.T) {
	node := newRunning(t)
	fault := node.history(t)
	doc := document(t, succeed(t, "", "windows", "show", "3600", "--json", "--offline", "--data-dir", node.dir))
	require.Equal(t, 4.0, doc["index"])
	require.Equal(t, 3601.0, doc["opened"].(map[string]any)["block"])
	require.Nil(t, doc["missed"])
	wallet := doc["wallets"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"redeemersOutputScripts": []any{"0014"}, "redemptionTxFee": "1234"}, wallet["proposal"])
	require.Equal(t, "04"+strings.Repeat("00", 31), wallet["seed"])
	require.Nil(t, wallet["own"])
	statement := wallet["statements"].([]any)[0].(map[string]any)
	require.Equal(t, []any{theirs, 2.0, "7369676e6564", 3605.0}, []any{statement["author"], statement["seat"], statement["signed"], statement["arrived_block"]})
	require.Equal(t, "Redemption", statement["message"].(map[string]any)["action"])
	require.Equal(t, fault.ID(), wallet["faults"].([]any)[0].(map[string]any)["id"])
	order := wallet["order"].(map[string]any)
	require.Equal(t, []any{3700.0, 4300.0, nil, false}, []any{order["start_block"], order["expiry_block"], order["outcome"], order["revoked"]})

	shown := succeed(t, "", "windows", "show", "3600", "--wallet", walletID, "--offline", "--data-dir", node.dir)
	for _, want := range []string{
		"leader    " + theirs, "seed      from block 3568", "checklist Redemption", "received  at block 3605, 2027-01-15T08:01:00.000Z, from " + theirs + ": accepted: ",
		"our view: opened at block 3601, 1 peers", `"redemptionTxFee":"1234"`, fault.ID() + " leader_impersonation",
	} {
		require.Contains(t, shown, want)
	}
	require.Contains(t, shown, "  reason    ok: The wallet agreed on an action.\n", "no advice where there is nothing to do")
	require.Contains(t, succeed(t, "", "windows", "show", "4500", "--offline", "--data-dir", node.dir), `sent      at block 4502, 2027-01-15T08:02:00.250Z: {"senderID":1`)
	require.Contains(t, succeed(t, "", "windows", "show", "1800", "--offline", "--data-dir", node.dir), "missed    with windows 900 to 2700")
	own := document(t, succeed(t, "", "windows", "show", "4500", "--json", "--offline", "--data-dir", node.dir))["wallets"].([]any)[0].(map[string]any)["own"]
	require.Equal(t, "656e76656c6f7065", own.(map[string]any)["envelope"])
}

func TestFaultsListAndShow(t *testing.T) {
	node := newRunning(t)
	fault := node.history(t)
	culprit := fault.Culprit.String()
	require.Regexp(t, `^ID +WINDOW +WALLET +KIND +CULPRIT +VERDICT +EVIDENCE\n`+
		fault.ID()+` +3600 +`+walletID+` +leader_impersonation +`+culprit+` +attributed +1\n$`,
		succeed(t, "", "faults", "list", "--offline", "--data-dir", node.dir))

	doc := document(t, succeed(t, "", "faults", "show", fault.ID(), "--json", "--offline", "--data-dir", node.dir))
	for name, want := range map[string]any{
		"id": fault.ID(), "window": 3600.0, "wallet": walletID, "kind": "leader_impersonation", "culprit": culprit, "attributed": true,
		"late": false, "detail": fault.Detail, "evidence": []any{"65766964656e6365"}, "observed_block": 3680.0,
	} {
		require.Equal(t, want, doc[name], name)
	}
	require.Equal(t, true, doc["observer"].(map[string]any)["clock_lapsed"])
	shown := succeed(t, "", "faults", "show", fault.ID(), "--offline", "--data-dir", node.dir)
	require.Contains(t, shown, "1 peers, head 0s old, clock stale for a time")
	require.Contains(t, shown, `seat \x1b[2J 9`, "what a peer wrote cannot steer the terminal")

	for want, args := range map[int][][]string{
		1: {{"--kind", "leader_impersonation"}, {"--culprit", culprit}, {"--wallet", walletID}, {"--attributed"}, {"--from", "3600", "--to", "3600"}},
		0: {{"--kind", "leader_idle"}, {"--culprit", ours}, {"--attributed=false"}, {"--from", "3601"}},
	} {
		for _, narrow := range args {
			doc := document(t, succeed(t, "", append([]string{"faults", "list", "--json", "--offline", "--data-dir", node.dir}, narrow...)...))
			require.Len(t, doc["faults"], want, "%v", narrow)
		}
	}
}

func TestADamagedStoreIsAnErrorOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "walletnode.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	got := call(t, "", "windows", "list", "--offline", "--data-dir", dir)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "corrupt")
}
