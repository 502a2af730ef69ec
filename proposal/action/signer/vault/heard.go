package vault

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// heard is what an operator's backend said at the end of a round, as the operator signed it.
type heard struct {
	by chain.Operator
	// toAll and toSelf are the parcels that concern this backend.
	toAll, toSelf []byte
	// bad says why the bundle is none that a backend makes. Its operator has signed it nevertheless.
	bad error
}

// listen reads the signed messages of a round: exactly one of each other operator of the session, in the order of operators.
// Errors are signer.ErrMalformed: what another operator did wrong is in heard.bad.
func (a *authors) listen(signed [][]byte, topic string, session signer.SessionID, round int, self chain.Operator, others []chain.Operator) ([]heard, error) {
	if len(signed) != len(others) {
		return nil, fmt.Errorf("%w: %d messages of round %d, want one of each of %d other operators", signer.ErrMalformed, len(signed), round, len(others))
	}
	all := make([]heard, 0, len(signed))
	for _, raw := range signed {
		h, err := a.readHeard(raw, topic, session, round, self)
		if err != nil {
			return nil, fmt.Errorf("%w: a message of round %d: %w", signer.ErrMalformed, round, err)
		}
		if !slices.Contains(others, h.by) {
			return nil, fmt.Errorf("%w: a message of round %d by %v, who is no other operator of the session", signer.ErrMalformed, round, h.by)
		}
		if slices.ContainsFunc(all, func(o heard) bool { return o.by == h.by }) {
			return nil, fmt.Errorf("%w: two messages of round %d by %v", signer.ErrMalformed, round, h.by)
		}
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b heard) int { return cmp.Compare(string(a.by[:]), string(b.by[:])) })
	return all, nil
}

// readHeard reads one signed message. It fails if the message is not one of this session and round, signed by somebody.
func (a *authors) readHeard(signed []byte, topic string, session signer.SessionID, round int, self chain.Operator) (heard, error) {
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return heard{}, err
	}
	if message.Topic() != topic {
		return heard{}, fmt.Errorf("it is of the topic %.120q, not of %q", message.Topic(), topic)
	}
	author, err := a.verify(message)
	if err != nil {
		return heard{}, err
	}
	var content pb.SignerMessage
	if err := proto.Unmarshal(message.Data(), &content); err != nil {
		return heard{}, fmt.Errorf("decode it: %w", err)
	}
	bundle := content.GetBundle()
	if bundle == nil || string(bundle.GetSession()) != string(session[:]) || uint64(bundle.GetRound()) != uint64(round) { //nolint:gosec // positive
		return heard{}, fmt.Errorf("it is no bundle of session %v and round %d", session, round)
	}
	h := heard{by: author.Operator}
	h.toAll, h.toSelf, h.bad = parcelsFor(bundle, self)
	return h, nil
}

// parcelsFor picks the parcel for everybody, which there must be, and the one for an operator, if there is one.
func parcelsFor(bundle *pb.SignerBundle, self chain.Operator) (toAll, toSelf []byte, err error) {
	seen := make(map[string]bool, len(bundle.GetParcels()))
	for _, p := range bundle.GetParcels() {
		to := string(p.GetTo())
		if seen[to] {
			return nil, nil, fmt.Errorf("%w: two for one receiver", errParcel)
		}
		seen[to] = true
		switch to {
		case "":
			toAll = p.GetData()
		case string(self[:]):
			toSelf = p.GetData()
		}
	}
	if !seen[""] {
		return nil, nil, fmt.Errorf("%w: there is none for everybody", errParcel)
	}
	return toAll, toSelf, nil
}

// requestOf is the hash by which a repeated request is known again. Neither the order in which messages arrived nor their
// signatures count: what is stored under the hash was verified then.
func requestOf(signed [][]byte) (signer.Digest, error) {
	said := make([]string, 0, len(signed))
	for _, raw := range signed {
		message, err := wire.ParsePubsub(raw)
		if err != nil {
			return signer.Digest{}, fmt.Errorf("%w: %w", signer.ErrMalformed, err)
		}
		sum := sha256.Sum256(message.Data())
		author := sha256.Sum256(message.From())
		said = append(said, string(author[:])+string(sum[:]))
	}
	slices.Sort(said)
	h := sha256.New()
	h.Write([]byte("walletnode/vault/request/1:")) // a hash's Write never fails
	for _, s := range said {
		h.Write([]byte(s))
	}
	return signer.Digest(h.Sum(nil)), nil
}
