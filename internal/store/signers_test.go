package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// signersConformance is what every engine must do alike with what is kept of signers.
var signersConformance = map[string]func(t *testing.T, open func() *Store){
	"an assignment's life":                   testAssignment,
	"the first backend of a session stays":   testFirstAssignment,
	"a wallet has one backend":               testOneBackend,
	"counts only grow, and keys can be lost": testObserve,
	"a backend's identity and the word":      testWords,
	"each change is seen":                    testSignersVersion,
	"a key generation's row":                 testKeygens,
	"an intent is bound to its window":       testIntent,
	"attempts are added once":                testAttempts,
	"what was signed first stays":            testSigned,
	"signings are listed by wallet":          testSignings,
	"inactivity":                             testInactivity,
}

func TestSignersConformance(t *testing.T) {
	for engine, make := range engines {
		for name, run := range signersConformance {
			t.Run(engine+"/"+name, func(t *testing.T) { run(t, make(t, Retention{})) })
		}
	}
}

func sessionID(n byte) signer.SessionID { return signer.SessionID{n, 31: 1} }

func testAssignment(t *testing.T, open func() *Store) {
	s := open()
	w := testWallet(t, 1, mallory)
	_, err := s.AssignmentBy(t.Context(), sessionID(1))
	require.ErrorIs(t, err, placement.ErrNotAssigned)
	require.ErrorIs(t, s.Confirm(t.Context(), sessionID(1), w.ID()), placement.ErrNotAssigned)
	require.NoError(t, s.Abandon(t.Context(), sessionID(1)), "nothing was assigned")

	a, err := s.Assign(t.Context(), sessionID(1), "enclave-1", placement.LeastLoaded)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), a.Created, time.Hour)
	require.Equal(t, placement.Assignment{
		Session: sessionID(1), Backend: "enclave-1", Policy: placement.LeastLoaded, State: placement.Pending, Created: a.Created, Changed: a.Changed,
	}, a)
	s = open()
	again, err := s.AssignmentBy(t.Context(), sessionID(1))
	require.NoError(t, err)
	require.Equal(t, a, again, "it is there after a restart")

	require.NoError(t, s.Confirm(t.Context(), sessionID(1), w.ID()))
	require.NoError(t, s.Confirm(t.Context(), sessionID(1), w.ID()), "again")
	require.ErrorIs(t, s.Confirm(t.Context(), sessionID(1), walletB), placement.ErrNotAssigned, "another wallet")
	require.NoError(t, s.Abandon(t.Context(), sessionID(1)))
	all, err := open().Assignments(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, placement.Assigned, all[0].State, "what was confirmed is not abandoned")
	require.Equal(t, w.ID(), all[0].Wallet)
	require.False(t, all[0].Archived)

	s = open()
	require.NoError(t, s.ImportWallet(t.Context(), w, noon))
	require.NoError(t, s.ArchiveWallet(t.Context(), w.ID(), true))
	all, err = s.Assignments(t.Context())
	require.NoError(t, err)
	require.True(t, all[0].Archived)

	_, err = s.Assign(t.Context(), sessionID(2), "enclave-1", placement.Derived)
	require.NoError(t, err)
	require.NoError(t, s.Abandon(t.Context(), sessionID(2)))
	require.ErrorIs(t, s.Confirm(t.Context(), sessionID(2), walletB), placement.ErrNotAssigned)
}

func testFirstAssignment(t *testing.T, open func() *Store) {
	s := open()
	var chosen [8]string
	var racing sync.WaitGroup
	for i := range chosen {
		racing.Go(func() {
			if a, err := s.Assign(context.Background(), sessionID(1), fmt.Sprintf("enclave-%d", i), placement.Random); err == nil {
				chosen[i] = a.Backend
			}
		})
	}
	racing.Wait()
	require.NotEmpty(t, chosen[0])
	for _, c := range chosen {
		require.Equal(t, chosen[0], c)
	}
}

func testOneBackend(t *testing.T, open func() *Store) {
	s := open()
	for n := byte(1); n <= 4; n++ {
		_, err := s.Assign(t.Context(), sessionID(n), "enclave", placement.Derived)
		require.NoError(t, err)
	}
	var errs [4]error
	var racing sync.WaitGroup
	for i := range errs {
		racing.Go(func() { errs[i] = s.Confirm(context.Background(), sessionID(byte(i)+1), walletA) })
	}
	racing.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, placement.ErrTaken)
	}
	require.Equal(t, 1, won)
}

