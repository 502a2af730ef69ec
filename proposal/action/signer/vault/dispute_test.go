package vault

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	ownwire "github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// disputes records what an operator says, and makes the disputes of it.
type disputes struct {
	*rig
	rounds []map[*house][]byte
}

// play carries a key generation to the end of the round in which shares are dealt.
func (d *disputes) play(scheme signer.Scheme, threshold, rounds int, change func(h *house, round int, out []signer.Parcel) []signer.Parcel) {
	d.t.Helper()
	d.invite(scheme, threshold)
	said := map[*house][]byte{}
	for n := 1; n <= rounds; n++ {
		next := map[*house][]byte{}
		for _, h := range d.houses {
			reply, err := d.generating(h, n, others(said, h))
			require.NoError(d.t, err)
			require.Empty(d.t, reply.Culprits)
			out := reply.Out
			if change != nil {
				out = change(h, n, out)
			}
			next[h] = d.say(h, keygen.TopicOf(d.session), d.session, n, out)
		}
		d.rounds = append(d.rounds, next)
		said = next
	}
}

// of is the dispute about what a house dealt to a seat, opened with the receiver's key.
func (d *disputes) of(dealer *house, from, to chain.Seat, round int) keygen.Dispute {
	d.t.Helper()
	inv, err := keygen.ReadInvitation(d.opening.Invitation)
	require.NoError(d.t, err)
	var receiver *house
	for _, h := range d.houses {
		if h.op == d.roster[to-1] {
			receiver = h
		}
	}
	dispute := keygen.Dispute{
		Invitation: inv, Opened: signer.Opened{Dealer: from, Receiver: to, Round: round, Key: signer.Digest(d.seal(receiver).raw)},
	}
	for n := range round {
		dispute.Dealt = append(dispute.Dealt, d.rounds[n][dealer])
	}
	return dispute
}

// What an honest dealer sealed is right, to whomever it was: who complains of it has lied. No honest dealer can be named.
func TestAnHonestDealerIsNeverNamed(t *testing.T) {
	d := &disputes{rig: newRig(t, 2, 1, 2)}
	d.play(signer.FROST, 3, 2, nil)
	for _, dealer := range d.houses {
		for from, op := range d.roster {
			for to, receiver := range d.roster {
				if op != dealer.op || receiver == op {
					continue
				}
				verdict, err := Judge(d.of(dealer, chain.Seat(from+1), chain.Seat(to+1), 2))
				require.Equal(t, keygen.ReceiverLied, verdict, "%v", err)
				verdict, _ = Judge(d.of(dealer, chain.Seat(from+1), chain.Seat(to+1), 1))
				require.Equal(t, keygen.ReceiverLied, verdict, "nothing is sealed in round 1")
			}
		}
	}
}

