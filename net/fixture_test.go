package net

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

var testSchedule = Schedule{Frequency: 900, Duration: 100}

// operatorKey is the key of the n-th test operator.
func operatorKey(n byte) *secp256k1.PrivateKey { return secp256k1.PrivKeyFromBytes([]byte{n}) }

func operator(n byte) chain.Operator { return wire.PublicKeyOf(operatorKey(n)).Operator() }

// testWallet makes the n-th wallet, with one seat for each operator.
func testWallet(tb testing.TB, n int, operators ...byte) chain.Wallet {
	tb.Helper()
	key := secp256k1.PrivKeyFromBytes(binary.BigEndian.AppendUint32([]byte{0xaa}, uint32(n)))
	roster := make([]chain.Operator, len(operators))
	for i, op := range operators {
		roster[i] = operator(op)
	}
	w, err := chain.NewWallet(chain.PublicKey(wire.PublicKeyOf(key).Uncompressed()), roster)
	require.NoError(tb, err)
	return w
}

// testPayload is the form of messages that testInspect reads: wallet, window, seat and whatever is said.
func testPayload(w chain.WalletID, window chain.Height, said string) []byte {
	p := binary.BigEndian.AppendUint64(w[:], uint64(window))
	return append(append(p, 1), said...)
}

func testInspect(payload []byte) (Slot, error) {
	if len(payload) < 29 {
		return Slot{}, errors.New("short payload")
	}
	return Slot{
		Wallet: chain.WalletID(payload[:20]),
		Window: chain.Height(binary.BigEndian.Uint64(payload[20:28])),
		Seat:   chain.Seat(payload[28]),
		Digest: sha256.Sum256(payload),
	}, nil
}

// heights is a settable height.
type heights struct {
	mu      sync.Mutex
	height  chain.Height
	changed chan struct{}
}

func newHeights(h chain.Height) *heights { return &heights{height: h, changed: make(chan struct{})} }

func (h *heights) Height() chain.Height {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.height
}

func (h *heights) Changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

func (h *heights) Until(ctx context.Context, height chain.Height) error {
	for {
		changed := h.Changed()
		if h.Height() >= height {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *heights) set(to chain.Height) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.height = to
	close(h.changed)
	h.changed = make(chan struct{})
}

func testDeps(height func() chain.Height) Deps {
	return Deps{Height: height, Inspect: testInspect, Log: slog.New(slog.DiscardHandler)}
}

// sealed is an envelope of the n-th operator.
func sealed(n byte, payload []byte) []byte {
	return Seal(wire.PublicKeyOf(operatorKey(n)), payload, 1)
}

// seqno is a pubsub sequence number.
func seqno(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// arrival is a message of the n-th operator as it reaches an inbox, really signed.
func arrival(n byte, copyOf uint64, envelope []byte, height chain.Height) Arrival {
	m := wire.SignPubsub(operatorKey(n), "topic", envelope, seqno(copyOf))
	return Arrival{From: m.From(), Data: m.Data(), ID: m.ID(), Size: len(m.SignedBytes()), Signed: m.Bytes, Height: height}
}

// lazyArrival is the same, signed only if somebody wants to see the signature: for floods.
func lazyArrival(n byte, copyOf uint64, envelope []byte, height chain.Height) Arrival {
	return Arrival{
		From: wire.PublicKeyOf(operatorKey(n)).PeerID(), Data: envelope, Height: height,
		ID:     sha256.Sum256(append(seqno(copyOf), envelope...)),
		Signed: func() []byte { return wire.SignPubsub(operatorKey(n), "topic", envelope, seqno(copyOf)).Bytes() },
	}
}

// said lists what messages say, in order.
func said(messages []Message) []string {
	var texts []string
	for _, m := range messages {
		texts = append(texts, string(bytes.Clone(m.Payload[29:])))
	}
	return texts
}
