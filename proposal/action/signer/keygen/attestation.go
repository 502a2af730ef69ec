package keygen

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Attestation says what a key generation came to, as one operator's backend has it.
type Attestation struct {
	Terms
	Session      signer.SessionID
	GroupKey     chain.PublicKey
	Verification [][33]byte     // compressed, in seat order
	By           chain.Operator // who signed it: an operator of the roster
}

// AttestationOf returns what an operator attests when its backend has this key; an error if the backend generated something
// other than what the invitation asks for.
func AttestationOf(inv Invitation, key signer.KeyDetail) (Attestation, error) {
	a, err := attest(inv.ChainID, inv.Genesis, key)
	if err != nil {
		return Attestation{}, err
	}
	if a.Session != inv.Session() || !a.equal(inv.Terms) {
		return Attestation{}, fmt.Errorf("the backend's key: %w: it is not what the invitation asks for", ErrTerms)
	}
	return a, nil
}

// attest spells a backend's key as an attestation.
func attest(chainID uint64, genesis chain.Hash, key signer.KeyDetail) (Attestation, error) {
	group, err := groupKey(key.GroupKey)
	if err != nil {
		return Attestation{}, fmt.Errorf("the backend's key: %w", err)
	}
	if key.Wallet != group.Hash() || len(key.Verification) != len(key.Roster) {
		return Attestation{}, fmt.Errorf("the backend's key: %w: it contradicts itself", ErrTerms)
	}
	a := Attestation{Terms: Terms{chainID, genesis, key.Roster, key.Threshold, key.Scheme}, Session: key.Session, GroupKey: group}
	for i := range key.Roster {
		share, err := wire.ParsePublicKey(key.Verification[chain.Seat(i+1)]) //nolint:gosec // at most MaxSeats
		if err != nil {
			return Attestation{}, fmt.Errorf("the backend's key: verification share of seat %d: %w", i+1, err)
		}
		a.Verification = append(a.Verification, share)
	}
	return a, nil
}

// Wallet returns the wallet that was generated.
func (a Attestation) Wallet() (chain.Wallet, error) { return chain.NewWallet(a.GroupKey, a.Roster) }

// Agrees reports whether two operators attest the same.
func (a Attestation) Agrees(b Attestation) bool {
	return a.Session == b.Session && a.equal(b.Terms) && a.GroupKey == b.GroupKey && slices.Equal(a.Verification, b.Verification)
}

// SignAttestation makes the document. By is the key's operator, whatever stands there.
func SignAttestation(key *secp256k1.PrivateKey, a Attestation) ([]byte, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	data := &pb.WalletAttestation{
		Session:   a.Session[:],
		ChainId:   a.ChainID,
		Genesis:   a.Genesis[:],
		Roster:    encodeRoster(a.Roster),
		Threshold: uint32(a.Threshold), //nolint:gosec // at most the seats
		Scheme:    string(a.Scheme),
		GroupKey:  a.GroupKey[:],
	}
	for _, share := range a.Verification {
		data.Verification = append(data.Verification, bytes.Clone(share[:]))
	}
	signed := signDocument(key, attestationTopic, data)
	_, err := ReadAttestation(signed)
	return signed, err
}

// ReadAttestation reads a signed attestation and checks the signature, the form, the terms, that all keys are points of the
// curve, and that who signs is of the roster.
func ReadAttestation(signed []byte) (Attestation, error) { return readAttestation(signed, nil) }

// readAttestation is ReadAttestation beside points that are known to be of the curve, in seat order: to find that out again for each
// operator of a wallet of a hundred seats takes longer than all else that is verified of them.
func readAttestation(signed []byte, points [][33]byte) (Attestation, error) {
	m := new(pb.WalletAttestation)
	by, err := readDocument(signed, attestationTopic, m)
	if err != nil {
		return Attestation{}, fmt.Errorf("attestation: %w", err)
	}
	terms, err := decodeTerms(m)
	if err != nil {
		return Attestation{}, fmt.Errorf("attestation: %w", err)
	}
	if len(m.GetSession()) != 32 || len(m.GetVerification()) != len(terms.Roster) {
		return Attestation{}, fmt.Errorf("attestation: %w: session of %d bytes, %d verification shares of %d seats",
			ErrDocument, len(m.GetSession()), len(m.GetVerification()), len(terms.Roster))
	}
	a := Attestation{Terms: terms, Session: signer.SessionID(m.GetSession()), By: by}
	if a.GroupKey, err = groupKey(m.GetGroupKey()); err != nil {
		return Attestation{}, fmt.Errorf("attestation: %w", err)
	}
	for i, raw := range m.GetVerification() {
		if i < len(points) && bytes.Equal(raw, points[i][:]) {
			a.Verification = append(a.Verification, points[i])
			continue
		}
		share, err := wire.ParsePublicKey(raw)
		if err != nil || !bytes.Equal(share[:], raw) {
			return Attestation{}, fmt.Errorf("attestation: %w: verification share of seat %d is no compressed point", ErrDocument, i+1)
		}
		a.Verification = append(a.Verification, share)
	}
	if !slices.Contains(terms.Roster, by) {
		return Attestation{}, fmt.Errorf("attestation: %w: %v attests a wallet in which it holds no seat", ErrTerms, by)
	}
	return a, nil
}

// groupKey reads 65 bytes.
func groupKey(raw []byte) (chain.PublicKey, error) {
	key, err := wire.ParsePublicKey(raw)
	if full := key.Uncompressed(); err != nil || !bytes.Equal(full[:], raw) {
		return chain.PublicKey{}, fmt.Errorf("%w: the group key is no uncompressed point of the curve", ErrDocument)
	}
	return chain.PublicKey(raw), nil
}

