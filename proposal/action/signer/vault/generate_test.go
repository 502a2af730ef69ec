package vault

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	ownwire "github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/scheme"
)

// sealedPart is what one operator sealed for another in a round of a recorded key generation.
type sealedPart struct {
	from, to chain.Operator
	round    int
	data     []byte
}

// info is the place that it is bound to.
func (p sealedPart) info(session signer.SessionID) []byte {
	return sealInfo(session, p.round, p.from, p.to)
}

// sealedParts picks what is sealed out of recorded traffic.
func sealedParts(t testing.TB, traffic [][]byte) (parts []sealedPart) {
	t.Helper()
	for _, signed := range traffic {
		message, err := ownwire.ParsePubsub(signed)
		require.NoError(t, err)
		var content pb.SignerMessage
		require.NoError(t, proto.Unmarshal(message.Data(), &content))
		for _, p := range content.GetBundle().GetParcels() {
			if len(p.GetTo()) == 0 {
				continue
			}
			require.Equal(t, byte(sealedVersion), p.GetData()[0])
			by, err := new(authors).verify(message)
			require.NoError(t, err)
			parts = append(parts, sealedPart{by.Operator, chain.Operator(p.GetTo()), int(content.GetBundle().GetRound()), p.GetData()[1:]})
		}
	}
	return parts
}

// Whoever records all that is said in a key generation, and has the keys of all nodes and of all other backends, can open no
// share: each is sealed to the one backend that its seat's operator has named. And no share stands in what is said openly.
func TestTheTrafficOfAKeyGenerationHoldsNoShare(t *testing.T) {
	r := newRig(t, 2, 1, 1)
	key := r.generate(signer.FROST, 3)
	parts := sealedParts(t, r.traffic)
	require.Len(t, parts, 3*2, "from each operator to each other one")
	requireSealedToOne(t, r, parts)
	everything := bytes.Join(r.traffic, nil)
	eachShare(t, r, key, func(seat chain.Seat, share []byte) {
		requireUnsaid(t, everything, share, "seat %d", seat) // wherever in it the secret stands
	})
}

// requireSealedToOne wants sealed messages to open with no key of any node or backend but their receiver's, in their own place,
// and no backend's secrets in what was said.
func requireSealedToOne(t *testing.T, r *rig, parts []sealedPart) {
	t.Helper()
	keys := map[string]hpke.PrivateKey{}
	for _, h := range r.houses {
		keys["vault of "+h.op.String()] = r.seal(h).key
		raw := h.key.Key.Bytes()
		x, err := ecdh.X25519().NewPrivateKey(raw[:])
		require.NoError(t, err)
		keys["node of "+h.op.String()], err = hpke.NewDHKEMPrivateKey(x)
		require.NoError(t, err)
	}
	everything := bytes.Join(r.traffic, nil)
	for _, part := range parts {
		receiver := "vault of " + part.to.String()
		for name, k := range keys {
			plain, err := unseal(k, part.info(r.session), part.data)
			if name != receiver {
				require.Error(t, err, "%s opens what is for %v", name, part.to)
				continue
			}
			require.NoError(t, err)
			messages, err := decodeParcel(plain)
			require.NoError(t, err)
			require.NotEmpty(t, messages)
			for _, m := range messages {
				require.Equal(t, []chain.Operator{part.from, part.to}, []chain.Operator{r.roster[m.From-1], r.roster[m.To-1]})
				require.Greater(t, len(m.Data), 32)
				require.NotContains(t, string(everything), string(m.Data[len(m.Data)-32:]), "the share itself")
			}
		}
		own := keys[receiver]
		for _, other := range [][]byte{
			sealInfo(signer.SessionID{1}, part.round, part.from, part.to),
			sealInfo(r.session, part.round+1, part.from, part.to),
			sealInfo(r.session, part.round, part.to, part.from),
		} {
			_, err := unseal(own, other, part.data)
			require.Error(t, err, "it belongs to its place")
		}
	}
	for _, h := range r.houses {
		require.NotContains(t, string(everything), string(h.vault.seed))
		require.NotContains(t, string(everything), string(r.seal(h).raw))
	}
}

