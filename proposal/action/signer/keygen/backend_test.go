package keygen_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// toy is a backend that goes through the motions of a key generation: commitments to all, then a share to each with a hash of
// the commitments, then a key that follows from the commitments. It keeps what a real one keeps, and forgets what a real one
// forgets.
type toy struct {
	signer.Backend // what is not asked here panics
	id             string

	mu       sync.Mutex
	begun    map[signer.SessionID]bool // on disk
	keys     map[chain.WalletID]signer.KeyDetail
	sessions map[signer.SessionID]*toySession // in memory
	// What it does wrong.
	silentIn   int                     // the round in which it never answers
	badShareTo chain.Operator          // who is given a wrong share
	says       []byte                  // what it says beside its commitment
	accuses    chain.Operator          // of whom it says that its share is wrong
	accusesAll bool                    // of everybody
	shows      *signer.Digest          // with which key, if it is not its own
	attests    func(*signer.KeyDetail) // how its key differs
	asked      func(round int)         // told of each round
}

type toySession struct {
	inv    keygen.Invitation
	self   chain.Operator
	first  map[chain.Operator]signer.Digest // of the commitments
	opened chain.Height
	last   int
	reply  map[int]signer.RoundReply
}

func newToy(id string) *toy {
	return &toy{
		id: id, begun: map[signer.SessionID]bool{}, keys: map[chain.WalletID]signer.KeyDetail{}, sessions: map[signer.SessionID]*toySession{},
	}
}

// restart is what a kill -9 does to it.
func (b *toy) restart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.sessions)
}

func (b *toy) Health(context.Context) (signer.Health, error) {
	return signer.Health{
		BackendID: b.id, Schemes: signer.Schemes(), Accepting: true, StoreOK: true,
	}, nil
}

func (b *toy) SealTo(_ context.Context, session signer.SessionID) (signer.PublicKey, error) {
	return publicOf(b.private(session)), nil
}

// private is the key of a session.
func (b *toy) private(session signer.SessionID) signer.Digest {
	return sha256.Sum256(append([]byte(b.id), session[:]...))
}

func publicOf(private signer.Digest) signer.PublicKey {
	key, err := ecdh.X25519().NewPrivateKey(private[:])
	if err != nil {
		panic(err) // any 32 bytes are a key
	}
	return signer.PublicKey(key.PublicKey().Bytes())
}

// toyJudge opens what toys deal, which is not sealed.
func toyJudge(d keygen.Dispute) (keygen.Verdict, error) {
	if err := d.Fits(); err != nil {
		return keygen.Undecided, err
	}
	bundle, err := keygen.ReadBundle(d.Invitation.Session(), d.Dealt[d.Round-1])
	if err != nil {
		return keygen.Undecided, err
	}
	dealer, receiver := d.Invitation.Roster[d.Dealer-1], d.Invitation.Roster[d.Receiver-1]
	for _, p := range bundle.Parcels {
		if p.To == receiver && bytes.Equal(p.Data, share(dealer, receiver)) {
			return keygen.ReceiverLied, nil
		}
	}
	return keygen.DealerBroke, errors.New("the share is wrong")
}

func (b *toy) Session(_ context.Context, id signer.SessionID) (signer.SessionState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun[id] {
		return signer.SessionState{}, signer.ErrUnknownSession
	}
	s := b.sessions[id]
	if s == nil {
		return signer.SessionState{Session: id, Over: true}, nil
	}
	reply := s.reply[s.last]
	return signer.SessionState{Session: id, Rounds: s.last, Over: reply.Done != nil, Last: &reply}, nil
}

func (b *toy) Abort(context.Context, signer.SessionID) error { return nil }

func (b *toy) Generate(ctx context.Context, r signer.GenerateRound) (signer.RoundReply, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked != nil {
		b.asked(r.Round)
	}
	if r.Round == b.silentIn {
		b.mu.Unlock()
		<-ctx.Done()
		b.mu.Lock()
		return signer.RoundReply{}, ctx.Err()
	}
	s := b.sessions[r.Session]
	if s == nil {
		if b.begun[r.Session] {
			return signer.RoundReply{}, signer.ErrSessionGone
		}
		var err error
		if s, err = openToy(r); err != nil {
			return signer.RoundReply{}, err
		}
		b.begun[r.Session], b.sessions[r.Session] = true, s
	}
	if reply, ok := s.reply[r.Round]; ok {
		return reply, nil
	}
	reply, err := b.round(s, r)
	if err == nil {
		s.last, s.reply[r.Round] = r.Round, reply
	}
	return reply, err
}

// openToy checks what the nodes gather for a backend.
func openToy(r signer.GenerateRound) (*toySession, error) {
	if r.Round != 1 || r.Open == nil || len(r.In) > 0 {
		return nil, fmt.Errorf("%w: not a first round", signer.ErrMalformed)
	}
	inv, err := keygen.ReadInvitation(r.Open.Invitation)
	if err != nil {
		return nil, err
	}
	operators := inv.Operators()
	if inv.Session() != r.Session || len(r.Open.Acceptances) != len(operators) {
		return nil, fmt.Errorf("%w: not what was accepted", signer.ErrMalformed)
	}
	for i, signed := range r.Open.Acceptances {
		a, err := keygen.ReadAcceptance(signed)
		if err != nil {
			return nil, err
		}
		if a.By != operators[i] || a.Session != r.Session {
			return nil, fmt.Errorf("%w: acceptance %d", signer.ErrMalformed, i)
		}
	}
	return &toySession{
		inv: inv, self: r.Open.Self, opened: r.Open.Height, first: map[chain.Operator]signer.Digest{}, reply: map[int]signer.RoundReply{},
	}, nil
}

