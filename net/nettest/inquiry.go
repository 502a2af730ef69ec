package nettest

import (
	"context"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net"
)

// Line is the counterpart of net.Line.
type Line struct {
	from, to *Member
	what     net.Inquiry
}

// OnInquired has a member answer, as net.Deps.Inquiries does.
func (m *Member) OnInquired(inquiries []net.Inquiry) {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	m.inquiries = slices.Clone(inquiries)
}

// Inquire opens a line to a member of an operator in reach, as net.Host.Inquire does. Weather does not concern it.
func (m *Member) Inquire(_ context.Context, name protocol.ID, of chain.Operator) (*Line, error) {
	m.network.mu.Lock()
	defer m.network.mu.Unlock()
	for _, to := range m.network.members {
		i := slices.IndexFunc(to.inquiries, func(q net.Inquiry) bool { return q.Protocol == name })
		if to != m && i >= 0 && to.group == m.group && !m.network.closed && to.Operator() == of && of != m.Operator() {
			return &Line{m, to, to.inquiries[i]}, nil
		}
	}
	return nil, fmt.Errorf("inquire: %w: %v", net.ErrOutOfReach, of)
}

// Ask puts a question and returns the answer; net.ErrDeclined with the reason if there is none, and net.ErrOutOfReach if the
// network was split meanwhile.
func (l *Line) Ask(ctx context.Context, request []byte) ([]byte, error) {
	n := l.from.network
	n.mu.Lock()
	apart := l.from.group != l.to.group || n.closed || !slices.Contains(n.members, l.to)
	n.mu.Unlock()
	switch {
	case apart:
		return nil, fmt.Errorf("ask: %w", net.ErrOutOfReach)
	case len(request) > l.what.MaxRequest:
		return nil, fmt.Errorf("ask: %d bytes are more than %d", len(request), l.what.MaxRequest)
	}
	answer, err := l.what.Answer(ctx, l.from.Operator(), slices.Clone(request))
	if err == nil && len(answer) > l.what.MaxAnswer {
		err = fmt.Errorf("the answer would have %d bytes, more than %d", len(answer), l.what.MaxAnswer)
	}
	if err != nil {
		return nil, fmt.Errorf("ask: %w: %w", net.ErrDeclined, err)
	}
	return answer, nil
}

// Close implements what net.Line has.
func (*Line) Close() {}