// eachShare shows all shares of a key, as the vaults keep them.
func eachShare(t *testing.T, r *rig, key signer.KeyDetail, show func(seat chain.Seat, share []byte)) {
	t.Helper()
	for _, h := range r.houses {
		k, err := h.vault.readKey(t.Context(), key.Wallet)
		require.NoError(t, err)
		secret, err := h.vault.secret(k)
		require.NoError(t, err)
		require.NotEmpty(t, secret.Shares)
		for seat, share := range secret.Shares {
			show(seat, share)
		}
	}
}

// requireUnsaid wants no 32 bytes of a secret in what was said.
func requireUnsaid(t *testing.T, said, secret []byte, format string, what ...any) {
	t.Helper()
	require.GreaterOrEqual(t, len(secret), 32)
	for i := 0; i+32 <= len(secret); i++ {
		require.False(t, bytes.Contains(said, secret[i:i+32]), "byte %d of %s", i, fmt.Sprintf(format, what...))
	}
}

// openedTo opens what is sealed for a house, changes each message in it, and seals it again: what a cheating dealer could send.
func openedTo(t testing.TB, r *rig, from, to *house, out []signer.Parcel, change func(plain []byte) []byte) []signer.Parcel {
	t.Helper()
	return resealedTo(t, r, from, to, out, func(plain []byte) []byte {
		messages, err := decodeParcel(plain)
		require.NoError(t, err)
		for i, m := range messages {
			messages[i].Data = change(m.Data)
		}
		return encodeParcel(messages)
	})
}

// resealedTo opens what is sealed for a house, changes it as a whole, and seals it again.
func resealedTo(t testing.TB, r *rig, from, to *house, out []signer.Parcel, change func(plain []byte) []byte) []signer.Parcel {
	t.Helper()
	require.NotEqual(t, from, to)
	var cheat []signer.Parcel
	for _, p := range out {
		if p.To == to.op {
			info := sealInfo(r.session, 2, from.op, to.op)
			plain, err := unseal(r.seal(to).key, info, p.Data[1:])
			require.NoError(t, err)
			public, err := parseSealTo(r.seal(to).to)
			require.NoError(t, err)
			sealed, err := seal(public, info, change(plain))
			require.NoError(t, err)
			p.Data = append([]byte{sealedVersion}, sealed...)
		}
		cheat = append(cheat, p)
	}
	return cheat
}

// playTo carries a key generation to a round, without asking for it; change may replace what a house says in a round.
func (r *rig) playTo(round int, change func(h *house, round int, out []signer.Parcel) []signer.Parcel) map[*house][]byte {
	r.t.Helper()
	said := map[*house][]byte{}
	for n := 1; n < round; n++ {
		next := map[*house][]byte{}
		for _, h := range r.houses {
			reply, err := r.generating(h, n, others(said, h))
			require.NoError(r.t, err)
			out := reply.Out
			if change != nil {
				out = change(h, n, out)
			}
			next[h] = r.say(h, keygen.TopicOf(r.session), r.session, n, out)
		}
		said = next
	}
	return said
}

// A bad private share names the pair of dealer and receiver: only they have seen it.
func TestABadShareNamesThePair(t *testing.T) {
	for name, change := range map[string]func(plain []byte) []byte{
		"another number": func(plain []byte) []byte { plain[len(plain)-1] ^= 1; return plain },
		"no number":      func(plain []byte) []byte { return plain[:len(plain)-1] },
		"nothing":        func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1, 1, 1)
			r.invite(signer.FROST, 2)
			victim, dealer := r.houses[0], r.houses[1]
			said := r.playTo(3, func(h *house, round int, out []signer.Parcel) []signer.Parcel {
				if h == dealer && round == 2 {
					return openedTo(t, r, dealer, victim, out, change)
				}
				return out
			})
			wantPair(t, r, said, victim, dealer)
			done, err := r.generating(r.houses[2], 3, others(said, r.houses[2]))
			require.NoError(t, err)
			require.NotNil(t, done.Done, "others cannot tell")
		})
	}
}

