package compare

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/tree"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// ErrRefused says that what the other side sent is no request, or no answer to what it was asked. Nothing of it counts.
var ErrRefused = errors.New("comparison refused")

// Bounds of one message. What is longer is refused unread.
const (
	// MaxSteps is how many parts of trees one request asks for.
	MaxSteps = 8
	// MaxOffered is how many statements one request brings.
	MaxOffered = 8
	// MaxRequest holds MaxSteps steps, and two statements of the network's greatest size.
	MaxRequest = MaxSteps*64 + 2*(wire.MaxMessage+16) + MaxOffered*16 + 64
	// MaxOpenings is how many entries one request wants to be shown below the head.
	MaxOpenings = 4
	// MaxAnswer holds a head with its path, MaxSteps fragments, MaxOpenings openings, and the two statements of one entry.
	MaxAnswer = MaxSteps*(tree.MaxFragment+256) + (1+2*MaxOpenings)*tree.MaxPath + 2*(wire.MaxMessage+16) + 4096

	// spare is how many bytes of statements an answer may hold before the rest is left for the next one, and offers of a request.
	spare = wire.MaxMessage / 2
)

// step asks for a part of a tree.
type step struct {
	wallet chain.WalletID // whose windows; zero for the wallets in common
	prefix tree.Prefix
}

type request struct {
	window  chain.Height
	steps   []step
	offered [][]byte // signed messages
	opens   []slot
}

// slot is an entry's place.
type slot struct {
	wallet chain.WalletID
	window chain.Height
}

// forHead reports whether a request is for the head itself.
func (r request) forHead() bool { return len(r.steps)+len(r.offered)+len(r.opens) == 0 }

func (r request) encode() []byte {
	raw := &pb.CompareRequest{Window: uint64(r.window), Statements: r.offered}
	for _, s := range r.steps {
		step := &pb.CompareStep{Prefix: s.prefix.Name[:(s.prefix.Bits+7)/8], Bits: uint32(s.prefix.Bits)}
		if s.wallet != (chain.WalletID{}) {
			step.Wallet = s.wallet[:]
		}
		raw.Steps = append(raw.Steps, step)
	}
	for _, o := range r.opens {
		raw.Openings = append(raw.Openings, &pb.CompareSlot{Wallet: o.wallet[:], Window: uint64(o.window)})
	}
	return marshal(raw)
}

func readRequest(data []byte) (request, error) {
	raw := new(pb.CompareRequest)
	if err := unmarshal(data, MaxRequest, raw); err != nil {
		return request{}, err
	}
	r := request{window: chain.Height(raw.GetWindow()), offered: raw.GetStatements()}
	if len(raw.GetSteps()) > MaxSteps || len(r.offered) > MaxOffered || len(raw.GetOpenings()) > MaxOpenings {
		return request{}, refuse("it asks for %d parts and %d openings, and brings %d statements",
			len(raw.GetSteps()), len(raw.GetOpenings()), len(r.offered))
	}
	for _, o := range raw.GetOpenings() {
		one := slot{window: chain.Height(o.GetWindow())}
		if !whole(one.wallet[:], o.GetWallet()) {
			return request{}, refuse("a wallet of %d bytes", len(o.GetWallet()))
		}
		r.opens = append(r.opens, one)
	}
	for _, s := range raw.GetSteps() {
		var one step
		if !fill(one.wallet[:], s.GetWallet()) || s.GetBits() > 8*uint32(len(one.prefix.Name)) {
			return request{}, refuse("it asks for what no tree has")
		}
		one.prefix.Bits = uint8(s.GetBits()) //nolint:gosec // bounded above
		if len(s.GetPrefix()) != int(one.prefix.Bits+7)/8 {
			return request{}, refuse("a prefix of %d bits in %d bytes", one.prefix.Bits, len(s.GetPrefix()))
		}
		copy(one.prefix.Name[:], s.GetPrefix())
		if !one.prefix.Valid() {
			return request{}, refuse("a prefix with more than its bits")
		}
		r.steps = append(r.steps, one)
	}
	return r, nil
}

// top is what an answer says of the head.
type top struct {
	head    evidence.Head
	wallets tree.Hash
	views   tree.Path
	common  tree.Hash
}

// part is the answer to a step.
type part struct {
	fragment   *tree.Fragment
	wallet     *chain.WalletID
	windows    tree.Hash
	entry      *evidence.Entry
	statements []evidence.Statement
}

