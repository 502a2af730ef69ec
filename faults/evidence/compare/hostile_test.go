package compare_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// differing are two operators who heard different things of one leader, and a third one beside them.
func differing(t require.TestingT) (alice, bob *member) {
	alice, bob = short(t)
	alice.hears(t, 0)
	bob.hears(t, 1)
	alice.close(t, frequency)
	bob.close(t, frequency)
	return alice, bob
}

// rounds makes the comparison of differing and calls change with each answer, counted from 0; what it returns is taken.
func rounds(t require.TestingT, change func(round int, answer *pb.CompareAnswer)) error {
	alice, bob := differing(t)
	s := compare.NewSession(alice.asks(bob, frequency))
	for round := 0; ; round++ {
		req, more := s.Next()
		if !more {
			return nil
		}
		data, _, err := compare.Respond(req, operator(1), bob, bob)
		require.NoError(t, err)
		answer := new(pb.CompareAnswer)
		require.NoError(t, proto.Unmarshal(data, answer))
		change(round, answer)
		if data, err = proto.Marshal(answer); err != nil {
			return err
		}
		if err := s.Take(data); err != nil {
			return err
		}
	}
}

func TestAnAnswerThatIsNotBelowTheHeadIsRefused(t *testing.T) {
	require.NoError(t, rounds(t, func(int, *pb.CompareAnswer) {}), "as it is, it is taken")
	_, carol := differing(t)
	strange := carol.heads[frequency].Head
	strange.Chain = 5
	signed := func(h evidence.Head, seed int) []byte {
		return wire.SignPubsub(secret(seed), evidence.HeadsTopic, evidence.EncodeHead(h), make([]byte, 8)).Bytes()
	}
	other := says(t, 3, 2, frequency, 5).Signed()
	elsewhere := says(t, 3, 1, frequency, 1).Signed()
	in := func(round int, change func(a *pb.CompareAnswer)) func(int, *pb.CompareAnswer) {
		return func(at int, a *pb.CompareAnswer) {
			if at == round {
				change(a)
			}
		}
	}
	for about, change := range map[string]func(int, *pb.CompareAnswer){
		"no head":                 in(0, func(a *pb.CompareAnswer) { a.Head = nil }),
		"a damaged head":          in(0, func(a *pb.CompareAnswer) { a.Head[60]++ }),
		"another's head":          in(0, func(a *pb.CompareAnswer) { a.Head = signed(carol.heads[frequency].Head, 3) }),
		"another chain's head":    in(0, func(a *pb.CompareAnswer) { a.Head = signed(strange, 2) }),
		"another root of wallets": in(0, func(a *pb.CompareAnswer) { a.Wallets[0]++ }),
		"a root cut short":        in(0, func(a *pb.CompareAnswer) { a.Wallets = a.Wallets[1:] }),
		"another view":            in(0, func(a *pb.CompareAnswer) { a.Common[0]++ }),
		"no path":                 in(0, func(a *pb.CompareAnswer) { a.Views = nil }),
		"another path":            in(0, func(a *pb.CompareAnswer) { a.Views = []byte{0} }),
		"no part":                 in(0, func(a *pb.CompareAnswer) { a.Steps = nil }),
		"another top":             in(0, func(a *pb.CompareAnswer) { f := a.Steps[0].Fragment; f[len(f)-1]++ }),
		"no fragment":             in(0, func(a *pb.CompareAnswer) { a.Steps[0].Fragment = nil }),
		"no end of parts":         in(0, func(a *pb.CompareAnswer) { a.Steps = append(a.Steps, a.Steps...) }),
		"far too many parts":      in(0, func(a *pb.CompareAnswer) { a.Steps = make([]*pb.CompareStepAnswer, 100) }),
		"nothing":                 in(1, func(a *pb.CompareAnswer) { a.Steps = nil }),
		"a head again":            in(1, func(a *pb.CompareAnswer) { a.Head = signed(carol.heads[frequency].Head, 2) }),
		"another wallet":          in(1, func(a *pb.CompareAnswer) { a.Steps[0].Wallet[0]++ }),
		"a wallet cut short":      in(1, func(a *pb.CompareAnswer) { a.Steps[0].Wallet = a.Steps[0].Wallet[1:] }),
		"no wallet":               in(1, func(a *pb.CompareAnswer) { a.Steps[0].Wallet = nil }),
		"another root of windows": in(1, func(a *pb.CompareAnswer) { a.Steps[0].Windows[0]++ }),
		"an entry for a part": in(1, func(a *pb.CompareAnswer) {
			a.Steps[0].Entry = evidence.EntryForm(claimed(carol.wallets[2], frequency, 1))
		}),
		"no entry":                 in(2, func(a *pb.CompareAnswer) { a.Steps[0].Entry = nil }),
		"another entry":            in(2, func(a *pb.CompareAnswer) { a.Steps[0].Entry.Leader[0]++ }),
		"another wallet's entry":   in(2, func(a *pb.CompareAnswer) { a.Steps[0].Entry.Wallet[0]++ }),
		"an impossible entry":      in(2, func(a *pb.CompareAnswer) { a.Steps[0].Entry.Status = 0 }),
		"a fragment for an entry":  in(2, func(a *pb.CompareAnswer) { a.Steps[0].Fragment = []byte{0, 1, 0} }),
		"another statement":        in(2, func(a *pb.CompareAnswer) { a.Steps[0].Statements = [][]byte{other} }),
		"another slot's statement": in(2, func(a *pb.CompareAnswer) { a.Steps[0].Statements = [][]byte{elsewhere} }),
		"no statement at all":      in(2, func(a *pb.CompareAnswer) { a.Steps[0].Statements = [][]byte{{1}} }),
		"a lot of statements": in(2, func(a *pb.CompareAnswer) {
			s := a.Steps[0].Statements[0]
			a.Steps[0].Statements = [][]byte{s, s, s}
		}),
		"parts that were not asked for": in(3, func(a *pb.CompareAnswer) { a.Steps = []*pb.CompareStepAnswer{{}} }),
	} {
		require.ErrorIs(t, rounds(t, change), compare.ErrRefused, about)
	}
	alice, bob := differing(t)
	for about, answer := range map[string][]byte{
		"no protobuf": {0xff}, "nothing": nil, "too long": make([]byte, compare.MaxAnswer+1),
	} {
		s := compare.NewSession(alice.asks(bob, frequency))
		s.Next()
		require.ErrorIs(t, s.Take(answer), compare.ErrRefused, about)
	}
}