func wantPair(t *testing.T, r *rig, said map[*house][]byte, victim, dealer *house) {
	t.Helper()
	reply, err := r.generating(victim, 3, others(said, victim))
	require.NoError(t, err)
	require.Nil(t, reply.Done)
	require.Len(t, reply.Culprits, 1)
	require.Equal(t, chain.Seat(2), reply.Culprits[0].Seat)
	require.Equal(t, dealer.op, reply.Culprits[0].By)
	require.Contains(t, reply.Culprits[0].Detail, "pair of seat 2 (dealer) and seat 1 (receiver)")
	again, err := r.generating(victim, 3, others(said, victim))
	require.NoError(t, err)
	require.Equal(t, reply, again)
	keys, err := victim.vault.Keys(t.Context(), nil, 1)
	require.NoError(t, err)
	require.Empty(t, keys, "the session is over, and there is no key")
	require.Empty(t, victim.vault.live)
}

// What does not open is a bad share as well.
func TestASealThatDoesNotOpenNamesThePair(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	r.invite(signer.FROST, 2)
	victim, dealer := r.houses[0], r.houses[1]
	said := r.playTo(3, func(h *house, round int, out []signer.Parcel) []signer.Parcel {
		if h != dealer || round != 2 {
			return out
		}
		for i := range out {
			if out[i].To == victim.op {
				out[i].Data = bytes.Clone(out[i].Data)
				out[i].Data[len(out[i].Data)-1] ^= 1
			}
		}
		return out
	})
	wantPair(t, r, said, victim, dealer)
}

// An operator that signed what no backend makes is named: nobody else can have made it.
func TestABrokenBundleNamesItsOperator(t *testing.T) {
	for name, change := range map[string]func(out []signer.Parcel, to chain.Operator) []signer.Parcel{
		"nothing for everybody":  func(out []signer.Parcel, _ chain.Operator) []signer.Parcel { return out[1:] },
		"two for everybody":      func(out []signer.Parcel, _ chain.Operator) []signer.Parcel { return append(out, out[0]) },
		"no parcel of ours":      func(out []signer.Parcel, _ chain.Operator) []signer.Parcel { out[0].Data = []byte{9}; return out },
		"a parcel that is empty": func(out []signer.Parcel, _ chain.Operator) []signer.Parcel { out[0].Data = []byte{1}; return out },
		"it speaks for another": func(out []signer.Parcel, _ chain.Operator) []signer.Parcel {
			out[0].Data = bytes.Clone(out[0].Data)
			out[0].Data[1] = 3
			return out
		},
		"it says openly what is for one": func(out []signer.Parcel, _ chain.Operator) []signer.Parcel {
			out[0].Data = bytes.Clone(out[0].Data)
			out[0].Data[2] = 1
			return out
		},
		"nothing for us": func(out []signer.Parcel, to chain.Operator) []signer.Parcel {
			var kept []signer.Parcel
			for _, p := range out {
				if p.To != to {
					kept = append(kept, p)
				}
			}
			return kept
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1, 1, 1)
			r.invite(signer.FROST, 2)
			cheat := r.houses[1]
			said := r.playTo(3, func(h *house, round int, out []signer.Parcel) []signer.Parcel {
				if h == cheat && round == 2 {
					return change(out, r.houses[0].op)
				}
				return out
			})
			reply, err := r.generating(r.houses[0], 3, others(said, r.houses[0]))
			require.NoError(t, err)
			require.Len(t, reply.Culprits, 1)
			require.Equal(t, cheat.op, reply.Culprits[0].By)
			require.NotContains(t, reply.Culprits[0].Detail, "pair")
		})
	}
}

