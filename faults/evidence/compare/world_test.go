package compare_test

import (
	"encoding/binary"
	"math/big"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

const (
	chainID   = 11155111
	frequency = 900
)

func secret(seed int) *secp256k1.PrivateKey {
	return secp256k1.PrivKeyFromBytes(binary.BigEndian.AppendUint32([]byte{1}, uint32(seed)))
}

// identity is what is derived of a key, once: it costs more than most of what is tested.
type identity struct {
	operator chain.Operator
	wallet   chain.PublicKey
}

var identities = map[int]identity{}

func identityOf(seed int) identity {
	if _, ok := identities[seed]; !ok {
		key := wire.PublicKeyOf(secret(seed))
		identities[seed] = identity{key.Operator(), chain.PublicKey(key.Uncompressed())}
	}
	return identities[seed]
}

func operator(seed int) chain.Operator { return identityOf(seed).operator }

// wallet makes the i-th wallet, whose seats the operators of some seeds hold.
func wallet(t require.TestingT, i int, seats ...int) chain.Wallet {
	var roster []chain.Operator
	for _, seed := range seats {
		roster = append(roster, operator(seed))
	}
	w, err := chain.NewWallet(identityOf(1000+i).wallet, roster)
	require.NoError(t, err)
	return w
}

// claimed is a wallet's entry that no message stands behind: for tests in which only hashes count.
func claimed(w chain.Wallet, window chain.Height, what byte) evidence.Entry {
	return evidence.Entry{
		Wallet: w.ID(), Window: window, Status: evidence.Said, Leader: w.Roster()[0], Sender: w.Roster()[0], Statement: [32]byte{1, what},
	}
}

// said are statements that were signed once: signing costs more than all else.
var said = map[[4]int]evidence.Statement{}

// says is the statement number variant of an operator about the i-th wallet.
func says(t require.TestingT, seed, i int, window chain.Height, variant int) evidence.Statement {
	key := [4]int{seed, i, int(window), variant}
	if _, ok := said[key]; !ok {
		said[key] = speaks(t, seed, i, window, [][]byte{{0, 1}}, int64(variant)+1)
	}
	return said[key]
}

// long is a statement of more than half the size that the network carries.
func long(t require.TestingT, seed, i int, window chain.Height) evidence.Statement {
	return speaks(t, seed, i, window, slices.Repeat([][]byte{make([]byte, 6000)}, 100), 1)
}

func speaks(t require.TestingT, seed, i int, window chain.Height, scripts [][]byte, fee int64) evidence.Statement {
	w := wallet(t, i, seed)
	payload := proposal.EncodeMessage(proposal.Message{Sender: 1, Block: window, Wallet: w.ID(), Proposal: proposal.Redemption{
		OutputScripts: scripts, TxFee: big.NewInt(fee),
	}})
	envelope := wire.EncodeEnvelope(wire.Envelope{
		Sender: wire.PublicKeyOf(secret(seed)), Payload: payload, Type: wire.CoordinationMessage, Sequence: 1,
	})
	s, err := evidence.ReadStatement(wire.SignPubsub(secret(seed), wire.ChannelName(w.Key()), envelope, make([]byte, 8)).Bytes())
	require.NoError(t, err)
	return s
}

// member is an operator with what it stores. It is a compare.Shelf and compare.Attestations.
type member struct {
	seed    int
	wallets []chain.Wallet
	ledger  *heads.Ledger
	heads   map[chain.Height]*heads.Attested
	kept    map[[2]any][]evidence.Statement
	known   map[int]heads.Known // by the other's seed
}

// newMember makes an operator whose chain of heads goes on after one of window last, or begins for 0.
func newMember(seed int, last chain.Height, wallets ...chain.Wallet) *member {
	var before evidence.Head
	if last > 0 {
		before = evidence.Head{Operator: operator(seed), Chain: chainID, Window: last, Windows: 1<<min(63, last/frequency) - 1}
	}
	return &member{
		seed: seed, wallets: wallets, ledger: heads.NewLedger(chainID, operator(seed), before),
		heads: map[chain.Height]*heads.Attested{}, kept: map[[2]any][]evidence.Statement{}, known: map[int]heads.Known{},
	}
}

func (m *member) Attested(window chain.Height) (*heads.Attested, bool) {
	a, ok := m.heads[window]
	return a, ok
}

func (m *member) Statements(wallet chain.WalletID, window chain.Height) [][]byte {
	var signed [][]byte
	for _, s := range m.kept[[2]any{wallet, window}] {
		signed = append(signed, s.Signed())
	}
	return signed
}

// keep stores a statement, two that differ at most.
func (m *member) keep(s evidence.Statement) {
	slot := [2]any{s.Wallet, s.Window}
	differs := func(other evidence.Statement) bool { return other.Digest == s.Digest }
	if len(m.kept[slot]) < 2 && !slices.ContainsFunc(m.kept[slot], differs) {
		m.kept[slot] = append(m.kept[slot], s)
	}
}

func (m *member) close(t require.TestingT, window chain.Height) *heads.Attested {
	a, err := m.ledger.Close(window, m.wallets)
	require.NoError(t, err)
	a, err = a.With(wire.SignPubsub(secret(m.seed), evidence.HeadsTopic, evidence.EncodeHead(a.Head), make([]byte, 8)).Bytes())
	require.NoError(t, err)
	m.heads[window] = a
	return a
}

func (m *member) common(with *member) []chain.WalletID {
	var ids []chain.WalletID
	for _, w := range m.wallets {
		if w.Holds(operator(with.seed)) {
			ids = append(ids, w.ID())
		}
	}
	return ids
}

func (m *member) asks(peer *member, window chain.Height) compare.Config {
	return compare.Config{
		Chain: chainID, Self: operator(m.seed), Peer: operator(peer.seed), Window: window, Common: m.common(peer),
		Ledger: m.ledger, Known: m.known[peer.seed], Shelf: m,
	}
}

// talk makes a whole comparison, and has the one who is asked weigh what it is offered.
func talk(t require.TestingT, asker, asked *member, cfg compare.Config) (*compare.Session, []compare.Finding) {
	var learned []compare.Finding
	s := listen(t, asker, asked, cfg, func(f compare.Finding) { learned = append(learned, f) })
	return s, learned
}

// listen makes a whole comparison, and tells what the one who is asked learns.
func listen(t require.TestingT, asker, asked *member, cfg compare.Config, learn func(compare.Finding)) *compare.Session {
	s := compare.NewSession(cfg)
	for {
		req, more := s.Next()
		if !more {
			return s
		}
		require.LessOrEqual(t, len(req), compare.MaxRequest)
		answer, offered, err := compare.Respond(req, operator(asker.seed), asked, asked)
		require.NoError(t, err)
		require.LessOrEqual(t, len(answer), compare.MaxAnswer)
		for _, f := range compare.WeighOffered(chainID, asked.ledger, asked, offered) {
			learn(f)
		}
		require.NoError(t, s.Take(answer))
	}
}

// announces is what an operator says before it signs what a wallet's leader proposed.
func announces(t require.TestingT, seed int, w chain.Wallet, window chain.Height) evidence.Quote {
	id := w.ID()
	data, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Announcement{Announcement: &pb.SigningAnnouncement{
		Wallet: id[:], Window: uint64(window), Intent: make([]byte, 32), Attempt: 1, Seats: []byte{1},
	}}})
	require.NoError(t, err)
	q, err := evidence.ReadQuote(wire.SignPubsub(secret(seed), signer.SigningTopic(id), data, make([]byte, 8)).Bytes())
	require.NoError(t, err)
	return q
}
