package vault

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/wire"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	ownwire "github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// startHeight is the chain's height when keys of tests are generated: in the middle of a window's span.
const startHeight chain.Height = 9000 + 500

// firstWindow is the first window after that.
const firstWindow chain.Height = 9900

// house is an operator with its vault.
type house struct {
	key   *secp256k1.PrivateKey
	op    chain.Operator
	cfg   Config
	vault *Vault
	// remote is the way to the vault of a house whose node is elsewhere.
	remote signer.Backend
}

// backend is what a house's node asks.
func (h *house) backend() signer.Backend {
	if h.remote != nil {
		return h.remote
	}
	return h.vault
}

// rig is some operators, their vaults and what went over the wire between them.
type rig struct {
	t       testing.TB
	houses  []*house
	roster  []chain.Operator
	now     time.Time
	seqno   uint64
	traffic [][]byte // all signed messages
	opening signer.Opening
	session signer.SessionID
}

// newRig makes operators with vaults; seats says how many each holds.
func newRig(t testing.TB, seats ...int) *rig {
	t.Helper()
	r := &rig{t: t, now: startTime}
	for i, n := range seats {
		seed := sha256.Sum256([]byte{byte(i), 'o', 'p'})
		h := &house{key: secp256k1.PrivKeyFromBytes(seed[:]), cfg: testConfig(t)}
		h.op = ownwire.PublicKeyOf(h.key).Operator()
		h.cfg.Now = func() time.Time { return r.now }
		h.vault = openVault(t, h.cfg)
		r.houses = append(r.houses, h)
		for range n {
			r.roster = append(r.roster, h.op)
		}
	}
	return r
}

// reopen is a restart of a house's vault.
func (r *rig) reopen(h *house) {
	r.t.Helper()
	require.NoError(r.t, h.vault.Close())
	h.vault = openVault(r.t, h.cfg)
}

// invite makes the documents of a key generation.
func (r *rig) invite(scheme signer.Scheme, threshold int) {
	r.t.Helper()
	r.seqno++
	inv := keygen.Invitation{
		Terms: keygen.Terms{ChainID: 1, Genesis: chain.Hash{1}, Roster: r.roster, Threshold: threshold, Scheme: scheme},
		Nonce: sha256.Sum256(binary.BigEndian.AppendUint64(nil, r.seqno)), Expires: r.now.Add(time.Hour),
	}
	signed, err := keygen.SignInvitation(r.houses[0].key, inv)
	require.NoError(r.t, err)
	r.session = inv.Session()
	r.opening = signer.Opening{Invitation: signed, Height: startHeight}
	for _, h := range r.houses {
		r.opening.Acceptances = append(r.opening.Acceptances, r.accept(h, r.session, r.sealTo(h)))
	}
}

func (r *rig) accept(h *house, session signer.SessionID, to signer.PublicKey) []byte {
	r.t.Helper()
	signed, err := keygen.SignAcceptance(h.key, keygen.Acceptance{Session: session, Backend: "b", SealTo: to})
	require.NoError(r.t, err)
	return signed
}

// seal is a house's key of the rig's session.
func (r *rig) seal(h *house) sealing {
	r.t.Helper()
	s, err := h.vault.sealingOf(r.session)
	require.NoError(r.t, err)
	return s
}

// sealTo is what a house's node is told to accept with.
func (r *rig) sealTo(h *house) signer.PublicKey {
	r.t.Helper()
	to, err := h.backend().SealTo(context.Background(), r.session)
	require.NoError(r.t, err)
	return to
}

func (r *rig) openingFor(h *house) *signer.Opening {
	o := r.opening
	o.Self = h.op
	return &o
}

// say signs a bundle as its operator's node does.
func (r *rig) say(h *house, topic string, session signer.SessionID, round int, out []signer.Parcel) []byte {
	r.seqno++
	data := keygen.EncodeBundle(session, round, out, nil)
	if topic == keygen.TopicOf(r.session) {
		keys := map[chain.Operator]signer.PublicKey{}
		for _, h := range r.houses {
			keys[h.op] = r.seal(h).to
		}
		data = keygen.EncodeBundle(session, round, out, keys)
	}
	signed := ownwire.SignPubsub(h.key, topic, data, binary.BigEndian.AppendUint64(nil, r.seqno)).Bytes()
	r.traffic = append(r.traffic, signed)
	return signed
}