func TestARequestForWhatIsNotThereIsRefused(t *testing.T) {
	_, bob := differing(t)
	id := bob.wallets[0].ID()
	for about, req := range map[string]*pb.CompareRequest{
		"no such window":           {Window: 2 * frequency},
		"no such wallet":           {Window: frequency, Steps: []*pb.CompareStep{{Wallet: make([]byte, 19)}}},
		"a foreign wallet":         {Window: frequency, Steps: []*pb.CompareStep{{Wallet: bytes.Repeat([]byte{1}, 20)}}},
		"no such part":             {Window: frequency, Steps: []*pb.CompareStep{{Prefix: bytes.Repeat([]byte{1}, 20), Bits: 160}}},
		"more bits than a name":    {Window: frequency, Steps: []*pb.CompareStep{{Prefix: make([]byte, 21), Bits: 161}}},
		"a prefix and no bits":     {Window: frequency, Steps: []*pb.CompareStep{{Prefix: []byte{1}}}},
		"bits beyond the prefix":   {Window: frequency, Steps: []*pb.CompareStep{{Prefix: []byte{0x41}, Bits: 7}}},
		"no such window's part":    {Window: frequency, Steps: []*pb.CompareStep{{Wallet: id[:], Prefix: []byte{0xf0}, Bits: 8}}},
		"too many steps":           {Window: frequency, Steps: make([]*pb.CompareStep, compare.MaxSteps+1)},
		"too many openings":        {Window: frequency, Openings: make([]*pb.CompareSlot, compare.MaxOpenings+1)},
		"an opening of nothing":    {Window: frequency, Openings: []*pb.CompareSlot{{}}},
		"an opening elsewhere":     {Window: frequency, Openings: []*pb.CompareSlot{{Wallet: id[:], Window: 5 * frequency}}},
		"too many statements":      {Window: frequency, Statements: make([][]byte, compare.MaxOffered+1)},
		"a statement that is none": {Window: frequency, Statements: [][]byte{{1}}},
	} {
		data, err := proto.Marshal(req)
		require.NoError(t, err)
		_, _, err = compare.Respond(data, operator(1), bob, bob)
		require.ErrorIs(t, err, compare.ErrRefused, about)
	}
	for _, data := range [][]byte{{0xff}, make([]byte, compare.MaxRequest+1)} {
		_, _, err := compare.Respond(data, operator(1), bob, bob)
		require.ErrorIs(t, err, compare.ErrRefused)
	}
}

