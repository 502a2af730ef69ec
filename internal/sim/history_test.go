package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// Where a window's exchange begins and how long it lasts, in blocks of a second from the coordination block.
const (
	exchangeFrom = 100
	exchangeTo   = 330
)

// history is what some operators of some wallets live through, window after window.
type history struct {
	t       *testing.T
	rng     *rand.Rand
	ether   *ether
	clock   *chain.Clock
	wallets []chain.Wallet
	members []*witness
	window  chain.Height
	root    string
	loggers func(m *witness) *slog.Logger

	barred,
	acted, killed, promoted, restarted int

	mu    sync.Mutex
	total exchange.Counters
	whole []comparison
}

// comparison is one that was brought to its end.
type comparison struct {
	by, of *witness
	window chain.Height
	lives  [2]int // of the two databases
}

// compared notes a comparison by its last request.
func (h *history) compared(by, of *witness, request []byte) {
	raw := new(pb.CompareRequest)
	if proto.Unmarshal(request, raw) != nil {
		return // it is told by the one who answers
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.whole = append(h.whole, comparison{by, of, chain.Height(raw.GetWindow()), [2]int{int(by.put.Load()), int(of.put.Load())}})
}

// rosters are the seats of the wallets, by operator.
var rosters = [][]int{{0, 1, 2}, {1, 2, 3, 0}, {3, 0, 3}}

const operators = 4

// withHistory runs a test with the operators of the rosters, all of them up.
func withHistory(t *testing.T, seed uint64, root string, test func(h *history)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &history{
			t: t, rng: rand.New(rand.NewPCG(seed, 7)), ether: &ether{seed: seed}, root: root,
			clock: chain.NewClock(chain.Freshness{MaxSilence: 24 * time.Hour}, 0),
			total: exchange.Counters{HeadsHeard: map[heads.Verdict]uint64{}, Findings: map[compare.Kind]uint64{}, Proofs: map[evidence.Kind]uint64{}},
		}
		for i, roster := range rosters {
			h.wallets = append(h.wallets, newWallet(i+1, roster...))
		}
		h.pass(exchangeFrom)
		for n := range operators {
			h.join(n, 0).start()
		}
		defer func() {
			for _, m := range h.members {
				if m.service() != nil {
					m.halt()
				}
			}
		}()
		test(h)
	})
}

// join adds an instance of an operator, which does not run yet.
func (h *history) join(n, instance int) *witness {
	m := &witness{h: h, n: n, instance: instance, op: operator(n), dir: filepath.Join(h.root, fmt.Sprintf("%d-%d", n, instance))}
	for i, w := range h.wallets {
		if slices.Contains(rosters[i], n) {
			m.wallets = append(m.wallets, w)
		}
	}
	h.members = append(h.members, m)
	h.ether.mu.Lock()
	h.ether.members = slices.Clone(h.members)
	h.ether.mu.Unlock()
	return m
}

func (h *history) logger(m *witness) *slog.Logger {
	if h.loggers == nil {
		return quiet
	}
	return h.loggers(m)
}

// tally adds what a service did before it ended.
func (h *history) tally(c exchange.Counters) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.total.HeadsMade += c.HeadsMade
	h.total.HeadsSkipped += c.HeadsSkipped
	h.total.HeadsLost += c.HeadsLost
	h.total.Comparisons += c.Comparisons
	h.total.ComparisonsFailed += c.ComparisonsFailed
	for k, n := range c.HeadsHeard {
		h.total.HeadsHeard[k] += n
	}
	for k, n := range c.Findings {
		h.total.Findings[k] += n
	}
	for k, n := range c.Proofs {
		h.total.Proofs[k] += n
	}
}

// counters are those of all services so far.
func (h *history) counters() exchange.Counters {
	for _, m := range h.members {
		if m.service() != nil {
			m.halt()
			m.start()
		}
	}
	return h.total
}

// pass has the chain show a height, a second after it showed another.
func (h *history) pass(to chain.Height) {
	time.Sleep(time.Second)
	require.True(h.t, h.clock.Observe(chain.Header{Height: to, Hash: chain.Hash{byte(to >> 8), byte(to), 1}}))
}

// leaderOf is who leads a wallet's window.
func leaderOf(wallet int, window chain.Height) int {
	return rosters[wallet][(int(window/900)+wallet)%len(rosters[wallet])] //nolint:gosec // small
}

// says is what a leader says with one of its faces.
func (h *history) says(n, wallet int, face int) evidence.Statement {
	w := h.wallets[wallet]
	envelope := message(n, w, h.window, w.LowestSeat(operator(n)), proposal.Redemption{OutputScripts: [][]byte{{0, 20}}, TxFee: big.NewInt(int64(face) + 1000)})
	s, err := evidence.ReadStatement(wire.SignPubsub(secret(n), wire.ChannelName(w.Key()), envelope, make([]byte, 8)).Bytes())
	require.NoError(h.t, err)
	return s
}