// others returns all messages but a house's own.
func others(said map[*house][]byte, h *house) [][]byte {
	var in [][]byte
	for other, signed := range said {
		if other != h {
			in = append(in, signed)
		}
	}
	return in
}

// generate carries out a key generation, and puts the key to use.
func (r *rig) generate(scheme signer.Scheme, threshold int) signer.KeyDetail {
	r.t.Helper()
	r.invite(scheme, threshold)
	done := r.rounds(r.houses, keygen.TopicOf(r.session), r.session, func(h *house, round int, in [][]byte) (signer.RoundReply, error) {
		g := signer.GenerateRound{Session: r.session, Round: round, In: in}
		if round == 1 {
			g.Open = r.openingFor(h)
		}
		return h.backend().Generate(context.Background(), g)
	})
	detail := done[r.houses[0]].Key
	for _, h := range r.houses {
		require.Equal(r.t, detail.GroupKey, done[h].Key.GroupKey)
		require.Equal(r.t, detail.Verification, done[h].Key.Verification)
		require.Equal(r.t, signer.KeyPending, done[h].Key.State)
	}
	record := r.record(*detail)
	for _, h := range r.houses {
		require.NoError(r.t, h.backend().SetState(context.Background(), detail.Wallet, signer.StateChange{State: signer.KeyActive, Record: record}))
	}
	return *detail
}

// record is what all operators sign about a key.
func (r *rig) record(detail signer.KeyDetail) []byte {
	r.t.Helper()
	inv, err := keygen.ReadInvitation(r.opening.Invitation)
	require.NoError(r.t, err)
	a, err := keygen.AttestationOf(inv, detail)
	require.NoError(r.t, err)
	var signed [][]byte
	for _, h := range r.houses {
		s, err := keygen.SignAttestation(h.key, a)
		require.NoError(r.t, err)
		signed = append(signed, s)
	}
	record, err := keygen.MakeRecord(r.roster, signed)
	require.NoError(r.t, err)
	return record
}

// rounds carries a session's messages until all are done.
func (r *rig) rounds(houses []*house, topic string, session signer.SessionID,
	ask func(h *house, round int, in [][]byte) (signer.RoundReply, error),
) map[*house]*signer.Outcome {
	r.t.Helper()
	said := map[*house][]byte{}
	done := map[*house]*signer.Outcome{}
	for round := 1; len(done) < len(houses); round++ {
		require.Less(r.t, round, maxRounds)
		next := map[*house][]byte{}
		for _, h := range houses {
			reply, err := ask(h, round, others(said, h))
			require.NoError(r.t, err, "round %d", round)
			require.Empty(r.t, reply.Culprits)
			if reply.Done != nil {
				done[h] = reply.Done
				continue
			}
			next[h] = r.say(h, topic, session, round, reply.Out)
		}
		said = next
	}
	return done
}

// statement is a leader's signed message.
func (r *rig) statement(leader *house, key signer.KeyDetail, window chain.Height, p proposal.Proposal) []byte {
	r.seqno++
	seat := chain.Seat(slices.Index(key.Roster, leader.op) + 1)
	payload := proposal.EncodeMessage(proposal.Message{Sender: seat, Block: window, Wallet: key.Wallet, Proposal: p})
	envelope := ownwire.EncodeEnvelope(ownwire.Envelope{
		Sender: ownwire.PublicKeyOf(leader.key), Payload: payload, Type: proposal.MessageType, Sequence: r.seqno,
	})
	return ownwire.SignPubsub(leader.key, ownwire.ChannelName(chain.PublicKey(key.GroupKey)), envelope,
		binary.BigEndian.AppendUint64(nil, r.seqno)).Bytes()
}

// plan is an intent, and what its statement proposes.
type plan struct {
	intent   signer.Intent
	proposal proposal.Proposal
	attempt  uint32
	signers  []chain.Seat
}

// at moves the clock to when a window is signed for.
func (r *rig) at(window chain.Height) {
	r.now = startTime.Add(time.Duration(window+150-startHeight) * defaultBlockTime)
}

func (r *rig) heartbeat(key signer.KeyDetail, window chain.Height, tail byte) plan {
	p := proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, tail}}
	return plan{
		intent:   signer.Intent{Wallet: key.Wallet, Window: window, Statement: r.statement(r.houses[0], key, window, p)},
		proposal: p, attempt: 1, signers: firstSeats(key),
	}
}

