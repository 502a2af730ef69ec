package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// signerProcess is a signer as a process of its own, with a node's certificate.
type signerProcess struct {
	dir     string
	process *exec.Cmd
	stderr  string // a file
	config  daemon.Config
}

// startSigner prepares a signer, lists a client with all roles, and starts it.
func startSigner(t *testing.T) *signerProcess {
	t.Helper()
	address := freeAddress(t)
	dir, prepared := preparedDir(t, "--listen", address)
	text, err := os.ReadFile(prepared.Settings)
	require.NoError(t, err)
	// A chain as quick as the test: windows may come at once.
	quick := strings.Replace(string(text), `block_time = "12s"`, `block_time = "1us"`, 1)
	require.NoError(t, os.WriteFile(prepared.Settings, []byte(quick), 0o600))
	fingerprint, err := daemon.ParseFingerprint(prepared.Fingerprint)
	require.NoError(t, err)
	var made madeClient
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signer", "client", "new", "--out", t.TempDir(), "--json")), &made))
	succeed(t, "", "signer", "client", "add", "node", "--dir", dir, "--fingerprint", made.Fingerprint, "--roles", "read,sign,dkg,admin")
	s := &signerProcess{dir: dir, config: daemon.Config{
		URL: "https://" + address, Fingerprint: fingerprint, Certificate: made.Certificate, Key: made.Key,
		Health: time.Minute, Read: time.Minute, Sign: time.Minute, Generate: 2 * time.Minute,
	}}
	s.start(t)
	return s
}

// start runs the process, and waits until it answers.
func (s *signerProcess) start(t *testing.T) {
	t.Helper()
	s.stderr = filepath.Join(t.TempDir(), "stderr")
	stderr, err := os.Create(s.stderr)
	require.NoError(t, err)
	defer stderr.Close()                                                  // the process has it too
	s.process = exec.Command(os.Args[0], "signer", "run", "--dir", s.dir) //nolint:gosec // this test binary
	s.process.Env = append(os.Environ(), asProgram+"=1", "GOLOG_LOG_LEVEL=info")
	s.process.Stderr = stderr
	require.NoError(t, s.process.Start())
	t.Cleanup(func() { _ = s.process.Process.Kill() }) // for when the test fails half-way
	client := s.dial(t, s.config)
	require.Eventually(t, func() bool { _, err := client.Health(t.Context()); return err == nil }, 2*time.Minute, 50*time.Millisecond)
}

// said is what the process has logged so far.
func (s *signerProcess) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.stderr)
	require.NoError(t, err)
	return string(text)
}

// kill ends the process without a chance to write anything more.
func (s *signerProcess) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, s.process.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, s.process.Wait(), &exit, "%s", s.said(t))
	status, ok := exit.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.Equal(t, syscall.SIGKILL, status.Signal(), "%s", s.said(t))
}

// stop ends the process in order.
func (s *signerProcess) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, s.process.Process.Signal(syscall.SIGTERM))
	err := s.process.Wait()
	require.NoError(t, err, "%s", s.said(t))
}

func (s *signerProcess) dial(t *testing.T, config daemon.Config) *daemon.Client {
	t.Helper()
	client, err := daemon.Dial(config)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func TestASignerRunsUntilASignal(t *testing.T) {
	s := startSigner(t)
	var keys signerKeys
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signer", "keys", "list", "--dir", s.dir, "--json")), &keys), "asked of the running signer")
	require.Empty(t, keys.Keys)
	for _, args := range [][]string{
		{"signer", "run", "--dir", s.dir},
		{"signer", "export", walletID, "--dir", s.dir, "--yes", "--to", filepath.Join(s.dir, "x"), "--password-file", filepath.Join(s.dir, "password")},
	} {
		got := runProcess(t, nil, args...)
		require.Equal(t, codeInUse, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, "another process has the vault open")
	}

	// A client that is added is heard after SIGHUP; settings that are wrong change nothing.
	var made madeClient
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "signer", "client", "new", "--out", t.TempDir(), "--json")), &made))
	second := s.config
	second.Certificate, second.Key = made.Certificate, made.Key
	client := s.dial(t, second)
	_, err := client.Health(t.Context())
	require.ErrorIs(t, err, signer.ErrForbidden)
	succeed(t, "", "signer", "client", "add", "second", "--dir", s.dir, "--fingerprint", made.Fingerprint, "--roles", "read")
	require.NoError(t, s.process.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { _, err := client.Health(t.Context()); return err == nil }, 2*time.Minute, 50*time.Millisecond)
	require.ErrorIs(t, client.Abort(t.Context(), signer.SessionID{1}), signer.ErrForbidden, "it may read")

	settings := filepath.Join(s.dir, daemon.SettingsFile)
	text, err := os.ReadFile(settings) //nolint:gosec // the test's own
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(settings, append(text, "[[clients]]\n"...), 0o600))
	require.NoError(t, s.process.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return strings.Contains(s.said(t), "The settings were not taken over") }, 2*time.Minute, 50*time.Millisecond)
	_, err = client.Health(t.Context())
	require.NoError(t, err)

	s.stop(t)
	require.Contains(t, s.said(t), "Signer started")
	require.Contains(t, s.said(t), "Clients taken over")
}

