package daemon

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUnfit, fmt.Errorf(format, args...))
}

func fitHealth(h signer.Health) error {
	if h.BackendID == "" || h.BootID == "" || len(h.BackendID) > 128 || len(h.BootID) > 128 {
		return unfit("a health without the backend's id")
	}
	if !slices.Contains(signer.FeedStates(), h.Feed) {
		return unfit("a feed that is %.40q", string(h.Feed))
	}
	return nil
}

// fitKeys demands what paging relies on: names that grow, after the one that was named.
func fitKeys(after *chain.WalletID, limit int, keys []signer.Key) error {
	if len(keys) > limit {
		return unfit("%d keys where at most %d were asked for", len(keys), limit)
	}
	for _, k := range keys {
		if err := fitKey(k); err != nil {
			return err
		}
		if after != nil && compareWallets(k.Wallet, *after) <= 0 {
			return unfit("key %v does not follow %v", k.Wallet, *after)
		}
		after = &k.Wallet
	}
	return nil
}

// fitKey demands that a key is the wallet's whose name it bears: a name is a hash of the key.
func fitKey(k signer.Key) error {
	if len(k.GroupKey) != len(chain.PublicKey{}) {
		return unfit("a group key of %d bytes", len(k.GroupKey))
	}
	if have := chain.PublicKey(k.GroupKey).Hash(); have != k.Wallet {
		return unfit("another wallet's key: that of %v stands under %v", have, k.Wallet)
	}
	if err := signer.CheckSeats(k.Seats); err != nil {
		return unfit("seats: %w", err)
	}
	if k.Threshold < 1 || k.Threshold > k.SeatCount || int(k.Seats[len(k.Seats)-1]) > k.SeatCount {
		return unfit("a threshold of %d and seat %d where there are %d seats", k.Threshold, k.Seats[len(k.Seats)-1], k.SeatCount)
	}
	return nil
}

func fitDetail(wallet chain.WalletID, k signer.KeyDetail) error {
	if err := fitBrief(wallet, k.Key); err != nil {
		return err
	}
	return fitWhole(k)
}

func fitBrief(wallet chain.WalletID, k signer.Key) error {
	if k.Wallet != wallet {
		return unfit("another wallet's key: that of %v", k.Wallet)
	}
	return fitKey(k)
}

func fitWhole(k signer.KeyDetail) error {
	if err := fitKey(k.Key); err != nil {
		return err
	}
	if len(k.Roster) != k.SeatCount || len(k.Verification) != k.SeatCount {
		return unfit("%d operators and %d verification shares of %d seats", len(k.Roster), len(k.Verification), k.SeatCount)
	}
	for seat := 1; seat <= k.SeatCount; seat++ {
		if share := k.Verification[chain.Seat(seat)]; len(share) != 33 {
			return unfit("a verification share of %d bytes for seat %d", len(share), seat)
		}
	}
	return nil
}

// maxParcels is one for each seat that a wallet can have, and one for all.
const maxParcels = chain.MaxSeats + 1

func fitReply(r signer.RoundReply) error {
	if len(r.Out) > maxParcels || len(r.Culprits) > chain.MaxSeats || len(r.Openings) > chain.MaxSeats {
		return unfit("%d parcels, %d culprits and %d openings", len(r.Out), len(r.Culprits), len(r.Openings))
	}
	if slices.ContainsFunc(r.Culprits, func(c signer.Culprit) bool { return c.Seat == 0 }) {
		return unfit("a culprit without a seat")
	}
	if r.Done != nil && len(r.Culprits) > 0 {
		return unfit("a session that came to something, with culprits")
	}
	return nil
}

func fitGenerated(session signer.SessionID, r signer.RoundReply) error {
	if err := fitReply(r); err != nil || r.Done == nil {
		return err
	}
	if r.Done.Key == nil || r.Done.Signature != nil {
		return unfit("a key generation that ends without a key")
	}
	if r.Done.Key.Session != session {
		return unfit("another wallet's key: that of session %v", r.Done.Key.Session)
	}
	return fitWhole(*r.Done.Key)
}

func fitSigned(r signer.RoundReply) error {
	if err := fitReply(r); err != nil || r.Done == nil {
		return err
	}
	if r.Done.Key != nil || len(r.Done.Signature) != 64 {
		return unfit("a signature of %d bytes", len(r.Done.Signature))
	}
	return nil
}

// maxReplies bounds how many replies are remembered; the oldest is forgotten first.
const maxReplies = 8192

// replies remembers what was answered to what. A backend that says two things about one round has lost its memory, or is
// two: what it says next could use a nonce twice.
type replies struct {
	mu    sync.Mutex
	known map[[32]byte][32]byte // request to reply
	order [][32]byte
}

// same refuses a reply that differs from the one to the same request before.
func (m *replies) same(path string, sent []byte, reply signer.RoundReply) error {
	raw, err := marshal(reply)
	if err != nil {
		return fmt.Errorf("encode the reply: %w", err)
	}
	asked := sha256.Sum256(append([]byte(path+"\n"), sent...))
	said := sha256.Sum256(raw)
	m.mu.Lock()
	defer m.mu.Unlock()
	before, again := m.known[asked]
	switch {
	case again && before != said:
		return unfit("it answers the same round twice, and differently")
	case again:
		return nil
	}
	if len(m.order) == maxReplies {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	m.known[asked] = said
	m.order = append(m.order, asked)
	return nil
}
