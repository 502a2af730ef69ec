package keygen_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/vault"
)

// vaulted is a circle whose backends are real.
func vaulted(t *testing.T, n int) (*hub, []*member) {
	h, all := circle(t, n)
	for _, m := range all {
		dir := t.TempDir()
		password := filepath.Join(dir, "password")
		require.NoError(t, os.WriteFile(password, []byte("correct horse"), 0o600))
		unlock(m, vault.Config{Dir: filepath.Join(dir, "vault"), PasswordFile: password, Version: "test", Work: 10})
		t.Cleanup(func() { require.NoError(t, m.shelf.backend.(*vault.Vault).Close()) })
	}
	return h, all
}

func unlock(m *member, cfg vault.Config) {
	m.t.Helper()
	v, err := vault.Open(m.t.Context(), cfg)
	require.NoError(m.t, err)
	m.shelf.backend, m.vault, m.judge = v, cfg, vault.Judge
}

// agree demands that all real backends hold the active key of one wallet, each its own seats.
func agree(t *testing.T, all []*member, session signer.SessionID) {
	t.Helper()
	first := all[0].status(session)
	for _, m := range all {
		st := m.status(session)
		require.Equal(t, keygen.Active, st.State, st.Detail)
		require.Equal(t, first.Wallet, st.Wallet)
		key, err := m.shelf.backend.Key(t.Context(), st.Wallet)
		require.NoError(t, err)
		require.Equal(t, signer.KeyActive, key.State)
		require.Equal(t, st.Seats, key.Seats)
		record, err := keygen.MakeRecord(key.Roster, st.Attestations)
		require.NoError(t, err)
		read, err := keygen.ReadRecord(record, st.Invited.Roster)
		require.NoError(t, err)
		require.NoError(t, read.Matches(key))
	}
}

func TestVaultsGenerateOneWallet(t *testing.T) {
	for _, test := range []struct {
		threshold int
		seats     []int
	}{{2, []int{1, 1, 1}}, {4, []int{3, 2, 2}}, {2, []int{2}}} {
		synctest.Test(t, func(t *testing.T) {
			_, all := vaulted(t, len(test.seats))
			agree(t, all, create(t, all, test.threshold, test.seats...))
		})
	}
}

func TestVaultsGenerateECDSAWallet(t *testing.T) {
	if testing.Short() || bubble.Watched {
		t.Skip("CMP takes half a minute of a processor; run without -short and -race")
	}
	synctest.Test(t, func(t *testing.T) {
		_, all := vaulted(t, 3)
		session, err := all[0].service.Create(t.Context(), keygen.Request{Roster: rosterOf(1, 1, 1), Threshold: 2, Scheme: signer.CMP})
		require.NoError(t, err)
		synctest.Wait()
		for _, m := range all[1:] {
			require.NoError(t, m.service.Accept(t.Context(), session))
		}
		synctest.Wait()
		agree(t, all, session)
	})
}

// bendBundle changes what operator 2 says to operator 3 in one round.
func bendBundle(h *hub, round uint32, change func(*pb.SignerBundle)) {
	h.bend = func(from, to chain.Operator, data []byte) []byte {
		m := new(pb.SignerMessage)
		if from != operator(2) || to != operator(3) || proto.Unmarshal(data, m) != nil || m.GetBundle().GetRound() != round {
			return data
		}
		change(m.GetBundle())
		data, err := proto.Marshal(m)
		if err != nil {
			return nil
		}
		return data
	}
}

// What one operator tells another differs from what it tells the rest: its two messages prove it, and nobody has a wallet.
func TestVaultsProveSplitCommitments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := vaulted(t, 4)
		// Another key generation of the same operators gives commitments that are sound, and other ones.
		var sound []*pb.SignerParcel
		bendBundle(h, 1, func(b *pb.SignerBundle) { sound = b.GetParcels() })
		other := create(t, all, 3, 1, 1, 1, 1)
		agree(t, all, other)
		require.NotEmpty(t, sound)
		bendBundle(h, 1, func(b *pb.SignerBundle) { b.Parcels = sound })
		session := create(t, all, 3, 1, 1, 1, 1)
		time.Sleep(time.Minute)
		for _, i := range []int{0, 2, 3} {
			st := all[i].status(session)
			require.Equal(t, keygen.Failed, st.State)
			require.Len(t, st.Proof, 2, "%d: %s", i, st.Detail)
			requireSplit(t, session, operator(2), st.Proof)
			require.Len(t, all[i].shelf.imported(), 1, "the other wallet")
		}
	})
}