// record stores a statement as the executor does when it arrives.
func (m *witness) record(s evidence.Statement, at chain.Height) {
	payload, err := wire.ParsePubsub(s.Signed())
	require.NoError(m.h.t, err)
	envelope, err := wire.DecodeEnvelope(payload.Data(), wire.PublicKeyOf(secret(numberOf(m.h.t, s.Operator))).PeerID())
	require.NoError(m.h.t, err)
	require.NoError(m.h.t, m.store.SaveStatement(m.h.t.Context(), coordination.Statement{
		Wallet: s.Wallet, Window: s.Window, Author: s.Operator, Seat: s.Seat, Digest: s.Digest, Payload: envelope.Payload, Signed: s.Signed(),
		ArrivedAt: at, ReceivedAt: time.Now(),
	}))
}

// lives stores what an operator's node has of a wallet's window: it led, or these statements reached it.
func (m *witness) lives(wallet int, leader int, heard []evidence.Statement) {
	h := m.h
	t, ctx, id := h.t, h.t.Context(), h.wallets[wallet].ID()
	w, _ := coordination.RFC12().Window(h.window)
	result := coordination.Result{
		Wallet: id, Window: w, Role: coordination.RoleFollower, Leader: operator(leader), OpenedAt: h.window, Reason: coordination.ReasonOK,
	}
	for _, s := range heard {
		m.record(s, h.window+5)
	}
	switch {
	case m.n == leader:
		own := h.says(leader, wallet, 0)
		payload := proposal.EncodeMessage(proposal.Message{Sender: own.Seat, Block: h.window, Wallet: id, Proposal: own.Proposal})
		_, err := m.store.SaveOwn(ctx, id, h.window, coordination.OwnProposal{
			Payload: payload, Envelope: message(leader, h.wallets[wallet], h.window, own.Seat, own.Proposal), SentAt: h.window + 1,
		})
		require.NoError(t, err)
		result.Role, result.Proposal = coordination.RoleLeader, own.Proposal
	case len(heard) == 0:
		result.Reason = coordination.ReasonLeaderIdle
		result.Faults = []faults.Fault{{
			Key: faults.Key{Wallet: id, Window: h.window, Kind: faults.LeaderIdle, Culprit: operator(leader)}, Attributed: true, ObservedAt: h.window + 80,
		}}
	case len(heard) == 2:
		result.Reason = coordination.ReasonLeaderEquivocation
		result.Faults = []faults.Fault{{
			Key:        faults.Key{Wallet: id, Window: h.window, Kind: faults.LeaderEquivocation, Culprit: operator(leader)},
			Attributed: true, Evidence: [][]byte{heard[0].Signed(), heard[1].Signed()}, ObservedAt: h.window + 80,
		}}
	default:
		result.Proposal, result.ReceivedAt = heard[0].Proposal, h.window+5
	}
	_, err := m.store.RecordResult(ctx, result)
	require.NoError(t, err)
}

// acts has an operator be ready to sign what it agreed on, or what it has learned of since: written down first, then said to all who
// hear it. What it attested to have been silence it must not be able to sign.
func (h *history) acts(m *witness, wallet int) {
	id := h.wallets[wallet].ID()
	known, err := m.statements(id)
	require.NoError(h.t, err)
	if m.service() == nil || len(known) == 0 {
		return
	}
	digest := signer.Digest{byte(wallet), byte(h.window >> 8), byte(h.window)}
	err = m.store.SaveIntent(h.t.Context(), signing.Signing{
		Wallet: id, Window: h.window, Digest: digest, BegunAt: h.window + 110,
		Intent: signer.Intent{Wallet: id, Window: h.window, Statement: known[0]},
	})
	if errors.Is(err, signing.ErrBarred) {
		h.barred++
		return
	}
	require.NoError(h.t, err)
	h.acted++
	h.announce(m, wallet, digest)
}

// statements are what an operator has of a wallet's window.
func (m *witness) statements(id chain.WalletID) ([][]byte, error) {
	if m.service() == nil {
		return nil, nil
	}
	return m.log.Statements(m.h.t.Context(), id, m.h.window)
}

// announce says on the wallet's signing topic that an operator's seats are ready.
func (h *history) announce(m *witness, wallet int, digest signer.Digest) {
	id := h.wallets[wallet].ID()
	data, err := proto.Marshal(&pb.SignerMessage{Body: &pb.SignerMessage_Announcement{Announcement: &pb.SigningAnnouncement{
		Wallet: id[:], Window: uint64(h.window), Intent: digest[:], Attempt: 1, Seats: []byte{1},
	}}})
	require.NoError(h.t, err)
	signed := wire.SignPubsub(secret(m.n), signer.SigningTopic(id), data, binary.BigEndian.AppendUint64(nil, uint64(h.window))).Bytes()
	for _, other := range h.members {
		if s := other.service(); s != nil && other != m && len(h.ether.weather(m, other, "quote", id)) > 0 {
			s.Quote(signed)
		}
	}
}