func testObserve(t *testing.T, open func() *Store) {
	s := open()
	for n := byte(1); n <= 2; n++ {
		_, err := s.Assign(t.Context(), sessionID(n), "enclave", placement.Derived)
		require.NoError(t, err)
	}
	require.NoError(t, s.Confirm(t.Context(), sessionID(1), walletA))
	is := func(n byte, state placement.Progress, signatures uint64) {
		t.Helper()
		a, err := s.AssignmentBy(t.Context(), sessionID(n))
		require.NoError(t, err)
		require.Equal(t, state, a.State)
		require.Equal(t, signatures, a.Signatures)
	}
	observe := func(seen ...placement.Observed) {
		t.Helper()
		require.NoError(t, s.Observe(t.Context(), seen))
	}
	observe(placement.Observed{Session: sessionID(1), Signatures: 7})
	observe(placement.Observed{Session: sessionID(1), Signatures: 5})
	is(1, placement.Assigned, 7)
	observe(placement.Observed{Session: sessionID(2), Missing: true}, placement.Observed{Session: sessionID(1), Missing: true})
	is(1, placement.Lost, 7)
	is(2, placement.Pending, 0)
	require.ErrorIs(t, s.Confirm(t.Context(), sessionID(2), walletA), placement.ErrTaken, "what is lost is not another's")
	observe(placement.Observed{Session: sessionID(1), Signatures: 9})
	is(1, placement.Assigned, 9)
	observe(placement.Observed{Session: sessionID(77), Signatures: 9})
	require.ErrorContains(t, s.Observe(t.Context(), []placement.Observed{{Session: sessionID(1), Signatures: 1 << 63}}), "out of range")
}

func testWords(t *testing.T, open func() *Store) {
	s := open()
	words, err := s.Words(t.Context())
	require.NoError(t, err)
	require.Empty(t, words)
	for want, identity := range map[string]string{"one": "one"} {
		for _, offered := range []string{identity, "another"} {
			recorded, err := s.Identify(t.Context(), "a", offered)
			require.NoError(t, err)
			require.Equal(t, want, recorded)
		}
	}
	require.NoError(t, s.Say(t.Context(), "a", placement.Retired, "operator", false))
	require.NoError(t, s.Say(t.Context(), "b", placement.Failed, "operator", false))
	words, err = open().Words(t.Context())
	require.NoError(t, err)
	require.Len(t, words, 2)
	require.WithinDuration(t, time.Now(), words[0].Since, time.Hour)
	require.Equal(t, placement.Word{Backend: "a", Identity: "one", State: placement.Retired, Since: words[0].Since, By: "operator"}, words[0])
	require.Equal(t, placement.Failed, words[1].State)

	s = open()
	require.NoError(t, s.Say(t.Context(), "a", placement.Active, "operator", true))
	recorded, err := s.Identify(t.Context(), "a", "another")
	require.NoError(t, err)
	require.Equal(t, "another", recorded)
	require.Error(t, s.Say(t.Context(), "a", "away", "operator", false))
	for _, none := range []string{"", "\x00", "\xff"} {
		_, err := s.Identify(t.Context(), "a", none)
		require.Error(t, err)
	}
}

func testSignersVersion(t *testing.T, open func() *Store) {
	s := open()
	last, err := s.SignersVersion(t.Context())
	require.NoError(t, err)
	changed := func(want bool, step string, err error) {
		t.Helper()
		require.NoError(t, err, step)
		now, err := s.SignersVersion(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, now != last, step)
		last = now
	}
	_, err = s.Assign(t.Context(), sessionID(1), "a", placement.Derived)
	changed(true, "assign", err)
	changed(true, "confirm", s.Confirm(t.Context(), sessionID(1), walletA))
	changed(false, "count", s.Observe(t.Context(), []placement.Observed{{Session: sessionID(1), Signatures: 3}}))
	changed(true, "lose", s.Observe(t.Context(), []placement.Observed{{Session: sessionID(1), Missing: true}}))
	changed(true, "find", s.Observe(t.Context(), []placement.Observed{{Session: sessionID(1), Signatures: 3}}))
	_, err = s.Identify(t.Context(), "a", "one")
	changed(true, "identify", err)
	changed(true, "say", s.Say(t.Context(), "a", placement.Failed, "operator", false))
	_, err = s.Assign(t.Context(), sessionID(2), "a", placement.Derived)
	changed(true, "assign", err)
	changed(true, "abandon", s.Abandon(t.Context(), sessionID(2)))
}

