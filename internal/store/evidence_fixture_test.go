package store

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal"
)

// secret makes an operator's private key; equal seeds give equal keys.
func secret(seed byte) *secp256k1.PrivateKey { return secp256k1.PrivKeyFromBytes([]byte{seed}) }

func operator(seed byte) chain.Operator { return wire.PublicKeyOf(secret(seed)).Operator() }

// ourKey is of the operator whose store it is, in every test of evidence.
const ourKey = 1

// commonWallet is one in which operators 1 to 4 hold seats; equal seeds give equal ones.
func commonWallet(t testing.TB, seed byte) chain.Wallet {
	t.Helper()
	key := chain.PublicKey(wire.PublicKeyOf(secret(seed)).Uncompressed())
	w, err := chain.NewWallet(key, []chain.Operator{operator(1), operator(2), operator(3), operator(4)})
	require.NoError(t, err)
	return w
}

// payloadOf is a heartbeat proposed from an operator's seat.
func payloadOf(key byte, w chain.Wallet, n uint64, what byte) []byte {
	return proposal.EncodeMessage(proposal.Message{
		Sender: chain.Seat(key), Block: window(n).Block, Wallet: w.ID(), Proposal: proposal.Heartbeat{Message: [16]byte{15: what}},
	})
}

// said is what an operator said in window n, as it was heard.
func said(t testing.TB, key byte, w chain.Wallet, n uint64, what byte) coordination.Statement {
	t.Helper()
	payload := payloadOf(key, w, n, what)
	envelope := wire.EncodeEnvelope(wire.Envelope{
		Sender: wire.PublicKeyOf(secret(key)), Payload: payload, Type: wire.CoordinationMessage, Sequence: 1,
	})
	signed := wire.SignPubsub(secret(key), wire.ChannelName(w.Key()), envelope, binary.BigEndian.AppendUint64(nil, 7)).Bytes()
	s, err := evidence.ReadStatement(signed)
	require.NoError(t, err)
	return coordination.Statement{
		Wallet: w.ID(), Window: s.Window, Author: s.Operator, Seat: s.Seat, Digest: s.Digest, Payload: payload, Signed: s.Signed(),
		ArrivedAt: s.Window + 5, ReceivedAt: noon,
	}
}

func statementOf(t testing.TB, s coordination.Statement) evidence.Statement {
	t.Helper()
	read, err := evidence.ReadStatement(s.Signed)
	require.NoError(t, err)
	return read
}

// signedHead signs what a head says.
func signedHead(t testing.TB, key byte, h evidence.Head) evidence.Head {
	t.Helper()
	message := wire.SignPubsub(secret(key), evidence.HeadsTopic, evidence.EncodeHead(h), []byte{1, 2, 3, 4, 5, 6, 7, 8})
	read, err := evidence.ReadHead(message.Bytes())
	require.NoError(t, err)
	return read
}

// ended is a window's result with a leader, and nothing agreed.
func ended(w chain.Wallet, n uint64, leader chain.Operator) coordination.Result {
	r := silent(w.ID(), n)
	r.Leader = leader
	return r
}

// drafted drafts a head, as the exchange does.
func (l *Evidence) drafted(t testing.TB, window chain.Height) (exchange.Draft, error) {
	if err := l.Recall(t.Context()); err != nil {
		return exchange.Draft{}, err
	}
	return l.Draft(t.Context(), window)
}

// signedOf makes the head of a draft with what is stored, as the exchange does that has just read it.
func signedOf(t testing.TB, log *Evidence, d exchange.Draft) evidence.Head {
	t.Helper()
	state, err := log.State(t.Context())
	require.NoError(t, err)
	ledger, _, err := state.Ledger(testChain, operator(ourKey))
	require.NoError(t, err)
	for _, e := range d.New {
		require.NoError(t, ledger.Put(e))
	}
	a, err := ledger.Close(d.Window, d.Wallets)
	require.NoError(t, err)
	return signedHead(t, ourKey, a.Head)
}

// noHead is the first head of an operator without wallets.
func noHead(t testing.TB, window chain.Height) evidence.Head {
	t.Helper()
	a, err := heads.NewLedger(testChain, operator(ourKey), evidence.Head{}).Close(window, nil)
	require.NoError(t, err)
	return signedHead(t, ourKey, a.Head)
}

// settle attests, for its error alone.
func (l *Evidence) settle(t testing.TB, d exchange.Draft, h evidence.Head) error {
	_, err := l.Attest(t.Context(), d, h)
	return err
}

// attest makes, stores and returns the head of window n.
func attest(t testing.TB, log *Evidence, n uint64) evidence.Head {
	t.Helper()
	d, err := log.drafted(t, window(n).Block)
	require.NoError(t, err)
	h := signedOf(t, log, d)
	require.NoError(t, log.settle(t, d, h))
	return h
}

// ways are the ways in which a store is opened for evidence: by an only node, and by one of several instances.
var ways = map[string]struct {
	make  making
	alone bool
}{
	"SQLite":                       {embedded, true},
	"SQLite among instances":       {embedded, false},
	"PostgreSQL among instances":   {served, false},
	"beside a later version's one": {upgraded, true},
}

// attester is a store with its log of evidence and its journal.
type attester struct {
	*Store
	log     *Evidence
	sibling *sibling // nil of an only node
	journal *cluster.Journal
	path    string
}

// attesting returns what opens a store for evidence, again and again, with the same journal.
func attesting(t *testing.T, open func() *Store, alone bool) func() attester {
	t.Helper()
	path := filepath.Join(t.TempDir(), "heads.journal")
	return func() attester { return attesterOf(t, open(), alone, "a", path) }
}

func attesterOf(t *testing.T, s *Store, alone bool, name cluster.InstanceID, path string) attester {
	t.Helper()
	journal, _, err := cluster.OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, journal.Close()) })
	a := attester{Store: s, journal: journal, path: path}
	cfg := EvidenceConfig{Self: operator(ourKey), Journal: journal}
	if !alone {
		if _, there, err := s.Session(t.Context(), name); err == nil && there {
			_, err := s.writes.db.ExecContext(t.Context(), `DELETE FROM instances WHERE instance = $1`, string(name))
			require.NoError(t, err)
		}
		a.sibling = newSibling(t, s, name)
		cfg.Seal = func() (cluster.Seal, error) { return a.sibling.seal, nil }
	}
	a.log = s.Evidence(cfg)
	return a
}

// serve imports wallets, which are this instance's.
func (a attester) serve(t *testing.T, wallets ...chain.Wallet) {
	t.Helper()
	for _, w := range wallets {
		require.NoError(t, a.ImportWallet(t.Context(), w, noon))
		if a.sibling != nil {
			a.sibling.take(w.ID())
		}
	}
}

func announcement(t testing.TB, wallet chain.WalletID, at chain.Height, what byte) []byte {
	t.Helper()
	intent := [32]byte{what}
	raw, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Announcement{
		Announcement: &pb.SigningAnnouncement{Wallet: wallet[:], Window: uint64(at), Intent: intent[:]},
	}})
	require.NoError(t, err)
	return raw
}
