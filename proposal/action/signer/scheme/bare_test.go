package scheme

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"

	"github.com/walletnode/walletnode/chain"
)

// bare is the library alone, with its messages handed on as they are.
type bare struct {
	ids      []party.ID
	handlers map[party.ID]*protocol.MultiHandler
	// meddle may change a message on its way; nil changes nothing, and a nil message drops it.
	meddle func(to party.ID, m protocol.Message) *protocol.Message
	rounds int
	bytes  int
}

func newBare(t testing.TB, seats []chain.Seat, start func(self party.ID) protocol.StartFunc) *bare {
	t.Helper()
	b := &bare{ids: idsOf(seats), handlers: map[party.ID]*protocol.MultiHandler{}}
	session := someSession(t)
	for _, id := range b.ids {
		h, err := protocol.NewMultiHandler(start(id), session)
		require.NoError(t, err)
		b.handlers[id] = h
	}
	return b
}

func bareFrost(t testing.TB, seats []chain.Seat, threshold int) *bare {
	t.Helper()
	return newBare(t, seats, func(self party.ID) protocol.StartFunc { return frost.KeygenTaproot(self, idsOf(seats), threshold) })
}

// waiting returns what a handler has to say.
func waiting(h *protocol.MultiHandler) []*protocol.Message {
	var out []*protocol.Message
	r := &run{handler: h}
	for m := range r.made() {
		out = append(out, m)
	}
	return out
}

// play goes on until nobody has anything to say.
func (b *bare) play() {
	for {
		var all []*protocol.Message
		for _, id := range b.ids {
			all = append(all, waiting(b.handlers[id])...)
		}
		if len(all) == 0 {
			return
		}
		b.rounds++
		for _, m := range all {
			b.bytes += len(m.Data) + len(m.SSID) + len(m.BroadcastVerification)
			for _, id := range b.ids {
				if !m.IsFor(id) {
					continue
				}
				passed := m
				if b.meddle != nil {
					passed = b.meddle(id, *m)
				}
				b.handlers[id].Accept(passed)
			}
		}
	}
}

func (b *bare) culprits(t testing.TB, id party.ID) []party.ID {
	t.Helper()
	_, err := b.handlers[id].Result()
	var named protocol.Error
	require.ErrorAs(t, err, &named)
	return named.Culprits
}
