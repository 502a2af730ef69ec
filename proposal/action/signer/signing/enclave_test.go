package signing

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// shares are the shares of a FROST key by seat, made once for each size: nothing that is tested depends on them.
var shares = struct {
	sync.Mutex
	of map[[2]int]map[chain.Seat]scheme.Share
}{of: map[[2]int]map[chain.Seat]scheme.Share{}}

func sharesOf(t testing.TB, seats, threshold int) map[chain.Seat]scheme.Share {
	t.Helper()
	shares.Lock()
	defer shares.Unlock()
	size := [2]int{seats, threshold}
	if shares.of[size] != nil {
		return shares.of[size]
	}
	var all []chain.Seat
	for s := range seats {
		all = append(all, chain.Seat(s+1))
	}
	parties, out := map[chain.Seat]*scheme.Keygen{}, map[chain.Seat][]scheme.Message{}
	for _, s := range all {
		k, err := scheme.NewKeygen(signer.FROST, []byte("a session of this test"), s, all, threshold)
		require.NoError(t, err)
		step, err := k.Begin()
		require.NoError(t, err)
		parties[s], out[s] = k, step.Out
	}
	for done := false; !done; {
		next := map[chain.Seat][]scheme.Message{}
		for _, s := range all {
			step, err := parties[s].Round(inbox(s, out))
			require.NoError(t, err)
			next[s], done = step.Out, step.Done
		}
		out = next
	}
	made := map[chain.Seat]scheme.Share{}
	for _, s := range all {
		share, err := parties[s].Share()
		require.NoError(t, err)
		made[s] = share
	}
	shares.of[size] = made
	return made
}

// inbox is what a seat is told of what seats said.
func inbox(seat chain.Seat, out map[chain.Seat][]scheme.Message) []scheme.Message {
	var in []scheme.Message
	for from, messages := range out {
		for _, m := range messages {
			if from != seat && (m.To == 0 || m.To == seat) {
				in = append(in, m)
			}
		}
	}
	return in
}

// enclave is a backend in memory that really signs, without any of the rules that a real one applies.
type enclave struct {
	signer.Backend // what is not implemented is not called

	self      chain.Operator
	key       signer.KeyDetail
	shares    map[chain.Seat]scheme.Share
	proposals func(chain.Height) proposal.Proposal

	takes time.Duration // each call of Sign

	mu       sync.Mutex
	err      error // of every call
	refusal  error // of Sign
	sessions map[signer.SessionID]*ceremony
	aborted  map[signer.SessionID]bool
	asked    []signer.SignRound // in order
	locked   []signer.Outpoint  // what it tells of outpoints
	spoil    int                // signatures that come out wrong, from now on
}

// ceremony is one session.
type ceremony struct {
	parties map[chain.Seat]*scheme.Signing
	out     map[chain.Seat][]scheme.Message
	replies []signer.RoundReply
}

func (e *enclave) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *enclave) Brief(context.Context, chain.WalletID) (signer.Key, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.key.Key, e.err
}

func (e *enclave) Protection(context.Context, chain.WalletID) (signer.Protection, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return signer.Protection{Outpoints: e.locked}, e.err
}

func (e *enclave) Abort(_ context.Context, id signer.SessionID) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.aborted[id] = true
	return nil
}

func (e *enclave) Sign(_ context.Context, r signer.SignRound) (signer.RoundReply, error) {
	time.Sleep(e.takes)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, r)
	if e.err != nil || e.refusal != nil {
		return signer.RoundReply{}, errors.Join(e.err, e.refusal)
	}
	s := e.sessions[r.Session]
	switch {
	case r.Round == 1 && s == nil:
		s = &ceremony{parties: map[chain.Seat]*scheme.Signing{}, out: map[chain.Seat][]scheme.Message{}}
		e.sessions[r.Session] = s
		if err := e.open(s, r); err != nil {
			return signer.RoundReply{}, err
		}
		return e.reply(s, nil)
	case s == nil:
		return signer.RoundReply{}, signer.ErrUnknownSession
	case r.Round <= len(s.replies):
		return s.replies[r.Round-1], nil
	case r.Round != len(s.replies)+1:
		return signer.RoundReply{}, signer.ErrConflict
	}
	return e.round(s, r)
}