func firstSeats(key signer.KeyDetail) []chain.Seat {
	seats := make([]chain.Seat, key.Threshold)
	for i := range seats {
		seats[i] = chain.Seat(i + 1)
	}
	return seats
}

// coins makes a transaction that pays a wallet.
func coins(key signer.KeyDetail, value int64, tag byte) *wire.MsgTx {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(wire.NewTxIn(wire.NewOutPoint(&chainhash.Hash{tag}, 0), nil, nil))
	tx.AddTxOut(wire.NewTxOut(value, bitcoin.ScriptOf(key.Scheme, chain.PublicKey(key.GroupKey))))
	return tx
}

// script is a redeemer's: P2WPKH.
func script(tag byte) []byte { return append([]byte{0, 20, tag}, make([]byte, 19)...) }

// redemption pays scripts from output 0 of previous.
func (r *rig) redemption(key signer.KeyDetail, window chain.Height, previous *wire.MsgTx, scripts ...[]byte) plan {
	r.t.Helper()
	p := proposal.Redemption{OutputScripts: scripts, TxFee: big.NewInt(1000)}
	var requests []chain.RedemptionRequest
	for _, s := range scripts {
		requests = append(requests, chain.RedemptionRequest{Script: s, RequestedAmount: 100_000, TxMaxFee: 5000})
	}
	main := bitcoin.UTXO{TxHash: previous.TxHash(), Value: uint64(previous.TxOut[0].Value)} //nolint:gosec // positive
	tx, err := bitcoin.Redemption(bitcoin.Wallet{Key: chain.PublicKey(key.GroupKey), Scheme: key.Scheme}, main, previous, requests, p.TxFee)
	require.NoError(r.t, err)
	return plan{
		intent: signer.Intent{
			Wallet: key.Wallet, Window: window, Statement: r.statement(r.houses[0], key, window, p), Transaction: &tx,
		},
		proposal: p, attempt: 1, signers: firstSeats(key),
	}
}

// spend is the transaction of a plan, as a later one builds on it.
func (p plan) spend(t testing.TB) *wire.MsgTx {
	t.Helper()
	tx, err := bitcoin.ParseUnsigned(p.intent.Transaction.Raw)
	require.NoError(t, err)
	return tx
}

func (p plan) digest() signer.Digest { return p.intent.Digest(p.proposal) }

func (p plan) session() signer.SessionID {
	return signer.SigningSession(p.digest(), 0, p.attempt, p.signers)
}

func (p plan) round1() signer.SignRound {
	return signer.SignRound{Session: p.session(), Round: 1, Open: &signer.SignOpen{Intent: p.intent, Attempt: p.attempt, Signers: p.signers}}
}

// ask is one call for a signature.
func (p plan) ask(h *house, round int, in [][]byte) (signer.RoundReply, error) {
	s := p.round1()
	if round > 1 {
		s = signer.SignRound{Session: s.Session, Round: round, In: in}
	}
	return h.backend().Sign(context.Background(), s)
}

// signing returns the houses that hold a plan's signers.
func (r *rig) signing(p plan) []*house {
	var houses []*house
	for _, h := range r.houses {
		if slices.ContainsFunc(p.signers, func(s chain.Seat) bool { return r.roster[s-1] == h.op }) {
			houses = append(houses, h)
		}
	}
	return houses
}

// sign carries out a signature and checks it with another library.
func (r *rig) sign(key signer.KeyDetail, p plan) []byte {
	r.t.Helper()
	houses := r.signing(p)
	done := r.rounds(houses, signer.SigningTopic(key.Wallet), p.session(), p.ask)
	w := bitcoin.Wallet{Key: chain.PublicKey(key.GroupKey), Scheme: key.Scheme}
	what, err := bitcoin.Signables(w, p.proposal, p.intent.Transaction)
	require.NoError(r.t, err)
	for _, h := range houses {
		require.NoError(r.t, bitcoin.Verify(w, what[0], done[h].Signature))
	}
	return done[houses[0]].Signature
}

// wantRefused wants a refusal by a rule.
func wantRefused(t testing.TB, rule signer.Rule, err error) {
	t.Helper()
	var refused *signer.Refused
	require.True(t, errors.As(err, &refused), "%v", err)
	require.Equal(t, rule, refused.Rule, refused.Detail)
}