// An answer holds as many statements as fit, and the other parts are asked for again.
func TestLongStatementsAreSentOverSeveralAnswers(t *testing.T) {
	wallets := []chain.Wallet{wallet(t, 0, 3, 1, 2), wallet(t, 1, 3, 1, 2), wallet(t, 2, 3, 1, 2)}
	alice, bob := newMember(1, 0, wallets...), newMember(2, 0, wallets...)
	for i, w := range wallets {
		s := long(t, 3, i, frequency)
		bob.keep(s)
		require.NoError(t, bob.ledger.Put(evidence.Entry{
			Wallet: w.ID(), Window: frequency, Status: evidence.Said, Leader: operator(3), Sender: operator(3), Statement: s.Digest,
		}))
		require.NoError(t, alice.ledger.Put(evidence.Entry{Wallet: w.ID(), Window: frequency, Leader: operator(3)}))
	}
	bob.close(t, frequency)
	s, _ := talk(t, alice, bob, alice.asks(bob, frequency))
	require.True(t, s.Complete())
	require.Len(t, s.Findings(), 3)
	for _, f := range s.Findings() {
		require.Equal(t, compare.Ours, f.Kind)
	}
	require.Greater(t, s.Traffic().Statements, 3*(wire.MaxMessage/2))
	require.Greater(t, s.Traffic().Rounds, 4)
}

// Whatever a peer answers, a comparison ends within its bounds.
func FuzzTake(f *testing.F) {
	for _, keep := range []int{0, 1, 2} {
		require.NoError(f, rounds(f, func(round int, a *pb.CompareAnswer) {
			if round == keep {
				data, err := proto.Marshal(a)
				require.NoError(f, err)
				f.Add(byte(keep), data)
			}
		}))
	}
	f.Fuzz(func(t *testing.T, at byte, data []byte) {
		alice, bob := differing(t)
		s := compare.NewSession(alice.asks(bob, frequency))
		for round := 0; ; round++ {
			req, more := s.Next()
			if !more {
				break
			}
			answer := data
			if round != int(at) {
				var err error
				if answer, _, err = compare.Respond(req, operator(1), bob, bob); err != nil {
					return // what was taken led to a question that has no answer
				}
			}
			if err := s.Take(answer); err != nil {
				require.ErrorIs(t, err, compare.ErrRefused)
				return
			}
		}
		require.LessOrEqual(t, s.Traffic().Rounds, compare.MaxRounds)
		for _, found := range s.Findings() {
			require.NotEqual(t, compare.Same, found.Kind, "the one difference is a contradiction, however it is told")
		}
	})
}

func FuzzRespond(f *testing.F) {
	alice, bob := differing(f)
	s := compare.NewSession(alice.asks(bob, frequency))
	for {
		req, more := s.Next()
		if !more {
			break
		}
		f.Add(req)
		answer, _, err := compare.Respond(req, operator(1), bob, bob)
		require.NoError(f, err)
		require.NoError(f, s.Take(answer))
	}
	f.Fuzz(func(t *testing.T, req []byte) {
		answer, offered, err := compare.Respond(req, operator(1), bob, bob)
		if err != nil {
			require.ErrorIs(t, err, compare.ErrRefused)
			return
		}
		require.LessOrEqual(t, len(answer), compare.MaxAnswer)
		require.LessOrEqual(t, len(offered), compare.MaxOffered)
	})
}