func (b *toy) round(s *toySession, r signer.GenerateRound) (signer.RoundReply, error) {
	said := map[chain.Operator]keygen.Bundle{}
	for _, signed := range r.In {
		bundle, err := keygen.ReadBundle(r.Session, signed)
		if err != nil || bundle.Round != r.Round-1 || bundle.By == s.self {
			return signer.RoundReply{}, fmt.Errorf("%w: %w", signer.ErrMalformed, err)
		}
		said[bundle.By] = bundle
	}
	if r.Round > 1 && len(said) != len(s.inv.Operators())-1 {
		return signer.RoundReply{}, fmt.Errorf("%w: %d bundles", signer.ErrMalformed, len(said))
	}
	switch r.Round {
	case 1:
		commitment := append([]byte("commitment of "+s.self.String()), b.says...)
		out := []signer.Parcel{{Data: commitment}}
		s.first[s.self] = keygen.BundleHash(commitment)
		return signer.RoundReply{Out: out}, nil
	case 2:
		for op, bundle := range said {
			s.first[op] = keygen.BundleHash(bundle.Parcels[0].Data)
		}
		return signer.RoundReply{Out: b.shares(s)}, nil
	default:
		return b.finish(s, said)
	}
}

func (s *toySession) commitments() []byte {
	h := sha256.New()
	for _, op := range s.inv.Operators() {
		d := s.first[op]
		h.Write(d[:])
	}
	return h.Sum(nil)
}

func share(from, to chain.Operator) []byte { return append(slices.Clone(from[:]), to[:]...) }

func (b *toy) shares(s *toySession) []signer.Parcel {
	out := []signer.Parcel{{Data: s.commitments()}}
	for _, op := range s.inv.Operators() {
		if op == s.self {
			continue
		}
		p := signer.Parcel{To: op, Data: share(s.self, op)}
		if op == b.badShareTo {
			p.Data = []byte("wrong")
		}
		out = append(out, p)
	}
	return out
}

func (b *toy) finish(s *toySession, said map[chain.Operator]keygen.Bundle) (signer.RoundReply, error) {
	for _, bundle := range said {
		if !bytes.Equal(bundle.Parcels[0].Data, s.commitments()) {
			return signer.RoundReply{}, signer.ErrSplit
		}
	}
	var failed signer.RoundReply
	for _, op := range s.inv.Operators() {
		for _, p := range said[op].Parcels {
			if p.To == s.self && (!bytes.Equal(p.Data, share(op, s.self)) || op == b.accuses || b.accusesAll) {
				accused := b.accuse(s, op)
				failed.Openings = append(failed.Openings, accused.Openings...)
				failed.Culprits = append(failed.Culprits, accused.Culprits...)
			}
		}
	}
	if len(failed.Culprits) > 0 {
		return failed, nil
	}
	seed := sha256.Sum256(append(s.commitments(), s.inv.Nonce[:]...))
	group := chain.PublicKey(wire.PublicKeyOf(secp256k1.PrivKeyFromBytes(seed[:])).Uncompressed())
	key := keyOf(s.inv, 50)
	key.Wallet, key.GroupKey, key.Seats = group.Hash(), group[:], s.inv.SeatsOf(s.self)
	if b.attests != nil {
		b.attests(&key)
	}
	b.keys[key.Wallet] = key
	return signer.RoundReply{Done: &signer.Outcome{Key: &key}}, nil
}

// accuse ends a session with the opening of its key.
func (b *toy) accuse(s *toySession, op chain.Operator) signer.RoundReply {
	opened := signer.Opened{Dealer: s.inv.SeatsOf(op)[0], Receiver: s.inv.SeatsOf(s.self)[0], Round: 2, Key: b.private(s.inv.Session())}
	if b.shows != nil {
		opened.Key = *b.shows
	}
	return signer.RoundReply{Openings: []signer.Opened{opened}, Culprits: []signer.Culprit{{
		Seat: opened.Dealer, By: op, Detail: "its share does not fit, or ours was lost: one of the pair",
	}}}
}

func (b *toy) SetState(_ context.Context, wallet chain.WalletID, change signer.StateChange) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, ok := b.keys[wallet]
	if !ok {
		return signer.ErrUnknownKey
	}
	if key.State == signer.KeyFrozen {
		return signer.ErrFrozen
	}
	if change.State == signer.KeyActive {
		record, err := keygen.ReadRecord(change.Record, key.Roster)
		if err != nil {
			return err
		}
		if err := record.Matches(key); err != nil {
			return err
		}
	}
	key.State, key.Why = change.State, change.Why
	b.keys[wallet] = key
	return nil
}

// opened returns the height at which a session began; false if it did not.
func (b *toy) opened(session signer.SessionID) (chain.Height, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.sessions[session]
	if !ok {
		return 0, false
	}
	return s.opened, true
}

// states returns the states of all keys.
func (b *toy) states() []signer.KeyState {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []signer.KeyState
	for _, key := range b.keys {
		list = append(list, key.State)
	}
	return list
}