// operator is one operator who holds all seats, so that a signer alone makes a key and signs.
type soleOperator struct {
	key   *secp256k1.PrivateKey
	op    chain.Operator
	seqno uint64
}

// generate has a signer make a key of three seats, and puts it to use.
func (o *soleOperator) generate(t *testing.T, backend signer.Backend) signer.KeyDetail {
	t.Helper()
	inv := keygen.Invitation{
		Terms: keygen.Terms{ChainID: 1, Genesis: chain.Hash{1}, Roster: []chain.Operator{o.op, o.op, o.op}, Threshold: 2, Scheme: signer.FROST},
		Nonce: sha256.Sum256([]byte("signer test")), Expires: time.Now().Add(time.Hour),
	}
	signed, err := keygen.SignInvitation(o.key, inv)
	require.NoError(t, err)
	sealTo, err := backend.SealTo(t.Context(), inv.Session())
	require.NoError(t, err)
	accepted, err := keygen.SignAcceptance(o.key, keygen.Acceptance{Session: inv.Session(), Backend: "signer-1", SealTo: sealTo})
	require.NoError(t, err)
	round := signer.GenerateRound{
		Session: inv.Session(), Round: 1, Open: &signer.Opening{Invitation: signed, Acceptances: [][]byte{accepted}, Self: o.op, Height: 9899},
	}
	for {
		reply, err := backend.Generate(t.Context(), round)
		require.NoError(t, err)
		if reply.Done != nil {
			a, err := keygen.AttestationOf(inv, *reply.Done.Key)
			require.NoError(t, err)
			attested, err := keygen.SignAttestation(o.key, a)
			require.NoError(t, err)
			record, err := keygen.MakeRecord(inv.Roster, [][]byte{attested})
			require.NoError(t, err)
			require.NoError(t, backend.SetState(t.Context(), reply.Done.Key.Wallet, signer.StateChange{State: signer.KeyActive, Record: record}))
			return *reply.Done.Key
		}
		round = signer.GenerateRound{Session: round.Session, Round: round.Round + 1}
	}
}

// heartbeat asks a signer to sign one in a window.
func (o *soleOperator) heartbeat(t *testing.T, backend signer.Backend, key signer.KeyDetail, window chain.Height) (signer.RoundReply, error) {
	t.Helper()
	return signAll(t, backend, o.begin(key, window, 1))
}

// signAll asks for a session's rounds, from the first to the signature.
func signAll(t *testing.T, backend signer.Backend, round signer.SignRound) (signer.RoundReply, error) {
	t.Helper()
	for {
		reply, err := backend.Sign(t.Context(), round)
		if err != nil || reply.Done != nil {
			return reply, err
		}
		round = signer.SignRound{Session: round.Session, Round: round.Round + 1}
	}
}

// heartbeatOf is what a leader proposes in a window.
func heartbeatOf(window chain.Height) proposal.Heartbeat {
	return proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, byte(window)}}
}

// begin is the first round of an attempt to sign a window's heartbeat.
func (o *soleOperator) begin(key signer.KeyDetail, window chain.Height, attempt uint32) signer.SignRound {
	p := heartbeatOf(window)
	o.seqno++
	envelope := wire.EncodeEnvelope(wire.Envelope{
		Sender: wire.PublicKeyOf(o.key), Type: proposal.MessageType, Sequence: o.seqno,
		Payload: proposal.EncodeMessage(proposal.Message{Sender: 1, Block: window, Wallet: key.Wallet, Proposal: p}),
	})
	said := wire.SignPubsub(o.key, wire.ChannelName(chain.PublicKey(key.GroupKey)), envelope, binary.BigEndian.AppendUint64(nil, o.seqno))
	open := signer.SignOpen{Intent: signer.Intent{Wallet: key.Wallet, Window: window, Statement: said.Bytes()}, Attempt: attempt, Signers: []chain.Seat{1, 3}}
	return signer.SignRound{Session: signer.SigningSession(open.Intent.Digest(p), 0, attempt, open.Signers), Round: 1, Open: &open}
}

