package net

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/walletnode/walletnode/internal/wire"
)

// delegationProtocol is the exchange by which instances prove for whom they speak. The dialer opens a stream; then,
// in frames of a uvarint length and that many bytes:
//
//	dialer   → its delegation      (operator-signed: this peer ID, until then)
//	listener → its delegation
//	dialer   → its terms for the listener's operator
//	listener → its terms for the dialer's operator
//
// Either side begins another exchange when its delegation or its terms have changed.
const delegationProtocol protocol.ID = "/walletnode/delegation/1.0.0"

// Times of delegations.
const (
	// clockSkew is by how much the wall clocks of two operators may differ: a delegation counts from this much
	// before it was issued until this much after it has run out.
	clockSkew = 2 * time.Minute
	// maxLifetime bounds what a stolen instance key is worth.
	maxLifetime = 30 * 24 * time.Hour
)

// errProof says that a peer's delegation does not let it speak for the operator it names.
var errProof = errors.New("delegation refused")

// checkDelegation verifies a delegation that the peer at hand has shown and returns until when it counts. The peer ID
// is the one the connection's handshake has authenticated: a delegation shown by anyone else is a replay.
func checkDelegation(data []byte, remote peer.ID, now time.Time) (wire.Delegation, time.Time, error) {
	d, err := wire.VerifyDelegation(data)
	if err != nil {
		return wire.Delegation{}, time.Time{}, fmt.Errorf("%w: %w", errProof, err)
	}
	until := d.ExpiresAt.Add(clockSkew)
	own, ownErr := wire.ParsePeerID([]byte(remote))
	switch {
	case peer.ID(d.Instance) != remote:
		err = fmt.Errorf("%w: issued to another peer", errProof)
	case ownErr == nil && own != d.Operator:
		err = fmt.Errorf("%w: the peer ID is operator %v's own key", errProof, own.Operator())
	case d.ExpiresAt.Sub(d.IssuedAt) > maxLifetime:
		err = fmt.Errorf("%w: lifetime of more than %v", errProof, maxLifetime)
	case d.IssuedAt.After(now.Add(clockSkew)):
		err = fmt.Errorf("%w: issued in the future, at %v", errProof, d.IssuedAt.UTC())
	case !now.Before(until):
		err = fmt.Errorf("%w: expired at %v", errProof, d.ExpiresAt.UTC())
	}
	if err != nil {
		return wire.Delegation{}, time.Time{}, err
	}
	return d, until, nil
}

// exchange runs the dialer's side with a connected peer.
func (a *admission) exchange(ctx context.Context, id peer.ID) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	s, err := a.host.NewStream(network.WithNoDial(ctx, "delegation"), id, delegationProtocol)
	if err != nil {
		return fmt.Errorf("open delegation stream: %w", brokenOff(ctx, err))
	}
	return converse(ctx, s, a.sendDelegation, a.readDelegation, a.sendTerms, a.readTerms)
}

// serve runs the listener's side, in a goroutine of the stream's own, of which there is at most one per peer: a second stream is
// reset.
func (a *admission) serve(ctx context.Context, s network.Stream) {
	id := s.Conn().RemotePeer()
	if !a.table.serve(id, time.Now()) {
		_ = s.Reset()
		return
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	err := converse(ctx, s, a.readDelegation, a.sendDelegation, a.readTerms, a.sendTerms)
	a.table.served(id, err, time.Now())
	a.nudge()
}

// errBrokenOff says that a peer ended an exchange. It does not say why: its own list of peers does.
var errBrokenOff = errors.New("the peer broke off the exchange of proofs: it may not admit our operator")

// brokenOff marks an error that is a reset by the peer, which is all that libp2p says. It may come as early as the
// protocol is agreed on.
func brokenOff(ctx context.Context, err error) error {
	if errors.Is(err, network.ErrReset) && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", errBrokenOff, err)
	}
	return err
}

// converse runs the acts of one side in order. The stream is reset when ctx ends, which carries the deadline of the
// whole exchange, and after an error; otherwise it is closed.
func converse(ctx context.Context, s network.Stream, acts ...func(network.Stream, *bufio.Reader) error) error {
	stop := context.AfterFunc(ctx, func() { _ = s.Reset() })
	defer stop()
	r := bufio.NewReader(s)
	for _, act := range acts {
		if err := act(s, r); err != nil {
			_ = s.Reset()
			return errors.Join(brokenOff(ctx, err), ctx.Err())
		}
	}
	if err := s.Close(); err != nil {
		return fmt.Errorf("close delegation stream: %w", err)
	}
	return nil
}

func (a *admission) sendDelegation(s network.Stream, _ *bufio.Reader) error {
	return writeFrame(s, a.mandate.shown())
}

func (a *admission) readDelegation(s network.Stream, r *bufio.Reader) error {
	data, err := readFrame(r, wire.MaxDelegation)
	if err != nil {
		return err
	}
	now, id := time.Now(), s.Conn().RemotePeer()
	d, until, err := checkDelegation(data, id, now)
	if err != nil {
		return err
	}
	a.table.proved(id, d.Operator.Operator(), until, now)
	return nil
}

func (a *admission) sendTerms(s network.Stream, _ *bufio.Reader) error {
	return writeFrame(s, wire.EncodeTerms(a.table.terms(s.Conn().RemotePeer(), time.Now())))
}

func (a *admission) readTerms(s network.Stream, r *bufio.Reader) error {
	data, err := readFrame(r, wire.MaxTerms)
	if err != nil {
		return err
	}
	terms, err := wire.DecodeTerms(data)
	if err != nil {
		return fmt.Errorf("read terms: %w", err)
	}
	a.table.heard(s.Conn().RemotePeer(), terms)
	return nil
}

func writeFrame(w io.Writer, data []byte) error {
	frame := append(binary.AppendUvarint(nil, uint64(len(data))), data...)
	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	return nil
}

// readFrame reads one frame of at most limit bytes; a longer one is refused before anything is allocated for it.
func readFrame(r *bufio.Reader, limit int) ([]byte, error) {
	size, err := readSize(r, limit)
	if err != nil {
		return nil, err
	}
	return readBody(r, size)
}

// readSize reads how long the frame is that follows.
func readSize(r *bufio.Reader, limit int) (int, error) {
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, fmt.Errorf("read frame: %w", err)
	}
	if size > uint64(limit) { //nolint:gosec // limits are positive constants
		return 0, fmt.Errorf("read frame: %w: %d bytes, more than %d", wire.ErrTooLarge, size, limit)
	}
	return int(size), nil //nolint:gosec // at most limit
}

// readBody reads what a frame holds.
func readBody(r *bufio.Reader, size int) ([]byte, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return data, nil
}
