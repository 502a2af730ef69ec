package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// evidenceSuite is what every engine must do alike with evidence.
var evidenceSuite = map[string]func(t *testing.T, open func() attester){
	"what is on record is attested":                         testDraft,
	"heads are a chain, also after a restart":               testHeadChain,
	"one head wins":                                         testOneHead,
	"a head is not stored over what has changed":            testStaleDraft,
	"silence bars signing and proposing":                    testBar,
	"what was acted on is not attested as silent":           testNotSilent,
	"a head that was stored and not sent is sent as it is":  testUnsent,
	"a gap is filled once":                                  testFill,
	"heads below a filled gap can be opened after a start":  testOpenAfterFill,
	"a head lost with data bars its window":                 testLost,
	"heads of others":                                       testOthersHeads,
	"differences":                                           testDifferences,
	"quotes are bounded":                                    testQuotes,
	"two statements are proved when the second one arrives": testProofOfStatements,
	"a misdeed has one proof":                               testProofs,
	"long proofs of one operator are bounded":               testLongProofs,
	"who has a proof is written once":                       testHolders,
	"no culprit keeps others from being told of":            testUntold,
	"proofs of long ago are bounded":                        testLateProofs,
	"a proof and its fault name each other":                 testFaultsProof,
}

func TestEvidence(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, run := range evidenceSuite {
				t.Run(name, func(t *testing.T) { run(t, attesting(t, way.make(t, Retention{}), way.alone)) })
			}
		})
	}
}

func testDraft(t *testing.T, open func() attester) {
	s := open()
	spoken, silentOne, late, own, doubled, unfinished := commonWallet(t, 10), commonWallet(t, 11), commonWallet(t, 12), commonWallet(t, 13), commonWallet(t, 14), commonWallet(t, 15)
	s.serve(t, spoken, silentOne, late, own, doubled, unfinished)
	foreign, err := chain.NewWallet(commonWallet(t, 16).Key(), []chain.Operator{operator(9)})
	require.NoError(t, err)
	require.NoError(t, s.ImportWallet(t.Context(), foreign, noon))

	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, spoken, 1, 1)))
	tardy := said(t, 2, late, 1, 1)
	tardy.ArrivedAt = window(1).ActiveEnd
	require.NoError(t, s.SaveStatement(t.Context(), tardy))
	mine := payloadOf(ourKey, own, 1, 1)
	_, err = s.SaveOwn(t.Context(), own.ID(), 900, coordination.OwnProposal{Payload: mine, Envelope: []byte("sent"), SentAt: 901})
	require.NoError(t, err)
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, doubled, 1, 1)))
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, doubled, 1, 2)))
	for _, w := range []chain.Wallet{spoken, silentOne, late, doubled} {
		record(t, s.Store, ended(w, 1, operator(2)))
	}
	record(t, s.Store, ended(own, 1, operator(ourKey)))
	record(t, s.Store, ended(foreign, 1, operator(9)))
	_, err = s.Begin(t.Context(), unfinished.ID(), window(1), 901)
	require.NoError(t, err)

	d, err := s.log.drafted(t, 900)
	require.NoError(t, err)
	require.Len(t, d.Wallets, 6)
	got := map[chain.WalletID]evidence.Entry{}
	for _, e := range d.New {
		got[e.Wallet] = e
	}
	heard := said(t, 2, spoken, 1, 1)
	require.Equal(t, map[chain.WalletID]evidence.Entry{
		spoken.ID():    {Wallet: spoken.ID(), Window: 900, Status: evidence.Said, Leader: operator(2), Sender: operator(2), Statement: heard.Digest},
		silentOne.ID(): {Wallet: silentOne.ID(), Window: 900, Status: evidence.None, Leader: operator(2)},
		late.ID():      {Wallet: late.ID(), Window: 900, Status: evidence.Late, Leader: operator(2), Sender: operator(2), Statement: tardy.Digest},
		own.ID():       {Wallet: own.ID(), Window: 900, Status: evidence.Said, Leader: operator(1), Sender: operator(1), Statement: statementOf(t, said(t, ourKey, own, 1, 1)).Digest},
		doubled.ID():   {Wallet: doubled.ID(), Window: 900, Status: evidence.Twice, Leader: operator(2), Sender: operator(2)},
	}, got)
	envelope, there, err := s.log.Own(t.Context(), own.ID(), 900)
	require.NoError(t, err)
	require.True(t, there)
	require.Equal(t, []byte("sent"), envelope)
	_, err = s.log.drafted(t, 901)
	require.ErrorContains(t, err, "no window begins")
}