// attested is an attestation as it was signed.
type attested struct {
	Attestation
	signed []byte
}

// Record is a wallet's roster as all of its operators have attested it. It stands by itself: who holds it need believe
// nobody about the roster but the operators themselves.
type Record struct {
	Attestation          // as the first operator signed it; the others say the same
	Signed      [][]byte // the attestations, one of each operator, in the order of first seats
}

// MaxRecord is the most bytes of a record: of 255 operators, who hold a seat each.
const MaxRecord = 8 << 20

// MakeRecord puts attestations together, in whatever order. It fails unless there is one of each operator and all agree.
func MakeRecord(roster []chain.Operator, attestations [][]byte) ([]byte, error) {
	_, data, err := makeRecord(roster, attestations)
	return data, err
}

func makeRecord(roster []chain.Operator, attestations [][]byte) (Record, []byte, error) {
	by := map[chain.Operator]attested{}
	var points [][33]byte
	for _, signed := range attestations {
		a, err := readAttestation(signed, points)
		if err != nil {
			return Record{}, nil, err
		}
		by[a.By], points = attested{a, signed}, a.Verification
	}
	var list []attested
	for _, op := range (Terms{Roster: roster}).Operators() {
		if by[op].signed == nil {
			return Record{}, nil, fmt.Errorf("record: %w: %v has not attested it", ErrDocument, op)
		}
		list = append(list, by[op])
	}
	r, err := recordOf(roster, list)
	if err != nil {
		return Record{}, nil, err
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.WalletRecord{Attestations: r.Signed})
	if err != nil {
		return Record{}, nil, fmt.Errorf("record: %w", err)
	}
	if len(data) > MaxRecord {
		return Record{}, nil, fmt.Errorf("record: %w: more than %d bytes", ErrDocument, MaxRecord)
	}
	return r, data, nil
}

// recordOf puts verified attestations together: one of each operator, in order, about one roster, that agree.
func recordOf(roster []chain.Operator, list []attested) (Record, error) {
	operators := Terms{Roster: roster}.Operators()
	if len(list) != len(operators) {
		return Record{}, fmt.Errorf("record: %w: %d attestations of %d operators", ErrDocument, len(list), len(operators))
	}
	var r Record
	for i, a := range list {
		if i == 0 {
			r.Attestation = a.Attestation
		}
		if a.By != operators[i] || !slices.Equal(a.Roster, roster) {
			return Record{}, fmt.Errorf("record: %w: place %d belongs to %v of the roster", ErrDocument, i+1, operators[i])
		}
		if !a.Agrees(r.Attestation) {
			return Record{}, fmt.Errorf("record: %w: %v and %v attest different keys", ErrDocument, a.By, r.By)
		}
		r.Signed = append(r.Signed, a.signed)
	}
	if len(r.Signed) == 0 {
		return Record{}, fmt.Errorf("record: %w: there are no attestations", ErrDocument)
	}
	return r, nil
}

// OpenRecord reads a record of a roster that is not known yet, and verifies all that ReadRecord does about the roster that it
// names. It proves that each of these operators says so, and not that these are the ones who hold the wallet: whoever makes up
// operators can have them say anything about any key. Who is named by it has signed it.
func OpenRecord(data []byte) (Record, error) {
	list, err := decodeRecord(data)
	if err != nil {
		return Record{}, err
	}
	if len(list.GetAttestations()) == 0 {
		return Record{}, fmt.Errorf("record: %w: there are no attestations", ErrDocument)
	}
	first, err := ReadAttestation(list.GetAttestations()[0])
	if err != nil {
		return Record{}, fmt.Errorf("record: %w", err)
	}
	return ReadRecord(data, first.Roster)
}

func decodeRecord(data []byte) (*pb.WalletRecord, error) {
	if len(data) > MaxRecord {
		return nil, fmt.Errorf("record: %w: more than %d bytes", ErrDocument, MaxRecord)
	}
	list := new(pb.WalletRecord)
	if err := proto.Unmarshal(data, list); err != nil {
		return nil, fmt.Errorf("record: %w: %w", ErrDocument, err)
	}
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(list)
	if err != nil || !bytes.Equal(again, data) || len(list.ProtoReflect().GetUnknown()) > 0 {
		return nil, fmt.Errorf("record: %w: not in its one form", ErrDocument)
	}
	return list, nil
}

// ReadRecord reads a record and verifies everything: that each operator of the roster has signed, once, and that all signed
// the same, about this roster.
func ReadRecord(data []byte, roster []chain.Operator) (Record, error) {
	list, err := decodeRecord(data)
	if err != nil {
		return Record{}, err
	}
	if want := len((Terms{Roster: roster}).Operators()); len(list.GetAttestations()) != want { // before any signature is looked at
		return Record{}, fmt.Errorf("record: %w: %d attestations of %d operators", ErrDocument, len(list.GetAttestations()), want)
	}
	var all []attested
	var points [][33]byte
	for _, signed := range list.GetAttestations() {
		a, err := readAttestation(signed, points)
		if err != nil {
			return Record{}, fmt.Errorf("record: %w", err)
		}
		all, points = append(all, attested{a, signed}), a.Verification
	}
	return recordOf(roster, all)
}

// Matches reports whether a backend's key is the one that the record is of: session, terms, group key and every
// verification share.
func (r Record) Matches(key signer.KeyDetail) error {
	own, err := attest(r.ChainID, r.Genesis, key)
	if err != nil {
		return err
	}
	if !own.Agrees(r.Attestation) {
		return fmt.Errorf("record: %w: it is of another key than the backend's", ErrTerms)
	}
	return nil
}