// An operator that commits to one thing towards some and to another towards others is found out by the others' next bundles:
// they differ, and nobody is blamed who may be honest. Who keeps the signed messages has the proof.
func TestSplitCommitmentsAreFoundOut(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	r.invite(signer.FROST, 2)
	cheat := r.houses[2]
	topic := keygen.TopicOf(r.session)
	first := r.playTo(2, nil)
	party, err := scheme.NewKeygen(signer.FROST, r.session[:], 3, []chain.Seat{1, 2, 3}, 2)
	require.NoError(t, err)
	step, err := party.Begin()
	require.NoError(t, err)
	other := map[*house][]byte{
		r.houses[0]: first[r.houses[0]],
		cheat:       r.say(cheat, topic, r.session, 1, []signer.Parcel{{Data: encodeParcel(step.Out)}}),
	}
	for _, said := range [][]byte{first[cheat], other[cheat]} {
		bundle, err := keygen.ReadBundle(r.session, said)
		require.NoError(t, err)
		require.Equal(t, cheat.op, bundle.By)
	}

	second := map[*house][]byte{}
	for i, h := range r.houses {
		heard := first
		if i == 1 {
			heard = other
		}
		reply, err := r.generating(h, 2, others(heard, h))
		require.NoError(t, err)
		second[h] = r.say(h, topic, r.session, 2, reply.Out)
	}
	for _, h := range r.houses[:2] {
		for range 2 {
			_, err = r.generating(h, 3, others(second, h))
			require.ErrorIs(t, err, signer.ErrSplit)
			require.NotErrorIs(t, err, signer.ErrSessionGone)
		}
		keys, err := h.vault.Keys(t.Context(), nil, 1)
		require.NoError(t, err)
		require.Empty(t, keys)
	}
}

// Messages that are not the round's are refused, and change nothing.
func TestOtherMessagesAreNotTheRounds(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	r.invite(signer.FROST, 2)
	said := r.playTo(2, nil)
	h := r.houses[0]
	b, c := said[r.houses[1]], said[r.houses[2]]
	parse := func(signed []byte) ownwire.PubsubMessage {
		m, err := ownwire.ParsePubsub(signed)
		require.NoError(t, err)
		return m
	}
	forged := append(bytes.Clone(b[:len(b)-1]), b[len(b)-1]^1)
	bundle := parse(c).Data()
	stranger := newRig(t, 1, 1, 1, 1).houses[3]
	topic := keygen.TopicOf(r.session)
	for name, in := range map[string][][]byte{
		"nobody's":           {},
		"one is missing":     {b},
		"one twice":          {b, b},
		"three":              {b, c, b},
		"the own":            {b, said[h]},
		"forged":             {forged, c},
		"no message":         {b, []byte("hello")},
		"a stranger's":       {b, r.say(stranger, topic, r.session, 1, nil)},
		"of another topic":   {b, ownwire.SignPubsub(r.houses[2].key, "/else", bundle, nil).Bytes()},
		"of another session": {b, r.say(r.houses[2], topic, signer.SessionID{1}, 1, nil)},
		"of another round":   {b, r.say(r.houses[2], topic, r.session, 2, nil)},
		"no bundle":          {b, ownwire.SignPubsub(r.houses[2].key, topic, nil, nil).Bytes()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.generating(h, 2, in)
			require.ErrorIs(t, err, signer.ErrMalformed)
		})
	}
	_, err := r.generating(h, 2, [][]byte{c, b})
	require.NoError(t, err)
	_, err = r.generating(h, 2, [][]byte{b, r.say(r.houses[2], topic, r.session, 1, nil)})
	require.ErrorIs(t, err, signer.ErrConflict, "the round is answered for one set of messages")
}

// Bad openings: whatever operators have not signed for exactly this session and this backend.
func TestAnOpeningIsSignedByAll(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	old := r.newOpening()
	r.invite(signer.FROST, 2)
	h := r.houses[0]
	stranger := newRig(t, 1, 1, 1, 1).houses[3]
	good := r.openingFor(h)
	with := func(i int, doc []byte) [][]byte {
		docs := append([][]byte(nil), good.Acceptances...)
		docs[i] = doc
		return docs
	}
	for name, change := range map[string]func(o *signer.Opening){
		"no invitation":            func(o *signer.Opening) { o.Invitation = nil },
		"another session's":        func(o *signer.Opening) { o.Invitation = old.Invitation },
		"an acceptance is missing": func(o *signer.Opening) { o.Acceptances = o.Acceptances[:2] },
		"one twice":                func(o *signer.Opening) { o.Acceptances = with(2, o.Acceptances[1]) },
		"a replayed one":           func(o *signer.Opening) { o.Acceptances = with(2, old.Acceptances[2]) },
		"a stranger's": func(o *signer.Opening) {
			o.Acceptances = append(with(0, good.Acceptances[0]), r.accept(stranger, r.session, signer.PublicKey{5}))
		},
		"no document":            func(o *signer.Opening) { o.Acceptances = with(1, []byte("yes")) },
		"another backend for us": func(o *signer.Opening) { o.Acceptances = with(0, r.accept(h, r.session, signer.PublicKey{5})) },
		"a key that opens to anyone": func(o *signer.Opening) {
			o.Acceptances = with(1, r.accept(r.houses[1], r.session, signer.PublicKey{1}))
		},
		"somebody else's seats":   func(o *signer.Opening) { o.Self = r.houses[1].op },
		"nobody's seats":          func(o *signer.Opening) { o.Self = stranger.op },
		"a height that cannot be": func(o *signer.Opening) { o.Height = 1<<64 - 1 },
		"no height":               func(o *signer.Opening) { o.Height = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			o := *good
			change(&o)
			_, err := h.vault.Generate(t.Context(), signer.GenerateRound{Session: r.session, Round: 1, Open: &o})
			require.ErrorIs(t, err, signer.ErrMalformed)
			_, err = h.vault.Session(t.Context(), r.session)
			require.ErrorIs(t, err, signer.ErrUnknownSession)
		})
	}
	r.playTo(3, nil)
}