type answer struct {
	top      *top
	parts    []part
	openings []evidence.Opening
	// statements is how many bytes of the answer are signed statements.
	statements int
}

func (a answer) encode() []byte {
	raw := &pb.CompareAnswer{}
	if a.top != nil {
		raw.Head, raw.Wallets, raw.Views, raw.Common = a.top.head.Signed(), a.top.wallets[:], a.top.views.Encode(), a.top.common[:]
	}
	for _, p := range a.parts {
		one := &pb.CompareStepAnswer{}
		if p.fragment != nil {
			one.Fragment = p.fragment.Encode()
		}
		if p.wallet != nil {
			one.Wallet, one.Windows = p.wallet[:], p.windows[:]
		}
		if p.entry != nil {
			one.Entry = evidence.EntryForm(*p.entry)
		}
		for _, s := range p.statements {
			one.Statements = append(one.Statements, s.Signed())
		}
		raw.Steps = append(raw.Steps, one)
	}
	for _, o := range a.openings {
		raw.Openings = append(raw.Openings, evidence.OpeningForm(o))
	}
	return marshal(raw)
}

func readAnswer(data []byte) (answer, error) {
	raw := new(pb.CompareAnswer)
	if err := unmarshal(data, MaxAnswer, raw); err != nil {
		return answer{}, err
	}
	if len(raw.GetSteps()) > MaxSteps || len(raw.GetOpenings()) > MaxOpenings {
		return answer{}, refuse("an answer of %d parts and %d openings", len(raw.GetSteps()), len(raw.GetOpenings()))
	}
	var a answer
	if len(raw.GetHead()) > 0 {
		t := &top{}
		var err error
		if t.head, err = evidence.ReadHead(raw.GetHead()); err != nil {
			return answer{}, refuse("%w", err)
		}
		if t.views, err = tree.DecodePath(raw.GetViews()); err != nil {
			return answer{}, refuse("views: %w", err)
		}
		if !whole(t.wallets[:], raw.GetWallets()) || !whole(t.common[:], raw.GetCommon()) {
			return answer{}, refuse("a hash of another length")
		}
		a.top = t
	}
	for _, s := range raw.GetSteps() {
		p, err := readPart(s)
		if err != nil {
			return answer{}, err
		}
		for _, signed := range s.GetStatements() {
			a.statements += len(signed)
		}
		a.parts = append(a.parts, p)
	}
	for _, one := range raw.GetOpenings() {
		o, err := evidence.ReadOpening(one)
		if err != nil {
			return answer{}, refuse("%w", err)
		}
		a.openings = append(a.openings, o)
	}
	return a, nil
}

func readPart(raw *pb.CompareStepAnswer) (part, error) {
	var p part
	if len(raw.GetFragment()) > 0 {
		f, err := tree.DecodeFragment(raw.GetFragment())
		if err != nil {
			return part{}, refuse("%w", err)
		}
		p.fragment = &f
	}
	if len(raw.GetWallet()) > 0 {
		p.wallet = &chain.WalletID{}
		if !whole(p.wallet[:], raw.GetWallet()) || !whole(p.windows[:], raw.GetWindows()) {
			return part{}, refuse("a wallet or a hash of another length")
		}
	}
	if raw.GetEntry() != nil {
		e, err := evidence.ReadEntry(raw.GetEntry())
		if err != nil {
			return part{}, refuse("%w", err)
		}
		p.entry = &e
	}
	if len(raw.GetStatements()) > 2 {
		return part{}, refuse("%d statements of one entry", len(raw.GetStatements()))
	}
	for _, signed := range raw.GetStatements() {
		s, err := evidence.ReadStatement(signed)
		if err != nil {
			return part{}, refuse("%w", err)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

func unmarshal(data []byte, most int, m proto.Message) error {
	if len(data) > most {
		return refuse("%d bytes, more than %d", len(data), most)
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return refuse("%w", err)
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}

// fill copies a field that may be absent, whole one that may not; false if it has another length.
func fill(to, from []byte) bool { return len(from) == 0 || whole(to, from) }

func whole(to, from []byte) bool { return copy(to, from) == len(to) && len(from) == len(to) }

func marshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil { // only text that is no UTF-8, and there is none
		panic(fmt.Sprintf("encode %T: %v", m, err))
	}
	return data
}