// Whatever a dealer does to the one share, or to what everybody has to hold against it, the receiver's backend opens it and
// everybody finds what it has found: the backend and the judge say the same.
func TestADealerOfABadShareIsNamedByEverybody(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(plain []byte) []byte { plain[len(plain)-1-at] ^= 1; return plain }
	}
	for name, change := range map[string]func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel{
		"another number": func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel {
			return openedTo(t, r, dealer, victim, out, flip(0))
		},
		"another number's head": func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel {
			return openedTo(t, r, dealer, victim, out, flip(20))
		},
		"nothing": func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel {
			return openedTo(t, r, dealer, victim, out, func([]byte) []byte { return nil })
		},
		"no message at all": func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel {
			return resealedTo(t, r, dealer, victim, out, func([]byte) []byte { return encodeParcel(nil) })
		},
		"no message of one seat": func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel {
			return resealedTo(t, r, dealer, victim, out, func(plain []byte) []byte {
				messages, err := decodeParcel(plain)
				require.NoError(t, err)
				require.Len(t, messages, 2)
				return encodeParcel(messages[:1])
			})
		},
		"no parcel": func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel {
			return resealedTo(t, r, dealer, victim, out, func([]byte) []byte { return []byte("none") })
		},
		"another's seat": func(t *testing.T, r *rig, dealer, victim *house, out []signer.Parcel) []signer.Parcel {
			return resealedTo(t, r, dealer, victim, out, func(plain []byte) []byte { plain[2] = 4; return plain })
		},
		"another version": func(_ *testing.T, _ *rig, _, victim *house, out []signer.Parcel) []signer.Parcel {
			for i := range out {
				if out[i].To == victim.op {
					out[i].Data = append([]byte{1}, out[i].Data[1:]...)
				}
			}
			return out
		},
		"it does not open": func(_ *testing.T, _ *rig, _, victim *house, out []signer.Parcel) []signer.Parcel {
			for i := range out {
				if out[i].To == victim.op {
					out[i].Data = bytes.Clone(out[i].Data)
					out[i].Data[len(out[i].Data)-1] ^= 1
				}
			}
			return out
		},
		"what all were told with it": func(_ *testing.T, _ *rig, _, _ *house, out []signer.Parcel) []signer.Parcel {
			out[0].Data = bytes.Clone(out[0].Data)
			out[0].Data[len(out[0].Data)-1] ^= 1 // its opening of the chain key
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := &disputes{rig: newRig(t, 1, 2, 1)}
			victim, dealer := d.houses[0], d.houses[1]
			d.play(signer.FROST, 2, 2, func(h *house, round int, out []signer.Parcel) []signer.Parcel {
				if h == dealer && round == 2 {
					return change(t, d.rig, dealer, victim, out)
				}
				return out
			})
			reply, err := d.generating(victim, 3, others(d.rounds[1], victim))
			require.NoError(t, err)
			require.Len(t, reply.Openings, 1)
			dispute := d.of(dealer, reply.Openings[0].Dealer, reply.Openings[0].Receiver, reply.Openings[0].Round)
			_, public, err := parseSealKey(reply.Openings[0].Key[:])
			require.NoError(t, err)
			require.Equal(t, d.seal(victim).to, public, "the backend opens the session's key, and no other")
			dispute.Opened = reply.Openings[0]
			verdict, why := Judge(dispute)
			require.Equal(t, keygen.DealerBroke, verdict, "%v", why)
			require.Error(t, why)

			// It is over for good before the key leaves: the same answer after a restart, and never a key.
			d.reopen(victim)
			again, err := d.generating(victim, 3, others(d.rounds[1], victim))
			require.NoError(t, err)
			require.Equal(t, reply, again)
			state, err := victim.vault.Session(t.Context(), d.session)
			require.NoError(t, err)
			require.True(t, state.Over)
			_, err = d.generating(victim, 3, others(d.rounds[0], victim))
			require.Error(t, err)
			keys, err := victim.vault.Keys(t.Context(), nil, 1)
			require.NoError(t, err)
			require.Empty(t, keys)
		})
	}
}

// Several dealers cheat, each in its way and towards another seat: the receiver's backend opens what each of them dealt, and
// everybody finds of each what it has found, of the honest one nothing.
func TestAllDealersOfBadSharesAreNamed(t *testing.T) {
	d := &disputes{rig: newRig(t, 2, 2, 1, 1, 1)}
	victim := d.houses[0]
	flipped := func(to chain.Seat) func([]byte) []byte {
		return func(plain []byte) []byte {
			messages, err := decodeParcel(plain)
			require.NoError(t, err)
			for i := range messages {
				if messages[i].To == to {
					messages[i].Data = bytes.Clone(messages[i].Data)
					messages[i].Data[len(messages[i].Data)-1] ^= 1
				}
			}
			return encodeParcel(messages)
		}
	}
	d.play(signer.FROST, 3, 2, func(h *house, round int, out []signer.Parcel) []signer.Parcel {
		switch {
		case round != 2:
		case h == d.houses[1]:
			return resealedTo(t, d.rig, h, victim, out, flipped(2))
		case h == d.houses[2]:
			return resealedTo(t, d.rig, h, victim, out, func([]byte) []byte { return []byte("none") })
		case h == d.houses[3]:
			return resealedTo(t, d.rig, h, victim, out, flipped(1))
		}
		return out
	})
	reply, err := d.generating(victim, 3, others(d.rounds[1], victim))
	require.NoError(t, err)
	named := map[chain.Operator]chain.Seat{}
	for _, o := range reply.Openings {
		dealer := d.roster[o.Dealer-1]
		require.NotContains(t, named, dealer, "one opening for each dealer")
		named[dealer] = o.Receiver
		for _, h := range d.houses {
			if h.op == dealer {
				q := d.of(h, o.Dealer, o.Receiver, o.Round)
				q.Opened = o
				verdict, why := Judge(q)
				require.Equal(t, keygen.DealerBroke, verdict, "%v", why)
			}
		}
	}
	require.Equal(t, map[chain.Operator]chain.Seat{d.houses[1].op: 2, d.houses[2].op: 1, d.houses[3].op: 1}, named)
	for _, c := range reply.Culprits {
		require.Contains(t, named, c.By)
	}
}