func (r *rig) newOpening() signer.Opening {
	r.invite(signer.FROST, 2)
	return r.opening
}

// A replayed invitation makes no second key: its session is known.
func TestAReplayedInvitationMakesNoSecondKey(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	r.generate(signer.FROST, 2)
	h := r.houses[0]
	first, err := r.generating(h, 1, nil)
	require.NoError(t, err)
	o := r.openingFor(h)
	o.Height += 100
	same, err := h.vault.Generate(t.Context(), signer.GenerateRound{Session: r.session, Round: 1, Open: o})
	require.NoError(t, err)
	require.Equal(t, first, same, "a node that restarted asks at another height")
	o.Acceptances = append([][]byte(nil), o.Acceptances...)
	o.Acceptances[1] = r.accept(r.houses[1], r.session, signer.PublicKey{9: 1})
	_, err = h.vault.Generate(t.Context(), signer.GenerateRound{Session: r.session, Round: 1, Open: o})
	require.ErrorIs(t, err, signer.ErrConflict)
	keys, err := h.vault.Keys(t.Context(), nil, 10)
	require.NoError(t, err)
	require.Len(t, keys, 1)
}

func TestAFullVaultTakesNoKey(t *testing.T) {
	r := newRig(t, 1, 1)
	r.houses[0].vault.cfg.Capacity = 1
	r.generate(signer.FROST, 2)
	require.False(t, health(t, r.houses[0].vault).Accepting)
	r.invite(signer.FROST, 2)
	_, err := r.generating(r.houses[0], 1, nil)
	require.ErrorIs(t, err, signer.ErrBusy)
}

// Another term, another node: the one that was superseded cannot go on with a key generation.
func TestRuleTermHoldsForKeyGenerations(t *testing.T) {
	r := newRig(t, 1, 1)
	r.invite(signer.FROST, 2)
	h := r.houses[0]
	ask := func(epoch uint64) error {
		_, err := h.vault.Generate(t.Context(), signer.GenerateRound{
			Session: r.session, Round: 1, Open: r.openingFor(h), Term: signer.Term{Epoch: epoch},
		})
		return err
	}
	require.NoError(t, ask(4))
	wantRefused(t, signer.RuleTerm, ask(3))
	require.NoError(t, ask(5))
	wantRefused(t, signer.RuleTerm, ask(4))
}

// Nothing that a vault keeps in the clear holds a secret.
func TestWhatIsKeptOpenlyIsNoSecret(t *testing.T) {
	r, key := threeOperators(t)
	h := r.houses[0]
	k, err := h.vault.readKey(t.Context(), key.Wallet)
	require.NoError(t, err)
	secret, err := h.vault.secret(k)
	require.NoError(t, err)
	shown, err := json.Marshal(k.full())
	require.NoError(t, err)
	for _, text := range []string{string(k.head), string(k.rest), string(shown), string(k.sealed), fmt.Sprintf("%+v", k)} {
		for _, share := range secret.Shares {
			require.NotContains(t, text, string(share))
		}
	}
	k.rest = append(bytes.Clone(k.rest), ' ')
	_, err = h.vault.secret(k)
	require.ErrorIs(t, err, errDamaged, "shares belong to the roster that they were made for")
}