// A share that does not open names its dealer, to everybody: the receiver's vault opens it.
func TestVaultsNameWhoSendsAWrongShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := vaulted(t, 3)
		h.bend = bending(2, 2, func(m *pb.SignerMessage) {
			for _, p := range m.GetBundle().GetParcels() {
				if to := operator(3); string(p.GetTo()) == string(to[:]) {
					p.Data[len(p.GetData())-1] ^= 1
				}
			}
		})
		session := create(t, all, 2, 1, 2, 1)
		time.Sleep(time.Hour)
		provenToAll(t, []*member{all[0], all[2]}, session, 2, "what it cannot use")
	})
}

// Several send wrong shares to several operators: each is named to everybody, whoever complains first.
func TestVaultsNameAllWhoSendWrongShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := vaulted(t, 5)
		h.bend = func(from, to chain.Operator, data []byte) []byte {
			for dealer, victim := range map[int]int{1: 4, 2: 4, 3: 5} {
				receiver := operator(victim)
				data = bending(dealer, 2, func(m *pb.SignerMessage) {
					for _, p := range m.GetBundle().GetParcels() {
						if string(p.GetTo()) == string(receiver[:]) {
							p.Data[len(p.GetData())-1] ^= 1
						}
					}
				})(from, to, data)
			}
			return data
		}
		session := create(t, all, 3, 1, 2, 1, 2, 1)
		wrong := "what it cannot use"
		several(t, all[3:], session, map[int]string{1: wrong, 2: wrong, 3: wrong})
	})
}

// Who tells one operator that the share is another one than it tells the rest contradicts itself: no need to open anything.
func TestVaultsProveSplitShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := vaulted(t, 3)
		bendBundle(h, 2, func(b *pb.SignerBundle) {
			for _, p := range b.GetParcels() {
				if to := operator(3); string(p.GetTo()) == string(to[:]) {
					p.Data[len(p.GetData())-1] ^= 1
				}
			}
		})
		session := create(t, all, 2, 1, 1, 1)
		time.Sleep(time.Hour)
		for _, m := range []*member{all[0], all[2]} {
			st := m.status(session)
			require.Equal(t, keygen.Failed, st.State)
			require.Contains(t, st.Detail, operator(2).String())
			require.NotContains(t, st.Detail, operator(3).String()+" says", "the receiver is honest")
			require.NotEmpty(t, st.Proof)
		}
		require.Contains(t, all[0].status(session).Detail, "said two different things in round 2")
	})
}

// A vault that restarts between the rounds has lost its secrets: the key generation fails, and is begun anew.
func TestVaultRestartedBetweenRoundsFailsCleanly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, all := vaulted(t, 3)
		silent := true
		h.bend = func(from, _ chain.Operator, data []byte) []byte { // operator 1's round 2 does not get through
			m := new(pb.SignerMessage)
			if silent && from == operator(1) && proto.Unmarshal(data, m) == nil && m.GetBundle().GetRound() == 2 {
				return nil
			}
			return data
		}
		session := create(t, all, 2, 1, 1, 1)
		require.Equal(t, keygen.Running, all[1].status(session).State)
		victim := all[1]
		victim.kill()
		require.NoError(t, victim.shelf.backend.(*vault.Vault).Close())
		unlock(victim, victim.vault)
		h.mu.Lock()
		silent = false // who opens the topic from now on hears it
		h.mu.Unlock()
		victim.start()
		synctest.Wait()
		require.Contains(t, victim.status(session).Detail, signer.ErrSessionGone.Error())
		time.Sleep(4 * 24 * time.Hour)
		for _, m := range all {
			st := m.status(session)
			require.Equal(t, keygen.Failed, st.State)
			require.Empty(t, m.shelf.imported())
		}
		agree(t, all, create(t, all, 2, 1, 1, 1))
	})
}