// A message that is sealed where none belongs is the dealer's fault, too.
func TestWhatIsSealedInAnotherRoundNamesTheDealer(t *testing.T) {
	d := &disputes{rig: newRig(t, 1, 1, 1)}
	victim, dealer := d.houses[0], d.houses[1]
	d.play(signer.FROST, 2, 1, func(h *house, _ int, out []signer.Parcel) []signer.Parcel {
		if h != dealer {
			return out
		}
		to, err := parseSealTo(d.seal(victim).to)
		require.NoError(t, err)
		data, err := sealParcel(to, sealInfo(d.session, 1, dealer.op, victim.op), []scheme.Message{{From: 2, To: 1, Data: []byte("surprise")}})
		require.NoError(t, err)
		return append(out, signer.Parcel{To: victim.op, Data: data})
	})
	reply, err := d.generating(victim, 2, others(d.rounds[0], victim))
	require.NoError(t, err)
	require.Equal(t, dealer.op, reply.Culprits[0].By)
	require.Len(t, reply.Openings, 1)
	verdict, why := Judge(d.of(dealer, 2, 1, 1))
	require.Equal(t, keygen.DealerBroke, verdict, "%v", why)
}

// A share that is missing in what was sealed can be seen by nobody but the receiver, who holds several seats here.
func TestWhoDealsToSomeSeatsOfAnOperatorIsNamed(t *testing.T) {
	d := &disputes{rig: newRig(t, 2, 1)}
	victim, dealer := d.houses[0], d.houses[1]
	d.play(signer.FROST, 2, 2, func(h *house, round int, out []signer.Parcel) []signer.Parcel {
		if h != dealer || round != 2 {
			return out
		}
		return resealedTo(t, d.rig, dealer, victim, out, func(plain []byte) []byte {
			messages, err := decodeParcel(plain)
			require.NoError(t, err)
			require.Equal(t, chain.Seat(2), messages[1].To)
			return encodeParcel(messages[:1])
		})
	})
	reply, err := d.generating(victim, 3, others(d.rounds[1], victim))
	require.NoError(t, err)
	require.Len(t, reply.Openings, 1)
	require.Equal(t, chain.Seat(2), reply.Openings[0].Receiver)
	verdict, why := Judge(d.of(dealer, reply.Openings[0].Dealer, reply.Openings[0].Receiver, reply.Openings[0].Round))
	require.Equal(t, keygen.DealerBroke, verdict, "%v", why)
}

// What everybody can see needs no opening: an opening of a round in which nothing was sealed for the seat would name its receiver.
func TestWhatIsSealedForAnotherSeatInAnotherRoundHarmsNoReceiver(t *testing.T) {
	d := &disputes{rig: newRig(t, 2, 1)}
	victim, dealer := d.houses[0], d.houses[1]
	d.play(signer.FROST, 2, 1, func(h *house, _ int, out []signer.Parcel) []signer.Parcel {
		if h != dealer {
			return out
		}
		to, err := parseSealTo(d.seal(victim).to)
		require.NoError(t, err)
		data, err := sealParcel(to, sealInfo(d.session, 1, dealer.op, victim.op), []scheme.Message{{From: 3, To: 2, Data: []byte("surprise")}})
		require.NoError(t, err)
		out[0].Data = bytes.Clone(out[0].Data)
		out[0].Data[len(out[0].Data)-100] ^= 1 // and what it tells all is wrong
		return append(out, signer.Parcel{To: victim.op, Data: data})
	})
	reply, err := d.generating(victim, 2, others(d.rounds[0], victim))
	require.NoError(t, err)
	require.Equal(t, dealer.op, reply.Culprits[0].By)
	if len(reply.Openings) > 0 {
		verdict, why := Judge(d.of(dealer, reply.Openings[0].Dealer, reply.Openings[0].Receiver, reply.Openings[0].Round))
		require.Equal(t, keygen.DealerBroke, verdict, "%v", why)
	}
}

