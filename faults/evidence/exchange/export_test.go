package exchange

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// AttestNow makes the head of a window, as the loop does after it.
func (s *Service) AttestNow(ctx context.Context, window chain.Height) error {
	return s.attest(ctx, window)
}

// Refresh takes over what the log has, as a comparison does.
func (s *Service) Refresh(ctx context.Context) error { return s.record.refresh(ctx) }

// Look asks with whom wallets are shared, as is done all the time, and returns what was worked out.
func (s *Service) Look(ctx context.Context) (map[chain.WalletID]chain.Wallet, error) {
	err := s.company.look(ctx)
	return s.company.now().wallets, err
}

// Kept returns what is kept between windows, and of which version it is.
func (s *Service) Kept() (ledger *heads.Ledger, last *heads.Attested, version uint64) {
	r := s.record
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.attested); n > 0 {
		last = r.attested[n-1]
	}
	return r.ledger, last, r.version
}

// ToldIn returns after which window news of proofs were told, and of which proofs.
func ToldIn(data []byte) (window chain.Height, ids []string, err error) {
	n, err := readNews(data)
	return n.window, n.told, err
}
