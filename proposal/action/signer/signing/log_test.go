package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

var errBroken = errors.New("disk on fire")

// memory is a log in memory that keeps the promises of Log and fails when told to.
type memory struct {
	mu         sync.Mutex
	rows       map[chain.Height]*Signing // of the one wallet
	inactivity map[chain.Height]Absence
	failing    map[string]error // by method
	reads      int              // of one window
}

func newMemory() *memory {
	return &memory{rows: map[chain.Height]*Signing{}, inactivity: map[chain.Height]Absence{}, failing: map[string]error{}}
}

func (m *memory) fail(method string, failing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing[method] = nil
	if failing {
		m.failing[method] = errBroken
	}
}

// count returns how often a window's row was read.
func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

// refuse has a method return an error.
func (m *memory) refuse(method string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing[method] = err
}

func (m *memory) row(method string, window chain.Height) (*Signing, error) {
	if err := m.failing[method]; err != nil {
		return nil, err
	}
	if m.rows[window] == nil {
		return nil, fmt.Errorf("window %d has no intent", window)
	}
	return m.rows[window], nil
}

func (m *memory) Signing(_ context.Context, _ chain.WalletID, window chain.Height) (Signing, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if err := m.failing["Signing"]; err != nil {
		return Signing{}, false, err
	}
	row := m.rows[window]
	if row == nil {
		return Signing{}, false, nil
	}
	return *row, true, nil
}

func (m *memory) Signings(_ context.Context, _ chain.WalletID, before chain.Height, limit int) ([]Signing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Signing
	for _, row := range m.rows {
		if row.Window < before {
			found = append(found, *row)
		}
	}
	slices.SortFunc(found, func(a, b Signing) int { return int(b.Window) - int(a.Window) })
	return found[:min(limit, len(found))], nil
}

func (m *memory) SaveIntent(_ context.Context, s Signing) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failing["SaveIntent"]; err != nil {
		return err
	}
	if row := m.rows[s.Window]; row != nil {
		if row.Digest != s.Digest {
			return fmt.Errorf("save intent: %w", ErrOtherIntent)
		}
		return nil
	}
	m.rows[s.Window] = &s
	return nil
}

func (m *memory) BeginAttempt(_ context.Context, _ chain.WalletID, window chain.Height, attempt uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, err := m.row("BeginAttempt", window)
	if err == nil {
		row.Begun = max(row.Begun, attempt)
	}
	return err
}

func (m *memory) EndAttempt(_ context.Context, _ chain.WalletID, window chain.Height, a Attempt, blames []Blame) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, err := m.row("EndAttempt", window)
	if err == nil {
		row.end(a, blames)
	}
	return err
}

func (s *Signing) end(a Attempt, blames []Blame) {
	if !slices.ContainsFunc(s.Attempts, func(o Attempt) bool { return o.Number == a.Number }) {
		s.Attempts, s.Blames = append(s.Attempts, a), append(s.Blames, blames...)
	}
}

func (m *memory) SaveSigned(_ context.Context, _ chain.WalletID, window chain.Height, s Success) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	row, err := m.row("SaveSigned", window)
	if err == nil && len(row.Signed) == 0 {
		row.Signed, row.TxHash, row.FinishedAt = s.Raw, s.TxHash, s.At
	}
	if err == nil && s.Attempt != nil {
		row.end(*s.Attempt, nil)
	}
	return err
}

func (m *memory) SaveInactivity(_ context.Context, _ chain.WalletID, window chain.Height, absent Absence, _ chain.Height) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.inactivity[window].Seats == nil {
		m.inactivity[window] = absent
	}
	return nil
}

// get returns a row as it is now.
func (m *memory) get(window chain.Height) Signing {
	row, _, _ := m.Signing(context.Background(), chain.WalletID{}, window)
	return row
}