// dealt makes what a dealer of seat 2 says in the rounds of an ECDSA wallet's key generation, as far as a judge of it can see: what
// is sealed is for seat 1, in the third of four rounds.
func (d *disputes) dealt(sealed []scheme.Message) {
	d.t.Helper()
	d.invite(signer.CMP, 2)
	victim, dealer := d.houses[0], d.houses[1]
	to, err := parseSealTo(d.seal(victim).to)
	require.NoError(d.t, err)
	d.rounds = nil
	for round := 1; round <= 4; round++ {
		out := []signer.Parcel{{Data: encodeParcel([]scheme.Message{{From: 2, Data: []byte("for all")}})}}
		if round == scheme.DealtIn(signer.CMP) {
			data, err := sealParcel(to, sealInfo(d.session, round, dealer.op, victim.op), sealed)
			require.NoError(d.t, err)
			out = append(out, signer.Parcel{To: victim.op, Data: data})
		}
		said := d.say(dealer, keygen.TopicOf(d.session), d.session, round, out)
		d.rounds = append(d.rounds, map[*house][]byte{dealer: said})
	}
}

// Whatever round a receiver complains of, and whatever key it shows, an honest dealer of an ECDSA wallet's shares is not named.
func TestACMPDealerIsNotNamedForWhatAnotherKeyDoesNotOpen(t *testing.T) {
	d := &disputes{rig: newRig(t, 1, 1, 1)}
	d.dealt([]scheme.Message{{From: 2, To: 1, Data: []byte("a share")}})
	for round := 1; round <= 4; round++ {
		q := d.of(d.houses[1], 2, 1, round)
		q.Key = signer.Digest(d.seal(d.houses[2]).raw)
		verdict, why := Judge(q)
		require.NotEqual(t, keygen.DealerBroke, verdict, "round %d: %v", round, why)
		verdict, why = Judge(d.of(d.houses[1], 2, 1, round))
		require.NotEqual(t, keygen.DealerBroke, verdict, "round %d: %v", round, why)
	}
}

// That a share is missing shows when what was sealed is opened, whatever would be in it.
func TestACMPDealerOfNothingIsNamed(t *testing.T) {
	d := &disputes{rig: newRig(t, 1, 1, 1)}
	d.dealt(nil)
	verdict, why := Judge(d.of(d.houses[1], 2, 1, 3))
	require.Equal(t, keygen.DealerBroke, verdict, "%v", why)
}

// What was not signed by the dealer, or was sealed to another key, says nothing about anybody.
func TestADisputeThatHoldsNothingIsUndecided(t *testing.T) {
	d := &disputes{rig: newRig(t, 1, 1, 1)}
	d.play(signer.FROST, 2, 2, nil)
	dealer, other := d.houses[1], d.houses[2]
	for name, change := range map[string]func(*keygen.Dispute){
		"another key":            func(q *keygen.Dispute) { q.Key = signer.Digest(d.seal(other).raw) },
		"no key":                 func(q *keygen.Dispute) { q.Key = signer.Digest{} },
		"another operator's":     func(q *keygen.Dispute) { q.Dealt[0] = d.rounds[0][other] },
		"another round's":        func(q *keygen.Dispute) { q.Dealt[0] = q.Dealt[1] },
		"one message is missing": func(q *keygen.Dispute) { q.Dealt = q.Dealt[1:] },
		"no message":             func(q *keygen.Dispute) { q.Dealt[1] = []byte{1} },
		"no round":               func(q *keygen.Dispute) { q.Round, q.Dealt = 0, nil },
		"a round too many":       func(q *keygen.Dispute) { q.Round = 3 },
		"no seat":                func(q *keygen.Dispute) { q.Dealer = 0 },
		"a seat too many":        func(q *keygen.Dispute) { q.Receiver = 4 },
		"its own share":          func(q *keygen.Dispute) { q.Receiver = q.Dealer },
		"no wallet":              func(q *keygen.Dispute) { q.Invitation.Threshold = 9 },
		"another session": func(q *keygen.Dispute) {
			q.Invitation.Nonce[0] ^= 1
		},
	} {
		q := d.of(dealer, 2, 1, 2)
		change(&q)
		verdict, err := Judge(q)
		require.Equal(t, keygen.Undecided, verdict, name)
		require.Error(t, err, name)
	}
	forged := d.of(dealer, 2, 1, 2)
	forged.Dealt[1] = resealed(t, d.rig, other, forged.Dealt[1])
	verdict, _ := Judge(forged)
	require.Equal(t, keygen.Undecided, verdict, "somebody else signed it")
}