func testKeygens(t *testing.T, open func() *Store) {
	s := open()
	at := time.UnixMicro(1_800_000_000_000_001).UTC()
	row := keygen.Row{Session: sessionID(1), Invitation: []byte{1, 2}, State: keygen.Invited, Detail: "invited", Created: at, Changed: at}
	require.NoError(t, s.AddKeygen(t.Context(), row))
	require.ErrorIs(t, s.AddKeygen(t.Context(), keygen.Row{Session: row.Session, State: keygen.Failed}), keygen.ErrOtherState)
	_, found, err := s.Keygen(t.Context(), sessionID(9))
	require.NoError(t, err)
	require.False(t, found)

	row.State, row.Acceptances, row.Instance, row.Changed = keygen.Running, [][]byte{{3}, {4, 5}}, "i-1", at.Add(time.Second)
	require.ErrorIs(t, s.SaveKeygen(t.Context(), row, keygen.Accepted), keygen.ErrOtherState)
	require.NoError(t, s.SaveKeygen(t.Context(), row, keygen.Invited))
	other := row
	other.Instance = "i-2"
	require.ErrorIs(t, s.SaveKeygen(t.Context(), other, keygen.Running), keygen.ErrOtherState, "another instance runs it")
	row.State, row.Attestations, row.Wallet, row.Proof = keygen.Attesting, [][]byte{{6}}, walletA, [][]byte{{7}, {8}}
	row.Invitation = []byte{1, 2, 3}
	require.NoError(t, s.SaveKeygen(t.Context(), row, keygen.Running))

	require.ErrorIs(t, s.AdoptKeygen(t.Context(), row.Session, keygen.Running, "i-1", "i-2"), keygen.ErrOtherState)
	require.ErrorIs(t, s.AdoptKeygen(t.Context(), row.Session, keygen.Attesting, "i-3", "i-2"), keygen.ErrOtherState)
	require.NoError(t, s.AdoptKeygen(t.Context(), row.Session, keygen.Attesting, "i-1", "i-2"))
	require.ErrorIs(t, s.SaveKeygen(t.Context(), row, keygen.Attesting), keygen.ErrOtherState, "it is another instance's now")
	row.Instance = "i-2"

	s = open()
	have, found, err := s.Keygen(t.Context(), sessionID(1))
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, row, have)

	later := keygen.Row{Session: sessionID(2), Invitation: []byte{9}, State: keygen.Invited, Created: at.Add(time.Hour), Changed: at}
	require.NoError(t, s.AddKeygen(t.Context(), later))
	all, err := s.Keygens(t.Context())
	require.NoError(t, err)
	whole := row
	row.Acceptances, row.Attestations, row.Proof = nil, nil, nil
	require.Equal(t, []keygen.Row{later, row}, all, "the newest first, without their messages")
	require.NoError(t, s.ForgetKeygen(t.Context(), sessionID(1), keygen.Invited))
	require.NoError(t, s.ForgetKeygen(t.Context(), sessionID(2), keygen.Invited))
	require.NoError(t, s.ForgetKeygen(t.Context(), sessionID(2), keygen.Invited), "again")
	all, err = s.Keygens(t.Context())
	require.NoError(t, err)
	require.Equal(t, []keygen.Row{row}, all)
	have, _, err = s.Keygen(t.Context(), sessionID(1))
	require.NoError(t, err)
	require.Equal(t, whole, have)
}

func intent(n uint64) signing.Signing {
	at := window(n).Block
	return signing.Signing{
		Wallet: walletA, Window: at, Digest: signer.Digest{byte(n), 7}, BegunAt: at + 80,
		Intent: signer.Intent{
			Wallet: walletA, Window: at, Statement: []byte{1, 2, 3}, Replaces: []signer.Digest{{9}},
			Transaction: &signer.Transaction{Raw: []byte{0xde, 0xad}, Prevouts: []signer.Prevout{{Value: 5, Script: []byte{6}}}, Previous: [][]byte{{7}}},
		},
	}
}

func testIntent(t *testing.T, open func() *Store) {
	s := open()
	_, found, err := s.Signing(t.Context(), walletA, 900)
	require.NoError(t, err)
	require.False(t, found)
	want := intent(1)
	require.NoError(t, s.SaveIntent(t.Context(), want))
	require.NoError(t, s.SaveIntent(t.Context(), want), "again")
	other := want
	other.Digest[9]++
	require.ErrorIs(t, s.SaveIntent(t.Context(), other), signing.ErrOtherIntent)
	have, found, err := open().Signing(t.Context(), walletA, 900)
	require.NoError(t, err)
	require.True(t, found)
	want.Attempts, want.Blames = []signing.Attempt{}, []signing.Blame{}
	require.Equal(t, want, have)
}

