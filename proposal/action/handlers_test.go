package action_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

// fakeSigner is the signer backend of every wallet.
type fakeSigner struct {
	sign            func(context.Context) error
	session, digest [32]byte
	calls           int
}

func (f *fakeSigner) SignerOf(chain.WalletID) (action.Signer, bool) { return f, true }

func (f *fakeSigner) Sign(ctx context.Context, session, digest [32]byte) error {
	f.session, f.digest = session, digest
	f.calls++
	return f.sign(ctx)
}

func TestHeartbeatAsksTheSigner(t *testing.T) {
	o := order(1, 1)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, c := range map[string]struct {
		ctx    context.Context
		err    error
		want   action.Outcome
		detail string
	}{
		"signed":       {t.Context(), nil, action.OK, ""},
		"unavailable":  {t.Context(), errors.New("connection refused"), action.SignerUnavailable, "connection refused"},
		"refused":      {t.Context(), fmt.Errorf("%w: daily limit", action.ErrSignerRefused), action.SignerRefused, "signer refused: daily limit"},
		"ended midway": {stopped, context.Canceled, "", ""},
	} {
		signer := &fakeSigner{sign: func(context.Context) error { return c.err }}
		outcome, detail := action.Handlers(signer)[proposal.KindHeartbeat].Handle(c.ctx, o)
		require.Equal(t, c.want, outcome, name)
		require.Equal(t, c.detail, detail, name)
		message := o.Proposal.(proposal.Heartbeat).Message
		inner := sha256.Sum256(message[:])
		require.Equal(t, sha256.Sum256(inner[:]), signer.digest, "what is signed is the double hash of the 16 bytes")
		require.Equal(t, action.Session(o), signer.session)
	}
}

func TestHeartbeatHandlerRefusesAnotherKind(t *testing.T) {
	signer := &fakeSigner{}
	o := order(1, 1)
	o.Proposal = proposal.Redemption{}
	outcome, _ := action.Handlers(signer)[proposal.KindHeartbeat].Handle(t.Context(), o)
	require.Equal(t, action.HandlerFailed, outcome)
	require.Zero(t, signer.calls)
}

func TestTransactionsAskNoSignerWithoutBitcoinData(t *testing.T) {
	signer := &fakeSigner{}
	for _, p := range []proposal.Proposal{
		proposal.DepositSweep{}, proposal.Redemption{}, proposal.MovingFunds{}, proposal.MovedFundsSweep{},
	} {
		o := order(1, 1)
		o.Proposal = p
		outcome, detail := action.Handlers(signer)[p.Kind()].Handle(t.Context(), o)
		require.Equal(t, action.Unverifiable, outcome)
		require.Contains(t, detail, "needs a bitcoin source")
	}
	require.Zero(t, signer.calls)
}

func TestR3SessionsOfDifferentOrdersNeverMix(t *testing.T) {
	base := order(1, 1)
	same := base
	same.Start, same.Expiry = 1, 2 // follow from the window, and are no part of it
	require.Equal(t, action.Session(base), action.Session(same))
	proposalChanged := base
	proposalChanged.Proposal = proposal.Heartbeat{}
	for _, other := range []proposal.Order{order(2, 1), order(1, 2), proposalChanged} {
		require.NotEqual(t, action.Session(base), action.Session(other))
	}
}