// resealed is a message's content under somebody else's signature.
func resealed(t *testing.T, r *rig, by *house, signed []byte) []byte {
	t.Helper()
	m, err := ownwire.ParsePubsub(signed)
	require.NoError(t, err)
	return ownwire.SignPubsub(by.key, m.Topic(), m.Data(), m.Seqno()).Bytes()
}

// Whose operator says the same key as another has not taken anything from that one: it cannot open what is for it.
func TestACopiedKeyHarmsNobodyElse(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	r.invite(signer.FROST, 2)
	copier := r.houses[2]
	r.opening.Acceptances[2] = r.accept(copier, r.session, r.seal(r.houses[1]).to)
	for _, h := range r.houses[:2] {
		reply, err := r.generating(h, 1, nil)
		require.NoError(t, err)
		require.NotEmpty(t, reply.Out)
	}
	_, err := r.generating(copier, 1, nil)
	require.ErrorIs(t, err, signer.ErrMalformed)
	require.ErrorContains(t, err, "has not accepted with this backend's key")
}

// In an ECDSA wallet's key generation a share that does not open names its dealer. One that opens is sealed once more, with
// secrets of the receiver that are never shown.
func TestCMPDisputesAreDecidedAsFarAsTheyOpen(t *testing.T) {
	if testing.Short() || bubble.Watched {
		t.Skip("CMP takes half a minute of a processor; run without -short and -race")
	}
	d := &disputes{rig: newRig(t, 1, 1, 1)}
	victim, dealer := d.houses[0], d.houses[1]
	d.play(signer.CMP, 2, 3, func(h *house, round int, out []signer.Parcel) []signer.Parcel {
		for i := range out {
			if h == dealer && round == 3 && out[i].To == victim.op {
				out[i].Data = bytes.Clone(out[i].Data)
				out[i].Data[len(out[i].Data)-1] ^= 1
			}
		}
		return out
	})
	verdict, why := Judge(d.of(dealer, 2, 1, 3))
	require.Equal(t, keygen.DealerBroke, verdict, "%v", why)
	verdict, why = Judge(d.of(dealer, 2, 3, 3))
	require.Equal(t, keygen.Undecided, verdict)
	require.ErrorIs(t, why, scheme.ErrUndecidable)
}

func FuzzJudge(f *testing.F) {
	d := &disputes{rig: newRig(f, 1, 1, 1)}
	d.play(signer.FROST, 2, 2, nil)
	honest := d.of(d.houses[1], 2, 1, 2)
	for _, signed := range honest.Dealt {
		m, err := ownwire.ParsePubsub(signed)
		require.NoError(f, err)
		f.Add(m.Data(), byte(2), byte(1), byte(2))
	}
	f.Fuzz(func(t *testing.T, data []byte, dealer, receiver, round byte) {
		q := honest
		q.Dealer, q.Receiver, q.Round = chain.Seat(dealer), chain.Seat(receiver), int(round)
		q.Dealt = [][]byte{honest.Dealt[0], ownwire.SignPubsub(d.houses[1].key, keygen.TopicOf(d.session), data, make([]byte, 8)).Bytes()}
		verdict, err := Judge(q)
		if verdict == keygen.ReceiverLied && round == 2 {
			content := new(pb.SignerMessage)
			require.NoError(t, proto.Unmarshal(data, content))
			require.NotEmpty(t, content.GetBundle().GetParcels(), "%v", err)
		}
		if verdict == keygen.Undecided {
			require.Error(t, err)
		}
	})
}