func testAttempts(t *testing.T, open func() *Store) {
	s := open()
	at := window(1).Block
	require.ErrorIs(t, s.BeginAttempt(t.Context(), walletA, at, 1), ErrNotFound)
	require.ErrorIs(t, s.EndAttempt(t.Context(), walletA, at, signing.Attempt{}, nil), ErrNotFound)
	require.NoError(t, s.SaveIntent(t.Context(), intent(1)))
	require.NoError(t, s.BeginAttempt(t.Context(), walletA, at, 2))
	require.NoError(t, s.BeginAttempt(t.Context(), walletA, at, 1), "an earlier one changes nothing")

	first := signing.Attempt{
		Number: 2, Begun: 985, Ended: 990, Coordinator: mallory, Signers: []int{1, 2}, Active: 5, Absent: []chain.Operator{mallory},
		Silent: []chain.Operator{}, Result: signing.ResultCheated, Detail: "seat 2 \x00 \xff",
	}
	blame := signing.Blame{Attempt: 2, Operator: mallory, Seat: 2, Misdeed: signing.MisdeedLists, Detail: "two lists", Proof: [][]byte{{1}, {2}}}
	require.NoError(t, s.EndAttempt(t.Context(), walletA, at, first, []signing.Blame{blame}))
	require.NoError(t, s.EndAttempt(t.Context(), walletA, at, signing.Attempt{Number: 2, Active: 99}, []signing.Blame{blame}), "again")
	require.NoError(t, s.EndAttempt(t.Context(), walletA, at, signing.Attempt{Number: 3, Active: 8, Whole: true, Result: signing.ResultSigned}, nil))
	have, _, err := open().Signing(t.Context(), walletA, at)
	require.NoError(t, err)
	require.EqualValues(t, 3, have.Begun)
	require.Len(t, have.Attempts, 2)
	first.Detail = have.Attempts[0].Detail
	require.Contains(t, first.Detail, "seat 2")
	require.Equal(t, first, have.Attempts[0])
	require.Equal(t, []signing.Blame{blame}, have.Blames)
	newest, whole := have.Newest()
	require.True(t, whole)
	require.Equal(t, 8, newest.Active)
}

func testSigned(t *testing.T, open func() *Store) {
	s := open()
	at := window(1).Block
	hash := signer.Digest{4, 5}
	require.ErrorIs(t, s.SaveSigned(t.Context(), walletA, at, signing.Success{Raw: []byte{1}, TxHash: hash, At: 990}), ErrNotFound, "an intent comes first")
	require.NoError(t, s.SaveIntent(t.Context(), intent(1)))
	require.Error(t, s.SaveSigned(t.Context(), walletA, at, signing.Success{Raw: nil, TxHash: hash, At: 990}))
	require.NoError(t, s.SaveSigned(t.Context(), walletA, at, signing.Success{Raw: []byte{1, 2}, TxHash: hash, At: 990}))
	attempt := signing.Attempt{Number: 2, Active: 7, Result: signing.ResultSigned}
	require.NoError(t, s.SaveSigned(t.Context(), walletA, at, signing.Success{Raw: []byte{3}, TxHash: signer.Digest{6}, At: 991, Attempt: &attempt}))
	again := signing.Attempt{Number: 2, Active: 99}
	require.NoError(t, s.SaveSigned(t.Context(), walletA, at, signing.Success{Raw: []byte{4}, At: 992, Attempt: &again}))
	have, _, err := open().Signing(t.Context(), walletA, at)
	require.Len(t, have.Attempts, 1)
	require.Equal(t, 7, have.Attempts[0].Active)
	require.EqualValues(t, 2, have.Begun)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 2}, have.Signed)
	require.Equal(t, hash, have.TxHash)
	require.EqualValues(t, 990, have.FinishedAt)
}