// open begins a session with every own seat among the signers.
func (e *enclave) open(s *ceremony, r signer.SignRound) error {
	o := r.Open
	p := e.proposals(o.Intent.Window)
	if r.Session != signer.SigningSession(o.Intent.Digest(p), o.Input, o.Attempt, o.Signers) {
		return signer.ErrMalformed
	}
	w := bitcoin.Wallet{Key: chain.PublicKey(e.key.GroupKey), Scheme: signer.FROST}
	hashes, err := bitcoin.Signables(w, p, o.Intent.Transaction)
	if err != nil {
		return err
	}
	for seat, share := range e.shares {
		if !slices.Contains(o.Signers, seat) {
			continue
		}
		party, err := scheme.NewSigning(r.Session[:], share, o.Signers, hashes[o.Input])
		if err != nil {
			return err
		}
		step, err := party.Begin()
		if err != nil {
			return err
		}
		s.parties[seat], s.out[seat] = party, step.Out
	}
	return nil
}

// round takes what the other operators' backends said.
func (e *enclave) round(s *ceremony, r signer.SignRound) (signer.RoundReply, error) {
	heard := s.out
	for _, message := range r.In {
		parsed, err := wire.ParsePubsub(message)
		if err != nil {
			return signer.RoundReply{}, err
		}
		content, err := decode(parsed.Data())
		b, ok := content.(bundle)
		if err != nil || !ok || b.session != r.Session || b.round != r.Round-1 {
			return signer.RoundReply{}, signer.ErrMalformed
		}
		for _, p := range b.parcels {
			var messages []scheme.Message
			if err := json.Unmarshal(p.Data, &messages); err != nil {
				return signer.RoundReply{}, err
			}
			for _, m := range messages {
				heard[m.From] = append(heard[m.From], m)
			}
		}
	}
	next := map[chain.Seat][]scheme.Message{}
	var done *signer.Outcome
	for seat, party := range s.parties {
		step, err := party.Round(inbox(seat, heard))
		if fault, ok := errors.AsType[*scheme.Fault](err); ok {
			return e.blame(s, fault)
		}
		if err != nil {
			return signer.RoundReply{}, err
		}
		next[seat] = step.Out
		if step.Done {
			signature, err := party.Signature()
			if err != nil {
				return signer.RoundReply{}, err
			}
			done = &signer.Outcome{Signature: signature[:]}
		}
	}
	s.out = next
	return e.reply(s, done)
}

func (e *enclave) blame(s *ceremony, fault *scheme.Fault) (signer.RoundReply, error) {
	var reply signer.RoundReply
	for _, seat := range fault.Culprits {
		reply.Culprits = append(reply.Culprits, signer.Culprit{Seat: seat, By: e.key.Roster[seat-1], Detail: fault.Error()})
	}
	s.replies = append(s.replies, reply)
	if len(reply.Culprits) == 0 {
		return reply, fault
	}
	return reply, nil
}

func (e *enclave) reply(s *ceremony, done *signer.Outcome) (signer.RoundReply, error) {
	if done != nil && done.Signature != nil && e.spoil > 0 {
		e.spoil--
		done.Signature = slices.Clone(done.Signature)
		done.Signature[40] ^= 1
	}
	reply := signer.RoundReply{Done: done}
	if done == nil {
		var messages []scheme.Message
		for _, out := range s.out {
			messages = append(messages, out...)
		}
		data, err := json.Marshal(messages)
		if err != nil {
			return reply, err
		}
		reply.Out = []signer.Parcel{{Data: data}}
	}
	s.replies = append(s.replies, reply)
	return reply, nil
}

// windows returns the windows that the enclave was asked to sign for.
func (e *enclave) windows() map[chain.Height]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := map[chain.Height]int{}
	for _, r := range e.asked {
		if r.Open != nil {
			found[r.Open.Intent.Window]++
		}
	}
	return found
}
