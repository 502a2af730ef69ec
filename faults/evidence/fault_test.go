package evidence_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
)

// equivocation is the fault of contradiction as a node records it.
func equivocation(t *testing.T) faults.Fault {
	both := contradiction(t)
	slot := both[0].Slot
	return faults.Fault{
		Key:      faults.Key{Wallet: slot.Wallet, Window: slot.Window, Kind: faults.LeaderEquivocation, Culprit: slot.Operator},
		Evidence: [][]byte{both[1].Signed(), both[0].Signed()},
	}
}

func TestARecordedEquivocationIsAProof(t *testing.T) {
	both, err := evidence.OfFault(equivocation(t))
	require.NoError(t, err)
	p, err := evidence.Prove(chainID, both[0], both[1])
	require.NoError(t, err)
	require.Equal(t, proved(t), p.Encode())
}

func TestARecordedFaultIsNoProofWithoutTwoStatementsOfItsOwn(t *testing.T) {
	for want, change := range map[string]func(f *faults.Fault){
		"0 of the two signed messages are kept": func(f *faults.Fault) { f.Evidence = nil },
		"1 of the two signed messages are kept": func(f *faults.Fault) { f.Evidence = f.Evidence[:1] },
		"3 of the two":                          func(f *faults.Fault) { f.Evidence = append(f.Evidence, f.Evidence[0]) },
		"the same":                              func(f *faults.Fault) { f.Evidence[1] = f.Evidence[0] },
		"message: ":                             func(f *faults.Fault) { f.Evidence[1] = f.Evidence[1][1:] },
		"the fault is about operator":           func(f *faults.Fault) { f.Culprit = operator(2) },
		"window 900":                            func(f *faults.Fault) { f.Window = 900 },
		"wallet 0x00":                           func(f *faults.Fault) { f.Wallet = [20]byte{} },
		"who spoke":                             func(f *faults.Fault) { f.Kind = faults.LeaderImpersonation },
		"what was proposed":                     func(f *faults.Fault) { f.Kind = faults.LeaderMistake },
		"stays silent":                          func(f *faults.Fault) { f.Kind = faults.LeaderIdle },
	} {
		f := equivocation(t)
		change(&f)
		_, err := evidence.OfFault(f)
		require.ErrorIs(t, err, evidence.ErrNoProof, want)
		require.ErrorContains(t, err, want)
	}
}

func TestEveryKindOfFaultIsAProofOrSaysWhyNot(t *testing.T) {
	for _, kind := range faults.Kinds() {
		f := equivocation(t)
		f.Kind = kind
		_, err := evidence.OfFault(f)
		if kind != faults.LeaderEquivocation {
			require.Greater(t, len(err.Error()), len(evidence.ErrNoProof.Error())+10, kind)
		}
	}
}

// What is not this package's refusal says nothing about a proof.
func TestJudgeTakesAnyOtherErrorForUnreadable(t *testing.T) {
	verdict, reason := evidence.Judge(errors.New("no such file"))
	require.Equal(t, evidence.Unusable, verdict)
	require.Equal(t, evidence.Unreadable, reason)
}