func testSignings(t *testing.T, open func() *Store) {
	s := open()
	for n := uint64(1); n <= 5; n++ {
		require.NoError(t, s.SaveIntent(t.Context(), intent(n)))
	}
	theirs := intent(2)
	theirs.Wallet = walletB
	require.NoError(t, s.SaveIntent(t.Context(), theirs))
	blame := signing.Blame{Attempt: 1, Operator: mallory, Misdeed: signing.MisdeedBundles, Proof: [][]byte{{1}, {2}}}
	require.NoError(t, s.EndAttempt(t.Context(), walletA, window(3).Block, signing.Attempt{Number: 1, Active: 7, Whole: true}, []signing.Blame{blame}))
	all, err := s.Signings(t.Context(), walletA, window(5).Block, 3)
	require.NoError(t, err)
	newest, ok := all[1].Newest()
	require.True(t, ok)
	require.Equal(t, 7, newest.Active)
	var windows []chain.Height
	for _, s := range all {
		require.Equal(t, walletA, s.Wallet)
		require.Empty(t, s.Blames, "thousands of rows are read at once, and a cheat decides how long a proof is")
		windows = append(windows, s.Window)
	}
	require.Equal(t, []chain.Height{3600, 2700, 1800}, windows)
}

func testInactivity(t *testing.T, open func() *Store) {
	s := open()
	require.NoError(t, s.SaveInactivity(t.Context(), walletA, 900, signing.Absence{Seats: []chain.Seat{2, 200, 255}, Operators: []chain.Operator{mallory, {2}}}, 990))
	require.NoError(t, s.SaveInactivity(t.Context(), walletA, 900, signing.Absence{}, 991), "the first one stays")
	require.NoError(t, s.SaveInactivity(t.Context(), walletB, 1800, signing.Absence{}, 1900))
	for _, want := range []Inactive{
		{Wallet: walletA, Window: 900, Seats: []chain.Seat{2, 200, 255}, Operators: []chain.Operator{mallory, {2}}, NotedAt: 990},
		{Wallet: walletB, Window: 1800, NotedAt: 1900},
	} {
		have, found, err := open().InactivityOf(t.Context(), want.Wallet, want.Window)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, want, have)
	}
	_, found, err := open().InactivityOf(t.Context(), walletA, 1800)
	require.NoError(t, err)
	require.False(t, found, "it is another wallet's")
}

// What was signed goes with its window's action, but for transactions, also such that were never signed: signers want to be told
// of them when their outputs are spent once more.
func TestWhatWasSignedIsKeptAsLongAsItsActionAndTransactionsForEver(t *testing.T) {
	for name, make := range engines {
		t.Run(name, func(t *testing.T) {
			s := make(t, Retention{Windows: 3, Evidence: 6})()
			for n := uint64(1); n <= 10; n++ {
				require.NoError(t, s.OpenWindow(t.Context(), opened(n)))
				r := agreed(walletA, n)
				record(t, s, r)
				what := intent(n)
				if n > 4 || n == 1 { // heartbeats, but for windows 2 to 4, of which the third came to no signature
					what.Intent.Transaction = nil
				}
				require.NoError(t, s.SaveIntent(t.Context(), what))
				if n == 2 || n == 4 {
					require.NoError(t, s.SaveSigned(t.Context(), walletA, r.Window.Block, signing.Success{Raw: []byte{1}, TxHash: signer.Digest{byte(n)}, At: 1}))
				}
				require.NoError(t, s.SaveInactivity(t.Context(), walletA, r.Window.Block, signing.Absence{}, 1))
				require.NoError(t, s.FinishAction(t.Context(), walletA, r.Window.Block, "ok", "", r.Window.End))
			}
			require.NoError(t, s.Prune(t.Context(), window(10).End))
			require.NoError(t, s.Prune(t.Context(), window(10).End), "with nothing to do")
			require.Equal(t, []int64{2, 3, 4, 8, 9, 10}, numbers(t, s, `SELECT block / 900 FROM signings ORDER BY 1`))
			require.Equal(t, []int64{8, 9, 10}, numbers(t, s, `SELECT block / 900 FROM actions ORDER BY 1`))
			require.Equal(t, []int64{5, 6, 7, 8, 9, 10}, numbers(t, s, `SELECT block / 900 FROM inactivity ORDER BY 1`))
		})
	}
}