// A key is made, signs, and moves from one signer to another: the first signs with it no more, and the second nothing that
// the first has signed for.
func TestAKeyMovesFromSignerToSigner(t *testing.T) {
	private, err := secp256k1.GeneratePrivateKeyFromRand(rand.Reader)
	require.NoError(t, err)
	o := &soleOperator{key: private, op: wire.PublicKeyOf(private).Operator()}
	first := startSigner(t)
	backend := first.dial(t, first.config)
	key := o.generate(t, backend)
	wallet := key.Wallet.String()
	reply, err := o.heartbeat(t, backend, key, 9900)
	require.NoError(t, err)
	require.Len(t, reply.Done.Signature, 64)
	var refused *signer.Refused
	_, err = o.heartbeat(t, backend, key, 9000)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, signer.RuleWindow, refused.Rule)

	// The running signer and its directory tell the same.
	list := succeed(t, "", "signer", "keys", "list", "--dir", first.dir)
	require.Regexp(t, wallet+` +active +frost +2 of 3 +1 2 3 +[1-9][0-9]* +9900`, list)
	shown := succeed(t, "", "signer", "protection", "show", wallet, "--dir", first.dir)
	require.Regexp(t, `(?m)^last window +9900$`, shown)
	require.Regexp(t, `(?m)^ *9900 +[0-9a-f]{64}$`, shown)
	first.stop(t)
	require.Equal(t, list, succeed(t, "", "signer", "keys", "list", "--dir", first.dir))
	require.Equal(t, shown, succeed(t, "", "signer", "protection", "show", wallet, "--dir", first.dir))

	password, file := filepath.Join(t.TempDir(), "password"), filepath.Join(t.TempDir(), "export")
	require.NoError(t, os.WriteFile(password, []byte("moving\n"), 0o600))
	told := succeed(t, "", "signer", "export", wallet, "--to", file, "--yes", "--password-file", password, "--dir", first.dir)
	require.Contains(t, told, "frozen here for ever")
	require.Contains(t, succeed(t, "", "signer", "keys", "list", "--dir", first.dir), "frozen (exported)")

	second := startSigner(t)
	second.stop(t)
	wrong := filepath.Join(t.TempDir(), "password")
	require.NoError(t, os.WriteFile(wrong, []byte("guess\n"), 0o600))
	got := call(t, "", "signer", "import", file, "--password-file", wrong, "--dir", second.dir)
	require.Equal(t, codeUsage, got.code, got.stderr)
	require.Contains(t, got.stderr, "the password is not the right one")
	told = succeed(t, "", "signer", "import", file, "--password-file", password, "--dir", second.dir)
	require.Contains(t, told, wallet+" imported; its state is active")
	got = call(t, "", "signer", "import", file, "--password-file", password, "--dir", second.dir)
	require.Equal(t, codeFailure, got.code)
	require.Contains(t, got.stderr, "is here already")

	first.start(t)
	second.start(t)
	_, err = o.heartbeat(t, first.dial(t, first.config), key, 10800)
	require.ErrorIs(t, err, signer.ErrFrozen)
	moved := second.dial(t, second.config)
	_, err = o.heartbeat(t, moved, key, 9000)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, signer.RuleWindow, refused.Rule)
	reply, err = o.heartbeat(t, moved, key, 10800)
	require.NoError(t, err)
	require.Len(t, reply.Done.Signature, 64)
	first.stop(t)
	second.stop(t)
}

