package scheme

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/taurusgroup/multi-party-sig/pkg/math/curve"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Share is one seat's share of a key. The zero value is none. It holds a secret, which no way of printing it shows.
type Share struct {
	scheme       signer.Scheme
	seat         chain.Seat
	threshold    int
	seats        []chain.Seat // of all shares; ascending
	key          chain.PublicKey
	verification [][33]byte // the public point of each seat's secret, in seat order
	secret       [32]byte
	cmp          *cmpShareData // of CMP alone
	points       points        // nil, or what verification shares were read as
}

// points are points of the curve by their compressed form. To read one takes a square root.
type points map[[33]byte]curve.Secp256k1Point

// read returns a point, for its receiver alone: the library writes to points that it reads.
func (p points) read(compressed [33]byte) (*curve.Secp256k1Point, error) {
	point, known := p[compressed]
	if !known {
		if err := point.UnmarshalBinary(compressed[:]); err != nil {
			return nil, err
		}
		if p != nil {
			p[compressed] = point
		}
	}
	return &point, nil
}

// After lets signatures with this share use what those with another one of the key have read, and the other way round: a backend makes
// a signature with several shares of one key. They are not safe for use by several goroutines from then on.
func (s *Share) After(other *Share) {
	if other.points == nil {
		other.points = points{}
	}
	s.points = other.points
}

// Seat returns whose share it is.
func (s Share) Seat() chain.Seat { return s.seat }

// Threshold returns how many seats a signature takes.
func (s Share) Threshold() int { return s.threshold }

// Key returns the key that the seats sign with. Of FROST it is the Taproot output key, tweaked with the empty script root, and
// its Y is even.
func (s Share) Key() chain.PublicKey { return s.key }

// Verification returns the public point of each seat's secret, compressed.
func (s Share) Verification() map[chain.Seat]signer.HexBytes {
	points := make(map[chain.Seat]signer.HexBytes, len(s.seats))
	for i, seat := range s.seats {
		points[seat] = slices.Clone(s.verification[i][:])
	}
	return points
}

// String names the share without its secret.
func (s Share) String() string { return fmt.Sprintf("%s share of seat %d", s.scheme, s.seat) }

// Format prints String, whatever the verb.
func (s Share) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// form reports whether the parts of a share can be ones, and its secret is the one of its own verification share. It is quick:
// a signer reads shares often, from where nobody else can write.
func (s Share) form() error {
	if err := checkGroup([]byte{0}, s.seat, s.seats, s.threshold); err != nil {
		return err
	}
	if len(s.verification) != len(s.seats) {
		return errors.New("there is not one verification share for each seat")
	}
	for i, v := range s.verification {
		if v[0] != 2 && v[0] != 3 {
			return fmt.Errorf("verification share of seat %d: it is not a compressed point", s.seats[i])
		}
	}
	if _, err := secp256k1.ParsePubKey(s.key[:]); err != nil || s.key[0] != 4 {
		return errors.New("the key is not an uncompressed point")
	}
	if s.scheme == signer.FROST && s.key[64]&1 != 0 {
		return errors.New("the key's Y is odd")
	}
	secret, err := parseScalar(s.secret)
	if err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	own, err := publicOf(secret)
	if err != nil {
		return fmt.Errorf("secret: %w", err)
	}
	if own != s.verification[slices.Index(s.seats, s.seat)] {
		return errors.New("the secret is not the one of the seat's verification share")
	}
	return nil
}

// Check reports whether all parts of a share belong together: the key is the one that as many seats as the threshold make, and
// no fewer, and every other verification share is a point. A key generation ends with it; so should whatever takes a share from
// elsewhere. It takes as long as a signature.
func (s Share) Check() error {
	if err := s.form(); err != nil {
		return err
	}
	for i, v := range s.verification {
		if _, err := parsePoint(v); err != nil {
			return fmt.Errorf("verification share of seat %d: %w", s.seats[i], err)
		}
	}
	compressed, err := interpolate(s.seats[:s.threshold], s.verification)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	key, err := uncompress(compressed)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if key != s.key {
		return errors.New("the key is not the one of the verification shares")
	}
	if fewer, err := interpolate(s.seats[:s.threshold-1], s.verification); err == nil && fewer == compressed {
		return errors.New("the key takes fewer seats than the threshold")
	}
	if s.scheme == signer.CMP {
		return s.checkCMP()
	}
	return nil
}

// frostPublic is what is public of a generated key, tweaked and checked. The seats of one backend end with the same, so that each
// but the first needs only compare.
type frostPublic struct {
	generated [][]byte // as the library has it: the key's X, then the verification shares in seat order
	share     Share    // with a seat's own secret
}

// frostShare makes a share of what the library has generated, and tweaks it. Known is what another seat has found, or nil; it is
// returned for the next.
func frostShare(result any, self chain.Seat, seats []chain.Seat, threshold int, known *frostPublic) (Share, *frostPublic, error) {
	config, ok := result.(*frost.TaprootConfig)
	if !ok {
		return Share{}, known, errors.New("the library returned something else")
	}
	t, err := newTweak(config.PublicKey)
	if err != nil {
		return Share{}, known, fmt.Errorf("tweak: %w", err)
	}
	secret, err := config.PrivateShare.MarshalBinary()
	if err != nil {
		return Share{}, known, err
	}
	untweaked, err := parseScalar([32]byte(secret))
	if err != nil {
		return Share{}, known, fmt.Errorf("secret: %w", err)
	}
	generated := [][]byte{config.PublicKey}
	for _, seat := range seats {
		public, err := config.VerificationShares[idOf(seat)].MarshalBinary()
		if err != nil {
			return Share{}, known, err
		}
		generated = append(generated, public)
	}
	tweaked := t.secret(untweaked)
	s := Share{scheme: signer.FROST, seat: self, threshold: threshold, seats: seats, secret: tweaked.Bytes()}
	if known != nil && threshold == known.share.threshold && slices.Equal(seats, known.share.seats) &&
		slices.EqualFunc(generated, known.generated, bytes.Equal) {
		s.key, s.verification = known.share.key, known.share.verification
		return s, known, s.form()
	}
	for i, public := range generated[1:] {
		v, err := t.public([33]byte(public))
		if err != nil {
			return Share{}, known, fmt.Errorf("verification share of seat %d: %w", seats[i], err)
		}
		s.verification = append(s.verification, v)
	}
	if s.key, err = uncompress(t.output); err != nil {
		return Share{}, known, err
	}
	if err := s.Check(); err != nil {
		return Share{}, known, err
	}
	return s, &frostPublic{generated, s}, nil
}

// frostConfig returns the share in the library's form, with the verification shares of the signers. It is made anew for each
// signature, because the library writes to points that it reads.
func (s Share) frostConfig(signers []chain.Seat) (*frost.TaprootConfig, error) {
	config := &frost.TaprootConfig{
		ID:                 idOf(s.seat),
		Threshold:          s.threshold - 1,
		PrivateShare:       new(curve.Secp256k1Scalar),
		PublicKey:          slices.Clone(s.key[1:33]),
		VerificationShares: make(map[party.ID]*curve.Secp256k1Point, len(signers)),
	}
	if err := config.PrivateShare.UnmarshalBinary(s.secret[:]); err != nil {
		return nil, err
	}
	for _, seat := range signers {
		p, err := s.points.read(s.verification[slices.Index(s.seats, seat)])
		if err != nil {
			return nil, err
		}
		config.VerificationShares[idOf(seat)] = p
	}
	return config, nil
}