// An instance that lost its wallet writes nothing about a signature of it.
func TestSigningsAreWrittenUnderTheFence(t *testing.T) {
	for name, make := range engines {
		t.Run(name, func(t *testing.T) {
			s := make(t, Retention{})()
			fence := given(t, s, joined(t, s, "a"), walletA)
			served := fence
			pen := s.Under(func(w chain.WalletID) (cluster.Fence, error) {
				if w != walletA {
					return cluster.Fence{}, chain.ErrNotServed
				}
				return served, nil
			})
			at := window(1).Block
			require.NoError(t, pen.SaveIntent(t.Context(), intent(1)))
			require.NoError(t, pen.BeginAttempt(t.Context(), walletA, at, 1))
			served.Epoch++ // as if it had been another's since
			for _, err := range []error{
				pen.SaveIntent(t.Context(), intent(2)),
				pen.BeginAttempt(t.Context(), walletA, at, 2),
				pen.EndAttempt(t.Context(), walletA, at, signing.Attempt{Number: 1}, nil),
				pen.SaveSigned(t.Context(), walletA, at, signing.Success{Raw: []byte{1}, TxHash: signer.Digest{}, At: 990}),
				pen.SaveInactivity(t.Context(), walletA, at, signing.Absence{}, 990),
			} {
				require.ErrorIs(t, err, cluster.ErrFenced)
			}
			theirs := intent(1)
			theirs.Wallet = walletB
			require.ErrorIs(t, pen.SaveIntent(t.Context(), theirs), chain.ErrNotServed)
			have, _, err := pen.Signing(t.Context(), walletA, at)
			require.NoError(t, err)
			require.EqualValues(t, 1, have.Begun)
			require.Empty(t, have.Attempts)
			require.Zero(t, have.FinishedAt)
			_, found, err := pen.Signing(t.Context(), walletA, window(2).Block)
			require.NoError(t, err)
			require.False(t, found)
		})
	}
}

func TestADamagedRowOfSignersIsAnErrorNotAPanic(t *testing.T) {
	for damage, read := range map[string]func(s *Store) error{
		`UPDATE signings SET document = '{'`:        readSigning,
		`UPDATE signings SET absent = '{}'`:         readSigning,
		`UPDATE signings SET culprits = 'x'`:        readSigning,
		`UPDATE signings SET tx_hash = x'01'`:       readSigning,
		`UPDATE inactivity SET operators = x'0102'`: readInactivity,
		`UPDATE keygens SET acceptances = x'ff'`:    readKeygens,
		`UPDATE keygens SET wallet = x'0102'`:       readKeygens,
		`UPDATE shares SET wallet = x'0102'`:        readShares,
		`UPDATE shares SET created = 'x'`:           readShares,
		`UPDATE backends SET since = 'x'`:           readWords,
		`UPDATE signings SET begun_at = -1`:         readSigning,
		`UPDATE inactivity SET noted_at = 'sunday'`: readInactivity,
		`UPDATE keygens SET created = x'00'`:        readKeygens,
		`UPDATE signings SET intent = zeroblob(32)`: nil, // not damage: it can be read
		`DELETE FROM changes WHERE topic='signers'`: func(s *Store) error { return s.Abandon(context.Background(), sessionID(1)) },
	} {
		t.Run(damage, func(t *testing.T) {
			s := openAt(t, t.TempDir(), Retention{})
			require.NoError(t, s.SaveIntent(t.Context(), intent(1)))
			require.NoError(t, s.SaveInactivity(t.Context(), walletA, 900, signing.Absence{Operators: []chain.Operator{mallory}}, 1))
			require.NoError(t, s.AddKeygen(t.Context(), keygen.Row{Session: sessionID(1), State: keygen.Invited}))
			_, err := s.Assign(t.Context(), sessionID(1), "a", placement.Derived)
			require.NoError(t, err)
			_, err = s.Identify(t.Context(), "a", "one")
			require.NoError(t, err)
			_, err = s.writes.db.ExecContext(t.Context(), damage)
			require.NoError(t, err)
			if read == nil {
				require.NoError(t, readSigning(s))
				return
			}
			require.ErrorIs(t, read(s), ErrCorrupt)
		})
	}
}

func readSigning(s *Store) error {
	_, err := s.Signings(context.Background(), walletA, 1800, 10)
	_, _, one := s.Signing(context.Background(), walletA, 900)
	return errors.Join(err, one)
}

func readInactivity(s *Store) error {
	_, _, err := s.InactivityOf(context.Background(), walletA, 900)
	return err
}

func readKeygens(s *Store) error {
	_, _, err := s.Keygen(context.Background(), sessionID(1))
	return err
}

func readShares(s *Store) error {
	_, err := s.Assignments(context.Background())
	return err
}

func readWords(s *Store) error {
	_, err := s.Words(context.Background())
	return err
}