// A key that was made in a node's own process moves to a signer: the same commands know the directory of an embedded one.
func TestAKeyMovesFromANodesOwnProcessToASigner(t *testing.T) {
	private, err := secp256k1.GeneratePrivateKeyFromRand(rand.Reader)
	require.NoError(t, err)
	o := &soleOperator{key: private, op: wire.PublicKeyOf(private).Operator()}
	dir := filepath.Join(t.TempDir(), "signer")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "password"), []byte("drawn by the node\n"), 0o600))
	embedded, err := vault.Open(t.Context(), vault.Config{Dir: dir, PasswordFile: filepath.Join(dir, "password"), Version: "test", BlockTime: time.Microsecond, Work: 10})
	require.NoError(t, err)
	key := o.generate(t, embedded)
	wallet := key.Wallet.String()
	_, err = o.heartbeat(t, embedded, key, 9900)
	require.NoError(t, err)
	password, file := filepath.Join(t.TempDir(), "password"), filepath.Join(t.TempDir(), "export")
	require.NoError(t, os.WriteFile(password, []byte("moving\n"), 0o600))
	for _, args := range [][]string{
		{"signer", "export", wallet, "--to", file, "--yes", "--password-file", password, "--dir", dir}, {"signer", "keys", "list", "--dir", dir},
	} {
		got := call(t, "", args...)
		require.Equal(t, codeInUse, got.code, got.stderr)
		require.Contains(t, got.stderr, "stop the node whose signer it is")
	}
	require.NoError(t, embedded.Close())

	require.Regexp(t, wallet+` +active +frost +2 of 3 +1 2 3 +[1-9][0-9]* +9900`, succeed(t, "", "signer", "keys", "list", "--dir", dir))
	require.Regexp(t, `(?m)^last window +9900$`, succeed(t, "", "signer", "protection", "show", wallet, "--dir", dir))
	succeed(t, "", "signer", "export", wallet, "--to", file, "--yes", "--password-file", password, "--dir", dir)
	require.Contains(t, succeed(t, "", "signer", "keys", "list", "--dir", dir), "frozen (exported)")
	got := call(t, "", "signer", "run", "--dir", dir)
	require.NotZero(t, got.code)
	require.Contains(t, got.stderr, "walletnode signer init", "it is no signer that others could ask")

	next := startSigner(t)
	next.stop(t)
	succeed(t, "", "signer", "import", file, "--password-file", password, "--dir", next.dir)
	next.start(t)
	moved := next.dial(t, next.config)
	var refused *signer.Refused
	_, err = o.heartbeat(t, moved, key, 9000)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, signer.RuleWindow, refused.Rule)
	_, err = o.heartbeat(t, moved, key, 10800)
	require.NoError(t, err)
	next.stop(t)
}

// A signer that is killed as soon as its shares have left remembers them: it signs for no older window, goes on with no
// session, repeats what it said, and has counted every share.
func TestASignerThatIsKilledRemembersWhatItSigned(t *testing.T) {
	private, err := secp256k1.GeneratePrivateKeyFromRand(rand.Reader)
	require.NoError(t, err)
	o := &soleOperator{key: private, op: wire.PublicKeyOf(private).Operator()}
	s := startSigner(t)
	backend := s.dial(t, s.config)
	key := o.generate(t, backend)
	reply, err := o.heartbeat(t, backend, key, 9900)
	require.NoError(t, err)
	require.Len(t, reply.Done.Signature, 64)
	s.kill(t)

	s.start(t)
	backend = s.dial(t, s.config)
	kept, err := backend.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Equal(t, chain.Height(9900), kept.LastWindow)
	require.EqualValues(t, 2, kept.Signatures, "a share of each of two seats had left")
	var refused *signer.Refused
	_, err = o.heartbeat(t, backend, key, 9000)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, signer.RuleWindow, refused.Rule)

	// Killed in the middle of a session.
	first := o.begin(key, 10800, 1)
	second := signer.SignRound{Session: first.Session, Round: 2}
	_, err = backend.Sign(t.Context(), first)
	require.NoError(t, err)
	shares, err := backend.Sign(t.Context(), second)
	require.NoError(t, err)
	require.Nil(t, shares.Done)
	s.kill(t)

	s.start(t)
	backend = s.dial(t, s.config)
	kept, err = backend.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Equal(t, chain.Height(10800), kept.LastWindow)
	require.EqualValues(t, 4, kept.Signatures)
	_, err = o.heartbeat(t, backend, key, 9900)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, signer.RuleWindow, refused.Rule)
	again, err := backend.Sign(t.Context(), second)
	require.NoError(t, err)
	require.Equal(t, shares, again)
	_, err = backend.Sign(t.Context(), signer.SignRound{Session: first.Session, Round: 3})
	require.ErrorIs(t, err, signer.ErrSessionGone)

	// A new attempt signs the same.
	reply, err = signAll(t, backend, o.begin(key, 10800, 2))
	require.NoError(t, err)
	require.Len(t, reply.Done.Signature, 64)
	kept, err = backend.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.EqualValues(t, 6, kept.Signatures)
	s.stop(t)
}