func testStaleDraft(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	attest(t, s.log, 1)
	record(t, s.Store, ended(w, 2, operator(2)))
	d, err := s.log.drafted(t, 1800)
	require.NoError(t, err)
	_, filled, err := s.log.Fill(t.Context(), statementOf(t, said(t, 2, w, 1, 1)), 2000)
	require.NoError(t, err)
	require.True(t, filled)
	require.ErrorIs(t, s.log.settle(t, d, signedOf(t, s.log, d)), exchange.ErrStale)
	attest(t, s.log, 2)
}

func testBar(t *testing.T, open func() attester) {
	s := open()
	w, free := commonWallet(t, 10), commonWallet(t, 11)
	s.serve(t, w, free)
	record(t, s.Store, ended(w, 1, operator(2)))
	require.NoError(t, s.SaveStatement(t.Context(), said(t, 2, free, 1, 1)))
	record(t, s.Store, ended(free, 1, operator(2)))
	attest(t, s.log, 1)

	barred := intent(1)
	barred.Wallet = w.ID()
	allowed := barred
	allowed.Wallet = free.ID()
	save := s.SaveIntent
	if s.sibling != nil {
		save = s.sibling.pen.SaveIntent
	}
	require.ErrorIs(t, save(t.Context(), barred), signing.ErrBarred)
	_, there, err := s.Signing(t.Context(), w.ID(), 900)
	require.NoError(t, err)
	require.False(t, there)
	require.NoError(t, save(t.Context(), allowed))
	own := coordination.OwnProposal{Payload: payloadOf(ourKey, w, 1, 1), Envelope: []byte{1}}
	if s.sibling == nil {
		_, err = s.SaveOwn(t.Context(), w.ID(), 900, own)
		require.ErrorIs(t, err, signing.ErrBarred)
	} else {
		fence, err := s.sibling.prove(w.ID())
		require.NoError(t, err)
		_, err = s.Claim(t.Context(), fence, 900)
		require.NoError(t, err)
		_, err = s.SaveProposal(t.Context(), fence, 900, own)
		require.ErrorIs(t, err, signing.ErrBarred)
		require.ErrorIs(t, err, cluster.ErrDoubtful, "whoever asks stops asking")
	}

	// A gap that was filled stays barred: the operator told that it had heard nothing.
	_, filled, err := s.log.Fill(t.Context(), statementOf(t, said(t, 2, w, 1, 1)), 1500)
	require.NoError(t, err)
	require.True(t, filled)
	require.ErrorIs(t, save(t.Context(), barred), signing.ErrBarred)
}

func testNotSilent(t *testing.T, open func() attester) {
	s := open()
	w := commonWallet(t, 10)
	s.serve(t, w)
	record(t, s.Store, ended(w, 1, operator(2)))
	d, err := s.log.drafted(t, 900)
	require.NoError(t, err)
	require.Equal(t, evidence.None, d.New[0].Status)
	what := intent(1)
	what.Wallet = w.ID()
	require.NoError(t, s.SaveIntent(t.Context(), what))
	require.ErrorIs(t, s.log.settle(t, d, signedOf(t, s.log, d)), exchange.ErrStale, "it acted meanwhile")
	d, err = s.log.drafted(t, 900)
	require.NoError(t, err)
	require.Empty(t, d.New, "of an act without a statement on record nothing is attested")
	require.NoError(t, s.log.settle(t, d, signedOf(t, s.log, d)))
	require.NoError(t, s.SaveIntent(t.Context(), what), "again")
}
